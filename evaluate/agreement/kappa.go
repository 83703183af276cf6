package agreement

import (
	"context"
	"math"
	"slices"

	"stylesprint"
)

// Weights say how much a disagreement counts in kappa, by the distance of the
// two labels in their order.
type Weights string

// The weights.
const (
	Unweighted Weights = "none"
	Linear     Weights = "linear"
	Quadratic  Weights = "quadratic"
)

// Pairs holds what two raters said of the same units.
type Pairs struct {
	A, B     []float64 // NaN: not rated; such units are left out
	Labels   []float64 // all values that could be given, in order; nil: those that were
	Clusters []int     // units that are drawn together; nil: none are
}

// Kappa is Cohen's kappa (J. Cohen 1960; weighted: 1968): 1 - observed over expected
// disagreement of two raters. It is undefined without a common unit, and where
// both gave one and the same label throughout.
func Kappa(p Pairs, w Weights) (float64, error) {
	m := newMatrix(p)
	return m.kappa(w, nil)
}

// KappaScore is Kappa with a bootstrap interval over the clusters of units.
func KappaScore(ctx context.Context, p Pairs, w Weights, o Options) (stylesprint.Score, error) {
	o = o.withDefaults()
	m := newMatrix(p)
	s := stylesprint.Score{Metric: "kappa", N: len(m.cells), Signature: "cohen-kappa|weights:" + string(w) + o.signature()}
	var err error
	if s.Value, err = m.kappa(w, nil); err != nil {
		return missing(s, err), nil
	}
	low, high, ok, err := o.interval(ctx, len(m.cells), m.clusters, func(weights []int32) float64 {
		v, err := m.kappa(w, weights)
		if err != nil {
			return math.NaN()
		}
		return v
	})
	return o.finish(s, low, high, ok), err
}

// matrix holds, for each common unit, which labels the two gave.
type matrix struct {
	size     int
	cells    [][2]int
	clusters []int
}

func newMatrix(p Pairs) matrix {
	labels := p.Labels
	if labels == nil {
		for i := range p.A {
			if !math.IsNaN(p.A[i]) && !math.IsNaN(p.B[i]) {
				labels = append(labels, p.A[i], p.B[i])
			}
		}
		slices.Sort(labels)
		labels = slices.Compact(labels)
	}
	m := matrix{size: len(labels)}
	for i := range p.A {
		a, b := slices.Index(labels, p.A[i]), slices.Index(labels, p.B[i])
		if a < 0 || b < 0 {
			continue
		}
		m.cells = append(m.cells, [2]int{a, b})
		if p.Clusters != nil {
			m.clusters = append(m.clusters, p.Clusters[i])
		}
	}
	return m
}

func (m matrix) kappa(w Weights, weights []int32) (float64, error) {
	table := make([]float64, m.size*m.size)
	for i, c := range m.cells {
		f := 1.0
		if weights != nil {
			f = float64(weights[i])
		}
		table[c[0]*m.size+c[1]] += f
	}
	return TableKappa(m.size, table, w)
}

// TableKappa is Kappa of a table of counts: size rows, the first rater's labels, of
// size columns, the second's. Counts may be weighted.
func TableKappa(size int, counts []float64, w Weights) (float64, error) {
	rows, columns := make([]float64, size), make([]float64, size)
	n := 0.0
	for a := range size {
		for b := range size {
			f := counts[a*size+b]
			rows[a] += f
			columns[b] += f
			n += f
		}
	}
	if n == 0 {
		return 0, undefined("the two have rated no item in common")
	}
	observed, expected := 0.0, 0.0
	for a := range size {
		for b := range size {
			d := w.of(a - b)
			observed += d * counts[a*size+b]
			expected += d * rows[a] * columns[b] / n
		}
	}
	if expected == 0 {
		return 0, undefined("both gave one and the same answer throughout, so agreement cannot be told from chance")
	}
	return 1 - observed/expected, nil
}

func (w Weights) of(d int) float64 {
	switch {
	case w == Linear:
		return math.Abs(float64(d))
	case w == Quadratic:
		return float64(d) * float64(d)
	case d != 0:
		return 1
	}
	return 0
}
