package compare

import (
	"context"
	"fmt"
	"math"
	"slices"

	"stylesprint"
	"stylesprint/evaluate/metric"
	"stylesprint/evaluate/resample"
)

// analysis turns columns into figures.
type analysis struct {
	*Comparison
	columns []*column
	base    int // the baseline's column

	// samples holds, for each column and metric, the scores of the bootstrap
	// samples, paired over everything.
	samples [][][]float64
	costs   [][]float64
	waits   [][]float64
	rivals  *rivals
}

// rivals is what the decision needs beyond the Comparison: how any two
// candidates differ.
type rivals struct {
	base    int
	samples [][][]float64 // by candidate and metric
	costs   [][]float64   // by candidate; nil where unknown
	waits   [][]float64   // mean latency, by candidate
	// inferior holds, by candidate and metric, the one-sided p value against
	// losing more than the margin to the baseline.
	inferior [][]float64
}

func (a *analysis) run(ctx context.Context) error {
	if err := a.bootstrap(ctx); err != nil {
		return err
	}
	c := a.Comparison
	c.Baseline = a.columns[a.base].name
	c.Candidates = make([]Candidate, len(a.columns))
	a.rivals = &rivals{base: a.base, samples: a.samples, waits: a.waits, costs: make([][]float64, len(a.columns)), inferior: make([][]float64, len(a.columns))}
	for i, col := range a.columns {
		cand := &c.Candidates[i]
		cand.Name, cand.Run = col.name, col.run
		cand.Spreads = a.spreads(i)
		for m := range c.Metrics {
			cand.Scores = append(cand.Scores, a.score(i, m))
		}
		operation, err := a.operation(ctx, i)
		if err != nil {
			return err
		}
		cand.Operation = operation
		if i != a.base {
			if cand.Differences, err = a.differences(ctx, i); err != nil {
				return err
			}
		}
	}
	a.adjust()
	return nil
}

// bootstrap draws once for all columns and metrics.
func (a *analysis) bootstrap(ctx context.Context) error {
	var tables []resample.Table
	for _, col := range a.columns {
		for _, m := range col.measures {
			tables = append(tables, m.table)
		}
		tables = append(tables, col.cost, col.waiting)
	}
	sums, err := resample.Bootstrap(ctx, tables, resample.Options{Samples: a.Method.Bootstrap, Seed: a.Method.Seed})
	if err != nil {
		return err
	}
	for _, col := range a.columns {
		var byMetric [][]float64
		for _, m := range col.measures {
			byMetric = append(byMetric, sums[0].Scores(m.value))
			sums = sums[1:]
		}
		a.samples = append(a.samples, byMetric)
		a.costs = append(a.costs, sums[0].Scores(meanValue))
		a.waits = append(a.waits, sums[1].Scores(meanValue))
		sums = sums[2:]
	}
	return nil
}

func (a *analysis) score(i, m int) stylesprint.Score {
	s, _ := scoreOf(a.columns[i].run, a.Metrics[m].Name)
	s.N = a.Items
	s.Low, s.High, s.Level = s.Value, s.Value, 0
	if a.Families > 1 {
		s.Low, s.High = resample.Interval(a.samples[i][m], level)
		s.Level = level
	}
	if info, _ := metric.Describe(s.Metric); info.Rate {
		if low, high, ok := resample.RateInterval(a.columns[i].measures[m].table, level); ok {
			s.Low, s.High, s.Level = low, high, level
		}
	}
	return s
}

