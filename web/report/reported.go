package report

import (
	"fmt"
	"strings"

	"stylesprint/evaluate/compare"
	"stylesprint/web/show"
)

// reportedView is a table of figures from elsewhere.
type reportedView struct {
	Title, Source, Note, File string
	Statement                 string
	Table                     table
}

func newReported(c compare.Comparison) []reportedView {
	var out []reportedView
	for i, r := range c.Reported {
		v := reportedView{Title: r.Title, Source: r.Source, Note: r.Note, File: r.File, Statement: typeset([]string{r.Statement})[0]}
		if v.Title == "" {
			v.Title = "Figures of " + r.Source
		}
		v.Table = table{ID: fmt.Sprintf("reported-%d", i+1), Corner: "Metric", Caption: "As reported: no signature, interval or number of items is known"}
		for _, k := range r.Candidates {
			v.Table.Columns = append(v.Table.Columns, column{k.Name, "as reported"})
		}
		for _, k := range r.Candidates[min(1, len(r.Candidates)):] {
			v.Table.Columns = append(v.Table.Columns, column{k.Name + " − " + r.Candidates[0].Name, "difference"})
		}
		var rows []figureRow
		for _, m := range r.Metrics {
			rows = append(rows, reportedRow(r, m))
		}
		v.Table.Groups = []tableGroup{{Rows: rows}}
		out = append(out, v)
	}
	return out
}

func reportedRow(r compare.Reported, m compare.ReportedMetric) figureRow {
	row := figureRow{Name: m.Name, Note: better(compare.Metric{Direction: m.Direction})}
	for _, k := range r.Candidates {
		row.Cells = append(row.Cells, reportedCell(k, m.Name))
	}
	for _, k := range r.Candidates[min(1, len(r.Candidates)):] {
		x := cell{Figure: show.Figure{Value: "not reported", Missing: true}}
		for _, d := range r.Differences {
			if d.Candidate == k.Name && d.Metric == m.Name {
				x = cell{Figure: show.Figure{Value: typeset([]string{d.Text})[0]}}
			}
		}
		row.Cells = append(row.Cells, x)
	}
	return row
}

// reportedCell is a figure with its distance to the reference, where one is reported.
func reportedCell(k compare.ReportedCandidate, metric string) cell {
	for _, f := range k.Figures {
		if f.Metric != metric {
			continue
		}
		value, rest, _ := strings.Cut(strings.TrimPrefix(f.Text, f.Metric+" "), ", ") // with the digits that the source prints
		words := typeset([]string{value, rest})
		x := cell{Figure: show.Figure{Value: words[0], Interval: words[1]}}
		if f.Note != "" {
			x.More = []string{f.Note}
		}
		if f.Source != "" {
			x.Word = "source: " + f.Source
		}
		return x
	}
	return cell{Figure: show.Figure{Value: "not reported", Missing: true}}
}
