package gateway_test

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"stylesprint/gateway"
	"stylesprint/gateway/route"
	"stylesprint/gateway/route/faulttest"
)

// A target that fails every other time is taken out at the tenth request; nobody notices.
func TestFlapping(t *testing.T) {
	t.Parallel()
	bad := faulttest.Status(500, `{}`)
	f := newFaulty(t, scenario{first: faulttest.Rotate(bad, faulttest.Answer(first, 5))}, func(o *route.Options) { o.Targets[0].Breaker.Open = time.Hour })
	for i := range 40 {
		want := `200 "a a a a a"`
		if i%2 == 0 || i >= 10 {
			want = fromSecond
		}
		if got := f.ask(t.Context(), t, forms()[i%4], func(int) {}); got != want {
			t.Errorf("request %d: %s, want %s", i, got, want)
		}
	}
	if a, b := f.ups[0].Calls(), f.ups[1].Calls(); a != 10 || b != 35 || f.state(t) != "open, 5 faults" {
		t.Errorf("%d and %d calls, %s", a, b, f.state(t))
	}
	if n := f.counts.metric(t, "stylesprint_route_failovers_total", "target", "second"); n != 35 {
		t.Errorf("%v failovers", n)
	}
	for _, r := range f.records(t, 40) {
		if r.Status != 200 || r.Attempts > 2 {
			t.Errorf("%+v", r)
		}
	}
}

// One that is well again gets its requests back.
func TestRecovery(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, scenario{first: faulttest.Status(500, `{}`)}, func(o *route.Options) {
		o.Targets[0].Breaker = route.Breaker{MinRequests: 2, Open: 20 * time.Millisecond}
	})
	for range 2 {
		f.ask(t.Context(), t, forms()[1], func(int) {})
	}
	if got := f.state(t); got != "open, 2 faults" {
		t.Fatal(got)
	}
	f.ups[0].Play(faulttest.Answer(first, 5))
	for end := time.Now().Add(10 * time.Second); f.ask(t.Context(), t, forms()[1], func(int) {}) != `200 "a a a a a"`; {
		if time.Now().After(end) {
			t.Fatal("the first target never gets a request back")
		}
	}
	if got := f.state(t); got != "closed, 2 faults" {
		t.Error(got)
	}
}

// When every provider answers 503, retries stay within a fifth of the requests and the floor of
// one a second: the storm is not made worse.
func TestStormIsNotAmplified(t *testing.T) {
	t.Parallel()
	storm := faulttest.Status(503, `{"error":{"message":"overloaded"}}`)
	f := newFaulty(t, scenario{first: storm, second: storm}, func(o *route.Options) {
		o.Budget = route.Budget{Ratio: 0.2, PerSecond: 1, TTL: time.Minute}
		for i := range o.Targets {
			o.Targets[i].Breaker.MinRequests = 1 << 20 // so that only the budget holds them back
		}
	})
	const clients, each = 8, 50
	var all sync.WaitGroup
	for range clients {
		all.Go(func() {
			for i := range each {
				if got := f.ask(t.Context(), t, forms()[i%4], func(int) {}); got != "503 unavailable, Retry-After 1" {
					t.Errorf("a client sees %s", got)
				}
			}
		})
	}
	all.Wait()
	const n, most = clients * each, clients*each + clients*each/5 + 60
	calls := f.ups[0].Calls() + f.ups[1].Calls()
	if calls > most || calls < most-2 {
		t.Errorf("%d calls for %d requests, want at most %d and about as many", calls, n, most)
	}
	refused := f.counts.metric(t, "stylesprint_route_retries_refused_total", "reason", "budget")
	if refused < n/2 || f.counts.metric(t, "stylesprint_route_budget_retries_remaining") >= 1.01 {
		t.Errorf("%v retries refused", refused)
	}
	t.Logf("%d requests made %d calls; %v retries were refused", n, calls, refused)
}

// A client that leaves ends the call at the provider, counts against nobody, and pays for what it got.
func TestLeavingEndsTheCall(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		first  faulttest.Step
		after  int // pieces of text
		billed string
	}{
		{"before the first token", faulttest.Late(), 0, "0"},
		{"in the middle", faulttest.StallAt(8), 8, "0.000014"}, // six tokens of prompt, four for sixteen bytes
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			f := newFaulty(t, scenario{first: c.first})
			ctx, leave := context.WithCancel(t.Context())
			defer leave()
			if c.after == 0 {
				go func() {
					for f.ups[0].Calls() == 0 {
						time.Sleep(time.Millisecond)
					}
					leave()
				}()
			}
			f.ask(ctx, t, forms()[1], func(n int) {
				if n == c.after {
					leave()
				}
			})
			for end := time.Now().Add(5 * time.Second); f.ups[0].Cancelled() == 0; time.Sleep(time.Millisecond) {
				if time.Now().After(end) {
					t.Fatal("the provider's call goes on")
				}
			}
			r := f.records(t, 1)[0]
			if got, want := recorded(r), "499 cancelled, 1 attempt, first, billed "+c.billed; got != want {
				t.Errorf("%s, want %s", got, want)
			}
			if f.state(t) != closedClean || f.ups[1].Calls() != 0 {
				t.Errorf("%s, %d calls to the second", f.state(t), f.ups[1].Calls())
			}
			if n := f.counts.metric(t, "stylesprint_route_attempts_total", "outcome", "cancelled"); n != 1 {
				t.Errorf("%v attempts counted as cancelled", n)
			}
		})
	}
}

