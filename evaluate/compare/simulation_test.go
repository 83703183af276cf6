package compare

import (
	"cmp"
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/resample"
)

// world is how simulated candidates differ. All candidates share each item's
// difficulty; families share part of it and part of the candidates' luck.
type world struct {
	items, family, candidates int
	shift                     []float64 // of the challengers, by metric
	cheaper                   bool      // the challengers cost less
	ignoreFamilies            bool      // what happens if near-duplicates count as independent
	rule                      Rule      // against the best
	slices                    int       // values of each of two keys of slices
}

const simulatedMargin = 0.3

// simulate makes one comparison of two metrics.
func (w world) simulate(t *testing.T, rng *rand.Rand, samples, trials int) Comparison {
	t.Helper()
	units := (w.items + w.family - 1) / w.family
	unit := func(i int) int { return i / w.family }
	if w.ignoreFamilies {
		units, unit = w.items, func(i int) int { return i }
	}
	c := Comparison{Items: w.items, Families: units, Primary: "a", Method: Method{Bootstrap: samples, Randomization: trials, Seed: resample.DefaultSeed, Unit: "item"}}
	for _, name := range []string{"a", "b"} {
		c.Metrics = append(c.Metrics, Metric{Name: name, Title: name, Unit: "x", Direction: DirectionHigher, Margin: simulatedMargin})
	}
	difficulty := make([]float64, w.items)
	for i := range difficulty {
		difficulty[i] = rng.NormFloat64()
	}
	columns := make([]*column, w.candidates)
	for k := range columns {
		col := &column{name: string(rune('A' + k)), truncated: map[string]int{}, cost: resample.NewTable(units, 2), waiting: resample.NewTable(units, 3), prompt: 1}
		col.run = evaluate.Run{Repeat: 1, Scores: []stylesprint.Score{{Metric: "a"}, {Metric: "b"}}}
		for m, name := range []string{"a", "b"} {
			x := measure{name: name, value: meanValue, table: resample.NewTable(units, 2), items: resample.NewTable(w.items, 2)}
			luck := 0.0
			for i := range w.items {
				if i%w.family == 0 {
					luck = rng.NormFloat64()
				}
				v := difficulty[i] + 0.5*rng.NormFloat64()
				if w.family > 1 {
					v += 0.5 * luck
				}
				if k > 0 && w.shift != nil {
					v += w.shift[m]
				}
				x.table.Add(unit(i), []float64{v, 1})
				x.items.Add(i, []float64{v, 1})
				x.scores = append(x.scores, v)
			}
			col.measures = append(col.measures, x)
		}
		for i := range w.items {
			price := 2.0
			if k > 0 && w.cheaper {
				price = 1
			}
			col.cost.Add(unit(i), []float64{price + 0.1*rng.NormFloat64(), 1})
		}
		columns[k] = col
	}
	a := analysis{Comparison: &c, columns: columns, rule: cmp.Or(w.rule, RuleBetter), against: AgainstBest}
	if err := a.run(t.Context()); err != nil {
		t.Fatal(err)
	}
	if w.slices > 0 {
		items, which := make([]dataset.Item, w.items), make([]int, w.items)
		for i := range items {
			which[i] = unit(i)
			items[i].Slices = map[string]string{"category": fmt.Sprint(rng.IntN(w.slices)), "colour": fmt.Sprint(rng.IntN(w.slices))}
		}
		var err error
		if c.Slices, err = a.slices(t.Context(), items, which, minUnits); err != nil {
			t.Fatal(err)
		}
	}
	c.Decision = decide(&c, a.rivals)
	return c
}

// rates counts over many simulated comparisons.
type rates struct{ called, better, equivalent, covered, worse, cheapest, sliced, n float64 }

func (w world) rates(t *testing.T) rates {
	t.Helper()
	n, samples := simulations()
	trials := samples
	if w.slices > 0 {
		trials = 1000 // so that p can fall below 0.05 over the number of slices
	}
	if n < 1000 && (w.candidates > 4 || w.slices > 0) {
		n /= 3
	}
	var r rates
	rng := rand.New(rand.NewPCG(12345, uint64(w.items*w.family*w.candidates)))
	for range n {
		c := w.simulate(t, rng, samples, trials)
		called := false
		for _, cand := range c.Candidates[1:] {
			d := cand.Differences[0]
			called = called || d.PAdjusted < alpha
			if truth := w.truth(); d.Low <= truth && truth <= d.High {
				r.covered += 1 / float64(w.candidates-1)
			}
		}
		if called {
			r.called++
		}
		switch c.Decision.Outcome {
		case OutcomeBetter:
			r.better++
		case OutcomeEquivalent:
			if c.Decision.Winner != c.Baseline {
				r.equivalent++
			}
		}
		if len(c.Decision.Worse) > 0 {
			r.worse++
		}
		if c.Decision.Outcome == OutcomeCheapest && c.Decision.Winner != c.Baseline {
			r.cheapest++
		}
		sliced := 0
		eachDifference(c.Slices, func(_ *Slicing, _ *Slice, k *SliceCandidate, m int) {
			sliced += count(m == 0 && k.Differences[m].PAdjusted < alpha)
		})
		r.sliced += float64(count(sliced > 0))
		r.n++
	}
	return r
}

func (w world) truth() float64 {
	if w.shift == nil {
		return 0
	}
	return w.shift[0]
}

