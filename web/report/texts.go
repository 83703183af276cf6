package report

import (
	"fmt"
	"html/template"
	"strconv"
	"strings"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/compare"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/faithfulness"
	"stylesprint/web/diff"
	"stylesprint/web/mark"
	"stylesprint/web/plot"
	"stylesprint/web/show"
)

// row is one item of the side-by-side view.
type row struct {
	Anchor, Title, Note string
	Picture             template.URL
	Fields              []pair
	References          []pair
	Cells               []textCell
}

type textCell struct {
	Name, Note string
	Fault      string
	Text       template.HTML // marked
	Count      string        // of statements that the record does not support
	Omissions  string        // must-mention facts that the text leaves out
	Figures    string
}

// minShared is the part of the words that two texts must share for marks to
// help rather than to cover everything.
const minShared = .4

func newRows(in Input) []row {
	var out []row
	for i, r := range in.Rows {
		v := row{Anchor: "text-" + strconv.Itoa(i+1), Title: r.ItemID, Note: rowNote(r), Fields: fields(r.Fields)}
		for j, ref := range r.References {
			name := "Reference"
			if len(r.References) > 1 {
				name += " " + strconv.Itoa(j+1)
			}
			v.References = append(v.References, pair{Name: name, Value: ref})
		}
		if in.Picture != nil {
			v.Picture = in.Picture(r)
		}
		v.Cells = cells(in, r)
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

// cells marks what each text says of the record, and compares each candidate's
// words with the baseline's. With one challenger the baseline's own words are
// marked too.
func cells(in Input, r compare.Row) []textCell {
	c := in.Comparison
	base := baseline(c)
	var out []textCell
	for i, k := range c.Candidates {
		o := at(r.Cells, i)
		t := textCell{Name: k.Name, Fault: fault(o), Figures: textFigures(c, o)}
		if i == base {
			t.Note = "baseline"
		}
		out = append(out, t)
	}
	words := make([][]diff.Span, len(out))
	if base < len(out) && out[base].Fault == "" {
		for i := range out {
			if i != base && out[i].Fault == "" {
				differences := compareWords(&out[i], out[base].Name, at(r.Cells, base).Text, at(r.Cells, i).Text)
				words[i] = differences.B
				if len(out) == 2 {
					words[base] = differences.A
				}
			}
		}
	}
	record := Record(in.Faithfulness, r)
	for i := range out {
		if out[i].Fault != "" {
			continue
		}
		text := at(r.Cells, i).Text
		var found []faithfulness.Finding
		if record != nil {
			found = in.Faithfulness.Check(record, text)
			out[i].Count, out[i].Omissions = mark.Count(found), mark.Omissions(found)
		}
		out[i].Text = mark.HTML(mark.Join(text, found, words[i]))
	}
	return out
}

// Record reads the facts of a row's item for a checker; nil where there is no
// checker or the item cannot be checked.
func Record(checker *faithfulness.Checker, r compare.Row) *faithfulness.Record {
	if checker == nil {
		return nil
	}
	item := dataset.Item{ID: r.ItemID, Fields: r.Fields, Slices: r.Slices}
	record, _ := checker.Record(evaluate.SampleOf(&item, &evaluate.Output{}).Fields)
	return record
}

// compareWords marks the words that differ, or says why none are marked.
func compareWords(t *textCell, baseline, a, b string) diff.Result {
	d := diff.Words(a, b)
	switch {
	case d.Shared == 1:
		t.Note = "same words as " + baseline
	case d.Shared < minShared:
		t.Note = "shares " + plot.Number(100*d.Shared, 0) + " % of its words with " + baseline + ", not marked"
	default:
		return d
	}
	return diff.Result{}
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
	for _, g := range grouped(c) { // one of each group: the marks and the tables tell the rest
		for _, i := range g.Metrics {
			m := c.Metrics[i]
			if v, ok := o.Scores[m.Name]; ok && !show.IsRate(m.Name) {
				parts = append(parts, m.Title+" "+plot.Number(v, show.Decimals(m.Unit, v)))
				break
			}
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
	switch {
	case n == 0 && in.Filter != "":
		return "There are no texts " + in.Filter + "."
	case n == 0:
		return "No texts are shown."
	}
	s := ""
	switch {
	case in.Filter != "":
		s = "Only texts " + in.Filter + ". "
	case n < total:
		s = fmt.Sprintf("%s of %s are shown. ", show.Count(n), show.Of(total, "text"))
	}
	s += "Words that differ from the baseline are underlined and heavier."
	if in.Faithfulness != nil {
		s += " What the record supports has a dotted line beneath it, and names the field on focus; what it does not is struck, with the record's value beside it."
	}
	return s
}
