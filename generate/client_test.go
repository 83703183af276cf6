package generate_test

import (
	"context"
	"errors"
	"math"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"stylesprint"
	"stylesprint/generate"
	"stylesprint/generate/fake"
)

func user(text string) []stylesprint.Message {
	return []stylesprint.Message{{Role: stylesprint.RoleUser, Content: text}}
}

func fault(code stylesprint.Code, wait time.Duration) error {
	return &stylesprint.Error{Code: code, Message: "fault", RetryAfter: wait}
}

func TestReplyIsMeasuredAndPriced(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := fake.New(fake.Script{Answers: []fake.Answer{{
			Text: "one two three", Pause: 2 * time.Second, Pace: time.Second,
			Usage: &stylesprint.Usage{PromptTokens: 1000, CompletionTokens: 200, CachedTokens: 400},
		}}})
		c := generate.New(d, generate.Options{Price: stylesprint.Price{InputPerMillion: 2, CachedPerMillion: 0.5, OutputPerMillion: 8}})
		r, err := c.Stream(t.Context(), generate.Request{Messages: user("hi")}, func(generate.Delta) error { return nil })
		if err != nil {
			t.Fatal(err)
		}
		// 600 x 2 + 400 x 0.5 + 200 x 8 = 3,000 millionths.
		if r.FirstToken != 2*time.Second || r.Latency != 4*time.Second || r.Cost != stylesprint.MoneyOf(0.003) {
			t.Errorf("first token %v, latency %v, cost %v", r.FirstToken, r.Latency, r.Cost)
		}
	})
}

func TestDefaultsReachTheDriver(t *testing.T) {
	t.Parallel()
	d := fake.New(fake.Script{})
	c := generate.New(d, generate.Options{})
	given := generate.Request{Messages: user("hi")}
	if _, err := c.Generate(t.Context(), given); err != nil {
		t.Fatal(err)
	}
	p := d.Calls()[0].Params
	if *p.Temperature != 0.7 || *p.TopP != 1 || *p.TopK != 0 || *p.MinP != 0 || *p.RepetitionPenalty != 1 || *p.MaxTokens != 256 || p.Seed != nil {
		t.Errorf("params %+v", p)
	}
	if given.Params.Temperature != nil {
		t.Error("the caller's request was changed")
	}
}