// differences compares one column with the baseline.
func (a *analysis) differences(ctx context.Context, i int) ([]Difference, error) {
	out := make([]Difference, len(a.Metrics))
	a.rivals.inferior[i] = make([]float64, len(a.Metrics))
	for m, info := range a.Metrics {
		mine, base := a.columns[i].measures[m], a.columns[a.base].measures[m]
		d := Difference{Metric: info.Name, Delta: mine.value(mine.table.Sum()) - base.value(base.table.Sum()), P: 1, PBootstrap: 1}
		d.Low, d.High = d.Delta, d.Delta
		a.rivals.inferior[i][m] = 1
		if a.Families > 1 {
			deltas := minus(a.samples[i][m], a.samples[a.base][m])
			d.Low, d.High = resample.Interval(deltas, level)
			d.PBootstrap = resample.BootstrapP(deltas, d.Delta, resample.CountTies)
			if a.Families >= minUnits {
				a.rivals.inferior[i][m] = inferiority(deltas, info)
			}
			d.Detectable = a.detectable(resample.Deviation(deltas))
			d.MoreItems = moreItems(a.Items, d.Detectable, d.target(info))
			p, err := a.randomize(ctx, base, mine, d.Delta)
			if err != nil {
				return nil, err
			}
			d.P = p
		}
		out[m] = d
	}
	return out, nil
}

// randomize is the paired approximate randomisation test: whole items, or
// families, change sides with probability one half.
func (a *analysis) randomize(ctx context.Context, base, mine measure, delta float64) (float64, error) {
	x, y := evenOut(base.table, mine.table, a.repeats(base), a.repeats(mine))
	left, right, err := resample.Randomize(ctx, x, y, resample.Options{Samples: a.Method.Randomization, Seed: a.Method.Seed})
	if err != nil {
		return 0, err
	}
	trials := make([]float64, left.Rows())
	for i := range trials {
		trials[i] = math.Abs(mine.value(left.Row(i)) - mine.value(right.Row(i)))
	}
	return resample.PValue(trials, math.Abs(delta), resample.CountTies), nil
}

// repeats is the number of outputs behind each item of a measure.
func (a *analysis) repeats(m measure) float64 { return float64(len(m.scores)) / float64(a.Items) }

// evenOut scales the statistics of runs with different repeats, so that a
// swapped item weighs the same on either side.
func evenOut(x, y resample.Table, kx, ky float64) (resample.Table, resample.Table) {
	if kx == ky {
		return x, y
	}
	return scale(x, 1/kx), scale(y, 1/ky)
}

func scale(t resample.Table, by float64) resample.Table {
	out := resample.Table{Width: t.Width, Data: make([]float64, len(t.Data))}
	for i, v := range t.Data {
		out.Data[i] = v * by
	}
	return out
}

// adjust applies Holm over the candidates and finds the verdicts.
func (a *analysis) adjust() {
	challengers := a.challengers()
	for m, info := range a.Metrics {
		p, inferior := make([]float64, len(challengers)), make([]float64, len(challengers))
		for k, i := range challengers {
			p[k], inferior[k] = a.Candidates[i].Differences[m].P, a.rivals.inferior[i][m]
		}
		p, inferior = resample.Holm(p), resample.Holm(inferior)
		for k, i := range challengers {
			d := &a.Candidates[i].Differences[m]
			d.PAdjusted = p[k]
			d.NonInferior = info.Direction != DirectionNone && inferior[k] <= alpha/2
			d.Verdict = verdict(*d, info, a.Families >= minUnits)
		}
	}
}

func (a *analysis) challengers() []int {
	var out []int
	for i := range a.columns {
		if i != a.base {
			out = append(out, i)
		}
	}
	return out
}

// verdict; enough says that there are units enough to call anything equivalent.
func verdict(d Difference, m Metric, enough bool) Verdict {
	gain := gainOf(d.Delta, m)
	switch {
	case m.Direction == DirectionNone:
		return VerdictShown
	case d.PAdjusted < alpha && gain > 0:
		return VerdictBetter
	case d.PAdjusted < alpha && gain < 0:
		return VerdictWorse
	case enough && d.Low > -m.Margin && d.High < m.Margin:
		return VerdictEquivalent
	}
	return VerdictUndecided
}

// gainOf is a difference with its sign turned so that more is better.
func gainOf(delta float64, m Metric) float64 {
	if m.Direction == DirectionLower {
		return -delta
	}
	return delta
}

// inferiority is the one-sided p value against "loses the margin or more": the
// share of bootstrap samples in which it does.
func inferiority(deltas []float64, m Metric) float64 {
	n := 0
	for _, d := range deltas {
		if gainOf(d, m) <= -m.Margin {
			n++
		}
	}
	return float64(n+1) / float64(len(deltas)+1)
}

