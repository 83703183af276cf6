// Package local answers requests with a language model of package engine, on this machine.
//
// Key words: engine, unsupported field, context.
//
// The usual path is
//
//	m, err := engine.OpenLanguageModel(ctx, path, engine.Options{})
//	c := generate.New(local.New(m, "smollm2-135m-instruct"), generate.Options{})
//
// An extra field that would change the answer is refused with code unsupported
// and its name; one that would not, such as user or n = 1, is ignored. A Driver serves one
// model, whatever name a request asks for, and is as safe for concurrent
// use as the engine. A request for which too many others wait is refused with rate_limited and RetryAfter.
package local

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"

	"stylesprint"
	"stylesprint/engine"
	"stylesprint/generate"
)

// LanguageModel is what the driver needs of *engine.LanguageModel.
type LanguageModel interface {
	// Info describes the model.
	Info() engine.Info
	// Generate answers a request. With a non-nil emit it streams, from this goroutine.
	Generate(ctx context.Context, r engine.Request, emit func(engine.Token) error) (engine.Result, error)
	// Close waits for running requests and frees the model; it may be called twice.
	Close() error
}

var _ LanguageModel = (*engine.LanguageModel)(nil)

// Driver is a generate.Driver over one model.
type Driver struct {
	model LanguageModel
	name  string
}

var _ generate.Driver = (*Driver)(nil)

// New returns a driver that owns the model from now on. The name is what replies
// say; where it is empty they say the model's own.
func New(m LanguageModel, name string) *Driver {
	if name == "" {
		name = m.Info().Name
	}
	return &Driver{model: m, name: name}
}

// Generate implements generate.Driver.
func (d *Driver) Generate(ctx context.Context, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
	if err := checkExtra(req.Extra); err != nil {
		return stylesprint.Reply{}, err
	}
	var pass func(engine.Token) error
	if emit != nil {
		pass = func(t engine.Token) error {
			if t.Text == "" {
				return nil
			}
			return emit(generate.Delta{Text: t.Text})
		}
	}
	result, err := d.model.Generate(ctx, translate(req), pass)
	reply := stylesprint.Reply{
		Text:         result.Text,
		Model:        d.name,
		FinishReason: stylesprint.FinishReason(result.Finish),
		Usage:        stylesprint.Usage{PromptTokens: result.PromptTokens, CompletionTokens: result.CompletionTokens, CachedTokens: result.CachedTokens},
		FirstToken:   result.FirstToken,
	}
	return reply, explain(err)
}

// translate writes a completed request in the engine's words.
func translate(req generate.Request) engine.Request {
	p := req.Params
	out := engine.Request{Prompt: req.Prompt, Stop: p.Stop, MaxTokens: or(p.MaxTokens, generate.DefaultMaxTokens), Tenant: req.Tenant, Weight: req.Weight}
	for _, m := range req.Messages {
		out.Messages = append(out.Messages, engine.ChatMessage{Role: string(m.Role), Content: m.Content})
	}
	out.Sampling = engine.Sampling{
		Temperature:       or(p.Temperature, generate.DefaultTemperature),
		TopP:              or(p.TopP, 1),
		TopK:              or(p.TopK, 0),
		MinP:              or(p.MinP, 0),
		RepetitionPenalty: or(p.RepetitionPenalty, 1),
	}
	if p.Seed != nil {
		out.Sampling.Seed = *p.Seed
	} else {
		out.Sampling.Seed = rand.Uint64()
	}
	return out
}

func or[T any](p *T, value T) T {
	if p != nil {
		return *p
	}
	return value
}

// explain gives the engine's errors a code. The contexts' own errors and emit's are the client's affair.
func explain(err error) error {
	var tooLong *engine.ContextError
	var request *engine.RequestError
	var overload *engine.OverloadError
	switch {
	case errors.As(err, &overload):
		return &stylesprint.Error{Code: stylesprint.CodeRateLimited, Message: "the model is busy with other requests", RetryAfter: overload.RetryAfter,
			Hint: fmt.Sprintf("try again in %.0f s", overload.RetryAfter.Seconds()), Err: err}
	case errors.As(err, &tooLong):
		return &stylesprint.Error{
			Code:    stylesprint.CodeContextTooLong,
			Message: fmt.Sprintf("prompt and answer need %d tokens, the model has %d", tooLong.Tokens, tooLong.Limit),
			Hint:    "shorten the prompt or lower max_tokens",
			Err:     err,
		}
	case errors.Is(err, engine.ErrClosed):
		return &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "the model is closed", Err: err}
	case errors.Is(err, engine.ErrNoChatTemplate):
		return &stylesprint.Error{Code: stylesprint.CodeUnsupported, Field: "messages", Message: "the model's chat template does not work", Hint: "ask with a plain prompt", Err: err}
	case errors.As(err, &request):
		return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: request.Field, Message: "the model cannot take " + request.Field, Hint: request.Error(), Err: err}
	}
	return err
}

// Models implements generate.Driver.
func (d *Driver) Models(ctx context.Context) ([]generate.ModelInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	info := d.model.Info()
	return []generate.ModelInfo{{
		Ref:           stylesprint.ModelRef{Provider: "local", Name: d.name, SHA256: info.SHA256},
		ContextTokens: info.ContextTokens,
	}}, nil
}

// Close implements generate.Driver.
func (d *Driver) Close() error { return d.model.Close() }
