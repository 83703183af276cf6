// Package local computes vectors with an encoder of package engine, on this machine.
//
// Key words: engine, encoder, truncation.
//
// The usual path is
//
//	e, err := engine.OpenEncoder(ctx, path, engine.Options{})
//	c := embedding.New(local.New(e, "all-minilm-l6-v2"), embedding.Options{})
//
// A Driver is as safe for concurrent use as the engine.
package local

import (
	"context"
	"errors"

	"stylesprint"
	"stylesprint/embedding"
	"stylesprint/engine"
)

// Encoder is what the driver needs of *engine.Encoder.
type Encoder interface {
	// Info describes the model.
	Info() engine.Info
	// Embed returns one unit vector for each text, in order.
	Embed(ctx context.Context, texts []string) ([]engine.Embedding, error)
	// EmbedTokens returns the vectors of each text's tokens, in order.
	EmbedTokens(ctx context.Context, texts []string) ([]engine.TokenEmbeddings, error)
	// Close waits for running calls and frees the model; it may be called twice.
	Close() error
}

var _ Encoder = (*engine.Encoder)(nil)

// Driver is an embedding.Driver over one encoder.
type Driver struct {
	encoder Encoder
	name    string
}

var (
	_ embedding.Driver      = (*Driver)(nil)
	_ embedding.TokenDriver = (*Driver)(nil)
)

// New returns a driver that owns the encoder from now on. The name is what Info
// says; where it is empty it says the encoder's own.
func New(e Encoder, name string) *Driver {
	if name == "" {
		name = e.Info().Name
	}
	return &Driver{encoder: e, name: name}
}

// Embed implements embedding.Driver.
func (d *Driver) Embed(ctx context.Context, texts []string) ([]embedding.Vector, error) {
	found, err := d.encoder.Embed(ctx, texts)
	if err != nil {
		return nil, explain(err)
	}
	vectors := make([]embedding.Vector, len(found))
	for i, e := range found {
		vectors[i] = embedding.Vector{Values: e.Vector, Tokens: e.Tokens, Unknown: e.Unknown, Truncated: e.Truncated}
	}
	return vectors, nil
}

// EmbedTokens implements embedding.TokenDriver.
func (d *Driver) EmbedTokens(ctx context.Context, texts []string) ([]embedding.Tokens, error) {
	found, err := d.encoder.EmbedTokens(ctx, texts)
	if err != nil {
		return nil, explain(err)
	}
	out := make([]embedding.Tokens, len(found))
	for i, t := range found {
		out[i] = embedding.Tokens{Vectors: t.Vectors, Dimensions: d.encoder.Info().Dimensions, Special: t.Special, Unknown: t.Unknown, Truncated: t.Truncated}
	}
	return out, nil
}

func explain(err error) error {
	if errors.Is(err, engine.ErrClosed) {
		return &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "the encoder is closed", Err: err}
	}
	return err
}

// Info implements embedding.Driver.
func (d *Driver) Info(ctx context.Context) (embedding.Info, error) {
	if err := ctx.Err(); err != nil {
		return embedding.Info{}, err
	}
	info := d.encoder.Info()
	return embedding.Info{
		Ref:        stylesprint.ModelRef{Provider: "local", Name: d.name, SHA256: info.SHA256},
		Dimensions: info.Dimensions,
		MaxTokens:  info.ContextTokens,
		Precision:  stylesprint.Precision(info.Precision),
	}, nil
}

// Close implements embedding.Driver.
func (d *Driver) Close() error { return d.encoder.Close() }
