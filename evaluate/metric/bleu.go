package metric

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"strings"

	"stylesprint"
)

// sacrebleuVersion is the release whose numbers these are.
const sacrebleuVersion = "2.6.0"

// Smoothing names what BLEU does about an order without a match.
type Smoothing string

// The smoothing methods (Chen and Cherry 2014, https://aclanthology.org/W14-3346).
const (
	SmoothExp   Smoothing = "exp"   // halve the precision at each further such order; the default
	SmoothFloor Smoothing = "floor" // count Value matches
	SmoothAddK  Smoothing = "add-k" // add Value to matches and totals beyond the first order
	SmoothNone  Smoothing = "none"  // the score is 0
)

// Smoothings lists all methods.
func Smoothings() []Smoothing {
	return []Smoothing{SmoothExp, SmoothFloor, SmoothAddK, SmoothNone}
}

// BLEUOptions are sacrebleu's settings. The zero value is its default.
type BLEUOptions struct {
	Tokenizer Tokenizer // empty: 13a
	Smoothing Smoothing // empty: exp
	// SmoothValue is for floor and add-k. Zero: 0.1 for floor, 1 for add-k.
	SmoothValue float64
	Lowercase   bool
	// EffectiveOrder leaves out orders for which a text is too short. Scores of
	// single samples always do, as sacrebleu's command does.
	EffectiveOrder bool
}

// BLEU is Papineni et al. 2002 as sacrebleu 2.6.0 computes it, on 0..100. The
// corpus score comes from summed statistics; it is not the mean of the samples'
// scores (see BLEUMean for that).
type BLEU struct {
	o    BLEUOptions
	name string // key in Infos
}

// NewBLEU checks the options and completes them.
func NewBLEU(o BLEUOptions) (*BLEU, error) {
	if o.Tokenizer == "" {
		o.Tokenizer = Tokenizer13a
	}
	if o.Smoothing == "" {
		o.Smoothing = SmoothExp
	}
	if err := oneOf("tokenizer", o.Tokenizer, Tokenizers()); err != nil {
		return nil, err
	}
	if err := oneOf("smoothing", o.Smoothing, Smoothings()); err != nil {
		return nil, err
	}
	if o.SmoothValue < 0 || math.IsNaN(o.SmoothValue) || math.IsInf(o.SmoothValue, 0) {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "smooth_value",
			Message: fmt.Sprintf("smoothing value %v: want a positive number", o.SmoothValue)}
	}
	switch {
	case o.Smoothing == SmoothExp || o.Smoothing == SmoothNone:
		o.SmoothValue = 0
	case o.SmoothValue == 0 && o.Smoothing == SmoothFloor:
		o.SmoothValue = 0.1
	case o.SmoothValue == 0:
		o.SmoothValue = 1
	}
	return &BLEU{o: o, name: "bleu"}, nil
}

// NewChineseBLEU is BLEU with the tokenizer zh, under a name of its own, so that
// a run can hold both.
func NewChineseBLEU(o BLEUOptions) (*BLEU, error) {
	o.Tokenizer = TokenizerZh
	b, err := NewBLEU(o)
	if err != nil {
		return nil, err
	}
	b.name = "bleu-zh"
	return b, nil
}

func oneOf[T ~string](what string, value T, all []T) error {
	names := make([]string, len(all))
	for i, v := range all {
		if v == value {
			return nil
		}
		names[i] = string(v)
	}
	return &stylesprint.Error{
		Code: stylesprint.CodeInvalid, Field: what,
		Message: fmt.Sprintf("unknown BLEU %s %q", what, string(value)),
		Hint:    "use one of " + strings.Join(names, ", "),
	}
}

// Options returns the completed options.
func (b *BLEU) Options() BLEUOptions { return b.o }

// Info describes the metric.
func (b *BLEU) Info() Info { return describe(b.name) }

// Signature is sacrebleu's.
func (b *BLEU) Signature(refs int) string {
	smooth := string(b.o.Smoothing)
	if b.o.Smoothing == SmoothFloor || b.o.Smoothing == SmoothAddK {
		smooth += fmt.Sprintf("[%.2f]", b.o.SmoothValue)
	}
	return fmt.Sprintf("nrefs:%s|case:%s|eff:%s|tok:%s|smooth:%s|version:%s", formatRefs(refs),
		choose(b.o.Lowercase, "lc", "mixed"), choose(b.o.EffectiveOrder, "yes", "no"), b.o.Tokenizer, smooth, sacrebleuVersion)
}

