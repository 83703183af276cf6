package classification

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Ranking holds binary outcomes in the order of falling score. Outcomes with
// the same score stand together: a threshold never parts them.
type Ranking struct {
	order    []int32   // items by falling score
	last     []bool    // by rank: the score below differs
	positive []bool    // by rank
	scores   []float64 // by rank
}

// NewRanking sorts items by score. Scores are finite; any order-preserving change
// of them gives the same figures.
func NewRanking(positive []bool, scores []float64) (Ranking, error) {
	if len(positive) != len(scores) {
		return Ranking{}, fmt.Errorf("rank by score: %d outcomes and %d scores", len(positive), len(scores))
	}
	for i, s := range scores {
		if math.IsNaN(s) || math.IsInf(s, 0) {
			return Ranking{}, fmt.Errorf("rank by score: score %d is %v", i, s)
		}
	}
	n := len(scores)
	r := Ranking{order: make([]int32, n), last: make([]bool, n), positive: make([]bool, n), scores: make([]float64, n)}
	for i := range r.order {
		r.order[i] = int32(i)
	}
	slices.SortStableFunc(r.order, func(a, b int32) int { return cmp.Compare(scores[b], scores[a]) })
	for rank, i := range r.order {
		r.positive[rank], r.scores[rank] = positive[i], scores[i]
		r.last[rank] = rank == n-1 || scores[r.order[rank+1]] != scores[i]
	}
	return r, nil
}

// steps calls do after each group of equal scores, with the numbers of negatives
// and positives at or above it.
func (r Ranking) steps(do func(rank int, fp, tp float64)) {
	var fp, tp float64
	for rank, positive := range r.positive {
		if positive {
			tp++
		} else {
			fp++
		}
		if r.last[rank] {
			do(rank, fp, tp)
		}
	}
}

func (r Ranking) totals() (negatives, positives float64) {
	for _, p := range r.positive {
		if p {
			positives++
		}
	}
	return float64(len(r.positive)) - positives, positives
}

// areas are the figures of one ranking, found in one pass.
type areas struct {
	roc, average, pr     float64
	negatives, positives float64
}

// areas is the hot path of intervals: it allocates nothing.
func (r Ranking) areas(counts []int32) areas {
	var a areas
	var fp, tp, lastFP, lastTP float64
	precision := 1.0
	for rank, item := range r.order {
		w := 1.0
		if counts != nil {
			w = float64(counts[item])
		}
		if r.positive[rank] {
			tp += w
		} else {
			fp += w
		}
		if !r.last[rank] || fp == lastFP && tp == lastTP {
			continue
		}
		p := tp / (tp + fp)
		a.roc += (fp - lastFP) * (tp + lastTP)
		a.average += (tp - lastTP) * p
		a.pr += (tp - lastTP) * (p + precision)
		lastFP, lastTP, precision = fp, tp, p
	}
	a.negatives, a.positives = fp, tp
	a.roc /= 2 * fp * tp // NaN with one class only
	a.pr /= 2 * tp
	if tp > 0 {
		a.average /= tp
	}
	return a
}

// ROCAUC is the area under the ROC curve by trapezoids, 0 to 1: the chance that
// a positive item stands above a negative one, ties counting a half. It is NaN
// where there is one class only. counts: how often each item counts, nil for once.
func (r Ranking) ROCAUC(counts []int32) float64 { return r.areas(counts).roc }

// AveragePrecision is the sum of precisions over the steps of recall, not
// interpolated, 0 to 1. Without positive items it is 0, as in scikit-learn.
func (r Ranking) AveragePrecision(counts []int32) float64 { return r.areas(counts).average }

// PRAUC is the area under the precision-recall curve by trapezoids, which is too
// high for a curve that is not convex (Davis and Goadrich 2006): see
// AveragePrecision. It is NaN without positive items.
func (r Ranking) PRAUC(counts []int32) float64 { return r.areas(counts).pr }

// Point is one place of a curve.
type Point struct {
	X, Y float64
	// Threshold: items whose score is at least this are called positive. +Inf
	// calls none.
	Threshold float64
}

// ROC is the curve of true positive rate (Y) over false positive rate (X), by
// falling threshold, from (0, 0). Points within a straight stretch are left out,
// as scikit-learn's drop_intermediate does. Rates are NaN where there is no item
// of the class.
func (r Ranking) ROC() []Point {
	var fps, tps, thresholds []float64
	r.steps(func(rank int, f, t float64) {
		fps, tps, thresholds = append(fps, f), append(tps, t), append(thresholds, r.scores[rank])
	})
	out := []Point{{0, 0, math.Inf(1)}}
	for i := range fps {
		if i > 0 && i < len(fps)-1 && fps[i+1]-2*fps[i]+fps[i-1] == 0 && tps[i+1]-2*tps[i]+tps[i-1] == 0 {
			continue
		}
		out = append(out, Point{fps[i], tps[i], thresholds[i]})
	}
	negatives, positives := r.totals()
	for i := range out {
		out[i].X /= negatives // 0/0 is NaN
		out[i].Y /= positives
	}
	return out
}

// PR is the curve of precision (Y) over recall (X), by falling threshold, from
// (0, 1), where nothing is called positive. Without positive items recall is 1
// throughout, as in scikit-learn.
func (r Ranking) PR() []Point {
	_, positives := r.totals()
	out := []Point{{0, 1, math.Inf(1)}}
	r.steps(func(rank int, f, t float64) {
		p := Point{1, t / (t + f), r.scores[rank]}
		if positives > 0 {
			p.X = t / positives
		}
		out = append(out, p)
	})
	return out
}
