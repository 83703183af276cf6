package shard

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"math"
	"slices"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/metric"
	"stylesprint/evaluate/resample"
)

// Statistics are what is kept of a scored shard, and of all shards together.
type Statistics struct {
	Version    int       `json:"version"`
	Seed       uint64    `json:"seed"`
	Replicates int       `json:"replicates"`
	Shards     int       `json:"shards"` // that were merged; 1 for a shard
	Items      int       `json:"items"`
	Families   int       `json:"families"`
	Operation  Operation `json:"operation"`
	Metrics    []Metric  `json:"metrics"`
}

// Metric is one metric's part. Cost and latency are kept in the same way.
type Metric struct {
	Name      string `json:"name"`
	Unit      string `json:"unit"`
	Signature string `json:"signature"`
	// Sum holds the sums of the metric's statistics over the outputs, then the number of
	// outputs that were measured.
	Sum Vector `json:"sum"`
	// Replicates holds such sums for one replicate of the bootstrap after the other.
	// It is dropped once all shards are merged.
	Replicates Vector `json:"replicates,omitempty"`
	Truncated  int    `json:"truncated"` // outputs that the model behind the metric did not read to their end
	// Families is how many have an output that was measured; Single says that none has more than one.
	Families int  `json:"families"`
	Single   bool `json:"single"`
	// Once all shards are merged: the metric's value, and that of each replicate in which
	// an output was drawn; NaN in others.
	Value  float64 `json:"value"`
	Values Vector  `json:"values,omitempty"`
}

// Names of the metrics that are made of calls and not of texts.
const (
	CostName    = "cost"
	LatencyName = "latency"
)

// Outputs is the number of outputs that were measured.
func (m Metric) Outputs() int { return int(m.Sum[len(m.Sum)-1]) }

// Operation counts outputs and what they took.
type Operation struct {
	Outputs    int               `json:"outputs"` // finished, failed ones included
	Failed     int               `json:"failed"`
	Replayed   int               `json:"replayed"`
	Cut        int               `json:"cut"` // ended at the token limit
	Usage      stylesprint.Usage `json:"usage"`
	Cost       stylesprint.Money `json:"cost"`
	Latency    Sketch            `json:"latency"`     // seconds; outputs that were not replayed and did not fail
	FirstToken Sketch            `json:"first_token"` // seconds; those of them for which the driver knows
}

func (o *Operation) merge(p Operation) {
	o.Outputs += p.Outputs
	o.Failed += p.Failed
	o.Replayed += p.Replayed
	o.Cut += p.Cut
	o.Usage = o.Usage.Add(p.Usage)
	o.Cost += p.Cost
	o.Latency.Merge(p.Latency)
	o.FirstToken.Merge(p.FirstToken)
}

const statisticsVersion = 1

// Encode is the form in which statistics are stored: JSON, compressed.
func (s Statistics) Encode() ([]byte, error) {
	var b bytes.Buffer
	z, err := gzip.NewWriterLevel(&b, gzip.BestSpeed)
	if err != nil {
		return nil, fmt.Errorf("encode statistics: %w", err)
	}
	if err := errors.Join(json.NewEncoder(z).Encode(s), z.Close()); err != nil {
		return nil, fmt.Errorf("encode statistics: %w", err)
	}
	return b.Bytes(), nil
}

// Decode reads what Encode has written.
func Decode(body []byte) (Statistics, error) {
	var s Statistics
	z, err := gzip.NewReader(bytes.NewReader(body))
	if err == nil {
		err = json.NewDecoder(io.LimitReader(z, maxBody)).Decode(&s)
	}
	if err == nil && (s.Version != statisticsVersion || s.Replicates != Replicates || s.Seed != Seed) {
		err = fmt.Errorf("they are of version %d, with %d replicates of seed %d", s.Version, s.Replicates, s.Seed)
	}
	for _, m := range s.Metrics {
		if len(m.Sum) < 2 || len(m.Replicates) != 0 && len(m.Replicates) != Replicates*len(m.Sum) || len(m.Values) != 0 && len(m.Values) != Replicates {
			err = cmp.Or(err, fmt.Errorf("metric %s has vectors of wrong lengths", m.Name))
		}
	}
	if err != nil {
		return s, &stylesprint.Error{Code: stylesprint.CodeConflict, Message: "statistics cannot be read", Hint: "give the eval run command again with --new", Err: err}
	}
	return s, nil
}

// maxBody bounds what is read of stored statistics, in bytes: a metric has some 100 kB.
const maxBody = 256 << 20

// Merge adds the statistics of another shard. Metrics that only one of them has are
// dropped; the order of shards does not matter.
func (s *Statistics) Merge(o Statistics) error {
	s.Shards += o.Shards
	s.Items += o.Items
	s.Families += o.Families
	s.Operation.merge(o.Operation)
	kept := s.Metrics[:0]
	for _, m := range s.Metrics {
		i := slices.IndexFunc(o.Metrics, func(x Metric) bool { return x.Name == m.Name })
		if i < 0 {
			continue
		}
		x := o.Metrics[i]
		if x.Signature != m.Signature || len(x.Sum) != len(m.Sum) || len(x.Replicates) != len(m.Replicates) {
			return &stylesprint.Error{Code: stylesprint.CodeConflict, Message: fmt.Sprintf("%s was measured as %s in one shard and as %s in another", m.Name, m.Signature, x.Signature),
				Hint: "give the eval run command again, so that all shards are scored alike"}
		}
		m.Sum.add(x.Sum)
		m.Replicates.add(x.Replicates)
		m.Truncated += x.Truncated
		m.Families += x.Families
		m.Single = m.Single && x.Single
		kept = append(kept, m)
	}
	s.Metrics = kept
	return nil
}

