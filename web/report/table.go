package report

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"stylesprint"
	"stylesprint/evaluate/compare"
	"stylesprint/web/plot"
	"stylesprint/web/show"
)

type table struct {
	ID, Caption string
	Corner      string // heads the first column
	Columns     []column
	Groups      []tableGroup
}

// Summary is the caption's beginning, for what opens the table.
func (t table) Summary() string {
	s, _, _ := strings.Cut(t.Caption, ":")
	return s
}

// Width is the number of columns, the first one included.
func (t table) Width() int { return len(t.Columns) + 1 }

type column struct{ Name, Note string }

// tableGroup is a number of rows under a heading, which may be empty.
type tableGroup struct {
	Name string
	Rows []figureRow
}

type figureRow struct {
	Name, Note string
	Cells      []cell
	Reason     string // stands in place of all cells
}

// cell is a figure, with a word about a difference.
type cell struct {
	show.Figure
	Word  string
	Class string   // "met", "harm" or empty
	More  []string // further lines
	Text  bool     // Value is words
}

// metricGroup is a group of a comparison's metrics, by their places.
type metricGroup struct {
	show.Group
	Metrics []int
}

// grouped puts the metrics into their groups; the one that decides comes first.
func grouped(c compare.Comparison) []metricGroup {
	var out []metricGroup
	primary := show.GroupOf(c.Primary).ID
	for _, g := range show.Groups() {
		m := metricGroup{Group: g}
		for i, k := range c.Metrics {
			if show.GroupOf(k.Name).ID == g.ID {
				m.Metrics = append(m.Metrics, i)
			}
		}
		switch {
		case len(m.Metrics) == 0:
		case g.ID == primary:
			out = slices.Insert(out, 0, m)
		default:
			out = append(out, m)
		}
	}
	return out
}

// columns are the candidates, then the differences from the baseline and, where
// the rule holds candidates against another one, from that.
func columns(c compare.Comparison) []column {
	var out []column
	for _, k := range c.Candidates {
		out = append(out, column{k.Name, role(c, k)})
	}
	for _, k := range challengers(c) {
		out = append(out, column{k.Name + " − " + c.Baseline, "difference"})
	}
	for _, k := range againstReference(c) {
		out = append(out, column{k.Name + " − " + c.Decision.Reference, "difference, adjusted for all pairs"})
	}
	return out
}

// againstReference are the candidates that the rule holds against another than the baseline.
func againstReference(c compare.Comparison) []compare.Candidate {
	var out []compare.Candidate
	for _, k := range c.Candidates {
		if k.ReferenceDifferences != nil && c.Decision.Reference != c.Baseline {
			out = append(out, k)
		}
	}
	return out
}

// newTable shows every metric, group by group.
func newTable(c compare.Comparison) table {
	t := table{ID: "figures", Corner: "Metric", Caption: "Scores over " + show.Of(c.Items, "item"), Columns: columns(c)}
	if c.Method.Level > 0 {
		t.Caption += fmt.Sprintf("; beneath each, its %s interval and n", percent(c.Method.Level))
	}
	for _, g := range grouped(c) {
		out := tableGroup{Name: g.Title}
		for _, i := range g.Metrics {
			out.Rows = append(out.Rows, metricRow(c, i))
		}
		t.Groups = append(t.Groups, out)
	}
	return t
}

func metricRow(c compare.Comparison, i int) figureRow {
	m := c.Metrics[i]
	r := figureRow{Name: m.Title, Note: direction(m)}
	if m.Name == c.Primary {
		r.Note += ", decides"
	}
	for _, k := range c.Candidates {
		r.Cells = append(r.Cells, metricCell(m, at(k.Scores, i)))
	}
	for _, k := range challengers(c) {
		r.Cells = append(r.Cells, differenceCell(m, at(k.Differences, i), len(k.Differences) > i))
	}
	for _, k := range againstReference(c) {
		r.Cells = append(r.Cells, differenceCell(m, at(k.ReferenceDifferences, i), len(k.ReferenceDifferences) > i))
	}
	return r
}