// minUnits is how many items or families it takes to call a difference small: the
// bootstrap's intervals are too narrow with fewer. A randomisation test is not.
const minUnits = 10

// detectable is the smallest true difference that a two-sided test at alpha,
// divided among the challengers, shows with the given power.
func (a *analysis) detectable(deviation float64) float64 {
	each := alpha / float64(max(1, len(a.columns)-1))
	return deviation * (resample.NormalQuantile(1-each/2) + resample.NormalQuantile(power))
}

// moreItems follows from standard errors that fall with the root of the number of items.
func moreItems(items int, detectable, margin float64) int {
	if margin <= 0 || detectable <= margin {
		return 0
	}
	r := detectable / margin
	return int(math.Ceil(float64(items) * (r*r - 1)))
}

func minus(a, b []float64) []float64 {
	out := make([]float64, len(a))
	for i := range a {
		out[i] = a[i] - b[i]
	}
	return out
}

// spreadBins is the number of bars of a histogram.
const spreadBins = 20

// spreads describes the scores of single outputs, on bins that all candidates share.
func (a *analysis) spreads(i int) []Spread {
	out := make([]Spread, len(a.Metrics))
	for m := range a.Metrics {
		low, high := math.Inf(1), math.Inf(-1)
		for _, col := range a.columns {
			low = min(low, slices.Min(col.measures[m].scores))
			high = max(high, slices.Max(col.measures[m].scores))
		}
		out[m] = spread(a.columns[i].measures[m].scores, low, high)
	}
	return out
}

// spread sorts a copy of values; bins lie between low and high.
func spread(values []float64, low, high float64) Spread {
	if len(values) == 0 {
		return Spread{}
	}
	sorted := slices.Sorted(slices.Values(values))
	q := func(p float64) float64 { return resample.Quantile(sorted, nil, p) }
	s := Spread{N: len(sorted), Min: sorted[0], P5: q(0.05), P25: q(0.25), Median: q(0.5), P75: q(0.75), P95: q(0.95), Max: sorted[len(sorted)-1], Low: low, High: high}
	s.Counts = make([]int, spreadBins)
	for _, v := range sorted {
		s.Mean += v / float64(len(sorted))
		bin := 0
		if high > low {
			bin = min(spreadBins-1, int((v-low)/(high-low)*spreadBins))
		}
		s.Counts[bin]++
	}
	return s
}

// warn tells what weakens the comparison.
func (c *Comparison) warn(columns []*column) {
	add := func(format string, args ...any) { c.Warnings = append(c.Warnings, fmt.Sprintf(format, args...)) }
	switch units := plural(c.Families, c.Method.Unit); {
	case c.Families < minUnits:
		add("There are only %d %s to resample: intervals are rough, and nothing is called equivalent or shown to be within a margin.", c.Families, units)
	case c.Families < 20:
		add("There are only %d %s to resample, so intervals are rough.", c.Families, units)
	}
	for _, col := range columns {
		op := col.operation
		if op.Failed > 0 {
			add("%s failed on %d of %d outputs; each counts as an empty text.", col.name, op.Failed, op.Outputs)
		}
		if op.Cut > 0 {
			add("%s was cut off at the token limit in %d of %d outputs.", col.name, op.Cut, op.Outputs)
		}
		if op.Replayed > 0 {
			add("%s: %d of %d outputs were replayed from a record; their latency does not count.", col.name, op.Replayed, op.Outputs)
		}
		for _, m := range c.Metrics {
			if n := col.truncated[m.Name]; n > 0 {
				add("%s: in %d of %d outputs the text or its reference is longer than the model behind %s reads.", col.name, n, op.Outputs, m.Name)
			}
		}
		if col.run.Repeat != columns[0].run.Repeat {
			add("%s has %d outputs an item and %s %d.", columns[0].name, columns[0].run.Repeat, col.name, col.run.Repeat)
		}
	}
}

func plural(n int, word string) string {
	switch {
	case n == 1:
		return word
	case word == "family":
		return "families"
	}
	return word + "s"
}
