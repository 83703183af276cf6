package agreement

import (
	"cmp"
	"context"
	"math"
	"slices"

	"stylesprint"
)

// minPoints is how few pairs of values are not correlated.
const minPoints = 3

// TauB is Kendall's tau-b of two lists (M. G. Kendall 1945), which allows for ties, from -1
// to 1, by Knight's algorithm in n log n (W. R. Knight 1966). It is undefined for fewer than three
// pairs, and where either list is constant.
func TauB(x, y []float64) (float64, error) {
	if err := correlatable(x, y); err != nil {
		return 0, err
	}
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Or(cmp.Compare(x[a], x[b]), cmp.Compare(y[a], y[b])) })
	n := len(x)
	tiesX, tiesBoth := 0.0, 0.0
	runX, runBoth := 1, 1
	pairs := func(k int) float64 { return float64(k) * float64(k-1) / 2 }
	sorted := make([]float64, n)
	for i, k := range order {
		sorted[i] = y[k]
		if i == 0 {
			continue
		}
		sameX := x[k] == x[order[i-1]]
		if sameX {
			runX++
		} else {
			tiesX += pairs(runX)
			runX = 1
		}
		if sameX && y[k] == y[order[i-1]] {
			runBoth++
		} else {
			tiesBoth += pairs(runBoth)
			runBoth = 1
		}
	}
	tiesX += pairs(runX)
	tiesBoth += pairs(runBoth)
	swaps := float64(inversions(sorted, make([]float64, n)))
	tiesY := 0.0
	run := 1
	for i := 1; i <= n; i++ { // sorted is in order now
		if i < n && sorted[i] == sorted[i-1] {
			run++
			continue
		}
		tiesY += pairs(run)
		run = 1
	}
	all := pairs(n)
	score := all - tiesX - tiesY + tiesBoth - 2*swaps
	return score / math.Sqrt(all-tiesX) / math.Sqrt(all-tiesY), nil
}

// inversions sorts v by merging and counts the pairs that were out of order.
func inversions(v, scratch []float64) int {
	if len(v) < 2 {
		return 0
	}
	half := len(v) / 2
	n := inversions(v[:half], scratch) + inversions(v[half:], scratch)
	i, j := 0, half
	out := scratch[:0]
	for i < half || j < len(v) {
		if j == len(v) || i < half && v[i] <= v[j] {
			out = append(out, v[i])
			i++
		} else {
			out = append(out, v[j])
			n += half - i
			j++
		}
	}
	copy(v, out)
	return n
}

// Spearman is the correlation of the ranks of two lists, equal values sharing
// their mean rank, from -1 to 1; undefined as TauB is.
func Spearman(x, y []float64) (float64, error) {
	if err := correlatable(x, y); err != nil {
		return 0, err
	}
	a, b := ranks(x), ranks(y)
	mean := float64(len(a)+1) / 2
	xy, xx, yy := 0.0, 0.0, 0.0
	for i := range a {
		xy += (a[i] - mean) * (b[i] - mean)
		xx += (a[i] - mean) * (a[i] - mean)
		yy += (b[i] - mean) * (b[i] - mean)
	}
	return xy / math.Sqrt(xx*yy), nil
}

func ranks(x []float64) []float64 {
	order := make([]int, len(x))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(x[a], x[b]) })
	out := make([]float64, len(x))
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && x[order[j]] == x[order[i]] {
			j++
		}
		for k := i; k < j; k++ {
			out[order[k]] = float64(i+j+1) / 2
		}
		i = j
	}
	return out
}

func correlatable(x, y []float64) error {
	if len(x) != len(y) {
		return undefined("lists of %d and %d values cannot be paired", len(x), len(y))
	}
	if len(x) < minPoints {
		return undefined("fewer than %d items have both", minPoints)
	}
	for _, v := range [][]float64{x, y} {
		if slices.ContainsFunc(v, math.IsNaN) {
			return undefined("a value is not a number")
		}
	}
	if slices.Min(x) == slices.Max(x) {
		return undefined("the metric gives every item the same difference")
	}
	if slices.Min(y) == slices.Max(y) {
		return undefined("people gave every item the same verdict")
	}
	return nil
}

// CorrelationScores are TauB and Spearman with bootstrap intervals over clusters,
// which may be nil.
func CorrelationScores(ctx context.Context, x, y []float64, clusters []int, o Options) (tau, rho stylesprint.Score, err error) {
	o = o.withDefaults()
	tau = stylesprint.Score{Metric: "kendall-tau-b", N: len(x), Signature: "kendall-tau-b" + o.signature()}
	rho = stylesprint.Score{Metric: "spearman", N: len(x), Signature: "spearman" + o.signature()}
	for _, c := range []struct {
		score *stylesprint.Score
		of    func(x, y []float64) (float64, error)
	}{{&tau, TauB}, {&rho, Spearman}} {
		v, undefined := c.of(x, y)
		if undefined != nil {
			*c.score = missing(*c.score, undefined)
			continue
		}
		c.score.Value = v
		low, high, ok, err := o.interval(ctx, len(x), clusters, func(w []int32) float64 {
			v, err := c.of(repeat(x, w), repeat(y, w))
			if err != nil {
				return math.NaN()
			}
			return v
		})
		if err != nil {
			return tau, rho, err
		}
		*c.score = o.finish(*c.score, low, high, ok)
	}
	return tau, rho, nil
}

func repeat(v []float64, weights []int32) []float64 {
	out := make([]float64, 0, len(v))
	for i, w := range weights {
		for range w {
			out = append(out, v[i])
		}
	}
	return out
}
