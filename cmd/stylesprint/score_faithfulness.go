package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/catalogue"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/faithfulness"
)

// faithfulnessFlags are those of `score faithfulness`.
type faithfulnessFlags struct {
	texts, records, rules, labelled string
	catalogue                       int
}

func (a *app) scoreFaithfulnessCommand() *cobra.Command {
	var f faithfulnessFlags
	cmd := &cobra.Command{
		Use:   "faithfulness --texts FILE --records FILE",
		Short: "Texts against product records: contradictions, unsupported claims, omissions",
		Long: `What texts say of colour, material, fit, care, size, stock, brand and price, against the products' records, by rules and
without a judge model. Texts stand one a line, in the order of the records, or as JSONL with "id" and "text". Records are a
catalogue (JSONL), a dataset, "demo" or "demo-zh". The findings of each text come first, then precision, recall, F1 and the rates of texts
with a contradiction, an unsupported claim or a broken hard rule, each with its exact bound.

--labelled measures the rules themselves on sentences that a reader has labelled.`,
		Example: "  stylesprint score faithfulness --texts out.txt --records products.jsonl --json\n  stylesprint score faithfulness --texts out.jsonl --records demo --rules own.yaml --catalogue 120000",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if (f.texts == "") == (f.labelled == "") {
				return usagef("give either --texts or --labelled")
			}
			if f.catalogue < 1 {
				return usagef("--catalogue: want a number of products, at least 1")
			}
			return a.scoreFaithfulness(cmd.Context(), f)
		},
	}
	fl := cmd.Flags()
	fl.StringVar(&f.texts, "texts", "", "file of texts: one a line, or .jsonl with id and text; - is standard input")
	fl.StringVar(&f.records, "records", "", `the products: a catalogue or dataset file, "demo" or "demo-zh"`)
	fl.StringVar(&f.rules, "rules", "", "file of rules that add to or override the program's (docs/formats/faithfulness-rules.md)")
	fl.StringVar(&f.labelled, "labelled", "", "file of labelled sentences, to measure the rules on")
	fl.IntVar(&f.catalogue, "catalogue", 50_000, "number of products that the bounds are told for")
	_ = cmd.MarkFlagRequired("records")
	return cmd
}

// checkerOf compiles the rules: the program's own, with a file on top where one is named.
func checkerOf(rules string) (*faithfulness.Checker, error) {
	r, err := faithfulness.Embedded()
	if rules != "" {
		r, err = faithfulness.Open(rules)
	}
	if err != nil {
		return nil, err
	}
	return r.Compile(), nil
}

func (a *app) scoreFaithfulness(ctx context.Context, f faithfulnessFlags) error {
	checker, err := checkerOf(f.rules)
	if err != nil {
		return err
	}
	records, err := recordsOf(f.records)
	if err != nil {
		return err
	}
	if f.labelled != "" {
		return a.measureRules(checker, records, f.labelled)
	}
	texts, err := a.readTexts(f.texts, records)
	if err != nil {
		return err
	}
	out := bufio.NewWriter(a.stdout)
	var tally faithfulness.Tally
	for _, t := range texts {
		if err = ctx.Err(); err == nil {
			err = a.checkText(out, checker, &tally, t)
		}
		if err != nil {
			break
		}
	}
	if err == nil {
		err = a.printFaithfulness(out, tally.Summary(checker, f.catalogue))
	}
	return errors.Join(err, out.Flush())
}

// checked is what is printed of one text.
type checked struct {
	ID       string                 `json:"id"`
	Findings []faithfulness.Finding `json:"findings"`
	Counts   *faithfulness.Counts   `json:"counts,omitempty"`
	Absent   string                 `json:"absent,omitempty"` // why it was not checked
}

