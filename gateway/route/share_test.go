package route_test

import (
	"context"
	"math"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/gateway/route"
	"stylesprint/generate"
)

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
