package route_test

import (
	"context"
	"errors"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
	"stylesprint/gateway/route"
	"stylesprint/generate"
)

// step is what a scripted client does with one call.
type step func(ctx context.Context, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error)

// client plays its steps in order and then the last one for ever.
type client struct {
	mu     sync.Mutex
	steps  []step
	calls  []generate.Request
	models func(ctx context.Context) ([]generate.ModelInfo, error)
	probes int
}

func plays(steps ...step) *client { return &client{steps: steps} }

func (c *client) Generate(ctx context.Context, req generate.Request) (stylesprint.Reply, error) {
	return c.Stream(ctx, req, nil)
}

func (c *client) Stream(ctx context.Context, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
	c.mu.Lock()
	c.calls = append(c.calls, req)
	s := c.steps[min(len(c.calls), len(c.steps))-1]
	c.mu.Unlock()
	return s(ctx, req, emit)
}

func (c *client) Models(ctx context.Context) ([]generate.ModelInfo, error) {
	c.mu.Lock()
	c.probes++
	f := c.models
	c.mu.Unlock()
	if f == nil {
		return nil, nil
	}
	return f(ctx)
}

func (c *client) asked() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.calls)
}

// then changes what follows.
func (c *client) then(steps ...step) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.steps, c.calls = steps, nil
}

// say answers in words, with a usage of 10 and one token a word.
func say(text string) step {
	return func(_ context.Context, _ generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		words := strings.SplitAfter(text, " ")
		for _, w := range words {
			if emit != nil {
				if err := emit(generate.Delta{Text: w}); err != nil {
					return stylesprint.Reply{}, err
				}
			}
		}
		return stylesprint.Reply{Text: text, Usage: stylesprint.Usage{PromptTokens: 10, CompletionTokens: len(words)}}, nil
	}
}

// fail fails with a code before anything else.
func fail(code stylesprint.Code) step { return failAfter(code, 0) }

func failAfter(code stylesprint.Code, wait time.Duration) step {
	return func(context.Context, generate.Request, func(generate.Delta) error) (stylesprint.Reply, error) {
		return stylesprint.Reply{}, &stylesprint.Error{Code: code, Message: "it failed", RetryAfter: wait}
	}
}

// breaks fails after some words.
func breaks(text string) step {
	return func(ctx context.Context, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		if _, err := say(text)(ctx, req, emit); err != nil {
			return stylesprint.Reply{}, err
		}
		return stylesprint.Reply{Text: text}, &stylesprint.Error{Code: stylesprint.CodeUpstream, Message: "it broke off"}
	}
}

// hangs says something and then waits for the end of its context.
func hangs(text string) step {
	return func(ctx context.Context, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		if text != "" {
			if _, err := say(text)(ctx, req, emit); err != nil {
				return stylesprint.Reply{}, err
			}
		}
		<-ctx.Done()
		return stylesprint.Reply{Text: text}, &stylesprint.Error{Code: stylesprint.CodeCancelled, Message: "the request was cancelled", Err: ctx.Err()}
	}
}

// clock is a clock that stands still but for sleeps.
type clock struct {
	mu    sync.Mutex
	now   time.Time
	slept []time.Duration
}

func newClock() *clock { return &clock{now: time.Unix(1_800_000_000, 0)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) Sleep(ctx context.Context, d time.Duration) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
	c.slept = append(c.slept, d)
	return nil
}

func (c *clock) sleeps() []time.Duration {
	c.mu.Lock()
	defer c.mu.Unlock()
	return append([]time.Duration(nil), c.slept...)
}

// world is a router with one route, "m", over some targets in order, and a clock of its own.
type world struct {
	*route.Router
	clock   *clock
	metrics *prometheus.Registry
}

type change func(*route.Options)

func policy(p route.Policy) change { return func(o *route.Options) { o.Routes[0].Policy = p } }

func breaker(b route.Breaker) change {
	return func(o *route.Options) {
		for i := range o.Targets {
			o.Targets[i].Breaker = b
		}
	}
}

