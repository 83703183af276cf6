// Package faithfulness holds a product text against the product's record, without
// a judge model: what the text says of colour, material, fit, care, size, stock,
// brand and price, and what it claims beyond them ("organic", "waterproof").
//
// Key words: finding, record, rules, claim, omission.
//
// The rules are data (YAML, docs/formats/faithfulness-rules.md), compiled once into one
// matcher over words. The usual path is
//
//	rules, err := faithfulness.Embedded()
//	checker := rules.Compile()
//	record, absent := checker.Record(fields) // keys of catalogue.Product.Fields
//	findings := checker.Check(record, text)
//
// A finding names its span in bytes, its field and its kind: supported,
// contradiction, unsupported, or omission (a fact of the must-mention set that the text
// leaves out; it has no span). Rules see words, not meaning: how often they err is measured
// on labelled sentences (testdata, see Labelled).
//
// Faults of a rules file are dataset.Faults inside a *stylesprint.Error. Checkers and
// records are read-only once made and safe for concurrent use; checking allocates
// nothing beyond the findings.
package faithfulness

import "fmt"

// Kind says how a statement stands to the record.
type Kind string

// The kinds, gravest first in Kinds.
const (
	Contradiction Kind = "contradiction" // the record says otherwise
	Unsupported   Kind = "unsupported"   // the record says nothing of it
	Omission      Kind = "omission"      // a must-mention fact is missing; no span
	Supported     Kind = "supported"     // the record says so
)

// Kinds lists the kinds, gravest first.
func Kinds() []Kind { return []Kind{Contradiction, Unsupported, Omission, Supported} }

// Field is what a statement is about.
type Field string

// The fields. Claims are statements that go beyond the record's own fields.
const (
	Colour   Field = "colour"
	Material Field = "material"
	Fit      Field = "fit"
	Care     Field = "care"
	Size     Field = "size"
	Stock    Field = "stock"
	Brand    Field = "brand"
	Price    Field = "price"
	Category Field = "category"
	Claim    Field = "claim"
)

// Fields lists the fields.
func Fields() []Field {
	return []Field{Colour, Material, Fit, Care, Size, Stock, Brand, Price, Category, Claim}
}

// Finding is one statement of a text, judged.
type Finding struct {
	Kind  Kind  `json:"kind"`
	Field Field `json:"field"`
	// Start and End are the statement's span in bytes of the text; both 0 for an omission.
	Start int `json:"start"`
	End   int `json:"end"`
	// Text is the span's text, for an omission empty.
	Text string `json:"text,omitempty"`
	// Value is what the statement was understood as: the id of a concept of the
	// rules ("sage green"), a size, or empty where the text itself is the value.
	Value string `json:"value,omitempty"`
	// Record is what the record holds in that field, empty where it is silent.
	Record string `json:"record,omitempty"`
	// Hard marks what a hard gate forbids: contradictions of material, price and
	// care, and banned claims that the record does not support.
	Hard bool `json:"hard,omitempty"`
}

// Counts add up over texts.
type Counts struct {
	Supported    int `json:"supported"`    // distinct statements of each kind
	Contradicted int `json:"contradicted"` //
	Unsupported  int `json:"unsupported"`  //
	Must         int `json:"must"`         // must-mention facts of the records
	Mentioned    int `json:"mentioned"`    // those that the text mentions
	Hard         int `json:"hard"`         // findings that a hard gate forbids
}

// Count counts a text's findings. A statement that comes twice (same kind, field and
// value) counts once; must is the record's number of must-mention facts.
func Count(findings []Finding, must int) Counts {
	c := Counts{Must: must, Mentioned: must}
	for i := range findings {
		f := &findings[i]
		if f.Hard {
			c.Hard++
		}
		if f.Kind == Omission {
			c.Mentioned--
			continue
		}
		if repeats(findings[:i], f) {
			continue
		}
		switch f.Kind {
		case Supported:
			c.Supported++
		case Contradiction:
			c.Contradicted++
		case Unsupported:
			c.Unsupported++
		}
	}
	return c
}

func repeats(before []Finding, f *Finding) bool {
	for i := range before {
		b := &before[i]
		if b.Kind == f.Kind && b.Field == f.Field && (b.Text == f.Text || b.Value == f.Value && f.Value != "") {
			return true
		}
	}
	return false
}

// Add adds the counts of another text.
func (c Counts) Add(d Counts) Counts {
	return Counts{c.Supported + d.Supported, c.Contradicted + d.Contradicted, c.Unsupported + d.Unsupported,
		c.Must + d.Must, c.Mentioned + d.Mentioned, c.Hard + d.Hard}
}

// Precision is the share of statements that the record supports: supported /
// (supported + contradicted + unsupported). Texts that state nothing have none
// that is wrong: 1.
func (c Counts) Precision() float64 {
	return share(c.Supported, c.Supported+c.Contradicted+c.Unsupported)
}

// Recall is the share of must-mention facts that are mentioned; 1 where there are none.
func (c Counts) Recall() float64 { return share(c.Mentioned, c.Must) }

// F1 is the harmonic mean of precision and recall.
func (c Counts) F1() float64 { return Harmonic(c.Precision(), c.Recall()) }

// Harmonic is the harmonic mean of two shares, 0 where both are.
func Harmonic(a, b float64) float64 {
	if a+b == 0 {
		return 0
	}
	return 2 * a * b / (a + b)
}

func share(k, n int) float64 {
	if n == 0 {
		return 1
	}
	return float64(k) / float64(n)
}

// Segment is a run of a text: plain, or (part of) a statement.
type Segment struct {
	Text    string
	Finding *Finding // nil: plain text
}

// Segments cuts a text at its findings (as Check returns them, in order of
// span), for pages that underline what is supported and strike what is not. Where
// findings overlap, the inner one interrupts the outer. The segments' texts make
// up the whole text; omissions are not among them.
func Segments(text string, findings []Finding) []Segment {
	var out []Segment
	at := 0
	put := func(end int, f *Finding) {
		end = min(end, len(text))
		if end > at {
			out = append(out, Segment{text[at:end], f})
			at = end
		}
	}
	var open []*Finding
	closeUntil := func(limit int) {
		for len(open) > 0 && open[len(open)-1].End <= limit {
			top := open[len(open)-1]
			open = open[:len(open)-1]
			put(top.End, top)
		}
	}
	for i := range findings {
		f := &findings[i]
		if f.End <= f.Start {
			continue
		}
		closeUntil(f.Start)
		if len(open) > 0 {
			put(f.Start, open[len(open)-1])
		} else {
			put(f.Start, nil)
		}
		open = append(open, f)
	}
	closeUntil(len(text))
	put(len(text), nil)
	return out
}

// String describes a finding for people: `contradiction colour "navy" (record: sage green)`.
func (f Finding) String() string {
	switch {
	case f.Kind == Omission:
		return fmt.Sprintf("omission %s (record: %s)", f.Field, f.Record)
	case f.Record == "":
		return fmt.Sprintf("%s %s %q (record: nothing)", f.Kind, f.Field, f.Text)
	}
	return fmt.Sprintf("%s %s %q (record: %s)", f.Kind, f.Field, f.Text, f.Record)
}
