package compare

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"testing"

	"stylesprint/evaluate/resample"
)

// kind is a way in which the scores of items come about. Two candidates share each
// item's difficulty, and each family's.
type kind struct {
	name   string
	units  int                                                 // families, of one item where size is nil
	size   func(rng *rand.Rand) int                            // of a family
	width  int                                                 // of an item's statistics
	value  func(sum []float64) float64                         // of their sum
	item   func(rng *rand.Rand, level, lack float64) []float64 // statistics of a text; lack makes it worse
	family float64                                             // share of a candidate's luck that its family shares
	lack   float64                                             // that makes a shifted candidate lose the margin

	rate bool // the metric says that its score is one

	covers float64 // the least share of intervals that may cover the truth
	loses  float64 // the largest share of candidates at the margin that may be called non-inferior
}

func meanItem(noise func(rng *rand.Rand) float64) func(*rand.Rand, float64, float64) []float64 {
	return func(rng *rand.Rand, level, lack float64) []float64 { return []float64{level + noise(rng) - lack, 1} }
}

// bleuLike draws matched unigrams and bigrams of texts of random length: counts,
// whose corpus value is no mean of items.
func bleuLike(rng *rand.Rand, level, lack float64) []float64 {
	p := 1 / (1 + math.Exp(-(level - lack)))
	words := 8 + rng.IntN(12)
	uni, bi := 0.0, 0.0
	for range words {
		if rng.Float64() < p {
			uni++
		}
		if rng.Float64() < p*p {
			bi++
		}
	}
	return []float64{uni, bi, float64(words)}
}

func bleuLikeValue(s []float64) float64 { return 100 * math.Sqrt(s[0]*s[1]) / s[2] }

func kinds() []kind {
	normal := func(rng *rand.Rand) float64 { return 0.5 * rng.NormFloat64() }
	skewed := func(rng *rand.Rand) float64 { return math.Exp(rng.NormFloat64()) }
	// Most texts get the same few marks, so that most pairs tie.
	tied := func(rng *rand.Rand, level, lack float64) []float64 {
		v := 1.0
		if level > 1 || rng.Float64() < 0.05+lack {
			v = 0
		}
		return []float64{v, 1}
	}
	rare := func(rng *rand.Rand, _, lack float64) []float64 {
		if rng.Float64() < 0.01+lack {
			return []float64{0, 1}
		}
		return []float64{1, 1}
	}
	return []kind{
		{name: "normal", units: 60, width: 2, value: meanValue, item: meanItem(normal), lack: 0.2, covers: 0.95, loses: 0.025},
		{name: "ten items", units: 10, width: 2, value: meanValue, item: meanItem(normal), lack: 0.5, covers: 0.95, loses: 0.025},
		{name: "skewed", units: 40, width: 2, value: meanValue, item: meanItem(skewed), lack: 0.8, covers: 0.94, loses: 0.025},
		{name: "counts, as BLEU's", units: 50, width: 3, value: bleuLikeValue, item: bleuLike, lack: 0.2, covers: 0.95, loses: 0.025},
		{name: "mostly ties", units: 80, width: 2, value: meanValue, item: tied, lack: 0.1, covers: 0.93, loses: 0.04},
		{name: "a rate", units: 80, width: 2, value: meanValue, item: tied, lack: 0.1, rate: true, covers: 0.93, loses: 0.03},
		{name: "a rare rate", units: 150, width: 2, value: meanValue, item: rare, lack: 0.05, rate: true, covers: 0.94, loses: 0.025},
		{name: "families of one to six", units: 30, size: func(rng *rand.Rand) int { return 1 + rng.IntN(6) }, width: 2, value: meanValue, item: meanItem(normal), family: 0.5, lack: 0.4, covers: 0.94, loses: 0.03},
		{name: "twelve families", units: 12, size: func(rng *rand.Rand) int { return 1 + rng.IntN(6) }, width: 2, value: meanValue, item: meanItem(normal), family: 0.5, lack: 0.6, covers: 0.93, loses: 0.04},
	}
}