func (a *app) checkText(w io.Writer, c *faithfulness.Checker, tally *faithfulness.Tally, t recordedText) error {
	line := checked{ID: t.ID, Findings: []faithfulness.Finding{}}
	rec, absent := c.Record(t.fields)
	if absent != "" {
		tally.Miss(absent)
		line.Absent = absent
	} else {
		line.Findings = append(line.Findings, c.Check(rec, t.Text)...)
		counts := faithfulness.Count(line.Findings, rec.Must())
		tally.Add(counts)
		line.Counts = &counts
	}
	if a.json {
		return printJSONTo(w, line)
	}
	if absent != "" {
		fmt.Fprintf(w, "%s: not checked: %s\n", t.ID, absent)
	}
	for _, f := range line.Findings {
		mark := ""
		if f.Hard {
			mark = "  [hard rule]"
		}
		fmt.Fprintf(w, "%s: %s%s\n", t.ID, f, mark)
	}
	return nil
}

func (a *app) printFaithfulness(w io.Writer, s faithfulness.Summary) error {
	if a.json {
		return printJSONTo(w, map[string]faithfulness.Summary{"summary": s})
	}
	for _, reason := range slices.Sorted(maps.Keys(s.Absent)) {
		fmt.Fprintf(w, "not checked: %d texts: %s\n", s.Absent[reason], reason)
	}
	fmt.Fprintf(w, "%d texts checked: precision %.4f (%d supported, %d contradicted, %d unsupported), recall %.4f (%d of %d facts), F1 %.4f\n", s.Checked,
		s.Precision, s.Counts.Supported, s.Counts.Contradicted, s.Counts.Unsupported, s.Recall, s.Counts.Mentioned, s.Counts.Must, s.F1)
	fmt.Fprintf(w, "texts with a contradiction: %s\n", s.Contradictions.Sentence)
	fmt.Fprintf(w, "texts with an unsupported claim: %s\n", s.Unsupported.Sentence)
	fmt.Fprintf(w, "texts that break a hard rule: %s\n", s.HardViolations.Sentence)
	_, err := fmt.Fprintf(w, "bounds at 95 %%, texts taken as independent; rules %s\n", s.Rules)
	return err
}

// measureRules prints how the rules do on labelled sentences, a split each.
func (a *app) measureRules(c *faithfulness.Checker, records recordSet, name string) error {
	f, err := os.Open(name)
	if err != nil {
		return noFile("labelled sentences", err)
	}
	defer f.Close()
	sentences, err := faithfulness.ReadLabelled(f, name)
	if err != nil {
		return err
	}
	for _, split := range []string{faithfulness.Development, faithfulness.HeldOut} {
		m, err := c.Measure(sentences, split, records.fields)
		if err != nil {
			return err
		}
		if m.Sentences == 0 {
			continue
		}
		if a.json {
			if err := a.printJSON(m); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(a.stdout, "%s: %d sentences, %d labels\n", split, m.Sentences, m.Labels)
		var rows [][]string
		row := func(kind, field string, g faithfulness.Agreement) {
			rows = append(rows, []string{kind, field, fmt.Sprintf("%.3f", g.Precision), fmt.Sprintf("%.3f", g.Recall), fmt.Sprintf("%.3f", g.F1),
				fmt.Sprintf("%.3f", g.MCC), fmt.Sprint(g.TP), fmt.Sprint(g.FP), fmt.Sprint(g.FN)})
		}
		row("all", "all", m.Overall)
		for _, g := range m.Kinds {
			row(string(g.Kind), "all", g)
		}
		for _, g := range m.Both {
			row(string(g.Kind), string(g.Field), g)
		}
		table(a.stdout, []string{"kind", "field", ">precision", ">recall", ">F1", ">MCC", ">TP", ">FP", ">FN"}, rows)
	}
	return nil
}

// recordSet is the products of a file, in order and by id.
type recordSet struct {
	name   string
	ids    []string
	fields map[string]map[string]string
}

func noFile(what string, err error) error {
	return &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: "a file of " + what + " cannot be read", Hint: "check the path", Err: err}
}

