// Package generatetest is the conformance suite of generate.Driver, and an
// OpenAI-compatible server for tests.
//
// Key words: suite, harness, server.
//
// A driver's test is
//
//	generatetest.Run(t, generatetest.Harness{Open: func(t *testing.T) generate.Driver { ... }, ...})
//
// It must pass for every driver; what a provider cannot promise (seeds, a known
// context) the Harness says, and nothing else is let off.
package generatetest

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf8"

	"stylesprint"
	"stylesprint/generate"
)

// Harness describes a driver to the suite.
type Harness struct {
	// Open returns a new driver. The suite closes it.
	Open func(t *testing.T) generate.Driver
	// Model is a name to ask for.
	Model string
	// Prompt is a question that is answered with at least 12 tokens at temperature 0.
	Prompt string
	// Seeded says that different seeds give different texts. That the same seed
	// gives the same text holds for all.
	Seeded bool
	// ContextTokens is the limit of prompt plus answer.
	ContextTokens int
	// Refused is the name of an extra field that the driver does not support.
	Refused string
	// Rounding says that requests which run together may differ from the same
	// ones run alone, since their sums are rounded otherwise.
	Rounding bool
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	t.Helper()
	s := suite{Harness: h}
	for _, c := range []struct {
		name string
		run  func(t *testing.T)
	}{
		{"Plain", s.plain},
		{"Prompt", s.prompt},
		{"Streamed", s.streamed},
		{"Stop", s.stop},
		{"Length", s.length},
		{"Seed", s.seed},
		{"CancelledBefore", s.cancelledBefore},
		{"CancelledMidway", s.cancelledMidway},
		{"Deadline", s.deadline},
		{"EmitFails", s.emitFails},
		{"Concurrent", s.concurrent},
		{"ContextTooLong", s.contextTooLong},
		{"Unsupported", s.unsupported},
		{"Models", s.models},
		{"Closed", s.closed},
	} {
		t.Run(c.name, c.run)
	}
}

type suite struct{ Harness }

func (s suite) client(t *testing.T) *generate.Client {
	t.Helper()
	c := generate.New(s.Open(t), generate.Options{Price: stylesprint.Price{InputPerMillion: 1, OutputPerMillion: 2}})
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c
}

// request is greedy, so that its answer is known.
func (s suite) request(tokens int) generate.Request {
	zero := 0.0
	return generate.Request{
		Model:    s.Model,
		Messages: []stylesprint.Message{{Role: stylesprint.RoleUser, Content: s.Harness.Prompt}},
		Params:   generate.Params{Temperature: &zero, MaxTokens: &tokens},
	}
}

func (s suite) answer(t *testing.T, c *generate.Client, req generate.Request) stylesprint.Reply {
	t.Helper()
	reply, err := c.Generate(t.Context(), req)
	if err != nil {
		t.Fatalf("generate: %v", err)
	}
	return reply
}

func (s suite) plain(t *testing.T) {
	c := s.client(t)
	r := s.answer(t, c, s.request(64))
	if strings.TrimSpace(r.Text) == "" || r.Model == "" || r.Latency <= 0 {
		t.Errorf("text %q, model %q, latency %v: want none of them empty", r.Text, r.Model, r.Latency)
	}
	if r.FinishReason != stylesprint.FinishStop && r.FinishReason != stylesprint.FinishLength {
		t.Errorf("finish reason %q", r.FinishReason)
	}
	if r.Usage.PromptTokens <= 0 || r.Usage.CompletionTokens <= 0 || r.Usage.CompletionTokens > 64 {
		t.Errorf("usage %+v: want tokens on both sides, at most 64 of the answer", r.Usage)
	}
	if want := c.Price().Cost(r.Usage); r.Cost != want || want == 0 {
		t.Errorf("cost %v, want %v", r.Cost, want)
	}
	if again := s.answer(t, c, s.request(64)); again.Text != r.Text {
		t.Errorf("a greedy answer differs the second time:\n%q\n%q", r.Text, again.Text)
	}
}

func (s suite) prompt(t *testing.T) {
	req := s.request(16)
	req.Messages, req.Prompt = nil, "The linen shirt is made of"
	r := s.answer(t, s.client(t), req)
	if strings.TrimSpace(r.Text) == "" || r.Usage.PromptTokens <= 0 {
		t.Errorf("text %q, usage %+v", r.Text, r.Usage)
	}
}

