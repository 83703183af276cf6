package cache

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/generate"
)

// outcome is what one of several requests got.
type outcome struct {
	call  *gateway.Call
	reply stylesprint.Reply
	err   error
	text  string
}

// together asks the same n times at once, and returns when all but the first have joined it.
func together(t *testing.T, c *Cache, m *model, contexts []context.Context, stream bool) chan outcome {
	t.Helper()
	ask := c.Stage(m.ask)
	out := make(chan outcome, len(contexts))
	for i, ctx := range contexts {
		go func() {
			o := outcome{call: question()}
			var emit func(generate.Delta) error
			if stream {
				emit = func(d generate.Delta) error { o.text += d.Text; return nil }
			}
			o.reply, o.err = ask(ctx, o.call, emit)
			out <- o
		}()
		if i == 0 {
			<-m.begun
		}
	}
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		c.mu.Lock()
		here := 0
		for _, f := range c.flights {
			f.mu.Lock()
			here += f.here
			f.mu.Unlock()
		}
		c.mu.Unlock()
		if here == len(contexts) {
			return out
		}
		if time.Now().After(end) {
			t.Fatalf("%d of %d wait", here, len(contexts))
		}
	}
}

// Identical requests at once cost one call, which one of them pays.
func TestSharedCall(t *testing.T) {
	t.Parallel()
	for _, stream := range []bool{false, true} {
		m := &model{begun: make(chan struct{}, 9), gate: make(chan struct{}, 1), pieces: []string{"a", "b"}}
		c, r := made(t, Options{})
		contexts := make([]context.Context, 8)
		for i := range contexts {
			contexts[i] = t.Context()
		}
		out := together(t, c, m, contexts, stream)
		m.gate <- struct{}{}
		var cost, billed stylesprint.Money
		misses := 0
		for range contexts {
			o := <-out
			if o.err != nil || o.reply.Text != "answer 1" || (stream && o.text != "ab") || o.call.Header.Get("X-Target") != "t1" {
				t.Errorf("%+v", o)
			}
			cost, billed = cost+o.reply.Cost, billed+o.reply.Billed
			if o.call.Cache == miss {
				misses++
			}
		}
		if m.calls.Load() != 1 || cost != 7 || billed != 9 || misses != 1 || metric(t, r, "cache_requests_total", "shared") != 7 {
			t.Errorf("%d calls, cost %d, billed %d, %d misses", m.calls.Load(), cost, billed, misses)
		}
	}
}

// Whoever leaves, the others get their answer, and one of them carries the cost.
func TestFirstLeaves(t *testing.T) {
	t.Parallel()
	m := &model{begun: make(chan struct{}, 9), gate: make(chan struct{}, 1)}
	c, _ := made(t, Options{})
	leaving, leave := context.WithCancel(t.Context())
	out := together(t, c, m, []context.Context{leaving, t.Context(), t.Context()}, false)
	leave()
	first := <-out
	if stylesprint.CodeOf(first.err) != stylesprint.CodeCancelled || first.reply.Cost != 0 {
		t.Errorf("%+v", first)
	}
	m.gate <- struct{}{}
	var cost stylesprint.Money
	for range 2 {
		o := <-out
		if o.err != nil || o.reply.Text != "answer 1" || (o.reply.Cost > 0) != (o.call.Cache == miss) {
			t.Errorf("%+v", o)
		}
		cost += o.reply.Cost
	}
	if cost != 7 {
		t.Errorf("cost %d", cost)
	}
}

// When all have left the call ends, before the last request does, which carries what was billed.
func TestAllLeave(t *testing.T) {
	t.Parallel()
	m := &model{begun: make(chan struct{}, 9), gate: make(chan struct{})}
	c, _ := made(t, Options{})
	ctx, leave := context.WithCancel(t.Context())
	out := together(t, c, m, []context.Context{ctx, ctx, ctx}, false)
	leave()
	var billed stylesprint.Money
	for range 3 {
		o := <-out
		if stylesprint.CodeOf(o.err) != stylesprint.CodeCancelled {
			t.Errorf("%+v", o)
		}
		billed += o.reply.Billed
	}
	c.mu.Lock()
	flights := len(c.flights)
	c.mu.Unlock()
	if billed != 2 || flights != 0 {
		t.Errorf("billed %d, %d flights left", billed, flights)
	}
	close(m.gate)
	if r, err := c.Stage(m.ask)(t.Context(), question(), nil); err != nil || r.Text != "answer 2" {
		t.Errorf("the next request: %+v, %v", r, err)
	}
}

