package classification

import (
	"fmt"
	"math"
	"slices"
	"strconv"
)

// Tally counts, for one class or for one sample's set of classes.
type Tally struct {
	Hits      float64 // both true and predicted
	Predicted float64
	Actual    float64 // the support
}

// PRF holds precision, recall and F, each 0 to 1 or NaN.
type PRF struct{ Precision, Recall, F float64 }

// ZeroDivision says what a quotient of nothing is: the precision of a class that
// was never predicted, the recall of one that never occurs.
type ZeroDivision string

// The choices. Warn counts 0 and says so; NaN leaves the class out of averages.
const (
	ZeroWarn ZeroDivision = "warn"
	Zero     ZeroDivision = "0"
	One      ZeroDivision = "1"
	NaN      ZeroDivision = "nan"
)

// ParseZeroDivision reads a choice; empty is ZeroWarn.
func ParseZeroDivision(s string) (ZeroDivision, error) {
	switch z := ZeroDivision(s); z {
	case "":
		return ZeroWarn, nil
	case ZeroWarn, Zero, One, NaN:
		return z, nil
	}
	return "", fmt.Errorf("unknown zero division %q; use warn, 0, 1 or nan", s)
}

func (z ZeroDivision) value() float64 {
	switch z {
	case One:
		return 1
	case NaN:
		return math.NaN()
	}
	return 0
}

// Average says how precision, recall and F of several classes become one.
type Average string

// The averages. Binary is the positive class alone. Micro sums the tallies first,
// Macro is the mean of the classes, Weighted the mean by their support (its F
// may lie outside precision and recall). Samples, for multilabel data, is the
// mean over samples.
const (
	Binary   Average = "binary"
	Micro    Average = "micro"
	Macro    Average = "macro"
	Weighted Average = "weighted"
	Samples  Average = "samples"
)

// ParseAverage reads an average; empty stays empty: the data decide.
func ParseAverage(s string) (Average, error) {
	switch a := Average(s); a {
	case "", Binary, Micro, Macro, Weighted, Samples:
		return a, nil
	}
	return "", fmt.Errorf("unknown average %q; use binary, micro, macro, weighted or samples", s)
}

// Score is the tally's precision, recall and F-beta. Beta is how many times
// recall weighs as much as precision (van Rijsbergen 1979); 0 gives precision,
// +Inf recall.
func (t Tally) Score(beta float64, z ZeroDivision) PRF {
	s := PRF{Precision: divide(t.Hits, t.Predicted, z), Recall: divide(t.Hits, t.Actual, z)}
	switch {
	case math.IsInf(beta, 1):
		s.F = s.Recall
	case beta == 0:
		s.F = s.Precision
	default:
		s.F = divide((1+beta*beta)*t.Hits, beta*beta*t.Actual+t.Predicted, z)
	}
	return s
}

func divide(a, b float64, z ZeroDivision) float64 {
	if b == 0 {
		return z.value()
	}
	return a / b
}

// Combine averages the scores of tallies: of classes, or for Samples of samples.
// For Binary there is one tally. Scores that are NaN are left out; where all are,
// or there are no tallies, so is the result.
func Combine(tallies []Tally, how Average, beta float64, z ZeroDivision) PRF {
	if how == Micro {
		var sum Tally
		for _, t := range tallies {
			sum.Hits += t.Hits
			sum.Predicted += t.Predicted
			sum.Actual += t.Actual
		}
		return sum.Score(beta, z)
	}
	var p, r, f average
	for _, t := range tallies {
		s, w := t.Score(beta, z), 1.0
		if how == Weighted {
			w = t.Actual
		}
		p.add(s.Precision, w)
		r.add(s.Recall, w)
		f.add(s.F, w)
	}
	return PRF{p.value(), r.value(), f.value()}
}

// average is a weighted mean that leaves NaN out. Where all weights are zero the
// plain mean stands in, as in scikit-learn.
type average struct{ sum, weight, plain, n float64 }

func (a *average) add(v, w float64) {
	if math.IsNaN(v) {
		return
	}
	a.sum += v * w
	a.weight += w
	a.plain += v
	a.n++
}

func (a *average) value() float64 {
	switch {
	case a.n == 0:
		return math.NaN()
	case a.weight == 0:
		return a.plain / a.n
	}
	return a.sum / a.weight
}

// Sets are the classes of each sample, ascending and without repeats.
type Sets [][]int

// common counts what two ascending lists share.
func common(a, b []int) int {
	n, j := 0, 0
	for _, v := range a {
		for j < len(b) && b[j] < v {
			j++
		}
		if j < len(b) && b[j] == v {
			n++
		}
	}
	return n
}

// SampleTallies compares each sample's true and predicted classes.
func SampleTallies(actual, predicted Sets) []Tally {
	out := make([]Tally, len(actual))
	for i := range out {
		out[i] = Tally{Hits: float64(common(actual[i], predicted[i])), Predicted: float64(len(predicted[i])), Actual: float64(len(actual[i]))}
	}
	return out
}

// ClassTallies compares the samples class by class, over k classes; each sample
// counts as often as counts says (nil: once).
func ClassTallies(k int, actual, predicted Sets, counts []int32) []Tally {
	out := make([]Tally, k)
	for i := range actual {
		w := times(counts, i)
		if w == 0 {
			continue
		}
		for _, c := range actual[i] {
			out[c].Actual += w
		}
		j := 0
		for _, c := range predicted[i] {
			out[c].Predicted += w
			for j < len(actual[i]) && actual[i][j] < c {
				j++
			}
			if j < len(actual[i]) && actual[i][j] == c {
				out[c].Hits += w
			}
		}
	}
	return out
}

// setFigures are the share of samples whose classes are exactly right (1 is best)
// and the Hamming loss, the share of wrong single decisions (0 is best), over k classes.
func setFigures(k int, actual, predicted Sets, counts []int32) (exact, hamming float64) {
	exact = mean(len(actual), counts, func(i int) float64 {
		if slices.Equal(actual[i], predicted[i]) {
			return 1
		}
		return 0
	})
	hamming = mean(len(actual), counts, func(i int) float64 {
		return float64(len(actual[i])+len(predicted[i])-2*common(actual[i], predicted[i])) / float64(k)
	})
	return exact, hamming
}

// times is how often item i counts.
func times(counts []int32, i int) float64 {
	if counts == nil {
		return 1
	}
	return float64(counts[i])
}

// betaText prints beta as it stands in a name: "F2", "F0.5".
func betaText(beta float64) string { return strconv.FormatFloat(beta, 'g', -1, 64) }
