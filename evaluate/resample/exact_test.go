package resample

import (
	"encoding/json"
	"math"
	"os"
	"testing"
)

// binomialTolerance is absolute, and scipy's: its root finder stops at 2e-12.
const binomialTolerance = 5e-12

func TestExactBoundsEqualScipy(t *testing.T) {
	t.Parallel()
	b, err := os.ReadFile("testdata/binomial.json")
	if err != nil {
		t.Fatal(err)
	}
	var cases []struct {
		K, N                           int
		Level, Low, High, Upper, Lower float64
	}
	if err := json.Unmarshal(b, &cases); err != nil {
		t.Fatal(err)
	}
	if len(cases) < 60 {
		t.Fatalf("only %d cases", len(cases))
	}
	near := func(got, want float64) bool { return math.Abs(got-want) <= binomialTolerance }
	for _, c := range cases {
		low, high := ClopperPearson(c.K, c.N, c.Level)
		upper, lower := UpperBound(c.K, c.N, c.Level), LowerBound(c.K, c.N, c.Level)
		if !near(low, c.Low) || !near(high, c.High) || !near(upper, c.Upper) || !near(lower, c.Lower) {
			t.Errorf("%d of %d at %v: got [%v, %v], one-sided %v and %v; scipy [%v, %v], %v and %v",
				c.K, c.N, c.Level, low, high, lower, upper, c.Low, c.High, c.Lower, c.Upper)
		}
	}
}

func TestRateSentence(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		k, n, catalogue int
		want            string
	}{
		{0, 120, 50000, "0 of 120: at most 2.5 %, about 1,230 of 50,000 products"},
		{0, 0, 50000, "0 of 0: nothing was checked"},
		{0, 1, 10, "0 of 1: at most 95.0 %, about 10 of 10 products"},
		{0, 20000, 1000000, "0 of 20,000: at most 0.015 %, about 150 of 1,000,000 products"},
		{120, 120, 50000, "120 of 120: at least 97.5 %, about 48,800 of 50,000 products"},
		{3, 120, 50000, "3 of 120 (2.5 %): between 0.52 % and 7.1 %, about 259 to 3,570 of 50,000 products"},
	} {
		if got := RateSentence(c.k, c.n, 0.95, c.catalogue); got != c.want {
			t.Errorf("got  %s\nwant %s", got, c.want)
		}
	}
}

func TestRateInterval(t *testing.T) {
	t.Parallel()
	table := func(rows ...[2]float64) Table {
		out := NewTable(len(rows), 2)
		for i, r := range rows {
			out.Add(i, r[:])
		}
		return out
	}
	bound := 1 - math.Pow(0.05, 1.0/3)
	for _, c := range []struct {
		name      string
		table     Table
		low, high float64
		ok        bool
	}{
		{"none of three", table([2]float64{0, 1}, [2]float64{0, 1}, [2]float64{0, 1}), 0, bound, true},
		{"none of three families", table([2]float64{0, 4}, [2]float64{0, 1}, [2]float64{0, 2}), 0, bound, true},
		{"all of three families", table([2]float64{4, 4}, [2]float64{1, 1}, [2]float64{2, 2}), 1 - bound, 1, true},
		{"empty families do not count", table([2]float64{0, 4}, [2]float64{}, [2]float64{0, 1}, [2]float64{0, 1}), 0, bound, true},
		{"some of the families", table([2]float64{1, 4}, [2]float64{0, 1}), 0, 0, false},
		{"nothing", table([2]float64{}), 0, 1, true},
	} {
		low, high, ok := RateInterval(c.table, 0.95)
		if math.Abs(low-c.low) > 1e-12 || math.Abs(high-c.high) > 1e-12 || ok != c.ok {
			t.Errorf("%s: got %v, %v, %v; want %v, %v, %v", c.name, low, high, ok, c.low, c.high, c.ok)
		}
	}
	low, high, ok := RateInterval(table([2]float64{1, 1}, [2]float64{0, 1}, [2]float64{0, 1}), 0.95)
	if l, h := ClopperPearson(1, 3, 0.95); !ok || low != l || high != h {
		t.Errorf("single trials: got %v, %v, %v", low, high, ok)
	}
}
