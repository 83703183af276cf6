package compare

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"stylesprint"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/resample"
)

// Slicing is the breakdown by one key of Item.Slices, such as "category".
type Slicing struct {
	Key     string `json:"key"`
	Minimum int    `json:"minimum"` // units that a slice needs for figures of its own
	// Slices by value, those with most items first.
	Slices []Slice `json:"slices"`
	// Unnamed is the number of items without this key.
	Unnamed int `json:"unnamed,omitempty"`
	// Worst names the weakest slice of each candidate on the primary metric.
	Worst []WorstSlice `json:"worst,omitempty"`
	// Warnings are sentences about slices that contradict the whole (Simpson's
	// paradox) and about significant reversals.
	Warnings []string `json:"warnings,omitempty"`
}

// Slice is the items with one value of the key.
type Slice struct {
	Value    string `json:"value"`
	Items    int    `json:"items"`
	Families int    `json:"families"` // units within the slice
	// Missing says why the slice has no figures: "too few: n = 4", or that it holds
	// all items.
	Missing    string           `json:"missing,omitempty"`
	Candidates []SliceCandidate `json:"candidates,omitempty"` // in the order of Comparison.Candidates
}

// SliceCandidate is what one candidate scores within a slice.
type SliceCandidate struct {
	Name   string              `json:"name"`
	Scores []stylesprint.Score `json:"scores"` // one for each of Comparison.Metrics
	// Differences from the baseline; nil for the baseline. PAdjusted is P after
	// Benjamini-Hochberg over all slices and challengers of a metric: among the
	// differences called better or worse at most one in twenty is expected to be a false alarm.
	// That is enough to know where to look; it is not a test to decide by.
	Differences []Difference `json:"differences,omitempty"`
}

// WorstSlice is the slice in which a candidate scores lowest on the primary metric
// (highest, where lower is better), of those with figures.
type WorstSlice struct {
	Candidate string            `json:"candidate"`
	Value     string            `json:"value"`
	Items     int               `json:"items"`
	Score     stylesprint.Score `json:"score"`
}

// slices breaks the comparison down by every key that the items have.
func (a *analysis) slices(ctx context.Context, items []dataset.Item, unit []int, minimum int) ([]Slicing, error) {
	keys := map[string]bool{}
	for _, item := range items {
		for key := range item.Slices {
			keys[key] = true
		}
	}
	var out []Slicing
	for _, key := range slices.Sorted(maps.Keys(keys)) {
		s, err := a.slicing(ctx, key, items, unit, minimum)
		if err != nil {
			return nil, fmt.Errorf("slice by %s: %w", key, err)
		}
		out = append(out, s)
	}
	a.adjustSlices(out)
	for i := range out {
		out[i].Worst = a.worstSlices(out[i].Slices)
		out[i].Warnings = a.contradictions(&out[i])
	}
	return out, nil
}

// slicing breaks down by one key.
func (a *analysis) slicing(ctx context.Context, key string, items []dataset.Item, unit []int, minimum int) (Slicing, error) {
	members := map[string][]int{}
	out := Slicing{Key: key, Minimum: minimum}
	for i, item := range items {
		if value := item.Slices[key]; value != "" {
			members[value] = append(members[value], i)
		} else {
			out.Unnamed++
		}
	}
	for value, which := range members {
		out.Slices = append(out.Slices, Slice{Value: value, Items: len(which)})
	}
	slices.SortFunc(out.Slices, func(x, y Slice) int {
		if x.Items != y.Items {
			return y.Items - x.Items
		}
		return strings.Compare(x.Value, y.Value)
	})
	for i := range out.Slices {
		s := &out.Slices[i]
		part := newMembers(members[s.Value], unit)
		s.Families = part.units
		if s.Items == len(items) {
			s.Missing = fmt.Sprintf("holds all items: n = %d; its figures are those of the whole", s.Items)
			continue
		}
		if part.units < minimum {
			s.Missing = fmt.Sprintf("too few: n = %d", s.Items)
			if part.units < s.Items {
				s.Missing += fmt.Sprintf(" in %d %s", part.units, plural(part.units, "family"))
			}
			continue
		}
		if err := a.fillSlice(ctx, s, part, minimum); err != nil {
			return out, err
		}
	}
	return out, nil
}

