package metric

import (
	"context"
	"fmt"
	"strconv"
	"strings"

	"stylesprint"
)

// CHRFOptions are sacrebleu's settings. The zero value is chrF2, its default.
type CHRFOptions struct {
	CharOrder int // longest character n-gram; zero: 6
	WordOrder int // longest word n-gram, 0 to 4; 2 is chrF++
	// Beta says how many times recall counts as much as precision. Zero: 2.
	Beta       int
	Lowercase  bool
	Whitespace bool // characters of white space count too
	// EpsSmoothing averages the orders' F scores, all of them, with 1e-16 for an
	// empty one, as chrF++.py, NLTK and Moses do. Without it precisions and recalls
	// are averaged, over the orders that both texts have.
	EpsSmoothing bool
}

// CHRF is the character n-gram F score of Popović 2015
// (https://aclanthology.org/W15-3049) and, with word n-grams, chrF++ (Popović
// 2017, https://aclanthology.org/W17-4770), on 0..100, as sacrebleu 2.6.0
// computes them. Its statistics are three counts an order: n-grams of the text,
// of the reference and of both. Of several references the one of best F counts.
type CHRF struct{ o CHRFOptions }

// The largest orders. They bound memory; no published score uses longer n-grams.
const (
	maxCharOrder = 16
	maxBeta      = 1000
)

// NewCHRF checks the options and completes them.
func NewCHRF(o CHRFOptions) (*CHRF, error) {
	if o.CharOrder == 0 {
		o.CharOrder = 6
	}
	if o.Beta == 0 {
		o.Beta = 2
	}
	for _, f := range []struct {
		field    string
		v, limit int
		least    int
	}{{"char_order", o.CharOrder, maxCharOrder, 1}, {"word_order", o.WordOrder, maxOrder, 0}, {"beta", o.Beta, maxBeta, 1}} {
		if f.v < f.least || f.v > f.limit {
			return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: f.field,
				Message: fmt.Sprintf("chrF %s %d: want %d to %d", strings.ReplaceAll(f.field, "_", " "), f.v, f.least, f.limit)}
		}
	}
	return &CHRF{o}, nil
}

// Options returns the completed options.
func (m *CHRF) Options() CHRFOptions { return m.o }

// Info describes the metric: chrf, or with word n-grams chrf+, chrf++ and so on.
func (m *CHRF) Info() Info {
	info := describe("chrf")
	info.Name += strings.Repeat("+", m.o.WordOrder)
	info.Title += strings.Repeat("+", m.o.WordOrder)
	info.Width = 3 * (m.o.CharOrder + m.o.WordOrder)
	return info
}

// Signature is sacrebleu's, which leaves beta out; another beta than 2 is named.
func (m *CHRF) Signature(refs int) string {
	beta := ""
	if m.o.Beta != 2 {
		beta = fmt.Sprintf("beta:%d|", m.o.Beta)
	}
	return fmt.Sprintf("nrefs:%s|case:%s|eff:%s|nc:%d|nw:%d|space:%s|%sversion:%s", formatRefs(refs), choose(m.o.Lowercase, "lc", "mixed"),
		choose(m.o.EpsSmoothing, "no", "yes"), m.o.CharOrder, m.o.WordOrder, choose(m.o.Whitespace, "yes", "no"), beta, sacrebleuVersion)
}

// CHRFFromSignature reads the settings back from a signature of chrF's.
func CHRFFromSignature(signature string) (*CHRF, error) {
	var o CHRFOptions
	parts := signatureParts(signature)
	number := func(key string) (n int, err error) {
		if parts[key] == "" {
			return 0, nil
		}
		return strconv.Atoi(parts[key])
	}
	o.Lowercase, o.EpsSmoothing, o.Whitespace = parts["case"] == "lc", parts["eff"] == "no", parts["space"] == "yes"
	for key, into := range map[string]*int{"nc": &o.CharOrder, "nw": &o.WordOrder, "beta": &o.Beta} {
		n, err := number(key)
		if err != nil {
			return nil, fmt.Errorf("read chrF signature %q: %w", signature, err)
		}
		*into = n
	}
	if parts["version"] != sacrebleuVersion || o.CharOrder == 0 || parts["nw"] == "" {
		return nil, fmt.Errorf("read chrF signature %q: want one of sacrebleu %s", signature, sacrebleuVersion)
	}
	return NewCHRF(o)
}

// signatureParts takes a signature apart: key to value.
func signatureParts(signature string) map[string]string {
	parts := map[string]string{}
	for part := range strings.SplitSeq(signature, "|") {
		key, value, _ := strings.Cut(part, ":")
		parts[key] = value
	}
	return parts
}

// Measure scores samples, in parallel.
func (m *CHRF) Measure(ctx context.Context, samples []Sample) ([]Measurement, error) {
	if err := needReferences(m.Info().Name, samples); err != nil {
		return nil, err
	}
	width := m.Info().Width
	out := make([]Measurement, len(samples))
	vectors := make([]float64, width*len(samples))
	err := parallel(ctx, len(samples), func() *chrfCounter { return newCHRFCounter(m) }, func(c *chrfCounter, i int) {
		v := vectors[i*width : (i+1)*width : (i+1)*width]
		score := c.measure(&samples[i], v)
		out[i] = Measurement{Score: score, Stats: v, Refs: len(samples[i].References)}
	})
	if err != nil {
		return nil, scoring(m.Info().Name, err)
	}
	return out, nil
}

// chrfEpsilon stands for an order that one of the texts does not have.
const chrfEpsilon = 1e-16

// Value is the corpus score.
func (m *CHRF) Value(sum []float64) float64 {
	factor := float64(m.o.Beta * m.o.Beta)
	var score, precision, recall float64
	effective := 0
	for i := 0; i+2 < len(sum); i += 3 {
		hyp, ref, both := sum[i], sum[i+1], sum[i+2]
		p, r := chrfEpsilon, chrfEpsilon
		if hyp > 0 {
			p = both / hyp
		}
		if ref > 0 {
			r = both / ref
		}
		if d := factor*p + r; d > 0 {
			score += (1 + factor) * p * r / d
		} else {
			score += chrfEpsilon
		}
		if hyp > 0 && ref > 0 {
			precision += p
			recall += r
			effective++
		}
	}
	if m.o.EpsSmoothing {
		return 100 * score / float64(m.o.CharOrder+m.o.WordOrder)
	}
	if effective == 0 {
		return 0
	}
	precision /= float64(effective)
	recall /= float64(effective)
	if precision+recall == 0 {
		return 0
	}
	return 100 * (1 + factor) * precision * recall / (factor*precision + recall)
}
