package compare

import (
	"compress/gzip"
	"encoding/json"
	"math"
	"os"
	"testing"

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
	const n = 20000
	o := resample.Options{Samples: n, Seed: resample.DefaultSeed}
	boot, err := resample.Bootstrap(t.Context(), tables, o)
	if err != nil {
		t.Fatal(err)
	}
	base := boot[0].Scores(bleu.Value)
	for s := 1; s < len(tables); s++ {
		delta := g.BS[s].Score - g.BS[0].Score
		scores := boot[s].Scores(bleu.Value)
		near(t, g.Systems[s].Name+" bootstrap", resample.BootstrapP(minus(scores, base), delta, resample.SkipTies), g.BS[s].P, n)
		low, high := resample.Interval(scores, 0.95)
		if half := (high - low) / 2; math.Abs(half-g.BS[s].CI) > 0.05*g.BS[s].CI {
			t.Errorf("%s: half an interval %v, want %v", g.Systems[s].Name, half, g.BS[s].CI)
		}
		left, right, err := resample.Randomize(t.Context(), tables[0], tables[s], o)
		if err != nil {
			t.Fatal(err)
		}
		trials := minus(left.Scores(bleu.Value), right.Scores(bleu.Value))
		for i := range trials {
			trials[i] = math.Abs(trials[i])
		}
		near(t, g.Systems[s].Name+" randomisation", resample.PValue(trials, math.Abs(delta), resample.SkipTies), g.AR[s].P, n)
	}
}

func near(t *testing.T, name string, got, want, n float64) {
	t.Helper()
	t.Logf("%s: p = %.5f, sacrebleu's %.5f", name, got, want)
	if math.Abs(got-want) > 4*math.Sqrt(2*want*(1-want)/n)+2/n {
		t.Errorf("%s: p = %v, want %v", name, got, want)
	}
}
