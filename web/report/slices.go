package report

import (
	"fmt"
	"html/template"
	"slices"
	"strings"

	"stylesprint/evaluate/compare"
	"stylesprint/web/plot"
	"stylesprint/web/show"
)

// slicesView is the breakdown by the items' properties.
type slicesView struct {
	Nav      template.HTML
	Warnings []string
	Parts    []sliceView
	Note     string
}

// sliceView is the breakdown by one key.
type sliceView struct {
	Title  string
	Notes  []string
	Table  table
	Plot   template.HTML // empty: nothing to draw
	Stands table
}

const (
	maxDrawn  = 12 // slices in a plot, those with most items
	maxStands = 15 // differences of other metrics that are listed
	maxEmpty  = 8  // slices without figures that have a line of their own
	maxNamed  = 60 // further ones that are named
)

// newSlices shows the keys that were asked for on one metric. Warnings are shown
// whatever was asked for: they are about the decision.
func newSlices(in Input) slicesView {
	c := in.Comparison
	var v slicesView
	v.Nav = in.SliceNav
	m := slices.IndexFunc(c.Metrics, func(m compare.Metric) bool { return m.Name == in.SliceMetric })
	if m < 0 {
		m = slices.IndexFunc(c.Metrics, func(m compare.Metric) bool { return m.Name == c.Primary })
	}
	if m < 0 || len(c.Slices) == 0 {
		return v
	}
	v.Note = "Slices explain a decision and never make one: p values are adjusted over all slices and challengers of a metric, and one in twenty of the differences that stand out is expected to be chance."
	for i, s := range c.Slices {
		v.Warnings = append(v.Warnings, typeset(s.Warnings)...)
		if in.SliceKeys != nil && !slices.Contains(in.SliceKeys, s.Key) {
			continue
		}
		v.Parts = append(v.Parts, newSlice(c, s, m, fmt.Sprintf("slice-%d", i+1)))
	}
	return v
}

func newSlice(c compare.Comparison, s compare.Slicing, m int, id string) sliceView {
	info := c.Metrics[m]
	v := sliceView{Title: "By " + s.Key, Notes: sliceNotes(c, s, info)}
	v.Table = table{ID: id, Corner: "Slice", Caption: info.Title + ", " + direction(info) + ", by " + s.Key, Columns: append([]column{{Name: "n"}}, columns(c)...)}
	v.Table.Columns = v.Table.Columns[:len(v.Table.Columns)-len(againstReference(c))]
	rows, drawn := sliceRows(c, s, m)
	v.Table.Groups = []tableGroup{{Rows: rows}}
	if drawn > 0 && len(challengers(c)) > 0 {
		v.Plot = plot.FigureOf(slicePlot(c, s, m), "plot-"+id, id+"-c")
	}
	v.Stands = stands(c, s, m, id)
	return v
}

// sliceRows has a line for each slice with figures, and for the first of the others;
// the rest share one.
func sliceRows(c compare.Comparison, s compare.Slicing, m int) (rows []figureRow, drawn int) {
	var others []compare.Slice
	for _, part := range s.Slices {
		if part.Missing != "" {
			others = append(others, part)
			continue
		}
		rows = append(rows, sliceRow(c, part, m))
		drawn++
	}
	if len(others) <= maxEmpty+1 {
		for _, part := range others {
			rows = append(rows, sliceRow(c, part, m))
		}
		return rows, drawn
	}
	for _, part := range others[:maxEmpty] {
		rows = append(rows, sliceRow(c, part, m))
	}
	var names []string
	for _, part := range others[maxEmpty:min(len(others), maxEmpty+maxNamed)] {
		names = append(names, fmt.Sprintf("%s (%s)", part.Value, show.Count(part.Items)))
	}
	rest := figureRow{Name: show.Count(len(others)-maxEmpty) + " more", Reason: "too few: n in brackets; " + strings.Join(names, ", ")}
	if n := len(others) - maxEmpty - maxNamed; n > 0 {
		rest.Reason += " and " + show.Count(n) + " more"
	}
	return append(rows, rest), drawn
}

// sliceNotes say where each candidate is weakest, and what has no slice.
func sliceNotes(c compare.Comparison, s compare.Slicing, info compare.Metric) []string {
	var out []string
	if info.Name == c.Primary {
		for _, w := range s.Worst {
			out = append(out, fmt.Sprintf("%s is weakest in %s: %s (n %s).", w.Candidate, w.Value, scaleOf(info).Number(w.Score.Value), show.Count(w.Items)))
		}
	}
	if s.Unnamed > 0 {
		out = append(out, show.Of(s.Unnamed, "item")+" without a "+s.Key+": in the whole, and in no slice.")
	}
	return out
}

