package metric

import (
	"compress/gzip"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"testing"
)

// The goldens are sacrebleu 2.6.0's; tools/parity/sacrebleu_bleu.py writes them.
type bleuGolden struct {
	Segments []goldenSegment `json:"segments"`
	Tables   []bleuTable     `json:"tables"`
}

type goldenSegment struct {
	Hyp  string    `json:"hyp"`
	Refs []*string `json:"refs"`
}

type bleuTable struct {
	Tok       Tokenizer         `json:"tok"`
	Lowercase bool              `json:"lowercase"`
	Tokens    []string          `json:"tokens"`
	Stats     [][statsWidth]int `json:"stats"`
	StatsVar  [][statsWidth]int `json:"stats_var"`
	Combos    []struct {
		Smooth     Smoothing           `json:"smooth"`
		Value      float64             `json:"value"`
		Eff        bool                `json:"eff"`
		Scores     []float64           `json:"scores"`
		Precisions [][maxOrder]float64 `json:"precisions"`
		Corpus     map[string]struct {
			BLEUScore
			Signature string `json:"signature"`
		} `json:"corpus"`
	} `json:"combos"`
}

// parity is how far a figure may be from sacrebleu's.
const parity = 1e-9

func TestBLEUEqualsSacrebleu(t *testing.T) {
	t.Parallel()
	var g bleuGolden
	readGolden(t, "bleu.json.gz", &g)
	if len(g.Segments) < 500 || len(g.Tables) != 10 {
		t.Fatalf("golden holds %d segments and %d tables", len(g.Segments), len(g.Tables))
	}
	for _, table := range g.Tables {
		t.Run(fmt.Sprintf("%s/lowercase=%t", table.Tok, table.Lowercase), func(t *testing.T) {
			t.Parallel()
			checkTokens(t, &g, table)
			sums := g.sums(t, table)
			for _, combo := range table.Combos {
				b, err := NewBLEU(BLEUOptions{Tokenizer: table.Tok, Lowercase: table.Lowercase, Smoothing: combo.Smooth, SmoothValue: combo.Value, EffectiveOrder: combo.Eff})
				if err != nil {
					t.Fatal(err)
				}
				name := fmt.Sprintf("%s[%v] eff=%t", combo.Smooth, combo.Value, combo.Eff)
				for i, want := range combo.Scores {
					got := b.Corpus(statsOf(table.Stats[i]))
					if math.Abs(got.Score-want) > parity {
						t.Fatalf("%s segment %d %q: score %v, want %v", name, i, g.Segments[i].Hyp, got.Score, want)
					}
					if combo.Precisions != nil {
						for n, p := range combo.Precisions[i] {
							if math.Abs(got.Precisions[n]-p) > parity {
								t.Fatalf("%s segment %d: precisions %v, want %v", name, i, got.Precisions, combo.Precisions[i])
							}
						}
					}
					if s := b.Sentence(statsOf(table.Stats[i])); combo.Eff && s != got {
						t.Fatalf("%s segment %d: Sentence %v, Corpus %v", name, i, s, got)
					}
				}
				for set, want := range combo.Corpus {
					sum := sums[set]
					got := b.Corpus(statsOf([statsWidth]int(ints(sum.stats))))
					if !close9(got, want.BLEUScore) || b.Value(sum.stats) != got.Score {
						t.Errorf("%s, %s references: %+v, want %+v", name, set, got, want.BLEUScore)
					}
					if sig := b.Signature(sum.refs); sig != want.Signature {
						t.Errorf("signature %s, want %s", sig, want.Signature)
					}
				}
			}
		})
	}
}

// corpusSum is what a corpus's scores are made of, whatever the smoothing.
type corpusSum struct {
	stats []float64
	refs  int
}

func (g *bleuGolden) sums(t *testing.T, table bleuTable) map[string]corpusSum {
	t.Helper()
	b, err := NewBLEU(BLEUOptions{Tokenizer: table.Tok, Lowercase: table.Lowercase})
	if err != nil {
		t.Fatal(err)
	}
	out := map[string]corpusSum{}
	for _, set := range []string{"one", "two", "var"} {
		ms, err := b.Measure(t.Context(), g.samples(set))
		if err != nil {
			t.Fatal(err)
		}
		out[set] = corpusSum{Sum(b, ms), References(ms)}
	}
	return out
}

func checkTokens(t *testing.T, g *bleuGolden, table bleuTable) {
	t.Helper()
	b, err := NewBLEU(BLEUOptions{Tokenizer: table.Tok, Lowercase: table.Lowercase})
	if err != nil {
		t.Fatal(err)
	}
	for set, want := range map[string][][statsWidth]int{"one": table.Stats, "var": table.StatsVar} {
		samples := g.samples(set)
		got, err := b.AllStats(t.Context(), samples)
		if err != nil {
			t.Fatal(err)
		}
		for i, s := range samples {
			if tokens := table.Tok.Tokenize(b.prepare(s.Hypothesis)); tokens != table.Tokens[i] {
				t.Fatalf("segment %d %q: tokens %q, want %q", i, s.Hypothesis, tokens, table.Tokens[i])
			}
			if got[i] != statsOf(want[i]) {
				t.Fatalf("segment %d %q against %q: %+v, want %v", i, s.Hypothesis, s.References, got[i], want[i])
			}
			if alone := b.Stats(s); alone != got[i] {
				t.Fatalf("segment %d: alone %+v, among others %+v", i, alone, got[i])
			}
		}
	}
}

// samples returns the segments with one reference each, two, or all that there are.
func (g *bleuGolden) samples(set string) []Sample {
	n := map[string]int{"one": 1, "two": 2, "var": 3}[set]
	out := make([]Sample, len(g.Segments))
	for i, s := range g.Segments {
		out[i].Hypothesis = s.Hyp
		for _, r := range s.Refs[:n] {
			if r != nil {
				out[i].References = append(out[i].References, *r)
			}
		}
	}
	return out
}

func statsOf(v [statsWidth]int) Stats {
	return Stats{SysLen: v[0], RefLen: v[1], Correct: [maxOrder]int(v[2:6]), Total: [maxOrder]int(v[6:])}
}

func ints(v []float64) []int {
	out := make([]int, len(v))
	for i, f := range v {
		out[i] = int(f)
	}
	return out
}

func close9(a, b BLEUScore) bool {
	ok := math.Abs(a.Score-b.Score) <= parity && math.Abs(a.BP-b.BP) <= parity && a.SysLen == b.SysLen && a.RefLen == b.RefLen
	for n := range a.Precisions {
		ok = ok && math.Abs(a.Precisions[n]-b.Precisions[n]) <= parity
	}
	return ok
}

func readGolden(t testing.TB, name string, into any) {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", name))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(into); err != nil {
		t.Fatalf("read %s: %v", name, err)
	}
}
