package engine

import (
	"context"

	"stylesprint/engine/tokenize"
)

// TokenEmbeddings is a text as one vector a token: the last hidden states, which
// have no particular length.
type TokenEmbeddings struct {
	Vectors []float32 // row by row, Info.Dimensions each
	// Special says which tokens are not of the text but stand around it, as [CLS] and
	// [SEP] do. It has one entry for each row.
	Special   []bool
	Unknown   int  // tokens for what the vocabulary lacks
	Truncated bool // the text was longer than the model reads
}

// EmbedTokens turns texts into the vectors of their tokens, in order, as Embed
// does before it takes the mean.
func (e *Encoder) EmbedTokens(ctx context.Context, texts []string) ([]TokenEmbeddings, error) {
	if err := e.enter(); err != nil {
		return nil, err
	}
	defer e.calls.Done()
	codes, err := e.encode(ctx, texts)
	if err != nil {
		return nil, err
	}
	out := make([]TokenEmbeddings, len(texts))
	err = e.forward(ctx, codes, func(i int, hidden []float32) {
		c := &codes[i]
		special := make([]bool, len(c.IDs))
		for k, at := range c.Offsets {
			special[k] = at == tokenize.Span{}
		}
		out[i] = TokenEmbeddings{Vectors: append([]float32(nil), hidden...), Special: special, Unknown: c.Unknown, Truncated: c.Truncated}
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
