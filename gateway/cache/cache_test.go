package cache

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/generate"
)

// model is an Ask that counts its calls.
type model struct {
	calls  atomic.Int64
	begun  chan struct{} // if not nil, told of each call
	gate   chan struct{} // if not nil, each call waits for one
	pieces []string
	reply  func(n int64) (stylesprint.Reply, error)
}

func (m *model) ask(ctx context.Context, call *gateway.Call, emit func(generate.Delta) error) (stylesprint.Reply, error) {
	n := m.calls.Add(1)
	call.Header.Set("X-Target", "t1")
	if m.begun != nil {
		m.begun <- struct{}{}
	}
	if emit != nil {
		for _, p := range m.pieces {
			if err := emit(generate.Delta{Text: p, Raw: json.RawMessage(`{"n":` + fmt.Sprint(n) + `}`)}); err != nil {
				return stylesprint.Reply{Usage: stylesprint.Usage{PromptTokens: 1}, Cost: 1, Billed: 1}, err
			}
		}
	}
	if m.gate != nil {
		select {
		case <-m.gate:
		case <-ctx.Done():
			return stylesprint.Reply{Cost: 1, Billed: 2}, &stylesprint.Error{Code: stylesprint.CodeCancelled, Message: "cancelled", Err: ctx.Err()}
		}
	}
	if m.reply != nil {
		return m.reply(n)
	}
	return whole(n), nil
}

func whole(n int64) stylesprint.Reply {
	return stylesprint.Reply{Text: fmt.Sprint("answer ", n), Model: "m-1", FinishReason: stylesprint.FinishStop, Usage: stylesprint.Usage{PromptTokens: 10, CompletionTokens: 3},
		Cost: 7, Billed: 9, Attempts: 2, Target: "t1", Release: "r1", Latency: time.Second, FirstToken: time.Second, Raw: []byte(`{"id":"x"}`)}
}

func hitOf(n int64) stylesprint.Reply {
	r := whole(n)
	r.Cost, r.Billed, r.Attempts, r.Latency, r.FirstToken, r.Usage.CachedTokens = 0, 0, 0, 0, 0, 10
	return r
}

func zero() *float64 { return new(float64) }

// question is a call that may be cached.
func question(change ...func(*gateway.Call)) *gateway.Call {
	c := &gateway.Call{
		RequestID: "id", Model: "m", Caller: gateway.Caller{KeyID: "k1"}, Inbound: http.Header{}, Header: http.Header{},
		Request: generate.Request{Model: "m-1", Messages: []stylesprint.Message{{Role: stylesprint.RoleUser, Content: "x"}}, Params: generate.Params{Temperature: zero()}},
	}
	for _, f := range change {
		f(c)
	}
	return c
}

func extra(name, raw string) func(*gateway.Call) {
	return func(c *gateway.Call) {
		if c.Request.Extra == nil {
			c.Request.Extra = map[string]json.RawMessage{}
		}
		c.Request.Extra[name] = json.RawMessage(raw)
	}
}

func inbound(name, value string) func(*gateway.Call) {
	return func(c *gateway.Call) { c.Inbound.Add(name, value) }
}

func made(t *testing.T, o Options) (*Cache, *prometheus.Registry) {
	t.Helper()
	r := prometheus.NewRegistry()
	o.Metrics = r
	c, err := New(o)
	if err != nil {
		t.Fatal(err)
	}
	return c, r
}

func metric(t *testing.T, r *prometheus.Registry, name, label string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for _, f := range families {
		for _, m := range f.Metric {
			if f.GetName() == "stylesprint_"+name && (label == "" || m.Label[0].GetValue() == label) {
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
			}
		}
	}
	return sum
}

