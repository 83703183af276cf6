package engine

import (
	"context"
	"fmt"
)

// Encoder is an open sentence encoder.
type Encoder struct {
	info Info
}

// Embedding is a text as a vector of unit length.
type Embedding struct {
	Vector []float32
	Tokens int // that the model read, special ones included
	// Truncated says that the text was longer than the model reads.
	Truncated bool
}

// OpenEncoder loads a sentence-transformers folder.
func OpenEncoder(ctx context.Context, path string, o Options) (*Encoder, error) {
	return nil, fmt.Errorf("open %s: not supported", path)
}

// Info describes the model.
func (e *Encoder) Info() Info { return e.info }

// Embed turns texts into vectors, in order. The vector of a text does not
// depend on the other texts, up to rounding.
func (e *Encoder) Embed(ctx context.Context, texts []string) ([]Embedding, error) {
	return nil, ErrClosed
}

// Close waits for running calls and frees the model. It may be called twice.
func (e *Encoder) Close() error { return nil }
