package route_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
	"stylesprint/gateway/route"
	"stylesprint/generate"
)

const down = stylesprint.CodeUnavailable

// quick is a breaker that four requests can open, for as long as a test says.
func quick(open time.Duration) change {
	return breaker(route.Breaker{Window: time.Minute, MinRequests: 4, ErrorRatio: 0.5, Open: open})
}

// A target opens at the ratio of failures, not before the least number of requests; then it is
// passed over, and one request finds out whether it is back.
func TestBreaker(t *testing.T) {
	t.Parallel()
	a, b := plays(say("a"), fail(down), say("a"), fail(down)), plays(say("b"))
	w := open(t, []*client{a, b}, quick(50*time.Millisecond))
	for i := range 4 {
		if w.target(t, "a").State != "closed" {
			t.Fatalf("open after %d requests", i)
		}
		if _, _, err := w.ask(t.Context(), true); err != nil {
			t.Fatal(err)
		}
	}
	s := w.target(t, "a")
	if s.State != "open" || s.OpenFor <= 0 || s.Attempts != 4 || s.Faults != 2 || s.LastFault != down || w.metric(t, "target_state", "target", "a") != 2 {
		t.Fatalf("%+v", s)
	}
	for range 3 {
		if reply, _, err := w.ask(t.Context(), true); err != nil || reply.Target != "b" || reply.Attempts != 1 {
			t.Errorf("while open: %+v, error %v", reply, err)
		}
	}
	if a.asked() != 4 || w.metric(t, "skips_total", "target", "a", "reason", "open") != 3 {
		t.Errorf("%d calls", a.asked())
	}
	time.Sleep(60 * time.Millisecond)
	if _, _, err := w.ask(t.Context(), true); err != nil || a.asked() != 5 || w.target(t, "a").State != "open" {
		t.Errorf("a trial that failed: error %v, %d calls, %+v", err, a.asked(), w.target(t, "a"))
	}
	a.then(say("back"))
	time.Sleep(60 * time.Millisecond)
	if reply, _, err := w.ask(t.Context(), true); err != nil || reply.Text != "back" || w.target(t, "a").State != "closed" {
		t.Errorf("a trial that went well: %+v, error %v, %+v", reply, err, w.target(t, "a"))
	}
}

// Faulty requests do not open a breaker, and as a trial they show that the target is there. A
// caller that leaves during a trial decides nothing and blocks nobody.
func TestBreakerAndCallers(t *testing.T) {
	t.Parallel()
	a := plays(fail(stylesprint.CodeInvalid))
	w := open(t, []*client{a}, quick(time.Millisecond))
	for range 20 {
		_, _, _ = w.ask(t.Context(), true)
	}
	if s := w.target(t, "a"); s.State != "closed" || s.Faults != 0 {
		t.Errorf("invalid requests: %+v", s)
	}
	takeOut := func() {
		t.Helper()
		a.then(fail(down))
		for range 8 {
			_, _, _ = w.ask(t.Context(), false)
		}
		if s := w.target(t, "a").State; s == "closed" {
			t.Fatal(s)
		}
		time.Sleep(5 * time.Millisecond)
	}
	takeOut()
	a.then(fail(stylesprint.CodeRefused))
	if _, _, err := w.ask(t.Context(), true); stylesprint.CodeOf(err) != stylesprint.CodeRefused || w.target(t, "a").State != "closed" {
		t.Errorf("a refusal as a trial: error %v, %+v", err, w.target(t, "a"))
	}
	takeOut()
	for range 3 {
		a.then(hangs(""))
		ctx, leave := context.WithCancel(t.Context())
		go func() {
			for a.asked() == 0 {
				runtime.Gosched()
			}
			leave()
		}()
		_, _, err := w.ask(ctx, true)
		if s := w.target(t, "a"); stylesprint.CodeOf(err) != stylesprint.CodeCancelled || s.State != "half-open" {
			t.Errorf("a caller that left during a trial: error %v, %+v", err, s)
		}
	}
	a.then(failAfter(stylesprint.CodeRateLimited, time.Nanosecond))
	_, _, _ = w.ask(t.Context(), true)
	a.then(say("back"))
	if _, _, err := w.ask(t.Context(), true); err != nil || w.target(t, "a").State != "closed" {
		t.Errorf("error %v, %+v", err, w.target(t, "a"))
	}
}

