package evaluate

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"stylesprint"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/metric"
	"stylesprint/evaluate/resample"
)

// ScoreLevel is the level of a run's intervals.
const ScoreLevel = 0.95

// scoreSamples is the number of bootstrap samples behind a run's intervals.
const scoreSamples = 1000

// scoreBlock is how many outputs are measured at once.
const scoreBlock = 256

// TruncatedName is the key, beside a metric's own, of the share of outputs that
// the model behind the metric did not read to their end.
func TruncatedName(metric string) string { return metric + "-truncated" }

// UnknownName is the key, beside a metric's own, of the mean share of tokens
// that the model behind the metric does not know. It is there where the share is
// not zero.
func UnknownName(metric string) string { return metric + "-unknown" }

// MaxUnknown is the share of unknown tokens above which a metric's scores are
// worth a warning.
const MaxUnknown = 0.05

// IsAside says that a score's key is about the measuring, not about the texts:
// TruncatedName's or UnknownName's.
func IsAside(name string) bool {
	return strings.HasSuffix(name, TruncatedName("")) || strings.HasSuffix(name, UnknownName(""))
}

// Families numbers the units that are resampled: items with the same family
// belong together, an item without one stands alone.
func Families(items []dataset.Item) (unit []int, units int) {
	numbers := map[string]int{}
	unit = make([]int, len(items))
	for i, item := range items {
		if item.Family == "" {
			unit[i] = units
			units++
			continue
		}
		n, ok := numbers[item.Family]
		if !ok {
			n = units
			numbers[item.Family] = n
			units++
		}
		unit[i] = n
	}
	return unit, units
}

// References is the number of references of items as metric.Metric.Signature
// wants it.
func References(items []dataset.Item) int {
	for _, item := range items {
		if len(item.References) != len(items[0].References) {
			return metric.VaryingReferences
		}
	}
	if len(items) == 0 {
		return 0
	}
	return len(items[0].References)
}

// SampleOf is an output as metrics take it.
func SampleOf(item *dataset.Item, o *Output) metric.Sample {
	s := metric.Sample{Hypothesis: o.Text, References: item.References, Fields: item.Fields, Language: item.Slices["language"], Missing: o.Error != ""}
	if len(item.Images) > 0 {
		s.Image = item.Images[0]
	}
	if tag := item.Slices["language"]; tag != "" && len(item.Fields) > 0 && item.Fields["language"] == "" {
		s.Fields = maps.Clone(item.Fields) // the language of the facts is a fact
		s.Fields["language"] = tag
	}
	return s
}

// references is References of the run's items, or of all shards' where it is one.
func (s *session) references() int {
	if s.plan.Part != nil {
		return s.plan.Part.References
	}
	return References(s.items)
}

// Found is what one metric found out about a run, by family.
type Found struct {
	Metric    metric.Metric
	Signature string
	Families  []string // one for each row: the family, or the id of an item that has none
	// Table holds a row for each family: Info.Width sums of statistics, then the number
	// of outputs that were measured.
	Table     resample.Table
	Truncated int // outputs that the model behind the metric did not read to their end
}

// tally gathers one metric's statistics.
type tally struct {
	metric    metric.Metric
	info      metric.Info
	signature string
	// reusable says that the outputs' stored scores have this signature and are
	// the statistics, so that nothing needs measuring again.
	reusable  bool
	table     resample.Table
	counts    []int // outputs of each unit
	outputs   int
	truncated int
	unknown   float64 // sum of the outputs' shares
}

// scored says that the run has a score for each metric.
func (s *session) scored() bool {
	refs := s.references()
	for _, m := range s.Metrics {
		i := s.scoreIndex(m.Info().Name)
		if i < 0 || s.run.Scores[i].Signature != m.Signature(refs) || s.run.Scores[i].Missing == notScored {
			return false
		}
	}
	return true
}

func (s *session) scoreIndex(name string) int {
	return slices.IndexFunc(s.run.Scores, func(sc stylesprint.Score) bool { return sc.Metric == name })
}

