package agreement

import (
	"context"
	"math"

	"stylesprint"
)

// Controlled is a Bradley-Terry model that also explains votes by a covariate.
type Controlled struct {
	Logs   []float64 // strengths where the covariate is equal; mean 0
	Effect float64   // log-odds for one unit of the covariate
}

// BradleyTerryControlled fits logit P(a beats b) = strength a - strength b + effect
// times covariate by Newton's method, so that a candidate whose texts are merely
// longer, where people favour length, is not called better for it. Ties count a half. It is
// undefined where BradleyTerry is, where the covariate never differs, and where it
// explains every vote.
func BradleyTerryControlled(n int, comparisons []Comparison) (Controlled, error) {
	if err := newWins(n, comparisons, nil).connected(); err != nil {
		return Controlled{}, err
	}
	varies := false
	for _, c := range comparisons {
		varies = varies || c.Covariate != 0
	}
	if !varies {
		return Controlled{}, undefined("the lengths never differ")
	}
	return newton(n, comparisons, nil)
}

// ControlledScores are the strengths with bootstrap intervals over clusters, and the covariate's effect.
func ControlledScores(ctx context.Context, n int, comparisons []Comparison, o Options) ([]Strength, stylesprint.Score, error) {
	o = o.withDefaults()
	signature := "bradley-terry|ties:half|controlled:length|mle:newton" + o.signature()
	effect := stylesprint.Score{Metric: "length-effect", N: len(comparisons), Unit: "log-odds", Signature: signature}
	point, err := BradleyTerryControlled(n, comparisons)
	refit := func(weights []int32) (Controlled, bool) {
		c, err := newton(n, comparisons, weights)
		return c, err == nil
	}
	out, ctxErr := strengths(ctx, n, comparisons, o, fitted{point.Logs, err, func(w []int32) []float64 {
		c, _ := refit(w)
		return c.Logs
	}, signature})
	if ctxErr != nil || err != nil {
		return out, missing(effect, orElse(err, ctxErr)), ctxErr
	}
	clusters := make([]int, len(comparisons))
	for i, c := range comparisons {
		clusters[i] = c.Cluster
	}
	effect.Value = point.Effect
	low, high, ok, err := o.interval(ctx, len(comparisons), clusters, func(w []int32) float64 {
		c, ok := refit(w)
		if !ok {
			return math.NaN()
		}
		return c.Effect
	})
	return out, o.finish(effect, low, high, ok), err
}

func orElse(a, b error) error {
	if a != nil {
		return a
	}
	return b
}

const (
	newtonTolerance  = 1e-11
	newtonIterations = 100
	maxLogOdds       = 30 // beyond, the likelihood has no maximum
)

// newton maximises the likelihood; the last candidate's strength is held at 0.
func newton(n int, comparisons []Comparison, weights []int32) (Controlled, error) {
	size := n // n-1 strengths, then the effect
	x := make([]float64, size)
	none := undefined("length and candidate together explain every vote, so their shares cannot be told apart")
	row := make([]float64, size)
	for range newtonIterations {
		gradient := make([]float64, size)
		hessian := make([][]float64, size)
		for i := range hessian {
			hessian[i] = make([]float64, size)
		}
		for i, c := range comparisons {
			f := 1.0
			if weights != nil {
				f = float64(weights[i])
			}
			if f == 0 {
				continue
			}
			clear(row)
			if c.A < n-1 {
				row[c.A]++
			}
			if c.B < n-1 {
				row[c.B]--
			}
			row[n-1] = c.Covariate
			accumulate(gradient, hessian, row, x, f, c.Score)
		}
		step := solve(hessian, gradient)
		if step == nil {
			return Controlled{}, none
		}
		largest := 0.0
		for i, s := range step {
			x[i] += s
			largest = max(largest, math.Abs(s))
			if math.Abs(x[i]) > maxLogOdds && i < n-1 || math.IsNaN(x[i]) || math.Abs(x[i]) > 1e6 {
				return Controlled{}, none
			}
		}
		if largest < newtonTolerance {
			return controlled(x), nil
		}
	}
	return Controlled{}, none
}

func controlled(x []float64) Controlled {
	n := len(x)
	c := Controlled{Logs: make([]float64, n), Effect: x[n-1]}
	copy(c.Logs, x[:n-1])
	mean := 0.0
	for _, v := range c.Logs {
		mean += v / float64(n)
	}
	for i := range c.Logs {
		c.Logs[i] -= mean
	}
	return c
}

// accumulate adds one comparison's part to the gradient and the negative Hessian.
func accumulate(gradient []float64, hessian [][]float64, row, x []float64, weight, score float64) {
	eta := 0.0
	for i, v := range row {
		eta += v * x[i]
	}
	p := 1 / (1 + math.Exp(-eta))
	for i, v := range row {
		if v == 0 {
			continue
		}
		gradient[i] += weight * v * (score - p)
		for j, u := range row {
			hessian[i][j] += weight * v * u * p * (1 - p)
		}
	}
}

// solve is Gaussian elimination with row pivoting; nil where the matrix is singular. It changes both arguments.
func solve(a [][]float64, b []float64) []float64 {
	n := len(b)
	for c := range n {
		pivot := c
		for r := c + 1; r < n; r++ {
			if math.Abs(a[r][c]) > math.Abs(a[pivot][c]) {
				pivot = r
			}
		}
		if math.Abs(a[pivot][c]) < 1e-10 {
			return nil
		}
		a[c], a[pivot] = a[pivot], a[c]
		b[c], b[pivot] = b[pivot], b[c]
		for r := c + 1; r < n; r++ {
			f := a[r][c] / a[c][c]
			for k := c; k < n; k++ {
				a[r][k] -= f * a[c][k]
			}
			b[r] -= f * b[c]
		}
	}
	for c := n - 1; c >= 0; c-- {
		for k := c + 1; k < n; k++ {
			b[c] -= a[c][k] * b[k]
		}
		b[c] /= a[c][c]
	}
	return b
}
