package engine

import (
	"context"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"
)

// Bounds from the design: what fast arithmetic may cost.
const (
	maxPerplexityChange = 0.005
	minFastCosine       = 0.999
	minExactCosine      = 0.9999
)

func TestRealGreedyText(t *testing.T) {
	var cases []struct {
		Messages     []ChatMessage
		Prompt       string
		PromptTokens []int32 `json:"prompt_tokens"`
		Tokens       []int32
		Text         string
	}
	readTestJSON(t, "smollm2-greedy.json", &cases)
	m := openReal(t, Options{Precision: Exact})
	for _, c := range cases {
		r := Request{Messages: c.Messages, Prompt: c.Prompt, MaxTokens: 32}
		ids, err := m.words.encode(r)
		if err != nil || !slices.Equal(ids, c.PromptTokens) {
			t.Errorf("%v%s: prompt tokens %v, %v; want %v", c.Messages, c.Prompt, ids, err, c.PromptTokens)
			continue
		}
		got, err := m.Generate(context.Background(), r, nil)
		if err != nil {
			t.Fatal(err)
		}
		if got.Text != c.Text || !slices.Equal(got.Tokens, c.Tokens) {
			t.Errorf("%v%s:\n got %q %v\nwant %q %v", c.Messages, c.Prompt, got.Text, got.Tokens, c.Text, c.Tokens)
		}
	}
}

func TestRealPerplexity(t *testing.T) {
	text, err := os.ReadFile(filepath.Join("testdata", "neutral.txt"))
	if err != nil {
		t.Fatal(err)
	}
	perplexity := func(o Options) float64 {
		m := openReal(t, o)
		defer m.Close()
		start := time.Now()
		sum, n, err := m.NegativeLogLikelihood(context.Background(), string(text))
		if err != nil {
			t.Fatal(err)
		}
		ppl := math.Exp(sum / float64(n))
		t.Logf("%s: perplexity %.4f over %d tokens, %.0f tokens/s", o.Precision, ppl, n, float64(n)/time.Since(start).Seconds())
		return ppl
	}
	exact, fast := perplexity(Options{Precision: Exact}), perplexity(Options{Precision: Fast})
	if change := math.Abs(fast/exact - 1); change > maxPerplexityChange {
		t.Errorf("fast changes the perplexity by %.3f %%, want at most %.1f %%", 100*change, 100*maxPerplexityChange)
	}
}

func TestRealEmbeddings(t *testing.T) {
	var texts []string
	readTestJSON(t, "minilm.texts.json", &texts)
	g := golden(t, "minilm")
	want, tokens := goldenFloats(t, g, "embeddings"), goldenInts(t, g, "tokens")
	embed := func(p Precision) []Embedding {
		e := openRealEncoder(t, Options{Precision: p})
		defer e.Close()
		v, err := e.Embed(context.Background(), texts)
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
	exact, fast := embed(Exact), embed(Fast)
	least, leastFast := 1.0, 1.0
	for i, v := range exact {
		if v.Tokens != int(tokens[i]) {
			t.Errorf("%q: %d tokens, want %d", texts[i], v.Tokens, tokens[i])
		}
		least = min(least, cosine(v.Vector, want[i*384:(i+1)*384]))
		leastFast = min(leastFast, cosine(v.Vector, fast[i].Vector))
	}
	t.Logf("least cosine: exact to sentence-transformers %.7f, fast to exact %.5f", least, leastFast)
	if least < minExactCosine || leastFast < minFastCosine {
		t.Errorf("least cosine: exact to sentence-transformers %g, want %g; fast to exact %g, want %g", least, minExactCosine, leastFast, minFastCosine)
	}
}