// recordsOf reads a catalogue (its lines have an SKU), a dataset, or the demo.
func recordsOf(name string) (recordSet, error) {
	out := recordSet{name: name, fields: map[string]map[string]string{}}
	add := func(id string, fields map[string]string) {
		out.ids = append(out.ids, id)
		out.fields[id] = fields
	}
	if !isDemo(name) && strings.EqualFold(filepath.Ext(name), ".jsonl") {
		b, err := os.ReadFile(name)
		if err != nil {
			return out, noFile("records", err)
		}
		if isCatalogue(b) {
			products, err := catalogue.Import(bytes.NewReader(b))
			if err != nil {
				return out, err
			}
			for _, p := range products {
				add(p.SKU, factsOf(p))
			}
			return out, nil
		}
	}
	d, err := loadDataset(name, "", 0)
	for _, item := range d.Items {
		add(item.ID, itemFacts(item))
	}
	return out, err
}

// isCatalogue says that the first line has an SKU at its top.
func isCatalogue(b []byte) bool {
	line, _, _ := bytes.Cut(bytes.TrimSpace(b), []byte("\n"))
	var keys map[string]json.RawMessage
	return json.Unmarshal(bytes.TrimPrefix(line, []byte("\ufeff")), &keys) == nil && keys["sku"] != nil
}

// factsOf are a product's facts with its language.
func factsOf(p catalogue.Product) map[string]string {
	fields := p.Fields()
	if p.Language != "" {
		fields["language"] = p.Language
	}
	return fields
}

// itemFacts are an item's facts, with the language that a slice of it names.
func itemFacts(item dataset.Item) map[string]string {
	if item.Fields["language"] != "" || item.Slices["language"] == "" {
		return item.Fields
	}
	fields := map[string]string{"language": item.Slices["language"]}
	for k, v := range item.Fields {
		fields[k] = v
	}
	return fields
}

// recordedText is a text with the facts of its product.
type recordedText struct {
	ID     string
	Text   string
	fields map[string]string
}

func (a *app) readTexts(name string, records recordSet) ([]recordedText, error) {
	r := io.Reader(a.stdin)
	if name != "-" {
		f, err := os.Open(name)
		if err != nil {
			return nil, noFile("texts", err)
		}
		defer f.Close()
		r = f
	}
	if strings.EqualFold(filepath.Ext(name), ".jsonl") {
		return textsByID(r, name, records)
	}
	var out []recordedText
	n := 0
	for line, err := range dataset.Lines(r, name, 0) {
		if err != nil {
			return nil, err
		}
		if n < len(records.ids) {
			id := records.ids[n]
			out = append(out, recordedText{id, line, records.fields[id]})
		}
		n++
	}
	if n != len(records.ids) {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf("%s has %d lines and %s has %d records", name, n, records.name, len(records.ids)),
			Hint: "give one text a line in the order of the records, or a .jsonl file with id and text"}
	}
	return out, nil
}

// textsByID reads {"id": ..., "text": ...}, or recorded outputs with "item_id".
func textsByID(r io.Reader, name string, records recordSet) ([]recordedText, error) {
	var out []recordedText
	var faults dataset.Faults
	n := 0
	for line, err := range dataset.Lines(r, name, 0) {
		n++
		if err != nil {
			return nil, err
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		var t struct {
			ID     string  `json:"id"`
			ItemID string  `json:"item_id"`
			Text   *string `json:"text"`
		}
		if err := json.Unmarshal([]byte(line), &t); err != nil {
			faults = append(faults, dataset.Fault{File: name, Line: n, Message: "is no JSON object with id and text: " + err.Error()})
			continue
		}
		if t.ItemID != "" {
			t.ID = t.ItemID
		}
		fields, ok := records.fields[t.ID]
		switch {
		case t.Text == nil:
			faults = append(faults, dataset.Fault{File: name, Line: n, Field: "text", Message: "is missing"})
		case !ok:
			faults = append(faults, dataset.Fault{File: name, Line: n, Field: "id", Message: fmt.Sprintf("%q is no record of %s", t.ID, records.name)})
		default:
			out = append(out, recordedText{t.ID, *t.Text, fields})
		}
	}
	if len(faults) > 0 {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: name + " cannot be read as texts", Hint: "give one object a line with id and text", Err: faults[:min(len(faults), 20)]}
	}
	if len(out) == 0 {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: name + " holds no text", Hint: "give one object a line with id and text"}
	}
	return out, nil
}
