package main

import (
	"fmt"
	"io"
	"strings"
	"sync"
	"time"

	"stylesprint/engine/hub"
)

// progress shows long work: a bar on a terminal, a line every ten seconds
// elsewhere, nothing with --quiet or in the first two seconds. It is safe for
// concurrent use and has no goroutine of its own.
type progress struct {
	out   io.Writer
	now   func() time.Time
	tty   bool
	quiet bool

	mu    sync.Mutex
	label string
	unit  string    // "B" prints as kB and MB; anything else as it is
	start time.Time // of the whole work
	since time.Time // of what label names
	last  time.Time
	shown bool
	// base is what was done already when this start began; -1 until it is known.
	base int64
}

func (a *app) progress(label, unit string) *progress {
	t := a.now()
	return &progress{out: a.stderr, now: a.now, tty: terminal(a.stderr), quiet: a.quiet, label: label, unit: unit, start: t, since: t, last: t, base: -1}
}

const (
	progressAfter = 2 * time.Second
	progressEvery = 10 * time.Second
	barEvery      = 100 * time.Millisecond
)

// hub shows the stages of a model's fetch.
func (p *progress) hub(h hub.Progress) {
	switch h.Stage {
	case hub.Waiting:
		p.say("%s: waiting for another process that fetches it", h.Model)
	case hub.Downloading, hub.Unpacking, hub.Verifying:
		p.relabel(fmt.Sprintf("%s %s", h.Model, h.Stage))
		p.update(h.Done, h.Total)
	case hub.Connecting:
		p.relabel(fmt.Sprintf("%s from %s", h.Model, h.Source))
		p.update(h.Done, h.Total)
	}
}

// relabel names what is under way; a new name starts a new rate.
func (p *progress) relabel(label string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.label != label {
		p.label, p.since = label, p.now()
	}
}

// rename names what is under way without starting a new rate.
func (p *progress) rename(label string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.label = label
}

// resume tells what earlier starts have done, which is not part of the rate. Only the first
// call counts.
func (p *progress) resume(done int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.base < 0 {
		p.base, p.since = max(0, done), p.now()
	}
}

// update tells how far the work is; total 0 means unknown.
func (p *progress) update(done, total int64) {
	p.mu.Lock()
	defer p.mu.Unlock()
	t := p.now()
	every := progressEvery
	if p.tty {
		every = barEvery
	}
	if p.quiet || t.Sub(p.start) < progressAfter || (p.shown && t.Sub(p.last) < every) || (!p.tty && t.Sub(p.last) < every) {
		return
	}
	p.last, p.shown = t, true
	line := p.line(done, total, t)
	if p.tty {
		fmt.Fprintf(p.out, "\r\x1b[K%s", line)
	} else {
		fmt.Fprintln(p.out, line)
	}
}

// say prints a line beside the progress.
func (p *progress) say(format string, a ...any) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.quiet {
		return
	}
	if p.tty && p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
	fmt.Fprintf(p.out, format+"\n", a...)
}

// end clears the bar.
func (p *progress) end() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.tty && p.shown {
		fmt.Fprint(p.out, "\r\x1b[K")
	}
	p.shown = false
}

func (p *progress) line(done, total int64, t time.Time) string {
	rate := float64(done-max(0, p.base)) / max(t.Sub(p.since).Seconds(), 1e-3)
	if total <= 0 {
		return fmt.Sprintf("%s  %s  %s/s", p.label, p.amount(float64(done)), p.amount(rate))
	}
	const wide = 24
	full := int(min(wide, wide*done/total))
	left := "?"
	if rate > 0 {
		left = (time.Duration(float64(total-done)/rate) * time.Second).String()
	}
	return fmt.Sprintf("%s  [%s%s] %3d %%  %s of %s  %s/s  %s left", p.label, strings.Repeat("=", full), strings.Repeat(" ", wide-full),
		100*done/total, p.amount(float64(done)), p.amount(float64(total)), p.amount(rate), left)
}

func (p *progress) amount(v float64) string {
	if p.unit != "B" {
		if v < 10 && v != float64(int64(v)) {
			return fmt.Sprintf("%.1f", v)
		}
		return fmt.Sprintf("%.0f", v)
	}
	switch {
	case v >= 1e9:
		return fmt.Sprintf("%.2f GB", v/1e9)
	case v >= 1e6:
		return fmt.Sprintf("%.1f MB", v/1e6)
	}
	return fmt.Sprintf("%.0f kB", v/1e3)
}
