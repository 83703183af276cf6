package evaluate

import (
	"context"
	"errors"
	"fmt"
	"time"

	"stylesprint"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/metric"
	"stylesprint/generate"
)

// Generator answers requests; *generate.Client is one.
type Generator interface {
	// Generate answers a request or returns a *stylesprint.Error.
	Generate(ctx context.Context, req generate.Request) (stylesprint.Reply, error)
}

// Renderer makes messages of an item's fields; prompt.Template is one.
type Renderer interface {
	// Render returns an error that names a variable that is missing.
	Render(values map[string]string) ([]stylesprint.Message, error)
}

// Runner executes runs. Store is required; the rest may be left out where said.
type Runner struct {
	Store Store
	// Client and Prompt make answers. They may be nil when every answer is recorded.
	Client Generator
	Prompt Renderer
	// Metrics score the outputs once all are there; none: nothing is scored.
	Metrics []metric.Metric
	// Progress, if set, is told after every output, one call at a time.
	Progress func(Progress)
	// Statistics, if set, is handed what the metrics found, by family, in place of
	// the intervals, which the run then lacks; a run that is done is scored once more
	// for it. Package shard merges them over shards.
	Statistics func(ctx context.Context, run Run, found []Found) error
	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
}

// Plan says what to run.
type Plan struct {
	Dataset   dataset.Dataset
	Split     string // empty: all items
	Candidate Candidate
	// Repeat is the number of outputs for each item. Defaults to 1.
	Repeat int
	// Concurrency is the number of calls at once. Defaults to 1, which disturbs
	// latency least.
	Concurrency int
	// Recorded answers are taken instead of calls where they exist.
	Recorded *Recording
	// New starts a run of its own even if this one exists already.
	New bool
	// RetryFailed calls again for outputs that hold an error, whatever it was.
	// Without it an unfinished run repeats only failures that may have passed
	// (rate limits, timeouts, an unreachable provider).
	RetryFailed bool
	// MaxFailures is how many calls may fail one after the other before the run
	// gives up. Defaults to 10; negative: it never does.
	MaxFailures int
	// Machine describes this machine (see Machine) where its speed shows in the latencies.
	Machine string
	// ShardSize is the number of items in a shard where the run is sharded; it is
	// part of the run's id.
	ShardSize int
	// Part is set in the plan of one shard.
	Part *Part
}

// Part says which shard of a run a plan is.
type Part struct {
	Parent     string
	Shard      int // from 1
	Shards     int
	References int // of the items of all shards, for signatures; see References
}

// Defaults of Plan.
const (
	DefaultMaxFailures = 10
	// DefaultSeed is the run seed where Params.Seed is nil.
	DefaultSeed = 12345
)

// Phase is what a run is busy with.
type Phase string

// The phases.
const (
	PhaseGenerate Phase = "generate"
	PhaseScore    Phase = "score"
)

// Progress is how far a run has come.
type Progress struct {
	Phase  Phase
	Done   int // outputs of this phase, those of an earlier start included
	Total  int
	Failed int
	// Rate is outputs a second since this start; zero until one is done.
	Rate float64
	// ETA is the time that the rest of the phase will take; zero if unknown.
	ETA time.Duration
}

// Run executes a plan: it resumes the run that the same plan began, or starts
// it. Every output is stored as soon as it is there. When ctx ends the run is
// left interrupted and can be resumed; calls in flight are then made again.
// Beside an error the run is returned as far as it came.
//
// A run that is done is returned as it is, but for metrics with which it was
// not scored yet.
func (r *Runner) Run(ctx context.Context, p Plan) (Run, error) {
	s, err := r.open(ctx, p)
	if err != nil {
		return Run{}, err
	}
	if s.run.Status == StatusDone && s.remaining() == 0 && s.scored() && r.Statistics == nil {
		return s.run, nil
	}
	s.run.Status, s.run.Error, s.run.Finished = StatusRunning, "", time.Time{}
	if err := s.save(ctx); err != nil {
		return s.run, err
	}
	if err := s.generate(ctx); err != nil {
		return s.stop(ctx, err)
	}
	if err := s.score(ctx); err != nil {
		return s.stop(ctx, err)
	}
	s.run.Status, s.run.Finished = StatusDone, s.now()
	return s.run, s.save(ctx)
}

