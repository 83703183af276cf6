package report

import (
	"slices"
	"strings"
	"unicode"

	"stylesprint"
	"stylesprint/evaluate/compare"
	"stylesprint/web/plot"
	"stylesprint/web/show"
)

// figure is a plot with its id in the page.
type figure struct {
	id    string
	plot  plot.Plot
	table string // id of the table with the same data; empty: it has its own
}

// figures are the plots of a comparison, in the order of the argument: the
// differences group by group, then how single outputs spread.
func figures(c compare.Comparison) []figure {
	var out []figure
	for _, g := range grouped(c) {
		out = append(out, figure{"plot-differences-" + g.ID, differences(c, g), "figures-c"})
	}
	for i, m := range c.Metrics {
		if m.Name != c.Primary {
			continue
		}
		if p, ok := distribution(c, i, m); ok {
			out = append(out, figure{"plot-spread", p, ""})
		}
	}
	if p, ok := latencies(c); ok {
		out = append(out, figure{"plot-latency", p, ""})
	}
	return out
}

// differences is the forest plot of a group of metrics: a panel for those that
// share a unit and a direction.
func differences(c compare.Comparison, g metricGroup) plot.Plot {
	p := plot.Intervals{Title: differencesFinding(c, g.Metrics)}
	if len(grouped(c)) > 1 {
		p.Title = g.Title + ". " + p.Title
	}
	var order []string
	panels := map[string][]int{}
	for _, i := range g.Metrics {
		key := panelTitle(c.Metrics[i])
		if panels[key] == nil {
			order = append(order, key)
		}
		panels[key] = append(panels[key], i)
	}
	for _, key := range order {
		p.Panels = append(p.Panels, differencePanel(c, key, panels[key]))
	}
	return p
}

// panelTitle is what metrics of one panel have in common.
func panelTitle(m compare.Metric) string {
	word := better(m)
	if word == "" {
		word = "not judged"
	}
	return strings.TrimPrefix(scaleOf(m).Unit+", "+word, ", ")
}

func differencePanel(c compare.Comparison, title string, metrics []int) plot.Panel {
	rest := challengers(c)
	series := seriesOf(c)
	panel := plot.Panel{Title: show.Sentence(title), Zero: true}
	panel.Left, panel.Right = sides(c, c.Metrics[metrics[0]])
	for _, i := range metrics {
		m := c.Metrics[i]
		by := scaleOf(m).By
		for _, k := range rest {
			d := at(k.Differences, i)
			panel.Decimals = max(panel.Decimals, scaleOf(m).Decimals(d.Delta*by))
			r := plot.Interval{Label: m.Title, Value: by * d.Delta, Low: by * d.Low, High: by * d.High, Margin: by * m.Margin, Series: series[k.Name], N: at(k.Scores, i).N, Verdict: string(d.Verdict)}
			if len(rest) > 1 {
				r.Group, r.Label = m.Title, k.Name
			}
			if i >= len(k.Differences) {
				r.Missing = "not compared"
			} else if why := at(k.Scores, i).Missing; why != "" {
				r.Missing = why
			}
			panel.Rows = append(panel.Rows, r)
		}
	}
	return panel
}

// sides says what lies to the left and to the right of no difference.
func sides(c compare.Comparison, m compare.Metric) (left, right string) {
	name := "candidate"
	if rest := challengers(c); len(rest) == 1 {
		name = rest[0].Name
	}
	switch m.Direction {
	case compare.DirectionHigher:
		return c.Baseline + " better", name + " better"
	case compare.DirectionLower:
		return name + " better", c.Baseline + " better"
	}
	return c.Baseline + " higher", name + " higher"
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

// inSentence is a metric's title inside a sentence: "similarity", but "BLEU" and
// "RefCLIPScore", which hold capitals of their own.
func inSentence(title string) string {
	first, rest, _ := strings.Cut(title, " ")
	r := []rune(first)
	if len(r) > 1 && unicode.IsUpper(r[0]) && !slices.ContainsFunc(r[1:], unicode.IsUpper) {
		r[0] = unicode.ToLower(r[0])
	}
	return strings.TrimSpace(string(r) + " " + rest)
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

func bounds(s stylesprint.Score) (low, high float64) {
	if s.Level == 0 {
		return 0, 0
	}
	return s.Low, s.High
}