func TestRetry(t *testing.T) {
	t.Parallel()
	type waits = []time.Duration
	const s = time.Second
	down, busy := fault(stylesprint.CodeUnavailable, 0), fault(stylesprint.CodeRateLimited, 5*s)
	cases := []struct {
		name     string
		answers  []fake.Answer
		attempts int
		timeout  time.Duration
		stream   bool
		calls    int
		waits    waits // with jitter drawn as 0.5: three quarters of the doubled delay
		code     stylesprint.Code
	}{
		{"not asked to", []fake.Answer{{Err: down}}, 0, 0, false, 1, nil, stylesprint.CodeUnavailable},
		{"passes", []fake.Answer{{Call: 1, Err: down}, {Call: 2, Err: down}}, 5, 0, false, 3, waits{s * 3 / 4, s * 3 / 2}, ""},
		{"gives up", []fake.Answer{{Err: down}}, 3, 0, false, 3, waits{s * 3 / 4, s * 3 / 2}, stylesprint.CodeUnavailable},
		{"bounded delay", []fake.Answer{{Err: down}}, 7, 0, false, 7, waits{s * 3 / 4, s * 3 / 2, 3 * s, 6 * s, s * 15 / 2, s * 15 / 2}, stylesprint.CodeUnavailable},
		{"told when", []fake.Answer{{Call: 1, Err: busy}}, 2, 0, false, 2, waits{5 * s}, ""},
		{"told too late", []fake.Answer{{Err: fault(stylesprint.CodeRateLimited, 11*s)}}, 3, 0, false, 1, nil, stylesprint.CodeRateLimited},
		{"after the deadline", []fake.Answer{{Err: busy}}, 3, 4 * s, false, 1, nil, stylesprint.CodeRateLimited},
		{"upstream", []fake.Answer{{Call: 1, Err: fault(stylesprint.CodeUpstream, 0)}}, 2, 0, false, 2, waits{s * 3 / 4}, ""},
		{"driver's timeout", []fake.Answer{{Call: 1, Err: fault(stylesprint.CodeTimeout, 0)}}, 2, 0, false, 2, waits{s * 3 / 4}, ""},
		{"invalid", []fake.Answer{{Err: fault(stylesprint.CodeInvalid, 0)}}, 3, 0, false, 1, nil, stylesprint.CodeInvalid},
		{"unauthorized", []fake.Answer{{Err: fault(stylesprint.CodeUnauthorized, 0)}}, 3, 0, false, 1, nil, stylesprint.CodeUnauthorized},
		{"context", []fake.Answer{{Err: fault(stylesprint.CodeContextTooLong, 0)}}, 3, 0, false, 1, nil, stylesprint.CodeContextTooLong},
		{"refused", []fake.Answer{{Err: fault(stylesprint.CodeRefused, 0)}}, 3, 0, false, 1, nil, stylesprint.CodeRefused},
		{"unknown", []fake.Answer{{Err: errors.New("odd")}}, 3, 0, false, 1, nil, stylesprint.CodeInternal},
		{"stream before its first piece", []fake.Answer{{Call: 1, Err: down}}, 3, 0, true, 2, waits{s * 3 / 4}, ""},
		{"stream after its first piece", []fake.Answer{{Text: "a b c", Err: down, After: 1}}, 3, 0, true, 1, nil, stylesprint.CodeUnavailable},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				d := fake.New(fake.Script{Answers: k.answers})
				var slept waits
				c := generate.New(d, generate.Options{
					Retry:  generate.Retry{Attempts: k.attempts, MinDelay: s, MaxDelay: 10 * s},
					Sleep:  func(ctx context.Context, d time.Duration) error { slept = append(slept, d); return ctx.Err() },
					Random: func() float64 { return 0.5 },
				})
				ctx := t.Context()
				if k.timeout > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, k.timeout)
					defer cancel()
				}
				var emit func(generate.Delta) error
				if k.stream {
					emit = func(generate.Delta) error { return nil }
				}
				_, err := c.Stream(ctx, generate.Request{Messages: user("hi")}, emit)
				if stylesprint.CodeOf(err) != k.code || len(d.Calls()) != k.calls || !slices.Equal(slept, k.waits) {
					t.Errorf("error %v after %d calls and waits of %v; want %q, %d, %v", err, len(d.Calls()), slept, k.code, k.calls, k.waits)
				}
			})
		})
	}
}

func TestContextEndsARetrysWait(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := generate.New(fake.New(fake.Script{Answers: []fake.Answer{{Err: fault(stylesprint.CodeUnavailable, 0)}}}),
			generate.Options{Retry: generate.Retry{Attempts: 2, MinDelay: time.Hour, MaxDelay: time.Hour}})
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start := time.Now()
		_, err := c.Generate(ctx, generate.Request{Prompt: "hi"})
		if stylesprint.CodeOf(err) != stylesprint.CodeCancelled || time.Since(start) != time.Second {
			t.Errorf("error %v after %v", err, time.Since(start))
		}
	})
}

func TestCloseWaits(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := generate.New(fake.New(fake.Script{Pause: time.Second}), generate.Options{})
		var wg sync.WaitGroup
		wg.Go(func() {
			if _, err := c.Generate(t.Context(), generate.Request{Prompt: "hi"}); err != nil {
				t.Errorf("a running request: %v", err)
			}
		})
		synctest.Wait()
		start := time.Now()
		for range 2 {
			if err := c.Close(); err != nil {
				t.Error(err)
			}
		}
		if waited := time.Since(start); waited != time.Second {
			t.Errorf("close took %v", waited)
		}
		for _, call := range []func() error{
			func() error { _, err := c.Generate(t.Context(), generate.Request{Prompt: "hi"}); return err },
			func() error { _, err := c.Models(t.Context()); return err },
		} {
			if err := call(); stylesprint.CodeOf(err) != stylesprint.CodeUnavailable {
				t.Errorf("after close: %v", err)
			}
		}
		wg.Wait()
	})
}

