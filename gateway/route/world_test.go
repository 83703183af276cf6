package route_test

import (
	"context"
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

type permanent struct{}

func (permanent) Error() string   { return "permanent" }
func (permanent) Permanent() bool { return true }
