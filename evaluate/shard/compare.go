package shard

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/metric"
	"stylesprint/evaluate/resample"
)

// Source of a comparison: a part of Store.
type Reader interface {
	Run(ctx context.Context, id string) (evaluate.Run, error)
	Keeper
}

// CompareOptions configure Compare.
type CompareOptions struct {
	Baseline string  // a candidate's name or a run's id; empty: the first
	Alpha    float64 // default 0.05
}

// Comparison is of sharded runs over the same items. It was made of their merged
// replicates alone: no text was read.
type Comparison struct {
	Dataset    string      `json:"dataset"`
	Items      int         `json:"items"`
	Families   int         `json:"families"`
	Replicates int         `json:"replicates"`
	Level      float64     `json:"level"`
	Baseline   string      `json:"baseline"` // a run's id
	Candidates []Candidate `json:"candidates"`
	// Notes are sentences on what was left out.
	Notes []string `json:"notes,omitempty"`
}

// Candidate is one run.
type Candidate struct {
	Name   string              `json:"name"`
	Run    evaluate.Run        `json:"run"`
	Scores []stylesprint.Score `json:"scores"`
	// Differences from the baseline; none in the baseline itself.
	Differences []Difference `json:"differences,omitempty"`
	Operation   Operation    `json:"operation"`

	metrics []Metric
}

// Verdict puts a difference into a word.
type Verdict string

// The verdicts, from the candidate's point of view. Margins are metric.Info's.
const (
	Better     Verdict = "better"
	Worse      Verdict = "worse"
	Equivalent Verdict = "equivalent" // the whole interval lies within the margin
	Undecided  Verdict = "undecided"
	Shown      Verdict = "shown" // the metric is not judged
)

