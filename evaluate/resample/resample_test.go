package resample

import (
	"context"
	"errors"
	"math"
	"math/rand/v2"
	"reflect"
	"runtime"
	"testing"
)

func mean(row []float64) float64 { return row[0] / row[1] }

// paired makes n units with scores of two systems that differ by shift.
func paired(n int, shift float64) (a, b Table) {
	rng := rand.New(rand.NewPCG(7, 7))
	a, b = NewTable(n, 2), NewTable(n, 2)
	for i := range n {
		level := rng.NormFloat64()
		a.Add(i, []float64{level + 0.5*rng.NormFloat64() + shift, 1})
		b.Add(i, []float64{level + 0.5*rng.NormFloat64(), 1})
	}
	return a, b
}

func TestBootstrapIsPairedAndRepeatable(t *testing.T) {
	a, b := paired(400, 0.2)
	o := Options{Samples: 2000, Seed: DefaultSeed}
	run := func() []Table {
		out, err := Bootstrap(t.Context(), []Table{a, b}, o)
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	first := run()
	defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(1))
	if !reflect.DeepEqual(first, run()) {
		t.Error("the number of processors changes the result")
	}
	sa, sb := first[0].Scores(mean), first[1].Scores(mean)
	differences := make([]float64, len(sa))
	for i := range sa {
		differences[i] = sa[i] - sb[i]
	}
	// Theory: a score's standard error is sqrt(1.25/400), a paired difference's sqrt(0.5/400).
	if se := Deviation(sa); math.Abs(se-math.Sqrt(1.25/400)) > 0.006 {
		t.Errorf("standard error of a score: %v", se)
	}
	if se := Deviation(differences); math.Abs(se-math.Sqrt(0.5/400)) > 0.004 {
		t.Errorf("standard error of the difference: %v", se)
	}
	low, high := Interval(differences, 0.95)
	if !(low < 0.2 && 0.2 < high) || math.Abs((high-low)/2-1.96*Deviation(differences)) > 0.01 {
		t.Errorf("interval %v to %v", low, high)
	}
}

func TestRandomizeKeepsSums(t *testing.T) {
	t.Parallel()
	a, b := paired(130, 0.3)
	left, right, err := Randomize(t.Context(), a, b, Options{Samples: 500, Seed: 1})
	if err != nil {
		t.Fatal(err)
	}
	total := mean(a.Sum()) + mean(b.Sum())
	for i := range 500 {
		if got := mean(left.Row(i)) + mean(right.Row(i)); math.Abs(got-total) > 1e-12 {
			t.Fatalf("trial %d: sides add up to %v, want %v", i, got, total)
		}
	}
}

func TestRandomizeP(t *testing.T) {
	t.Parallel()
	p := func(a, b Table, ties Ties) float64 {
		left, right, err := Randomize(t.Context(), a, b, Options{Samples: 9999, Seed: DefaultSeed})
		if err != nil {
			t.Fatal(err)
		}
		trials := make([]float64, left.Rows())
		for i := range trials {
			trials[i] = math.Abs(mean(left.Row(i)) - mean(right.Row(i)))
		}
		return PValue(trials, math.Abs(mean(a.Sum())-mean(b.Sum())), ties)
	}
	a, b := paired(400, 0.5)
	if got := p(a, b, CountTies); got != 1e-4 {
		t.Errorf("a large difference: p = %v", got)
	}
	if got := p(a, a, CountTies); got != 1 {
		t.Errorf("a system against itself: p = %v", got)
	}
	if got := p(a, a, SkipTies); got != 1e-4 {
		t.Errorf("a system against itself, as sacrebleu counts: p = %v", got)
	}
	// Five units, all better by the same: 2 of the 32 swaps are as extreme.
	c, d := NewTable(5, 2), NewTable(5, 2)
	for i := range 5 {
		c.Add(i, []float64{0.3, 1})
		d.Add(i, []float64{0.1, 1})
	}
	if got := p(c, d, CountTies); math.Abs(got-2.0/32) > 0.01 {
		t.Errorf("five units: p = %v, want about %v", got, 2.0/32)
	}
}

func TestHolm(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ p, want []float64 }{
		{nil, []float64{}},
		{[]float64{0.03}, []float64{0.03}},
		{[]float64{0.01, 0.04, 0.03}, []float64{0.03, 0.06, 0.06}},
		{[]float64{0.5, 0.9, 0.01, 0.01}, []float64{1, 1, 0.04, 0.04}},
	} {
		got := Holm(c.p)
		for i := range c.want {
			if math.Abs(got[i]-c.want[i]) > 1e-12 {
				t.Errorf("Holm(%v) = %v, want %v", c.p, got, c.want)
			}
		}
	}
}

func TestInterval(t *testing.T) {
	t.Parallel()
	values := make([]float64, 1000)
	for i := range values {
		values[i] = float64(999 - i)
	}
	if low, high := Interval(values, 0.95); low != 25 || high != 974 {
		t.Errorf("%v to %v", low, high)
	}
	if low, high := Interval([]float64{3}, 0.95); low != 3 || high != 3 {
		t.Errorf("%v to %v", low, high)
	}
	if low, _ := Interval(nil, 0.95); !math.IsNaN(low) {
		t.Errorf("%v", low)
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	sorted := []float64{1, 2, 4, 8}
	for _, c := range []struct {
		counts []int32
		q      float64
		want   float64
	}{
		{nil, 0, 1}, {nil, 1, 8}, {nil, 0.5, 3}, {nil, 0.95, 7.4},
		{[]int32{0, 3, 0, 1}, 0.5, 2}, {[]int32{0, 3, 0, 1}, 1, 8}, {[]int32{1, 0, 0, 1}, 0.5, 4.5},
	} {
		if got := Quantile(sorted, c.counts, c.q); math.Abs(got-c.want) > 1e-12 {
			t.Errorf("quantile %v of %v: %v, want %v", c.q, c.counts, got, c.want)
		}
	}
	if !math.IsNaN(Quantile(nil, nil, 0.5)) {
		t.Error("quantile of nothing")
	}
	if z := NormalQuantile(0.975); math.Abs(z-1.959963985) > 1e-8 {
		t.Errorf("normal quantile %v", z)
	}
}

func TestFaults(t *testing.T) {
	t.Parallel()
	a, b := NewTable(3, 2), NewTable(4, 2)
	if _, err := Bootstrap(t.Context(), []Table{a, b}, Options{Samples: 1}); err == nil {
		t.Error("unequal tables were paired")
	}
	if _, _, err := Randomize(t.Context(), a, b, Options{Samples: 1}); err == nil {
		t.Error("unequal tables were paired")
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if _, err := Bootstrap(ctx, []Table{a}, Options{Samples: 100}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
	if _, _, err := Randomize(ctx, a, a, Options{Samples: 100}); !errors.Is(err, context.Canceled) {
		t.Errorf("%v", err)
	}
}

// BenchmarkBootstrap is BLEU's shape: ten statistics, two systems.
func BenchmarkBootstrap(b *testing.B) {
	t := NewTable(20000, 10)
	for i := range t.Data {
		t.Data[i] = float64(i % 41)
	}
	for b.Loop() {
		if _, err := Bootstrap(b.Context(), []Table{t, t}, Options{Samples: 1000}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkRandomize(b *testing.B) {
	t := NewTable(20000, 10)
	for b.Loop() {
		if _, _, err := Randomize(b.Context(), t, t, Options{Samples: 10000}); err != nil {
			b.Fatal(err)
		}
	}
}
