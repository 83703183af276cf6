package resample

import (
	"math"
	"math/rand/v2"
	"testing"
)

// distributionTolerance bounds the distance from scipy 1.17.1's values, relative.
const distributionTolerance = 1e-11

func TestDistributionsEqualScipy(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name      string
		got, want float64
	}{
		{"t cdf", StudentCDF(-2.093, 19), 0.02500118947141399},
		{"t cdf, Cauchy", StudentCDF(1.5, 1), 0.8128329581890011},
		{"t cdf", StudentCDF(-4, 9), 0.0015552141551929272},
		{"t cdf", StudentCDF(0.3, 200), 0.617755634905336},
		{"t cdf", StudentCDF(-0.001, 3), 0.49963244748473046},
		{"t ppf", StudentQuantile(0.025, 9), -2.2621571627982053},
		{"t ppf, Cauchy", StudentQuantile(0.975, 1), 12.706204736174694},
		{"t ppf", StudentQuantile(0.8, 59), 0.8477559493813871},
		{"t ppf", StudentQuantile(0.0005, 4), -8.610301581379275},
		{"beta cdf", betaCDF(0.3, 2, 5), 0.5798250000000003},
		{"beta cdf, arcsine", betaCDF(0.99, 0.5, 0.5), 0.9362314391414803},
		{"beta cdf", betaCDF(0.5, 300, 310), 0.6573251825149169},
		{"beta cdf", betaCDF(1e-4, 0.5, 40), 0.07104992336527761},
		{"binomial cdf", BinomialCDF(0, 120, 0.025), 0.047924090964137085},
		{"binomial cdf", BinomialCDF(3, 10, 0.3), 0.6496107184000002},
		{"binomial cdf", BinomialCDF(1, 300, 0.01), 0.19764966398427275},
		{"binomial cdf", BinomialCDF(9, 10, 0.99), 0.09561792499119559},
	} {
		if math.Abs(c.got-c.want) > distributionTolerance*math.Abs(c.want) {
			t.Errorf("%s: %v, want %v", c.name, c.got, c.want)
		}
	}
	for _, c := range []struct{ got, want float64 }{
		{StudentCDF(math.Inf(1), 3), 1}, {StudentCDF(math.Inf(-1), 3), 0}, {StudentQuantile(0.5, 3), 0}, {betaCDF(-1, 1, 1), 0}, {betaCDF(2, 1, 1), 1},
		{BinomialCDF(-1, 3, 0.5), 0}, {BinomialCDF(3, 3, 0.5), 1},
	} {
		if c.got != c.want {
			t.Errorf("%v, want %v", c.got, c.want)
		}
	}
}

// TestUnitsIntervalIsStudents compares the widened interval of a small sample's
// mean with Student's.
func TestUnitsIntervalIsStudents(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(3, 3))
	const n = 12
	x := NewTable(n, 2)
	var values []float64
	for i := range n {
		v := rng.NormFloat64()
		values = append(values, v)
		x.Add(i, []float64{v, 1})
	}
	out, err := Bootstrap(t.Context(), []Table{x}, Options{Samples: 100000, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	means := out[0].Scores(mean)
	se := Deviation(values) / math.Sqrt(n)
	low, high := UnitsInterval(means, 0.95, n)
	middle := x.Sum()[0] / n
	want := -StudentQuantile(0.025, n-1) * se
	if math.Abs((middle-low)/want-1) > 0.06 || math.Abs((high-middle)/want-1) > 0.06 {
		t.Errorf("%v to %v around %v, want half a width of %v", low, high, middle, want)
	}
	if narrow, _ := Interval(means, 0.95); narrow < low {
		t.Errorf("the plain interval %v is wider than %v", narrow, low)
	}
	if a, b := Interval(means, 0.95); func() bool { l, h := UnitsInterval(means, 0.95, 1); return a != l || b != h }() {
		t.Error("one unit cannot be widened")
	}
	// UnitsP is the other side of the same coin.
	share := 0.0
	for _, m := range means {
		if m <= low {
			share += 1.0 / float64(len(means))
		}
	}
	if p := UnitsP(share, n); math.Abs(p-0.025) > 0.001 {
		t.Errorf("p at the bound is %v, want 0.025", p)
	}
	if UnitsP(1, 10) != 1 || UnitsP(0.5, 1) != 1 {
		t.Error("the ends of UnitsP")
	}
}

func TestBenjaminiHochberg(t *testing.T) {
	t.Parallel()
	got := BenjaminiHochberg([]float64{0.01, 0.04, 0.03, 0.5, 0.02}) // scipy.stats.false_discovery_control
	for i, want := range []float64{0.05, 0.05, 0.05, 0.5, 0.05} {
		if math.Abs(got[i]-want) > 1e-12 {
			t.Errorf("%v", got)
		}
	}
	if len(BenjaminiHochberg(nil)) != 0 {
		t.Error("nothing to adjust")
	}
}
