package compare

import (
	"cmp"
	"fmt"
	"math"
	"slices"

	"stylesprint"
)

// Front is the trade-off between the primary metric and one kind of expense: the
// candidates that no other beats on both. Everything for one plot is here.
type Front struct {
	Name    string `json:"name"`    // "cost" or "latency"
	Title   string `json:"title"`   // of the expense: "cost of 10,000 texts"
	Unit    string `json:"unit"`    // of the expense: "USD", "s"
	Metric  string `json:"metric"`  // the primary metric's name
	Samples int    `json:"samples"` // joint bootstrap samples behind the probabilities
	// Points in the order of Comparison.Candidates.
	Points []Point `json:"points"`
	// TradeOffs lead from each candidate on the front to the next dearer one.
	TradeOffs []TradeOff `json:"trade_offs,omitempty"`
}

// Point is one candidate on the plane of expense (x) and quality (y).
type Point struct {
	Candidate string            `json:"candidate"`
	Expense   stylesprint.Score `json:"expense"`
	Quality   stylesprint.Score `json:"quality"`
	// Missing says why the candidate has no place on the plane; the rest is then zero.
	Missing string `json:"missing,omitempty"`
	OnFront bool   `json:"on_front"`
	// Probability is the share of joint bootstrap samples in which the candidate is
	// on the front, 0 to 1.
	Probability float64 `json:"probability"`
	// DominatedBy are the candidates that are at least as good on both and better on
	// one; empty on the front.
	DominatedBy []Dominance `json:"dominated_by,omitempty"`
}

// Dominance is a candidate that beats another.
type Dominance struct {
	Candidate   string  `json:"candidate"`
	Probability float64 `json:"probability"` // share of the joint samples in which it does
}

// TradeOff is what more quality costs.
type TradeOff struct {
	From string `json:"from"` // the cheaper, or faster, candidate
	To   string `json:"to"`
	// Ratio is the expense of To over that of From, with its interval; missing
	// where From costs nothing.
	Ratio stylesprint.Score `json:"ratio"`
	// Gain is To minus From on the metric, with its interval.
	Gain     stylesprint.Score `json:"gain"`
	Sentence string            `json:"sentence"`
}

// plane holds what a front is computed from.
type plane struct {
	Front
	metric  Metric
	units   int
	expense [][]float64 // bootstrap samples by candidate; nil: no place
	quality [][]float64
	verb    string // "costs", "takes"
}

// fronts computes the trade-offs of quality against cost and against latency.
func (a *analysis) fronts() []Front {
	m := a.metricIndex(a.Primary)
	var out []Front
	for _, x := range []struct {
		name, title, verb string
		score             func(Operation) stylesprint.Score
		samples           func(i int) []float64
		missing           func(i int) string
	}{
		{"cost", "cost of 10,000 texts", "costs", func(o Operation) stylesprint.Score { return o.Cost },
			func(i int) []float64 { return scaled(a.costs[i], costOutputs) }, a.otherCurrency},
		{"latency", "median latency", "takes", func(o Operation) stylesprint.Score { return o.LatencyP50 },
			func(i int) []float64 { return a.medians[i] }, a.otherCircumstances},
	} {
		p := plane{Front: Front{Name: x.name, Title: x.title, Metric: a.Primary, Samples: a.Method.Bootstrap}, metric: a.Metrics[m], units: a.Families, verb: x.verb}
		for i := range a.columns {
			point := Point{Candidate: a.columns[i].name, Expense: x.score(a.Candidates[i].Operation), Quality: a.Candidates[i].Scores[m]}
			p.Unit = cmp.Or(p.Unit, point.Expense.Unit)
			point.Missing = cmp.Or(point.Expense.Missing, x.missing(i))
			p.Points = append(p.Points, point)
			p.quality = append(p.quality, a.samples[i][m])
			if point.Missing != "" {
				p.expense = append(p.expense, nil)
				continue
			}
			p.expense = append(p.expense, x.samples(i))
		}
		p.compute()
		out = append(out, p.Front)
	}
	return out
}

// otherCurrency keeps amounts of unlike currencies apart: the first known one counts.
func (a *analysis) otherCurrency(i int) string {
	for _, c := range a.Candidates {
		if c.Operation.Cost.Missing == "" {
			if mine := a.Candidates[i].Operation.Cost.Unit; mine != c.Operation.Cost.Unit {
				return "not comparable: the prices are in " + c.Operation.Cost.Unit + " and " + mine
			}
			break
		}
	}
	return ""
}

// otherCircumstances keeps latencies apart that were measured under other
// circumstances than the first candidate's that has any.
func (a *analysis) otherCircumstances(i int) string {
	for _, col := range a.columns {
		if len(col.latency) > 0 && len(a.columns[i].latency) > 0 {
			return unlike(a.columns[i], col)
		}
	}
	return ""
}