func TestHit(t *testing.T) {
	t.Parallel()
	m := &model{}
	c, r := made(t, Options{})
	ask := c.Stage(m.ask)
	for i, want := range []struct {
		reply stylesprint.Reply
		word  string
	}{{whole(1), "miss"}, {hitOf(1), "hit"}, {hitOf(1), "hit"}} {
		call := question()
		got, err := ask(t.Context(), call, nil)
		if err != nil || !reflect.DeepEqual(got, want.reply) {
			t.Errorf("%d: %v\ngot  %+v\nwant %+v", i, err, got, want.reply)
		}
		if call.Cache != want.word || call.Header.Get("X-Cache") != want.word {
			t.Errorf("%d: %q, header %q", i, call.Cache, call.Header.Get("X-Cache"))
		}
		if target := call.Header.Get("X-Target"); (target == "t1") != (want.word == "miss") {
			t.Errorf("%d: headers of the route: %q", i, target)
		}
	}
	if metric(t, r, "cache_requests_total", "hit") != 2 || metric(t, r, "cache_requests_total", "miss") != 1 || metric(t, r, "cache_entries", "") != 1 || metric(t, r, "cache_bytes", "") < 500 {
		t.Error("metrics are wrong")
	}
	c.Purge()
	if _, err := ask(t.Context(), question(), nil); err != nil || m.calls.Load() != 2 {
		t.Errorf("after a purge: %v, %d calls", err, m.calls.Load())
	}
}

func TestStreamsArePlayedBack(t *testing.T) {
	t.Parallel()
	m := &model{pieces: []string{"a", "b", "c"}}
	c, _ := made(t, Options{})
	ask := c.Stage(m.ask)
	var texts []string
	for range 2 {
		text := ""
		reply, err := ask(t.Context(), question(), func(d generate.Delta) error {
			text += d.Text + string(d.Raw)
			return nil
		})
		if err != nil || reply.Text != "answer 1" {
			t.Errorf("%+v, %v", reply, err)
		}
		texts = append(texts, text)
	}
	if texts[0] != `a{"n":1}b{"n":1}c{"n":1}` || texts[1] != texts[0] {
		t.Errorf("%q", texts)
	}
	// A client that leaves ends the playback.
	gone := errors.New("gone")
	if _, err := ask(t.Context(), question(), func(generate.Delta) error { return gone }); !errors.Is(err, gone) {
		t.Errorf("%v", err)
	}
	// A whole answer is another question, as its raw form is.
	if reply, err := ask(t.Context(), question(), nil); err != nil || reply.Text != "answer 2" {
		t.Errorf("%+v, %v", reply, err)
	}
}

// What makes two questions the same, and what does not.
func TestKey(t *testing.T) {
	t.Parallel()
	type change = func(*gateway.Call)
	for name, c := range map[string]struct {
		a, b change
		same bool
	}{
		"the same":          {func(*gateway.Call) {}, func(*gateway.Call) {}, true},
		"request ids":       {func(c *gateway.Call) { c.RequestID = "other" }, func(*gateway.Call) {}, true},
		"order of members":  {extra("f", `{"a":1,"b":[1,{"x":null}]}`), extra("f", " {\"b\" :[1, {\"x\":null}],\n\"a\":1}"), true},
		"escapes":           {extra("f", `"\u00e9"`), extra("f", `"é"`), true},
		"order of a list":   {extra("f", `[1,2]`), extra("f", `[2,1]`), false},
		"a field's value":   {extra("f", `1`), extra("f", `2`), false},
		"a field more":      {extra("f", `1`), func(*gateway.Call) {}, false},
		"large numbers":     {extra("f", `9007199254740993`), extra("f", `9007199254740992`), false},
		"messages":          {func(c *gateway.Call) { c.Request.Messages[0].Content = "y" }, func(*gateway.Call) {}, false},
		"roles":             {func(c *gateway.Call) { c.Request.Messages[0].Role = stylesprint.RoleSystem }, func(*gateway.Call) {}, false},
		"prompt":            {func(c *gateway.Call) { c.Request.Prompt = "y" }, func(*gateway.Call) {}, false},
		"model":             {func(c *gateway.Call) { c.Model = "n" }, func(*gateway.Call) {}, false},
		"target":            {func(c *gateway.Call) { c.Request.Model = "n" }, func(*gateway.Call) {}, false},
		"seed":              {func(c *gateway.Call) { c.Request.Params.Seed = new(uint64) }, func(*gateway.Call) {}, false},
		"max tokens":        {func(c *gateway.Call) { n := 5; c.Request.Params.MaxTokens = &n }, func(*gateway.Call) {}, false},
		"stop":              {func(c *gateway.Call) { c.Request.Params.Stop = []string{"a"} }, func(*gateway.Call) {}, false},
		"who asks":          {func(c *gateway.Call) { c.Caller.KeyID = "k2" }, func(*gateway.Call) {}, false},
		"nobody and a name": {func(c *gateway.Call) { c.Caller.KeyID = "" }, func(*gateway.Call) {}, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &model{}
			cache, _ := made(t, Options{})
			ask := cache.Stage(m.ask)
			for _, f := range []change{c.a, c.b} {
				if _, err := ask(t.Context(), question(f), nil); err != nil {
					t.Fatal(err)
				}
			}
			if same := m.calls.Load() == 1; same != c.same {
				t.Errorf("same: %v", same)
			}
		})
	}
}

