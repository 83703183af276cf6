package metric

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/embedding"
)

// table is an embedder that knows its texts.
type table struct {
	vectors map[string]embedding.Vector
	info    embedding.Info
	asked   []string
	err     error
}

func (e *table) Info(context.Context) (embedding.Info, error) { return e.info, e.err }

func (e *table) Embed(_ context.Context, texts []string) ([]embedding.Vector, error) {
	e.asked = append(e.asked, texts...)
	var out []embedding.Vector
	for _, t := range texts {
		if v, ok := e.vectors[t]; ok {
			out = append(out, v)
		}
	}
	return out, nil
}

func vec(values ...float32) embedding.Vector { return embedding.Vector{Values: values} }

func newTable() *table {
	long := vec(0, 1)
	long.Truncated, long.Tokens, long.Unknown = true, 4, 1
	return &table{
		vectors: map[string]embedding.Vector{"east": vec(1, 0), "north": vec(0, 2), "north-east": vec(3, 3), "west": vec(-1, 0), "long": long, "nowhere": vec(0, 0)},
		info: embedding.Info{Ref: stylesprint.ModelRef{Provider: "local", Name: "all-MiniLM-L6-v2", SHA256: "0123456789abcdef0123456789abcdef"}, Dimensions: 2, MaxTokens: 256,
			Precision: stylesprint.Exact},
	}
}

func TestSimilarity(t *testing.T) {
	t.Parallel()
	e := newTable()
	m, err := NewSimilarity(t.Context(), e)
	if err != nil {
		t.Fatal(err)
	}
	samples := []Sample{
		{Hypothesis: "east", References: []string{"east"}},
		{Hypothesis: "east", References: []string{"north-east"}},
		{Hypothesis: "east", References: []string{"west"}},
		{Hypothesis: "east", References: []string{"north", "north-east"}}, // the nearest counts
		{Hypothesis: "long", References: []string{"north"}},
		{Hypothesis: " \u00a0", References: []string{"north"}},
		{Hypothesis: "east", References: []string{""}},
		{Hypothesis: "never embedded", References: []string{"nor this"}, Missing: true},
		{Hypothesis: "nowhere", References: []string{"north"}},
	}
	want := []float64{1, math.Sqrt(0.5), -1, math.Sqrt(0.5), 1, 0, 0, 0, 0}
	ms, err := m.Measure(t.Context(), samples)
	if err != nil {
		t.Fatal(err)
	}
	sum := 0.0
	for i, w := range want {
		sum += w
		if math.Abs(ms[i].Score-w) > 1e-7 || ms[i].Truncated != (i == 4) || (ms[i].Unknown == 0.25) != (i == 4) || ms[i].Refs != len(samples[i].References) {
			t.Errorf("sample %d: %+v, want %v", i, ms[i], w)
		}
	}
	if got := m.Value(Sum(m, ms)); math.Abs(got-sum/9) > 1e-7 {
		t.Errorf("mean %v", got)
	}
	slices.Sort(e.asked)
	if want := []string{"east", "long", "north", "north-east", "nowhere", "west"}; !slices.Equal(e.asked, want) {
		t.Errorf("asked for %q", e.asked)
	}
	const signature = "similarity:cosine|nrefs:var|refs:max|model:local/all-MiniLM-L6-v2|sha256:0123456789abcdef|precision:exact|max_tokens:256|version:1|agg:mean"
	if got := m.Signature(References(ms)); got != signature || !IsMean(got) {
		t.Errorf("signature %s", got)
	}
}

func TestSimilarityReport(t *testing.T) {
	t.Parallel()
	m, err := NewSimilarity(t.Context(), newTable())
	if err != nil {
		t.Fatal(err)
	}
	samples := make([]Sample, similarityBlock+1)
	for i := range samples {
		samples[i] = Sample{Hypothesis: "long", References: []string{"north-east"}}
	}
	r, err := m.Report(t.Context(), SamplesOf(samples))
	if err != nil || len(r.Pairs) != len(samples) || r.Truncated != len(samples) || math.Abs(r.Mean-math.Sqrt(0.5)) > 1e-7 || !strings.Contains(r.Signature, "nrefs:1") {
		t.Errorf("%d pairs, %+v %v", len(r.Pairs), r.Mean, err)
	}
	if _, err := m.Report(t.Context(), SamplesOf(nil)); err == nil {
		t.Error("nothing was scored")
	}
}

