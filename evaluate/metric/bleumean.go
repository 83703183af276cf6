package metric

import (
	"context"
	"fmt"
	"strings"
)

// BLEUMean is the mean of the samples' own BLEU scores on 0..1, the scale that
// many articles print. Each sample uses the effective order. It is not
// comparable with the corpus score, whatever the scale.
type BLEUMean struct {
	mean
	bleu *BLEU
}

// NewBLEUMean makes the metric from BLEU's options; EffectiveOrder is always on.
func NewBLEUMean(o BLEUOptions) (*BLEUMean, error) {
	o.EffectiveOrder = true
	b, err := NewBLEU(o)
	if err != nil {
		return nil, err
	}
	return &BLEUMean{mean: mean{describe("bleu-mean")}, bleu: b}, nil
}

// Signature is sacrebleu's for its sentences, and how they were averaged.
func (m *BLEUMean) Signature(refs int) string {
	return fmt.Sprintf("sacrebleu-sentence-mean|%s|scale:0-1|%s", m.bleu.Signature(refs), aggregateMean)
}

// Measure scores samples.
func (m *BLEUMean) Measure(ctx context.Context, samples []Sample) ([]Measurement, error) {
	stats, err := m.bleu.AllStats(ctx, samples)
	if err != nil {
		return nil, err
	}
	out := make([]Measurement, len(samples))
	for i, s := range stats {
		out[i] = meanOf(m.bleu.Sentence(s).Score / 100)
		out[i].Refs = len(samples[i].References)
	}
	return out, nil
}

// meanOf is a measurement of a mean-like metric.
func meanOf(score float64) Measurement {
	return Measurement{Score: score, Stats: []float64{score, 1}}
}

// signaturePart makes a value safe to stand in a signature.
func signaturePart(s string) string {
	return strings.NewReplacer("|", "/", "\n", " ").Replace(s)
}
