package compare

import (
	"context"
	"fmt"
	"math"
	"slices"
	"strings"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/metric"
	"stylesprint/evaluate/resample"
)

// Source is the part of an evaluate.Store that a comparison reads.
type Source interface {
	// Run returns one run; an error with code not_found if there is none.
	Run(ctx context.Context, id string) (evaluate.Run, error)
	// Outputs calls yield for each output, ordered by item and repeat, until
	// yield returns an error, which it returns.
	Outputs(ctx context.Context, runID string, yield func(evaluate.Output) error) error
}

// Options say what is compared and how. The zero value but for Dataset is good.
type Options struct {
	// Dataset is the one that the runs were made with; it holds the references.
	Dataset dataset.Dataset
	// Baseline is the candidate's name or the run's id that the others are
	// compared with: the incumbent. Defaults to the first run.
	Baseline string
	// Rule decides. Defaults to RuleBetter.
	Rule Rule
	// Against is what RuleCheapest holds candidates against. Defaults to AgainstBest.
	Against Against
	// Primary is the metric that a candidate must win on. Defaults to the first
	// that is judged.
	Primary string
	// Metrics are those to show, in order. Defaults to all that every run has.
	Metrics []string
	// Judged are the metrics that the decision rests on. Defaults to those that are
	// marked so (metric.Info) and the primary one; where the runs share none of them, to
	// all that have a direction.
	Judged []string
	// Margins are the largest losses that do not matter, by metric. Defaults to
	// each metric's own (metric.Info), or a tenth of the baseline's score where
	// that is less: a margin as large as the score would excuse anything.
	Margins map[string]float64
	// Bootstrap and Randomization are numbers of resamples and trials. Default
	// to 1,000 and 10,000, as in sacrebleu.
	Bootstrap     int
	Randomization int
	// Seed defaults to resample.DefaultSeed.
	Seed uint64
	// SliceMinimum is how many units (families or items) a slice needs for
	// figures of its own. Defaults to 10.
	SliceMinimum int
	// Reported are figures from elsewhere, shown apart: see ReadReported.
	Reported []Reported
}

// Against is the reference of RuleCheapest.
type Against string

// The references of RuleCheapest.
const (
	AgainstBest     Against = "best"     // the candidate with the best score on the primary metric
	AgainstBaseline Against = "baseline" // the incumbent
)

const (
	level = 0.95
	alpha = 0.05
	power = 0.8 // "four times in five"
)

// Compare sets runs beside one another; the order of runIDs is the order of the
// candidates. At least two runs are needed. They are finished, over the same
// split of the same dataset, and scored with the same signatures; otherwise
// they are refused.
func Compare(ctx context.Context, src Source, runIDs []string, o Options) (Comparison, error) {
	runs, err := load(ctx, src, runIDs)
	if err != nil {
		return Comparison{}, err
	}
	if err := comparable(runs, o.Dataset); err != nil {
		return Comparison{}, err
	}
	if err := o.check(); err != nil {
		return Comparison{}, err
	}
	c := Comparison{
		Reported: o.Reported,
		Dataset:  runs[0].Dataset, DatasetHash: runs[0].DatasetHash, Split: runs[0].Split,
		Method: Method{Level: level, Alpha: alpha, Bootstrap: o.Bootstrap, Randomization: o.Randomization, Seed: o.Seed, Unit: "item",
			Interval: "paired percentile bootstrap, widened as Student's t for few units", Slices: "Benjamini-Hochberg over all slices and challengers of a metric"},
	}
	if err := c.chooseMetrics(runs, o); err != nil {
		return Comparison{}, err
	}
	items := o.Dataset.Only(c.Split)
	unit, units := evaluate.Families(items)
	c.Items, c.Families = len(items), units
	if units < len(items) {
		c.Method.Unit = "family"
	}
	columns := make([]*column, len(runs))
	for i, name := range names(runs) {
		col, err := newColumn(runs[i], name, &c, items, unit)
		if err != nil {
			return Comparison{}, err
		}
		if err := col.read(ctx, src); err != nil {
			return Comparison{}, err
		}
		columns[i] = col
	}
	base, err := baseline(columns, o.Baseline)
	if err != nil {
		return Comparison{}, err
	}
	c.limitMargins(columns[base].run, o.Margins)
	a := analysis{Comparison: &c, columns: columns, base: base, rule: o.Rule, against: o.Against}
	if err := a.run(ctx); err != nil {
		return Comparison{}, err
	}
	if c.Slices, err = a.slices(ctx, items, unit, o.SliceMinimum); err != nil {
		return Comparison{}, err
	}
	c.Pareto = a.fronts()
	c.warn(columns)
	c.Decision = decide(&c, a.rivals)
	return c, nil
}