func open(t testing.TB, clients []*client, changes ...change) *world {
	t.Helper()
	w := &world{clock: newClock(), metrics: prometheus.NewRegistry()}
	o := options(clients...)
	o.Metrics, o.Now, o.Sleep, o.Random = w.metrics, w.clock.Now, w.clock.Sleep, func() float64 { return 0 }
	for _, c := range changes {
		c(&o)
	}
	r, err := route.New(o)
	if err != nil {
		t.Fatal(err)
	}
	w.Router = r
	return w
}

// options are a route "m" of one release "r1" over targets "a", "b" ... in order of priority.
func options(clients ...*client) route.Options {
	var o route.Options
	s := route.Share{Release: "r1", Percent: 100}
	for i, c := range clients {
		name := string(rune('a' + i))
		o.Targets = append(o.Targets, route.Target{Name: name, Client: c, Model: "model-" + name})
		s.Targets = append(s.Targets, route.Choice{Target: name, Priority: i})
	}
	o.Routes = []route.Route{{Name: "m", Shares: []route.Share{s}}}
	o.Budget = route.Budget{Ratio: 1, PerSecond: 1000}
	return o
}

var question = generate.Request{Model: "m", Messages: []stylesprint.Message{{Role: stylesprint.RoleUser, Content: "Describe a linen shirt."}}}

// ask asks the route, streamed or not, and returns the text that was passed on too.
func (w *world) ask(ctx context.Context, stream bool) (stylesprint.Reply, string, error) {
	if !stream {
		reply, err := w.Generator("m").Generate(ctx, question)
		return reply, "", err
	}
	var b strings.Builder
	reply, err := w.Generator("m").Stream(ctx, question, func(d generate.Delta) error {
		b.WriteString(d.Text)
		return nil
	})
	return reply, b.String(), err
}

