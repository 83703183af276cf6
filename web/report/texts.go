package report

import (
	"fmt"
	"strconv"
	"strings"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/compare"
	"stylesprint/web/diff"
	"stylesprint/web/plot"
	"stylesprint/web/show"
)

// row is one item of the side-by-side view.
type row struct {
	Anchor, Title, Note string
	Fields              []pair
	References          []pair
	Cells               []textCell
}

type textCell struct {
	Name, Note string
	Fault      string
	Spans      []diff.Span
	Figures    string
}

// minShared is the part of the words that two texts must share for marks to
// help rather than to cover everything.
const minShared = .3

func newRows(c compare.Comparison, rows []compare.Row) []row {
	var out []row
	for i, r := range rows {
		v := row{Anchor: "text-" + strconv.Itoa(i+1), Title: r.ItemID, Note: rowNote(r), Fields: fields(r.Fields)}
		for j, ref := range r.References {
			name := "Reference"
			if len(r.References) > 1 {
				name += " " + strconv.Itoa(j+1)
			}
			v.References = append(v.References, pair{Name: name, Value: ref})
		}
		v.Cells = cells(c, r)
		out = append(out, v)
	}
	return out
}

func rowNote(r compare.Row) string {
	var parts []string
	for _, p := range fields(r.Slices) {
		parts = append(parts, p.Value)
	}
	if r.Family != "" {
		parts = append(parts, "family "+r.Family)
	}
	if r.Repeat > 0 {
		parts = append(parts, fmt.Sprintf("repeat %d", r.Repeat+1))
	}
	return strings.Join(parts, " · ")
}

// cells compares each candidate's words with the baseline's. With one
// challenger the baseline's own words are marked too.
func cells(c compare.Comparison, r compare.Row) []textCell {
	base := baseline(c)
	var out []textCell
	for i, k := range c.Candidates {
		o := at(r.Cells, i)
		t := textCell{Name: k.Name, Fault: fault(o), Figures: textFigures(c, o)}
		if i == base {
			t.Note = "baseline"
		}
		t.Spans = []diff.Span{{Text: o.Text}}
		out = append(out, t)
	}
	if base >= len(out) || out[base].Fault != "" {
		return out
	}
	for i := range out {
		if i == base || out[i].Fault != "" {
			continue
		}
		d := diff.Words(at(r.Cells, base).Text, at(r.Cells, i).Text)
		switch {
		case d.Shared == 1:
			out[i].Note = "same words as " + out[base].Name
		case d.Shared < minShared:
			out[i].Note = "shares " + plot.Number(100*d.Shared, 0) + " % of its words with " + out[base].Name + ", not marked"
		default:
			out[i].Spans = d.B
			if len(out) == 2 {
				out[base].Spans = d.A
			}
		}
	}
	return out
}

func baseline(c compare.Comparison) int {
	for i, k := range c.Candidates {
		if k.Name == c.Baseline {
			return i
		}
	}
	return len(c.Candidates)
}

func fault(o evaluate.Output) string {
	switch {
	case o.ItemID == "":
		return "No output for this item."
	case o.Error != "":
		if o.Code != "" {
			return fmt.Sprintf("No text (%s): %s", o.Code, o.Error)
		}
		return "No text: " + o.Error
	case o.Finished.IsZero() && o.Text == "":
		return "The call has not ended."
	case strings.TrimSpace(o.Text) == "":
		return "The model answered with an empty text."
	}
	return ""
}

func textFigures(c compare.Comparison, o evaluate.Output) string {
	if o.ItemID == "" {
		return ""
	}
	var parts []string
	for _, m := range c.Metrics {
		if v, ok := o.Scores[m.Name]; ok {
			parts = append(parts, m.Title+" "+plot.Number(v, show.Decimals(m.Unit, v)))
		}
	}
	if o.Usage.CompletionTokens > 0 {
		parts = append(parts, show.Of(o.Usage.CompletionTokens, "token"))
	}
	switch {
	case o.Replayed:
		parts = append(parts, "replayed")
	case o.Latency > 0:
		parts = append(parts, show.Duration(o.Latency))
	}
	if o.FinishReason == stylesprint.FinishLength {
		parts = append(parts, "cut off at the token limit")
	}
	return strings.Join(parts, " · ")
}

func rowsNote(in Input) string {
	n, total := len(in.Rows), max(in.RowsTotal, len(in.Rows))
	if n == 0 {
		return "No texts are shown."
	}
	s := "Words that differ from the baseline are underlined and heavier."
	if n < total {
		s = fmt.Sprintf("%s of %s are shown. ", show.Count(n), show.Of(total, "text")) + s
	}
	return s
}