func role(c compare.Comparison, k compare.Candidate) string {
	if k.Name == c.Baseline {
		return "baseline"
	}
	return ""
}

func challengers(c compare.Comparison) []compare.Candidate {
	return slices.DeleteFunc(slices.Clone(c.Candidates), func(k compare.Candidate) bool { return k.Name == c.Baseline })
}

func at[T any](list []T, i int) T {
	var zero T
	if i < len(list) {
		return list[i]
	}
	return zero
}

func scaleOf(m compare.Metric) show.Scale { return show.ScaleOf(m.Name, m.Unit) }

func direction(m compare.Metric) string {
	word := "shown, not judged"
	if b := better(m); b != "" {
		if word = b; !m.Judged {
			word += ", not judged"
		}
	}
	return strings.TrimPrefix(scaleOf(m).Unit+", "+word, ", ")
}

func better(m compare.Metric) string {
	switch m.Direction {
	case compare.DirectionHigher:
		return "higher is better"
	case compare.DirectionLower:
		return "lower is better"
	}
	return ""
}

func metricCell(m compare.Metric, s stylesprint.Score) cell {
	return figureCell(scaleOf(m).Score(measured(s)))
}

// measured says why where a score was never set.
func measured(s stylesprint.Score) stylesprint.Score {
	if s.Metric == "" && s.Signature == "" && s.N == 0 && s.Missing == "" && s.Value == 0 {
		s.Missing = "not measured"
	}
	return s
}

func scoreCell(s stylesprint.Score) cell { return figureCell(show.Score(measured(s))) }

func figureCell(f show.Figure) cell {
	f.Unit = "" // it stands with the row's name
	if f.N != "" && !f.Missing {
		f.Interval = strings.TrimPrefix(f.Interval+" · n "+f.N, " · ")
		if strings.Contains(f.N, " of ") {
			f.Interval = strings.Replace(f.Interval, "n "+f.N, f.N, 1)
		}
	}
	return cell{Figure: f}
}

func differenceCell(m compare.Metric, d compare.Difference, ok bool) cell {
	if !ok {
		return cell{Figure: show.Figure{Value: "not compared", Missing: true}}
	}
	scale := scaleOf(m)
	f := show.Figure{Value: scale.Signed(d.Delta)}
	if d.Low != d.High {
		f.Interval = scale.Signed(d.Low) + " to " + scale.Signed(d.High)
	}
	k := cell{Figure: f}
	if d.Verdict == compare.VerdictShown || d.Verdict == "" {
		return k
	}
	k.Word = string(d.Verdict) + ", p " + pValue(d.PAdjusted)
	switch d.Verdict {
	case compare.VerdictWorse:
		k.Class = "harm"
	case compare.VerdictBetter:
		k.Class = "met"
	case compare.VerdictUndecided:
		if d.Detectable > 0 {
			k.More = append(k.More, "shows from "+scale.Number(math.Abs(d.Detectable))+" on")
		}
		if d.MoreItems > 0 {
			k.More = append(k.More, "about "+show.Count(d.MoreItems)+" more items")
		}
	}
	return k
}

func pValue(p float64) string {
	if p < .001 {
		return "< 0.001"
	}
	return plot.Number(p, 3)
}

func percent(level float64) string { return plot.Number(level*100, 0) + " %" }

// leftOut says which metrics cannot be compared, and why.
func leftOut(c compare.Comparison) []string {
	var out []string
	for _, l := range c.LeftOut {
		var why []string
		for _, k := range c.Candidates {
			if w := l.Why[k.Name]; w != "" && !slices.Contains(why, w) {
				why = append(why, w)
			}
		}
		for _, p := range fields(l.Why) { // of those that bear no candidate's name
			if !slices.Contains(why, p.Value) {
				why = append(why, p.Value)
			}
		}
		out = append(out, show.Metric(l.Metric)+" is not compared: "+strings.Join(why, "; "))
	}
	return typeset(out)
}
