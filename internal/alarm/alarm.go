// Package alarm ends what takes too long, at a fraction of what a runtime timer costs.
//
// Key words: clock, alarm, ring.
//
// A request through the gateway has several limits of seconds, sets and lifts them many times, and
// meets none of them. Each runtime timer takes its processor's lock and may wake a thread, for
// nothing. An Alarm is a number in a list that its Clock looks through twenty times a second while
// there are any; the longest delay is Late. Limits below Exact use a runtime timer. The usual path is
//
//	a := clock.Start(10*time.Second, func() { cancel(errSilent) })
//	defer a.Stop()
//	... a.Hold() ... a.Set(10 * time.Second) ...
//
// The zero Clock is ready, has no goroutine of its own and need not be closed: the timer that looks
// ends a second after the last alarm. Clocks and alarms are safe for concurrent use.
package alarm

import (
	"sync"
	"sync/atomic"
	"time"
)

const (
	// Late is how much later than its time an alarm of Exact or more rings at most, on a machine
	// that keeps up.
	Late = 50 * time.Millisecond
	// Exact is the limit below which alarms ring on time.
	Exact = 800 * time.Millisecond

	quiet = 20 // looks without an alarm after which a clock stops to look
)

// Clock rings alarms.
type Clock struct {
	mu    sync.Mutex
	first *Alarm
	base  time.Time // of the times that are kept as numbers; zero before the first alarm
	timer *time.Timer
	empty int  // looks without an alarm in a row
	looks bool // the timer is set
}

// Alarm is one limit.
type Alarm struct {
	clock *Clock
	ring  func()
	base  time.Time
	due   atomic.Int64 // nanoseconds after base; 0: held

	// Guarded by clock.mu.
	prev, next *Alarm
	listed     bool
	exact      *time.Timer // nil until a limit below Exact is set
}

// Start makes an alarm that rings after d, once, in a goroutine of the clock's. ring must not
// block: others wait for it.
func (c *Clock) Start(d time.Duration, ring func()) *Alarm {
	a := &Alarm{clock: c, ring: ring}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.base.IsZero() {
		c.base = time.Now().Add(-1)
	}
	a.base = c.base
	a.listed, a.next = true, c.first
	if c.first != nil {
		c.first.prev = a
	}
	c.first = a
	if !c.looks {
		c.looks = true
		if c.timer == nil {
			c.timer = time.AfterFunc(Late, c.look)
		} else {
			c.timer.Reset(Late)
		}
	}
	a.set(d)
	return a
}

// Set has the alarm ring after d from now, unless it has rung or was stopped.
func (a *Alarm) Set(d time.Duration) {
	if d >= Exact {
		a.due.Store(int64(time.Since(a.base) + d))
		return
	}
	a.clock.mu.Lock()
	defer a.clock.mu.Unlock()
	a.set(d)
}

// set is Set with clock.mu held.
func (a *Alarm) set(d time.Duration) {
	a.due.Store(max(1, int64(time.Since(a.base)+d)))
	if d >= Exact || !a.listed {
		return
	}
	if a.exact == nil {
		a.exact = time.AfterFunc(max(0, d), a.onTime)
	} else {
		a.exact.Reset(max(0, d))
	}
}

// Hold keeps the alarm from ringing until it is set again.
func (a *Alarm) Hold() { a.due.Store(0) }

// Stop ends the alarm. When it returns, ring has been called, is being called, or never will be.
func (a *Alarm) Stop() {
	a.clock.mu.Lock()
	defer a.clock.mu.Unlock()
	a.unlist()
}

// unlist is called with clock.mu held.
func (a *Alarm) unlist() {
	if a.exact != nil {
		a.exact.Stop()
	}
	if !a.listed {
		return
	}
	a.listed = false
	if a.prev != nil {
		a.prev.next = a.next
	} else {
		a.clock.first = a.next
	}
	if a.next != nil {
		a.next.prev = a.prev
	}
	a.prev, a.next = nil, nil
}

// late says whether the alarm's time has come.
func (a *Alarm) late() bool {
	due := a.due.Load()
	return due != 0 && time.Since(a.base) >= time.Duration(due)
}

// onTime is for limits below Exact.
func (a *Alarm) onTime() {
	a.clock.mu.Lock()
	rings := a.listed && a.late()
	if rings {
		a.unlist()
	}
	a.clock.mu.Unlock()
	if rings {
		a.ring()
	}
}

// look rings what is late, and comes again.
func (c *Clock) look() {
	for _, a := range c.late() {
		a.ring()
	}
}

// late takes the alarms whose time has come out of the list.
func (c *Clock) late() []*Alarm {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []*Alarm
	for a := c.first; a != nil; {
		next := a.next
		if a.late() {
			a.unlist()
			out = append(out, a)
		}
		a = next
	}
	c.empty++
	if c.first != nil {
		c.empty = 0
	}
	if c.empty >= quiet {
		c.looks, c.empty = false, 0
		return out
	}
	c.timer.Reset(Late)
	return out
}
