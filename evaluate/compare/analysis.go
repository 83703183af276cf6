package compare

import (
	"context"
	"math"

	"stylesprint"
	"stylesprint/evaluate/resample"
)

// analysis turns columns into figures.
type analysis struct {
	*Comparison
	columns []*column
	base    int // the baseline's column
	rule    Rule
	against Against

	// samples holds, for each column and metric, the scores of the bootstrap
	// samples, paired over everything.
	samples [][][]float64
	costs   [][]float64
	waits   [][]float64      // mean latency
	waited  []resample.Table // sums of column.waiting
	medians [][]float64      // median latency; nil where none was measured
	rivals  *rivals
}

// rivals is what the decision needs beyond the Comparison: how any two
// candidates differ.
type rivals struct {
	base, ref int
	rule      Rule
	samples   [][][]float64 // by candidate and metric
	costs     [][]float64   // by candidate; nil where unknown
	waits     [][]float64   // mean latency, by candidate
	// inferior holds, by candidate and metric, the one-sided p value against
	// losing more than the margin to the reference.
	inferior [][]float64
}

func (a *analysis) run(ctx context.Context) error {
	if err := a.bootstrap(ctx); err != nil {
		return err
	}
	c := a.Comparison
	c.Baseline = a.columns[a.base].name
	c.Candidates = make([]Candidate, len(a.columns))
	a.medians = make([][]float64, len(a.columns))
	a.rivals = &rivals{base: a.base, ref: a.base, rule: a.rule, samples: a.samples, waits: a.waits, costs: make([][]float64, len(a.columns))}
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
	}
	if err := a.compareWith(ctx, a.base, false); err != nil {
		return err
	}
	if a.rule == RuleCheapest && a.against == AgainstBest {
		a.rivals.ref = a.best()
		if err := a.compareWith(ctx, a.rivals.ref, true); err != nil {
			return err
		}
	}
	return a.asSacrebleu(ctx)
}

// best is the candidate with the best score on the primary metric.
func (a *analysis) best() int {
	m := a.metricIndex(a.Primary)
	best := 0
	for i := range a.Candidates {
		if gainOf(a.Candidates[i].Scores[m].Value-a.Candidates[best].Scores[m].Value, a.Metrics[m]) > 0 {
			best = i
		}
	}
	return best
}

// compareWith sets all columns beside one of them. chosen says that the data chose
// that one.
func (a *analysis) compareWith(ctx context.Context, ref int, chosen bool) error {
	all, inferior := make([][]Difference, len(a.columns)), make([][]float64, len(a.columns))
	for i := range a.columns {
		if i == ref {
			continue
		}
		var err error
		if all[i], inferior[i], err = a.differences(ctx, i, ref); err != nil {
			return err
		}
		if chosen {
			a.againstEvery(i, inferior[i])
		}
	}
	pairs := 1.0
	if chosen {
		pairs = float64(len(a.columns)) / 2
	}
	a.adjust(all, inferior, pairs)
	a.rivals.inferior = inferior
	for i := range a.columns {
		if chosen {
			a.Candidates[i].ReferenceDifferences = all[i]
		} else {
			a.Candidates[i].Differences = all[i]
		}
	}
	return nil
}

// againstEvery replaces the p value of the primary metric by the largest against any
// other candidate: the reference only looks best, and whichever is truly best is
// among them (multiple comparisons with the best, Hsu 1984).
func (a *analysis) againstEvery(i int, inferior []float64) {
	m := a.metricIndex(a.Primary)
	if a.Families < minUnits {
		return
	}
	for j := range a.columns {
		if j != i {
			inferior[m] = max(inferior[m], inferiority(minus(a.samples[i][m], a.samples[j][m]), a.Metrics[m], a.Families))
		}
	}
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
		a.waited = append(a.waited, sums[1])
		sums = sums[2:]
	}
	return nil
}

func (a *analysis) score(i, m int) stylesprint.Score {
	s, _ := scoreOf(a.columns[i].run, a.Metrics[m].Name)
	x := &a.columns[i].measures[m]
	if !x.partial {
		s.N = a.Items
	}
	s.Level = 0
	x.bound(&s, s.Value, a.samples[i][m], x.table)
	return s
}

// bound sets a score's value and interval: of a rate the exact one where there is one,
// else that of the bootstrap samples.
func (m *measure) bound(s *stylesprint.Score, value float64, samples []float64, t resample.Table) {
	setInterval(s, value, samples, t.Rows())
	if !m.rate {
		return
	}
	if low, high, ok := resample.RateInterval(t, level); ok {
		s.Low, s.High, s.Level = low, high, level
	}
}

