package report

import (
	"fmt"
	"strings"

	"stylesprint/evaluate/compare"
	"stylesprint/web/plot"
	"stylesprint/web/show"
)

// details are tables for those who look closer, behind summaries.
func details(c compare.Comparison) []table {
	var out []table
	for _, t := range []table{spreads(c), sacrebleu(c)} {
		if len(t.Groups) > 0 {
			out = append(out, t)
		}
	}
	return out
}

// spreads shows how the scores of single outputs lie.
func spreads(c compare.Comparison) table {
	t := table{ID: "spreads", Corner: "Metric", Caption: "How single outputs spread: 5th percentile, median and 95th percentile, with the mean"}
	for _, k := range c.Candidates {
		t.Columns = append(t.Columns, column{Name: k.Name})
	}
	for _, g := range grouped(c) {
		out := tableGroup{Name: g.Title}
		for _, i := range g.Metrics {
			m := c.Metrics[i]
			if show.IsRate(m.Name) { // 0 or 1: the rate tells all
				continue
			}
			scale := scaleOf(m)
			r := figureRow{Name: m.Title, Note: scale.Unit}
			for _, k := range c.Candidates {
				s := at(k.Spreads, i)
				if s.N == 0 {
					r.Cells = append(r.Cells, cell{Figure: show.Figure{Value: "no values", Missing: true}})
					continue
				}
				r.Cells = append(r.Cells, cell{Figure: show.Figure{
					Value:    scale.Number(s.P5) + " · " + scale.Number(s.Median) + " · " + scale.Number(s.P95),
					Interval: "mean " + scale.Number(s.Mean) + " · n " + show.Count(s.N),
				}})
			}
			out.Rows = append(out.Rows, r)
		}
		t.Groups = append(t.Groups, out)
	}
	return t
}

// sacrebleu shows the paired tests as sacrebleu prints them, of the metrics that
// it has; the comparison's JSON holds those of all.
func sacrebleu(c compare.Comparison) table {
	t := table{ID: "sacrebleu", Corner: "Metric", Caption: "Paired tests as sacrebleu defines them: score (mean ± half the 95 % interval) over single items; for setting beside figures that sacrebleu made, not for deciding"}
	var rows []figureRow
	for i, m := range c.Metrics {
		if name, _, _ := strings.Cut(m.Name, "-"); name != "bleu" && name != "chrf" && name != "chrf++" && name != "ter" || strings.HasSuffix(m.Name, "-mean") {
			continue
		}
		r := figureRow{Name: m.Title}
		for _, k := range c.Candidates {
			if i >= len(k.Sacrebleu) {
				continue
			}
			s := k.Sacrebleu[i]
			scale := scaleOf(m)
			x := cell{Figure: show.Figure{Value: scale.Number(s.Score), Interval: fmt.Sprintf("(%s ± %s)", scale.Number(s.Mean), scale.Number(s.Half))}}
			if k.Name != c.Baseline {
				x.Word = "bootstrap p " + plot.Number(s.PBootstrap, 4)
				x.More = []string{"randomisation p " + plot.Number(s.PRandomization, 4)}
			}
			r.Cells = append(r.Cells, x)
		}
		if len(r.Cells) == len(c.Candidates) && len(r.Cells) > 0 {
			rows = append(rows, r)
		}
	}
	if len(rows) > 0 {
		for _, k := range c.Candidates {
			t.Columns = append(t.Columns, column{k.Name, role(c, k)})
		}
		t.Groups = []tableGroup{{Rows: rows}}
	}
	return t
}
