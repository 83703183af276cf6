package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"stylesprint/evaluate/compare"
	"stylesprint/web/plot"
	"stylesprint/web/show"
)

// placed are the candidates that a front has a place for.
func placed(f compare.Front) []compare.Point {
	var out []compare.Point
	for _, p := range f.Points {
		if p.Missing == "" {
			out = append(out, p)
		}
	}
	return out
}

// bestFront picks the expense to draw: cost, or latency where all candidates cost the
// same or nothing is known of their cost. ok is false where neither tells
// candidates apart.
func bestFront(c compare.Comparison) (f compare.Front, ok bool) {
	for _, name := range []string{"cost", "latency"} {
		for _, f := range c.Pareto {
			points := placed(f)
			if f.Name != name || len(points) < 2 {
				continue
			}
			first := points[0].Expense.Value
			if slices.ContainsFunc(points, func(p compare.Point) bool { return p.Expense.Value != first }) {
				return f, true
			}
		}
	}
	return compare.Front{}, false
}

// primaryMetric is the metric of a front.
func primaryMetric(c compare.Comparison, f compare.Front) compare.Metric {
	for _, m := range c.Metrics {
		if m.Name == f.Metric {
			return m
		}
	}
	return compare.Metric{Name: f.Metric, Title: f.Metric}
}

// tradeOff draws a front, with whiskers both ways.
func tradeOff(c compare.Comparison, f compare.Front) plot.Plot {
	m := primaryMetric(c, f)
	scale := scaleOf(m)
	y := m.Title
	if w := better(m); w != "" {
		y += ", " + w
	}
	p := plot.Scatter{Title: tradeOffFinding(c, f), XName: f.Title, XUnit: f.Unit, YName: y, YUnit: scale.Unit, XFromZero: true, Front: true}
	for i, pt := range f.Points {
		q, e := pt.Quality, pt.Expense
		v := plot.Point{Label: pt.Candidate, X: e.Value, Y: scale.By * q.Value, Series: i, Missing: pt.Missing}
		if pt.Missing == "" {
			p.XDecimals = max(p.XDecimals, show.Decimals(e.Unit, e.Value))
			p.YDecimals = max(p.YDecimals, scale.Decimals(v.Y))
			v.Ring, v.Note = pt.OnFront, "on the front: "+plot.Number(100*pt.Probability, 0)+" %"
			v.XLow, v.XHigh = bounds(e)
			low, high := bounds(q)
			v.YLow, v.YHigh = scale.By*low, scale.By*high
		}
		p.Points = append(p.Points, v)
	}
	return p
}

// tradeOffFinding is the first trade-off, or the candidate that leaves none.
func tradeOffFinding(c compare.Comparison, f compare.Front) string {
	if len(f.TradeOffs) > 0 {
		return strings.TrimSuffix(typeset([]string{f.TradeOffs[0].Sentence})[0], ".")
	}
	m := primaryMetric(c, f)
	var front []string
	for _, p := range placed(f) {
		if p.OnFront {
			front = append(front, p.Candidate)
		}
	}
	if len(front) == 1 {
		return fmt.Sprintf("No other candidate matches %s on both %s and %s", front[0], inSentence(m.Title), f.Title)
	}
	return fmt.Sprintf("%s share the best %s and %s", show.List(front), inSentence(m.Title), f.Title)
}

// tradeOffLines are the further trade-offs, who is beaten by whom, and what a probability is.
func tradeOffLines(f compare.Front) []string {
	var out []string
	for i, t := range f.TradeOffs {
		if i > 0 { // the first is the plot's title
			out = append(out, t.Sentence)
		}
	}
	for _, p := range f.Points {
		for _, d := range p.DominatedBy {
			out = append(out, fmt.Sprintf("%s is at least as good as %s on both and better on one, in %s of the samples.", d.Candidate, p.Candidate, percent(d.Probability)))
		}
		if p.Missing != "" {
			out = append(out, fmt.Sprintf("%s has no place here: %s.", p.Candidate, p.Missing))
		}
	}
	return append(typeset(out), fmt.Sprintf("A ring marks a candidate that no other beats on both. The percentage is the share of %s joint bootstrap samples in which that is so.", show.Count(f.Samples)))
}

// noTradeOff says why nothing is drawn.
func noTradeOff(c compare.Comparison) []string {
	var out []string
	for _, f := range c.Pareto {
		why := "all candidates have the same"
		if n := len(placed(f)); n < 2 {
			why = "fewer than two candidates have one"
			for _, p := range f.Points {
				if p.Missing != "" {
					why = cmp.Or(p.Missing, why)
					break
				}
			}
		}
		out = append(out, fmt.Sprintf("No trade-off is drawn against %s: %s.", f.Title, why))
	}
	return out
}
