package webtest

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"strings"
	"time"

	"stylesprint"
	"stylesprint/catalogue"
	"stylesprint/catalogue/answer"
	"stylesprint/catalogue/demo"
	"stylesprint/evaluate"
	"stylesprint/generate"
	"stylesprint/prompt"
	"stylesprint/web"
)

// Options are a dashboard over the source.
func (s *Source) Options() (web.Options, error) {
	set, err := prompt.Builtin()
	if err != nil {
		return web.Options{}, fmt.Errorf("make demo pages: %w", err)
	}
	o := web.Options{
		Images:       func(evaluate.Run) fs.FS { return demo.Folder() },
		Faithfulness: s.checker,
		Runs:         s, Compare: s, Generate: Answerer{}, Items: s.Items, Prompts: set, Version: "0.1.0 (demo data)", Now: Now,
		Live:   Live,
		Note:   func(string) string { return "Demo data: every figure on this page is made up." },
		Models: func(context.Context) ([]web.Model, error) { return models(), nil },
		Health: func(context.Context) []web.Check {
			return []web.Check{{Name: "database", OK: true, Detail: "answers in 0.2 ms"}, {Name: "models", OK: true, Detail: "4 of 4 loaded"}, {Name: "disk", OK: true, Detail: "61 GB free"}}
		},
	}
	if o.Releases, err = Releases(context.Background()); err != nil {
		return web.Options{}, err
	}
	if o.Answer, err = questions(); err != nil {
		return web.Options{}, fmt.Errorf("make demo pages: %w", err)
	}
	for _, p := range s.sorted() {
		o.Samples = append(o.Samples, web.Sample{Name: p.SKU + ", " + p.Name + ", " + p.Colour, Values: p.Fields()})
	}
	return o, nil
}

// questions answers from the demo catalogue, without a model.
// questionDesk answers the form from the demo's records.
type questionDesk struct{ answers *answer.Answerer }

// Answer implements web.Answerer.
func (d questionDesk) Answer(r *http.Request, q answer.Question) (answer.Answer, error) {
	return d.answers.Answer(r.Context(), q)
}

func questions() (web.Answerer, error) {
	products, err := demo.Products()
	if err != nil {
		return nil, err
	}
	a, err := answer.New(answer.Options{Products: func(_ context.Context, sku string) (catalogue.Product, error) {
		for _, p := range products {
			if p.SKU == sku {
				return p, nil
			}
		}
		return catalogue.Product{}, &stylesprint.Error{Code: stylesprint.CodeNotFound, Field: "sku", Message: "there is no product with this SKU"}
	}})
	return questionDesk{a}, err
}

func models() []web.Model {
	return []web.Model{
		{Name: "smollm2-135m-instruct", Task: "text-generation", Ref: stylesprint.ModelRef{Provider: "local", Name: "smollm2-135m-instruct"}, Precision: stylesprint.Fast, Arithmetic: "Q4_1 weights, avx512bf16", License: "Apache-2.0", Bytes: 98_000_000, Parameters: 134_515_008, ContextTokens: 8192, State: "ready", Ready: true},
		{Name: "all-minilm-l6-v2", Task: "embedding", Ref: stylesprint.ModelRef{Provider: "local", Name: "all-minilm-l6-v2"}, Precision: stylesprint.Exact, Arithmetic: "float32", License: "Apache-2.0", Bytes: 90_900_000, Parameters: 22_700_000, ContextTokens: 256, State: "ready", Ready: true},
		{Name: "gpt-4o-mini", Task: "text-generation", Ref: stylesprint.ModelRef{Provider: "openai", Name: "gpt-4o-mini"}, License: "proprietary", ContextTokens: 128_000, Price: stylesprint.Price{InputPerMillion: .15, OutputPerMillion: .6}, State: "ready", Ready: true},
		{Name: "descriptions", Task: "text-generation", Ref: stylesprint.ModelRef{Provider: "openai", Name: "gpt-4o-mini"}, License: "proprietary", ContextTokens: 128_000, Price: stylesprint.Price{InputPerMillion: .15, OutputPerMillion: .6}, State: "ready", Ready: true,
			Targets: []web.Target{{Name: "hosted-primary", Price: stylesprint.Price{InputPerMillion: .15, OutputPerMillion: .6}}, {Name: "hosted-second", Price: stylesprint.Price{InputPerMillion: 2.5, OutputPerMillion: 10, Currency: "EUR"}}, {Name: "smollm2-135m-instruct"}}},
	}
}

