// Package generate asks language models for text.
//
// Key words: request, driver, client, delta.
//
// A Client is the portable half: it checks a request, adds defaults, prices the
// reply and measures it. A Driver is the small half that each provider
// implements (openai, local, fake); generatetest holds the one conformance
// suite that all of them pass. The usual path is
//
//	c := generate.New(driver, generate.Options{Price: price})
//	reply, err := c.Generate(ctx, generate.Request{Model: "gpt-4o-mini", Messages: msgs})
//
// Errors that reach the caller are *stylesprint.Error values with a code:
// rate_limited, context_too_long, refused, unavailable, timeout, cancelled,
// upstream_error, unsupported (Field names what), invalid_request. Clients and drivers are safe
// for concurrent use. Neither retries unless Options.Retry asks the client to:
// behind a gateway the route retries, and nobody else.
package generate

import (
	"context"
	"encoding/json"
	"time"

	"stylesprint"
)

// Request is one question to a model. Either Messages (a conversation, to
// which an instruct model's chat template is applied) or Prompt (text to be
// continued as it stands) is set, never both.
type Request struct {
	Model    string
	Messages []stylesprint.Message
	Prompt   string
	Params   Params
	// Extra holds fields of the wire format that this type does not name.
	// Drivers for remote servers send them unchanged; a driver that cannot
	// honour one answers unsupported and names it.
	Extra map[string]json.RawMessage
	// Tenant says whose request it is where several share a model: their requests take
	// turns. Empty is a tenant like any other. It is never sent to a remote server.
	Tenant string
	// Weight is the tenant's share beside others', 0 to 1000; 0 is 1.
	Weight int
}

// Params steer sampling. A nil pointer means the default.
type Params struct {
	Temperature       *float64 `json:"temperature,omitempty"`        // 0 is greedy; [0, 2]; default 0.7
	TopP              *float64 `json:"top_p,omitempty"`              // (0, 1]; default 1
	TopK              *int     `json:"top_k,omitempty"`              // 0 is off; default off
	MinP              *float64 `json:"min_p,omitempty"`              // [0, 1); default 0, off
	RepetitionPenalty *float64 `json:"repetition_penalty,omitempty"` // (0, 10]; 1 is off; default 1
	Seed              *uint64  `json:"seed,omitempty"`               // default: a random one
	MaxTokens         *int     `json:"max_tokens,omitempty"`         // > 0; default 256
	Stop              []string `json:"stop,omitempty"`               // text is cut before the first of these
}

// Or returns the parameters with others in the place of those that are not set.
func (p Params) Or(others Params) Params {
	if p.Temperature == nil {
		p.Temperature = others.Temperature
	}
	if p.TopP == nil {
		p.TopP = others.TopP
	}
	if p.TopK == nil {
		p.TopK = others.TopK
	}
	if p.MinP == nil {
		p.MinP = others.MinP
	}
	if p.RepetitionPenalty == nil {
		p.RepetitionPenalty = others.RepetitionPenalty
	}
	if p.Seed == nil {
		p.Seed = others.Seed
	}
	if p.MaxTokens == nil {
		p.MaxTokens = others.MaxTokens
	}
	if p.Stop == nil {
		p.Stop = others.Stop
	}
	return p
}

// Delta is a piece of a streamed reply.
type Delta struct {
	Text string          // whole UTF-8 characters; may be empty where only Raw carries something
	Raw  json.RawMessage // the provider's own chunk, where there is one
}

// ModelInfo describes a model that a driver serves.
type ModelInfo struct {
	Ref           stylesprint.ModelRef
	ContextTokens int // prompt plus answer; 0 if unknown
	// Retires is when the provider withdraws the model; zero if it does not say.
	Retires time.Time
}

// Driver is what a provider implements. Implementations are safe for
// concurrent use.
type Driver interface {
	// Generate answers a request that a Client has checked and completed
	// (every pointer in Params that has a default is set, except Seed). With a non-nil
	// emit the driver streams: it calls emit in order, from this goroutine,
	// and stops with emit's error if that is not nil. The reply holds the whole
	// text either way. When ctx ends, generation ends too, within a step.
	// Driver fills Text, Model, FinishReason, Usage, FirstToken (if known) and Raw.
	Generate(ctx context.Context, req Request, emit func(Delta) error) (stylesprint.Reply, error)
	// Models lists what can be asked for. It must not cost tokens.
	Models(ctx context.Context) ([]ModelInfo, error)
	// Close frees what the driver holds, after running requests have ended.
	Close() error
}
