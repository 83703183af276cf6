// Package openai asks any server that speaks the OpenAI HTTP API: OpenAI,
// vLLM, llama-server, Ollama and others.
//
// Key words: chat completion, event stream, raw field.
//
// Messages go to /chat/completions and a Prompt to /completions. What
// generate.Request has no field for travels in its Extra unchanged, and the
// server's answer stays byte for byte in the reply's Raw, so that fields
// that this package has never heard of pass through. The usual path is
//
//	d, err := openai.New(openai.Options{APIKey: key, Model: "gpt-4o-mini"})
//	c := generate.New(d, generate.Options{Price: price})
//
// Errors are *stylesprint.Error values whose cause is a *wire.StatusError where
// the server said something. Nothing is retried here. A Driver is safe for
// concurrent use.
package openai

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"stylesprint"
	"stylesprint/generate"
	"stylesprint/generate/openai/wire"
)

// Options say which server to ask. The zero value is OpenAI without a key.
type Options struct {
	BaseURL string             // with /v1. Defaults to OpenAI's own server.
	APIKey  stylesprint.Secret // none is sent where it is empty
	// Model takes the place of every request's model. Where it is empty a request must name one.
	Model        string
	Organization string // optional
	Project      string // optional
	// MaxTokensField is how the token limit is called: "max_tokens", which every
	// server knows, or "max_completion_tokens", which OpenAI's newer models
	// want. Defaults to "max_tokens".
	MaxTokensField string
	// NoStreamOptions leaves out stream_options, for servers that refuse it;
	// streamed replies then come without usage.
	NoStreamOptions bool
	HTTPClient      *http.Client  // Defaults to one of our own.
	MaxReplyBytes   int64         // Defaults to 16 MiB.
	StallTimeout    time.Duration // longest silence of the server; negative is none. Defaults to 2m.
	Now             func() time.Time
}

// Driver is a generate.Driver over a remote server.
type Driver struct {
	wire    *wire.Client
	options Options
}

var _ generate.Driver = (*Driver)(nil)

// New checks the options; it does not call the server.
func New(o Options) (*Driver, error) {
	switch o.MaxTokensField {
	case "":
		o.MaxTokensField = "max_tokens"
	case "max_tokens", "max_completion_tokens":
	default:
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "max_tokens_field", Message: fmt.Sprintf("max_tokens_field is %q; want max_tokens or max_completion_tokens", o.MaxTokensField)}
	}
	w, err := wire.New(wire.Options{
		BaseURL: o.BaseURL, APIKey: o.APIKey, Organization: o.Organization, Project: o.Project,
		HTTPClient: o.HTTPClient, MaxReplyBytes: o.MaxReplyBytes, StallTimeout: o.StallTimeout, Now: o.Now,
	})
	if err != nil {
		return nil, err
	}
	return &Driver{wire: w, options: o}, nil
}

// Generate implements generate.Driver.
func (d *Driver) Generate(ctx context.Context, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
	body, err := d.encode(req, emit != nil)
	if err != nil {
		return stylesprint.Reply{}, err
	}
	a := answer{wire: d.wire, model: d.model(req), emit: emit}
	if emit != nil {
		return a.stream(ctx, path(req), body)
	}
	return a.whole(ctx, path(req), body)
}

func path(req generate.Request) string {
	if req.Prompt != "" {
		return "/completions"
	}
	return "/chat/completions"
}

func (d *Driver) model(req generate.Request) string {
	if d.options.Model != "" {
		return d.options.Model
	}
	return req.Model
}

// Models implements generate.Driver with GET /models. With Options.Model set it
// lists that model alone, whether or not the server lists it.
func (d *Driver) Models(ctx context.Context) ([]generate.ModelInfo, error) {
	b, err := d.wire.Get(ctx, "/models")
	if err != nil {
		return nil, err
	}
	var list struct {
		Data []struct {
			ID            string `json:"id"`
			MaxModelLen   int    `json:"max_model_len"`   // vLLM
			ContextLength int    `json:"context_length"`  // OpenRouter and others
			ContextWindow int    `json:"context_window"`  // Groq
			Deprecation   any    `json:"deprecation"`     // Mistral; a date and time, or null
			Expiration    any    `json:"expiration_date"` // OpenRouter; a date, or null
			Meta          struct {
				Context      int `json:"n_ctx"`       // llama-server
				TrainContext int `json:"n_ctx_train"` // llama-server
			} `json:"meta"`
		} `json:"data"`
	}
	if err := json.Unmarshal(b, &list); err != nil {
		return nil, wire.Unusable(d.wire.Host()+" answered with a model list that cannot be read", err)
	}
	var models []generate.ModelInfo
	for _, m := range list.Data {
		if m.ID == "" || d.options.Model != "" && m.ID != d.options.Model {
			continue
		}
		context := 0
		for _, n := range []int{m.Meta.TrainContext, m.Meta.Context, m.ContextWindow, m.ContextLength, m.MaxModelLen} {
			if n > 0 {
				context = n // the last one known is the most exact
			}
		}
		models = append(models, generate.ModelInfo{Ref: stylesprint.ModelRef{Provider: "openai", Name: m.ID}, ContextTokens: context, Retires: retires(m.Deprecation, m.Expiration)})
	}
	if len(models) == 0 && d.options.Model != "" {
		models = []generate.ModelInfo{{Ref: stylesprint.ModelRef{Provider: "openai", Name: d.options.Model}}}
	}
	return models, nil
}

// retires is the first of the dates that can be read. One without a time means its beginning, UTC.
func retires(dates ...any) time.Time {
	for _, v := range dates {
		d, _ := v.(string)
		for _, layout := range []string{time.RFC3339, "2006-01-02T15:04:05", time.DateOnly} {
			if t, err := time.Parse(layout, d); err == nil {
				return t.UTC()
			}
		}
	}
	return time.Time{}
}

// Close implements generate.Driver. It waits for running requests and may be called twice.
func (d *Driver) Close() error {
	d.wire.Close()
	return nil
}
