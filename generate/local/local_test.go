package local_test

import (
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/engine"
	"stylesprint/generate"
	"stylesprint/generate/fake"
	"stylesprint/generate/generatetest"
	"stylesprint/generate/local"
)

// stub is a tiny model with the engine's interface: the fake driver's words.
type stub struct {
	words *fake.Driver
	limit int
	err   error
}

func newStub(limit int) *stub {
	return &stub{words: fake.New(fake.Script{}), limit: limit}
}

func (s *stub) Info() engine.Info {
	return engine.Info{Name: "stub", ContextTokens: s.limit, SHA256: "abc"}
}

func (s *stub) Close() error { return s.words.Close() }

func (s *stub) Generate(ctx context.Context, r engine.Request, emit func(engine.Token) error) (engine.Result, error) {
	if s.err != nil {
		return engine.Result{}, s.err
	}
	req := generate.Request{Prompt: r.Prompt, Params: generate.Params{
		Temperature: &r.Sampling.Temperature, Seed: &r.Sampling.Seed, MaxTokens: &r.MaxTokens, Stop: r.Stop,
	}}
	for _, m := range r.Messages {
		req.Messages = append(req.Messages, stylesprint.Message{Role: stylesprint.Role(m.Role), Content: m.Content})
	}
	if need := len(fake.Text(req))/4 + r.MaxTokens; need > s.limit {
		return engine.Result{}, &engine.ContextError{Tokens: need, Limit: s.limit}
	}
	var pass func(generate.Delta) error
	if emit != nil {
		pass = func(d generate.Delta) error {
			// The engine's text lags behind its tokens.
			if err := emit(engine.Token{ID: 1}); err != nil {
				return err
			}
			return emit(engine.Token{ID: 2, Text: d.Text})
		}
	}
	reply, err := s.words.Generate(ctx, req, pass)
	if stylesprint.CodeOf(err) == stylesprint.CodeUnavailable {
		err = engine.ErrClosed
	}
	return engine.Result{
		Text: reply.Text, PromptTokens: reply.Usage.PromptTokens, CompletionTokens: reply.Usage.CompletionTokens, Finish: string(reply.FinishReason),
	}, err
}

func TestConformance(t *testing.T) {
	t.Parallel()
	generatetest.Run(t, generatetest.Harness{
		Open:  func(t *testing.T) generate.Driver { return local.New(newStub(300), "stub") },
		Model: "stub", Prompt: "Describe a linen shirt.", Seeded: true, ContextTokens: 300, Refused: "tools", Rounding: true,
	})
}

// The same suite with real weights.
func TestConformanceOfEngine(t *testing.T) {
	t.Parallel()
	dir := os.Getenv("STYLESPRINT_MODELS")
	if dir == "" {
		t.Skip("STYLESPRINT_MODELS is not set: no model files")
	}
	path := filepath.Join(dir, "models", "smollm2-135m-instruct")
	if _, err := os.Stat(path); err != nil {
		t.Skipf("no smollm2-135m-instruct below %s", dir)
	}
	generatetest.Run(t, generatetest.Harness{
		Open: func(t *testing.T) generate.Driver {
			m, err := engine.OpenLanguageModel(t.Context(), path, engine.Options{ContextTokens: 512})
			if err != nil {
				t.Fatal(err)
			}
			return local.New(m, "smollm2-135m-instruct")
		},
		Model: "smollm2-135m-instruct", Prompt: "Describe a linen shirt in two long sentences.",
		Seeded: true, ContextTokens: 512, Refused: "tools", Rounding: true,
	})
}

func TestRequestIsTranslated(t *testing.T) {
	t.Parallel()
	f := func(v float64) *float64 { return &v }
	n := func(v int) *int { return &v }
	seed := uint64(9)
	r := recorder{}
	d := local.New(&r, "")
	req := generate.Request{
		Messages: []stylesprint.Message{{Role: stylesprint.RoleSystem, Content: "s"}, {Role: stylesprint.RoleUser, Content: "u"}},
		Tenant:   "key-1",
		Weight:   2,
		Params:   generate.Params{Temperature: f(0.5), TopP: f(0.9), TopK: n(3), MinP: f(0.1), RepetitionPenalty: f(1.2), Seed: &seed, MaxTokens: n(7), Stop: []string{"x"}},
	}
	reply, err := d.Generate(t.Context(), req, nil)
	if err != nil || reply.Model != "recorder" {
		t.Fatalf("%+v %v", reply, err)
	}
	want := engine.Sampling{Temperature: 0.5, TopP: 0.9, TopK: 3, MinP: 0.1, RepetitionPenalty: 1.2, Seed: 9}
	got := r.got[0]
	if got.Tenant != "key-1" || got.Weight != 2 || reply.Usage.CachedTokens != 32 {
		t.Errorf("%+v, %+v", got, reply.Usage)
	}
	if got.Sampling != want || got.MaxTokens != 7 || got.Stop[0] != "x" || got.Messages[0] != (engine.ChatMessage{Role: "system", Content: "s"}) || got.Messages[1].Role != "user" {
		t.Errorf("%+v", got)
	}
	// Without a seed each request draws its own.
	for range 2 {
		if _, err := d.Generate(t.Context(), generate.Request{Prompt: "p"}.Complete(), nil); err != nil {
			t.Fatal(err)
		}
	}
	if r.got[1].Sampling.Seed == r.got[2].Sampling.Seed || r.got[1].Prompt != "p" || r.got[1].Messages != nil {
		t.Errorf("%+v %+v", r.got[1], r.got[2])
	}
}

