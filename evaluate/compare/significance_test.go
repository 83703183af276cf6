package compare

import (
	"compress/gzip"
	"encoding/json"
	"math"
	"os"
	"testing"

	"stylesprint"
	"stylesprint/evaluate/metric"
	"stylesprint/evaluate/resample"
)

// significanceGolden is what sacrebleu 2.6.0 made of four systems, the first
// being the baseline; tools/parity/sacrebleu_significance.py writes it.
type significanceGolden struct {
	References []string `json:"references"`
	Systems    []struct {
		Name  string   `json:"name"`
		Texts []string `json:"texts"`
	} `json:"systems"`
	BS, AR []struct {
		Score, P, Mean, CI float64
	}
}

func readSignificance(t *testing.T) (g significanceGolden) {
	t.Helper()
	f, err := os.Open("testdata/significance.json.gz")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	if err := json.NewDecoder(z).Decode(&g); err != nil {
		t.Fatal(err)
	}
	return g
}

// TestSignificanceEqualsSacrebleu compares with sacrebleu's paired tests, whose
// random numbers are others, within four standard errors of the two shares.
func TestSignificanceEqualsSacrebleu(t *testing.T) {
	t.Parallel()
	g := readSignificance(t)
	bleu, err := metric.NewBLEU(metric.BLEUOptions{})
	if err != nil {
		t.Fatal(err)
	}
	tables := significanceTables(t, g, bleu)
	const n = 20000
	a := significanceAnalysis(g, tables, bleu.Value, n)
	if err := a.bootstrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := a.asSacrebleu(t.Context()); err != nil {
		t.Fatal(err)
	}
	for s, system := range g.Systems {
		got, bs := a.Candidates[s].Sacrebleu[0], g.BS[s]
		if math.Abs(got.Half-bs.CI) > 0.05*bs.CI {
			t.Errorf("%s: half an interval %v, want %v", system.Name, got.Half, bs.CI)
		}
		// The half width is about two standard errors of the score.
		if math.Abs(got.Mean-bs.Mean) > 4*math.Sqrt(2.0/n)*bs.CI/1.96 {
			t.Errorf("%s: mean %v, want %v", system.Name, got.Mean, bs.Mean)
		}
		if s == 0 {
			if got.PBootstrap != 0 || got.PRandomization != 0 {
				t.Errorf("the baseline has p values: %+v", got)
			}
			continue
		}
		near(t, system.Name+" bootstrap", got.PBootstrap, bs.P, n)
		near(t, system.Name+" randomisation", got.PRandomization, g.AR[s].P, n)
	}
	// Families change nothing: sacrebleu draws segments.
	b := significanceAnalysis(g, tables, bleu.Value, n)
	b.Families = 10
	for _, col := range b.columns {
		unit := make([]int, b.Items)
		for i := range unit {
			unit[i] = i % b.Families
		}
		col.measures[0].table = gather(col.measures[0].items, unit, b.Families)
		col.cost, col.waiting = resample.NewTable(b.Families, 2), resample.NewTable(b.Families, 3)
	}
	if err := b.bootstrap(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := b.asSacrebleu(t.Context()); err != nil {
		t.Fatal(err)
	}
	for s := range g.Systems {
		if a.Candidates[s].Sacrebleu[0] != b.Candidates[s].Sacrebleu[0] {
			t.Errorf("families change sacrebleu's figures: %+v and %+v", a.Candidates[s].Sacrebleu[0], b.Candidates[s].Sacrebleu[0])
		}
	}
}

// significanceTables holds each system's statistics, a segment a row.
func significanceTables(t *testing.T, g significanceGolden, bleu *metric.BLEU) []resample.Table {
	t.Helper()
	tables := make([]resample.Table, len(g.Systems))
	for s, system := range g.Systems {
		samples := make([]metric.Sample, len(g.References))
		for i := range samples {
			samples[i] = metric.Sample{Hypothesis: system.Texts[i], References: g.References[i : i+1]}
		}
		ms, err := bleu.Measure(t.Context(), samples)
		if err != nil {
			t.Fatal(err)
		}
		tables[s] = resample.NewTable(len(samples), bleu.Info().Width)
		for i, m := range ms {
			tables[s].Add(i, m.Stats)
		}
		if got := bleu.Value(tables[s].Sum()); math.Abs(got-g.BS[s].Score) > 1e-9 {
			t.Errorf("%s: score %v, want %v", system.Name, got, g.BS[s].Score)
		}
	}
	return tables
}

// significanceAnalysis sets the golden systems up as columns, an item a segment.
func significanceAnalysis(g significanceGolden, tables []resample.Table, value func([]float64) float64, n int) *analysis {
	items := len(g.References)
	c := &Comparison{Items: items, Families: items, Primary: "bleu", Metrics: []Metric{{Name: "bleu", Direction: DirectionHigher}},
		Method: Method{Bootstrap: n, Randomization: n, Seed: resample.DefaultSeed}}
	a := &analysis{Comparison: c}
	for s, system := range g.Systems {
		m := measure{name: "bleu", value: value, items: tables[s], table: tables[s], scores: make([]float64, items)}
		a.columns = append(a.columns, &column{name: system.Name, measures: []measure{m}, cost: resample.NewTable(items, 2), waiting: resample.NewTable(items, 3)})
		c.Candidates = append(c.Candidates, Candidate{Name: system.Name, Scores: []stylesprint.Score{{Value: value(tables[s].Sum())}}})
	}
	return a
}

func near(t *testing.T, name string, got, want, n float64) {
	t.Helper()
	t.Logf("%s: p = %.5f, sacrebleu's %.5f", name, got, want)
	if math.Abs(got-want) > 4*math.Sqrt(2*want*(1-want)/n)+2/n {
		t.Errorf("%s: p = %v, want %v", name, got, want)
	}
}
