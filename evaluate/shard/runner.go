package shard

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/metric"
	"stylesprint/evaluate/resample"
)

// Keeper keeps statistics by run.
type Keeper interface {
	// SaveStatistics creates or replaces the statistics of a run, which must be there.
	SaveStatistics(ctx context.Context, runID string, body []byte) error
	// Statistics returns them; an error with code not_found if there are none.
	Statistics(ctx context.Context, runID string) ([]byte, error)
}

// Store is what sharded runs are kept in. It is safe for use by several processes. Of a
// sharded run it returns the sums of its shards' Done, Failed and RepeatedCalls.
type Store interface {
	evaluate.Store
	Keeper
}

// Runner executes a plan shard by shard.
type Runner struct {
	// Runner asks, replays and scores; its Store, Progress and Statistics are set here.
	Runner evaluate.Runner
	Store  Store
	Set    Set
	// Plan is that of the whole run. Its Dataset, Recorded, ShardSize and Part are set here.
	Plan evaluate.Plan
	// Recordings are answers that are taken instead of calls; may be nil.
	Recordings *Recordings
	// Progress, if set, is told after every output, one call at a time.
	Progress func(Progress)
}

// Progress is how far a run has come over all shards.
type Progress struct {
	Shard, Shards int // the one under way, from 1
	Phase         evaluate.Phase
	Done, Total   int // outputs of all shards, those of earlier starts included
	Failed        int
}

// Run does all that is left of a run in this process, one shard after the other. When ctx
// ends the run is left interrupted; the same plan resumes it. Beside an error the run is
// returned as far as it came.
func (r *Runner) Run(ctx context.Context) (evaluate.Run, error) {
	run, err := r.Start(ctx)
	if err != nil || run.Status == evaluate.StatusDone {
		return run, err
	}
	for n := range r.Set.Shards {
		if err := r.Shard(ctx, run, n+1); err != nil {
			return r.Stop(ctx, run, err)
		}
	}
	run, _, err = r.Finish(ctx, run.ID)
	return run, err
}

// plan is that of the whole run.
func (r *Runner) plan() evaluate.Plan {
	p := r.Plan
	p.Dataset = dataset.Dataset{Name: r.Set.Name, Hash: r.Set.Hash}
	p.Split, p.ShardSize, p.Part, p.Recorded = r.Set.Split, r.Set.Size, nil, nil
	if r.Recordings != nil {
		p.Recorded = evaluate.RecordingByHash(r.Recordings.name, r.Recordings.sum)
	}
	return p
}

// Start finds or makes the run, and calls it running unless there is nothing left to do.
func (r *Runner) Start(ctx context.Context) (evaluate.Run, error) {
	e := r.Runner
	e.Store = r.Store
	total := r.Set.Items * max(1, r.Plan.Repeat)
	run, err := e.Begin(ctx, r.plan(), len(r.Set.Shards), total)
	if err != nil || run.Status == evaluate.StatusDone && r.scored(run) && !(r.Plan.RetryFailed && run.Failed > 0) {
		return run, err
	}
	run.Status, run.Error, run.Finished = evaluate.StatusRunning, "", time.Time{}
	return run, r.save(ctx, run)
}

// scored says that a run has a score for each metric.
func (r *Runner) scored(run evaluate.Run) bool {
	for _, m := range r.Runner.Metrics {
		if !slices.ContainsFunc(run.Scores, func(s stylesprint.Score) bool { return s.Metric == m.Info().Name && s.Signature == r.signature(m) }) {
			return false
		}
	}
	return true
}

// Shard runs and scores shard n, from 1, of a run that Start has begun, unless that is done.
func (r *Runner) Shard(ctx context.Context, run evaluate.Run, n int) error {
	d, err := r.Set.Dataset(n)
	if err != nil {
		return err
	}
	p := r.Plan
	p.Dataset, p.Split, p.New, p.ShardSize = d, "", false, 0
	p.Part = &evaluate.Part{Parent: run.ID, Shard: n, Shards: len(r.Set.Shards), References: r.Set.References}
	id, err := p.ID()
	if err != nil {
		return err
	}
	known, err := r.Store.Run(ctx, id)
	if err != nil && stylesprint.CodeOf(err) != stylesprint.CodeNotFound {
		return err
	}
	again := p.RetryFailed && known.Failed > 0
	if done, err := r.done(ctx, known); err != nil || done && !again {
		return err
	}
	if r.Recordings != nil {
		if p.Recorded, err = r.Recordings.shard(n); err != nil {
			return err
		}
	}
	whole, err := r.Store.Run(ctx, run.ID)
	if err != nil {
		return err
	}
	e := r.Runner
	e.Store = r.Store
	e.Progress = r.progress(whole, known, n)
	e.Statistics = func(ctx context.Context, child evaluate.Run, found []evaluate.Found) error {
		return r.keep(ctx, child, d.Items, found)
	}
	if _, err := e.Run(ctx, p); err != nil {
		return fmt.Errorf("shard %d of %d: %w", n, len(r.Set.Shards), err)
	}
	return nil
}

