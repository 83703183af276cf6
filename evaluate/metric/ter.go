package metric

import (
	"context"
	"fmt"
)

// TEROptions are sacrebleu's settings. The zero value is its default, Tercom's.
type TEROptions struct {
	Normalized    bool // split punctuation off and read XML's character names
	NoPunctuation bool // leave out .,?:;!"()
	// AsianSupport makes Normalized set CJK characters apart, and NoPunctuation leave
	// out CJK and full-width punctuation.
	AsianSupport  bool
	CaseSensitive bool
}

// TER is the translation edit rate of Snover et al. 2006
// (https://aclanthology.org/2006.amta-papers.25), times 100, as sacrebleu 2.6.0
// computes it after Tercom: insertions, deletions, substitutions and shifts of
// blocks of words, by the mean length of the references. Lower is better and the
// score has no upper limit. Of several references the one of fewest edits counts.
type TER struct{ o TEROptions }

// NewTER makes the metric.
func NewTER(o TEROptions) (*TER, error) { return &TER{o}, nil }

// Options returns the options.
func (m *TER) Options() TEROptions { return m.o }

// Info describes the metric. Its statistics are edits and reference length.
func (m *TER) Info() Info { return describe("ter") }

// Signature is sacrebleu's.
func (m *TER) Signature(refs int) string {
	return fmt.Sprintf("nrefs:%s|case:%s|tok:tercom|norm:%s|punct:%s|asian:%s|version:%s", formatRefs(refs), choose(m.o.CaseSensitive, "mixed", "lc"),
		choose(m.o.Normalized, "yes", "no"), choose(m.o.NoPunctuation, "no", "yes"), choose(m.o.AsianSupport, "yes", "no"), sacrebleuVersion)
}

// TERFromSignature reads the settings back from a signature of TER's.
func TERFromSignature(signature string) (*TER, error) {
	p := signatureParts(signature)
	if p["version"] != sacrebleuVersion || p["tok"] != "tercom" {
		return nil, fmt.Errorf("read TER signature %q: want one of sacrebleu %s", signature, sacrebleuVersion)
	}
	return NewTER(TEROptions{Normalized: p["norm"] == "yes", NoPunctuation: p["punct"] == "no", AsianSupport: p["asian"] == "yes", CaseSensitive: p["case"] == "mixed"})
}

// Measure scores samples, in parallel.
func (m *TER) Measure(ctx context.Context, samples []Sample) ([]Measurement, error) {
	if err := needReferences("ter", samples); err != nil {
		return nil, err
	}
	out := make([]Measurement, len(samples))
	err := parallel(ctx, len(samples), func() *editSearch { return newEditSearch() }, func(e *editSearch, i int) {
		stats := m.measure(e, &samples[i])
		out[i] = Measurement{Score: m.Value(stats[:]), Stats: stats[:], Refs: len(samples[i].References)}
	})
	if err != nil {
		return nil, scoring("ter", err)
	}
	return out, nil
}

// measure returns the fewest edits and the mean length of the references.
func (m *TER) measure(e *editSearch, s *Sample) [2]float64 {
	hypothesis := m.o.prepare(s.text())
	best, length := 0, 0
	for i, ref := range s.References {
		e.read(hypothesis, m.o.prepare(m.o.prepare(ref))) // sacrebleu tokenizes references twice, which may split them further
		edits := e.edits()
		length += len(e.ref)
		if i == 0 || edits < best {
			best = edits
		}
	}
	return [2]float64{float64(best), float64(length) / float64(len(s.References))}
}

// Value is 100 times edits by length. Where all references are empty it is 100,
// or 0 where the texts are empty too.
func (m *TER) Value(sum []float64) float64 {
	switch {
	case len(sum) < 2:
		return 0
	case sum[1] > 0:
		return 100 * (sum[0] / sum[1])
	case sum[0] > 0:
		return 100
	}
	return 0
}