func TestSimilarityFaults(t *testing.T) {
	t.Parallel()
	boom := errors.New("boom")
	if _, err := NewSimilarity(t.Context(), &table{err: boom}); !errors.Is(err, boom) {
		t.Errorf("%v", err)
	}
	for text, want := range map[string]string{
		"unknown": "answered 2 texts with 1 vectors",
		"short":   "unusable vector",
		"nan":     "unusable vector",
	} {
		e := newTable()
		e.vectors["short"], e.vectors["nan"] = vec(1), vec(float32(math.NaN()), 0)
		m, err := NewSimilarity(t.Context(), e)
		if err != nil {
			t.Fatal(err)
		}
		_, err = m.Measure(t.Context(), []Sample{{Hypothesis: "north", References: []string{text}}})
		if err == nil || !strings.Contains(err.Error(), want) || stylesprint.CodeOf(err) != stylesprint.CodeUpstream {
			t.Errorf("%s: %v, want %q", text, err, want)
		}
	}
	m, err := NewSimilarity(t.Context(), newTable())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Measure(t.Context(), []Sample{{Hypothesis: "north"}}); err == nil || !strings.Contains(err.Error(), "sample 1 has no reference") {
		t.Errorf("%v", err)
	}
}

func TestUnknownModelIsSaid(t *testing.T) {
	t.Parallel()
	m, err := NewSimilarity(t.Context(), &table{info: embedding.Info{Ref: stylesprint.ModelRef{Provider: "openai", Name: "a|b\nc"}}})
	if err != nil {
		t.Fatal(err)
	}
	if got, want := m.Signature(1), "similarity:cosine|nrefs:1|refs:max|model:openai/a/b c|revision:unknown|precision:unknown|max_tokens:unknown|version:1|agg:mean"; got != want {
		t.Errorf("%s", got)
	}
}

func TestLength(t *testing.T) {
	t.Parallel()
	for unit, want := range map[LengthUnit][]float64{Words: {0, 3, 2, 0}, Characters: {0, 13, 5, 0}} {
		m, err := NewLength(unit)
		if err != nil {
			t.Fatal(err)
		}
		ms, err := m.Measure(t.Context(), []Sample{{}, {Hypothesis: "a navy\u00a0shirt "}, {Hypothesis: "中文 👗x"}, {Hypothesis: "x y", Missing: true}})
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want {
			if ms[i].Score != w {
				t.Errorf("%s %d: %v, want %v", unit, i, ms[i].Score, w)
			}
		}
		if m.Info().Unit != string(unit) || m.Info().Direction != None || !IsMean(m.Signature(0)) || m.Value(nil) != 0 {
			t.Errorf("%+v %s", m.Info(), m.Signature(0))
		}
	}
	if _, err := NewLength("metres"); err == nil {
		t.Error("metres")
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	o := Options{Embedder: newTable(), TokenEmbedder: newTokenTable(), CLIP: newFakeCLIP()}
	for _, name := range Names() {
		m, err := New(t.Context(), name, o)
		if err != nil || m.Info().Name != name {
			t.Errorf("%s: %v", name, err)
			continue
		}
		if info, ok := Describe(name); !ok || info != m.Info() {
			t.Errorf("%s: %+v", name, info)
		}
		ms, err := m.Measure(t.Context(), []Sample{{Hypothesis: "east", References: []string{"north"}, Fields: map[string]string{"colour": "red"}}})
		if err != nil || len(ms) != 1 || len(ms[0].Stats) != m.Info().Width {
			t.Errorf("%s: %+v %v", name, ms, err)
		}
	}
	for name, want := range map[string]string{"meteor": `unknown metric "meteor"`, "similarity": "needs an embedding model"} {
		if _, err := New(t.Context(), name, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	with, err := Default(t.Context(), o)
	without, err2 := Default(t.Context(), Options{})
	if err != nil || err2 != nil || len(with) != 4 || len(without) != 3 {
		t.Errorf("%d %d %v %v", len(with), len(without), err, err2)
	}
	if _, err := Default(t.Context(), Options{BLEU: BLEUOptions{Tokenizer: "x"}}); err == nil {
		t.Error("bad options")
	}
	if _, ok := Describe("x"); ok {
		t.Error("x")
	}
}
