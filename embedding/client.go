package embedding

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync/atomic"
	"unicode/utf8"

	"stylesprint"
)

// DefaultMaxBatch is how many texts a client sends to a driver at once.
const DefaultMaxBatch = 64

// Options set up a Client. The zero value is good for a model on one's own machine.
type Options struct {
	Price stylesprint.Price // only InputPerMillion counts
	// MaxBatch bounds the texts of one call to the driver. Defaults to DefaultMaxBatch.
	MaxBatch int
	// Dimensions is the length that vectors must have. Defaults to that of the first
	// vector the client sees.
	Dimensions int
}

// Result is the answer to one call of Embed.
type Result struct {
	Vectors []Vector // one for each text, in order
	Usage   stylesprint.Usage
	Cost    stylesprint.Money
}

// Client asks one driver. It is safe for concurrent use.
type Client struct {
	driver  Driver
	options Options

	dimensions atomic.Int64 // 0 until known
	lifetime   lifetime
}

// New returns a Client over a driver, which it owns from now on: Close closes it.
func New(d Driver, o Options) *Client {
	if o.MaxBatch <= 0 {
		o.MaxBatch = DefaultMaxBatch
	}
	c := &Client{driver: d, options: o}
	c.dimensions.Store(int64(o.Dimensions))
	return c
}

// Embed turns texts into unit vectors, in order. No text may be empty. It sends batches one after
// another and returns nothing if one of them fails.
func (c *Client) Embed(ctx context.Context, texts []string) (Result, error) {
	if err := validate(texts); err != nil {
		return Result{}, err
	}
	if err := c.lifetime.enter(); err != nil {
		return Result{}, err
	}
	defer c.lifetime.leave()
	result := Result{Vectors: make([]Vector, 0, len(texts))}
	for start := 0; start < len(texts); start += c.options.MaxBatch {
		batch := texts[start:min(start+c.options.MaxBatch, len(texts))]
		vectors, err := c.driver.Embed(ctx, batch)
		if err == nil {
			err = c.check(vectors, len(batch))
		}
		if err != nil {
			return Result{}, explain(ctx, err)
		}
		for _, v := range vectors {
			result.Usage.PromptTokens += v.Tokens
		}
		result.Vectors = append(result.Vectors, vectors...)
	}
	result.Cost = c.options.Price.Cost(result.Usage)
	return result, nil
}

// EmbedTokens turns texts into the vectors of their tokens, in order, if the
// driver knows them. No text may be empty.
func (c *Client) EmbedTokens(ctx context.Context, texts []string) ([]Tokens, error) {
	if err := validate(texts); err != nil {
		return nil, err
	}
	if err := c.lifetime.enter(); err != nil {
		return nil, err
	}
	defer c.lifetime.leave()
	driver, ok := c.driver.(TokenDriver)
	if !ok {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "the encoder does not tell the vectors of single tokens",
			Hint: "use an encoder on this machine, such as all-minilm-l6-v2"}
	}
	out := make([]Tokens, 0, len(texts))
	for start := 0; start < len(texts); start += c.options.MaxBatch {
		batch := texts[start:min(start+c.options.MaxBatch, len(texts))]
		tokens, err := driver.EmbedTokens(ctx, batch)
		if err == nil && len(tokens) != len(batch) {
			err = upstream("the encoder answered %d texts with the tokens of %d", len(batch), len(tokens))
		}
		if err != nil {
			return nil, explain(ctx, err)
		}
		for _, t := range tokens {
			if t.Dimensions <= 0 || len(t.Vectors) != t.Dimensions*len(t.Special) {
				return nil, upstream("the encoder answered with %d numbers for %d tokens of %d dimensions", len(t.Vectors), len(t.Special), t.Dimensions)
			}
		}
		out = append(out, tokens...)
	}
	return out, nil
}

// Info describes the model. A remote server may be asked once.
func (c *Client) Info(ctx context.Context) (Info, error) {
	if err := c.lifetime.enter(); err != nil {
		return Info{}, err
	}
	defer c.lifetime.leave()
	info, err := c.driver.Info(ctx)
	return info, explain(ctx, err)
}

// Price is what the client prices calls with.
func (c *Client) Price() stylesprint.Price { return c.options.Price }

// Close refuses new calls, waits for running ones and closes the driver. It
// may be called twice.
func (c *Client) Close() error {
	if !c.lifetime.end() {
		return nil
	}
	return c.driver.Close()
}

func validate(texts []string) error {
	if len(texts) == 0 {
		return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "there is no text to embed", Field: "input"}
	}
	for i, t := range texts {
		field := fmt.Sprintf("input[%d]", i)
		if strings.TrimSpace(t) == "" {
			return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: field + " is empty", Field: field}
		}
		if !utf8.ValidString(t) {
			return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: field + " is not valid UTF-8", Field: field}
		}
	}
	return nil
}

// check holds vectors to what was promised and scales them to unit length
// where the driver did not.
func (c *Client) check(vectors []Vector, want int) error {
	if len(vectors) != want {
		return upstream("the encoder answered %d texts with %d vectors", want, len(vectors))
	}
	for _, v := range vectors {
		n := int64(len(v.Values))
		if n == 0 {
			return upstream("the encoder answered with an empty vector")
		}
		c.dimensions.CompareAndSwap(0, n)
		if d := c.dimensions.Load(); d != n {
			return upstream("the encoder answered with %d dimensions; want %d", n, d)
		}
		if err := normalise(v.Values); err != nil {
			return err
		}
	}
	return nil
}

// unitTolerance is how far from 1 a squared length may be by rounding alone.
const unitTolerance = 1e-5

func normalise(v []float32) error {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if sum == 0 || math.IsNaN(sum) || math.IsInf(sum, 0) {
		return upstream("the encoder answered with a vector without direction")
	}
	if math.Abs(sum-1) <= unitTolerance {
		return nil
	}
	scale := 1 / math.Sqrt(sum)
	for i := range v {
		v[i] = float32(float64(v[i]) * scale)
	}
	return nil
}

func upstream(format string, args ...any) error {
	return &stylesprint.Error{Code: stylesprint.CodeUpstream, Message: fmt.Sprintf(format, args...)}
}

// explain gives every error a code. What happened to ctx explains more than
// what the driver noticed of it.
func explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	cause := err
	if ctx.Err() != nil {
		cause = ctx.Err()
	}
	var coded *stylesprint.Error
	switch {
	case ctx.Err() == nil && errors.As(err, &coded):
		return err
	case errors.Is(cause, context.DeadlineExceeded):
		return &stylesprint.Error{Code: stylesprint.CodeTimeout, Message: "the encoder did not answer in time", Err: cause}
	case errors.Is(cause, context.Canceled):
		return &stylesprint.Error{Code: stylesprint.CodeCancelled, Message: "the request was cancelled", Err: cause}
	}
	return &stylesprint.Error{Code: stylesprint.CodeInternal, Message: "the encoder's driver failed", Err: err}
}