// Answer is what the made-up models say.
const Answer = "Sage linen softened with viscose, cut to skim rather than cling. Mira buttons all the way down the front, ties at the waist when you want shape, and keeps two proper pockets at the sides."

// Answerer is a web.Generator that says Answer, unless the prompt is one of its faults.
type Answerer struct{}

// Generate implements web.Generator. The prompts "busy" and "broken" fail.
func (Answerer) Generate(_ *http.Request, req generate.Request) (stylesprint.Reply, error) {
	last := req.Messages[len(req.Messages)-1].Content
	switch last {
	case "busy":
		return stylesprint.Reply{}, &stylesprint.Error{Code: stylesprint.CodeRateLimited, Message: "the model is busy", Hint: "Try again in a minute"}
	case "broken":
		return stylesprint.Reply{}, fmt.Errorf("a fault with /secret/path")
	}
	return stylesprint.Reply{Text: Answer, Model: req.Model, FinishReason: stylesprint.FinishStop, Usage: stylesprint.Usage{PromptTokens: 34, CompletionTokens: 46}, Latency: 1240 * time.Millisecond, FirstToken: 96 * time.Millisecond}, nil
}

// Gateway answers POST /generate/ and POST /v1/chat/completions as the real
// one does, a word every pause. The prompt "busy" is refused, and "cut" breaks off.
func Gateway(pause time.Duration) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var body struct {
			Prompt   string                `json:"prompt"`
			Model    string                `json:"model"`
			Messages []stylesprint.Message `json:"messages"`
			Stream   bool                  `json:"stream"`
			Seed     json.Number           `json:"seed"`
		}
		if err := json.NewDecoder(io.LimitReader(r.Body, 1<<20)).Decode(&body); err != nil || !body.Stream {
			http.Error(w, `{"detail": "want a JSON body with stream"}`, http.StatusBadRequest)
			return
		}
		if body.Prompt == "busy" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"detail": "the model is busy", "hint": "try again in a minute", "code": "rate_limited"}`)
			return
		}
		w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
		chat := len(body.Messages) > 0
		for i, word := range strings.SplitAfter(Answer, " ") {
			if body.Prompt == "cut" && i == 3 {
				return
			}
			if send(w, piece(word, chat)) != nil {
				return
			}
			select {
			case <-r.Context().Done():
				return
			case <-time.After(pause):
			}
		}
		usage := map[string]int{"prompt_tokens": 34, "completion_tokens": 46, "total_tokens": 80}
		if chat {
			_ = send(w, map[string]any{"model": body.Model, "choices": []any{map[string]any{"delta": map[string]any{}, "finish_reason": "stop"}}})
			_ = send(w, map[string]any{"model": body.Model, "choices": []any{}, "usage": usage})
			_, _ = io.WriteString(w, "data: [DONE]\n\n")
			return
		}
		_ = send(w, map[string]any{"generated_text": Answer, "model": body.Model, "finish_reason": "stop", "usage": usage, "request_id": "req-1"})
	})
}

func piece(word string, chat bool) any {
	if chat {
		return map[string]any{"choices": []any{map[string]any{"delta": map[string]any{"content": word}}}}
	}
	return map[string]any{"text": word}
}

func send(w http.ResponseWriter, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return err
	}
	if _, err := fmt.Fprintf(w, "data: %s\n\n", b); err != nil {
		return err
	}
	return http.NewResponseController(w).Flush()
}
