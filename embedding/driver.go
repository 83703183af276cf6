// Package embedding turns texts into vectors.
//
// Key words: text, vector, driver, client.
//
// It has the shape of package generate: a Client checks, batches and prices; a
// Driver (openai, local, fake) computes. Vectors are L2-normalised, so the
// cosine of two texts is their dot product. Errors are *stylesprint.Error
// values. Clients and drivers are safe for concurrent use.
package embedding

import (
	"context"

	"stylesprint"
)

// Vector is one text's embedding.
type Vector struct {
	Values []float32 // unit length
	Tokens int       // tokens that the model read, special ones included
	// Unknown is how many of them stand for text that the model's vocabulary does
	// not have; 0 too where the driver cannot tell.
	Unknown int
	// Truncated says that the text was longer than the model reads, so its end
	// did not count.
	Truncated bool
}

// Info describes a driver's model.
type Info struct {
	Ref        stylesprint.ModelRef
	Dimensions int
	MaxTokens  int                   // longer texts are truncated; 0 if unknown
	Precision  stylesprint.Precision // empty for remote servers
}

// Driver is what a provider implements. Implementations are safe for concurrent use.
type Driver interface {
	// Embed returns one vector for each text, in order.
	Embed(ctx context.Context, texts []string) ([]Vector, error)
	// Info describes the model; it may ask the server once.
	Info(ctx context.Context) (Info, error)
	// Close frees what the driver holds.
	Close() error
}

// Tokens is a text as one vector a token.
type Tokens struct {
	Vectors    []float32 // row by row
	Dimensions int
	// Special says which rows are not of the text but stand around it, as [CLS] and
	// [SEP] do; one entry for each row.
	Special   []bool
	Unknown   int  // rows that stand for what the vocabulary lacks
	Truncated bool // the text was longer than the model reads
}

// TokenDriver is a driver that knows the vectors of tokens. Remote servers do not.
type TokenDriver interface {
	// EmbedTokens returns the tokens of each text, in order. Their vectors have no
	// particular length.
	EmbedTokens(ctx context.Context, texts []string) ([]Tokens, error)
}