func TestValidate(t *testing.T) {
	t.Parallel()
	f := func(v float64) *float64 { return &v }
	n := func(v int) *int { return &v }
	params := func(p generate.Params) generate.Request { return generate.Request{Prompt: "hi", Params: p} }
	cases := []struct {
		name  string
		req   generate.Request
		field string // "" is valid
	}{
		{"prompt", generate.Request{Prompt: "hi"}, ""},
		{"messages", generate.Request{Messages: user("hi")}, ""},
		{"empty assistant turn", generate.Request{Messages: append(user("hi"), stylesprint.Message{Role: stylesprint.RoleAssistant})}, ""},
		{"raw messages", generate.Request{Extra: extra("messages", ` [{"role":"tool"}]`)}, ""},
		{"nothing", generate.Request{}, "prompt"},
		{"blank prompt", generate.Request{Prompt: " \n"}, "prompt"},
		{"both", generate.Request{Prompt: "hi", Messages: user("hi")}, "prompt"},
		{"raw messages and prompt", generate.Request{Prompt: "hi", Extra: extra("messages", `[]`)}, "prompt"},
		{"raw messages of another kind", generate.Request{Extra: extra("messages", `{}`)}, "messages"},
		{"bytes", generate.Request{Prompt: "\xff"}, "prompt"},
		{"role", generate.Request{Messages: []stylesprint.Message{{Role: "tool", Content: "x"}}}, "messages[0].role"},
		{"empty message", generate.Request{Messages: append(user("hi"), user(" ")...)}, "messages[1].content"},
		{"bytes in a message", generate.Request{Messages: user("\xff")}, "messages[0].content"},
		{"edges", params(generate.Params{Temperature: f(0), TopP: f(1), TopK: n(0), MinP: f(0), RepetitionPenalty: f(10), MaxTokens: n(1), Stop: []string{"x"}}), ""},
		{"temperature", params(generate.Params{Temperature: f(2.01)}), "temperature"},
		{"negative temperature", params(generate.Params{Temperature: f(-0.1)}), "temperature"},
		{"not a number", params(generate.Params{Temperature: f(math.NaN())}), "temperature"},
		{"top_p 0", params(generate.Params{TopP: f(0)}), "top_p"},
		{"top_p", params(generate.Params{TopP: f(1.1)}), "top_p"},
		{"top_k", params(generate.Params{TopK: n(-1)}), "top_k"},
		{"min_p", params(generate.Params{MinP: f(1)}), "min_p"},
		{"repetition_penalty", params(generate.Params{RepetitionPenalty: f(0)}), "repetition_penalty"},
		{"infinite penalty", params(generate.Params{RepetitionPenalty: f(math.Inf(1))}), "repetition_penalty"},
		{"max_tokens", params(generate.Params{MaxTokens: n(0)}), "max_tokens"},
		{"stop", params(generate.Params{Stop: []string{"a", ""}}), "stop"},
		{"reserved", generate.Request{Prompt: "hi", Extra: extra("temperature", `3`)}, "temperature"},
		{"broken extra", generate.Request{Prompt: "hi", Extra: extra("x", `{`)}, "x"},
	}
	for _, k := range cases {
		d := fake.New(fake.Script{})
		_, err := generate.New(d, generate.Options{}).Generate(t.Context(), k.req)
		if k.field == "" {
			if err != nil {
				t.Errorf("%s: %v", k.name, err)
			}
			continue
		}
		var e *stylesprint.Error
		if !errors.As(err, &e) || e.Code != stylesprint.CodeInvalid || e.Field != k.field || len(d.Calls()) != 0 {
			t.Errorf("%s: %#v after %d calls; want field %s", k.name, e, len(d.Calls()), k.field)
		}
	}
}
