package compare

import (
	"context"
	"fmt"
	"math"

	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/metric"
	"stylesprint/evaluate/resample"
)

// column is what is read of one run: statistics by unit, and the values of
// single outputs. It holds numbers only, so that a large run fits into memory.
type column struct {
	run   evaluate.Run
	name  string
	items []dataset.Item
	index map[string]int
	unit  []int

	measures []measure      // by metric
	cost     resample.Table // currency units, outputs
	waiting  resample.Table // seconds, outputs, completion tokens of those that were neither replayed nor failed
	latency  []timed
	first    []timed
	reported []timed // latencies that a record tells
	calls    []span  // when the measured calls were under way

	operation Operation
	prompt    int
	complete  int
	uncounted int // outputs that neither failed nor carry tokens or a cost
	truncated map[string]int
}

// span is the time of one call, in nanoseconds since 1970.
type span struct{ from, to int64 }

// measure is one metric of a run.
type measure struct {
	name   string
	metric metric.Metric // nil: the stored item scores are the statistics
	value  func([]float64) float64
	items  resample.Table // statistics by item
	table  resample.Table // by unit: the same where every item stands alone
	scores []float64      // of single outputs
	// partial says that items without what the metric needs have no score.
	partial bool
	// whole says that the metric is measured again over all outputs at once.
	whole bool
	// rate says that the score is a share of items with 0 or 1 each.
	rate bool
	// present counts, for a partial metric, the outputs of each item that have a score.
	present []int
	samples []metric.Sample
	at      []int // the item of each sample
}

// timed is a duration of one output.
type timed struct {
	seconds float64
	unit    int
}

// measureBlock is how many texts are scored again at once.
const measureBlock = 1024

func newColumn(run evaluate.Run, name string, c *Comparison, items []dataset.Item, unit []int) (*column, error) {
	col := &column{run: run, name: name, items: items, unit: unit, index: make(map[string]int, len(items)), truncated: map[string]int{}}
	for i := range items {
		col.index[items[i].ID] = i
	}
	for _, m := range c.Metrics {
		x := measure{name: m.Name, value: meanValue}
		if info, ok := metric.Describe(m.Name); ok {
			x.partial, x.whole, x.rate = info.MayBeAbsent(), info.WholeCorpus, info.Rate
		}
		width := 2
		if !metric.IsMean(m.Signature) {
			again, ok := metric.Rebuild(m.Name, m.Signature)
			if !ok {
				return nil, refuse(fmt.Sprintf("%s of run %s cannot be resampled: its signature %s is of another version", m.Name, run.ID, m.Signature), "score the run again with this version")
			}
			x.metric, x.value, width = again, again.Value, again.Info().Width
		}
		x.items = resample.NewTable(len(items), width)
		if x.partial {
			x.present = make([]int, len(items))
		}
		col.measures = append(col.measures, x)
	}
	col.cost = resample.NewTable(c.Families, 2)
	col.waiting = resample.NewTable(c.Families, 3)
	return col, nil
}

// gather adds the rows of items up by unit.
func gather(items resample.Table, unit []int, units int) resample.Table {
	if units == items.Rows() {
		return items // no two items share a unit, and units are numbered in the order of items
	}
	out := resample.NewTable(units, items.Width)
	for i, u := range unit {
		out.Add(u, items.Row(i))
	}
	return out
}

// meanValue is the score of a mean-like metric.
func meanValue(sum []float64) float64 {
	if sum[1] == 0 {
		return 0
	}
	return sum[0] / sum[1]
}

// read streams the run's outputs.
func (c *column) read(ctx context.Context, src Source) error {
	block := make([]evaluate.Output, 0, measureBlock)
	flush := func() error {
		defer func() { block = block[:0] }()
		return c.add(ctx, block)
	}
	err := src.Outputs(ctx, c.run.ID, func(o evaluate.Output) error {
		block = append(block, o)
		if len(block) < measureBlock {
			return nil
		}
		return flush()
	})
	if err == nil {
		err = flush()
	}
	for i := range c.measures {
		if err == nil {
			m := &c.measures[i]
			err = m.remeasure(ctx)
			m.table = gather(m.items, c.unit, c.cost.Rows())
		}
	}
	if err == nil {
		err = c.check()
	}
	if err != nil {
		return fmt.Errorf("read outputs of run %s: %w", c.run.ID, err)
	}
	return nil
}