// Each trial counts once, streamed or not; a target that is out holds no place of its own.
func TestTrialsInARow(t *testing.T) {
	t.Parallel()
	a := plays(fail(down))
	w := open(t, []*client{a}, breaker(route.Breaker{MinRequests: 2, Open: 20 * time.Millisecond, Trials: 2}), policy(route.Policy{Attempts: 1}),
		func(o *route.Options) { o.Targets[0].MaxConcurrent = 1 })
	for range 5 { // two that fail, three that find nobody
		_, _, _ = w.ask(t.Context(), true)
	}
	if a.asked() != 2 || w.target(t, "a").State != "open" {
		t.Fatalf("%d calls, %+v", a.asked(), w.target(t, "a"))
	}
	a.then(say("a"))
	time.Sleep(30 * time.Millisecond)
	for i, want := range []string{"half-open", "closed"} {
		if _, _, err := w.ask(t.Context(), true); err != nil || w.target(t, "a").State != want {
			t.Errorf("trial %d: error %v, %+v", i, err, w.target(t, "a"))
		}
	}
}

// A retry that finds nobody costs nothing of the budget, and a target that does not take our key is not asked again.
func TestNobodyLeft(t *testing.T) {
	t.Parallel()
	a := plays(fail(stylesprint.CodeUnauthorized))
	w := open(t, []*client{a}, func(o *route.Options) { o.Budget = route.Budget{Ratio: -1, PerSecond: 1} })
	if _, _, err := w.ask(t.Context(), true); stylesprint.CodeOf(err) != stylesprint.CodeUnauthorized || a.asked() != 1 || len(w.clock.sleeps()) != 0 {
		t.Errorf("error %v, %d calls, waits %v", err, a.asked(), w.clock.sleeps())
	}
	if left := w.Status().RetriesLeft; left != 10 {
		t.Errorf("%v retries left", left)
	}
}

// The first token of a trial lets the others in: they need not wait for its end.
func TestTrialOfALongAnswer(t *testing.T) {
	t.Parallel()
	a := plays(fail(down))
	w := open(t, []*client{a}, quick(time.Millisecond))
	for range 8 {
		_, _, _ = w.ask(t.Context(), false)
	}
	time.Sleep(5 * time.Millisecond)
	a.then(hangs("a long"))
	ctx, cancel := context.WithCancel(t.Context())
	began := make(chan struct{})
	var done sync.WaitGroup
	done.Go(func() {
		_, _ = w.Generator("m").Stream(ctx, question, func(generate.Delta) error {
			select {
			case <-began:
			default:
				close(began)
			}
			return nil
		})
	})
	<-began
	for w.target(t, "a").State != "closed" {
		runtime.Gosched()
	}
	cancel()
	done.Wait()
}

// Where every target is out, callers are told when to come back.
func TestAllOut(t *testing.T) {
	t.Parallel()
	a, b := plays(fail(down)), plays(fail(down))
	w := open(t, []*client{a, b}, quick(20*time.Second))
	for range 4 {
		if _, _, err := w.ask(t.Context(), true); stylesprint.CodeOf(err) != down {
			t.Fatal(err)
		}
	}
	calls := a.asked() + b.asked()
	reply, _, err := w.ask(t.Context(), true)
	var e *stylesprint.Error
	if !errors.As(err, &e) || e.Code != down || e.RetryAfter < 15*time.Second || e.RetryAfter > 20*time.Second || reply.Attempts != 0 || reply.Release != "r1" {
		t.Errorf("%+v, error %+v", reply, e)
	}
	if a.asked()+b.asked() != calls {
		t.Error("a target that is out was asked")
	}
}

// A target with a queue of its own refuses one caller, not all: it is asked by the next at once.
func TestQueuesOfTargets(t *testing.T) {
	t.Parallel()
	for _, queues := range []bool{false, true} {
		a := plays(failAfter(stylesprint.CodeRateLimited, time.Minute), say("yes"))
		w := open(t, []*client{a}, func(o *route.Options) { o.Targets[0].Queues = queues })
		_, _, err := w.ask(t.Context(), false)
		var e *stylesprint.Error
		if !errors.As(err, &e) || e.Code != stylesprint.CodeRateLimited || e.RetryAfter < 50*time.Second {
			t.Errorf("the caller that the queue refused: %+v", err)
		}
		reply, _, err := w.ask(t.Context(), false)
		if queues != (err == nil && reply.Text == "yes") {
			t.Errorf("queues %t: the next caller got %q, %v", queues, reply.Text, err)
		}
	}
}

