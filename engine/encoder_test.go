package engine

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"
)

func openTinyEncoder(t *testing.T, o Options) *Encoder {
	t.Helper()
	e, err := OpenEncoder(context.Background(), "testdata/bert", o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { e.Close() })
	return e
}

// The company that a text keeps in a batch does not show in its vector.
func TestEmbedManyAtOnce(t *testing.T) {
	t.Parallel()
	eachLevel(t, func(t *testing.T, cpu string) {
		e := openTinyEncoder(t, Options{CPU: cpu, Threads: 2})
		var texts []string
		for i := range 200 {
			texts = append(texts, fmt.Sprintf("a linen shirt number %d", i*i*i))
		}
		alone := make([]Embedding, len(texts))
		for i, text := range texts[:20] {
			v, err := e.Embed(context.Background(), []string{text})
			if err != nil {
				t.Fatal(err)
			}
			alone[i] = v[0]
		}
		var wg sync.WaitGroup
		for range 2 {
			wg.Go(func() {
				got, err := e.Embed(context.Background(), texts)
				if err != nil || len(got) != len(texts) {
					t.Errorf("%d vectors, %v", len(got), err)
					return
				}
				for i, v := range got {
					if n := cosine(v.Vector, v.Vector); math.IsNaN(n) || math.Abs(length(v.Vector)-1) > 1e-5 {
						t.Errorf("text %d: length %g, want 1", i, length(v.Vector))
					}
					if i < 20 && maxDifference(v.Vector, alone[i].Vector) > 1e-5 {
						t.Errorf("text %d: differs by %g from its vector alone", i, maxDifference(v.Vector, alone[i].Vector))
					}
				}
			})
		}
		wg.Wait()
	})
}

func length(v []float32) float64 {
	var s float64
	for _, x := range v {
		s += float64(x) * float64(x)
	}
	return math.Sqrt(s)
}

// What the vocabulary lacks is counted, in what was read of a text.
func TestEmbedUnknown(t *testing.T) {
	t.Parallel()
	e := openTinyEncoder(t, Options{Threads: 1})
	v, err := e.Embed(context.Background(), []string{"a linen shirt", "☂ linen 漢字", strings.Repeat("☂ ", 50)})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range [][2]int{{5, 0}, {6, 3}, {40, 38}} {
		if v[i].Tokens != want[0] || v[i].Unknown != want[1] {
			t.Errorf("text %d: %d tokens, %d unknown; want %v", i, v[i].Tokens, v[i].Unknown, want)
		}
	}
}

func TestEmbedEndings(t *testing.T) {
	t.Parallel()
	e := openTinyEncoder(t, Options{Threads: 1})
	if v, err := e.Embed(context.Background(), nil); err != nil || len(v) != 0 {
		t.Errorf("of nothing: %v, %v", v, err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.Embed(ctx, []string{"a shirt"}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if err := errors.Join(e.Close(), e.Close()); err != nil {
		t.Errorf("Close: %v", err)
	}
	if _, err := e.Embed(context.Background(), []string{"late"}); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}
