package engine

import (
	"fmt"
	"math"
	"time"
)

// ChatMessage is one turn of a conversation.
type ChatMessage struct {
	Role    string // as the model's chat template knows it: "system", "user", "assistant"
	Content string
}

// Request asks a language model for text. Messages or Prompt is set, not both.
type Request struct {
	// Messages is a conversation, rendered by the model's own chat template; a base model, which
	// has none, continues the contents, joined by blank lines, as one text.
	// Special tokens spelled in a message are plain text to the model.
	Messages []ChatMessage
	// Prompt is text to continue as it stands. Special tokens spelled in it, such as
	// <|im_start|>, are those tokens.
	Prompt   string
	Sampling Sampling
	// MaxTokens limits the answer. 0 is as many as the context has room for; a
	// shorter limit lets more requests run together.
	MaxTokens int
	// Stop ends the answer at the first of these strings, which is not part of it.
	Stop []string
	// Tenant says whose request it is. Tenants that wait take turns, so that nobody is kept
	// waiting by how much another one asks. Empty is a tenant like any other.
	Tenant string
	// Weight is the tenant's share beside others', 0 to 1000. 0 is 1.
	Weight int
}

// Sampling says how the next token is drawn. The zero value is greedy: always
// the likeliest token. The steps are those of Hugging Face's generate, in its order: repetition
// penalty, temperature, top-k, top-p, min-p.
type Sampling struct {
	Temperature float64 // 0 is greedy
	TopK        int     // only the k likeliest; 0 is off
	TopP        float64 // only the likeliest that together have this probability; 0 and 1 are off
	MinP        float64 // only those with at least this share of the likeliest's probability; 0 is off
	// RepetitionPenalty divides positive and multiplies negative logits of
	// tokens in prompt and answer; 0 and 1 are off.
	RepetitionPenalty float64
	// Seed makes the draws repeatable. They do not depend on other requests.
	Seed uint64
}

func (s Sampling) check() error {
	for _, f := range []struct {
		name      string
		value     float64
		low, high float64
	}{
		{"temperature", s.Temperature, 0, 100},
		{"top_p", s.TopP, 0, 1},
		{"min_p", s.MinP, 0, 1},
		{"repetition_penalty", s.RepetitionPenalty, 0, 100},
	} {
		if math.IsNaN(f.value) || f.value < f.low || f.value > f.high {
			return &RequestError{Field: f.name, Reason: fmt.Sprintf("want %g to %g, got %g", f.low, f.high, f.value)}
		}
	}
	if s.TopK < 0 {
		return &RequestError{Field: "top_k", Reason: fmt.Sprintf("want 0 or more, got %d", s.TopK)}
	}
	return nil
}

const maxWeight = 1000

// check reports what is wrong with a request, whatever the model.
func (r Request) check() error {
	switch {
	case len(r.Messages) > 0 && r.Prompt != "":
		return &RequestError{Field: "prompt", Reason: "give messages or a prompt, not both"}
	case len(r.Messages) == 0 && r.Prompt == "":
		return &RequestError{Field: "prompt", Reason: "is empty"}
	case r.Weight < 0 || r.Weight > maxWeight:
		return &RequestError{Field: "weight", Reason: fmt.Sprintf("want 0 to %d, got %d", maxWeight, r.Weight)}
	case r.MaxTokens < 0:
		return &RequestError{Field: "max_tokens", Reason: fmt.Sprintf("want 0 or more, got %d", r.MaxTokens)}
	}
	for _, s := range r.Stop {
		if s == "" {
			return &RequestError{Field: "stop", Reason: "a stop string is empty"}
		}
	}
	return r.Sampling.check()
}

// Token is a piece of an answer as it is made. Text holds whole characters that are certain to
// be part of the answer; it lags behind ID where a character or a stop
// string may still be unfinished. What was held back to the end comes with ID -1.
type Token struct {
	ID   int32
	Text string
}

// Why an answer ended: Result.Finish.
const (
	FinishStop   = "stop"   // the model ended it, or a stop string did
	FinishLength = "length" // MaxTokens or the context did
)

// Result is a whole answer.
type Result struct {
	Text string
	// Tokens are the tokens of the answer, with the one that ended it if the
	// model did.
	Tokens           []int32
	PromptTokens     int
	CachedTokens     int // of the prompt, tokens that were not read because an earlier prompt began with them
	CompletionTokens int // len(Tokens)
	Finish           string

	Queue      time.Duration // waiting for room
	Prefill    time.Duration // reading the prompt
	Decode     time.Duration // from the first token to the last
	FirstToken time.Duration // from the call to the first token
}