func (s suite) streamed(t *testing.T) {
	c := s.client(t)
	whole := s.answer(t, c, s.request(32))
	var b strings.Builder
	pieces := 0
	r, err := c.Stream(t.Context(), s.request(32), func(d generate.Delta) error {
		if !utf8.ValidString(d.Text) {
			t.Errorf("piece %q is not whole characters", d.Text)
		}
		if d.Text != "" {
			pieces++
		}
		b.WriteString(d.Text)
		return nil
	})
	if err != nil {
		t.Fatalf("stream: %v", err)
	}
	if b.String() != r.Text || r.Text != whole.Text {
		t.Errorf("pieces, streamed and whole text differ:\n%q\n%q\n%q", b.String(), r.Text, whole.Text)
	}
	if pieces < 2 {
		t.Errorf("%d pieces: want more than one", pieces)
	}
	// How much of the prompt was in a cache may differ from one request to the next.
	if u := r.Usage; u.CachedTokens < 0 || u.CachedTokens >= u.PromptTokens {
		t.Errorf("%d of %d tokens of the prompt were in a cache", u.CachedTokens, u.PromptTokens)
	}
	if r.Usage.PromptTokens != whole.Usage.PromptTokens || r.Usage.CompletionTokens != whole.Usage.CompletionTokens || r.FinishReason != whole.FinishReason || r.Cost != whole.Cost {
		t.Errorf("streamed %+v %s %v, whole %+v %s %v", r.Usage, r.FinishReason, r.Cost, whole.Usage, whole.FinishReason, whole.Cost)
	}
	if r.FirstToken <= 0 || r.FirstToken > r.Latency {
		t.Errorf("first token after %v of %v", r.FirstToken, r.Latency)
	}
}

// stop takes a word out of the middle of an answer and asks again with it as a stop string.
func (s suite) stop(t *testing.T) {
	c := s.client(t)
	whole := s.answer(t, c, s.request(32)).Text
	words := strings.Fields(whole)
	if len(words) < 6 {
		t.Fatalf("%q has %d words: the harness promises a longer answer", whole, len(words))
	}
	word := words[len(words)/2]
	want, _, _ := strings.Cut(whole, word)
	req := s.request(32)
	req.Params.Stop = []string{"\x01never", word}
	if r := s.answer(t, c, req); r.Text != want || r.FinishReason != stylesprint.FinishStop {
		t.Errorf("stop at %q: got %q (%s), want %q", word, r.Text, r.FinishReason, want)
	}
	var b strings.Builder
	r, err := c.Stream(t.Context(), req, func(d generate.Delta) error { b.WriteString(d.Text); return nil })
	if err != nil || b.String() != want || r.Text != want || r.FinishReason != stylesprint.FinishStop {
		t.Errorf("streamed, stop at %q: pieces %q, text %q (%s), error %v, want %q", word, b.String(), r.Text, r.FinishReason, err, want)
	}
}

func (s suite) length(t *testing.T) {
	r := s.answer(t, s.client(t), s.request(3))
	if r.FinishReason != stylesprint.FinishLength || r.Usage.CompletionTokens != 3 {
		t.Errorf("finish reason %q after %d tokens; want length after 3", r.FinishReason, r.Usage.CompletionTokens)
	}
}

func (s suite) seed(t *testing.T) {
	c := s.client(t)
	ask := func(seed uint64) string {
		req, temperature := s.request(16), 1.0
		req.Params.Temperature, req.Params.Seed = &temperature, &seed
		return s.answer(t, c, req).Text
	}
	first := ask(1)
	if again := ask(1); again != first {
		t.Errorf("the same seed gives\n%q\n%q", first, again)
	}
	if s.Seeded && ask(2) == first && ask(3) == first && ask(4) == first {
		t.Errorf("four seeds give %q", first)
	}
}

func (s suite) cancelledBefore(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.client(t).Generate(ctx, s.request(8))
	wantCode(t, err, stylesprint.CodeCancelled)
}

