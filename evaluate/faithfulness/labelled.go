package faithfulness

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"
	"strings"

	"stylesprint"
	"stylesprint/evaluate/dataset"
)

// The splits of labelled sentences: rules are written on the first and judged on the second.
const (
	Development = "development"
	HeldOut     = "held-out"
)

// Labelled is a sentence with what a careful reader finds in it.
type Labelled struct {
	ID    string `json:"id"`
	Split string `json:"split"` // Development or HeldOut
	// Record is the id of the product among the records; Fields stands for it where it is given.
	Record string            `json:"record,omitempty"`
	Fields map[string]string `json:"fields,omitempty"`
	Text   string            `json:"text"`
	Labels []Label           `json:"labels"`
	// Whole says that the text is a whole description, whose omissions are labelled too.
	Whole bool `json:"whole,omitempty"`
}

// Label is one statement of a sentence, as a reader judges it.
type Label struct {
	Kind  Kind   `json:"kind"`
	Field Field  `json:"field"`
	Start int    `json:"start,omitempty"` // in bytes
	Text  string `json:"text,omitempty"`  // of the span; an omission has none
}

// ReadLabelled reads one sentence a line. Faults are dataset.Faults inside a
// *stylesprint.Error.
func ReadLabelled(r io.Reader, name string) ([]Labelled, error) {
	var out []Labelled
	var faults dataset.Faults
	line := 0
	for text, err := range dataset.Lines(r, name, 0) {
		line++
		if err != nil {
			return nil, err
		}
		if strings.TrimSpace(text) == "" {
			continue
		}
		var l Labelled
		dec := json.NewDecoder(bytes.NewReader([]byte(text)))
		dec.DisallowUnknownFields()
		err := dec.Decode(&l)
		if err == nil {
			if _, more := dec.Token(); !errors.Is(more, io.EOF) {
				err = errors.New("text follows the object")
			} else {
				err = l.check()
			}
		}
		if err != nil {
			faults = append(faults, dataset.Fault{File: name, Line: line, Message: strings.TrimPrefix(err.Error(), "json: ")})
			continue
		}
		out = append(out, l)
	}
	if len(faults) == 0 && len(out) == 0 {
		faults = dataset.Faults{{File: name, Message: "holds no labelled sentence"}}
	}
	if len(faults) > 0 {
		faults = faults[:min(len(faults), maxFaults)]
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: name + " cannot be read as labelled sentences",
			Hint: "see docs/formats/faithfulness-rules.md for the format", Err: faults}
	}
	return out, nil
}

func (l *Labelled) check() error {
	if l.Split != Development && l.Split != HeldOut {
		return fmt.Errorf("split is %q; want %s or %s", shorten(l.Split), Development, HeldOut)
	}
	if l.Record == "" && len(l.Fields) == 0 {
		return errors.New("has neither record nor fields")
	}
	for i, x := range l.Labels {
		switch {
		case !slices.Contains(Kinds(), x.Kind):
			return fmt.Errorf("labels[%d].kind is %q", i, shorten(string(x.Kind)))
		case !slices.Contains(Fields(), x.Field):
			return fmt.Errorf("labels[%d].field is %q", i, shorten(string(x.Field)))
		case x.Kind == Omission && !l.Whole:
			return fmt.Errorf("labels[%d] is an omission of a sentence that is not whole", i)
		case x.Kind != Omission && (x.Text == "" || x.Start < 0 || x.Start > len(l.Text) || !strings.HasPrefix(l.Text[x.Start:], x.Text)):
			return fmt.Errorf("labels[%d]: %q does not stand at byte %d", i, shorten(x.Text), x.Start)
		}
	}
	return nil
}

// Agreement counts how the rules agree with readers, for one kind and field, or for several together.
type Agreement struct {
	Kind  Kind  `json:"kind,omitempty"`  // empty: all
	Field Field `json:"field,omitempty"` // empty: all
	// TP, FP and FN count statements: a finding and a label are the same when kind
	// and field are equal and their spans overlap.
	TP int `json:"tp"`
	FP int `json:"fp"`
	FN int `json:"fn"`
	// Cells count sentences by whether rules and reader find such a statement in
	// them at all: for Matthews' coefficient, which needs true negatives.
	Cells [2][2]int `json:"cells"` // [reader][rules]

	Precision float64 `json:"precision"` // 0 where nothing was found
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
	MCC       float64 `json:"mcc"` // 0 where a margin is empty
}

// Disagreement is a statement that only the rules or only the reader finds.
type Disagreement struct {
	ID      string   `json:"id"`
	Text    string   `json:"text"`
	Finding *Finding `json:"finding,omitempty"` // of the rules alone
	Label   *Label   `json:"label,omitempty"`   // of the reader alone
}

// Measured is how well rules do on labelled sentences.
type Measured struct {
	Split     string         `json:"split"`
	Sentences int            `json:"sentences"`
	Labels    int            `json:"labels"`
	Overall   Agreement      `json:"overall"`
	Kinds     []Agreement    `json:"kinds"`
	Fields    []Agreement    `json:"fields"`
	Both      []Agreement    `json:"kinds_and_fields"`
	Wrong     []Disagreement `json:"disagreements"`
}

