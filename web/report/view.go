package report

import (
	"fmt"
	"html/template"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/compare"
	"stylesprint/web/plot"
	"stylesprint/web/show"
)

// view is what the templates read.
type view struct {
	Eyebrow, Sentence, Note string
	Reasons, Warnings       []string
	Table                   table
	Plots                   []template.HTML
	Rows                    []row
	RowsNote                string
	Method                  []pair
	Foot, Command           string
	Style                   template.CSS
	StyleHash               string
}

type pair struct {
	Name, Value string
	Mono        bool
}

type table struct {
	Caption string
	Columns []column
	Rows    []figureRow
}

type column struct{ Name, Note string }

type figureRow struct {
	Name, Note string
	Cells      []cell
}

// cell is a figure, with a word about a difference.
type cell struct {
	show.Figure
	Word  string
	Class string // "met", "harm" or empty
}

func newView(in Input) view {
	c := in.Comparison
	v := view{
		Eyebrow:  Eyebrow(c),
		Sentence: Sentence(c),
		Note:     in.Note,
		Reasons:  typeset(c.Decision.Reasons),
		Warnings: typeset(c.Warnings),
		Table:    newTable(c),
		Rows:     newRows(c, in.Rows),
		RowsNote: rowsNote(in),
		Method:   method(c),
		Foot:     foot(in),
		Command:  in.Command,
	}
	for _, f := range figures(c) {
		v.Plots = append(v.Plots, plot.Figure(f.plot, f.id))
	}
	return v
}

// Sentence is the decision as a title.
func Sentence(c compare.Comparison) string {
	if c.Decision.Sentence != "" {
		return typeset([]string{c.Decision.Sentence})[0]
	}
	return "The data do not decide"
}

// typeset gives negative numbers in sentences a real minus sign, as tables have.
func typeset(sentences []string) []string {
	minus := regexp.MustCompile(`(^|[ (])-(\d)`)
	out := make([]string, len(sentences))
	for i, s := range sentences {
		out[i] = minus.ReplaceAllString(s, "$1−$2")
	}
	return out
}

// Eyebrow says what was compared, over what.
func Eyebrow(c compare.Comparison) string {
	var names []string
	for _, k := range c.Candidates {
		names = append(names, k.Name)
	}
	s := show.List(names) + " on " + c.Dataset
	if c.Split != "" {
		s += ", " + c.Split + " split"
	}
	s += ", " + show.Of(c.Items, "item")
	if c.Families > 0 && c.Families != c.Items {
		s += fmt.Sprintf(" in %s families", show.Count(c.Families))
	}
	return s
}

func foot(in Input) string {
	parts := []string{"StyleSprint"}
	if in.Version != "" {
		parts[0] += " " + in.Version
	}
	if !in.Generated.IsZero() {
		parts = append(parts, "written "+in.Generated.UTC().Format("2 January 2006, 15:04 UTC"))
	}
	return strings.Join(parts, ", ")
}

