package route_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/gateway/route"
	"stylesprint/generate"
)

// A target that is out is let in by a probe that succeeds; one that nobody asks is taken out by two that fail.
func TestProbes(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var fault error
	set := func(err error) { mu.Lock(); fault = err; mu.Unlock() }
	retires := time.Date(2027, 3, 1, 0, 0, 0, 0, time.UTC)
	a, b := plays(fail(down)), plays(say("b"))
	models := func(context.Context) ([]generate.ModelInfo, error) {
		mu.Lock()
		defer mu.Unlock()
		if fault != nil {
			return nil, fault
		}
		return []generate.ModelInfo{{Ref: stylesprint.ModelRef{Name: "other"}}, {Ref: stylesprint.ModelRef{Name: "model-a"}, Retires: retires}}, nil
	}
	a.models = models
	w := open(t, []*client{a, b}, quick(time.Hour), real, func(o *route.Options) {
		o.ProbeInterval = 10 * time.Millisecond
		o.Targets[1].Retires = retires.AddDate(1, 0, 0)
	})
	set(&stylesprint.Error{Code: down, Message: "gone"})
	ctx, cancel := context.WithCancel(t.Context())
	ran := make(chan error, 1)
	go func() { ran <- w.Run(ctx) }()
	defer func() {
		cancel()
		if err := <-ran; err != nil {
			t.Error(err)
		}
	}()
	until := func(what string, ok func() bool) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); !ok(); time.Sleep(time.Millisecond) {
			if time.Now().After(end) {
				t.Fatalf("never %s: %+v", what, w.Status().Targets)
			}
		}
	}
	until("taken out", func() bool { return w.target(t, "a").State == "open" })
	if reply, _, err := w.ask(t.Context(), true); err != nil || reply.Target != "b" || reply.Attempts != 1 || a.asked() != 0 {
		t.Errorf("%+v, error %v, %d calls", reply, err, a.asked())
	}
	if s := w.target(t, "a"); s.ProbeOK || s.ProbedAt.IsZero() || w.metric(t, "target_state", "target", "a") != 2 || w.metric(t, "target_probe_success", "target", "a") != 0 {
		t.Errorf("%+v", s)
	}
	set(nil)
	until("back", func() bool { return w.target(t, "a").State == "closed" })
	for range 4 { // its breaker opens, for an hour
		_, _, _ = w.ask(t.Context(), true)
	}
	until("let in for a trial", func() bool { return w.target(t, "a").State == "half-open" })
	a.then(say("a"))
	if reply, _, err := w.ask(t.Context(), true); err != nil || reply.Target != "a" || w.target(t, "a").State != "closed" {
		t.Errorf("%+v, error %v", reply, err)
	}
	if s := w.target(t, "a"); !s.ProbeOK || s.Unlisted || !s.Retires.Equal(retires) || w.metric(t, "target_retires_timestamp_seconds", "target", "a") != float64(retires.Unix()) {
		t.Errorf("%+v", s)
	}
	if s := w.target(t, "b"); !s.Retires.Equal(retires.AddDate(1, 0, 0)) {
		t.Errorf("the configured date: %+v", s)
	}
	// A server without a model list is there.
	set(&stylesprint.Error{Code: stylesprint.CodeNotFound, Message: "no such path"})
	before := w.target(t, "a").ProbedAt
	until("probed", func() bool { return w.target(t, "a").ProbedAt.After(before.Add(30 * time.Millisecond)) })
	if s := w.target(t, "a"); s.State != "closed" || !s.ProbeOK {
		t.Errorf("%+v", s)
	}
}

// Without an interval nothing is probed, and Run waits all the same.
func TestNoProbes(t *testing.T) {
	t.Parallel()
	a := plays(say("a"))
	w := open(t, []*client{a}, func(o *route.Options) { o.ProbeInterval = -1 })
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := w.Run(ctx); err != nil || ctx.Err() == nil || a.probes != 0 {
		t.Errorf("error %v, %d probes", err, a.probes)
	}
}

// A new configuration keeps the state of targets that stay, and calls in flight.
func TestUpdate(t *testing.T) {
	t.Parallel()
	a, b := plays(hangs("half ")), plays(say("b"))
	w := open(t, []*client{a, b}, quick(time.Hour), real)
	g := w.Generator("m")
	ctx, cancel := context.WithCancel(t.Context())
	began, ended := make(chan struct{}), make(chan error, 1)
	first := sync.OnceFunc(func() { close(began) })
	go func() {
		_, err := g.Stream(ctx, question, func(generate.Delta) error { first(); return nil })
		ended <- err
	}()
	<-began
	a.then(fail(down))
	for range 4 {
		_, _, _ = w.ask(t.Context(), true)
	}
	next := options(a, b)
	next.Targets[0].Breaker, next.Targets[1].Breaker = route.Breaker{Window: time.Minute, MinRequests: 4, ErrorRatio: 0.5, Open: time.Hour}, route.Breaker{}
	next.Routes[0].Shares[0].Release = "r2"
	next.Routes[0].Name = "m"
	bad := next.Routes[0]
	bad.Shares = nil
	if err := w.Update(next.Targets, []route.Route{bad}); err == nil || !strings.Contains(err.Error(), "routes[0].shares: none given") {
		t.Errorf("error %v", err)
	}
	if err := w.Update(next.Targets, next.Routes); err != nil {
		t.Fatal(err)
	}
	if reply, err := g.Generate(t.Context(), question); err != nil || reply.Release != "r2" || reply.Target != "b" || reply.Attempts != 1 || w.target(t, "a").State != "open" {
		t.Errorf("%+v, error %v, %+v", reply, err, w.target(t, "a"))
	}
	if w.target(t, "a").InFlight != 1 {
		t.Error("the call in flight is forgotten")
	}
	// Series of a target that is gone go too.
	only := next.Routes[0]
	only.Shares = []route.Share{{Percent: 100, Targets: next.Routes[0].Shares[0].Targets[:1]}}
	if n := w.metric(t, "attempts_total", "target", "b"); n == 0 {
		t.Error("nothing to forget")
	}
	if err := w.Update(next.Targets[:1], []route.Route{only}); err != nil {
		t.Fatal(err)
	}
	if n := w.metric(t, "attempts_total", "target", "b") + w.metric(t, "target_state", "target", "b"); n != 0 || w.metric(t, "attempts_total", "target", "a") == 0 {
		t.Errorf("series of a target that is gone: %v", n)
	}
	// Another breaker begins anew; a route that is gone says so.
	next.Targets[0].Breaker.Trials = 2
	next.Routes[0].Name = "n"
	next.Routes[0].Shares[0].Targets = next.Routes[0].Shares[0].Targets[:1]
	if err := w.Update(next.Targets[:1], next.Routes); err != nil {
		t.Fatal(err)
	}
	if _, err := g.Generate(t.Context(), question); stylesprint.CodeOf(err) != stylesprint.CodeUnavailable {
		t.Errorf("error %v", err)
	}
	if s := w.Status(); len(s.Targets) != 1 || s.Targets[0].State != "closed" || len(w.Routes()) != 1 || w.Routes()[0] != "n" {
		t.Errorf("%+v", s)
	}
	if n := w.metric(t, "attempts_total", "route", "m") + w.metric(t, "requests_total", "route", "m"); n != 0 {
		t.Errorf("series of a route that is gone: %v", n)
	}
	cancel()
	if err := <-ended; stylesprint.CodeOf(err) != stylesprint.CodeCancelled {
		t.Errorf("the call in flight: %v", err)
	}
}