// check compares what was read with what the run says of itself.
func (c *column) check() error {
	if want := len(c.items) * c.run.Repeat; c.operation.Outputs != want {
		return refuse(fmt.Sprintf("run %s (%s) holds %d outputs where %d are needed", c.run.ID, c.name, c.operation.Outputs, want), "give the command that began it again; it resumes")
	}
	for i := range c.measures {
		m := &c.measures[i]
		want, _ := scoreOf(c.run, m.name)
		got := m.value(m.table.Sum())
		if math.Abs(got-want.Value) > 1e-6*max(1, math.Abs(want.Value)) {
			return refuse(fmt.Sprintf("%s of run %s is stored as %v and its outputs make %v", m.name, c.run.ID, want.Value, got), "score the run again: give its `eval run` command again with --new")
		}
	}
	return nil
}

// add takes a block of outputs in.
func (c *column) add(ctx context.Context, block []evaluate.Output) error {
	if len(block) == 0 {
		return nil
	}
	for i := range block {
		o := &block[i]
		at, ok := c.index[o.ItemID]
		if !ok {
			return refuse(fmt.Sprintf("run %s holds an output of item %q, which the dataset does not have", c.run.ID, o.ItemID), "")
		}
		c.operate(o, c.unit[at])
	}
	for i := range c.measures {
		if err := c.measure(ctx, &c.measures[i], block); err != nil {
			return err
		}
	}
	return nil
}

// operate notes what one output took.
func (c *column) operate(o *evaluate.Output, unit int) {
	op := &c.operation
	op.Outputs++
	c.prompt += o.Usage.PromptTokens
	c.complete += o.Usage.CompletionTokens
	c.cost.Add(unit, []float64{o.Cost.Units(), 1})
	if o.FinishReason == "length" {
		op.Cut++
	}
	if o.Error == "" && o.Usage.Total() == 0 && o.Cost == 0 {
		c.uncounted++
	}
	switch {
	case o.Replayed:
		op.Replayed++
		if seconds := o.Scores[evaluate.ReportedLatency]; seconds > 0 && o.Error == "" {
			c.reported = append(c.reported, timed{seconds, unit})
		}
	case o.Error == "":
		seconds := o.Latency.Seconds()
		c.latency = append(c.latency, timed{seconds, unit})
		c.waiting.Add(unit, []float64{seconds, 1, float64(o.Usage.CompletionTokens)})
		to := o.Finished.UnixNano()
		c.calls = append(c.calls, span{to - o.Latency.Nanoseconds(), to})
		if o.FirstToken > 0 {
			c.first = append(c.first, timed{o.FirstToken.Seconds(), unit})
		}
	}
	if o.Error != "" {
		op.Failed++
	}
}

// measure adds one metric's statistics of a block.
func (c *column) measure(ctx context.Context, m *measure, block []evaluate.Output) error {
	if m.metric == nil {
		for i := range block {
			o := &block[i]
			score, ok := o.Scores[m.name]
			if !ok && m.partial {
				continue
			}
			if !ok {
				return refuse(fmt.Sprintf("item %q of run %s has no score of metric %s", o.ItemID, c.run.ID, m.name), "give the command that began the run again; it scores what is missing")
			}
			m.take(c.index[o.ItemID], []float64{score, 1}, score)
			if o.Scores[evaluate.TruncatedName(m.name)] > 0 {
				c.truncated[m.name]++
			}
		}
		return nil
	}
	for i := range block {
		o := &block[i]
		at := c.index[o.ItemID]
		m.samples = append(m.samples, evaluate.SampleOf(&c.items[at], o))
		m.at = append(m.at, at)
	}
	if m.whole {
		return nil
	}
	return m.remeasure(ctx)
}

// take adds what was measured of one output.
func (m *measure) take(item int, stats []float64, score float64) {
	m.items.Add(item, stats)
	m.scores = append(m.scores, score)
	if m.partial {
		m.present[item]++
	}
}

// remeasure scores the gathered samples again and lets go of them.
func (m *measure) remeasure(ctx context.Context) error {
	if len(m.samples) == 0 {
		return nil
	}
	measured, err := m.metric.Measure(ctx, m.samples)
	if err != nil {
		return err
	}
	for i, x := range measured {
		if x.Absent {
			continue
		}
		m.take(m.at[i], x.Stats, x.Score)
	}
	clear(m.samples)
	m.samples, m.at = m.samples[:0], m.at[:0]
	return nil
}