type recorder struct{ got []engine.Request }

func (r *recorder) Info() engine.Info { return engine.Info{Name: "recorder"} }
func (r *recorder) Close() error      { return nil }
func (r *recorder) Generate(_ context.Context, req engine.Request, _ func(engine.Token) error) (engine.Result, error) {
	r.got = append(r.got, req)
	return engine.Result{Finish: engine.FinishStop, PromptTokens: 40, CachedTokens: 32}, nil
}

func TestExtraFields(t *testing.T) {
	t.Parallel()
	d := local.New(&recorder{}, "")
	for field, values := range map[string]struct{ ignored, refused []string }{
		"user":              {ignored: []string{`"someone"`}},
		"metadata":          {ignored: []string{`{"a":"b"}`}},
		"stream_options":    {ignored: []string{`{"include_usage":true}`}},
		"store":             {ignored: []string{`true`, `false`}},
		"n":                 {ignored: []string{`1`, ` 1 `, `null`}, refused: []string{`2`, `0`, `"1"`}},
		"best_of":           {ignored: []string{`1`}, refused: []string{`3`}},
		"tools":             {ignored: []string{`[]`, `[ ]`, `null`}, refused: []string{`[{"type":"function"}]`}},
		"tool_choice":       {ignored: []string{`"none"`, `"auto"`}, refused: []string{`"required"`, `{"type":"function"}`}},
		"logprobs":          {ignored: []string{`false`, `null`}, refused: []string{`true`, `5`}},
		"top_logprobs":      {ignored: []string{`0`}, refused: []string{`5`}},
		"logit_bias":        {ignored: []string{`{}`}, refused: []string{`{"50256":-100}`}},
		"frequency_penalty": {ignored: []string{`0`, `0.0`}, refused: []string{`0.5`}},
		"presence_penalty":  {ignored: []string{`0`}, refused: []string{`-1`}},
		"response_format":   {ignored: []string{`{"type":"text"}`, `null`}, refused: []string{`{"type":"json_object"}`, `"text"`}},
		"modalities":        {ignored: []string{`["text"]`}, refused: []string{`["text","audio"]`}},
		"suffix":            {ignored: []string{`""`}, refused: []string{`"x"`}},
		"echo":              {ignored: []string{`false`}, refused: []string{`true`}},
		"messages":          {refused: []string{`[{"role":"user","content":[{"type":"image_url"}]}]`}},
		"brand_new":         {ignored: []string{`null`}, refused: []string{`1`, `"x"`}},
	} {
		for _, v := range values.ignored {
			if _, err := d.Generate(t.Context(), generate.Request{Prompt: "p", Extra: map[string]json.RawMessage{field: json.RawMessage(v)}}, nil); err != nil {
				t.Errorf("%s = %s: %v", field, v, err)
			}
		}
		for _, v := range values.refused {
			_, err := d.Generate(t.Context(), generate.Request{Prompt: "p", Extra: map[string]json.RawMessage{field: json.RawMessage(v)}}, nil)
			var e *stylesprint.Error
			if !errors.As(err, &e) || e.Code != stylesprint.CodeUnsupported || e.Field != field {
				t.Errorf("%s = %s: %v", field, v, err)
			}
		}
	}
}

func TestEngineErrors(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		err  error
		code stylesprint.Code
		text string
	}{
		{&engine.ContextError{Tokens: 900, Limit: 512}, stylesprint.CodeContextTooLong, "prompt and answer need 900 tokens, the model has 512"},
		{engine.ErrClosed, stylesprint.CodeUnavailable, "the model is closed"},
		{engine.ErrNoChatTemplate, stylesprint.CodeUnsupported, "the model's chat template does not work"},
		{&engine.OverloadError{Waiting: 9, RetryAfter: 3 * time.Second}, stylesprint.CodeRateLimited, "the model is busy with other requests"},
		{&engine.RequestError{Field: "messages", Reason: "roles must alternate"}, stylesprint.CodeInvalid, "the model cannot take messages"},
	} {
		_, err := local.New(&stub{err: k.err}, "m").Generate(t.Context(), generate.Request{Prompt: "p"}, nil)
		var e *stylesprint.Error
		if !errors.As(err, &e) || e.Code != k.code || e.Message != k.text || !errors.Is(err, k.err) {
			t.Errorf("%v: %v", k.err, err)
		}
		if k.code == stylesprint.CodeInvalid && e.Hint != "messages: roles must alternate" {
			t.Errorf("%v: hint %q", k.err, e.Hint)
		}
		if k.code == stylesprint.CodeRateLimited && (e.RetryAfter != 3*time.Second || e.Hint != "try again in 3 s") {
			t.Errorf("%v: retry after %s, %q", k.err, e.RetryAfter, e.Hint)
		}
	}
	models, err := local.New(newStub(300), "m").Models(t.Context())
	if err != nil || models[0].Ref != (stylesprint.ModelRef{Provider: "local", Name: "m", SHA256: "abc"}) || models[0].ContextTokens != 300 {
		t.Errorf("%+v %v", models, err)
	}
}
