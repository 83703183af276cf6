package metric

import (
	"context"
)

// CorpusReport is a metric's score of a stream of samples.
type CorpusReport struct {
	Metric    string  `json:"metric"`
	Score     float64 `json:"score"`
	Unit      string  `json:"unit"`
	Signature string  `json:"signature"`
	Samples   int     `json:"samples"` // that have a score
	// Stats are the summed statistics behind Score.
	Stats []float64 `json:"-"`
}

// Report scores a stream with several metrics in one pass. Texts are held in
// blocks, or all at once where a metric needs the whole corpus. each, if not
// nil, gets every sample's measurements, one for each metric, in order; the slice
// is used again.
func Report(ctx context.Context, metrics []Metric, samples Samples, each func(ms []Measurement) error) ([]CorpusReport, error) {
	size := bleuBlock
	sums := make([][]float64, len(metrics))
	counts := make([]int, len(metrics))
	for i, m := range metrics {
		sums[i] = make([]float64, m.Info().Width)
		if m.Info().WholeCorpus {
			size = 0
		}
	}
	refs := newRefCount()
	n := 0
	row := make([]Measurement, len(metrics))
	err := samples.blocks(size, func(_ int, block []Sample) error {
		measured := make([][]Measurement, len(metrics))
		for k, m := range metrics {
			ms, err := m.Measure(ctx, block)
			if err != nil {
				return err
			}
			measured[k] = ms
			for j, v := range Sum(m, ms) {
				sums[k][j] += v
			}
			counts[k] += present(ms)
		}
		for i := range block {
			refs.see(len(block[i].References))
			for k := range metrics {
				row[k] = measured[k][i]
			}
			if each != nil {
				if err := each(row); err != nil {
					return err
				}
			}
		}
		n += len(block)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, nothingToScore()
	}
	out := make([]CorpusReport, len(metrics))
	for k, m := range metrics {
		out[k] = CorpusReport{Metric: m.Info().Name, Score: m.Value(sums[k]), Unit: m.Info().Unit, Signature: m.Signature(refs.value()), Samples: counts[k], Stats: sums[k]}
	}
	return out, nil
}

func present(ms []Measurement) int {
	n := 0
	for i := range ms {
		if !ms[i].Absent {
			n++
		}
	}
	return n
}

// PRFMetric is a metric that has a precision and a recall behind its score.
type PRFMetric interface {
	Metric
	// Scores returns precision, recall and F of each sample beside its measurement.
	Scores(ctx context.Context, samples []Sample) ([]PRF, []Measurement, error)
}

var (
	_ PRFMetric = (*ROUGE)(nil)
	_ PRFMetric = (*BERTScore)(nil)
)

// PRFReport is the means of a metric's measures over a stream of samples.
type PRFReport struct {
	Metric string `json:"metric"`
	PRF
	Samples   int    `json:"samples"`
	Truncated int    `json:"truncated"` // samples that a model did not read to their end
	Signature string `json:"signature"` // of F1
}

// ReportPRF scores a stream with several metrics in one pass. each, if not nil,
// gets every sample's measures, one for each metric, in order.
func ReportPRF(ctx context.Context, metrics []PRFMetric, samples Samples, each func(scores []PRF) error) ([]PRFReport, error) {
	out := make([]PRFReport, len(metrics))
	refs := newRefCount()
	row := make([]PRF, len(metrics))
	n := 0
	err := samples.blocks(prfBlock, func(_ int, block []Sample) error {
		all := make([][]PRF, len(metrics))
		for k, m := range metrics {
			scores, ms, err := m.Scores(ctx, block)
			if err != nil {
				return err
			}
			all[k] = scores
			for i, s := range scores {
				out[k].Precision += s.Precision
				out[k].Recall += s.Recall
				out[k].F1 += s.F1
				if ms[i].Truncated {
					out[k].Truncated++
				}
			}
		}
		for i := range block {
			refs.see(len(block[i].References))
			for k := range metrics {
				row[k] = all[k][i]
			}
			if each != nil {
				if err := each(row); err != nil {
					return err
				}
			}
		}
		n += len(block)
		return nil
	})
	if err != nil {
		return nil, err
	}
	if n == 0 {
		return nil, nothingToScore()
	}
	for k, m := range metrics {
		r := &out[k]
		r.Metric, r.Samples, r.Signature = m.Info().Name, n, m.Signature(refs.value())
		r.Precision /= float64(n)
		r.Recall /= float64(n)
		r.F1 /= float64(n)
	}
	return out, nil
}

// prfBlock bounds the texts that are held at once.
const prfBlock = 2048