func (s suite) cancelledMidway(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var at time.Time
	after := 0
	reply, err := s.client(t).Stream(ctx, s.request(200), func(d generate.Delta) error {
		if !at.IsZero() {
			after++
		} else if d.Text != "" {
			at = time.Now()
			cancel()
		}
		return nil
	})
	wantCode(t, err, stylesprint.CodeCancelled)
	if waited := time.Since(at); waited > 5*time.Second {
		t.Errorf("it took %v to stop", waited)
	}
	if after > 1 {
		t.Errorf("%d pieces came after the end of the context; want one at most", after)
	}
	if reply.FinishReason == stylesprint.FinishStop {
		t.Errorf("finish reason %q of an answer that was cut off", reply.FinishReason)
	}
}

func (s suite) deadline(t *testing.T) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err := s.client(t).Generate(ctx, s.request(8))
	wantCode(t, err, stylesprint.CodeTimeout)
}

func (s suite) emitFails(t *testing.T) {
	failure := errors.New("the reader is gone")
	calls := 0
	_, err := s.client(t).Stream(t.Context(), s.request(64), func(generate.Delta) error {
		calls++
		return failure
	})
	if !errors.Is(err, failure) || calls != 1 {
		t.Errorf("error %v after %d pieces; want emit's own after one", err, calls)
	}
}

func (s suite) concurrent(t *testing.T) {
	c := s.client(t)
	const n = 8
	requests := make([]generate.Request, n)
	for i := range requests {
		requests[i] = s.request(8 + i%3)
		requests[i].Messages = append([]stylesprint.Message{{Role: stylesprint.RoleSystem, Content: "Answer " + strings.Repeat("very ", i) + "briefly."}}, requests[i].Messages...)
	}
	texts := make([]string, n)
	var wg sync.WaitGroup
	for i := range requests {
		wg.Go(func() {
			var b strings.Builder
			var emit func(generate.Delta) error
			if i%2 == 0 {
				emit = func(d generate.Delta) error { b.WriteString(d.Text); return nil }
			}
			r, err := c.Stream(t.Context(), requests[i], emit)
			if err != nil {
				t.Errorf("request %d: %v", i, err)
			}
			if emit != nil && b.String() != r.Text {
				t.Errorf("request %d: pieces %q, text %q", i, b.String(), r.Text)
			}
			texts[i] = r.Text
		})
	}
	wg.Wait()
	for i, text := range texts {
		switch alone := s.answer(t, c, requests[i]).Text; {
		case text == "":
			t.Errorf("request %d: no text", i)
		case !s.Rounding && text != alone:
			t.Errorf("request %d: with others %q, alone %q", i, text, alone)
		}
	}
}

func (s suite) contextTooLong(t *testing.T) {
	if s.ContextTokens == 0 {
		t.Skip("the harness names no limit")
	}
	req := s.request(8)
	req.Messages[0].Content = strings.Repeat("a linen shirt ", s.ContextTokens)
	_, err := s.client(t).Generate(t.Context(), req)
	wantCode(t, err, stylesprint.CodeContextTooLong)
	if stylesprint.HintOf(err) == "" {
		t.Error("the error has no hint")
	}
}

func (s suite) unsupported(t *testing.T) {
	if s.Refused == "" {
		t.Skip("the harness names no field")
	}
	req := s.request(8)
	req.Extra = rawExtra(s.Refused, `[{"type":"function","function":{"name":"f"}}]`)
	_, err := s.client(t).Generate(t.Context(), req)
	wantCode(t, err, stylesprint.CodeUnsupported)
	var coded *stylesprint.Error
	if errors.As(err, &coded) && coded.Field != s.Refused {
		t.Errorf("field %q, want %q", coded.Field, s.Refused)
	}
}

func (s suite) models(t *testing.T) {
	models, err := s.client(t).Models(t.Context())
	if err != nil || len(models) == 0 {
		t.Fatalf("%d models, error %v", len(models), err)
	}
	for _, m := range models {
		if m.Ref.Name == "" || m.Ref.Provider == "" {
			t.Errorf("a model without name or provider: %+v", m)
		}
	}
}

func (s suite) closed(t *testing.T) {
	d := s.Open(t)
	for range 2 {
		if err := d.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	// The client of a closed driver is still open.
	c := generate.New(d, generate.Options{})
	_, err := c.Generate(t.Context(), s.request(8))
	wantCode(t, err, stylesprint.CodeUnavailable)
	if err := c.Close(); err != nil {
		t.Fatalf("close the client: %v", err)
	}
	_, err = c.Generate(t.Context(), s.request(8))
	wantCode(t, err, stylesprint.CodeUnavailable)
}