// collect makes the statistics of one shard that was scored.
func (r *Runner) collect(ctx context.Context, run evaluate.Run, items []dataset.Item, found []evaluate.Found) (Statistics, error) {
	unit, units := evaluate.Families(items)
	families := make([]string, units)
	at := make(map[string]int, len(items))
	for i, item := range items {
		families[unit[i]] = cmp.Or(item.Family, item.ID)
		at[item.ID] = unit[i]
	}
	s := Statistics{Version: statisticsVersion, Seed: Seed, Replicates: Replicates, Shards: 1, Items: len(items), Families: units}
	cost, latency := resample.NewTable(units, 3), resample.NewTable(units, 3)
	err := r.Store.Outputs(ctx, run.ID, func(o evaluate.Output) error {
		s.Operation.add(o, at[o.ItemID], cost, latency)
		return nil
	})
	if err != nil {
		return s, fmt.Errorf("sum up run %s: %w", run.ID, err)
	}
	currency := cmp.Or(run.Candidate.Price.Currency, "USD")
	metrics := []Metric{{Name: CostName, Unit: currency, Signature: "mean cost of an output|" + currency}, {Name: LatencyName, Unit: "s", Signature: "mean seconds of an output|not replayed, not failed"}}
	tables := []resample.Table{cost, latency}
	for _, f := range found {
		info := f.Metric.Info()
		metrics = append(metrics, Metric{Name: info.Name, Unit: info.Unit, Signature: r.signature(f.Metric), Truncated: f.Truncated})
		tables = append(tables, f.Table)
	}
	sums, replicates, err := replicate(ctx, families, tables)
	if err != nil {
		return s, fmt.Errorf("sum up run %s: %w", run.ID, err)
	}
	for i := range metrics {
		metrics[i].Sum, metrics[i].Replicates = sums[i], replicates[i]
		metrics[i].Families, metrics[i].Single = measured(tables[i])
	}
	s.Metrics = metrics
	return s, nil
}

// add counts one output; the tables hold value, outputs, outputs.
func (p *Operation) add(o evaluate.Output, unit int, cost, latency resample.Table) {
	if o.Finished.IsZero() {
		return
	}
	p.Outputs++
	p.Usage = p.Usage.Add(o.Usage)
	p.Cost += o.Cost
	cost.Add(unit, []float64{o.Cost.Units(), 1, 1})
	if o.Error != "" {
		p.Failed++
	}
	if o.Replayed {
		p.Replayed++
	}
	if o.FinishReason == stylesprint.FinishLength {
		p.Cut++
	}
	if o.Error != "" || o.Replayed {
		return
	}
	p.Latency.Add(o.Latency.Seconds())
	latency.Add(unit, []float64{o.Latency.Seconds(), 1, 1})
	if o.FirstToken > 0 {
		p.FirstToken.Add(o.FirstToken.Seconds())
	}
}

// measured counts the rows with an output that was measured, and says whether each has
// one alone.
func measured(t resample.Table) (rows int, single bool) {
	single = true
	for i := range t.Rows() {
		n := t.Row(i)[t.Width-1]
		if n > 0 {
			rows++
		}
		single = single && n <= 1
	}
	return rows, single
}

// valueOf finds how a metric's value comes from its sums.
func valueOf(m Metric, known []metric.Metric) (func([]float64) float64, bool) {
	for _, k := range known {
		if k.Info().Name == m.Name {
			return k.Value, true
		}
	}
	if m.Name == CostName || m.Name == LatencyName || metric.IsMean(m.Signature) {
		return meanValue, true
	}
	if k, ok := metric.Rebuild(m.Name, m.Signature); ok {
		return k.Value, true
	}
	return nil, false
}

func meanValue(sum []float64) float64 {
	if sum[1] == 0 {
		return 0
	}
	return sum[0] / sum[1]
}

// finish computes the metric's value and those of its replicates.
func (m *Metric) finish(value func([]float64) float64) {
	width := len(m.Sum)
	m.Value = value(m.Sum[:width-1])
	m.Values = make(Vector, Replicates)
	for i := range m.Values {
		row := m.Replicates[i*width : (i+1)*width]
		if row[width-1] == 0 {
			m.Values[i] = math.NaN()
			continue
		}
		m.Values[i] = value(row[:width-1])
	}
	m.Replicates = nil
}

// drawn is the values of the replicates in which something was drawn.
func drawn(values Vector) []float64 {
	out := make([]float64, 0, len(values))
	for _, v := range values {
		if !math.IsNaN(v) {
			out = append(out, v)
		}
	}
	return out
}