// members are the items of a slice.
type members struct {
	items []int // their places in the dataset
	unit  []int // of each, numbered from 0 within the slice
	units int
}

func newMembers(items, unit []int) members {
	m := members{items: items, unit: make([]int, len(items))}
	numbers := map[int]int{}
	for k, i := range items {
		n, ok := numbers[unit[i]]
		if !ok {
			n = len(numbers)
			numbers[unit[i]] = n
		}
		m.unit[k] = n
	}
	m.units = len(numbers)
	return m
}

// table gathers the rows of the members by unit.
func (p members) table(items resample.Table) resample.Table {
	out := resample.NewTable(p.units, items.Width)
	for k, i := range p.items {
		out.Add(p.unit[k], items.Row(i))
	}
	return out
}

// fillSlice computes the scores and differences within one slice, as for the
// whole: units are drawn from those of the slice.
func (a *analysis) fillSlice(ctx context.Context, s *Slice, part members, minimum int) error {
	var tables []resample.Table
	for _, col := range a.columns {
		for m := range col.measures {
			tables = append(tables, part.table(col.measures[m].items))
		}
	}
	sums, err := resample.Bootstrap(ctx, tables, resample.Options{Samples: a.Method.Bootstrap, Seed: a.Method.Seed})
	if err != nil {
		return err
	}
	n := len(a.Metrics)
	drawn := make([][]float64, len(sums))
	for k := range sums {
		drawn[k] = sums[k].Scores(a.columns[k/n].measures[k%n].value)
	}
	for i, col := range a.columns {
		cand := SliceCandidate{Name: col.name}
		for m, info := range a.Metrics {
			x, base := &col.measures[m], &a.columns[a.base].measures[m]
			score := stylesprint.Score{Metric: info.Name, Unit: info.Unit, Signature: info.Signature, N: x.measured(part.items)}
			d := Difference{Metric: info.Name, P: 1, PBootstrap: 1}
			if score.N < min(minimum, s.Items) {
				score.Missing = fmt.Sprintf("too few: n = %d with what the metric needs", score.N)
			} else {
				x.bound(&score, x.value(tables[i*n+m].Sum()), drawn[i*n+m], tables[i*n+m])
				with := sampled{units: s.Families, items: s.Items, repeats: [2]float64{a.repeats(base), a.repeats(x)}, challengers: len(a.columns) - 1, method: a.Method,
					deltas: minus(drawn[i*n+m], drawn[a.base*n+m])}
				if i != a.base {
					if d, err = with.sliceDifference(ctx, pair{base: base, mine: x, baseTable: tables[a.base*n+m], mineTable: tables[i*n+m]}, info); err != nil {
						return err
					}
				}
			}
			cand.Scores = append(cand.Scores, score)
			if i != a.base {
				cand.Differences = append(cand.Differences, d)
			}
		}
		s.Candidates = append(s.Candidates, cand)
	}
	return nil
}

// A slice's p value comes from few trials where it is nowhere near small: there are
// many slices, and most show nothing.
const (
	sliceTrials = 1000
	sliceUnsure = 0.1
)

func (s sampled) sliceDifference(ctx context.Context, x pair, info Metric) (Difference, error) {
	all := s.method.Randomization
	s.method.Randomization = min(sliceTrials, all)
	d, _, err := s.difference(ctx, x, info)
	if err != nil || d.P > sliceUnsure || all <= sliceTrials {
		return d, err
	}
	s.method.Randomization = all
	return d, s.randomize(ctx, x, &d)
}

// measured counts the items among some that the metric has a score of.
func (m *measure) measured(which []int) int {
	if !m.partial {
		return len(which)
	}
	n := 0
	for _, i := range which {
		if m.present[i] > 0 {
			n++
		}
	}
	return n
}

// eachDifference visits the differences that were computed, of all slices.
func eachDifference(all []Slicing, do func(g *Slicing, s *Slice, c *SliceCandidate, m int)) {
	for g := range all {
		for v := range all[g].Slices {
			s := &all[g].Slices[v]
			for i := range s.Candidates {
				for m := range s.Candidates[i].Differences {
					if s.Candidates[i].Scores[m].Missing != "" {
						continue
					}
					do(&all[g], s, &s.Candidates[i], m)
				}
			}
		}
	}
}

