package compare

import (
	"math"
	"testing"

	"stylesprint/evaluate/resample"
)

// TestRareEvents holds that no difference in n items is no proof of none: the bounds
// are those of the rule of three, and a margin needs the items that it needs.
func TestRareEvents(t *testing.T) {
	t.Parallel()
	compareRates := func(n, losses, gains int, margin float64) (Difference, float64) {
		t.Helper()
		mine, base := resample.NewTable(n, 2), resample.NewTable(n, 2)
		for i := range n {
			a, b := 0.0, 0.0
			switch {
			case i < losses:
				a = 1
			case i < losses+gains:
				b = 1
			}
			mine.Add(i, []float64{a, 1})
			base.Add(i, []float64{b, 1})
		}
		drawn, err := resample.Bootstrap(t.Context(), []resample.Table{mine, base}, resample.Options{Samples: 1000, Seed: 1})
		if err != nil {
			t.Fatal(err)
		}
		m := measure{name: "claims", value: meanValue, rate: true}
		s := sampled{units: n, items: n, repeats: [2]float64{1, 1}, challengers: 1, method: Method{Bootstrap: 1000, Randomization: 1000, Seed: 1}, deltas: minus(drawn[0].Scores(meanValue), drawn[1].Scores(meanValue))}
		d, p, err := s.difference(t.Context(), pair{base: &m, mine: &m, baseTable: base, mineTable: mine}, Metric{Name: "claims", Unit: "0-1", Direction: DirectionLower, Margin: margin})
		if err != nil {
			t.Fatal(err)
		}
		return d, p
	}
	d, p := compareRates(60, 0, 0, 0.01)
	if want := 1 - math.Pow(0.025, 1.0/60); math.Abs(d.High-want) > 1e-9 || math.Abs(d.Low+want) > 1e-9 {
		t.Errorf("none of 60: %v to %v, want %v", d.Low, d.High, want)
	}
	if want := math.Pow(0.99, 60); math.Abs(p-want) > 1e-9 {
		t.Errorf("p = %v, want %v", p, want)
	}
	if _, p := compareRates(600, 0, 0, 0.01); p > 0.025 {
		t.Errorf("none of 600 shows a margin of 1 %%: p = %v", p)
	}
	if _, p := compareRates(300, 1, 0, 0.01); math.Abs(p-resample.BinomialCDF(1, 300, 0.01)) > 1e-9 {
		t.Errorf("one of 300: p = %v, want the exact 0.198", p)
	}
	if d, p := compareRates(300, 40, 40, 0.1); p > 0.025 || d.High > 0.1 || d.Low < -0.1 {
		t.Errorf("many events are the bootstrap's: %+v, p = %v", d, p)
	}
}

// TestMatchedPairs has McNemar's statistic where there is no margin to speak of.
func TestMatchedPairs(t *testing.T) {
	t.Parallel()
	if got, want := matchedPairsP(100, 5, 15, 1e-12), normalCDF(-10/math.Sqrt(20)); math.Abs(got-want) > 1e-6 {
		t.Errorf("p = %v, want %v", got, want)
	}
	if got := matchedPairsP(100, 30, 10, 0.2); math.Abs(got-0.5) > 1e-9 {
		t.Errorf("a loss of just the margin: p = %v, want 0.5", got)
	}
}