// Many callers, failures and updates at once: nothing is lost, nothing runs on.
func TestManyCallers(t *testing.T) {
	t.Parallel()
	flaky := func() *client {
		n := 0
		var mu sync.Mutex
		return plays(func(ctx context.Context, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
			mu.Lock()
			n++
			odd := n%3 == 0
			mu.Unlock()
			if odd {
				return fail(down)(ctx, req, emit)
			}
			return say("one two three")(ctx, req, emit)
		})
	}
	a, b := flaky(), flaky()
	w := open(t, []*client{a, b}, real, quick(time.Millisecond), policy(route.Policy{Attempts: 5, Backoff: route.Backoff{Min: 1, Max: time.Millisecond}}), func(o *route.Options) { o.Targets[0].MaxConcurrent = 8 })
	o := options(a, b)
	o.Targets[0].MaxConcurrent = 8
	var all sync.WaitGroup
	var mu sync.Mutex
	good, bad := 0, 0
	for range 16 {
		all.Go(func() {
			for range 50 {
				_, seen, err := w.ask(t.Context(), true)
				mu.Lock()
				if err == nil {
					good++
					if seen != "one two three" {
						t.Errorf("%q", seen)
					}
				} else {
					bad++
				}
				mu.Unlock()
			}
		})
	}
	for range 20 {
		if err := w.Update(o.Targets, o.Routes); err != nil {
			t.Error(err)
		}
		_ = w.Status()
		_, _ = w.metrics.Gather()
		time.Sleep(time.Millisecond)
	}
	all.Wait()
	if good+bad != 800 || good < 400 || w.metric(t, "requests_total") != 800 || w.metric(t, "target_in_flight") != 0 {
		t.Errorf("%d good, %d bad, %v counted", good, bad, w.metric(t, "requests_total"))
	}
}

func TestValidate(t *testing.T) {
	t.Parallel()
	c := plays(say("x"))
	o := route.Options{
		ProbeTimeout: -1,
		Budget:       route.Budget{Ratio: 2, TTL: -1, Cost: -1},
		Targets: []route.Target{{Name: "a", Client: c}, {Name: "a", MaxConcurrent: -1, ContextTokens: -1, Price: stylesprint.Price{OutputPerMillion: -1}, Breaker: route.Breaker{Window: -1, MinRequests: -1, ErrorRatio: 2, Open: -1, Trials: -1}},
			{Name: " b", Client: c}},
		Routes: []route.Route{
			{Name: "m", Shares: []route.Share{
				{Percent: 50, Targets: []route.Choice{{Target: "a"}, {Target: "a"}, {Target: "zz", Weight: -1}}}, {Percent: 49.999, Targets: nil}},
				Policy: route.Policy{Attempts: -1, Backoff: route.Backoff{Min: 3 * time.Second, Jitter: 2}, FirstToken: -1, Deadline: -1, CostCap: -1}},
			{Name: "m"},
		},
	}
	err := o.Validate()
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{
		"probe_timeout:", "budget.ratio:", "budget.ttl:", "budget.cost:",
		`targets[1].name: "a" is there twice`, "targets[1]: \"a\" has no client", "targets[1].max_concurrent:", "targets[1].context_tokens:", "targets[1].price.output_per_million:",
		"targets[1].breaker.window:", "targets[1].breaker.min_requests:", "targets[1].breaker.error_ratio:", "targets[1].breaker.open:", "targets[1].breaker.trials:", "targets[2].name:",
		`routes[0].shares[0].targets[1].target: "a" is there twice`, `routes[0].shares[0].targets[2].target: no target named "zz"`, "routes[0].shares[0].targets[2].weight:",
		"routes[0].shares[1].percent:", "routes[0].shares[1].targets:", `routes[0].shares[1].release: "" is there twice`, "routes[0].policy.attempts:", "routes[0].policy.backoff.min:", "routes[0].policy.backoff.jitter:",
		"routes[0].policy.first_token:", "routes[0].policy.deadline:", "routes[0].policy.cost_cap:", `routes[1].name: "m" is there twice`, "routes[1].shares: none given",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in:\n%v", want, err)
		}
	}
	if _, err := route.New(o); err == nil {
		t.Error("New takes what Validate refuses")
	}
	if err := options(c).Validate(); err != nil {
		t.Error(err)
	}
	if err := route.Default().Validate(); err != nil {
		t.Error(err)
	}
	reg := prometheus.NewRegistry()
	good := options(c)
	good.Metrics = reg
	if _, err := route.New(good); err != nil {
		t.Error(err)
	}
	if _, err := route.New(good); err == nil {
		t.Error("metrics that are there already are no fault")
	}
	thirds := options(c)
	s := thirds.Routes[0].Shares[0]
	thirds.Routes[0].Shares = nil
	for i, p := range []float64{33.33, 33.33, 33.34} {
		s.Release, s.Percent = fmt.Sprint(i), p
		thirds.Routes[0].Shares = append(thirds.Routes[0].Shares, s)
	}
	if err := thirds.Validate(); err != nil {
		t.Error(err)
	}
}

// A client that panics takes no place with it.
func TestPanic(t *testing.T) {
	t.Parallel()
	a := plays(func(context.Context, generate.Request, func(generate.Delta) error) (stylesprint.Reply, error) {
		panic("oh")
	})
	w := open(t, []*client{a}, func(o *route.Options) { o.Targets[0].MaxConcurrent = 1 })
	for range 3 {
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic is swallowed")
				}
			}()
			_, _, _ = w.ask(t.Context(), true)
		}()
	}
	if s := w.target(t, "a"); a.asked() != 3 || s.InFlight != 0 {
		t.Errorf("%d calls, %+v", a.asked(), s)
	}
}