// A client that is gone ends the stream for itself alone.
func TestEmitFails(t *testing.T) {
	t.Parallel()
	m := &model{pieces: []string{"a", "b"}}
	c, _ := made(t, Options{})
	gone := errors.New("gone")
	reply, err := c.Stage(m.ask)(t.Context(), question(), func(generate.Delta) error { return gone })
	if !errors.Is(err, gone) || reply.Cost == 0 {
		t.Errorf("%+v, %v", reply, err)
	}
}

// An answer that was begun before a purge is not kept after it.
func TestPurgeInFlight(t *testing.T) {
	t.Parallel()
	m := &model{begun: make(chan struct{}, 9), gate: make(chan struct{}, 2)}
	c, _ := made(t, Options{})
	out := together(t, c, m, []context.Context{t.Context()}, false)
	c.Purge()
	m.gate <- struct{}{}
	if o := <-out; o.err != nil || o.reply.Text != "answer 1" {
		t.Errorf("%+v", o)
	}
	m.gate <- struct{}{}
	if r, err := c.Stage(m.ask)(t.Context(), question(), nil); err != nil || r.Text != "answer 2" {
		t.Errorf("%+v, %v", r, err)
	}
}

// Errors go to all, and a panic to one.
func TestErrorsAreShared(t *testing.T) {
	t.Parallel()
	broken := &stylesprint.Error{Code: stylesprint.CodeUpstream, Message: "broken"}
	m := &model{begun: make(chan struct{}, 9), gate: make(chan struct{}, 1), reply: func(int64) (stylesprint.Reply, error) {
		return stylesprint.Reply{Billed: 5}, broken
	}}
	c, _ := made(t, Options{})
	out := together(t, c, m, []context.Context{t.Context(), t.Context()}, false)
	m.gate <- struct{}{}
	var billed stylesprint.Money
	for range 2 {
		o := <-out
		billed += o.reply.Billed
		if !errors.Is(o.err, broken) {
			t.Errorf("%+v", o)
		}
	}
	if billed != 5 {
		t.Errorf("billed %d", billed)
	}
	defer func() {
		if p := recover(); p != "oh" {
			t.Errorf("recovered %v", p)
		}
	}()
	_, _ = c.Stage(func(context.Context, *gateway.Call, func(generate.Delta) error) (stylesprint.Reply, error) {
		panic("oh")
	})(t.Context(), question(), nil)
}

// Many requests, few questions, clients that leave at any moment: no answer is wrong, and the
// requests' bills are those of the calls, to the last one.
func TestManyAtOnce(t *testing.T) {
	t.Parallel()
	m := &model{pieces: []string{"a", "b", "c"}}
	c, _ := made(t, Options{MaxBytes: 1500, TTL: time.Millisecond})
	var mu sync.Mutex
	var billed, want stylesprint.Money
	ask := c.Stage(func(ctx context.Context, call *gateway.Call, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		reply, err := m.ask(ctx, call, emit)
		mu.Lock()
		defer mu.Unlock()
		want += reply.Billed
		return reply, err
	})
	var wg sync.WaitGroup
	for w := range 8 {
		wg.Go(func() {
			for i := range 300 {
				ctx, cancel := context.WithCancel(t.Context())
				if i%5 == w%5 {
					go cancel()
				}
				text := ""
				reply, err := ask(ctx, question(func(call *gateway.Call) { call.Request.Prompt = string(rune('a' + i%3)) }), func(d generate.Delta) error {
					text += d.Text
					return nil
				})
				if err == nil && text != "abc" {
					t.Errorf("%q", text)
				}
				cancel()
				mu.Lock()
				billed += reply.Billed
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	if billed != want || want == 0 {
		t.Errorf("%d billed for %d calls, want %d", billed, m.calls.Load(), want)
	}
}
