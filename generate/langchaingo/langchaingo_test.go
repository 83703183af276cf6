package langchaingo_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"testing"

	"github.com/tmc/langchaingo/chains"
	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/prompts"

	"stylesprint"
	"stylesprint/generate"
	"stylesprint/generate/fake"
	"stylesprint/generate/langchaingo"
)

func open(t *testing.T, answers ...fake.Answer) (*langchaingo.Model, *fake.Driver) {
	t.Helper()
	d := fake.New(fake.Script{Model: "fake-1", Answers: answers})
	c := generate.New(d, generate.Options{Price: stylesprint.Price{InputPerMillion: 1, OutputPerMillion: 2}})
	t.Cleanup(func() { c.Close() })
	return langchaingo.New(c, langchaingo.Options{Model: "m"}), d
}

func TestConversation(t *testing.T) {
	t.Parallel()
	m, d := open(t, fake.Answer{Text: "Two side pockets."})
	out, err := m.GenerateContent(t.Context(), []llms.MessageContent{
		llms.TextParts(llms.ChatMessageTypeSystem, "Be brief."),
		llms.TextParts(llms.ChatMessageTypeHuman, "Has it", "pockets?"),
		llms.TextParts(llms.ChatMessageTypeAI, "Yes."),
		llms.TextParts(llms.ChatMessageTypeHuman, "How many?"),
	})
	if err != nil {
		t.Fatal(err)
	}
	want := []stylesprint.Message{{Role: "system", Content: "Be brief."}, {Role: "user", Content: "Has it\npockets?"}, {Role: "assistant", Content: "Yes."}, {Role: "user", Content: "How many?"}}
	got := d.Calls()[0]
	if fmt.Sprint(got.Messages) != fmt.Sprint(want) || got.Model != "m" {
		t.Errorf("the driver was asked %+v", got)
	}
	c := out.Choices[0]
	i := c.GenerationInfo
	if c.Content != "Two side pockets." || c.StopReason != "stop" || i["PromptTokens"] != 8 || i["CompletionTokens"] != 3 || i["TotalTokens"] != 11 || i["Model"] != "fake-1" || i["Cost"] != 0.000014 {
		t.Errorf("%+v", c)
	}
}

func TestOptions(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name    string
		options []llms.CallOption
		check   func(p generate.Request) bool
	}{
		{"none set", nil, func(r generate.Request) bool {
			return *r.Params.Temperature == generate.DefaultTemperature && r.Params.Seed == nil && *r.Params.MaxTokens == generate.DefaultMaxTokens && r.Extra == nil
		}},
		{"temperature 0 is not none", []llms.CallOption{llms.WithTemperature(0)}, func(r generate.Request) bool { return *r.Params.Temperature == 0 }},
		{"sampling", []llms.CallOption{llms.WithTemperature(1.5), llms.WithTopP(0.9), llms.WithTopK(7), llms.WithSeed(0), llms.WithRepetitionPenalty(1.1)}, func(r generate.Request) bool {
			p := r.Params
			return *p.Temperature == 1.5 && *p.TopP == 0.9 && *p.TopK == 7 && *p.Seed == 0 && *p.RepetitionPenalty == 1.1
		}},
		{"length and stop", []llms.CallOption{llms.WithMaxTokens(5), llms.WithStopWords([]string{"\n"})}, func(r generate.Request) bool {
			return *r.Params.MaxTokens == 5 && len(r.Params.Stop) == 1
		}},
		{"model", []llms.CallOption{llms.WithModel("other")}, func(r generate.Request) bool { return r.Model == "other" }},
		{"penalties", []llms.CallOption{llms.WithFrequencyPenalty(0.5), llms.WithPresencePenalty(-1)}, func(r generate.Request) bool {
			return string(r.Extra["frequency_penalty"]) == "0.5" && string(r.Extra["presence_penalty"]) == "-1"
		}},
		{"JSON", []llms.CallOption{llms.WithJSONMode()}, func(r generate.Request) bool {
			var f map[string]string
			return json.Unmarshal(r.Extra["response_format"], &f) == nil && f["type"] == "json_object"
		}},
		{"all at once", []llms.CallOption{llms.WithOptions(llms.CallOptions{MaxTokens: 3})}, func(r generate.Request) bool {
			return *r.Params.MaxTokens == 3 && *r.Params.TopP == 1 && *r.Params.RepetitionPenalty == 1
		}},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			m, d := open(t)
			if _, err := m.Call(t.Context(), "hello", k.options...); err != nil {
				t.Fatal(err)
			}
			if r := d.Calls()[0]; !k.check(r) {
				t.Errorf("the driver was asked %+v", r)
			}
		})
	}
}

