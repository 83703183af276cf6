package report

import (
	"slices"

	"stylesprint"
	"stylesprint/evaluate/compare"
	"stylesprint/web/plot"
	"stylesprint/web/show"
)

// operationFigure is one row of cost and speed.
type operationFigure struct {
	name, note string
	of         func(compare.Operation) stylesprint.Score
	difference func(compare.Operation) stylesprint.Score
	timed      bool // it needs calls that this program waited for
	told       bool // it is what a record tells
}

func operationFigures(c compare.Comparison) []operationFigure {
	return []operationFigure{
		{name: "Cost of 10,000 outputs", note: currency(c), of: func(o compare.Operation) stylesprint.Score { return o.Cost },
			difference: func(o compare.Operation) stylesprint.Score { return o.CostDifference }},
		{name: "Latency, median", note: "s, lower is better", timed: true, of: func(o compare.Operation) stylesprint.Score { return o.LatencyP50 }},
		{name: "Latency, 95th percentile", note: "s, lower is better", timed: true, of: func(o compare.Operation) stylesprint.Score { return o.LatencyP95 }},
		{name: "Latency, 99th percentile", note: "s, lower is better", timed: true, of: func(o compare.Operation) stylesprint.Score { return o.LatencyP99 }},
		{name: "Latency, mean difference", note: "s", timed: true, difference: func(o compare.Operation) stylesprint.Score { return o.LatencyDifference }},
		{name: "First token, median", note: "s, lower is better", timed: true, of: func(o compare.Operation) stylesprint.Score { return o.FirstTokenP50 }},
		{name: "First token, 95th percentile", note: "s, lower is better", timed: true, of: func(o compare.Operation) stylesprint.Score { return o.FirstTokenP95 }},
		{name: "Throughput", note: "outputs a second, higher is better", timed: true, of: func(o compare.Operation) stylesprint.Score { return o.Throughput }},
		{name: "Tokens written", note: "a second, higher is better", timed: true, of: func(o compare.Operation) stylesprint.Score { return o.TokenRate }},
		{name: "Latency that the record tells, median", note: "s; nobody measured it here", told: true, of: func(o compare.Operation) stylesprint.Score { return o.ReportedP50 }},
		{name: "Latency that the record tells, 95th percentile", note: "s; nobody measured it here", told: true, of: func(o compare.Operation) stylesprint.Score { return o.ReportedP95 }},
	}
}

// operationTable is what candidates cost and how fast they answer. Where no
// candidate was timed, one line says so for all figures of time.
func operationTable(c compare.Comparison) table {
	t := table{ID: "operation", Corner: "Figure", Caption: "Cost, speed and counts of the outputs", Columns: columns(c)}
	t.Columns = t.Columns[:len(t.Columns)-len(againstReference(c))]
	why, untimed := allMissing(c, func(o compare.Operation) stylesprint.Score { return o.LatencyP50 })
	_, untold := allMissing(c, func(o compare.Operation) stylesprint.Score { return o.ReportedP50 })
	var rows []figureRow
	said := false
	for _, f := range operationFigures(c) {
		switch {
		case f.told && untold:
		case f.timed && untimed && said:
		case f.timed && untimed:
			said = true
			rows = append(rows, figureRow{Name: "Latency, first token, throughput", Reason: why})
		default:
			rows = append(rows, f.row(c))
		}
	}
	t.Groups = []tableGroup{{Rows: append(rows, countRows(c)...)}}
	return t
}

func (f operationFigure) row(c compare.Comparison) figureRow {
	r := figureRow{Name: f.name, Note: f.note}
	for _, k := range c.Candidates {
		if f.of == nil {
			r.Cells = append(r.Cells, blank())
			continue
		}
		x := scoreCell(f.of(k.Operation))
		if f.of(k.Operation).Metric == "cost" && k.Operation.CostSource == "record" {
			x.More = []string{"as the record tells it"}
		}
		r.Cells = append(r.Cells, x)
	}
	for _, k := range challengers(c) {
		if f.difference == nil {
			r.Cells = append(r.Cells, blank())
			continue
		}
		r.Cells = append(r.Cells, signedCell(f.difference(k.Operation)))
	}
	return r
}

// allMissing says that no candidate has a figure, and the reason if it is the same for all.
func allMissing(c compare.Comparison, of func(compare.Operation) stylesprint.Score) (why string, ok bool) {
	for i, k := range c.Candidates {
		s := of(k.Operation)
		if s.Missing == "" || i > 0 && s.Missing != why {
			return "", false
		}
		why = s.Missing
	}
	return why, len(c.Candidates) > 0
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
	count := func(n int) cell { return cell{Figure: show.Figure{Value: show.Count(n)}} }
	share := func(o compare.Operation) cell {
		x := cell{Figure: show.Figure{Value: plot.Number(100*o.Measured, 0) + " %"}}
		if o.Replayed > 0 {
			x.Word, x.Class = show.Count(o.Replayed)+" of "+show.Count(o.Outputs)+" replayed", "harm"
		}
		return x
	}
	rows := []struct {
		name, note string
		cell       func(compare.Operation) cell
		needed     func(compare.Operation) bool
	}{
		{"Timed outputs", "share that latency is made of", share, nil},
		{"Tokens per output", "prompt + answer, mean", func(o compare.Operation) cell {
			return cell{Figure: show.Figure{Value: plot.Number(o.PromptTokens, 0) + " + " + plot.Number(o.CompletionTokens, 0)}}
		}, nil},
		{"Outputs", "", func(o compare.Operation) cell { return count(o.Outputs) }, nil},
		{"Failed", "outputs without a text", func(o compare.Operation) cell { return count(o.Failed) }, func(o compare.Operation) bool { return o.Failed > 0 }},
		{"Cut off", "ended at the token limit", func(o compare.Operation) cell { return count(o.Cut) }, func(o compare.Operation) bool { return o.Cut > 0 }},
	}
	var out []figureRow
	for _, g := range rows {
		if g.needed != nil && !slices.ContainsFunc(c.Candidates, func(k compare.Candidate) bool { return g.needed(k.Operation) }) {
			continue
		}
		r := figureRow{Name: g.name, Note: g.note}
		for _, k := range c.Candidates {
			r.Cells = append(r.Cells, g.cell(k.Operation))
		}
		for range challengers(c) {
			r.Cells = append(r.Cells, blank())
		}
		out = append(out, r)
	}
	return out
}
