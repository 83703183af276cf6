package fake_test

import (
	"testing"

	"stylesprint/embedding"
	"stylesprint/embedding/embeddingtest"
	"stylesprint/embedding/fake"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	embeddingtest.Run(t, embeddingtest.Harness{
		Open:      func(t *testing.T) embedding.Driver { return fake.New(fake.Script{MaxTokens: 50}) },
		MaxTokens: 50,
	})
}

// The vectors are the same in every process and version, since stored results hold them.
func TestVectorsAreStable(t *testing.T) {
	t.Parallel()
	v, err := fake.New(fake.Script{Dimensions: 3}).Embed(t.Context(), []string{"Linen, shirt!", "linen shirt", "?!"})
	if err != nil {
		t.Fatal(err)
	}
	for i, x := range v[0].Values {
		if x != v[1].Values[i] {
			t.Errorf("case and punctuation count: %v %v", v[0].Values, v[1].Values)
		}
	}
	want := []float32{0.36839604, -0.14181073, 0.91878945}
	for i, x := range v[0].Values {
		if d := x - want[i]; d > 1e-6 || d < -1e-6 {
			t.Errorf("vector %v, want %v", v[0].Values, want)
		}
	}
	if v[2].Tokens != 1 {
		t.Errorf("punctuation alone has %d tokens", v[2].Tokens)
	}
}