func TestSharedAndRevision(t *testing.T) {
	t.Parallel()
	m, revision := &model{}, "1"
	c, _ := made(t, Options{Shared: true, Revision: func(string) string { return revision }})
	ask := c.Stage(m.ask)
	other := func(c *gateway.Call) { c.Caller.KeyID = "k2" }
	for i, calls := range []int64{1, 1, 2} {
		revision = []string{"1", "1", "2"}[i]
		if _, err := ask(t.Context(), question(other), nil); err != nil || m.calls.Load() != calls {
			t.Errorf("%d: %d calls, %v", i, m.calls.Load(), err)
		}
	}
}

// Which requests the cache has a part in.
func TestAllowed(t *testing.T) {
	t.Parallel()
	warm := func(c *gateway.Call) { v := 0.7; c.Request.Params.Temperature = &v }
	byDefault := func(c *gateway.Call) { c.Request.Params.Temperature = nil }
	type change = func(*gateway.Call)
	for name, c := range map[string]struct {
		change []change
		words  string // of three requests
	}{
		"temperature 0":         {nil, "miss hit hit"},
		"a temperature":         {[]change{warm}, "- - -"},
		"no temperature":        {[]change{byDefault}, "- - -"},
		"opted in":              {[]change{warm, inbound("X-Cache", "Allow")}, "miss hit hit"},
		"not to be stored":      {[]change{inbound("Cache-Control", "max-age=5, no-store")}, "- - -"},
		"anew":                  {[]change{inbound("Cache-Control", "no-cache")}, "miss miss miss"},
		"no age":                {[]change{inbound("Cache-Control", "x"), inbound("Cache-Control", "max-age=0")}, "miss miss miss"},
		"opted in, not stored":  {[]change{byDefault, inbound("X-Cache", "allow"), inbound("Cache-Control", "NO-STORE")}, "- - -"},
		"a field of no meaning": {[]change{extra("f", `{`)}, "- - -"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cache, _ := made(t, Options{})
			ask := cache.Stage((&model{}).ask)
			var words []string
			for range 3 {
				call := question(c.change...)
				if _, err := ask(t.Context(), call, nil); err != nil {
					t.Fatal(err)
				}
				if call.Header.Get("X-Cache") != call.Cache {
					t.Errorf("header %q, log %q", call.Header.Get("X-Cache"), call.Cache)
				}
				if call.Cache == "" {
					call.Cache = "-"
				}
				words = append(words, call.Cache)
			}
			if got := strings.Join(words, " "); got != c.words {
				t.Errorf("got %s, want %s", got, c.words)
			}
		})
	}
	// An answer that was asked for anew is what others get from then on.
	m := &model{}
	cache, _ := made(t, Options{})
	ask := cache.Stage(m.ask)
	text := ""
	for _, f := range []change{func(*gateway.Call) {}, inbound("Cache-Control", "no-cache"), func(*gateway.Call) {}} {
		r, err := ask(t.Context(), question(f), nil)
		if err != nil {
			t.Fatal(err)
		}
		text += r.Text + ", "
	}
	if text != "answer 1, answer 2, answer 2, " {
		t.Errorf("%s", text)
	}
}

