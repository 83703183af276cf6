package classification

import (
	"cmp"
	"fmt"
	"math"
	"slices"
)

// Scores are one number for each item and class.
type Scores struct {
	k    int
	data []float64 // row after row
}

// NewScores takes rows of k scores each.
func NewScores(k int, rows [][]float64) (Scores, error) {
	s := Scores{k: k}
	for i, row := range rows {
		if len(row) != k {
			return Scores{}, fmt.Errorf("scores: row %d has %d of %d columns", i, len(row), k)
		}
		s.data = append(s.data, row...)
	}
	return s, nil
}

// Rows is the number of items.
func (s Scores) Rows() int {
	if s.k == 0 {
		return 0
	}
	return len(s.data) / s.k
}

// Row is one item's scores.
func (s Scores) Row(i int) []float64 { return s.data[i*s.k : (i+1)*s.k] }

// column copies one class's scores.
func (s Scores) column(c int) []float64 {
	out := make([]float64, s.Rows())
	for i := range out {
		out[i] = s.data[i*s.k+c]
	}
	return out
}

// Truth says of item i and class c whether the item is of that class.
type Truth func(i, c int) bool

// ClassTruth is the truth of single-label data.
func ClassTruth(actual []int) Truth { return func(i, c int) bool { return actual[i] == c } }

// SetTruth is the truth of multilabel data.
func SetTruth(actual Sets) Truth {
	return func(i, c int) bool { return slices.Contains(actual[i], c) }
}

// OneVsRest ranks every class's scores against all others', and all of them in
// one list (micro).
type OneVsRest struct {
	Class []Ranking
	micro Ranking
	k     int
}

// NewOneVsRest sorts each column of scores, and all of them together.
func NewOneVsRest(truth Truth, s Scores) (*OneVsRest, error) {
	o := &OneVsRest{k: s.k}
	n := s.Rows()
	positive := make([]bool, n)
	all := make([]bool, n*s.k)
	for c := range s.k {
		for i := range n {
			positive[i] = truth(i, c)
			all[i*s.k+c] = positive[i]
		}
		r, err := NewRanking(positive, s.column(c))
		if err != nil {
			return nil, err
		}
		o.Class = append(o.Class, r)
	}
	var err error
	o.micro, err = NewRanking(all, s.data)
	return o, err
}

// spread repeats an item's count for each of its scores.
func (o *OneVsRest) spread(counts []int32) []int32 {
	if counts == nil {
		return nil
	}
	out := make([]int32, len(counts)*o.k)
	for i := range out {
		out[i] = counts[i/o.k]
	}
	return out
}

// Area names a figure of a ranking that can be averaged.
type Area string

// The areas.
const (
	ROCArea       Area = "roc_auc"
	PrecisionArea Area = "average_precision"
)

func (a areas) of(which Area) float64 {
	if which == ROCArea {
		return a.roc
	}
	return a.average
}

// ROCAUC averages the classes' areas under their ROC curves: Macro, Weighted (by
// support) or Micro. A class without items, or with all of them, makes Macro NaN;
// Weighted leaves classes without items out.
func (o *OneVsRest) ROCAUC(how Average, counts []int32) float64 { return o.areas(how, counts).roc }

// AveragePrecision averages the classes' average precisions. A class without items
// has 0, as in scikit-learn.
func (o *OneVsRest) AveragePrecision(how Average, counts []int32) float64 {
	return o.areas(how, counts).average
}

// areas averages over the classes. Its positives are those of the class that has
// the fewest.
func (o *OneVsRest) areas(how Average, counts []int32) areas {
	if how == Micro {
		return o.micro.areas(o.spread(counts))
	}
	out := areas{positives: math.Inf(1)}
	var weight float64
	for _, r := range o.Class {
		a, w := r.areas(counts), 1.0
		out.positives = min(out.positives, a.positives)
		if how == Weighted {
			if w = a.positives; w == 0 {
				continue
			}
		}
		out.roc += w * a.roc
		out.average += w * a.average
		weight += w
	}
	out.roc /= weight
	out.average /= weight
	return out
}