// Find returns the run that Run would resume, if there is one. With New there is none.
func (r *Runner) Find(ctx context.Context, p Plan) (Run, bool, error) {
	if err := p.complete(r); err != nil {
		return Run{}, false, err
	}
	latest, _, err := r.latest(ctx, p)
	if err != nil || latest == nil || p.New {
		return Run{}, false, err
	}
	return *latest, true, nil
}

// latest finds the newest run of a plan, and the id of the next one.
func (r *Runner) latest(ctx context.Context, p Plan) (*Run, string, error) {
	base, err := p.id()
	if err != nil {
		return nil, "", err
	}
	var latest *Run
	for n := 1; ; n++ {
		id := base
		if n > 1 {
			id = fmt.Sprintf("%s-%d", base, n)
		}
		run, err := r.Store.Run(ctx, id)
		if stylesprint.CodeOf(err) == stylesprint.CodeNotFound {
			return latest, id, nil
		}
		if err != nil {
			return nil, "", fmt.Errorf("look up run %s: %w", id, err)
		}
		latest = &run
	}
}

// stop notes why a run did not finish. The note is written even though ctx may have ended.
func (s *session) stop(ctx context.Context, cause error) (Run, error) {
	s.run.Status, s.run.Error = StatusFailed, cause.Error()
	if ctx.Err() != nil {
		s.run.Status, s.run.Error = StatusInterrupted, ""
		cause = &stylesprint.Error{
			Code:    stylesprint.CodeCancelled,
			Message: fmt.Sprintf("run %s was interrupted after %d of %d outputs", s.run.ID, s.run.Done, s.run.Total),
			Hint:    "give the same command again to resume it",
			Err:     ctx.Err(),
		}
	}
	return s.run, errors.Join(cause, s.save(ctx))
}

// session is one start of a run.
type session struct {
	*Runner
	plan  Plan
	seed  uint64
	items []dataset.Item
	index map[string]int // of items by id
	run   Run

	// By output number, item x repeat + repeat.
	done   []bool
	begun  []bool // a call was in flight when an earlier start ended
	cursor int

	saved time.Time // when the run was last saved while generating
}

func (s *session) now() time.Time {
	if s.Now != nil {
		return s.Now().UTC()
	}
	return time.Now().UTC()
}

// saveTime is how long a result may take to be stored once the context has ended.
const saveTime = 10 * time.Second

// save stores the run, even when ctx has ended.
func (s *session) save(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), saveTime)
	defer cancel()
	if err := s.Store.SaveRun(ctx, s.run); err != nil {
		return fmt.Errorf("save run %s: %w", s.run.ID, err)
	}
	return nil
}

// defaults fills in what was left out.
func (p *Plan) defaults() {
	if p.Repeat == 0 {
		p.Repeat = 1
	}
	p.Concurrency = max(1, p.Concurrency)
	if p.MaxFailures == 0 {
		p.MaxFailures = DefaultMaxFailures
	}
	if p.Candidate.Params.Seed == nil {
		seed := uint64(DefaultSeed)
		p.Candidate.Params.Seed = &seed
	}
}

// complete checks a plan and fills in its defaults.
func (p *Plan) complete(r *Runner) error {
	p.defaults()
	t := p.Candidate.Params.Temperature
	switch {
	case p.Candidate.Name == "":
		return invalidPlan("candidate", "the candidate has no name", "")
	case p.Dataset.Hash == "":
		return invalidPlan("dataset", "the dataset has no hash", "make it with package dataset")
	case p.Repeat < 1:
		return invalidPlan("repeat", fmt.Sprintf("repeat %d: want at least 1", p.Repeat), "")
	case p.Repeat > 1 && t != nil && *t == 0 && p.Candidate.Model.Provider == "local":
		return invalidPlan("repeat", fmt.Sprintf("at temperature 0 the model writes the same text %d times", p.Repeat), "set a temperature above 0, or leave --repeat out")
	case len(p.Dataset.Only(p.Split)) == 0:
		return invalidPlan("split", fmt.Sprintf("dataset %s has no items in split %q", p.Dataset.Name, p.Split), "leave --split out to take all items")
	case r.Client == nil && p.Recorded == nil:
		return invalidPlan("candidate", "there is neither a model to ask nor a record of its answers", "")
	case r.Client != nil && r.Prompt == nil:
		return invalidPlan("prompt", "there is a model to ask and no prompt", "")
	}
	return p.Recorded.check(p.Dataset)
}

func invalidPlan(field, message, hint string) error {
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: field, Message: message, Hint: hint}
}