// score measures all outputs and sums the figures up. Scores of metrics that
// are not asked for this time stay.
func (s *session) score(ctx context.Context) error {
	if len(s.Metrics) == 0 {
		if s.Statistics != nil {
			return s.Statistics(ctx, s.run, nil)
		}
		return nil
	}
	unit, units := Families(s.items)
	tallies := s.tallies(units)
	if err := s.save(ctx); err != nil { // so that a later start knows what the outputs' scores mean
		return err
	}
	blocks, whole := split(tallies)
	g := &generation{session: s, started: s.now()}
	if err := s.pass(ctx, g, blocks, unit, scoreBlock); err != nil {
		return err
	}
	g.finished = 0
	if err := s.pass(ctx, g, whole, unit, max(1, s.run.Total)); err != nil {
		return err
	}
	return s.sumUp(ctx, tallies)
}

// split parts the metrics that take outputs in blocks from those that need all at once.
func split(tallies []*tally) (blocks, whole []*tally) {
	for _, t := range tallies {
		if t.info.WholeCorpus {
			whole = append(whole, t)
		} else {
			blocks = append(blocks, t)
		}
	}
	return blocks, whole
}

// pass reads all outputs in blocks of size and measures them.
func (s *session) pass(ctx context.Context, g *generation, tallies []*tally, unit []int, size int) error {
	if len(tallies) == 0 {
		return nil
	}
	block := make([]Output, 0, size)
	flush := func() error {
		if err := s.measure(ctx, block, tallies, unit); err != nil {
			return err
		}
		if err := g.store(ctx, block); err != nil {
			return err
		}
		g.finished += len(block)
		g.report(PhaseScore, g.finished)
		block = block[:0]
		return ctx.Err()
	}
	err := s.Store.Outputs(ctx, s.run.ID, func(o Output) error {
		block = append(block, o)
		if len(block) < size {
			return nil
		}
		return flush()
	})
	if err == nil && len(block) > 0 {
		err = flush()
	}
	if err != nil {
		return fmt.Errorf("score run %s: %w", s.run.ID, err)
	}
	return nil
}

// notScored marks a score that is still to be computed.
const notScored = "not scored yet"

// tallies prepares the metrics and notes in the run which of them are under way.
func (s *session) tallies(units int) []*tally {
	refs := s.references()
	tallies := make([]*tally, len(s.Metrics))
	for i, m := range s.Metrics {
		t := &tally{metric: m, info: m.Info(), signature: m.Signature(refs), table: resample.NewTable(units, m.Info().Width), counts: make([]int, units)}
		tallies[i] = t
		at := s.scoreIndex(t.info.Name)
		t.reusable = at >= 0 && s.run.Scores[at].Signature == t.signature && metric.IsMean(t.signature)
		s.setScore(stylesprint.Score{Metric: t.info.Name, Unit: t.info.Unit, Signature: t.signature, Missing: notScored})
	}
	return tallies
}

func (s *session) setScore(score stylesprint.Score) {
	if at := s.scoreIndex(score.Metric); at >= 0 {
		s.run.Scores[at] = score
		return
	}
	s.run.Scores = append(s.run.Scores, score)
}

// measure scores a block of outputs and adds their statistics up.
func (s *session) measure(ctx context.Context, block []Output, tallies []*tally, unit []int) error {
	for _, t := range tallies {
		var which []int
		var samples []metric.Sample
		for i := range block {
			o := &block[i]
			at := s.index[o.ItemID]
			if old, ok := o.Scores[t.info.Name]; ok && t.reusable {
				t.add(unit[at], metric.Measurement{Stats: []float64{old, 1}, Truncated: o.Scores[TruncatedName(t.info.Name)] > 0, Unknown: o.Scores[UnknownName(t.info.Name)]})
				continue
			}
			which = append(which, i)
			samples = append(samples, SampleOf(&s.items[at], o))
		}
		if len(samples) == 0 {
			continue
		}
		measured, err := t.metric.Measure(ctx, samples)
		if err != nil {
			return err
		}
		for j, i := range which {
			o := &block[i]
			if o.Scores == nil {
				o.Scores = map[string]float64{}
			}
			if measured[j].Absent {
				delete(o.Scores, t.info.Name)
				continue
			}
			o.Scores[t.info.Name] = measured[j].Score
			delete(o.Scores, UnknownName(t.info.Name))
			if measured[j].Unknown > 0 {
				o.Scores[UnknownName(t.info.Name)] = measured[j].Unknown
			}
			if t.info.Truncates {
				o.Scores[TruncatedName(t.info.Name)] = 0
				if measured[j].Truncated {
					o.Scores[TruncatedName(t.info.Name)] = 1
				}
			}
			t.add(unit[s.index[o.ItemID]], measured[j])
		}
	}
	return nil
}

