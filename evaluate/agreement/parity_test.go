package agreement

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// Tolerances against the references. scipy's optimiser stops at a gradient, the
// rest are closed forms.
const (
	exactTolerance     = 1e-12
	optimumTolerance   = 1e-6
	iterativeTolerance = 1e-9
)

type golden struct {
	Alpha []struct {
		Units                      [][]*float64
		Nominal, Ordinal, Interval float64
	}
	Kappa []struct {
		A, B, Labels            []float64
		None, Linear, Quadratic float64
	}
	Strength []struct {
		N           int
		Comparisons [][4]float64
		Optimum     []float64
		Controlled  []float64
		Choix       []float64
	}
	Correlation []struct {
		X, Y     []float64
		Tau, Rho float64
	}
}

// references reads what tools/parity/agreement.py computed.
func references(t *testing.T) golden {
	t.Helper()
	b, err := os.ReadFile("testdata/agreement.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(b, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

func near(t *testing.T, what string, i int, got, want, tolerance float64) {
	t.Helper()
	if !(math.Abs(got-want) <= tolerance) {
		t.Errorf("%s of case %d: %.15g, want %.15g", what, i, got, want)
	}
}

func TestAlphaEqualsReference(t *testing.T) {
	t.Parallel()
	for i, c := range references(t).Alpha {
		var values [][]float64
		for _, u := range c.Units {
			row := make([]float64, len(u))
			for r, v := range u {
				row[r] = math.NaN()
				if v != nil {
					row[r] = *v
				}
			}
			values = append(values, row)
		}
		for scale, want := range map[Scale]float64{Nominal: c.Nominal, Ordinal: c.Ordinal, Interval: c.Interval} {
			got, err := Alpha(values, scale)
			if err != nil {
				t.Fatal(err)
			}
			near(t, string(scale)+" alpha", i, got, want, exactTolerance)
		}
	}
}

func TestKappaEqualsReference(t *testing.T) {
	t.Parallel()
	for i, c := range references(t).Kappa {
		for w, want := range map[Weights]float64{Unweighted: c.None, Linear: c.Linear, Quadratic: c.Quadratic} {
			got, err := Kappa(Pairs{A: c.A, B: c.B, Labels: c.Labels}, w)
			if err != nil {
				t.Fatal(err)
			}
			near(t, string(w)+" kappa", i, got, want, exactTolerance)
		}
	}
}

func TestStrengthsEqualReference(t *testing.T) {
	t.Parallel()
	for i, c := range references(t).Strength {
		var list []Comparison
		for _, x := range c.Comparisons {
			list = append(list, Comparison{A: int(x[0]), B: int(x[1]), Score: x[2], Covariate: x[3]})
		}
		logs, err := BradleyTerry(c.N, list)
		if err != nil {
			t.Fatal(err)
		}
		for k := range logs {
			near(t, "strength", i, logs[k], c.Optimum[k], optimumTolerance)
			if c.Choix != nil {
				near(t, "strength by choix", i, logs[k], c.Choix[k], iterativeTolerance)
			}
		}
		m, err := BradleyTerryControlled(c.N, list)
		if err != nil {
			t.Fatal(err)
		}
		for k := range m.Logs {
			near(t, "controlled strength", i, m.Logs[k], c.Controlled[k], optimumTolerance)
		}
		near(t, "effect", i, m.Effect, c.Controlled[c.N], optimumTolerance)
	}
}

func TestCorrelationEqualsReference(t *testing.T) {
	t.Parallel()
	for i, c := range references(t).Correlation {
		tau, err := TauB(c.X, c.Y)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "tau", i, tau, c.Tau, exactTolerance)
		rho, err := Spearman(c.X, c.Y)
		if err != nil {
			t.Fatal(err)
		}
		near(t, "rho", i, rho, c.Rho, exactTolerance)
	}
}