// adjustSlices applies Benjamini-Hochberg for each metric and finds the verdicts.
// NonInferior stays false: slices show nothing of the kind.
func (a *analysis) adjustSlices(all []Slicing) {
	p := make([][]float64, len(a.Metrics))
	eachDifference(all, func(_ *Slicing, _ *Slice, c *SliceCandidate, m int) { p[m] = append(p[m], c.Differences[m].P) })
	for m := range p {
		p[m] = resample.BenjaminiHochberg(p[m])
	}
	eachDifference(all, func(_ *Slicing, s *Slice, c *SliceCandidate, m int) {
		d := &c.Differences[m]
		d.PAdjusted, p[m] = p[m][0], p[m][1:]
		d.Verdict = verdict(*d, a.Metrics[m], s.Families >= minUnits)
	})
}

// worstSlices finds each candidate's weakest slice on the primary metric.
func (a *analysis) worstSlices(all []Slice) []WorstSlice {
	m := a.metricIndex(a.Primary)
	var out []WorstSlice
	for i, col := range a.columns {
		at, filled := -1, 0
		for v := range all {
			if all[v].Missing != "" || all[v].Candidates[i].Scores[m].Missing != "" {
				continue
			}
			filled++
			if at < 0 || gainOf(all[v].Candidates[i].Scores[m].Value-all[at].Candidates[i].Scores[m].Value, a.Metrics[m]) < 0 {
				at = v
			}
		}
		if filled > 1 {
			out = append(out, WorstSlice{Candidate: col.name, Value: all[at].Value, Items: all[at].Items, Score: all[at].Candidates[i].Scores[m]})
		}
	}
	return out
}

// contradictions warns where slices say something else than the whole does: most
// of them the opposite (Simpson 1951), or one of them significantly so.
func (a *analysis) contradictions(g *Slicing) []string {
	var out []string
	for i := range a.columns {
		if i == a.base {
			continue
		}
		for m, info := range a.Metrics {
			whole := a.Candidates[i].Differences[m]
			if info.Direction == DirectionNone || whole.Delta == 0 {
				continue
			}
			against, of := 0, 0
			for _, s := range g.Slices {
				if s.Missing != "" || s.Candidates[i].Scores[m].Missing != "" {
					continue
				}
				of++
				part := s.Candidates[i].Differences[m]
				if part.Delta*whole.Delta >= 0 {
					continue
				}
				against++
				if part.PAdjusted < alpha {
					out = append(out, fmt.Sprintf("%s differs from %s on %s by %s overall, but by %s in %s %s (n = %d): the whole hides a reversal.", a.columns[i].name, a.columns[a.base].name, info.Title,
						signed(whole.Delta, info.Unit), difference(part, info), g.Key, s.Value, s.Items))
				}
			}
			significant := whole.PAdjusted < alpha
			if of > 1 && (against == of || significant && 2*against > of) {
				out = append(out, fmt.Sprintf("Simpson's paradox: %s differs from %s on %s by %s overall, and has the opposite sign in %d of the %d slices by %s; look at the slices before you decide.",
					a.columns[i].name, a.columns[a.base].name, info.Title, difference(whole, info), against, of, g.Key))
			}
		}
	}
	return out
}

// sliceReasons are sentences for the decision: where a challenger is significantly
// worse than the baseline, and what contradicts the whole.
func (c *Comparison) sliceReasons() []string {
	var out []string
	eachDifference(c.Slices, func(g *Slicing, s *Slice, k *SliceCandidate, m int) {
		d, info := k.Differences[m], c.Metrics[m]
		if d.Verdict == VerdictWorse {
			out = append(out, fmt.Sprintf("%s is worse than %s in %s %s (n = %d) on %s by %s, adjusted over the slices.", k.Name, c.Baseline, g.Key, s.Value, s.Items, info.Title, difference(d, info)))
		}
	})
	for _, g := range c.Slices {
		out = append(out, g.Warnings...)
	}
	return out
}
