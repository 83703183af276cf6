package engine

import (
	"context"
	"fmt"
)

// LanguageModel is an open language model.
type LanguageModel struct {
	info Info
}

// OpenLanguageModel loads a GGUF file or a Hugging Face folder.
func OpenLanguageModel(ctx context.Context, path string, o Options) (*LanguageModel, error) {
	return nil, fmt.Errorf("open %s: not supported", path)
}

// Info describes the model.
func (m *LanguageModel) Info() Info { return m.info }

// Generate answers a request. With a non-nil emit it streams: emit is called in
// order, from this goroutine, and an error from it ends the answer and is
// returned. A slow emit holds up nobody else. When ctx ends, so does the answer, within a step. An error comes with
// the part of the result that was made.
func (m *LanguageModel) Generate(ctx context.Context, r Request, emit func(Token) error) (Result, error) {
	return Result{}, ErrClosed
}

// CountTokens is the number of tokens of a text, none added. Special tokens
// spelled in it count as plain text.
func (m *LanguageModel) CountTokens(text string) int { return 0 }

// RenderChat is the prompt that the model's chat template makes of a
// conversation, up to where the answer begins.
func (m *LanguageModel) RenderChat(messages []ChatMessage) (string, error) {
	return "", ErrClosed
}

// NegativeLogLikelihood sums -ln p(token | all before it) over a text, and says over how
// many tokens: all but the first. The perplexity is exp(sum/tokens).
func (m *LanguageModel) NegativeLogLikelihood(ctx context.Context, text string) (sum float64, tokens int, err error) {
	return 0, 0, ErrClosed
}

// Close refuses new requests, waits for those that were accepted, and frees the model. It
// may be called twice.
func (m *LanguageModel) Close() error { return nil }
