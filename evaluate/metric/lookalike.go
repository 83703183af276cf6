package metric

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"stylesprint"
)

// Two more scores are called BLEU in articles and differ from sacrebleu's on the
// same texts. They serve to reproduce a published figure and to see which of
// them it may be; PresetNames lists them beside sacrebleu's.

// nltkVersion is the release whose numbers NLTKBLEU's are.
const nltkVersion = "nltk-3.10.4"

// nltkMethods is how many of NLTK's smoothing methods are known: 0 to 3.
const nltkMethods = 4

// NLTKBLEU is the mean of NLTK's sentence_bleu with uniform weights over the
// samples, on 0..1. NLTK takes tokens, so that the tokenizer is the caller's
// choice; this one, as most callers', splits at white space, and the signature
// says so. The methods are those of Chen and Cherry 2014
// (https://aclanthology.org/W14-3346): 0 takes the smallest normal number for a
// precision of 0, so that the score is near 0 and not 0; 1 counts 0.1 matches;
// 2 adds one to matches and totals beyond the first order; 3 halves the precision
// at each further order without a match. Without any match of words it is 0.
type NLTKBLEU struct {
	mean
	method int
}

// NewNLTKBLEU makes the metric for a smoothing method, 0 to 3.
func NewNLTKBLEU(method int) (*NLTKBLEU, error) {
	if method < 0 || method >= nltkMethods {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "method",
			Message: fmt.Sprintf("NLTK smoothing method %d: want 0 to %d", method, nltkMethods-1)}
	}
	return &NLTKBLEU{mean: mean{describe(fmt.Sprintf("bleu-nltk-method%d", method))}, method: method}, nil
}

// Signature names the method, the tokenizer and the release.
func (m *NLTKBLEU) Signature(refs int) string {
	return fmt.Sprintf("nltk-sentence-mean|nrefs:%s|case:mixed|tok:space|smooth:method%d|scale:0-1|version:%s|%s", formatRefs(refs), m.method, nltkVersion, aggregateMean)
}

// Measure scores samples, in parallel.
func (m *NLTKBLEU) Measure(ctx context.Context, samples []Sample) ([]Measurement, error) {
	if err := needReferences(m.info.Name, samples); err != nil {
		return nil, err
	}
	out := make([]Measurement, len(samples))
	err := parallel(ctx, len(samples), newCounter, func(c *counter, i int) {
		s := &samples[i]
		out[i] = meanOf(m.score(c.measure(TokenizerNone, s.text(), s.References, asItIs)))
		out[i].Refs = len(s.References)
	})
	if err != nil {
		return nil, scoring(m.info.Name, err)
	}
	return out, nil
}

func asItIs(text string) string { return text }

// score follows nltk.translate.bleu_score.
func (m *NLTKBLEU) score(s Stats) float64 {
	if s.Correct[0] == 0 {
		return 0
	}
	const smallest = 0x1p-1022 // sys.float_info.min
	missed := 0
	logs := 0.0
	for n := range maxOrder {
		c, t := float64(s.Correct[n]), float64(max(1, s.Total[n]))
		p := c / t
		switch {
		case m.method == 2 && n > 0:
			p = (c + 1) / (t + 1)
		case c > 0:
		case m.method == 0:
			p = smallest
		case m.method == 1:
			p = 0.1 / t
		case m.method == 3:
			missed++
			p = 1 / (math.Ldexp(1, missed) * t)
		}
		if p > 0 {
			logs += math.Log(p) / maxOrder
		}
	}
	penalty := 1.0
	if s.SysLen <= s.RefLen {
		penalty = math.Exp(1 - float64(s.RefLen)/float64(s.SysLen))
	}
	return penalty * math.Exp(logs)
}

// HFBLEU is "bleu" of Hugging Face's evaluate, which wraps tensorflow/nmt's:
// the corpus's score on 0..1 with the tokenizer 13a and no smoothing. Its
// reference length is the shortest reference's, where all others take the
// closest one's, so that it differs as soon as there are several references.
type HFBLEU struct{}

// NewHFBLEU makes the metric.
func NewHFBLEU() (*HFBLEU, error) { return &HFBLEU{}, nil }

// Info describes the metric. Its statistics are BLEU's.
func (*HFBLEU) Info() Info { return describe("bleu-hf-evaluate") }

// hfBLEUSettings is the part of the signature that never varies.
const hfBLEUSettings = "case:mixed|tok:13a|smooth:none|reflen:min|formula:tensorflow-nmt|scale:0-1|version:1"

// Signature names the settings.
func (*HFBLEU) Signature(refs int) string {
	return fmt.Sprintf("hf-evaluate-bleu|nrefs:%s|%s", formatRefs(refs), hfBLEUSettings)
}

// Measure scores samples, in parallel.
func (m *HFBLEU) Measure(ctx context.Context, samples []Sample) ([]Measurement, error) {
	if err := needReferences(m.Info().Name, samples); err != nil {
		return nil, err
	}
	out := make([]Measurement, len(samples))
	err := parallel(ctx, len(samples), newCounter, func(c *counter, i int) {
		s := &samples[i]
		stats := c.measure(Tokenizer13a, s.text(), s.References, asItIs)
		stats.RefLen = c.lens[0]
		for _, n := range c.lens {
			stats.RefLen = min(stats.RefLen, n)
		}
		v := make([]float64, statsWidth)
		stats.vector(v)
		out[i] = Measurement{Score: m.Value(v), Stats: v, Refs: len(s.References)}
	})
	if err != nil {
		return nil, scoring(m.Info().Name, err)
	}
	return out, nil
}

// Value is the corpus's score. Where the text or the references are empty the
// original divides by zero; this is 0.
func (*HFBLEU) Value(sum []float64) float64 {
	if len(sum) < statsWidth || sum[0] == 0 || sum[1] == 0 {
		return 0
	}
	logs := 0.0
	for n := range maxOrder {
		c, t := sum[2+n], sum[2+maxOrder+n]
		if c == 0 || t == 0 {
			return 0
		}
		logs += math.Log(c/t) / maxOrder
	}
	penalty := 1.0
	if ratio := sum[0] / sum[1]; ratio <= 1 {
		penalty = math.Exp(1 - 1/ratio)
	}
	return penalty * math.Exp(logs)
}

// PresetNames lists the ways in which articles compute what they call BLEU.
func PresetNames() []string {
	names := []string{"sacrebleu-corpus", "sacrebleu-sentence-mean"}
	for method := range nltkMethods {
		names = append(names, fmt.Sprintf("nltk-method%d", method))
	}
	return append(names, "hf-evaluate")
}

// NewPreset makes the metric of a name of PresetNames.
func NewPreset(name string) (Metric, error) {
	switch name {
	case "sacrebleu-corpus":
		return NewBLEU(BLEUOptions{})
	case "sacrebleu-sentence-mean":
		return NewBLEUMean(BLEUOptions{})
	case "hf-evaluate":
		return NewHFBLEU()
	}
	if number, ok := strings.CutPrefix(name, "nltk-method"); ok {
		if method, err := strconv.Atoi(number); err == nil && method >= 0 && method < nltkMethods {
			return NewNLTKBLEU(method)
		}
	}
	return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "preset",
		Message: fmt.Sprintf("unknown BLEU preset %q", name), Hint: "use one of " + strings.Join(PresetNames(), ", ")}
}