// dominates says that a candidate with expense x1 and gain y1 beats another.
func dominates(x1, y1, x2, y2 float64) bool {
	return x1 <= x2 && y1 >= y2 && (x1 < x2 || y1 > y2)
}

// compute finds the front, its probabilities and the trade-offs.
func (p *plane) compute() {
	for i := range p.Points {
		mine := &p.Points[i]
		if mine.Missing != "" {
			continue
		}
		for j := range p.Points {
			other := p.Points[j]
			if j == i || other.Missing != "" || !dominates(other.Expense.Value, gainOf(other.Quality.Value, p.metric), mine.Expense.Value, gainOf(mine.Quality.Value, p.metric)) {
				continue
			}
			mine.DominatedBy = append(mine.DominatedBy, Dominance{Candidate: other.Candidate, Probability: p.share(i, func(s int) bool { return p.beats(j, i, s) })})
		}
		mine.OnFront = len(mine.DominatedBy) == 0
		mine.Probability = p.share(i, func(s int) bool {
			for j := range p.Points {
				if j != i && p.expense[j] != nil && p.beats(j, i, s) {
					return false
				}
			}
			return true
		})
	}
	p.tradeOffs()
}

// beats says that j dominates i in one sample.
func (p *plane) beats(j, i, sample int) bool {
	return dominates(p.expense[j][sample], gainOf(p.quality[j][sample], p.metric), p.expense[i][sample], gainOf(p.quality[i][sample], p.metric))
}

// share is the share of the samples, of those in which i has a place, for which holds is true.
func (p *plane) share(i int, holds func(sample int) bool) float64 {
	n, of := 0, 0
	for s := range p.expense[i] {
		if math.IsNaN(p.expense[i][s]) {
			continue
		}
		of++
		if holds(s) {
			n++
		}
	}
	return float64(n) / float64(max(1, of))
}

// tradeOffs walks up the front.
func (p *plane) tradeOffs() {
	var front []int
	for i := range p.Points {
		if p.Points[i].OnFront {
			front = append(front, i)
		}
	}
	slices.SortStableFunc(front, func(x, y int) int { return cmp.Compare(p.Points[x].Expense.Value, p.Points[y].Expense.Value) })
	for k := 1; k < len(front); k++ {
		if from, to := front[k-1], front[k]; p.Points[from].Expense.Value < p.Points[to].Expense.Value {
			p.TradeOffs = append(p.TradeOffs, p.tradeOff(from, to))
		}
	}
}

func (p *plane) tradeOff(from, to int) TradeOff {
	a, b := p.Points[from], p.Points[to]
	t := TradeOff{From: a.Candidate, To: b.Candidate}
	t.Gain = stylesprint.Score{Metric: p.Metric, Unit: p.metric.Unit, N: b.Quality.N, Signature: p.metric.Signature + "|difference"}
	setInterval(&t.Gain, b.Quality.Value-a.Quality.Value, minus(p.quality[to], p.quality[from]), p.units)
	t.Ratio = stylesprint.Score{Metric: p.Name + "_ratio", N: b.Expense.N, Signature: p.Title + "|ratio"}
	more := ""
	if a.Expense.Value > 0 {
		ratios := make([]float64, 0, len(p.expense[to]))
		for s := range p.expense[to] {
			if r := p.expense[to][s] / p.expense[from][s]; !math.IsNaN(r) && !math.IsInf(r, 0) {
				ratios = append(ratios, r)
			}
		}
		setInterval(&t.Ratio, b.Expense.Value/a.Expense.Value, ratios, min(p.units, len(ratios)))
		more = fmt.Sprintf("%s %s%s times as %s as %s", p.verb, number(t.Ratio.Value), between(t.Ratio, number), p.much(), a.Candidate)
	} else {
		t.Ratio.Missing = a.Candidate + " costs nothing"
		more = fmt.Sprintf("%s %s %s per 10,000 texts, where %s costs nothing,", p.verb, money(b.Expense.Value), b.Expense.Unit, a.Candidate)
	}
	in := func(v float64) string { return signed(v, p.metric.Unit) }
	t.Sentence = fmt.Sprintf("%s %s for %s %s%s.", b.Candidate, more, in(t.Gain.Value), p.metric.Title, between(t.Gain, in))
	return t
}

func (p *plane) much() string {
	if p.Name == "cost" {
		return "much"
	}
	return "long"
}

// between is " (2.0 to 6.2)", or nothing where there is no interval.
func between(s stylesprint.Score, print func(float64) string) string {
	if s.Level == 0 {
		return ""
	}
	return " (" + print(s.Low) + " to " + print(s.High) + ")"
}