// Difference is candidate minus baseline, paired by family.
type Difference struct {
	Metric string  `json:"metric"`
	Unit   string  `json:"unit"`
	Delta  float64 `json:"delta"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
	// P is the two-sided p value of the paired bootstrap: the share of replicates whose
	// difference is as far from their mean as the observed one is from 0, widened for few
	// families as the interval is.
	P         float64 `json:"p"`
	PAdjusted float64 `json:"p_adjusted"` // P after Holm over the candidates
	Verdict   Verdict `json:"verdict"`
}

// Compare compares sharded runs that are done. Runs over other items are refused; the
// size of the shards may differ, as replicates do not depend on it. Metrics that were not
// measured alike in all runs are left out and named in a note.
func Compare(ctx context.Context, src Reader, ids []string, o CompareOptions) (Comparison, error) {
	if o.Alpha == 0 {
		o.Alpha = 0.05
	}
	c := Comparison{Replicates: Replicates, Level: Level}
	for _, id := range ids {
		cand, s, err := read(ctx, src, id)
		if err != nil {
			return c, err
		}
		if len(c.Candidates) == 0 {
			c.Dataset, c.Items, c.Families = cand.Run.Dataset, s.Items, s.Families
		} else if a, b := c.Candidates[0].Run, cand.Run; a.DatasetHash != b.DatasetHash || a.Split != b.Split {
			return c, refuse(fmt.Sprintf("runs %s and %s are over different items", a.ID, b.ID), "compare runs of the same dataset and split")
		}
		c.Candidates = append(c.Candidates, cand)
	}
	if len(c.Candidates) < 2 {
		return c, refuse("a comparison needs two runs or more", "stylesprint eval list")
	}
	base := 0
	if o.Baseline != "" {
		base = slices.IndexFunc(c.Candidates, func(x Candidate) bool { return x.Run.ID == o.Baseline || x.Name == o.Baseline })
		if base < 0 {
			return c, refuse(fmt.Sprintf("there is no run of %q among those compared", o.Baseline), "name one of them as the baseline")
		}
	}
	c.Baseline = c.Candidates[base].Run.ID
	for _, m := range c.Candidates[base].metrics {
		c.metric(m, base, o)
	}
	return c, nil
}

func refuse(message, hint string) error {
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: message, Hint: hint}
}

// read loads one run's merged statistics.
func read(ctx context.Context, src Reader, id string) (Candidate, Statistics, error) {
	run, err := src.Run(ctx, id)
	if err != nil {
		return Candidate{}, Statistics{}, err
	}
	if !run.Sharded() {
		return Candidate{}, Statistics{}, refuse("run "+id+" is not sharded", "compare sharded runs with one another: give its eval run command with --shard-size")
	}
	if run.Status != evaluate.StatusDone {
		return Candidate{}, Statistics{}, refuse(fmt.Sprintf("run %s is not done: %d of %d outputs", id, run.Done, run.Total), "give its eval run command again to finish it, or wait for the workers: stylesprint eval list")
	}
	body, err := src.Statistics(ctx, id)
	if err != nil {
		return Candidate{}, Statistics{}, err
	}
	s, err := Decode(body)
	return Candidate{Name: run.Candidate.Name, Run: run, Scores: run.Scores, Operation: s.Operation, metrics: s.Metrics}, s, err
}

// metric adds the differences in one metric.
func (c *Comparison) metric(base Metric, at int, o CompareOptions) {
	var with []int
	var p []float64
	for i := range c.Candidates {
		if i == at {
			continue
		}
		cand := &c.Candidates[i]
		j := slices.IndexFunc(cand.metrics, func(m Metric) bool { return m.Name == base.Name })
		switch {
		case j >= 0 && base.Name == CostName && base.Sum[0] == 0 && cand.metrics[j].Sum[0] == 0:
			continue // there are no prices
		case j < 0 || base.Outputs() == 0 || cand.metrics[j].Outputs() == 0:
			if base.Name != LatencyName { // replayed outputs have none
				c.Notes = append(c.Notes, fmt.Sprintf("%s was not measured in both %s and %s", base.Name, cand.Run.ID, c.Baseline))
			}
			continue
		case cand.metrics[j].Signature != base.Signature:
			c.Notes = append(c.Notes, fmt.Sprintf("%s is not compared: %s has the signature %s, %s has %s", base.Name, c.Baseline, base.Signature, cand.Run.ID, cand.metrics[j].Signature))
			continue
		case base.Name == LatencyName && !alike(cand.Run, c.Candidates[at].Run):
			c.Notes = append(c.Notes, fmt.Sprintf("latencies of %s and %s are not compared: other machines, or another number of calls at once", cand.Run.ID, c.Baseline))
			continue
		}
		d := difference(cand.metrics[j], base)
		with, p = append(with, i), append(p, d.P)
		cand.Differences = append(cand.Differences, d)
	}
	for k, adjusted := range resample.Holm(p) {
		d := &c.Candidates[with[k]].Differences[len(c.Candidates[with[k]].Differences)-1]
		d.PAdjusted = adjusted
		d.Verdict = d.verdict(o.Alpha)
	}
}

// alike says that latencies may be compared.
func alike(a, b evaluate.Run) bool { return a.Machine == b.Machine && a.Concurrency == b.Concurrency }

func difference(m, base Metric) Difference {
	d := Difference{Metric: m.Name, Unit: m.Unit, Delta: m.Value - base.Value}
	values := make(Vector, len(m.Values))
	for i := range values {
		values[i] = m.Values[i] - base.Values[i]
	}
	differences := drawn(values)
	units := min(m.Families, base.Families)
	d.Low, d.High = resample.UnitsInterval(differences, Level, units)
	mean := 0.0
	for _, v := range differences {
		mean += v / float64(len(differences))
	}
	for i, v := range differences {
		differences[i] = math.Abs(v - mean)
	}
	share := resample.PValue(differences, math.Abs(d.Delta), resample.CountTies)
	d.P = min(1, 2*resample.UnitsP(share/2, units))
	return d
}

func (d Difference) verdict(alpha float64) Verdict {
	info, ok := metric.Describe(d.Metric)
	if d.Metric == CostName || d.Metric == LatencyName {
		info.Direction = metric.Lower
	} else if !ok {
		return Shown
	}
	direction := cmp.Or(info.Direction, metric.None)
	switch {
	case direction == metric.None:
		return Shown
	case d.PAdjusted < alpha && (d.Delta > 0) == (direction == metric.Higher):
		return Better
	case d.PAdjusted < alpha:
		return Worse
	case info.Margin > 0 && d.Low > -info.Margin && d.High < info.Margin:
		return Equivalent
	}
	return Undecided
}