// What is not kept.
func TestNotKept(t *testing.T) {
	t.Parallel()
	refused := &stylesprint.Error{Code: stylesprint.CodeUpstream, Message: "broken"}
	with := func(f func(*stylesprint.Reply)) func(int64) (stylesprint.Reply, error) {
		return func(n int64) (stylesprint.Reply, error) {
			r := whole(n)
			f(&r)
			return r, nil
		}
	}
	for name, c := range map[string]struct {
		reply func(int64) (stylesprint.Reply, error)
		calls int64 // of two requests
	}{
		"stop":     {with(func(*stylesprint.Reply) {}), 1},
		"length":   {with(func(r *stylesprint.Reply) { r.FinishReason = stylesprint.FinishLength }), 1},
		"unnamed":  {with(func(r *stylesprint.Reply) { r.FinishReason = "" }), 1},
		"withheld": {with(func(r *stylesprint.Reply) { r.FinishReason = stylesprint.FinishContentFilter }), 2},
		"a tool":   {with(func(r *stylesprint.Reply) { r.FinishReason = "tool_calls" }), 2},
		"nothing":  {with(func(r *stylesprint.Reply) { r.Text, r.Raw = "", nil }), 2},
		"large":    {with(func(r *stylesprint.Reply) { r.Text = strings.Repeat("x", 3000) }), 2},
		"an error": {func(int64) (stylesprint.Reply, error) { return stylesprint.Reply{}, refused }, 2},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := &model{reply: c.reply}
			cache, _ := made(t, Options{MaxEntry: 2000})
			ask := cache.Stage(m.ask)
			for range 2 {
				if _, err := ask(t.Context(), question(), nil); err != nil && !errors.Is(err, refused) {
					t.Fatal(err)
				}
			}
			if m.calls.Load() != c.calls {
				t.Errorf("%d calls", m.calls.Load())
			}
		})
	}
}

func TestBounds(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Unix(1000, 0)
	m := &model{}
	c, r := made(t, Options{MaxBytes: 2000, TTL: time.Minute, Now: func() time.Time { mu.Lock(); defer mu.Unlock(); return now }})
	ask := c.Stage(m.ask)
	word := func(prompt string) string {
		call := question(func(c *gateway.Call) { c.Request.Prompt = prompt })
		if _, err := ask(t.Context(), call, nil); err != nil {
			t.Fatal(err)
		}
		return call.Cache
	}
	// Three fit. The one that was not used goes.
	got := word("a") + word("b") + word("c") + word("a") + word("d") + word("a") + word("b")
	if got != "missmissmisshitmisshitmiss" {
		t.Error(got)
	}
	if metric(t, r, "cache_bytes", "") > 2000 || metric(t, r, "cache_dropped_total", "full") != 2 {
		t.Errorf("%v bytes, %v dropped", metric(t, r, "cache_bytes", ""), metric(t, r, "cache_dropped_total", "full"))
	}
	mu.Lock()
	now = now.Add(time.Minute)
	mu.Unlock()
	if word("a") != "miss" || metric(t, r, "cache_dropped_total", "expired") != 1 {
		t.Error("an old answer was given")
	}
	if _, err := New(Options{MaxBytes: -1, TTL: -1}); err == nil || !strings.Contains(err.Error(), "max_bytes: ") || !strings.Contains(err.Error(), "ttl: ") {
		t.Errorf("%v", err)
	}
}