// TestFalseAlarms simulates comparisons of candidates that are equal, and of one
// that loses exactly the margin. STYLESPRINT_SLOW=1 runs 2,000 of each,
// with 1,000 samples.
func TestFalseAlarms(t *testing.T) {
	if testing.Short() {
		t.Skip("simulations are left out of short runs")
	}
	t.Parallel()
	for _, c := range []struct {
		name  string
		world world
		check func(r rates, slack float64) bool
	}{
		{"two equal candidates", world{items: 60, family: 1, candidates: 2}, func(r rates, slack float64) bool {
			return r.called <= 0.05+slack && r.better <= 0.025+slack && r.covered >= 0.93-slack
		}},
		{"four equal candidates, any of which may be called different", world{items: 60, family: 1, candidates: 4}, func(r rates, slack float64) bool {
			return r.called <= 0.05+slack && r.better <= 0.03+slack && r.covered >= 0.93-slack
		}},
		{"equal candidates on families of four", world{items: 120, family: 4, candidates: 2}, func(r rates, slack float64) bool {
			return r.called <= 0.05+slack && r.better <= 0.025+slack && r.covered >= 0.92-slack
		}},
		{"the same when families are ignored: too many alarms", world{items: 120, family: 4, candidates: 2, ignoreFamilies: true}, func(r rates, slack float64) bool {
			return r.called > 0.10 && r.covered < 0.90
		}},
		{"a cheaper candidate that loses the margin on one metric", world{items: 60, family: 1, candidates: 2, cheaper: true, shift: []float64{0, -simulatedMargin}}, func(r rates, slack float64) bool {
			return r.equivalent+r.better <= 0.03+slack
		}},
		{"a cheaper candidate that is equal is found", world{items: 120, family: 1, candidates: 2, cheaper: true}, func(r rates, _ float64) bool {
			return r.equivalent > 0.9
		}},
		{"nine equal candidates", world{items: 60, family: 1, candidates: 9}, func(r rates, slack float64) bool {
			return r.called <= 0.05+slack && r.better <= 0.025+slack
		}},
		{"six equal candidates, one of which must look best", world{items: 60, family: 1, candidates: 6, rule: RuleCheapest}, func(r rates, slack float64) bool {
			return r.worse <= 0.05+slack
		}},
		{"the cheapest of four that lose the margin to the best", world{items: 60, family: 1, candidates: 5, rule: RuleCheapest, cheaper: true, shift: []float64{-simulatedMargin, 0}}, func(r rates, slack float64) bool {
			return r.cheapest <= 0.025+slack
		}},
		{"the cheapest of two that are as good as the best", world{items: 160, family: 1, candidates: 3, rule: RuleCheapest, cheaper: true}, func(r rates, _ float64) bool {
			return r.cheapest > 0.9
		}},
		{"slices of equal candidates", world{items: 90, family: 1, candidates: 3, slices: 4}, func(r rates, slack float64) bool {
			return r.sliced <= 0.05+slack
		}},
		{"a better candidate is found", world{items: 60, family: 1, candidates: 2, shift: []float64{0.5, 0}}, func(r rates, _ float64) bool {
			return r.better > 0.8
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := c.world.rates(t)
			n := r.n
			for _, rate := range []*float64{&r.called, &r.better, &r.equivalent, &r.covered, &r.worse, &r.cheapest, &r.sliced} {
				*rate /= n
			}
			t.Logf("%s: called different %.4f, better %.4f, as good and cheaper %.4f, interval covers %.4f, called worse %.4f, cheapest %.4f, a slice %.4f, of %v",
				c.name, r.called, r.better, r.equivalent, r.covered, r.worse, r.cheapest, r.sliced, n)
			if !c.check(r, 2*math.Sqrt(0.05*0.95/n)) {
				t.Errorf("%+v", r)
			}
		})
	}
}

// TestDetectable holds the promise of Difference.Detectable: a true difference
// of that size is shown four times in five.
func TestDetectable(t *testing.T) {
	t.Parallel()
	rng := rand.New(rand.NewPCG(1, 1))
	w := world{items: 60, family: 1, candidates: 2}
	size := 0.0
	for range 20 {
		size += w.simulate(t, rng, 200, 10).Candidates[1].Differences[0].Detectable / 20
	}
	w.shift = []float64{size, 0}
	found := 0
	const n = 200
	for range n {
		if w.simulate(t, rng, 50, 300).Candidates[1].Differences[0].Verdict == VerdictBetter {
			found++
		}
	}
	if share := float64(found) / n; share < 0.7 || share > 0.9 {
		t.Errorf("a difference of %.3f was shown in %.2f of comparisons", size, share)
	}
}

func TestMoreItems(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		items              int
		detectable, margin float64
		want               int
	}{
		{100, 1, 1, 0}, {100, 0.5, 1, 0}, {100, 2, 1, 300}, {24, 3, 2, 30}, {100, 2, 0, 0},
	} {
		if got := moreItems(c.items, c.detectable, c.margin); got != c.want {
			t.Errorf("%+v: %d", c, got)
		}
	}
}

func TestWords(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ got, want string }{
		{difference(Difference{Delta: 3.214, Low: -0.004, High: 5.5, PAdjusted: 0.0123}, Metric{Unit: "0-100"}), "+3.21 (95 % interval 0.00 to +5.50, p = 0.012)"},
		{difference(Difference{Delta: -0.0123, Low: -0.02, High: 0.00004, PAdjusted: 0.0001}, Metric{Unit: "0-1"}), "-0.0123 (95 % interval -0.0200 to 0.0000, p < 0.001)"},
		{money(12.345), "12.35"}, {money(0.012345), "0.0123"}, {number(0), "0"}, {number(1234.5), "1234"}, {number(0.0000012), "0.000001"},
		{thousands(999), "999"}, {thousands(1234567), "1,234,567"},
		{list([]string{"a"}), "a"}, {list([]string{"a", "b", "c"}), "a, b and c"}, {list(nil), ""},
	} {
		if c.got != c.want {
			t.Errorf("%q, want %q", c.got, c.want)
		}
	}
}
