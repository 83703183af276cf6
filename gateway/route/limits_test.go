package route_test

import (
	"context"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/gateway/route"
	"stylesprint/generate"
)

// A full target is passed over; where all are full, callers are told to come back soon.
func TestConcurrency(t *testing.T) {
	t.Parallel()
	a, b := plays(hangs("")), plays(hangs(""))
	w := open(t, []*client{a, b}, func(o *route.Options) { o.Targets[0].MaxConcurrent, o.Targets[1].MaxConcurrent = 2, 1 })
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	for range 3 {
		all.Go(func() { _, _, _ = w.ask(ctx, true) })
	}
	for a.asked()+b.asked() < 3 {
		runtime.Gosched()
	}
	if a.asked() != 2 || b.asked() != 1 || w.target(t, "a").InFlight != 2 || w.metric(t, "target_in_flight") != 3 {
		t.Errorf("%d and %d calls", a.asked(), b.asked())
	}
	_, _, err := w.ask(t.Context(), true)
	var e *stylesprint.Error
	if !errors.As(err, &e) || e.Code != stylesprint.CodeRateLimited || e.RetryAfter != time.Second {
		t.Errorf("all full: error %+v", err)
	}
	if w.metric(t, "skips_total", "target", "b", "reason", "full") != 1 {
		t.Error("a full target is not counted")
	}
	cancel()
	all.Wait()
	a.then(say("a"))
	if reply, _, err := w.ask(t.Context(), true); err != nil || reply.Target != "a" || w.target(t, "a").InFlight != 0 || w.target(t, "a").Faults != 0 {
		t.Errorf("afterwards: %+v, error %v", reply, err)
	}
}

// real is the real clock.
func real(o *route.Options) { o.Now, o.Sleep = nil, nil }

// Silence before the first token moves on; silence after it ends the answer; neither without
// a caller that is told why.
func TestSilence(t *testing.T) {
	t.Parallel()
	limits := policy(route.Policy{FirstToken: 30 * time.Millisecond, Idle: 30 * time.Millisecond, Whole: 30 * time.Millisecond})
	w := open(t, []*client{plays(hangs("")), plays(say("b"))}, limits, real)
	if reply, _, err := w.ask(t.Context(), true); err != nil || reply.Target != "b" || reply.FirstToken < 30*time.Millisecond || w.target(t, "a").LastFault != stylesprint.CodeTimeout {
		t.Errorf("no first token: %+v, error %v", reply, err)
	}
	w = open(t, []*client{plays(hangs("")), plays(say("b"))}, limits, real)
	if reply, _, err := w.ask(t.Context(), false); err != nil || reply.Target != "b" {
		t.Errorf("no whole answer: %+v, error %v", reply, err)
	}
	w = open(t, []*client{plays(hangs("half an ")), plays(say("b"))}, limits, real)
	reply, seen, err := w.ask(t.Context(), true)
	if stylesprint.CodeOf(err) != stylesprint.CodeTimeout || !strings.Contains(err.Error(), "fell silent") || seen != "half an " || reply.Attempts != 1 || w.target(t, "a").Faults != 1 {
		t.Errorf("stall: %q, %+v, error %v", seen, reply, err)
	}
	// A slow reader is no silence of the target.
	w = open(t, []*client{plays(say("one two three"))}, limits, real)
	if _, err := w.Generator("m").Stream(t.Context(), question, func(generate.Delta) error {
		time.Sleep(50 * time.Millisecond)
		return nil
	}); err != nil {
		t.Errorf("slow reader: error %v", err)
	}
}

// One deadline holds all attempts and waits.
func TestDeadline(t *testing.T) {
	t.Parallel()
	w := open(t, []*client{plays(hangs("")), plays(hangs("")), plays(say("c"))}, policy(route.Policy{FirstToken: 40 * time.Millisecond, Deadline: 60 * time.Millisecond}), real)
	start := time.Now()
	reply, _, err := w.ask(t.Context(), true)
	if stylesprint.CodeOf(err) != stylesprint.CodeTimeout || !strings.Contains(err.Error(), "all attempts together") || reply.Attempts != 2 || time.Since(start) < 60*time.Millisecond {
		t.Errorf("%+v, error %v", reply, err)
	}
	// No wait is begun that would end after it.
	w = open(t, []*client{plays(fail(down))}, policy(route.Policy{Deadline: time.Second, Backoff: route.Backoff{Min: 800 * time.Millisecond, Max: 800 * time.Millisecond, Jitter: -1}}))
	if reply, _, err := w.ask(t.Context(), true); stylesprint.CodeOf(err) != down || reply.Attempts != 2 {
		t.Errorf("%+v, error %v, waits %v", reply, err, w.clock.sleeps())
	}
	// The caller's own deadline counts as well, and against a target that has said nothing.
	w = open(t, []*client{plays(hangs("")), plays(say("b"))}, real)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if reply, _, err := w.ask(ctx, true); err == nil || reply.Attempts != 1 || w.target(t, "a").Faults != 1 {
		t.Errorf("%+v, error %v", reply, err)
	}
}

