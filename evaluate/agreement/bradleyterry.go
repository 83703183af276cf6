package agreement

import (
	"context"
	"math"

	"stylesprint"
)

// Comparison is one verdict on two candidates.
type Comparison struct {
	A, B  int     // numbers of the candidates
	Score float64 // 1: A was better; 0: B; a half: a tie
	// Covariate is A's value less B's of what is controlled for, such as length.
	Covariate float64
	Cluster   int // comparisons that are drawn together
}

// Strength is where a candidate stands among n.
type Strength struct {
	// Log is the Bradley-Terry strength as log-odds; the strengths' mean is 0.
	Log stylesprint.Score
	// Wins is the chance, by the model, to win against the average other candidate.
	Wins stylesprint.Score
}

// BradleyTerry returns the log-strengths of n candidates that make the comparisons
// most likely, P(a beats b) = 1/(1+exp(b-a)), with mean 0; a tie counts as half a
// win for either. It uses the MM algorithm (D. R. Hunter, "MM algorithms for
// generalized Bradley-Terry models", Annals of Statistics 32, 2004, equation 3).
// Without a chain of wins from every candidate to every other there is no finite
// maximum (its assumption 1), and the result is an *Undefined that names why.
func BradleyTerry(n int, comparisons []Comparison) ([]float64, error) {
	w := newWins(n, comparisons, nil)
	if err := w.connected(); err != nil {
		return nil, err
	}
	return w.fit()
}

// BradleyTerryScores is BradleyTerry with bootstrap intervals over clusters. A sample
// without a finite maximum gets half a win more on either side of every two that
// were compared, which keeps its strengths finite. N is the number of the candidate's comparisons.
func BradleyTerryScores(ctx context.Context, n int, comparisons []Comparison, o Options) ([]Strength, error) {
	o = o.withDefaults()
	signature := "bradley-terry|ties:half|mle:mm" + o.signature()
	fit := func(weights []int32) []float64 {
		w := newWins(n, comparisons, weights)
		if w.connected() != nil {
			w.soften(newWins(n, comparisons, nil))
		}
		logs, err := w.fit()
		if err != nil {
			return nil
		}
		return logs
	}
	point, err := BradleyTerry(n, comparisons)
	return strengths(ctx, n, comparisons, o, fitted{point, err, fit, signature})
}

// fitted is a model with its point estimate.
type fitted struct {
	point     []float64
	err       error
	fit       func(weights []int32) []float64 // nil: no value
	signature string
}

// strengths wraps a fit into scores with intervals.
func strengths(ctx context.Context, n int, comparisons []Comparison, o Options, f fitted) ([]Strength, error) {
	out := make([]Strength, n)
	for i := range out {
		seen := 0
		for _, c := range comparisons {
			if c.A == i || c.B == i {
				seen++
			}
		}
		out[i].Log = stylesprint.Score{Metric: "strength", N: seen, Unit: "log-odds", Signature: f.signature}
		out[i].Wins = stylesprint.Score{Metric: "expected-win-rate", N: seen, Unit: "0-1", Signature: f.signature}
		if f.err != nil {
			out[i].Log, out[i].Wins = missing(out[i].Log, f.err), missing(out[i].Wins, f.err)
		}
	}
	if f.err != nil {
		return out, nil
	}
	clusters := make([]int, len(comparisons))
	for i, c := range comparisons {
		clusters[i] = c.Cluster
	}
	for i := range out {
		for _, s := range []struct {
			score *stylesprint.Score
			of    func([]float64) float64
		}{
			{&out[i].Log, func(logs []float64) float64 { return logs[i] }},
			{&out[i].Wins, func(logs []float64) float64 { return expected(logs, i) }},
		} {
			s.score.Value = s.of(f.point)
			low, high, ok, err := o.interval(ctx, len(comparisons), clusters, func(w []int32) float64 {
				logs := f.fit(w)
				if logs == nil {
					return math.NaN()
				}
				return s.of(logs)
			})
			if err != nil {
				return nil, err
			}
			*s.score = o.finish(*s.score, low, high, ok)
		}
	}
	return out, nil
}

// expected is the mean chance of candidate i to win against each other one.
func expected(logs []float64, i int) float64 {
	sum := 0.0
	for j, v := range logs {
		if j != i {
			sum += 1 / (1 + math.Exp(v-logs[i]))
		}
	}
	return sum / float64(len(logs)-1)
}

// wins[i][j] is how often i won against j; ties count a half on both sides.
type wins [][]float64

func newWins(n int, comparisons []Comparison, weights []int32) wins {
	w := make(wins, n)
	for i := range w {
		w[i] = make([]float64, n)
	}
	for i, c := range comparisons {
		f := 1.0
		if weights != nil {
			f = float64(weights[i])
		}
		w[c.A][c.B] += f * c.Score
		w[c.B][c.A] += f * (1 - c.Score)
	}
	return w
}

// soften adds half a win to both sides wherever all has comparisons.
func (w wins) soften(all wins) {
	for i := range w {
		for j := range w {
			if i != j && all[i][j]+all[j][i] > 0 {
				w[i][j] += .5
			}
		}
	}
}

// connected looks for a chain of wins from each candidate to each other.
func (w wins) connected() error {
	if len(w) < 2 {
		return undefined("there is one candidate alone")
	}
	reach := func(step func(i, j int) bool) bool {
		seen := make([]bool, len(w))
		seen[0] = true
		stack, n := []int{0}, 1
		for len(stack) > 0 {
			i := stack[len(stack)-1]
			stack = stack[:len(stack)-1]
			for j := range w {
				if !seen[j] && step(i, j) {
					seen[j] = true
					stack = append(stack, j)
					n++
				}
			}
		}
		return n == len(w)
	}
	if !reach(func(i, j int) bool { return w[i][j]+w[j][i] > 0 }) {
		return undefined("some candidates were never compared, not even through others")
	}
	if !reach(func(i, j int) bool { return w[i][j] > 0 }) || !reach(func(i, j int) bool { return w[j][i] > 0 }) {
		return undefined("one side won every comparison with the other, so no finite strength explains the votes best")
	}
	return nil
}

const (
	mmTolerance  = 1e-12
	mmIterations = 100_000
)

// fit runs the MM algorithm until no strength changes by more than mmTolerance.
func (w wins) fit() ([]float64, error) {
	n := len(w)
	g, next := make([]float64, n), make([]float64, n)
	for i := range g {
		g[i] = 1
	}
	for range mmIterations {
		for i := range g {
			won, weight := 0.0, 0.0
			for j := range g {
				if i != j {
					won += w[i][j]
					weight += (w[i][j] + w[j][i]) / (g[i] + g[j])
				}
			}
			next[i] = won / weight
		}
		mean := 0.0
		for _, v := range next {
			mean += math.Log(v) / float64(n)
		}
		change := 0.0
		for i := range next {
			next[i] = math.Exp(math.Log(next[i]) - mean)
			change = max(change, math.Abs(math.Log(next[i]/g[i])))
		}
		g, next = next, g
		if change < mmTolerance {
			logs := make([]float64, n)
			for i, v := range g {
				logs[i] = math.Log(v)
			}
			return logs, nil
		}
	}
	return nil, undefined("the strengths did not settle: too few comparisons join the candidates")
}
