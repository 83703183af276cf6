// Package fake is an embedding.Driver that hashes words, for tests and
// demonstrations that need no model.
//
// Key words: bag of words, hash, fault.
//
// The vector of a text is the sum of those of its words and of their three-letter pieces,
// so texts that share words are similar and the same text is the same
// everywhere. The usual path is
//
//	c := embedding.New(fake.New(fake.Script{}), embedding.Options{})
//
// A Driver is safe for concurrent use.
package fake

import (
	"context"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"stylesprint"
	"stylesprint/embedding"
)

// Script says how a driver behaves. The zero value is good.
type Script struct {
	Model      string // Defaults to "fake".
	Dimensions int    // Defaults to 64.
	MaxTokens  int    // words beyond do not count. 0 is no bound.
	Pause      time.Duration
	// Err makes a call fail: it gets the call's number, counted from 1, and its
	// texts. A nil Err never does.
	Err func(call int, texts []string) error
	// Scale is the vectors' length, for servers that do not normalise. Defaults to 1.
	Scale float32
}

// Driver hashes texts and remembers what it was asked.
type Driver struct {
	script Script

	mu     sync.Mutex
	calls  [][]string
	closed bool
	active sync.WaitGroup
}

var _ embedding.Driver = (*Driver)(nil)

// New returns a driver that plays a script.
func New(s Script) *Driver {
	if s.Model == "" {
		s.Model = "fake"
	}
	if s.Dimensions <= 0 {
		s.Dimensions = 64
	}
	if s.Scale == 0 {
		s.Scale = 1
	}
	return &Driver{script: s}
}

// Calls are the texts of each call so far, in the order in which they came.
func (d *Driver) Calls() [][]string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.calls)
}

// Embed implements embedding.Driver.
func (d *Driver) Embed(ctx context.Context, texts []string) ([]embedding.Vector, error) {
	number, err := d.begin(texts)
	if err != nil {
		return nil, err
	}
	defer d.active.Done()
	if err := wait(ctx, d.script.Pause); err != nil {
		return nil, err
	}
	if d.script.Err != nil {
		if err := d.script.Err(number, texts); err != nil {
			return nil, err
		}
	}
	vectors := make([]embedding.Vector, len(texts))
	for i, t := range texts {
		vectors[i] = d.vector(t)
	}
	return vectors, nil
}

func (d *Driver) begin(texts []string) (number int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return 0, &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "the fake encoder is closed"}
	}
	d.active.Add(1)
	d.calls = append(d.calls, slices.Clone(texts))
	return len(d.calls), nil
}

func (d *Driver) vector(text string) embedding.Vector {
	words := strings.FieldsFunc(strings.ToLower(text), func(r rune) bool { return !unicode.IsLetter(r) && !unicode.IsDigit(r) })
	if len(words) == 0 {
		words = []string{text} // punctuation alone
	}
	v := embedding.Vector{Tokens: len(words)}
	if most := d.script.MaxTokens; most > 0 && len(words) > most {
		v.Tokens, v.Truncated, words = most, true, words[:most]
	}
	sum := make([]float64, d.script.Dimensions)
	for _, w := range words {
		addHash(sum, w, 1)
		letters := []rune("<" + w + ">")
		for i := 0; i+3 <= len(letters); i++ {
			addHash(sum, string(letters[i:i+3]), 0.3)
		}
	}
	var square float64
	for _, x := range sum {
		square += x * x
	}
	v.Values = make([]float32, len(sum))
	for i, x := range sum {
		v.Values[i] = d.script.Scale * float32(x/math.Sqrt(square))
	}
	return v
}

// addHash adds the random direction that belongs to a token.
func addHash(sum []float64, token string, weight float64) {
	h := fnv.New64a()
	_, _ = h.Write([]byte(token))
	r := rand.New(rand.NewPCG(h.Sum64(), 0))
	for i := range sum {
		sum[i] += weight * r.NormFloat64()
	}
}

// Info implements embedding.Driver.
func (d *Driver) Info(ctx context.Context) (embedding.Info, error) {
	if err := ctx.Err(); err != nil {
		return embedding.Info{}, err
	}
	return embedding.Info{
		Ref:        stylesprint.ModelRef{Provider: "fake", Name: d.script.Model},
		Dimensions: d.script.Dimensions, MaxTokens: d.script.MaxTokens,
	}, nil
}

// Close implements embedding.Driver. It waits for running calls and may be called twice.
func (d *Driver) Close() error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.active.Wait()
	return nil
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
