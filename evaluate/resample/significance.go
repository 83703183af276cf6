package resample

import (
	"cmp"
	"math"
	"slices"
)

// Ties says whether a trial that differs exactly as much as the observation
// speaks against it.
type Ties bool

const (
	// CountTies is the valid choice: with few units, or two systems that often
	// agree, ties are common, and two equal systems get p = 1.
	CountTies Ties = true
	// SkipTies is sacrebleu's choice: two equal systems get the smallest p there is.
	SkipTies Ties = false
)

// PValue is the share of trials, the observation included, at least as large
// as the observed difference. Both sides are absolute values.
func PValue(trials []float64, observed float64, ties Ties) float64 {
	slack := 1e-10 * max(1e-3, math.Abs(observed)) // sums in another order differ in their last bits
	n := 0
	for _, t := range trials {
		if t > observed+slack || bool(ties) && t >= observed-slack {
			n++
		}
	}
	return float64(n+1) / float64(len(trials)+1)
}

// BootstrapP is the p value of the paired bootstrap as sacrebleu and Moses
// define it: absolute differences, centred on their mean.
func BootstrapP(differences []float64, observed float64, ties Ties) float64 {
	mean := 0.0
	for _, d := range differences {
		mean += math.Abs(d) / float64(len(differences))
	}
	centred := make([]float64, len(differences))
	for i, d := range differences {
		centred[i] = math.Abs(d) - mean
	}
	return PValue(centred, math.Abs(observed), ties)
}

// Holm adjusts p values for their number (Holm 1979), in the order given: each
// may be compared with alpha, and the chance of any false alarm stays below it.
func Holm(p []float64) []float64 {
	order := sorted(p)
	out := make([]float64, len(p))
	highest := 0.0
	for rank, i := range order {
		highest = max(highest, min(1, p[i]*float64(len(p)-rank)))
		out[i] = highest
	}
	return out
}

// sorted returns the places of values, the smallest first.
func sorted(values []float64) []int {
	order := make([]int, len(values))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(values[a], values[b]) })
	return order
}

// Quantile is the q-quantile of sorted values, each counted as often as its
// count says (nil: once), by linear interpolation as numpy does it.
func Quantile(sorted []float64, counts []int32, q float64) float64 {
	n := len(sorted)
	if counts != nil {
		n = 0
		for _, c := range counts {
			n += int(c)
		}
	}
	if n == 0 {
		return math.NaN()
	}
	at := q * float64(n-1)
	below := int(at)
	a := valueAt(sorted, counts, below)
	if frac := at - float64(below); frac > 0 {
		return a + frac*(valueAt(sorted, counts, below+1)-a)
	}
	return a
}

func valueAt(sorted []float64, counts []int32, i int) float64 {
	if counts == nil {
		return sorted[i]
	}
	for j, c := range counts {
		if i -= int(c); i < 0 {
			return sorted[j]
		}
	}
	return sorted[len(sorted)-1]
}

// NormalQuantile is the quantile of the standard normal distribution.
func NormalQuantile(p float64) float64 { return math.Sqrt2 * math.Erfinv(2*p-1) }