func newTable(c compare.Comparison) table {
	t := table{Caption: "Means over " + show.Of(c.Items, "item")}
	if c.Method.Level > 0 {
		t.Caption += fmt.Sprintf("; beneath each, its %s interval", percent(c.Method.Level))
	}
	for _, k := range c.Candidates {
		t.Columns = append(t.Columns, column{k.Name, role(c, k)})
	}
	for _, k := range challengers(c) {
		t.Columns = append(t.Columns, column{k.Name + " − " + c.Baseline, "difference"})
	}
	for i, m := range c.Metrics {
		r := figureRow{Name: m.Title, Note: direction(m)}
		if m.Name == c.Primary {
			r.Note += ", decides"
		}
		for _, k := range c.Candidates {
			r.Cells = append(r.Cells, scoreCell(at(k.Scores, i)))
		}
		for _, k := range challengers(c) {
			r.Cells = append(r.Cells, differenceCell(m, at(k.Differences, i), len(k.Differences) > i))
		}
		t.Rows = append(t.Rows, r)
	}
	t.Rows = append(t.Rows, operationRows(c)...)
	return t
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

func direction(m compare.Metric) string {
	s := show.Unit(m.Unit)
	word := "shown, not judged"
	switch m.Direction {
	case compare.DirectionHigher:
		word = "higher is better"
	case compare.DirectionLower:
		word = "lower is better"
	}
	if s == "" {
		return word
	}
	return s + ", " + word
}

func scoreCell(s stylesprint.Score) cell {
	if s.Metric == "" && s.Signature == "" && s.N == 0 && s.Missing == "" && s.Value == 0 {
		s.Missing = "not measured"
	}
	f := show.Score(s)
	f.Unit = "" // it stands with the row's name
	if f.N != "" && !f.Missing {
		f.Interval = strings.TrimPrefix(f.Interval+" · n "+f.N, " · ")
	}
	return cell{Figure: f}
}

func differenceCell(m compare.Metric, d compare.Difference, ok bool) cell {
	if !ok {
		return cell{Figure: show.Figure{Value: "not compared", Missing: true}}
	}
	decimals := show.Decimals(m.Unit, d.Delta)
	f := show.Figure{Value: plot.Signed(d.Delta, decimals)}
	if d.Low != d.High {
		f.Interval = plot.Signed(d.Low, decimals) + " to " + plot.Signed(d.High, decimals)
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

// operationRows are cost, time and tokens.
func operationRows(c compare.Comparison) []figureRow {
	type get struct {
		name, note string
		score      func(compare.Operation) stylesprint.Score
		difference func(compare.Operation) stylesprint.Score
	}
	rows := []get{
		{"Cost of 10,000 outputs", currency(c), func(o compare.Operation) stylesprint.Score { return o.Cost }, func(o compare.Operation) stylesprint.Score { return o.CostDifference }},
		{"Latency, median", "s, lower is better", func(o compare.Operation) stylesprint.Score { return o.LatencyP50 }, nil},
		{"Latency, 95th percentile", "s, lower is better", func(o compare.Operation) stylesprint.Score { return o.LatencyP95 }, nil},
		{"Latency, mean difference", "s", nil, func(o compare.Operation) stylesprint.Score { return o.LatencyDifference }},
		{"First token, median", "s, lower is better", func(o compare.Operation) stylesprint.Score { return o.FirstTokenP50 }, nil},
	}
	var out []figureRow
	for _, g := range rows {
		r := figureRow{Name: g.name, Note: g.note}
		for _, k := range c.Candidates {
			if g.score == nil {
				r.Cells = append(r.Cells, blank())
				continue
			}
			r.Cells = append(r.Cells, scoreCell(g.score(k.Operation)))
		}
		for _, k := range challengers(c) {
			if g.difference == nil {
				r.Cells = append(r.Cells, blank())
				continue
			}
			r.Cells = append(r.Cells, signedCell(g.difference(k.Operation)))
		}
		out = append(out, r)
	}
	return append(out, countRows(c)...)
}

// signedCell is scoreCell for a difference.
func signedCell(s stylesprint.Score) cell {
	c := scoreCell(s)
	if c.Missing {
		return c
	}
	d := show.Decimals(s.Unit, s.Value)
	c.Value = plot.Signed(s.Value, d)
	if s.Level > 0 && s.Low != s.High {
		c.Interval = plot.Signed(s.Low, d) + " to " + plot.Signed(s.High, d) + " · n " + show.Count(s.N)
	}
	return c
}

func blank() cell { return cell{Figure: show.Figure{Missing: true}} }

func currency(c compare.Comparison) string {
	unit := "lower is better"
	for _, k := range c.Candidates {
		if u := k.Operation.Cost.Unit; u != "" {
			return u + ", " + unit
		}
	}
	return unit
}

func countRows(c compare.Comparison) []figureRow {
	rows := []struct {
		name, note string
		text       func(compare.Operation) string
		needed     func(compare.Operation) bool
	}{
		{"Tokens per output", "prompt + answer, mean", func(o compare.Operation) string {
			return plot.Number(o.PromptTokens, 0) + " + " + plot.Number(o.CompletionTokens, 0)
		}, nil},
		{"Outputs", "", func(o compare.Operation) string { return show.Count(o.Outputs) }, nil},
		{"Failed", "outputs without a text", func(o compare.Operation) string { return show.Count(o.Failed) }, func(o compare.Operation) bool { return o.Failed > 0 }},
		{"Cut off", "ended at the token limit", func(o compare.Operation) string { return show.Count(o.Cut) }, func(o compare.Operation) bool { return o.Cut > 0 }},
		{"Replayed", "from a record; not in latency", func(o compare.Operation) string { return show.Count(o.Replayed) }, func(o compare.Operation) bool { return o.Replayed > 0 }},
	}
	var out []figureRow
	for _, g := range rows {
		r := figureRow{Name: g.name, Note: g.note}
		needed := g.needed == nil
		for _, k := range c.Candidates {
			needed = needed || g.needed(k.Operation)
			r.Cells = append(r.Cells, cell{Figure: show.Figure{Value: g.text(k.Operation)}})
		}
		for range challengers(c) {
			r.Cells = append(r.Cells, blank())
		}
		if needed {
			out = append(out, r)
		}
	}
	return out
}

func method(c compare.Comparison) []pair {
	m := c.Method
	out := []pair{
		{"Dataset", c.Dataset, false}, {"Items' SHA-256", c.DatasetHash, true},
		{"Intervals", fmt.Sprintf("%s, paired bootstrap over %s, %s resamples, seed %d", percent(m.Level), plural(m.Unit), show.Count(m.Bootstrap), m.Seed), false},
		{"p values", fmt.Sprintf("paired approximate randomisation, %s trials, two-sided, Holm's correction over the candidates; below %s counts", show.Count(m.Randomization), plot.Number(m.Alpha, 2)), false},
	}
	for _, k := range c.Metrics {
		s := k.Signature
		if k.Direction != compare.DirectionNone && k.Margin > 0 {
			s += "; margin " + plot.Number(k.Margin, show.Decimals(k.Unit, k.Margin))
		}
		out = append(out, pair{k.Title, s, true})
	}
	for _, k := range c.Candidates {
		out = append(out, pair{k.Name, recipe(k.Run), false})
	}
	return out
}

func plural(unit string) string {
	switch unit {
	case "family":
		return "families"
	case "":
		return "items"
	}
	return unit + "s"
}

// recipe says what a run was made with.
func recipe(r evaluate.Run) string {
	parts := []string{"run " + r.ID, r.Candidate.Model.String()}
	if r.Candidate.Precision != "" {
		parts = append(parts, string(r.Candidate.Precision))
	}
	p := "prompt " + r.Candidate.Prompt
	if r.Candidate.PromptHash != "" {
		p += " " + show.Hash(r.Candidate.PromptHash)
	}
	parts = append(parts, p)
	parts = append(parts, Params(r)...)
	if r.Machine != "" {
		parts = append(parts, r.Machine)
	}
	if !r.Finished.IsZero() {
		parts = append(parts, r.Finished.UTC().Format(time.DateOnly))
	}
	return strings.Join(parts, ", ")
}

// Params lists the sampling parameters that a run was made with.
func Params(r evaluate.Run) []string {
	var parts []string
	number := func(name string, v *float64) {
		if v != nil {
			parts = append(parts, name+" "+strconv.FormatFloat(*v, 'g', -1, 64))
		}
	}
	p := r.Candidate.Params
	number("temperature", p.Temperature)
	number("top-p", p.TopP)
	if p.TopK != nil {
		parts = append(parts, fmt.Sprintf("top-k %d", *p.TopK))
	}
	number("min-p", p.MinP)
	number("repetition penalty", p.RepetitionPenalty)
	if p.Seed != nil {
		parts = append(parts, fmt.Sprintf("seed %d", *p.Seed))
	}
	if p.MaxTokens != nil {
		parts = append(parts, fmt.Sprintf("at most %d tokens", *p.MaxTokens))
	}
	return parts
}

// fields lists a map in the order of its names.
func fields(m map[string]string) []pair {
	var out []pair
	for _, k := range slices.Sorted(maps.Keys(m)) {
		if strings.TrimSpace(m[k]) != "" {
			out = append(out, pair{Name: k, Value: m[k]})
		}
	}
	return out
}
