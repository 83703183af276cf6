package classification

import (
	"fmt"
	"math"

	"stylesprint/evaluate/agreement"
)

// Matrix is a confusion matrix over classes that are numbered from 0. Counts may
// be weighted.
type Matrix struct {
	k      int
	counts []float64 // row after row: true class; column: predicted class
}

// NewMatrix makes an empty matrix over k classes.
func NewMatrix(k int) Matrix { return Matrix{k: k, counts: make([]float64, k*k)} }

// MatrixOf counts true against predicted classes, all below k. The two lists are
// equally long.
func MatrixOf(k int, actual, predicted []int) (Matrix, error) {
	if len(actual) != len(predicted) {
		return Matrix{}, fmt.Errorf("confusion matrix: %d true and %d predicted classes", len(actual), len(predicted))
	}
	m := NewMatrix(k)
	for i, a := range actual {
		if a < 0 || a >= k || predicted[i] < 0 || predicted[i] >= k {
			return Matrix{}, fmt.Errorf("confusion matrix: item %d has classes %d and %d of %d", i, a, predicted[i], k)
		}
		m.counts[a*k+predicted[i]]++
	}
	return m, nil
}

// Classes is the number of classes.
func (m Matrix) Classes() int { return m.k }

// At is the number of items of class actual that were predicted as predicted.
func (m Matrix) At(actual, predicted int) float64 { return m.counts[actual*m.k+predicted] }

// Add counts weight items more.
func (m Matrix) Add(actual, predicted int, weight float64) { m.counts[actual*m.k+predicted] += weight }

// Rows is a copy of the counts, a row for each true class.
func (m Matrix) Rows() [][]float64 {
	out := make([][]float64, m.k)
	for i := range out {
		out[i] = append([]float64(nil), m.counts[i*m.k:(i+1)*m.k]...)
	}
	return out
}

// Over says what the entries of a normalised matrix are shares of.
type Over string

// The ways to normalise.
const (
	OverTrue      Over = "true"      // of a row: of the items of a class
	OverPredicted Over = "predicted" // of a column: of the predictions of a class
	OverAll       Over = "all"
)

// Normalized returns shares; an empty row or column has zeros, as in scikit-learn.
func (m Matrix) Normalized(over Over) [][]float64 {
	out := m.Rows()
	actual, predicted, total := m.sums()
	for i, row := range out {
		for j := range row {
			by := total
			switch over {
			case OverTrue:
				by = actual[i]
			case OverPredicted:
				by = predicted[j]
			}
			if by == 0 {
				row[j] = 0
				continue
			}
			row[j] /= by
		}
	}
	return out
}

// sums are the totals of rows, of columns and of everything.
func (m Matrix) sums() (actual, predicted []float64, total float64) {
	actual, predicted = make([]float64, m.k), make([]float64, m.k)
	for i := range m.k {
		for j := range m.k {
			c := m.counts[i*m.k+j]
			actual[i] += c
			predicted[j] += c
			total += c
		}
	}
	return actual, predicted, total
}

func (m Matrix) trace() float64 {
	sum := 0.0
	for i := range m.k {
		sum += m.counts[i*m.k+i]
	}
	return sum
}

// Total is the number of items.
func (m Matrix) Total() float64 {
	_, _, total := m.sums()
	return total
}

// Accuracy is the share of right predictions, 0 to 1; NaN without items.
func (m Matrix) Accuracy() float64 { return m.trace() / m.Total() }

// BalancedAccuracy is the mean recall of the classes that occur among the true
// ones, 0 to 1 (Brodersen and others 2010); NaN without items.
func (m Matrix) BalancedAccuracy() float64 {
	actual, _, _ := m.sums()
	sum, n := 0.0, 0
	for i, total := range actual {
		if total > 0 {
			sum += m.At(i, i) / total
			n++
		}
	}
	return sum / float64(n)
}

// Matthews is Matthews' correlation coefficient for any number of classes
// (Gorodkin 2004, equation 8), -1 to 1; 0 where either side has one class only.
func (m Matrix) Matthews() float64 {
	actual, predicted, n := m.sums()
	var tp, tt, pp float64
	for i := range m.k {
		tp += actual[i] * predicted[i]
		tt += actual[i] * actual[i]
		pp += predicted[i] * predicted[i]
	}
	product := (n*n - pp) * (n*n - tt)
	if product == 0 {
		return 0
	}
	return (m.trace()*n - tp) / math.Sqrt(product)
}

// Kappa is Cohen's kappa of labels and predictions as two raters: agreement beyond
// what their own frequencies give by chance, at most 1. It is NaN where chance
// alone agrees fully: both use the same single class, or there are no items.
func (m Matrix) Kappa(w agreement.Weights) float64 {
	v, err := agreement.TableKappa(m.k, m.counts, w)
	if err != nil {
		return math.NaN()
	}
	return v
}

// Tallies returns what precision, recall and F of each class are made of.
func (m Matrix) Tallies() []Tally {
	actual, predicted, _ := m.sums()
	out := make([]Tally, m.k)
	for i := range out {
		out[i] = Tally{Hits: m.At(i, i), Predicted: predicted[i], Actual: actual[i]}
	}
	return out
}