// A caller that leaves ends the call at its target, and counts against nobody.
func TestCallerLeaves(t *testing.T) {
	t.Parallel()
	for _, said := range []string{"", "half an "} {
		a, b := plays(hangs(said)), plays(say("b"))
		w := open(t, []*client{a, b}, real)
		ctx, cancel := context.WithCancel(t.Context())
		go func() {
			for a.asked() == 0 {
				runtime.Gosched()
			}
			time.Sleep(5 * time.Millisecond)
			cancel()
		}()
		reply, _, err := w.ask(ctx, true)
		if stylesprint.CodeOf(err) != stylesprint.CodeCancelled || b.asked() != 0 || w.target(t, "a").Faults != 0 || reply.Attempts != 1 || reply.Text != said {
			t.Errorf("%q: %+v, error %v", said, reply, err)
		}
		if n := w.metric(t, "requests_total", "outcome", "cancelled", "release", "r1"); n != 1 {
			t.Errorf("%v requests counted as cancelled", n)
		}
	}
	// During a wait.
	ctx, leave := context.WithCancel(t.Context())
	w := open(t, []*client{plays(failAfter(stylesprint.CodeRateLimited, time.Second))}, func(o *route.Options) {
		o.Sleep = func(ctx context.Context, _ time.Duration) error {
			leave()
			<-ctx.Done()
			return ctx.Err()
		}
	})
	if reply, _, err := w.ask(ctx, true); stylesprint.CodeOf(err) != stylesprint.CodeCancelled || reply.Attempts != 1 {
		t.Errorf("during a wait: %+v, error %v", reply, err)
	}
	// An error of the caller's own comes back as it is.
	stop := errors.New("stop")
	w = open(t, []*client{plays(say("one two")), plays(say("b"))})
	if _, err := w.Generator("m").Stream(t.Context(), question, func(generate.Delta) error { return stop }); err != stop || w.target(t, "a").Faults != 0 {
		t.Errorf("error %v", err)
	}
}

// However many requests fail, retries stay within the budget.
func TestBudget(t *testing.T) {
	t.Parallel()
	a := plays(fail(down))
	w := open(t, []*client{a}, breaker(route.Breaker{MinRequests: 1 << 20}), policy(route.Policy{Attempts: 4, Backoff: route.Backoff{Min: 1, Max: 1}}),
		func(o *route.Options) { o.Budget = route.Budget{Ratio: 0.2, PerSecond: 1, TTL: 10 * time.Second} })
	const n = 1000
	for range n {
		if _, _, err := w.ask(t.Context(), true); stylesprint.CodeOf(err) != down {
			t.Fatal(err)
		}
	}
	// A fifth of the requests, and the floor of ten for ten seconds.
	if got := a.asked(); got != n+n/5+10 || w.metric(t, "retries_total") != n/5+10 || w.metric(t, "retries_refused_total", "reason", "budget") == 0 {
		t.Errorf("%d calls for %d requests, %v retries", got, n, w.metric(t, "retries_total"))
	}
	if left := w.Status().RetriesLeft; left >= 1 || left != w.metric(t, "budget_retries_remaining") {
		t.Errorf("%v retries left", left)
	}
	_ = w.clock.Sleep(t.Context(), 20*time.Second)
	if left := w.Status().RetriesLeft; left != 10 {
		t.Errorf("%v retries left after a while", left)
	}
	// Without any ratio and floor nothing is tried again.
	a = plays(fail(down))
	w = open(t, []*client{a}, func(o *route.Options) { o.Budget = route.Budget{Ratio: -1, PerSecond: -1} })
	if _, _, err := w.ask(t.Context(), true); err == nil || a.asked() != 1 {
		t.Errorf("error %v, %d calls", err, a.asked())
	}
}

// The budget is one for all routes.
func TestBudgetIsShared(t *testing.T) {
	t.Parallel()
	a := plays(fail(down))
	w := open(t, []*client{a}, func(o *route.Options) {
		o.Budget = route.Budget{Ratio: -1, PerSecond: 0.1, TTL: 10 * time.Second}
		other := o.Routes[0]
		other.Name = "n"
		o.Routes = append(o.Routes, other)
	})
	for _, name := range []string{"m", "n"} {
		_, _ = w.Generator(name).Generate(t.Context(), question)
	}
	if a.asked() != 3 {
		t.Errorf("%d calls, want one retry for both", a.asked())
	}
}

// What retries may cost is bounded, for one request and for all of them.
func TestCostCaps(t *testing.T) {
	t.Parallel()
	price := func(o *route.Options) { // at most 6 tokens of prompt and 256 of answer: 518 millionths
		for i := range o.Targets {
			o.Targets[i].Price = stylesprint.Price{InputPerMillion: 1, OutputPerMillion: 2}
		}
	}
	for _, c := range []struct {
		most float64
		want int
	}{{0, 3}, {0.000517, 1}, {0.000519, 3}} {
		a := plays(fail(down))
		w := open(t, []*client{a}, price, policy(route.Policy{CostCap: c.most}))
		_, _, err := w.ask(t.Context(), true)
		if stylesprint.CodeOf(err) != down || a.asked() != c.want {
			t.Errorf("cap %v: %d calls, want %d, error %v", c.most, a.asked(), c.want, err)
		}
		if n := w.metric(t, "retries_refused_total", "reason", "cost"); n != 0 != (c.want == 1) {
			t.Errorf("cap %v: %v refusals", c.most, n)
		}
	}
	// A dear target is passed over for a cheap one.
	w := open(t, []*client{plays(fail(down)), plays(say("dear")), plays(say("cheap"))}, price, policy(route.Policy{CostCap: 0.001}), func(o *route.Options) { o.Targets[1].Price.OutputPerMillion = 1000 })
	if reply, _, err := w.ask(t.Context(), true); err != nil || reply.Target != "c" {
		t.Errorf("%+v, error %v", reply, err)
	}
	// All requests together: two retries' worth.
	a := plays(fail(down))
	w = open(t, []*client{a}, price, breaker(route.Breaker{MinRequests: 1 << 20}), func(o *route.Options) { o.Budget.Cost = 0.0011 })
	for range 5 {
		_, _, _ = w.ask(t.Context(), true)
	}
	if a.asked() != 7 || w.Status().CostLeft > 0.0001 || w.metric(t, "budget_cost_remaining") > 0.0001 {
		t.Errorf("%d calls, %v left", a.asked(), w.Status().CostLeft)
	}
}
