package engine

import (
	"context"
	"errors"
	"testing"
)

func TestEmbedTokens(t *testing.T) {
	t.Parallel()
	e := openTinyEncoder(t, Options{Threads: 1})
	texts := []string{"A linen shirt", "", "unknowable ☂ things ☂"}
	tokens, err := e.EmbedTokens(context.Background(), texts)
	if err != nil {
		t.Fatal(err)
	}
	whole, err := e.Embed(context.Background(), texts)
	if err != nil {
		t.Fatal(err)
	}
	d := e.Info().Dimensions
	for i, v := range tokens {
		n := len(v.Special)
		if n != whole[i].Tokens || len(v.Vectors) != n*d || v.Unknown != whole[i].Unknown || v.Truncated != whole[i].Truncated {
			t.Fatalf("text %d: %d tokens, %d numbers, %d unknown; want %+v", i, n, len(v.Vectors), v.Unknown, whole[i])
		}
		for k, special := range v.Special {
			if special != (k == 0 || k == n-1) {
				t.Errorf("text %d, token %d: special %t", i, k, special)
			}
		}
		mean := make([]float32, d)
		e.pool(mean, v.Vectors)
		if diff := maxDifference(mean, whole[i].Vector); diff > 1e-6 {
			t.Errorf("text %d: the mean of the tokens differs from the text's vector by %g", i, diff)
		}
	}
	if tokens[0].Unknown != 0 || tokens[1].Unknown != 0 || tokens[2].Unknown != 2 {
		t.Errorf("unknown tokens %d, %d, %d; want 0, 0, 2", tokens[0].Unknown, tokens[1].Unknown, tokens[2].Unknown)
	}
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	if _, err := e.EmbedTokens(ctx, texts); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
	if err := e.Close(); err != nil {
		t.Error(err)
	}
	if _, err := e.EmbedTokens(context.Background(), texts); !errors.Is(err, ErrClosed) {
		t.Errorf("got %v, want ErrClosed", err)
	}
}
