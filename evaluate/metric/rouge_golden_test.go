package metric

import (
	"fmt"
	"math"
	"testing"
)

// rougeGolden is rouge_score's; tools/parity/rouge_scores.py writes it.
type rougeGolden struct {
	Types []ROUGEVariant `json:"types"`
	// Lines follow the segments of bleu.json.gz.
	Lines  []goldenSegment `json:"lines"`
	Tables []struct {
		Stem   bool                     `json:"stem"`
		Scores map[string][][12]float64 `json:"scores"`
	} `json:"tables"`
	Stems [][2]string `json:"stems"`
}

func TestROUGEEqualsRougeScore(t *testing.T) {
	t.Parallel()
	var golden rougeGolden
	readGolden(t, "rouge.json.gz", &golden)
	g := sacrebleuSegments(t)
	g.Segments = append(g.Segments, golden.Lines...)
	if len(golden.Tables) != 2 || len(golden.Types) != 4 || len(golden.Lines) < 50 {
		t.Fatalf("golden holds %d tables, %d types, %d texts of several lines", len(golden.Tables), len(golden.Types), len(golden.Lines))
	}
	for _, table := range golden.Tables {
		for k, variant := range golden.Types {
			t.Run(fmt.Sprintf("%s/stem=%t", variant, table.Stem), func(t *testing.T) {
				t.Parallel()
				m, err := NewROUGE(ROUGEOptions{Variant: variant, Stem: table.Stem})
				if err != nil {
					t.Fatal(err)
				}
				for set, want := range table.Scores {
					samples := g.samples(set)
					got, _, err := m.Scores(t.Context(), samples)
					if err != nil {
						t.Fatal(err)
					}
					if len(want) != len(got) {
						t.Fatalf("golden holds %d scores of %d", len(want), len(got))
					}
					for i, s := range got {
						p, r, f := want[i][3*k], want[i][3*k+1], want[i][3*k+2]
						if math.Abs(s.Precision-p) > parity || math.Abs(s.Recall-r) > parity || math.Abs(s.F1-f) > parity {
							t.Fatalf("%s references, segment %d %q against %q: %+v, want %v %v %v", set, i, samples[i].Hypothesis, samples[i].References, s, p, r, f)
						}
					}
				}
			})
		}
	}
}

func TestStemEqualsNLTK(t *testing.T) {
	t.Parallel()
	var golden rougeGolden
	readGolden(t, "rouge.json.gz", &golden)
	if len(golden.Stems) < 10000 {
		t.Fatalf("golden holds %d words", len(golden.Stems))
	}
	for _, pair := range golden.Stems {
		if got := string(stem([]byte(pair[0]))); got != pair[1] {
			t.Errorf("stem of %q: %q, want %q", pair[0], got, pair[1])
		}
	}
}

func TestROUGEFaults(t *testing.T) {
	t.Parallel()
	if _, err := NewROUGE(ROUGEOptions{Variant: "rouge3"}); err == nil {
		t.Error("rouge3")
	}
	m, err := NewROUGE(ROUGEOptions{Variant: ROUGE1})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := m.Measure(t.Context(), []Sample{{Hypothesis: "a"}}); err == nil {
		t.Error("no reference")
	}
	if a, b := m.Signature(1), (&ROUGE{o: ROUGEOptions{Variant: ROUGE1, Stem: true}}).Signature(1); a == b || !IsMean(a) {
		t.Errorf("%s %s", a, b)
	}
}
