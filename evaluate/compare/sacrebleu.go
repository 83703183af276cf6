package compare

import (
	"context"

	"stylesprint/evaluate/resample"
)

// asSacrebleu fills in Candidate.Sacrebleu: the paired bootstrap and the paired
// approximate randomisation of sacrebleu 2.6.0 (sacrebleu/significance.py), segment by
// segment and with ties that do not count.
func (a *analysis) asSacrebleu(ctx context.Context) error {
	bySegment := a.samples
	if a.Families < a.Items {
		var err error
		if bySegment, err = a.segmentSamples(ctx); err != nil {
			return err
		}
	}
	for i := range a.columns {
		for m, info := range a.Metrics {
			out := Sacrebleu{Metric: info.Name, Score: a.Candidates[i].Scores[m].Value, Mean: mean(bySegment[i][m])}
			low, high := resample.Interval(bySegment[i][m], level)
			out.Half = (high - low) / 2
			if i != a.base {
				d := Difference{Delta: out.Score - a.Candidates[a.base].Scores[m].Value}
				out.PBootstrap = resample.BootstrapP(minus(bySegment[i][m], bySegment[a.base][m]), d.Delta, resample.SkipTies)
				if err := a.randomizeSegments(ctx, i, m, &d); err != nil {
					return err
				}
				out.PRandomization = d.skipTies
			}
			a.Candidates[i].Sacrebleu = append(a.Candidates[i].Sacrebleu, out)
		}
	}
	return nil
}

// randomizeSegments fills in a difference's p values over items: those there are
// already, where every item stands alone.
func (a *analysis) randomizeSegments(ctx context.Context, i, m int, d *Difference) error {
	mine, base := &a.columns[i].measures[m], &a.columns[a.base].measures[m]
	if have := a.Candidates[i].Differences; have != nil && a.Families == a.Items && a.Families > 1 {
		*d = have[m]
		return nil
	}
	s := sampled{repeats: [2]float64{a.repeats(base), a.repeats(mine)}, method: a.Method}
	return s.randomize(ctx, pair{base: base, mine: mine, baseTable: base.items, mineTable: mine.items}, d)
}

// segmentSamples draws items where the other figures draw families.
func (a *analysis) segmentSamples(ctx context.Context) ([][][]float64, error) {
	var tables []resample.Table
	for _, col := range a.columns {
		for _, m := range col.measures {
			tables = append(tables, m.items)
		}
	}
	sums, err := resample.Bootstrap(ctx, tables, resample.Options{Samples: a.Method.Bootstrap, Seed: a.Method.Seed})
	if err != nil {
		return nil, err
	}
	out := make([][][]float64, len(a.columns))
	for i, col := range a.columns {
		for _, m := range col.measures {
			out[i] = append(out[i], sums[0].Scores(m.value))
			sums = sums[1:]
		}
	}
	return out, nil
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v / float64(len(values))
	}
	return sum
}