// check fills in what was left out and refuses what is not known.
func (o *Options) check() error {
	if o.Bootstrap <= 0 {
		o.Bootstrap = 1000
	}
	if o.Randomization <= 0 {
		o.Randomization = 10000
	}
	if o.Seed == 0 {
		o.Seed = resample.DefaultSeed
	}
	if o.SliceMinimum <= 0 {
		o.SliceMinimum = minUnits
	}
	if o.Rule == "" {
		o.Rule = RuleBetter
	}
	if o.Against == "" {
		o.Against = AgainstBest
	}
	if o.Rule != RuleBetter && o.Rule != RuleCheapest {
		return refuse(fmt.Sprintf("there is no rule %q", o.Rule), "name one of better and cheapest")
	}
	if o.Against != AgainstBest && o.Against != AgainstBaseline {
		return refuse(fmt.Sprintf("there is no reference %q", o.Against), "name one of best and baseline")
	}
	for name, margin := range o.Margins {
		if !(margin >= 0) || math.IsInf(margin, 0) {
			return refuse(fmt.Sprintf("the margin of %s is %v", name, margin), "give a margin of 0 or more, in the metric's unit")
		}
	}
	return nil
}

func load(ctx context.Context, src Source, runIDs []string) ([]evaluate.Run, error) {
	if len(runIDs) < 2 {
		return nil, refuse("a comparison needs at least two runs", "name two or more runs; `stylesprint eval list` shows them")
	}
	runs := make([]evaluate.Run, len(runIDs))
	for i, id := range runIDs {
		if slices.Contains(runIDs[:i], id) {
			return nil, refuse(fmt.Sprintf("run %s is named twice", id), "name each run once")
		}
		run, err := src.Run(ctx, id)
		if err != nil {
			return nil, fmt.Errorf("read run %s: %w", id, err)
		}
		runs[i] = run
	}
	return runs, nil
}

// comparable refuses runs whose figures do not belong beside one another.
func comparable(runs []evaluate.Run, d dataset.Dataset) error {
	first := runs[0]
	for _, r := range runs {
		switch {
		case r.Status != evaluate.StatusDone:
			return refuse(fmt.Sprintf("run %s (%s) is not finished: %d of %d outputs", r.ID, r.Candidate.Name, r.Done, r.Total),
				"give the command that began it again; it resumes")
		case r.DatasetHash != first.DatasetHash:
			return refuse(fmt.Sprintf("run %s is over dataset %s and run %s over %s, whose items differ (%.12s and %.12s)",
				first.ID, first.Dataset, r.ID, r.Dataset, first.DatasetHash, r.DatasetHash), "compare runs over the same version of a dataset")
		case r.Split != first.Split:
			return refuse(fmt.Sprintf("run %s is over split %q and run %s over split %q", first.ID, first.Split, r.ID, r.Split), "compare runs over the same split")
		}
	}
	if d.Hash != first.DatasetHash {
		return refuse(fmt.Sprintf("dataset %s (%.12s) is not the one that run %s was made with (%.12s)", d.Name, d.Hash, first.ID, first.DatasetHash),
			"give the dataset of the runs; a changed item changes its hash")
	}
	return nil
}

func refuse(message, hint string) error {
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: message, Hint: hint}
}

// limitMargins bounds the margins that were not asked for by the baseline's scores.
func (c *Comparison) limitMargins(base evaluate.Run, asked map[string]float64) {
	for i := range c.Metrics {
		m := &c.Metrics[i]
		if _, ok := asked[m.Name]; !ok {
			s, _ := scoreOf(base, m.Name)
			m.Margin = min(m.Margin, math.Abs(s.Value)/10)
		}
	}
}

func scoreOf(r evaluate.Run, name string) (stylesprint.Score, bool) {
	for _, s := range r.Scores {
		if s.Metric == name && s.Missing == "" {
			return s, true
		}
	}
	return stylesprint.Score{}, false
}

// describe makes a column of a score. A metric that this version does not know
// is shown and not judged.
func describe(s stylesprint.Score, margins map[string]float64) Metric {
	m := Metric{Name: s.Metric, Title: s.Metric, Unit: s.Unit, Signature: s.Signature, Direction: DirectionNone}
	if info, ok := metric.Describe(s.Metric); ok {
		m.Title, m.Direction, m.Margin = info.Title, info.Direction, info.Margin
	}
	if margin, ok := margins[s.Metric]; ok && m.Direction != DirectionNone {
		m.Margin = margin
	}
	return m
}

// names are the candidates' names, with the run's id where two are the same.
func names(runs []evaluate.Run) []string {
	out := make([]string, len(runs))
	for i, r := range runs {
		out[i] = r.Candidate.Name
		for j, other := range runs {
			if i != j && other.Candidate.Name == r.Candidate.Name {
				out[i] = fmt.Sprintf("%s (%s)", r.Candidate.Name, r.ID)
			}
		}
	}
	return out
}

func baseline(columns []*column, asked string) (int, error) {
	all := make([]string, len(columns))
	for i, col := range columns {
		all[i] = col.name
		if asked == "" || asked == col.name || asked == col.run.ID {
			return i, nil
		}
	}
	return 0, refuse(fmt.Sprintf("there is no candidate %q to compare with", asked), "name one of "+strings.Join(all, ", "))
}
