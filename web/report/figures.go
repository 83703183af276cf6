package report

import (
	"strconv"
	"strings"
	"unicode"

	"stylesprint"
	"stylesprint/evaluate/compare"
	"stylesprint/web/plot"
	"stylesprint/web/show"
)

// figure is a plot with its id in the page.
type figure struct {
	id   string
	plot plot.Plot
}

// figures are the plots of a comparison, in the order of the argument.
func figures(c compare.Comparison) []figure {
	out := []figure{{"plot-differences", differences(c)}}
	for i, m := range c.Metrics {
		if p, ok := distribution(c, i, m); ok {
			out = append(out, figure{"plot-spread-" + strconv.Itoa(i+1), p})
		}
	}
	if p, ok := latencies(c); ok {
		out = append(out, figure{"plot-latency", p})
	}
	return append(out, figure{"plot-cost", latencyAndCost(c)})
}

func differences(c compare.Comparison) plot.Plot {
	p := plot.Intervals{Title: differencesFinding(c)}
	series := seriesOf(c)
	rest := challengers(c)
	for i, m := range c.Metrics {
		panel := plot.Panel{Title: m.Title, Unit: show.Unit(m.Unit), Zero: true}
		if m.Direction != compare.DirectionNone {
			panel.Margin = m.Margin
			panel.Title += ", " + string(m.Direction) + " is better"
		}
		panel.Left, panel.Right = c.Baseline+" higher", "candidate higher"
		if len(rest) == 1 {
			panel.Right = rest[0].Name + " higher"
		}
		for _, k := range rest {
			d := at(k.Differences, i)
			panel.Decimals = max(panel.Decimals, show.Decimals(m.Unit, d.Delta))
			r := plot.Interval{Label: k.Name, Value: d.Delta, Low: d.Low, High: d.High, Series: series[k.Name], N: c.Items, Verdict: string(d.Verdict)}
			if i >= len(k.Differences) {
				r.Missing = "not compared"
			}
			panel.Rows = append(panel.Rows, r)
		}
		p.Panels = append(p.Panels, panel)
	}
	return p
}

func seriesOf(c compare.Comparison) map[string]int {
	out := map[string]int{}
	for i, k := range c.Candidates {
		out[k.Name] = i
	}
	return out
}

func distribution(c compare.Comparison, i int, m compare.Metric) (plot.Plot, bool) {
	p := plot.Distributions{Quantity: m.Title + " of one item", Unit: show.Unit(m.Unit), Decimals: show.Decimals(m.Unit, 1)}
	var medians []median
	for j, k := range c.Candidates {
		s := at(k.Spreads, i)
		p.Rows = append(p.Rows, spreadRow(k.Name, s, j))
		if s.N == 0 {
			continue
		}
		p.Low, p.High = s.Low, s.High
		medians = append(medians, median{k.Name, s.Median})
	}
	p.Title = medianFinding(inSentence(m.Title), m.Unit, medians)
	return p, len(medians) > 0
}

// inSentence is a metric's title inside a sentence: "similarity", but "BLEU".
func inSentence(title string) string {
	r := []rune(title)
	if len(r) > 1 && unicode.IsUpper(r[0]) && unicode.IsLower(r[1]) {
		r[0] = unicode.ToLower(r[0])
	}
	return string(r)
}

func spreadRow(name string, s compare.Spread, series int) plot.Distribution {
	return plot.Distribution{Label: name, Counts: s.Counts, P5: s.P5, P25: s.P25, Median: s.Median, P75: s.P75, P95: s.P95, N: s.N, Series: series}
}

func latencies(c compare.Comparison) (plot.Plot, bool) {
	p := plot.Distributions{Quantity: "latency of one output", Unit: "s", Decimals: 2}
	var medians []median
	for j, k := range c.Candidates {
		s := k.Operation.Latencies
		r := spreadRow(k.Name, s, j)
		r.Missing = k.Operation.LatencyP50.Missing
		p.Rows = append(p.Rows, r)
		if s.N == 0 {
			continue
		}
		p.Low, p.High = s.Low, s.High
		p.Decimals = show.Decimals("s", s.Median)
		medians = append(medians, median{k.Name, s.Median})
	}
	p.Title = medianFinding("latency", "s", medians)
	return p, len(medians) > 0
}

// latencyAndCost is a scatter; where nothing costs anything, one axis has
// nothing to tell and bars of latency stand alone.
func latencyAndCost(c compare.Comparison) plot.Plot {
	title := operationFinding(c)
	free := true
	for _, k := range c.Candidates {
		free = free && (k.Operation.Cost.Missing != "" || k.Operation.Cost.Value == 0)
	}
	if free {
		p := plot.Bars{Title: title, Quantity: "median latency", Unit: "s", Decimals: 2}
		for i, k := range c.Candidates {
			s := k.Operation.LatencyP50
			p.Decimals = max(p.Decimals, show.Decimals("s", s.Value))
			p.Rows = append(p.Rows, plot.Bar{Label: k.Name, Value: s.Value, Low: s.Low, High: s.High, Series: i, Missing: s.Missing})
		}
		return p
	}
	p := plot.Scatter{Title: title, XName: "median latency", XUnit: "s", XDecimals: 2, YName: "cost of 10,000 outputs", FromZero: true}
	for i, k := range c.Candidates {
		x, y := k.Operation.LatencyP50, k.Operation.Cost
		p.YUnit = y.Unit
		p.YDecimals = max(p.YDecimals, show.Decimals(y.Unit, y.Value))
		pt := plot.Point{Label: k.Name, X: x.Value, Y: y.Value, Series: i}
		pt.XLow, pt.XHigh = bounds(x)
		pt.YLow, pt.YHigh = bounds(y)
		pt.Missing = strings.Trim(x.Missing+"; "+y.Missing, "; ")
		p.Points = append(p.Points, pt)
	}
	return p
}

func bounds(s stylesprint.Score) (low, high float64) {
	if s.Level == 0 {
		return 0, 0
	}
	return s.Low, s.High
}