// Measure checks the sentences of one split; records are found by id.
func (c *Checker) Measure(sentences []Labelled, split string, records map[string]map[string]string) (Measured, error) {
	out := Measured{Split: split, Fields: []Agreement{}, Both: []Agreement{}, Wrong: []Disagreement{}}
	var both, kinds, fields [16][16]Agreement
	all := &Agreement{}
	for i := range sentences {
		l := &sentences[i]
		if l.Split != split {
			continue
		}
		found, err := c.findingsOf(l, records)
		if err != nil {
			return Measured{}, err
		}
		out.Sentences++
		out.Labels += len(l.Labels)
		wrong := unpaired(l, found)
		out.Wrong = append(out.Wrong, wrong...)
		for k, kind := range Kinds() {
			for f, field := range Fields() {
				both[k][f].count(l, found, wrong, kind, field)
			}
			kinds[k][0].count(l, found, wrong, kind, "")
		}
		for f, field := range Fields() {
			fields[f][0].count(l, found, wrong, "", field)
		}
		all.count(l, found, wrong, "", "")
	}
	out.Overall = all.finish("", "")
	for k, kind := range Kinds() {
		out.Kinds = append(out.Kinds, kinds[k][0].finish(kind, ""))
		for f, field := range Fields() {
			if a := both[k][f]; a.TP+a.FP+a.FN > 0 {
				out.Both = append(out.Both, a.finish(kind, field))
			}
		}
	}
	for f, field := range Fields() {
		if a := fields[f][0]; a.TP+a.FP+a.FN > 0 {
			out.Fields = append(out.Fields, a.finish("", field))
		}
	}
	return out, nil
}

// findingsOf checks a sentence; omissions count for whole descriptions only.
func (c *Checker) findingsOf(l *Labelled, records map[string]map[string]string) ([]Finding, error) {
	fields := l.Fields
	if len(fields) == 0 {
		fields = records[l.Record]
	}
	rec, absent := c.Record(fields)
	if absent != "" {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf("labelled sentence %s cannot be checked: record %q: %s", l.ID, l.Record, absent),
			Hint: "give the records that the labels belong to with --records"}
	}
	found := c.Check(rec, l.Text)
	if l.Whole {
		return found, nil
	}
	return slices.DeleteFunc(found, func(f Finding) bool { return f.Kind == Omission }), nil
}

func same(f *Finding, x *Label) bool {
	if f.Kind != x.Kind || f.Field != x.Field {
		return false
	}
	return f.Kind == Omission || f.Start < x.Start+len(x.Text) && x.Start < f.End
}

// unpaired pairs findings with labels, each once, and returns what is left over on both sides.
func unpaired(l *Labelled, found []Finding) []Disagreement {
	var out []Disagreement
	used := make([]bool, len(l.Labels))
	for i := range found {
		f := &found[i]
		at := -1
		for j := range l.Labels {
			if !used[j] && same(f, &l.Labels[j]) {
				at = j
				break
			}
		}
		if at >= 0 {
			used[at] = true
			continue
		}
		out = append(out, Disagreement{ID: l.ID, Text: l.Text, Finding: f})
	}
	for j := range l.Labels {
		if !used[j] {
			out = append(out, Disagreement{ID: l.ID, Text: l.Text, Label: &l.Labels[j]})
		}
	}
	return out
}

// count adds a sentence; empty kind and field stand for all.
func (a *Agreement) count(l *Labelled, found []Finding, wrong []Disagreement, kind Kind, field Field) {
	of := func(k Kind, f Field) bool { return (kind == "" || k == kind) && (field == "" || f == field) }
	reader, rules, fp, fn := 0, 0, 0, 0
	for _, x := range l.Labels {
		if of(x.Kind, x.Field) {
			reader++
		}
	}
	for _, f := range found {
		if of(f.Kind, f.Field) {
			rules++
		}
	}
	for _, w := range wrong {
		if w.Finding != nil && of(w.Finding.Kind, w.Finding.Field) {
			fp++
		}
		if w.Label != nil && of(w.Label.Kind, w.Label.Field) {
			fn++
		}
	}
	a.TP += rules - fp
	a.FP += fp
	a.FN += fn
	a.Cells[min(1, reader)][min(1, rules)]++
}

func (a Agreement) finish(kind Kind, field Field) Agreement {
	a.Kind, a.Field = kind, field
	if a.TP+a.FP > 0 {
		a.Precision = float64(a.TP) / float64(a.TP+a.FP)
	}
	if a.TP+a.FN > 0 {
		a.Recall = float64(a.TP) / float64(a.TP+a.FN)
	}
	a.F1 = Harmonic(a.Precision, a.Recall)
	tn, fp, fn, tp := float64(a.Cells[0][0]), float64(a.Cells[0][1]), float64(a.Cells[1][0]), float64(a.Cells[1][1])
	if d := (tp + fp) * (tp + fn) * (tn + fp) * (tn + fn); d > 0 {
		a.MCC = (tp*tn - fp*fn) / math.Sqrt(d)
	}
	return a
}