func TestStreaming(t *testing.T) {
	t.Parallel()
	m, _ := open(t, fake.Answer{Text: "one two three"})
	var pieces []string
	whole, err := m.Call(t.Context(), "count", llms.WithStreamingFunc(func(_ context.Context, b []byte) error {
		pieces = append(pieces, string(b))
		return nil
	}))
	if err != nil || whole != "one two three" || len(pieces) != 3 {
		t.Errorf("%q in %q, %v", whole, pieces, err)
	}
	enough := errors.New("enough")
	if _, err := m.Call(t.Context(), "count", llms.WithStreamingFunc(func(context.Context, []byte) error { return enough })); !errors.Is(err, enough) {
		t.Errorf("got %v, want the function's own error", err)
	}
}

func TestErrors(t *testing.T) {
	t.Parallel()
	cases := []struct {
		code stylesprint.Code
		want error
	}{
		{stylesprint.CodeInvalid, llms.ErrInvalidRequest}, {stylesprint.CodeUnauthorized, llms.ErrAuthentication}, {stylesprint.CodeRateLimited, llms.ErrRateLimit},
		{stylesprint.CodeContextTooLong, llms.ErrTokenLimit}, {stylesprint.CodeRefused, llms.ErrContentFilter}, {stylesprint.CodeUnavailable, llms.ErrProviderUnavailable},
		{stylesprint.CodeTimeout, llms.ErrTimeout}, {stylesprint.CodeUnsupported, llms.ErrNotImplemented}, {stylesprint.CodeNotFound, &llms.Error{Code: llms.ErrCodeResourceNotFound}},
		{stylesprint.CodeForbidden, llms.ErrQuotaExceeded}, {stylesprint.CodeUpstream, llms.ErrProviderUnavailable},
	}
	for _, k := range cases {
		cause := &stylesprint.Error{Code: k.code, Message: "it went wrong", Hint: "wait", Field: "model"}
		m, _ := open(t, fake.Answer{Err: cause})
		_, err := m.Call(t.Context(), "hello")
		var e *llms.Error
		if !errors.Is(err, k.want) || !errors.Is(err, cause) || !errors.As(err, &e) || e.Details["hint"] != "wait" || e.Details["field"] != "model" {
			t.Errorf("%s: got %v", k.code, err)
		}
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	m, _ := open(t)
	if _, err := m.Call(ctx, "hello"); !errors.Is(err, llms.ErrCanceled) || !errors.Is(err, context.Canceled) {
		t.Errorf("cancelled: %v", err)
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		messages []llms.MessageContent
		option   llms.CallOption
		want     error
	}{
		"tools":      {option: llms.WithTools([]llms.Tool{{Type: "function"}}), want: llms.ErrNotImplemented},
		"candidates": {option: llms.WithN(2), want: llms.ErrNotImplemented},
		"min length": {option: llms.WithMinLength(2), want: llms.ErrNotImplemented},
		"mime type":  {option: llms.WithResponseMIMEType("image/png"), want: llms.ErrNotImplemented},
		"seed":       {option: llms.WithSeed(-1), want: llms.ErrInvalidRequest},
		"hot":        {option: llms.WithTemperature(9), want: llms.ErrInvalidRequest},
		"picture":    {messages: []llms.MessageContent{{Role: llms.ChatMessageTypeHuman, Parts: []llms.ContentPart{llms.ImageURLPart("x")}}}, want: llms.ErrNotImplemented},
		"tool role":  {messages: []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeTool, "x")}, want: llms.ErrNotImplemented},
		"nothing":    {messages: []llms.MessageContent{}, want: llms.ErrInvalidRequest},
	}
	for name, k := range cases {
		m, d := open(t)
		if k.messages == nil {
			k.messages = []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, "hello")}
		}
		var options []llms.CallOption
		if k.option != nil {
			options = append(options, k.option)
		}
		if _, err := m.GenerateContent(t.Context(), k.messages, options...); !errors.Is(err, k.want) || len(d.Calls()) != 0 {
			t.Errorf("%s: %v after %d calls", name, err, len(d.Calls()))
		}
	}
}

// A chain of langchaingo: prompt template, model, output.
func Example() {
	client := generate.New(fake.New(fake.Script{Answers: []fake.Answer{{Match: "Mira Linen Midi Dress", Text: "A cool linen dress."}}}), generate.Options{})
	defer client.Close()
	llm := langchaingo.New(client, langchaingo.Options{})
	chain := chains.NewLLMChain(llm, prompts.NewPromptTemplate("Describe {{.name}}.", []string{"name"}))
	text, err := chains.Run(context.Background(), chain, "Mira Linen Midi Dress", chains.WithTemperature(0))
	fmt.Println(text, err)
	// Output: A cool linen dress. <nil>
}