// metric sums a metric's samples with these labels.
func (w *world) metric(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	families, err := w.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		if f.GetName() != "stylesprint_route_"+name {
			continue
		}
		for _, m := range f.Metric {
			have := map[string]string{}
			for _, l := range m.Label {
				have[l.GetName()] = l.GetValue()
			}
			fits := true
			for i := 0; i+1 < len(labels); i += 2 {
				fits = fits && have[labels[i]] == labels[i+1]
			}
			if fits {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	return sum
}

func (w *world) target(t testing.TB, name string) route.TargetStatus {
	t.Helper()
	for _, s := range w.Status().Targets {
		if s.Name == name {
			return s
		}
	}
	t.Fatalf("no target %q", name)
	return route.TargetStatus{}
}

// What each kind of failure of the first target leads to.
func TestFailures(t *testing.T) {
	t.Parallel()
	const (
		moves = "moves" // to the second target
		ends  = "ends"  // with the error
	)
	cases := []struct {
		code  stylesprint.Code
		want  string
		fault bool
	}{
		{stylesprint.CodeInvalid, ends, false},
		{stylesprint.CodeUnsupported, ends, false},
		{stylesprint.CodeTooLarge, ends, false},
		{stylesprint.CodeContextTooLong, ends, false},
		{stylesprint.CodeRefused, ends, false},
		{stylesprint.CodeRateLimited, moves, false},
		{stylesprint.CodeUnauthorized, moves, true},
		{stylesprint.CodeForbidden, moves, true},
		{stylesprint.CodeNotFound, moves, true},
		{stylesprint.CodeConflict, moves, true},
		{stylesprint.CodeCancelled, moves, true}, // the client is still here
		{stylesprint.CodeInternal, moves, true},
		{stylesprint.CodeUpstream, moves, true},
		{stylesprint.CodeUnavailable, moves, true},
		{stylesprint.CodeTimeout, moves, true},
	}
	for _, c := range cases {
		for _, stream := range []bool{false, true} {
			a, b := plays(fail(c.code)), plays(say("well then"))
			w := open(t, []*client{a, b})
			reply, _, err := w.ask(t.Context(), stream)
			moved := b.asked() == 1 && err == nil && reply.Target == "b" && reply.Attempts == 2 && reply.Text == "well then"
			ended := b.asked() == 0 && stylesprint.CodeOf(err) == c.code && reply.Target == "a" && reply.Attempts == 1
			if moved != (c.want == moves) || ended != (c.want == ends) || a.asked() != 1 || reply.Release != "r1" {
				t.Errorf("%s, stream %v: %+v, error %v, want it %s", c.code, stream, reply, err, c.want)
			}
			if got := w.target(t, "a").Faults == 1; got != c.fault {
				t.Errorf("%s: counts against the target: %v", c.code, got)
			}
			if n := w.metric(t, "failovers_total", "target", "b"); n != 0 != moved {
				t.Errorf("%s: %v failovers", c.code, n)
			}
			if len(w.clock.sleeps()) != 0 {
				t.Errorf("%s: waited %v before another target", c.code, w.clock.sleeps())
			}
		}
	}
}

// An error without a code gets one.
func TestUncodedError(t *testing.T) {
	t.Parallel()
	broken := errors.New("broken")
	w := open(t, []*client{plays(func(context.Context, generate.Request, func(generate.Delta) error) (stylesprint.Reply, error) {
		return stylesprint.Reply{}, broken
	})}, policy(route.Policy{Attempts: 1}))
	_, _, err := w.ask(t.Context(), false)
	var e *stylesprint.Error
	if !errors.As(err, &e) || e.Code != stylesprint.CodeInternal || !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

// One target is asked again after waits that double, less their jitter, up to the most.
func TestBackoff(t *testing.T) {
	t.Parallel()
	ms := time.Millisecond
	a := plays(fail(stylesprint.CodeUnavailable))
	w := open(t, []*client{a}, policy(route.Policy{Attempts: 6, Backoff: route.Backoff{Min: 100 * ms, Max: 500 * ms, Jitter: 0.5}}))
	reply, _, err := w.ask(t.Context(), false)
	want := []time.Duration{100 * ms, 200 * ms, 400 * ms, 500 * ms, 500 * ms}
	if got := w.clock.sleeps(); !equal(got, want) || stylesprint.CodeOf(err) != stylesprint.CodeUnavailable || reply.Attempts != 6 {
		t.Errorf("waits %v, want %v; %+v, error %v", got, want, reply, err)
	}
	w = open(t, []*client{plays(fail(stylesprint.CodeUnavailable))},
		policy(route.Policy{Attempts: 3, Backoff: route.Backoff{Min: 100 * ms, Max: 500 * ms, Jitter: 0.5}}), func(o *route.Options) { o.Random = func() float64 { return 0.999999 } })
	if _, _, err := w.ask(t.Context(), false); err == nil {
		t.Fatal("no error")
	}
	for i, d := range w.clock.sleeps() {
		if low := 50 * ms << i; d < low || d > low+ms {
			t.Errorf("wait %d with the most jitter: %v, want %v", i, d, low)
		}
	}
}

func equal[T comparable](a, b []T) bool {
	if len(a) != len(b) {
		return false
	}
	for i := range a {
		if a[i] != b[i] {
			return false
		}
	}
	return true
}

// A Retry-After that is short is waited for; a longer one sends the request elsewhere, and the
// target is left alone until then; without another target the wait may be longer.
func TestRetryAfter(t *testing.T) {
	t.Parallel()
	limited := func(d time.Duration) step { return failAfter(stylesprint.CodeRateLimited, d) }

	a, b := plays(limited(300*time.Millisecond), say("a")), plays(say("b"))
	w := open(t, []*client{a, b})
	if reply, _, err := w.ask(t.Context(), true); err != nil || reply.Target != "a" || a.asked() != 2 || len(w.clock.sleeps()) != 1 || w.clock.sleeps()[0] < 300*time.Millisecond {
		t.Errorf("short: %+v, error %v, waits %v", reply, err, w.clock.sleeps())
	}

	a, b = plays(limited(30*time.Second), say("a")), plays(say("b"))
	w = open(t, []*client{a, b})
	for range 3 {
		if reply, _, err := w.ask(t.Context(), true); err != nil || reply.Target != "b" {
			t.Errorf("long: %+v, error %v", reply, err)
		}
	}
	if a.asked() != 1 || w.target(t, "a").RestingUntil.IsZero() || w.metric(t, "skips_total", "target", "a", "reason", "resting") != 2 {
		t.Errorf("the target was asked %d times while it was to be left alone", a.asked())
	}
	_ = w.clock.Sleep(t.Context(), 31*time.Second)
	if reply, _, err := w.ask(t.Context(), true); err != nil || reply.Target != "a" {
		t.Errorf("afterwards: %+v, error %v", reply, err)
	}

	a = plays(limited(time.Second), say("a"))
	w = open(t, []*client{a})
	if reply, _, err := w.ask(t.Context(), true); err != nil || reply.Attempts != 2 || reply.Latency < time.Second {
		t.Errorf("alone, a second: %+v, error %v", reply, err)
	}

	a = plays(limited(time.Minute))
	w = open(t, []*client{a})
	for i := range 2 {
		_, _, err := w.ask(t.Context(), true)
		var e *stylesprint.Error
		if !errors.As(err, &e) || e.Code != stylesprint.CodeRateLimited || e.RetryAfter != time.Minute || a.asked() != 1 {
			t.Errorf("alone, a minute, request %d: error %v after %d calls", i, err, a.asked())
		}
	}
}

// A quota that is spent is no reason to ask the same target again soon.
func TestSpentQuota(t *testing.T) {
	t.Parallel()
	a := plays(func(context.Context, generate.Request, func(generate.Delta) error) (stylesprint.Reply, error) {
		return stylesprint.Reply{}, &stylesprint.Error{Code: stylesprint.CodeRateLimited, Message: "spent", Err: permanent{}}
	})
	w := open(t, []*client{a})
	for range 3 {
		if _, _, err := w.ask(t.Context(), true); stylesprint.CodeOf(err) != stylesprint.CodeRateLimited {
			t.Errorf("error %v", err)
		}
	}
	if a.asked() != 1 {
		t.Errorf("%d calls", a.asked())
	}
}

type permanent struct{}

func (permanent) Error() string   { return "permanent" }
func (permanent) Permanent() bool { return true }

// A failure after the first piece ends the call with its error; one before it does not show.
func TestFirstPieceCommits(t *testing.T) {
	t.Parallel()
	a, b := plays(breaks("half an ")), plays(say("whole answer"))
	w := open(t, []*client{a, b})
	reply, seen, err := w.ask(t.Context(), true)
	if stylesprint.CodeOf(err) != stylesprint.CodeUpstream || seen != "half an " || b.asked() != 0 || reply.Attempts != 1 || reply.Target != "a" || reply.Text != seen {
		t.Errorf("streamed: %q, %+v, error %v", seen, reply, err)
	}
	a, b = plays(breaks("half an ")), plays(say("whole answer"))
	w = open(t, []*client{a, b})
	if reply, _, err := w.ask(t.Context(), false); err != nil || reply.Text != "whole answer" || reply.Attempts != 2 {
		t.Errorf("in one piece: %+v, error %v", reply, err)
	}
	// Chunks that only say who speaks commit to nothing, and are not passed on by a failed attempt.
	role := generate.Delta{Raw: []byte(`{"choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`)}
	var raws []string
	a = plays(func(_ context.Context, _ generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		if err := emit(role); err != nil {
			return stylesprint.Reply{}, err
		}
		return stylesprint.Reply{}, &stylesprint.Error{Code: stylesprint.CodeUpstream, Message: "it broke off"}
	})
	b = plays(func(ctx context.Context, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		if err := emit(role); err != nil {
			return stylesprint.Reply{}, err
		}
		return say("whole answer")(ctx, req, emit)
	})
	w = open(t, []*client{a, b})
	reply, err = w.Generator("m").Stream(t.Context(), question, func(d generate.Delta) error {
		raws = append(raws, string(d.Raw)+d.Text)
		return nil
	})
	if err != nil || reply.Target != "b" || !equal(raws, []string{string(role.Raw), "whole ", "answer"}) {
		t.Errorf("%q, %+v, error %v", raws, reply, err)
	}
}

// Which raw chunks of a provider hold something.
func TestHeldPieces(t *testing.T) {
	t.Parallel()
	cases := []struct {
		raw   string
		holds bool
	}{
		{`{"choices":[{"delta":{"role":"assistant"}}]}`, true},
		{`{"choices":[{"delta":{"role":"assistant","content":null,"refusal":null,"tool_calls":[]}}]}`, true},
		{`{"choices":[],"prompt_filter_results":[{}]}`, true},
		{`{"choices":[{"delta":{"tool_calls":[{"index":0}]}}]}`, false},
		{`{"choices":[{"delta":{"reasoning_content":"hm"}}]}`, false},
		{`{"choices":[{"delta":{},"finish_reason":"stop"}]}`, false},
		{`{"choices":[{"delta":{},"finish_reason":null}]}`, true},
		{`{"event":"ping"}`, true},
		{`[1]`, true},
	}
	for _, c := range cases {
		a := plays(func(_ context.Context, _ generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
			if err := emit(generate.Delta{Raw: []byte(c.raw)}); err != nil {
				return stylesprint.Reply{}, err
			}
			return stylesprint.Reply{}, &stylesprint.Error{Code: stylesprint.CodeUpstream, Message: "it broke off"}
		})
		b := plays(say("b"))
		w := open(t, []*client{a, b})
		_, _, err := w.ask(t.Context(), true)
		if held := err == nil && b.asked() == 1; held != c.holds {
			t.Errorf("%s: held back %v, error %v", c.raw, held, err)
		}
	}
	// No more than sixteen are held.
	n := 0
	a := plays(func(_ context.Context, _ generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		for range 40 {
			if err := emit(generate.Delta{Raw: []byte(`{}`)}); err != nil {
				return stylesprint.Reply{}, err
			}
		}
		return stylesprint.Reply{}, nil
	})
	w := open(t, []*client{a})
	first := -1
	if _, err := w.Generator("m").Stream(t.Context(), question, func(generate.Delta) error {
		if first < 0 {
			first = n
		}
		n++
		return nil
	}); err != nil || n != 40 {
		t.Errorf("%d pieces, error %v", n, err)
	}
}

// An answer without any content is passed on all the same.
func TestEmptyAnswer(t *testing.T) {
	t.Parallel()
	w := open(t, []*client{plays(func(_ context.Context, _ generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		return stylesprint.Reply{FinishReason: stylesprint.FinishStop}, emit(generate.Delta{Raw: []byte(`{"choices":[]}`)})
	})})
	n := 0
	reply, err := w.Generator("m").Stream(t.Context(), question, func(generate.Delta) error { n++; return nil })
	if err != nil || n != 1 || reply.Attempts != 1 {
		t.Errorf("%d pieces, %+v, error %v", n, reply, err)
	}
}

// Attempts, usage and cost of failures are in the reply.
func TestBilled(t *testing.T) {
	t.Parallel()
	used := func(u stylesprint.Usage, code stylesprint.Code) step {
		return func(context.Context, generate.Request, func(generate.Delta) error) (stylesprint.Reply, error) {
			r := stylesprint.Reply{Text: "x", Usage: u}
			if code != "" {
				return r, &stylesprint.Error{Code: code, Message: "it failed"}
			}
			return r, nil
		}
	}
	price := func(o *route.Options) {
		o.Targets[0].Price = stylesprint.Price{InputPerMillion: 1, OutputPerMillion: 2}
		o.Targets[1].Price = stylesprint.Price{InputPerMillion: 10, OutputPerMillion: 20}
	}
	a, b := plays(used(stylesprint.Usage{PromptTokens: 10, CompletionTokens: 3}, stylesprint.CodeUpstream)), plays(used(stylesprint.Usage{PromptTokens: 10, CompletionTokens: 4}, ""))
	w := open(t, []*client{a, b}, price)
	reply, _, err := w.ask(t.Context(), false)
	if err != nil || reply.Cost != stylesprint.MoneyOf(180e-6) || reply.Billed != stylesprint.MoneyOf(196e-6) {
		t.Errorf("cost %v, billed %v, error %v", reply.Cost, reply.Billed, err)
	}
	// A stream that broke off without a count is estimated: 23 bytes of prompt, 8 of text.
	w = open(t, []*client{plays(breaks("half an ")), plays(say("b"))}, price)
	reply, _, err = w.ask(t.Context(), true)
	want := stylesprint.Usage{PromptTokens: 6, CompletionTokens: 2}
	if err == nil || reply.Usage != want || reply.Billed != stylesprint.MoneyOf(10e-6) || reply.Cost != reply.Billed {
		t.Errorf("broken off: %+v, error %v", reply, err)
	}
	// Without a price of the target the client's counts.
	w = open(t, []*client{plays(func(context.Context, generate.Request, func(generate.Delta) error) (stylesprint.Reply, error) {
		return stylesprint.Reply{Text: "x", Usage: stylesprint.Usage{PromptTokens: 1, CompletionTokens: 1}, Cost: 77}, nil
	})})
	if reply, _, err = w.ask(t.Context(), false); err != nil || reply.Cost != 77 || reply.Billed != 77 {
		t.Errorf("the client's cost: %+v, error %v", reply, err)
	}
}

// Counts that cannot be right are noticed and replaced.
func TestWrongUsage(t *testing.T) {
	t.Parallel()
	text := "A cool linen shirt." // 19 bytes: 5 tokens; the prompt's 23: 6
	cases := []struct {
		name   string
		usage  stylesprint.Usage
		reason string
	}{
		{"right", stylesprint.Usage{PromptTokens: 9, CompletionTokens: 6}, ""},
		{"none", stylesprint.Usage{}, "missing"},
		{"no completion", stylesprint.Usage{PromptTokens: 9}, "implausible"},
		{"no prompt", stylesprint.Usage{CompletionTokens: 9}, "implausible"},
		{"more than was allowed", stylesprint.Usage{PromptTokens: 9, CompletionTokens: 1_000_000}, "implausible"},
		{"a prompt longer than its bytes", stylesprint.Usage{PromptTokens: 1_000_000, CompletionTokens: 6}, "implausible"},
	}
	for _, c := range cases {
		w := open(t, []*client{plays(func(context.Context, generate.Request, func(generate.Delta) error) (stylesprint.Reply, error) {
			return stylesprint.Reply{Text: text, Usage: c.usage}, nil
		})})
		reply, _, err := w.ask(t.Context(), false)
		want := c.usage
		if c.reason != "" {
			want = stylesprint.Usage{PromptTokens: 6, CompletionTokens: 5}
		}
		if err != nil || reply.Usage != want {
			t.Errorf("%s: %+v, error %v, want %+v", c.name, reply.Usage, err, want)
		}
		if n := w.metric(t, "usage_doubts_total"); n != 0 != (c.reason != "") || c.reason != "" && w.metric(t, "usage_doubts_total", "reason", c.reason) != 1 {
			t.Errorf("%s: %v doubts", c.name, n)
		}
	}
}

// Shares get what they are due, targets of one priority too, and the same id goes the same way.
func TestShares(t *testing.T) {
	t.Parallel()
	draw := uint64(0)
	w := open(t, []*client{plays(say("a")), plays(say("b")), plays(say("c"))}, func(o *route.Options) {
		o.Routes[0].Shares = []route.Share{
			{Release: "old", Percent: 95, Targets: []route.Choice{{Target: "a", Weight: 3}, {Target: "b", Weight: 1}}},
			{Release: "new", Percent: 5, Targets: []route.Choice{{Target: "c"}}},
		}
		o.Random = func() float64 { draw++; return float64(draw) / (1 << 30) }
	})
	const n = 20000
	got := map[string]float64{}
	for range n {
		reply, _, err := w.ask(t.Context(), false)
		if err != nil {
			t.Fatal(err)
		}
		got[reply.Release]++
		got[reply.Target]++
	}
	for name, p := range map[string]float64{"old": 0.95, "new": 0.05, "a": 0.95 * 0.75, "b": 0.95 * 0.25, "c": 0.05} {
		// Four standard deviations.
		if diff := math.Abs(got[name]/n - p); diff > 4*math.Sqrt(p*(1-p)/n) {
			t.Errorf("%s got %v of %d, want %v", name, got[name], n, p)
		}
	}
	byID := 0.0
	for i := range n {
		id := "req_" + time.Duration(i).String()
		release := w.Release("m", id)
		if release != w.Release("m", id) {
			t.Fatalf("%s falls here and there", id)
		}
		if release == "new" {
			byID++
		}
	}
	if diff := math.Abs(byID/n - 0.05); diff > 4*math.Sqrt(0.05*0.95/n) {
		t.Errorf("by id new got %v of %d", byID, n)
	}
	if w.Release("other", "x") != "" {
		t.Error("a route that is not there has releases")
	}
}

// Targets of one priority are drawn anew for the second attempt only among those that are left.
func TestWeightedFailover(t *testing.T) {
	t.Parallel()
	draw := 0.0
	down := fail(stylesprint.CodeUnavailable)
	w := open(t, []*client{plays(down), plays(say("b")), plays(say("c"))}, breaker(route.Breaker{MinRequests: 1 << 20}), func(o *route.Options) {
		for i := range o.Routes[0].Shares[0].Targets {
			o.Routes[0].Shares[0].Targets[i].Priority = 0
		}
		o.Random = func() float64 { draw++; return draw / (1 << 30) }
	})
	got := map[string]int{}
	for range 3000 {
		reply, _, err := w.ask(t.Context(), true)
		if err != nil || reply.Attempts > 2 {
			t.Fatalf("%+v, error %v", reply, err)
		}
		got[reply.Target]++
	}
	if got["b"] < 1300 || got["c"] < 1300 || got["b"]+got["c"] != 3000 {
		t.Errorf("%v", got)
	}
}

// A share prepares its requests; each target is asked for its own model.
func TestPrepare(t *testing.T) {
	t.Parallel()
	a := plays(say("a"))
	bad := &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "no such variable"}
	w := open(t, []*client{a}, func(o *route.Options) {
		o.Routes[0].Shares[0].Prepare = func(r generate.Request) (generate.Request, error) {
			if r.Prompt == "bad" {
				return r, bad
			}
			r.Messages = append([]stylesprint.Message{{Role: stylesprint.RoleSystem, Content: "Be brief."}}, r.Messages...)
			return r, nil
		}
	})
	if _, _, err := w.ask(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	if r := a.calls[0]; r.Model != "model-a" || len(r.Messages) != 2 || len(question.Messages) != 1 {
		t.Errorf("%+v", r)
	}
	if reply, err := w.Generator("m").Generate(t.Context(), generate.Request{Prompt: "bad"}); err != bad || reply.Attempts != 0 || a.asked() != 1 {
		t.Errorf("%+v, error %v", reply, err)
	}
}

// A request that is too long for one target goes to one with a larger context, if that is wanted.
func TestLargerContext(t *testing.T) {
	t.Parallel()
	clients := func() []*client {
		return []*client{plays(fail(stylesprint.CodeContextTooLong)), plays(say("b")), plays(say("c"))}
	}
	sizes := func(a, b, c int) change {
		return func(o *route.Options) {
			o.Targets[0].ContextTokens, o.Targets[1].ContextTokens, o.Targets[2].ContextTokens = a, b, c
		}
	}
	for _, c := range []struct {
		name   string
		larger bool
		sizes  change
		want   string
	}{
		{"not wanted", false, sizes(2048, 4096, 8192), ""}, {"the next", true, sizes(2048, 4096, 8192), "b"},
		{"the one that is larger", true, sizes(2048, 2048, 8192), "c"}, {"none", true, sizes(8192, 2048, 8192), ""}, {"unknown", true, sizes(0, 0, 8192), "c"},
	} {
		w := open(t, clients(), c.sizes, policy(route.Policy{LargerContext: c.larger}))
		reply, _, err := w.ask(t.Context(), true)
		if c.want != "" && (err != nil || reply.Target != c.want) || c.want == "" && stylesprint.CodeOf(err) != stylesprint.CodeContextTooLong || w.target(t, "a").Faults != 0 {
			t.Errorf("%s: %+v, error %v", c.name, reply, err)
		}
	}
}
