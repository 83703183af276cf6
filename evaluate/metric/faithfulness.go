package metric

import (
	"context"
	"fmt"
	"strings"

	"stylesprint/evaluate/faithfulness"
)

// Faithfulness holds texts against their products' records (package
// faithfulness). One type serves six metrics, by name:
//
//   - faithfulness-precision: statements that the record supports, of all
//   - faithfulness-recall: must-mention facts that the text mentions, of all
//   - faithfulness: F1 of the two
//   - contradictions: texts with at least one statement that the record contradicts
//   - unsupported-claims: texts with at least one that the record says nothing of
//   - hard-violations: texts that a hard gate forbids
//
// The first three are micro-averaged: statements and facts are summed over the
// texts. Where nothing is stated, nothing stated is wrong and precision is 1. A
// sample whose record has no facts, or is in a language without rules, is Absent.
type Faithfulness struct {
	info    Info
	checker *faithfulness.Checker
	must    []faithfulness.Field
}

// faithfulnessWidth is the length of the statistics of the first three:
// supported, stated, mentioned, facts.
const faithfulnessWidth = 4

func faithfulnessInfos() []Info {
	return []Info{
		{Name: "faithfulness", Title: "Faithfulness (F1)", Unit: "0-1", Direction: Higher, Width: faithfulnessWidth, NeedsFields: true, Margin: 0.02, Judged: true},
		{Name: "faithfulness-precision", Title: "Faithfulness: supported statements", Unit: "0-1", Direction: Higher, Width: faithfulnessWidth, NeedsFields: true, Margin: 0.02},
		{Name: "faithfulness-recall", Title: "Faithfulness: facts mentioned", Unit: "0-1", Direction: Higher, Width: faithfulnessWidth, NeedsFields: true, Margin: 0.02},
		{Name: "contradictions", Title: "Texts with a contradiction", Unit: "0-1", Direction: Lower, Width: 2, NeedsFields: true, Rate: true, Margin: 0.02},
		{Name: "unsupported-claims", Title: "Texts with an unsupported claim", Unit: "0-1", Direction: Lower, Width: 2, NeedsFields: true, Rate: true, Margin: 0.02},
		{Name: "hard-violations", Title: "Texts that break a hard rule", Unit: "0-1", Direction: Lower, Width: 2, NeedsFields: true, Rate: true, Margin: 0.01, Judged: true},
	}
}

// NewFaithfulness makes one of the metrics by its name; a nil checker stands for the embedded rules.
func NewFaithfulness(name string, checker *faithfulness.Checker) (*Faithfulness, error) {
	for _, info := range faithfulnessInfos() {
		if info.Name != name {
			continue
		}
		if checker == nil {
			rules, err := faithfulness.Embedded()
			if err != nil {
				return nil, err
			}
			checker = rules.Compile()
		}
		return &Faithfulness{info: info, checker: checker, must: checker.MustMention()}, nil
	}
	return nil, fmt.Errorf("no faithfulness metric is called %q", name)
}

// FaithfulnessFromSignature rebuilds a metric whose signature names the embedded
// rules; those of other rules cannot be had again from a signature.
func FaithfulnessFromSignature(name, signature string) (*Faithfulness, error) {
	m, err := NewFaithfulness(name, nil)
	if err != nil {
		return nil, err
	}
	if m.Signature(0) != signature {
		return nil, fmt.Errorf("the signature %q names other rules than the program's", signature)
	}
	return m, nil
}

// Info describes the metric.
func (m *Faithfulness) Info() Info { return m.info }

// Signature names the rules by their hash, their version and languages, and the
// facts that must be mentioned; references play no part.
func (m *Faithfulness) Signature(int) string {
	must := make([]string, len(m.must))
	for i, f := range m.must {
		must[i] = string(f)
	}
	s := fmt.Sprintf("%s|rules:sha256:%s|languages:%s|must:%s|version:%d", m.info.Name, m.checker.Hash(), strings.Join(m.checker.Languages(), "+"),
		strings.Join(must, "+"), faithfulness.RulesVersion)
	if m.info.Rate {
		return s + "|" + aggregateMean
	}
	return s + "|agg:micro"
}

// Measure checks samples one by one.
func (m *Faithfulness) Measure(ctx context.Context, samples []Sample) ([]Measurement, error) {
	out := make([]Measurement, len(samples))
	var found []faithfulness.Finding
	for i := range samples {
		if err := ctx.Err(); err != nil {
			return nil, fmt.Errorf("check texts: %w", err)
		}
		rec, absent := m.checker.Record(samples[i].Fields)
		if absent != "" {
			out[i].Absent = true
			continue
		}
		text := samples[i].Hypothesis
		if samples[i].Missing {
			text = ""
		}
		found = m.checker.Append(found[:0], rec, text)
		out[i] = m.measurement(faithfulness.Count(found, rec.Must()))
	}
	return out, nil
}

func (m *Faithfulness) measurement(c faithfulness.Counts) Measurement {
	hit := func(yes bool) Measurement {
		if yes {
			return meanOf(1)
		}
		return meanOf(0)
	}
	switch m.info.Name {
	case "contradictions":
		return hit(c.Contradicted > 0)
	case "unsupported-claims":
		return hit(c.Unsupported > 0)
	case "hard-violations":
		return hit(c.Hard > 0)
	}
	stats := []float64{float64(c.Supported), float64(c.Supported + c.Contradicted + c.Unsupported), float64(c.Mentioned), float64(c.Must)}
	return Measurement{Score: m.Value(stats), Stats: stats}
}

// Value is the metric of summed statistics.
func (m *Faithfulness) Value(sum []float64) float64 {
	if m.info.Rate {
		return mean{}.Value(sum)
	}
	share := func(k, n float64) float64 {
		if n == 0 {
			return 1
		}
		return k / n
	}
	precision, recall := share(sum[0], sum[1]), share(sum[2], sum[3])
	switch m.info.Name {
	case "faithfulness-precision":
		return precision
	case "faithfulness-recall":
		return recall
	}
	return faithfulness.Harmonic(precision, recall)
}