func choose(b bool, yes, no string) string {
	if b {
		return yes
	}
	return no
}

// BLEUFromSignature reads the settings back from a signature of BLEU's. The
// smoothing value has the two decimals that the signature has.
func BLEUFromSignature(signature string) (*BLEU, error) {
	var o BLEUOptions
	version := ""
	for part := range strings.SplitSeq(signature, "|") {
		key, value, _ := strings.Cut(part, ":")
		switch key {
		case "case":
			o.Lowercase = value == "lc"
		case "eff":
			o.EffectiveOrder = value == "yes"
		case "tok":
			o.Tokenizer = Tokenizer(value)
		case "smooth":
			method, in, valued := strings.Cut(strings.TrimSuffix(value, "]"), "[")
			o.Smoothing = Smoothing(method)
			if valued {
				v, err := strconv.ParseFloat(in, 64)
				if err != nil {
					return nil, fmt.Errorf("read BLEU signature %q: %w", signature, err)
				}
				o.SmoothValue = v
			}
		case "version":
			version = value
		}
	}
	if version != sacrebleuVersion || o.Tokenizer == "" || o.Smoothing == "" {
		return nil, fmt.Errorf("read BLEU signature %q: want one of sacrebleu %s", signature, sacrebleuVersion)
	}
	return NewBLEU(o)
}

// prepare is what sacrebleu does to a line before it is tokenized.
func (b *BLEU) prepare(line string) string {
	if b.o.Lowercase {
		line = lower(line)
	}
	return trimRight(line)
}

// Stats counts one sample. It needs at least one reference.
func (b *BLEU) Stats(s Sample) Stats { return b.count(newCounter(), &s) }

func (b *BLEU) count(c *counter, s *Sample) Stats {
	return c.measure(b.o.Tokenizer, s.text(), s.References, b.prepare)
}

// AllStats counts samples, in parallel, in order.
func (b *BLEU) AllStats(ctx context.Context, samples []Sample) ([]Stats, error) {
	if err := needReferences("bleu", samples); err != nil {
		return nil, err
	}
	out := make([]Stats, len(samples))
	err := parallel(ctx, len(samples), newCounter, func(c *counter, i int) { out[i] = b.count(c, &samples[i]) })
	if err != nil {
		return nil, scoring("bleu", err)
	}
	return out, nil
}

// Measure scores samples. A sample's own score uses the effective order.
func (b *BLEU) Measure(ctx context.Context, samples []Sample) ([]Measurement, error) {
	stats, err := b.AllStats(ctx, samples)
	if err != nil {
		return nil, err
	}
	out := make([]Measurement, len(samples))
	vectors := make([]float64, statsWidth*len(samples))
	for i, s := range stats {
		v := vectors[i*statsWidth : (i+1)*statsWidth : (i+1)*statsWidth]
		s.vector(v)
		out[i] = Measurement{Score: b.Sentence(s).Score, Stats: v, Refs: len(samples[i].References)}
	}
	return out, nil
}

// Value is the corpus score.
func (b *BLEU) Value(sum []float64) float64 {
	var v vector
	copy(v[:], sum)
	return b.score(&v, b.o.EffectiveOrder).Score
}

// Corpus scores summed statistics.
func (b *BLEU) Corpus(sum Stats) BLEUScore {
	var v vector
	sum.vector(v[:])
	return b.score(&v, b.o.EffectiveOrder)
}

// Sentence scores the statistics of one sample, with the effective order.
func (b *BLEU) Sentence(s Stats) BLEUScore {
	var v vector
	s.vector(v[:])
	return b.score(&v, true)
}

// WithEffectiveOrder is the same metric with the effective order on, whose
// signature belongs to Sentence's scores.
func (b *BLEU) WithEffectiveOrder() *BLEU {
	o := b.o
	o.EffectiveOrder = true
	return &BLEU{o: o, name: b.name}
}
