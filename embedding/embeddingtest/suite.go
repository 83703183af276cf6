// Package embeddingtest is the conformance suite of embedding.Driver, and an
// OpenAI-compatible embeddings server for tests.
//
// Key words: suite, harness, server.
//
// A driver's test is
//
//	embeddingtest.Run(t, embeddingtest.Harness{Open: func(t *testing.T) embedding.Driver { ... }})
package embeddingtest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/embedding"
)

// Harness describes a driver to the suite.
type Harness struct {
	// Open returns a new driver. The suite closes it.
	Open func(t *testing.T) embedding.Driver
	// MaxTokens is how long a text the model reads; 0 if it does not say what it cut off.
	MaxTokens int
	// Tolerance is how far a vector's numbers may differ with the other texts
	// of a call. Defaults to 1e-5.
	Tolerance float64
}

// Run runs the suite.
func Run(t *testing.T, h Harness) {
	t.Helper()
	if h.Tolerance == 0 {
		h.Tolerance = 1e-5
	}
	s := suite{Harness: h}
	for _, c := range []struct {
		name string
		run  func(t *testing.T)
	}{
		{"Vectors", s.vectors},
		{"Order", s.order},
		{"Similarity", s.similarity},
		{"Truncation", s.truncation},
		{"Cancelled", s.cancelled},
		{"Deadline", s.deadline},
		{"Concurrent", s.concurrent},
		{"Closed", s.closed},
	} {
		t.Run(c.name, c.run)
	}
}

type suite struct{ Harness }

func (s suite) client(t *testing.T, o embedding.Options) *embedding.Client {
	t.Helper()
	o.Price = stylesprint.Price{InputPerMillion: 1}
	c := embedding.New(s.Open(t), o)
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return c
}

func embed(t *testing.T, c *embedding.Client, texts ...string) embedding.Result {
	t.Helper()
	r, err := c.Embed(t.Context(), texts)
	if err != nil {
		t.Fatalf("embed: %v", err)
	}
	return r
}

func (s suite) vectors(t *testing.T) {
	c := s.client(t, embedding.Options{})
	r := embed(t, c, "A navy linen shirt.", "Ein Kleid, waschbar bei 30 °C 👗", "絹")
	info, err := c.Info(t.Context())
	if err != nil {
		t.Fatalf("info: %v", err)
	}
	if info.Ref.Name == "" || info.Ref.Provider == "" || info.Dimensions <= 0 {
		t.Errorf("info %+v", info)
	}
	if len(r.Vectors) != 3 {
		t.Fatalf("%d vectors for 3 texts", len(r.Vectors))
	}
	tokens := 0
	for i, v := range r.Vectors {
		tokens += v.Tokens
		if n := length(v.Values); len(v.Values) != info.Dimensions || math.Abs(n-1) > 1e-4 {
			t.Errorf("vector %d has %d dimensions and length %v; want %d and 1", i, len(v.Values), n, info.Dimensions)
		}
		if v.Truncated {
			t.Errorf("vector %d is marked as truncated", i)
		}
	}
	if tokens <= 0 || r.Usage.PromptTokens != tokens || r.Cost != c.Price().Cost(r.Usage) || r.Cost == 0 {
		t.Errorf("%d tokens, usage %+v, cost %v", tokens, r.Usage, r.Cost)
	}
}

// order embeds many texts at once, in batches, and alone.
func (s suite) order(t *testing.T) {
	c := s.client(t, embedding.Options{MaxBatch: 7})
	texts := make([]string, 17)
	for i := range texts {
		texts[i] = fmt.Sprintf("Dress number %d in %s", i, strings.Repeat("very ", i%5)+"soft wool")
	}
	together := embed(t, c, texts...)
	for _, i := range []int{0, 6, 7, 16} {
		alone := embed(t, c, texts[i]).Vectors[0]
		for k, x := range alone.Values {
			if d := math.Abs(float64(x - together.Vectors[i].Values[k])); d > s.Tolerance {
				t.Fatalf("text %d, dimension %d: %v alone, %v with others", i, k, x, together.Vectors[i].Values[k])
			}
		}
	}
}

func (s suite) similarity(t *testing.T) {
	r := embed(t, s.client(t, embedding.Options{}), "a soft wool coat for cold winter days", "a warm wool coat for the cold winter", "the invoice was sent to the wrong address")
	near, far := dot(r.Vectors[0], r.Vectors[1]), dot(r.Vectors[0], r.Vectors[2])
	if near <= far+0.1 {
		t.Errorf("similar texts have %.3f, others %.3f", near, far)
	}
}

func (s suite) truncation(t *testing.T) {
	if s.MaxTokens == 0 {
		t.Skip("the harness names no limit")
	}
	r := embed(t, s.client(t, embedding.Options{}), strings.Repeat("wool ", 3*s.MaxTokens), "wool")
	if v := r.Vectors[0]; !v.Truncated || v.Tokens > s.MaxTokens {
		t.Errorf("a text beyond %d tokens: %d tokens, truncated %t", s.MaxTokens, v.Tokens, v.Truncated)
	}
	if r.Vectors[1].Truncated {
		t.Error("a short text is marked as truncated")
	}
}

func (s suite) cancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := s.client(t, embedding.Options{}).Embed(ctx, []string{"a dress"})
	wantCode(t, err, stylesprint.CodeCancelled)
}

func (s suite) deadline(t *testing.T) {
	ctx, cancel := context.WithDeadline(t.Context(), time.Now().Add(-time.Second))
	defer cancel()
	_, err := s.client(t, embedding.Options{}).Embed(ctx, []string{"a dress"})
	wantCode(t, err, stylesprint.CodeTimeout)
}

func (s suite) concurrent(t *testing.T) {
	c := s.client(t, embedding.Options{})
	want := embed(t, c, "a linen dress", "a wool coat")
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			r, err := c.Embed(t.Context(), []string{"a linen dress", "a wool coat"})
			if err != nil {
				t.Errorf("embed: %v", err)
				return
			}
			for i, v := range r.Vectors {
				if d := dot(v, want.Vectors[i]); d < 0.9999 {
					t.Errorf("text %d: cosine %v to the vector computed alone", i, d)
				}
			}
		})
	}
	wg.Wait()
}

func (s suite) closed(t *testing.T) {
	d := s.Open(t)
	for range 2 {
		if err := d.Close(); err != nil {
			t.Fatalf("close: %v", err)
		}
	}
	c := embedding.New(d, embedding.Options{})
	_, err := c.Embed(t.Context(), []string{"a dress"})
	wantCode(t, err, stylesprint.CodeUnavailable)
	if err := c.Close(); err != nil {
		t.Fatalf("close the client: %v", err)
	}
	_, err = c.Embed(t.Context(), []string{"a dress"})
	wantCode(t, err, stylesprint.CodeUnavailable)
}

func wantCode(t *testing.T, err error, code stylesprint.Code) {
	t.Helper()
	var coded *stylesprint.Error
	if !errors.As(err, &coded) || coded.Code != code || coded.Message == "" {
		t.Errorf("error %v with code %q; want code %q", err, stylesprint.CodeOf(err), code)
	}
}

func length(v []float32) float64 {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	return math.Sqrt(sum)
}

func dot(a, b embedding.Vector) float64 {
	var sum float64
	for i := range a.Values {
		sum += float64(a.Values[i]) * float64(b.Values[i])
	}
	return sum
}