// differences compares one column with another. inferior holds the one-sided p values
// against losing the margin or more.
func (a *analysis) differences(ctx context.Context, i, ref int) (out []Difference, inferior []float64, err error) {
	out, inferior = make([]Difference, len(a.Metrics)), make([]float64, len(a.Metrics))
	for m, info := range a.Metrics {
		mine, base := &a.columns[i].measures[m], &a.columns[ref].measures[m]
		s := sampled{units: a.Families, items: a.Items, repeats: [2]float64{a.repeats(base), a.repeats(mine)}, challengers: len(a.columns) - 1, method: a.Method}
		s.deltas = minus(a.samples[i][m], a.samples[ref][m])
		if out[m], inferior[m], err = s.difference(ctx, pair{base: base, mine: mine, baseTable: base.table, mineTable: mine.table}, info); err != nil {
			return nil, nil, err
		}
	}
	return out, inferior, nil
}

// sampled is what a difference was sampled with.
type sampled struct {
	units, items int
	repeats      [2]float64 // outputs an item, of the reference and of the candidate
	challengers  int
	method       Method
	deltas       []float64 // of the bootstrap samples
}

// pair is one metric of two columns, and the statistics that are compared: all of
// them, or a slice's.
type pair struct {
	base, mine           *measure
	baseTable, mineTable resample.Table
}

// difference makes the figures of a pair. Its p values are not adjusted yet.
func (s *sampled) difference(ctx context.Context, x pair, info Metric) (Difference, float64, error) {
	d := Difference{Metric: info.Name, Delta: x.mine.value(x.mineTable.Sum()) - x.base.value(x.baseTable.Sum()), P: 1, PBootstrap: 1}
	d.Low, d.High = d.Delta, d.Delta
	if s.units < 2 {
		return d, 1, nil
	}
	d.Low, d.High = resample.UnitsInterval(s.deltas, level, s.units)
	d.PBootstrap = resample.BootstrapP(s.deltas, d.Delta, resample.CountTies)
	inferior := 1.0
	if s.units >= minUnits {
		inferior = inferiority(s.deltas, info, s.units)
	}
	if x.mine.rate {
		inferior = max(inferior, rateInferiority(x, info, &d))
	}
	d.Detectable = s.detectable()
	d.MoreItems = moreItems(s.items, d.Detectable, d.target(info))
	return d, inferior, s.randomize(ctx, x, &d)
}

// randomize is the paired approximate randomisation test: whole items, or
// families, change sides with probability one half.
func (s *sampled) randomize(ctx context.Context, pr pair, d *Difference) error {
	x, y := evenOut(pr.baseTable, pr.mineTable, s.repeats[0], s.repeats[1])
	left, right, err := resample.Randomize(ctx, x, y, resample.Options{Samples: s.method.Randomization, Seed: s.method.Seed})
	if err != nil {
		return err
	}
	trials := make([]float64, left.Rows())
	for i := range trials {
		trials[i] = math.Abs(pr.mine.value(left.Row(i)) - pr.mine.value(right.Row(i)))
	}
	d.P = resample.PValue(trials, math.Abs(d.Delta), resample.CountTies)
	d.skipTies = resample.PValue(trials, math.Abs(d.Delta), resample.SkipTies)
	return nil
}

// repeats is the number of outputs behind each item of a measure.
func (a *analysis) repeats(m *measure) float64 { return float64(len(m.scores)) / float64(a.Items) }

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

// adjust applies Holm over the candidates that have differences and finds the verdicts.
// pairs is the number of comparisons behind each p value.
func (a *analysis) adjust(all [][]Difference, inferior [][]float64, pairs float64) {
	for m, info := range a.Metrics {
		var which []int
		var p, loses []float64
		for i := range all {
			if all[i] != nil {
				which = append(which, i)
				p, loses = append(p, min(1, all[i][m].P*pairs)), append(loses, inferior[i][m])
			}
		}
		p, loses = resample.Holm(p), resample.Holm(loses)
		for k, i := range which {
			d := &all[i][m]
			d.PAdjusted = p[k]
			d.NonInferior = info.Direction != DirectionNone && loses[k] <= alpha/2
			d.Verdict = verdict(*d, info, a.Families >= minUnits)
		}
	}
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
// share of bootstrap samples in which it does, widened for few units.
func inferiority(deltas []float64, m Metric, units int) float64 {
	n := 0
	for _, d := range deltas {
		if gainOf(d, m) <= -m.Margin {
			n++
		}
	}
	return resample.UnitsP(float64(n+1)/float64(len(deltas)+1), units)
}

// minUnits is how many items or families it takes to call a difference small: with
// fewer, what the bootstrap draws from is too coarse. A randomisation test is not
// bound to it.
const minUnits = 10

// detectable is the smallest true difference that a two-sided test at alpha,
// divided among the challengers, shows with the given power.
func (s *sampled) detectable() float64 {
	n := float64(s.units)
	each := alpha / float64(max(1, s.challengers))
	return resample.Deviation(s.deltas) * math.Sqrt(n/(n-1)) * (resample.StudentQuantile(1-each/2, s.units-1) + resample.StudentQuantile(power, s.units-1))
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
