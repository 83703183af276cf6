package metric

import (
	"encoding/json"
	"fmt"
	"math"
	"regexp"
	"testing"
)

// The goldens are sacrebleu 2.6.0's; tools/parity/sacrebleu_chrf_ter.py writes
// them for the segments of bleu.json.gz.
type sacrebleuTable struct {
	Options json.RawMessage        `json:"options"`
	Stats   map[string][][]float64 `json:"stats"`
	Scores  map[string][]float64   `json:"scores"`
	Corpus  map[string]struct {
		Score     float64 `json:"score"`
		Signature string  `json:"signature"`
	} `json:"corpus"`
}

func sacrebleuSegments(t testing.TB) *bleuGolden {
	t.Helper()
	var g bleuGolden
	readGolden(t, "bleu.json.gz", &g)
	if len(g.Segments) < 500 {
		t.Fatalf("golden holds %d segments", len(g.Segments))
	}
	return &g
}

func TestCHRFEqualsSacrebleu(t *testing.T) {
	t.Parallel()
	var golden struct {
		Tables []sacrebleuTable `json:"tables"`
	}
	readGolden(t, "chrf.json.gz", &golden)
	if len(golden.Tables) != 19 {
		t.Fatalf("golden holds %d tables", len(golden.Tables))
	}
	segments := sacrebleuSegments(t)
	for _, table := range golden.Tables {
		t.Run(string(table.Options), func(t *testing.T) {
			t.Parallel()
			var o struct {
				CharOrder  int  `json:"char_order"`
				WordOrder  int  `json:"word_order"`
				Beta       int  `json:"beta"`
				Lowercase  bool `json:"lowercase"`
				Whitespace bool `json:"whitespace"`
				Eps        bool `json:"eps_smoothing"`
			}
			if err := json.Unmarshal(table.Options, &o); err != nil {
				t.Fatal(err)
			}
			m, err := NewCHRF(CHRFOptions{CharOrder: o.CharOrder, WordOrder: o.WordOrder, Beta: o.Beta, Lowercase: o.Lowercase, Whitespace: o.Whitespace, EpsSmoothing: o.Eps})
			if err != nil {
				t.Fatal(err)
			}
			table.check(t, m, segments)
			if again, err := CHRFFromSignature(m.Signature(1)); err != nil || again.Options() != m.Options() {
				t.Errorf("rebuilt %+v from %s: %v", again, m.Signature(1), err)
			}
		})
	}
}

func TestTEREqualsSacrebleu(t *testing.T) {
	t.Parallel()
	var golden struct {
		Tables []sacrebleuTable `json:"tables"`
		Long   struct {
			bleuGolden
			Stats [][]float64 `json:"stats"`
		} `json:"long"`
	}
	readGolden(t, "ter.json.gz", &golden)
	if len(golden.Tables) != 14 {
		t.Fatalf("golden holds %d tables", len(golden.Tables))
	}
	segments := sacrebleuSegments(t)
	for _, table := range golden.Tables {
		t.Run(string(table.Options), func(t *testing.T) {
			t.Parallel()
			var o struct {
				Normalized bool `json:"normalized"`
				NoPunct    bool `json:"no_punct"`
				Asian      bool `json:"asian_support"`
				Case       bool `json:"case_sensitive"`
			}
			if err := json.Unmarshal(table.Options, &o); err != nil {
				t.Fatal(err)
			}
			m, err := NewTER(TEROptions{Normalized: o.Normalized, NoPunctuation: o.NoPunct, AsianSupport: o.Asian, CaseSensitive: o.Case})
			if err != nil {
				t.Fatal(err)
			}
			table.check(t, m, segments)
			if again, err := TERFromSignature(m.Signature(1)); err != nil || again.Options() != m.Options() {
				t.Errorf("rebuilt %+v from %s: %v", again, m.Signature(1), err)
			}
		})
	}
	m, err := NewTER(TEROptions{})
	if err != nil {
		t.Fatal(err)
	}
	checkStats(t, "long", m, golden.Long.samples("one"), golden.Long.Stats)
}

// check holds a metric to a table: every segment's score, statistics where they
// are stored, and the corpus's score and signature.
func (table *sacrebleuTable) check(t *testing.T, m Metric, g *bleuGolden) {
	t.Helper()
	for set, want := range table.Corpus {
		samples := g.samples(set)
		ms, err := m.Measure(t.Context(), samples)
		if err != nil {
			t.Fatal(err)
		}
		for i, score := range table.Scores[set] {
			if math.Abs(ms[i].Score-score) > parity {
				t.Fatalf("%s references, segment %d %q against %q: score %v, want %v", set, i, samples[i].Hypothesis, samples[i].References, ms[i].Score, score)
			}
		}
		if stats := table.Stats[set]; stats != nil {
			checkStats(t, set, m, samples, stats)
		}
		if got := m.Value(Sum(m, ms)); math.Abs(got-want.Score) > parity {
			t.Errorf("%s references: corpus %v, want %v", set, got, want.Score)
		}
		// Sacrebleu's signature does not tell beta.
		got := regexp.MustCompile(`beta:\d\|`).ReplaceAllString(m.Signature(References(ms)), "")
		if got != want.Signature {
			t.Errorf("signature %s, want %s", got, want.Signature)
		}
	}
}

func checkStats(t *testing.T, name string, m Metric, samples []Sample, want [][]float64) {
	t.Helper()
	ms, err := m.Measure(t.Context(), samples)
	if err != nil {
		t.Fatal(err)
	}
	if len(want) != len(ms) {
		t.Fatalf("%s: golden holds %d statistics of %d", name, len(want), len(ms))
	}
	for i := range ms {
		if got, want := fmt.Sprint(ms[i].Stats), fmt.Sprint(want[i]); got != want {
			t.Fatalf("%s, segment %d %q against %q: statistics %s, want %s", name, i, samples[i].Hypothesis, samples[i].References, got, want)
		}
	}
}