// sliceRow is one slice, or why it has no figures.
func sliceRow(c compare.Comparison, s compare.Slice, m int) figureRow {
	n := show.Count(s.Items)
	r := figureRow{Name: s.Value, Note: ""}
	if s.Missing != "" {
		r.Reason = s.Missing
		return r
	}
	size := cell{Figure: show.Figure{Value: n}}
	if s.Families > 0 && s.Families != s.Items {
		size.Interval = "in " + show.Count(s.Families) + " families"
	}
	r.Cells = append(r.Cells, size)
	for _, k := range s.Candidates {
		r.Cells = append(r.Cells, metricCell(c.Metrics[m], at(k.Scores, m)))
	}
	for _, k := range s.Candidates {
		if k.Name == c.Baseline {
			continue
		}
		ok := len(k.Differences) > m && at(k.Scores, m).Missing == ""
		x := differenceCell(c.Metrics[m], at(k.Differences, m), ok)
		x.More = nil // a slice is not there to be decided
		r.Cells = append(r.Cells, x)
	}
	return r
}

// slicePlot draws the differences on one metric, the whole first.
func slicePlot(c compare.Comparison, s compare.Slicing, m int) plot.Plot {
	info := c.Metrics[m]
	by := scaleOf(info).By
	series := seriesOf(c)
	panel := plot.Panel{Title: show.Sentence(panelTitle(info)), Zero: true, Margin: by * info.Margin}
	panel.Left, panel.Right = sides(c, info)
	several := len(challengers(c)) > 1
	add := func(slice, name string, d compare.Difference, n int, missing string) {
		panel.Decimals = max(panel.Decimals, scaleOf(info).Decimals(d.Delta*by))
		r := plot.Interval{Label: slice, Value: by * d.Delta, Low: by * d.Low, High: by * d.High, Series: series[name], N: n, Verdict: string(d.Verdict), Missing: missing}
		if several {
			r.Group, r.Label = slice, name
		}
		panel.Rows = append(panel.Rows, r)
	}
	for _, k := range challengers(c) {
		add("All items", k.Name, at(k.Differences, m), c.Items, at(k.Scores, m).Missing)
	}
	drawn := 0
	for _, part := range s.Slices {
		if part.Missing != "" || drawn == maxDrawn {
			continue
		}
		drawn++
		for _, k := range part.Candidates {
			if k.Name != c.Baseline {
				add(part.Value, k.Name, at(k.Differences, m), at(k.Scores, m).N, at(k.Scores, m).Missing)
			}
		}
	}
	return plot.Intervals{Title: sliceFinding(c, s, m), Panels: []plot.Panel{panel}}
}

// sliceFinding says in how many slices each challenger is ahead, and where the
// difference is more than chance.
func sliceFinding(c compare.Comparison, s compare.Slicing, m int) string {
	info := c.Metrics[m]
	title := inSentence(info.Title)
	var parts []string
	for _, k := range challengers(c) {
		up, of, rest := 0, 0, 0
		words := map[compare.Verdict][]string{}
		for _, part := range s.Slices {
			if part.Missing != "" {
				rest++
				continue
			}
			for _, x := range part.Candidates {
				if x.Name != k.Name || at(x.Scores, m).Missing != "" || len(x.Differences) <= m {
					continue
				}
				d := x.Differences[m]
				of++
				if d.Delta > 0 {
					up++
				}
				words[d.Verdict] = append(words[d.Verdict], part.Value)
			}
		}
		text := fmt.Sprintf("%s is higher on %s than %s in %s of %s with enough items", k.Name, title, c.Baseline, show.Count(up), show.Of(of, "slice"))
		for _, v := range []compare.Verdict{compare.VerdictBetter, compare.VerdictWorse} {
			if len(words[v]) > 0 {
				text += ", " + string(v) + " in " + show.List(words[v])
			}
		}
		parts = append(parts, text)
	}
	if len(parts) == 0 {
		return "Nothing is compared"
	}
	out := "By " + s.Key + ", "
	for i, p := range parts {
		if i > 0 {
			out += "; "
		}
		out += p
	}
	return out
}

// stands lists the differences of the other metrics that are more than chance.
func stands(c compare.Comparison, s compare.Slicing, shown int, id string) table {
	t := table{ID: id + "-stands", Corner: "Slice", Caption: "Other metrics on which a slice stands out", Columns: []column{{Name: "Metric"}, {Name: "Candidate"}, {Name: "Difference from " + c.Baseline}}}
	var rows []figureRow
	more := 0
	for _, part := range s.Slices {
		for _, k := range part.Candidates {
			for i, d := range k.Differences {
				if i == shown || i >= len(c.Metrics) || d.Verdict != compare.VerdictBetter && d.Verdict != compare.VerdictWorse {
					continue
				}
				if len(rows) == maxStands {
					more++
					continue
				}
				text := func(s string) cell { return cell{Text: true, Figure: show.Figure{Value: s}} }
				rows = append(rows, figureRow{Name: part.Value, Note: "n " + show.Count(part.Items), Cells: []cell{text(c.Metrics[i].Title), text(k.Name), differenceCell(c.Metrics[i], d, true)}})
			}
		}
	}
	if more > 0 {
		t.Caption += fmt.Sprintf("; %s more are not listed", show.Count(more))
	}
	if len(rows) > 0 {
		t.Groups = []tableGroup{{Rows: rows}}
	}
	return t
}
