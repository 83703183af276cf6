package route

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"stylesprint"
	"stylesprint/generate"
)

// probesOut is how many probes in a row must fail before a target that nobody asks is taken out.
const probesOut = 2

// probe is what the health probes of a target have told.
type probe struct {
	at      time.Time // of the latest; zero: none yet
	err     error
	failed  int       // in a row
	retires time.Time // as the model list tells it
	listed  bool      // whether the list, if there was one, names the model
}

func (s *state) lastProbe() probe {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.probe
}

// retires is when the model goes: what is configured, or else what the provider's list tells.
func (t *target) retires() time.Time {
	if !t.Retires.IsZero() {
		return t.Retires
	}
	return t.lastProbe().retires
}

// Run probes targets until ctx ends, and then returns nil, after its probes have ended. Targets
// that answered requests meanwhile are not probed, nor those whose client is no Prober.
func (r *Router) Run(ctx context.Context) error {
	if r.o.ProbeInterval < 0 {
		<-ctx.Done()
		return nil
	}
	r.probeAll(ctx, true)
	tick := time.NewTicker(r.o.ProbeInterval)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
			r.probeAll(ctx, false)
		}
	}
}

// probeAll probes every target that needs it, all at once, and waits for them. The first time
// it is each of them, for the dates in the model lists.
func (r *Router) probeAll(ctx context.Context, first bool) {
	var all sync.WaitGroup
	now := r.o.Now()
	for _, t := range r.table.Load().targets {
		p, ok := t.Client.(Prober)
		idle := now.Sub(time.Unix(0, t.lastUsed.Load())) >= r.o.ProbeInterval
		if !ok || !(first || idle || !t.breaker.IsClosed() || t.lastProbe().at.IsZero()) {
			continue
		}
		all.Go(func() { r.probe(ctx, t, p) })
	}
	all.Wait()
}

func (r *Router) probe(outer context.Context, t *target, p Prober) {
	ctx, cancel := context.WithTimeout(outer, r.o.ProbeTimeout)
	defer cancel()
	models, err := p.Models(ctx)
	if outer.Err() != nil {
		return
	}
	if err != nil && !gone(err) {
		err = nil // it is there, and has no such list
		models = nil
	}
	t.mu.Lock()
	t.probe.at, t.probe.err = r.o.Now(), err
	t.probe.failed++
	if err == nil {
		t.probe.failed = 0
		t.probe.note(models, t.Model)
	}
	failed := t.probe.failed
	t.mu.Unlock()
	switch {
	case err == nil:
		t.barred.Store(0)
		if t.breaker.IsOpen() {
			t.breaker.HalfOpen()
		}
	case failed >= probesOut || t.breaker.IsOpen():
		// Until the next probe can have told more, no request need find out.
		t.barred.Store(r.o.Now().Add(r.o.ProbeInterval + r.o.ProbeTimeout).UnixNano())
		if failed == probesOut {
			r.o.Log.LogAttrs(ctx, slog.LevelWarn, "probes fail", slog.String(keyTarget, t.Name), slog.String(keyCode, string(stylesprint.CodeOf(err))))
		}
	}
}

// note takes from a model list what it says of the target's model.
func (p *probe) note(models []generate.ModelInfo, name string) {
	p.listed = len(models) == 0
	for _, m := range models {
		if m.Ref.Name == name || name == "" && len(models) == 1 {
			p.listed, p.retires = true, m.Retires
		}
	}
}

// gone is true for errors that say that a server is not there or in trouble. One without a
// model list, or that does not show it, is there.
func gone(err error) bool {
	switch stylesprint.CodeOf(err) {
	case stylesprint.CodeUnavailable, stylesprint.CodeTimeout, stylesprint.CodeUpstream, stylesprint.CodeCancelled, stylesprint.CodeInternal:
		return true
	}
	return false
}