// SamplesAverage ranks the classes within each sample and averages a figure over
// the samples (multilabel data). Samples with no class, or all, have no ROC.
func SamplesAverage(truth Truth, s Scores, area Area) (float64, error) {
	sum := 0.0
	positive := make([]bool, s.k)
	for i := range s.Rows() {
		for c := range s.k {
			positive[c] = truth(i, c)
		}
		r, err := NewRanking(positive, s.Row(i))
		if err != nil {
			return 0, err
		}
		sum += r.areas(nil).of(area)
	}
	return sum / float64(s.Rows()), nil
}

// OneVsOne compares every two classes by the items of these two alone (Hand and
// Till 2001), for single-label data.
type OneVsOne struct {
	actual []int
	ranked [][]int32 // by class: items by rising score of the class
	scores Scores
}

// NewOneVsOne sorts each column of scores.
func NewOneVsOne(actual []int, s Scores) *OneVsOne {
	o := &OneVsOne{actual: actual, scores: s}
	for c := range s.k {
		order := make([]int32, len(actual))
		for i := range order {
			order[i] = int32(i)
		}
		slices.SortStableFunc(order, func(a, b int32) int {
			return cmp.Compare(s.data[int(a)*s.k+c], s.data[int(b)*s.k+c])
		})
		o.ranked = append(o.ranked, order)
	}
	return o
}

// ROCAUC averages over the pairs of classes that occur: Macro, or Weighted by the
// share of items that a pair has. It is NaN where fewer than two classes occur.
func (o *OneVsOne) ROCAUC(how Average, counts []int32) float64 {
	k := o.scores.k
	support := make([]float64, k)
	for i, c := range o.actual {
		support[c] += times(counts, i)
	}
	above := make([][]float64, k) // [a][b]: pairs of an item of a over one of b by a's score
	for a := range k {
		above[a] = o.above(a, counts)
	}
	var sum, weight float64
	for a := range k {
		for b := a + 1; b < k; b++ {
			pairs := support[a] * support[b]
			if pairs == 0 {
				continue
			}
			w := 1.0
			if how == Weighted {
				w = support[a] + support[b]
			}
			sum += w * (above[a][b] + above[b][a]) / (2 * pairs)
			weight += w
		}
	}
	return sum / weight
}

// above counts, for each class b, the pairs of an item of class a and one of b in
// which a's has the higher score of class a; ties count a half.
func (o *OneVsOne) above(a int, counts []int32) []float64 {
	k := o.scores.k
	below, tied, out := make([]float64, k), make([]float64, k), make([]float64, k)
	order := o.ranked[a]
	for from := 0; from < len(order); {
		to := from
		score := o.scores.data[int(order[from])*k+a]
		for to < len(order) && o.scores.data[int(order[to])*k+a] == score {
			i := int(order[to])
			tied[o.actual[i]] += times(counts, i)
			to++
		}
		for b := range k {
			out[b] += tied[a] * (below[b] + tied[b]/2)
		}
		for b := range k {
			below[b] += tied[b]
			tied[b] = 0
		}
		from = to
	}
	return out
}

// machineEpsilon is the distance from 1 to the next float64.
const machineEpsilon = 0x1p-52

// LogLoss is the mean negative natural logarithm of the probability of the true
// class, 0 or more. Probabilities are kept 2.2e-16 away from 0 and 1.
func LogLoss(actual []int, s Scores) float64 {
	return mean(len(actual), nil, func(i int) float64 { return logLoss(s.Row(i)[actual[i]]) })
}

func logLoss(p float64) float64 {
	return -math.Log(min(max(p, machineEpsilon), 1-machineEpsilon))
}

// Brier is the mean squared distance between probabilities and truth (Brier
// 1950): for two classes that of the positive one, 0 to 1; for more the sum over
// classes, 0 to 2.
func Brier(actual []int, s Scores) float64 {
	return mean(len(actual), nil, func(i int) float64 { return brier(s.Row(i), actual[i]) })
}

func brier(row []float64, actual int) float64 {
	sum := 0.0
	for c, p := range row {
		d := p
		if c == actual {
			d = 1 - p
		}
		sum += d * d
	}
	if len(row) < 3 {
		sum /= 2
	}
	return sum
}

// mean averages over n items, each as often as counts says.
func mean(n int, counts []int32, value func(i int) float64) float64 {
	var sum, weight float64
	for i := range n {
		if w := times(counts, i); w > 0 {
			sum += w * value(i)
			weight += w
		}
	}
	return sum / weight
}