// Targets that are all out are not asked: clients hear at once when to come back. The same for
// targets that are all full.
func TestNobodyToAsk(t *testing.T) {
	t.Parallel()
	down := faulttest.Status(503, `{}`)
	f := newFaulty(t, scenario{first: down, second: down}, func(o *route.Options) {
		for i := range o.Targets {
			o.Targets[i].Breaker = route.Breaker{MinRequests: 2, Open: time.Hour - time.Second}
		}
	})
	for range 2 {
		f.ask(t.Context(), t, forms()[0], func(int) {})
	}
	calls := f.ups[0].Calls() + f.ups[1].Calls()
	for _, how := range forms() {
		if got := f.ask(t.Context(), t, how, func(int) {}); !strings.HasPrefix(got, "503 unavailable, Retry-After 35") {
			t.Errorf("all out: %s", got)
		}
	}
	if n := f.ups[0].Calls() + f.ups[1].Calls(); n != calls {
		t.Errorf("%d calls to targets that are out", n-calls)
	}

	f = newFaulty(t, scenario{first: faulttest.Silence()}, func(o *route.Options) {
		o.Targets[0].MaxConcurrent = 1
		o.Routes[0].Shares[0].Targets = o.Routes[0].Shares[0].Targets[:1]
	})
	ctx, leave := context.WithCancel(t.Context())
	var waiting sync.WaitGroup
	waiting.Go(func() { f.ask(ctx, t, forms()[1], func(int) {}) })
	for f.ups[0].Calls() == 0 {
		time.Sleep(time.Millisecond)
	}
	if got := f.ask(t.Context(), t, forms()[0], func(int) {}); got != "429 rate_limited, Retry-After 1" {
		t.Errorf("all full: %s", got)
	}
	leave()
	waiting.Wait()
}

// Whatever happens upstream, what a client may take for a whole answer is one.
func TestNoHalfAnswerEndsWell(t *testing.T) {
	t.Parallel()
	for _, how := range forms() {
		f := newFaulty(t, scenario{
			first:  faulttest.Rotate(faulttest.CutAt(3), faulttest.Answer(first, 5), faulttest.NoFinish(2), faulttest.Reset(), faulttest.Malformed(1), faulttest.InBand(4), faulttest.Empty(), faulttest.Status(500, "")),
			second: faulttest.Rotate(faulttest.Answer(second, 5), faulttest.CutAt(1), faulttest.Answer(second, 5), faulttest.Garbage(), faulttest.Page()),
		}, func(o *route.Options) {
			for i := range o.Targets {
				o.Targets[i].Breaker.MinRequests = 1 << 20
			}
		})
		var all sync.WaitGroup
		for range 4 {
			all.Go(func() {
				for range 20 {
					got := f.ask(t.Context(), t, how, func(int) {})
					well := got == fromSecond || got == `200 "a a a a a"`
					halted := strings.HasSuffix(got, "error event upstream_error, cut") && how.stream
					if refused := strings.HasPrefix(got, "50"); !well && !halted && !refused {
						t.Errorf("a client sees %s", got)
					}
				}
			})
		}
		all.Wait()
		f.records(t, 80)
	}
}

// Probes list models and cost no tokens.
func TestProbesCostNothing(t *testing.T) {
	t.Parallel()
	f := newFaulty(t, scenario{}, func(o *route.Options) { o.ProbeInterval = 5 * time.Millisecond })
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- f.router.Run(ctx) }()
	for end := time.Now().Add(5 * time.Second); f.ups[0].Probes() < 3 || f.ups[1].Probes() < 3; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("no probes")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Error(err)
	}
	if n := f.ups[0].Calls() + f.ups[1].Calls(); n != 0 {
		t.Errorf("%d calls for text", n)
	}
	if s := f.router.Status().Targets[0]; !s.ProbeOK || s.State != "closed" {
		t.Errorf("%+v", s)
	}
}

// Each request falls to the release that its id in the log says; with a sticky route each key does.
func TestCanary(t *testing.T) {
	t.Parallel()
	for _, sticky := range []bool{false, true} {
		f := newFaulty(t, scenario{}, func(o *route.Options) {
			o.Routes[0].Sticky = sticky
			o.Routes[0].Shares = []route.Share{
				{Release: "old", Percent: 50, Targets: []route.Choice{{Target: "first"}}},
				{Release: "new", Percent: 50, Targets: []route.Choice{{Target: "second"}}},
			}
		})
		log := &ledger{}
		s := serve(t, setup{o: gateway.Options{Requests: log, Auth: keys{}, Models: []gateway.Model{{Name: "writer", Generate: f.router.Generator("writer")}}}})
		const n = 40
		for range n {
			if a := s.do(t, "POST", "/generate/", `{"prompt":"x"}`, "Authorization", "Bearer "+secret, "X-Request-ID", "mine"); a.status != 200 {
				t.Fatalf("%d %s", a.status, a.body)
			}
		}
		got := map[string]int{}
		for _, r := range log.wait(t, n) {
			by := r.ID
			if sticky {
				by = r.KeyID
			}
			if want := f.router.Release("writer", by); r.Release != want || (r.Target == "first") != (want == "old") {
				t.Errorf("%+v, want release %s", r, want)
			}
			got[r.Release]++
		}
		// Forty fair draws are never all the same but once in 5e11.
		if (len(got) == 1) != sticky {
			t.Errorf("sticky %v: %v", sticky, got)
		}
	}
}
