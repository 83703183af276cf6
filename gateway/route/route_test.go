package route_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/gateway/route"
	"stylesprint/generate"
)

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
