package prompt

import (
	"context"

	"stylesprint"
)

// StreamModel answers a conversation piece by piece: emit is called in order, from this goroutine, and an
// error of it ends the answer and is returned. A nil emit does not stream. The reply holds the whole
// text. A closure over generate.Client.Stream is one.
type StreamModel func(ctx context.Context, messages []stylesprint.Message, emit func(piece string) error) (stylesprint.Reply, error)

// Model is the same model for chains that do not stream.
func (m StreamModel) Model() Model {
	return func(ctx context.Context, messages []stylesprint.Message) (stylesprint.Reply, error) {
		return m(ctx, messages, nil)
	}
}

// TextChain is a chain of running text that is shown as it is written.
type TextChain struct {
	Template Template
	Model    StreamModel
}

// Run answers for one set of values. The pieces are the model's own, joined they are the reply's text;
// the outcome's Value is that text as Text reads it, without what models put around an
// answer. Errors are those of Chain.Run, and emit's.
func (c TextChain) Run(ctx context.Context, values map[string]string, emit func(piece string) error) (Outcome[string], error) {
	chain := Chain[string]{Template: c.Template, Parse: Text, Model: func(ctx context.Context, messages []stylesprint.Message) (stylesprint.Reply, error) {
		return c.Model(ctx, messages, emit)
	}}
	return chain.Run(ctx, values)
}