func (t *tally) add(unit int, m metric.Measurement) {
	t.table.Add(unit, m.Stats)
	t.counts[unit]++
	t.outputs++
	t.unknown += m.Unknown
	if m.Truncated {
		t.truncated++
	}
}

// sumUp computes the run's scores and their intervals.
func (s *session) sumUp(ctx context.Context, tallies []*tally) error {
	tables := make([]resample.Table, len(tallies))
	for i, t := range tallies {
		tables[i] = t.table
	}
	var samples []resample.Table
	var err error
	if s.Statistics != nil {
		err = s.Statistics(ctx, s.run, s.found(tallies))
	} else {
		samples, err = resample.Bootstrap(ctx, tables, resample.Options{Samples: scoreSamples, Seed: resample.DefaultSeed})
	}
	if err != nil {
		return err
	}
	for i, t := range tallies {
		value := t.metric.Value(t.table.Sum())
		score := stylesprint.Score{Metric: t.info.Name, Value: value, Low: value, High: value, N: len(s.items), Unit: t.info.Unit, Signature: t.signature}
		if t.info.MayBeAbsent() {
			score.N = t.outputs / s.plan.Repeat // absent items depend on the item alone
		}
		if t.outputs == 0 {
			s.setScore(stylesprint.Score{Metric: t.info.Name, Unit: t.info.Unit, Signature: t.signature, Missing: absence(t.info)})
			continue
		}
		if t.table.Rows() > 1 && samples != nil {
			score.Low, score.High = resample.UnitsInterval(samples[i].Scores(t.metric.Value), ScoreLevel, t.table.Rows())
			score.Level = ScoreLevel
		}
		if t.info.Rate {
			if low, high, ok := resample.RateInterval(t.table, ScoreLevel); ok {
				score.Low, score.High, score.Level = low, high, ScoreLevel
			}
		}
		s.setScore(score)
		s.setUnknown(t)
		if t.info.Truncates {
			share := float64(t.truncated) / float64(max(1, t.outputs))
			s.setScore(stylesprint.Score{Metric: TruncatedName(t.info.Name), Value: share, Low: share, High: share, N: t.outputs, Unit: "0-1",
				Signature: t.signature + "|share:truncated"})
		}
	}
	return nil
}

// setUnknown notes the share of unknown tokens, or takes an older one away.
func (s *session) setUnknown(t *tally) {
	name := UnknownName(t.info.Name)
	if t.unknown == 0 {
		s.run.Scores = slices.DeleteFunc(s.run.Scores, func(sc stylesprint.Score) bool { return sc.Metric == name })
		return
	}
	share := t.unknown / float64(max(1, t.outputs))
	s.setScore(stylesprint.Score{Metric: name, Value: share, Low: share, High: share, N: t.outputs, Unit: "0-1", Signature: t.signature + "|share:unknown-tokens"})
}

// found is the tallies by family, for Runner.Statistics.
func (s *session) found(tallies []*tally) []Found {
	unit, units := Families(s.items)
	families := make([]string, units)
	for i, item := range s.items {
		families[unit[i]] = cmp.Or(item.Family, item.ID)
	}
	out := make([]Found, len(tallies))
	for i, t := range tallies {
		out[i] = Found{Metric: t.metric, Signature: t.signature, Families: families, Truncated: t.truncated, Table: resample.NewTable(units, t.info.Width+1)}
		for u := range units {
			row := out[i].Table.Row(u)
			copy(row, t.table.Row(u))
			row[t.info.Width] = float64(t.counts[u])
		}
	}
	return out
}

// absence says why a metric measured none of the items.
func absence(info metric.Info) string {
	if info.NeedsImages {
		return "not measured: no images"
	}
	if info.EnglishOnly {
		return "not measured: no item is in English"
	}
	return "not measured: the items lack the facts that it needs"
}