// draw makes the statistics of two candidates by unit; the second lacks something.
func (k kind) draw(rng *rand.Rand, units int, lack float64) (base, mine resample.Table) {
	base, mine = resample.NewTable(units, k.width), resample.NewTable(units, k.width)
	for u := range units {
		size, level := 1, rng.NormFloat64()
		if k.size != nil {
			size = k.size(rng)
		}
		luck := [2]float64{k.family * rng.NormFloat64(), k.family * rng.NormFloat64()}
		for range size {
			at := level
			if size > 1 {
				at += 0.5 * rng.NormFloat64()
			}
			base.Add(u, k.item(rng, at+luck[0], 0))
			mine.Add(u, k.item(rng, at+luck[1], lack))
		}
	}
	return base, mine
}

// truth is the difference in a very large catalogue.
func (k kind) truth(lack float64) float64 {
	base, mine := k.draw(rand.New(rand.NewPCG(99, 99)), 400000, lack)
	return k.value(mine.Sum()) - k.value(base.Sum())
}

// simulations is how many comparisons are simulated, with how many samples: few
// here, and 2,000 of each kind, with 1,000 samples, where STYLESPRINT_SLOW is set.
func simulations() (n, samples int) {
	if os.Getenv("STYLESPRINT_SLOW") != "" {
		return 2000, 1000
	}
	return 120, 200
}

// tooMany says that a count is more than chance makes of events of a probability, but
// for once in ten thousand times.
func tooMany(count, n int, probability float64) bool {
	return 1-resample.BinomialCDF(count-1, n, probability) < 1e-4
}

// TestKindsOfScores counts, for equal candidates, how often p falls below 0.05 and how
// often the interval covers the truth, and, for one that loses exactly the margin,
// how often it is called non-inferior.
func TestKindsOfScores(t *testing.T) {
	if testing.Short() {
		t.Skip("simulations are left out of short runs")
	}
	t.Parallel()
	for _, k := range kinds() {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			n, samples := simulations()
			margin := -k.truth(k.lack)
			info := Metric{Name: "m", Direction: DirectionHigher, Margin: margin, Unit: "x"}
			m := measure{name: "m", value: k.value, rate: k.rate}
			rng := rand.New(rand.NewPCG(2026, uint64(k.units)))
			var called, missed, missedShifted, passed int
			for i := range n {
				for _, lack := range []float64{0, k.lack} {
					base, mine := k.draw(rng, k.units, lack)
					method := Method{Bootstrap: samples, Randomization: samples, Seed: uint64(i)}
					sums, err := resample.Bootstrap(t.Context(), []resample.Table{base, mine}, resample.Options{Samples: samples, Seed: uint64(i)})
					if err != nil {
						t.Fatal(err)
					}
					s := sampled{units: k.units, items: k.units, repeats: [2]float64{1, 1}, challengers: 1, method: method, deltas: minus(sums[1].Scores(k.value), sums[0].Scores(k.value))}
					d, inferior, err := s.difference(t.Context(), pair{base: &m, mine: &m, baseTable: base, mineTable: mine}, info)
					if err != nil {
						t.Fatal(err)
					}
					switch lack {
					case 0:
						called += count(d.P < alpha)
						missed += count(d.Low > 0 || d.High < 0)
					default:
						missedShifted += count(d.Low > -margin || d.High < -margin)
						passed += count(inferior <= alpha/2)
					}
				}
			}
			share := func(c int) string { return fmt.Sprintf("%.4f", float64(c)/float64(n)) }
			t.Logf("%s: called different %s, interval misses 0 %s and the margin %s, non-inferior at the margin %s, of %d", k.name, share(called), share(missed), share(missedShifted), share(passed), n)
			if tooMany(called, n, alpha) {
				t.Errorf("equal candidates are called different in %s", share(called))
			}
			if tooMany(missed, n, 1-k.covers) || tooMany(missedShifted, n, 1-k.covers) {
				t.Errorf("intervals miss the truth in %s and %s", share(missed), share(missedShifted))
			}
			if tooMany(passed, n, k.loses) {
				t.Errorf("a candidate that loses the margin is called non-inferior in %s", share(passed))
			}
		})
	}
}

func count(b bool) int {
	if b {
		return 1
	}
	return 0
}
