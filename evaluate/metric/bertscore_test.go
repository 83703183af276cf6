package metric

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/embedding"
	"stylesprint/embedding/local"
	"stylesprint/engine"
)

// bertParity is how far a score may be from the bert_score package's, which
// computes in float32.
const bertParity = 1e-4

// The golden is bert_score's; tools/parity/bert_score_values.py writes it.
func TestBERTScoreEqualsBertScore(t *testing.T) {
	t.Parallel()
	var golden struct {
		Pairs []struct {
			Hyp   string     `json:"hyp"`
			Refs  []string   `json:"refs"`
			Score [3]float64 `json:"score"`
		} `json:"pairs"`
	}
	readGolden(t, "bertscore.json.gz", &golden)
	if len(golden.Pairs) < 60 {
		t.Fatalf("golden holds %d pairs", len(golden.Pairs))
	}
	encoder, err := engine.OpenEncoder(t.Context(), filepath.Join("..", "..", "engine", "testdata", "bert"), engine.Options{Threads: 1})
	if err != nil {
		t.Fatal(err)
	}
	client := embedding.New(local.New(encoder, "tiny"), embedding.Options{})
	defer client.Close()
	m, err := NewBERTScore(t.Context(), client)
	if err != nil {
		t.Fatal(err)
	}
	var samples []Sample
	for _, p := range golden.Pairs {
		samples = append(samples, Sample{Hypothesis: p.Hyp, References: p.Refs})
	}
	got, ms, err := m.Scores(t.Context(), samples)
	if err != nil {
		t.Fatal(err)
	}
	for i, p := range golden.Pairs {
		if s := got[i]; math.Abs(s.Precision-p.Score[0]) > bertParity || math.Abs(s.Recall-p.Score[1]) > bertParity || math.Abs(s.F1-p.Score[2]) > bertParity || ms[i].Score != s.F1 {
			t.Errorf("%q against %q: %+v, want %v", p.Hyp, p.Refs, s, p.Score)
		}
	}
	if sig := m.Signature(References(ms)); !IsMean(sig) || !strings.Contains(sig, "nrefs:var") || !strings.Contains(sig, "|model:local/tiny|sha256:") || !strings.Contains(sig, "precision:exact|max_tokens:40") {
		t.Errorf("signature %s", sig)
	}
}

// tokenTable is an embedder that knows its texts' tokens.
type tokenTable struct {
	table
	tokens map[string]embedding.Tokens
}

func (e *tokenTable) EmbedTokens(_ context.Context, texts []string) ([]embedding.Tokens, error) {
	e.asked = append(e.asked, texts...)
	var out []embedding.Tokens
	for _, t := range texts {
		if v, ok := e.tokens[t]; ok {
			v.Vectors = append([]float32(nil), v.Vectors...)
			out = append(out, v)
		}
	}
	return out, e.err
}

func newTokenTable() *tokenTable {
	row := func(vectors ...float32) embedding.Tokens {
		return embedding.Tokens{Vectors: vectors, Dimensions: 2, Special: make([]bool, len(vectors)/2)}
	}
	framed := row(0, 1, 1, 0, 0, 1)
	framed.Special[0], framed.Special[2] = true, true
	framed.Truncated, framed.Unknown = true, 1
	nan := row(float32(math.NaN()), 0)
	empty := row(0, 1, 0, 1)
	empty.Special[0], empty.Special[1] = true, true
	return &tokenTable{*newTable(), map[string]embedding.Tokens{
		"east": row(2, 0), "east north": row(1, 0, 0, 3), "north": row(0, 1), "framed": framed, "nan": nan, "empty": empty,
		"odd": {Vectors: []float32{1}, Dimensions: 2, Special: []bool{false}}, "nowhere": row(0, 0),
	}}
}

func TestBERTScore(t *testing.T) {
	t.Parallel()
	e := newTokenTable()
	m, err := NewBERTScore(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	samples := []Sample{
		{Hypothesis: "east", References: []string{"east"}},
		{Hypothesis: "east north", References: []string{"east"}},
		{Hypothesis: "north", References: []string{"framed"}}, // matched by a special token, which itself has no weight
		{Hypothesis: "east", References: []string{"north", "east north"}},
		{Hypothesis: " ", References: []string{"north"}},
		{Hypothesis: "east", References: []string{"empty"}},
		{Hypothesis: "north", References: []string{"north"}, Missing: true},
		{Hypothesis: "nowhere", References: []string{"north"}},
	}
	want := []PRF{{1, 1, 1}, {0.5, 1, 2.0 / 3}, {1, 0, 0}, {1, 0.5, 2.0 / 3}, {}, {}, {}, {}}
	got, ms, err := m.Scores(t.Context(), samples)
	if err != nil {
		t.Fatal(err)
	}
	for i, w := range want {
		if s := got[i]; math.Abs(s.Precision-w.Precision) > 1e-6 || math.Abs(s.Recall-w.Recall) > 1e-6 || math.Abs(s.F1-w.F1) > 1e-6 || ms[i].Truncated != (i == 2) || (ms[i].Unknown == 0.25) != (i == 2) {
			t.Errorf("%d: %+v, want %+v", i, s, w)
		}
	}
}

func TestBERTScoreFaults(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	if _, err := NewBERTScore(t.Context(), &tokenTable{table: table{err: boom}}); !errors.Is(err, boom) {
		t.Errorf("%v", err)
	}
	m, err := NewBERTScore(t.Context(), newTokenTable())
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"unheard of", "nan", "odd"} {
		_, err := m.Measure(t.Context(), []Sample{{Hypothesis: "north", References: []string{text}}})
		if err == nil || stylesprint.CodeOf(err) != stylesprint.CodeUpstream || !strings.Contains(err.Error(), "unusable vectors") {
			t.Errorf("%s: %v", text, err)
		}
	}
	if _, err := m.Measure(t.Context(), []Sample{{Hypothesis: "north"}}); err == nil {
		t.Error("no reference")
	}
}
