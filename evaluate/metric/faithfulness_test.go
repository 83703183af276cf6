package metric

import (
	"math"
	"strings"
	"testing"

	"stylesprint/evaluate/faithfulness"
)

func dress() map[string]string {
	return map[string]string{"name": "Mira Midi Dress", "category": "Dresses", "colour": "sage green", "material": "55% linen, 45% viscose",
		"care": "hand wash cold", "stock": "S 2, M 0", "sizes": "S", "price": "49.90 EUR", "brand": "StyleSprint", "features": "two side pockets"}
}

func faithfulnessMetric(t *testing.T, name string) *Faithfulness {
	t.Helper()
	m, err := NewFaithfulness(name, nil)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// The statistics of these texts, worked out by hand.
func TestFaithfulness(t *testing.T) {
	t.Parallel()
	samples := []Sample{
		// colour, category, 55% linen supported; all three facts mentioned
		{Hypothesis: "A sage green dress in 55% linen.", Fields: dress()},
		// category supported; navy and 100% silk contradicted; waterproof unsupported; 1 of 3 facts
		{Hypothesis: "This navy dress in 100% silk is waterproof.", Fields: dress()},
		// nothing stated
		{Hypothesis: "Lovely.", Fields: dress()},
		{Missing: true, Hypothesis: "A navy dress.", Fields: dress()},
		{Hypothesis: "A navy dress."},
		{Hypothesis: "Ein Kleid.", Fields: map[string]string{"language": "de", "colour": "grün"}},
		// unsupported, and no hard rule broken: breathable is a soft claim
		{Hypothesis: "A breathable dress in sage with linen.", Fields: dress()},
	}
	precision, recall := 7.0/11, 7.0/15
	for _, c := range []struct {
		name   string
		scores []float64
		value  float64
	}{
		{"faithfulness-precision", []float64{1, 0.25, 1, 1, -1, -1, 0.75}, precision},
		{"faithfulness-recall", []float64{1, 1.0 / 3, 0, 0, -1, -1, 1}, recall},
		{"faithfulness", []float64{1, 2.0 / 7, 0, 0, -1, -1, 6.0 / 7}, 2 * precision * recall / (precision + recall)},
		{"contradictions", []float64{0, 1, 0, 0, -1, -1, 0}, 0.2},
		{"unsupported-claims", []float64{0, 1, 0, 0, -1, -1, 1}, 0.4},
		{"hard-violations", []float64{0, 1, 0, 0, -1, -1, 0}, 0.2},
	} {
		m := faithfulnessMetric(t, c.name)
		ms, err := m.Measure(t.Context(), samples)
		if err != nil {
			t.Fatal(err)
		}
		var present []Measurement
		for i, want := range c.scores {
			if ms[i].Absent != (want < 0) || want >= 0 && math.Abs(ms[i].Score-want) > 1e-12 {
				t.Errorf("%s of text %d: %+v, want %v", c.name, i, ms[i], want)
			}
			if !ms[i].Absent {
				present = append(present, ms[i])
			}
		}
		if got := m.Value(Sum(m, present)); math.Abs(got-c.value) > 1e-12 {
			t.Errorf("%s: %v, want %v", c.name, got, c.value)
		}
	}
}

func TestFaithfulnessIsRebuiltFromItsSignature(t *testing.T) {
	t.Parallel()
	rules, err := faithfulness.Embedded()
	if err != nil {
		t.Fatal(err)
	}
	if rules, err = rules.With("own.yaml", strings.NewReader("format: 1\nclaim:\n  luxurious: {hard: true, say: [luxurious]}\n")); err != nil {
		t.Fatal(err)
	}
	own := rules.Compile()
	for _, info := range faithfulnessInfos() {
		m := faithfulnessMetric(t, info.Name)
		again, ok := Rebuild(info.Name, m.Signature(0))
		if !ok || again.Signature(0) != m.Signature(VaryingReferences) {
			t.Errorf("%s is not rebuilt from %s", info.Name, m.Signature(0))
		}
		if IsMean(m.Signature(0)) != info.Rate {
			t.Errorf("%s: mean %v, rate %v", info.Name, !info.Rate, info.Rate)
		}
		other, err := NewFaithfulness(info.Name, own)
		if err != nil {
			t.Fatal(err)
		}
		if other.Signature(0) == m.Signature(0) {
			t.Errorf("%s: other rules have the same signature", info.Name)
		}
		if _, ok := Rebuild(info.Name, other.Signature(0)); ok {
			t.Errorf("%s was rebuilt from rules that the program does not have", info.Name)
		}
	}
	if _, err := NewFaithfulness("x", nil); err == nil {
		t.Error("x")
	}
}