// progress turns a shard's into the whole run's.
func (r *Runner) progress(whole, known evaluate.Run, n int) func(evaluate.Progress) {
	if r.Progress == nil {
		return nil
	}
	done, failed := whole.Done-known.Done, whole.Failed-known.Failed // of the other shards
	return func(p evaluate.Progress) {
		q := Progress{Shard: n, Shards: len(r.Set.Shards), Phase: p.Phase, Done: done + p.Done, Total: whole.Total, Failed: failed + p.Failed}
		if p.Phase == evaluate.PhaseScore {
			q.Done = done + p.Total
		}
		r.Progress(q)
	}
}

// signature is a metric's over all shards. What depends on the other outputs of a run is
// measured within each shard, and says so.
func (r *Runner) signature(m metric.Metric) string {
	out := m.Signature(r.Set.References)
	if m.Info().WholeCorpus {
		out += fmt.Sprintf("|within:shard-%d", r.Set.Size)
	}
	return out
}

// done says that a shard has run and that its statistics have each metric.
func (r *Runner) done(ctx context.Context, child evaluate.Run) (bool, error) {
	if child.Status != evaluate.StatusDone {
		return false, nil
	}
	s, err := r.statistics(ctx, child.ID)
	if stylesprint.CodeOf(err) == stylesprint.CodeNotFound {
		return false, nil
	}
	for _, m := range r.Runner.Metrics {
		if !slices.ContainsFunc(s.Metrics, func(x Metric) bool { return x.Name == m.Info().Name && x.Signature == r.signature(m) }) {
			return false, err
		}
	}
	return err == nil, err
}

func (r *Runner) statistics(ctx context.Context, id string) (Statistics, error) {
	body, err := r.Store.Statistics(ctx, id)
	if err != nil {
		return Statistics{}, err
	}
	return Decode(body)
}

// keep stores the statistics of a shard. Those of metrics that are not asked for this time
// stay, unless outputs may have changed.
func (r *Runner) keep(ctx context.Context, child evaluate.Run, items []dataset.Item, found []evaluate.Found) error {
	s, err := r.collect(ctx, child, items, found)
	if err != nil {
		return err
	}
	if old, err := r.statistics(ctx, child.ID); err == nil && !r.Plan.RetryFailed {
		for _, m := range old.Metrics {
			if !slices.ContainsFunc(s.Metrics, func(x Metric) bool { return x.Name == m.Name }) {
				s.Metrics = append(s.Metrics, m)
			}
		}
	}
	body, err := s.Encode()
	if err != nil {
		return err
	}
	return r.Store.SaveStatistics(ctx, child.ID, body)
}

// Finish merges the shards into the run's scores once all of them are done; ready is false
// while they are not. Several processes may do so.
func (r *Runner) Finish(ctx context.Context, id string) (run evaluate.Run, ready bool, err error) {
	if run, err = r.Store.Run(ctx, id); err != nil {
		return run, false, err
	}
	children, err := r.Store.Runs(ctx, evaluate.Filter{Parent: id, Limit: run.Shards + 1})
	if err != nil {
		return run, false, err
	}
	if len(children) < run.Shards || slices.ContainsFunc(children, func(c evaluate.Run) bool { return c.Status != evaluate.StatusDone }) {
		return run, false, nil
	}
	var all Statistics
	var machines []string
	for i, c := range children {
		s, err := r.statistics(ctx, c.ID)
		if err != nil {
			return run, false, err
		}
		if i == 0 {
			all = s
		} else if err := all.Merge(s); err != nil {
			return run, false, err
		}
		if c.Machine != "" && !slices.Contains(machines, c.Machine) {
			machines = append(machines, c.Machine)
		}
	}
	run.Scores = all.scores(r.Runner.Metrics, max(1, run.Repeat))
	body, err := all.Encode()
	if err != nil {
		return run, false, err
	}
	if err := r.Store.SaveStatistics(ctx, id, body); err != nil {
		return run, false, err
	}
	run.Machine = strings.Join(machines, ", and ")
	run.Status, run.Error, run.Finished = evaluate.StatusDone, "", r.now()
	return run, true, r.save(ctx, run)
}

