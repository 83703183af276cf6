package metric

import (
	"math"
	"strings"
	"testing"
)

// lookalikeGolden is NLTK's, and Hugging Face evaluate's formula in exact
// fractions; tools/parity/bleu_lookalikes.py writes it for the segments of bleu.json.gz.
type lookalikeGolden struct {
	Version string                 `json:"nltk_version"`
	NLTK    map[string][][]float64 `json:"nltk"` // by set of references, method, segment
	HF      map[string]struct {
		Stats  [][]float64 `json:"stats"`
		Scores []float64   `json:"scores"`
		Corpus float64     `json:"corpus"`
	} `json:"hf"`
}

func TestNLTKBLEUEqualsNLTK(t *testing.T) {
	t.Parallel()
	var golden lookalikeGolden
	readGolden(t, "lookalikes.json.gz", &golden)
	if "nltk-"+golden.Version != nltkVersion || len(golden.NLTK) != 2 {
		t.Fatalf("golden of %s with %d sets", golden.Version, len(golden.NLTK))
	}
	g := sacrebleuSegments(t)
	for set, methods := range golden.NLTK {
		samples := g.samples(set)
		for method, want := range methods {
			m, err := NewNLTKBLEU(method)
			if err != nil {
				t.Fatal(err)
			}
			ms, err := m.Measure(t.Context(), samples)
			if err != nil {
				t.Fatal(err)
			}
			sum := 0.0
			for i, w := range want {
				sum += w
				// Scores of method 0 are as small as 1e-231: they must be equal relatively.
				if math.Abs(ms[i].Score-w) > parity*w {
					t.Fatalf("method %d, %s references, segment %d %q against %q: %v, want %v", method, set, i, samples[i].Hypothesis, samples[i].References, ms[i].Score, w)
				}
			}
			if got := m.Value(Sum(m, ms)); math.Abs(got-sum/float64(len(want))) > parity {
				t.Errorf("method %d: mean %v, want %v", method, got, sum/float64(len(want)))
			}
		}
	}
}

func TestHFBLEUEqualsFormula(t *testing.T) {
	t.Parallel()
	var golden lookalikeGolden
	readGolden(t, "lookalikes.json.gz", &golden)
	g := sacrebleuSegments(t)
	m, err := NewHFBLEU()
	if err != nil {
		t.Fatal(err)
	}
	for set, want := range golden.HF {
		samples := g.samples(set)
		checkStats(t, set, m, samples, want.Stats)
		ms, err := m.Measure(t.Context(), samples)
		if err != nil {
			t.Fatal(err)
		}
		for i, w := range want.Scores {
			if math.Abs(ms[i].Score-w) > parity {
				t.Fatalf("%s references, segment %d: %v, want %v", set, i, ms[i].Score, w)
			}
		}
		if got := m.Value(Sum(m, ms)); math.Abs(got-want.Corpus) > parity {
			t.Errorf("%s references: corpus %v, want %v", set, got, want.Corpus)
		}
	}
	if again, ok := Rebuild(m.Info().Name, m.Signature(3)); !ok || again.Signature(3) != m.Signature(3) {
		t.Error("not rebuilt")
	}
	if _, ok := Rebuild(m.Info().Name, strings.Replace(m.Signature(3), "min", "max", 1)); ok {
		t.Error("rebuilt from another signature")
	}
}

func TestPresets(t *testing.T) {
	t.Parallel()
	signatures := map[string]bool{}
	for _, name := range PresetNames() {
		m, err := NewPreset(name)
		if err != nil {
			t.Fatal(err)
		}
		signatures[m.Signature(1)] = true
		if _, ok := Describe(m.Info().Name); !ok {
			t.Errorf("%s: %q is not described", name, m.Info().Name)
		}
	}
	if len(signatures) != 7 {
		t.Errorf("%d signatures of %d presets", len(signatures), len(PresetNames()))
	}
	for _, name := range []string{"", "nltk-method4", "nltk-method", "nltk-method-1", "bleu"} {
		if _, err := NewPreset(name); err == nil || !strings.Contains(err.Error(), "unknown BLEU preset") {
			t.Errorf("%q: %v", name, err)
		}
	}
	if _, err := NewNLTKBLEU(7); err == nil {
		t.Error("method 7")
	}
}
