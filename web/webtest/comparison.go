package webtest

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/compare"
	"stylesprint/evaluate/metric"
)

// madeUp are the metrics whose scores are drawn at random around a candidate's
// quality: low + span*quality, give or take noise.
func madeUp() []struct {
	name, unit       string
	low, span, noise float64
} {
	return []struct {
		name, unit       string
		low, span, noise float64
	}{
		{"similarity", "0-1", 0, 1, .09}, {"bertscore", "0-1", .5, .5, .04}, {"bleu-mean", "0-1", -.3, .6, .06}, {"rouge-1", "0-1", -.2, .9, .08},
		{"rouge-2", "0-1", -.3, .8, .08}, {"rouge-l", "0-1", -.25, .9, .08}, {"clip", "0-100", 20, 12, 1.5}, {"clip-s", "0-2.5", .4, .5, .05},
		{"clip-delta", "0-100", 9, -9, 1}, {"clip-windows", "0-100", 18, 12, 1.5}, {"distinct-1", "0-1", .2, .8, .05},
	}
}

// real are the metrics that are computed from the made-up texts.
func real() []string {
	return []string{"bleu", "length", "length-characters", "faithfulness", "faithfulness-precision", "faithfulness-recall", "contradictions", "unsupported-claims", "hard-violations"}
}

// drawn scores one text.
func drawn(quality float64, rng *rand.Rand) map[string]float64 {
	out := map[string]float64{}
	for _, m := range madeUp() {
		v := m.low + m.span*quality + m.noise*rng.NormFloat64()
		switch m.unit {
		case "0-1":
			v = min(.98, max(.02, v))
		case "0-2.5":
			v = max(0, v)
		}
		out[m.name] = v
	}
	return out
}

// score fills in what the texts themselves tell, and sums a run up.
func (s *Source) score(ctx context.Context, r *evaluate.Run, outs []evaluate.Output) error {
	samples := make([]metric.Sample, len(outs))
	for i := range outs {
		for k := range s.data.Items {
			if s.data.Items[k].ID == outs[i].ItemID {
				samples[i] = evaluate.SampleOf(&s.data.Items[k], &outs[i])
			}
		}
	}
	for _, m := range madeUp() {
		sum, n := 0.0, 0
		for _, o := range outs {
			if v, ok := o.Scores[m.name]; ok {
				sum, n = sum+v, n+1
			}
		}
		r.Scores = append(r.Scores, stylesprint.Score{Metric: m.name, Unit: m.unit, Value: sum / float64(max(1, n)), N: n, Signature: m.name + "|made up|agg:mean"})
	}
	for _, name := range real() {
		m, err := metric.New(ctx, name, metric.Options{Faithfulness: s.checker})
		if err != nil {
			return fmt.Errorf("make demo scores: %w", err)
		}
		ms, err := m.Measure(ctx, samples)
		if err != nil {
			return fmt.Errorf("make demo scores: %w", err)
		}
		for i := range outs {
			if outs[i].Scores != nil {
				outs[i].Scores[name] = ms[i].Score
			}
		}
		r.Scores = append(r.Scores, stylesprint.Score{Metric: name, Unit: m.Info().Unit, Value: m.Value(metric.Sum(m, ms)), N: len(ms), Signature: m.Signature(metric.References(ms))})
	}
	for i := range r.Scores { // good enough to look at; a comparison computes its own
		half := .04 * r.Scores[i].Value
		r.Scores[i].Low, r.Scores[i].High, r.Scores[i].Level = r.Scores[i].Value-half, r.Scores[i].Value+half, .95
	}
	return nil
}

// reported is a table of figures that nobody measured here.
const reported = `{"title": "Two models on another catalogue", "source": "made up for this page", "candidates": [
	{"name": "model-a", "figures": [{"metric": "BLEU", "value": 12.31}, {"metric": "CLIP", "value": 26.195, "reference": 29.010}]},
	{"name": "model-b", "figures": [{"metric": "BLEU", "value": 9.87}, {"metric": "CLIP", "value": 27.2, "reference": 29.010, "note": "short captions"}]}]}`

// Compare implements web.Comparer. The statistics are the real ones, on few samples
// so that pages are made fast; what they are of is made up.
func (s *Source) Compare(ctx context.Context, runIDs []string) (compare.Comparison, error) {
	for _, id := range runIDs {
		r, err := s.Run(ctx, id)
		if err != nil {
			return compare.Comparison{}, err
		}
		if r.Status != evaluate.StatusDone {
			return compare.Comparison{}, &stylesprint.Error{Code: stylesprint.CodeConflict, Message: fmt.Sprintf("run %q is not done", id), Hint: "resume it with the command that started it"}
		}
	}
	table, err := compare.ReadReported(strings.NewReader(reported), "made-up.json")
	if err != nil {
		return compare.Comparison{}, fmt.Errorf("make demo figures: %w", err)
	}
	c, err := compare.Compare(ctx, s, runIDs, compare.Options{
		Dataset: s.data, Primary: "similarity", Bootstrap: 200, Randomization: 400, SliceMinimum: 4,
		Margins: map[string]float64{"contradictions": .15, "unsupported-claims": .15, "hard-violations": .15, "bleu": 1, "faithfulness": .1, "faithfulness-recall": .1, "faithfulness-precision": .1}, Reported: []compare.Reported{table},
	})
	if err == nil {
		c.Warnings = append(c.Warnings, "These figures are made up, to look at the page with.")
	}
	return c, err
}