func (r *Runner) now() time.Time {
	if r.Runner.Now != nil {
		return r.Runner.Now().UTC()
	}
	return time.Now().UTC()
}

// scores turns merged sums into values with intervals, and keeps the values of the
// replicates in place of their sums.
func (s *Statistics) scores(known []metric.Metric, repeat int) []stylesprint.Score {
	var out []stylesprint.Score
	kept := s.Metrics[:0]
	for _, m := range s.Metrics {
		value, ok := valueOf(m, known)
		if !ok {
			continue
		}
		m.finish(value)
		kept = append(kept, m)
		if m.Name == CostName || m.Name == LatencyName {
			continue
		}
		info, described := metric.Describe(m.Name)
		out = append(out, m.score(described && info.Rate, repeat))
		if described && info.Truncates && m.Outputs() > 0 {
			share := float64(m.Truncated) / float64(m.Outputs())
			out = append(out, stylesprint.Score{Metric: evaluate.TruncatedName(m.Name), Value: share, Low: share, High: share, N: m.Outputs(), Unit: "0-1", Signature: m.Signature + "|share:truncated"})
		}
	}
	s.Metrics = kept
	return out
}

// Level is that of the intervals.
const Level = evaluate.ScoreLevel

func (m Metric) score(rate bool, repeat int) stylesprint.Score {
	out := stylesprint.Score{Metric: m.Name, Value: m.Value, Low: m.Value, High: m.Value, N: m.Outputs() / repeat, Unit: m.Unit, Signature: m.Signature}
	if m.Outputs() == 0 {
		out.Missing = "not measured: the items lack what it needs"
		return out
	}
	if drawn := drawn(m.Values); m.Families > 1 && len(drawn) > 0 {
		out.Low, out.High = resample.UnitsInterval(drawn, Level, m.Families)
		out.Level = Level
	}
	if low, high, ok := m.exact(); rate && ok {
		out.Low, out.High, out.Level = low, high, Level
	}
	return out
}

// exact is resample.RateInterval from the sums alone.
func (m Metric) exact() (low, high float64, ok bool) {
	hits, trials, n := m.Sum[0], m.Sum[1], m.Families
	switch {
	case hits == 0:
		return 0, resample.UpperBound(0, n, Level), true
	case hits == trials:
		return resample.LowerBound(n, n, Level), 1, true
	case m.Single:
		low, high = resample.ClopperPearson(int(math.Round(hits)), n, Level)
		return low, high, true
	}
	return 0, 0, false
}

// Stop notes in the run why it does not go on, even when ctx has ended.
func (r *Runner) Stop(ctx context.Context, run evaluate.Run, cause error) (evaluate.Run, error) {
	interrupted := ctx.Err() != nil
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	latest, err := r.Store.Run(ctx, run.ID)
	if err != nil {
		return run, errors.Join(cause, err)
	}
	latest.Status, latest.Error = evaluate.StatusFailed, cause.Error()
	if interrupted {
		latest.Status, latest.Error = evaluate.StatusInterrupted, ""
		cause = &stylesprint.Error{Code: stylesprint.CodeCancelled, Message: fmt.Sprintf("run %s was interrupted after %d of %d outputs", run.ID, latest.Done, latest.Total),
			Hint: "give the same command again to resume it", Err: context.Canceled}
	}
	return latest, errors.Join(cause, r.save(ctx, latest))
}

// stopTime is how long a note may take to be stored once the context has ended.
const stopTime = 10 * time.Second

func (r *Runner) save(ctx context.Context, run evaluate.Run) error {
	if err := r.Store.SaveRun(ctx, run); err != nil {
		return fmt.Errorf("save run %s: %w", run.ID, err)
	}
	return nil
}
