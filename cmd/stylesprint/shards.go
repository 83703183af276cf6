package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/catalogue/demo"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/evaluate"
	"stylesprint/evaluate/dataset"
	"stylesprint/evaluate/metric"
	"stylesprint/evaluate/shard"
	"stylesprint/generate"
	"stylesprint/job"
)

// shardFlags are the flags of eval run for long runs.
type shardFlags struct {
	size        int
	queue, wait bool
}

func (s *shardFlags) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.IntVar(&s.size, "shard-size", 0, fmt.Sprintf("work in shards of about this many items, so that a dataset of any size fits into memory (with --queue: %d)", shard.DefaultSize))
	f.BoolVar(&s.queue, "queue", false, "leave the shards to workers (serve, worker), and print the run")
	f.BoolVar(&s.wait, "wait", false, "with --queue: wait until the workers are done")
}

// asked says that a run is to be sharded, and completes the flags.
func (s *shardFlags) asked() (bool, error) {
	switch {
	case s.wait && !s.queue:
		return false, usagef("--wait goes with --queue")
	case s.size < 0:
		return false, usagef("--shard-size: want 1 or more, got %d", s.size)
	case s.queue && s.size == 0:
		s.size = shard.DefaultSize
	}
	return s.size > 0, nil
}

// shardSpec is everything that a process needs to know to do one shard of a run, beside
// the run itself. It is the payload of a job.
type shardSpec struct {
	Run         string      `json:"run"`
	Shard       int         `json:"shard"`
	Set         string      `json:"set"` // the folder with the shards
	Prompt      string      `json:"prompt"`
	Metrics     []string    `json:"metrics"`
	Repeat      int         `json:"repeat"`
	Concurrency int         `json:"concurrency"`
	RetryFailed bool        `json:"retry_failed,omitempty"`
	Model       modelSpec   `json:"model"`
	Scoring     scoringSpec `json:"scoring"`
	Recorded    *recordSpec `json:"recorded,omitempty"`
}

// modelSpec is modelFlags on paper.
type modelSpec struct {
	Name      string  `json:"name,omitempty"`
	Provider  string  `json:"provider,omitempty"`
	BaseURL   string  `json:"base_url,omitempty"`
	Precision string  `json:"precision,omitempty"`
	Input     float64 `json:"input_price,omitempty"`
	Output    float64 `json:"output_price,omitempty"`
}

func (m modelSpec) resolve(c config.Config) (config.Model, error) {
	f := modelFlags{name: m.Name, provider: m.Provider, baseURL: m.BaseURL, precision: m.Precision, in: m.Input, out: m.Output}
	return f.resolve(c)
}

// scoringSpec names the models that metrics ask, and where pictures lie.
type scoringSpec struct {
	Embedding string `json:"embedding,omitempty"`
	CLIP      string `json:"clip,omitempty"`
	Images    string `json:"images,omitempty"`
	Dataset   string `json:"dataset"`
}

// recordSpec names recorded outputs that lie among the shards.
type recordSpec struct {
	Name string `json:"name"`
	Sum  string `json:"sum"`
}

// evalSharded runs one candidate shard by shard, or has workers do so.
func (a *app) evalSharded(ctx context.Context, c config.Config, e evalFlags, params generate.Params) (evaluate.Run, error) {
	t, err := template(e.prompt)
	if err != nil {
		return evaluate.Run{}, err
	}
	conf, err := e.model.resolve(c)
	if err != nil {
		return evaluate.Run{}, err
	}
	src, err := source(e)
	if err != nil {
		return evaluate.Run{}, err
	}
	db, err := a.openStore(ctx, c)
	if err != nil {
		return evaluate.Run{}, err
	}
	defer db.Close()
	spec, set, err := a.prepareShards(ctx, c, e, src)
	if err != nil {
		return evaluate.Run{}, err
	}
	parts := &shardParts{app: a, config: c, db: db}
	defer parts.Close()
	r, err := parts.runner(ctx, spec)
	if err != nil {
		return evaluate.Run{}, err
	}
	r.Plan.New = e.fresh
	r.Plan.Candidate = evaluate.Candidate{Name: or(e.name, t.Name), Prompt: t.Name, PromptHash: t.Hash, Params: params, Price: conf.Price.Price(), Model: parts.ref(conf, spec)}
	if conf.Provider == "local" && spec.Recorded == nil {
		r.Plan.Candidate.Precision = stylesprint.Precision(conf.Precision)
	}
	p := a.progress(r.Plan.Candidate.Name, "")
	defer p.end()
	if e.shards.queue {
		return a.enqueueShards(ctx, c, r, spec, set, e.shards.wait, p)
	}
	r.Progress = func(g shard.Progress) {
		p.resume(int64(g.Done) - 1)
		p.rename(fmt.Sprintf("%s, shard %d of %d", r.Plan.Candidate.Name, g.Shard, g.Shards))
		p.update(int64(g.Done), int64(g.Total))
	}
	run, err := r.Run(ctx)
	if err == nil {
		a.warnUnknownScores(run)
	}
	return run, err
}

// source is the dataset of eval run: a file is streamed, unless only its first items are wanted.
func source(e evalFlags) (shard.Source, error) {
	if isDemo(e.dataset) || e.limit > 0 {
		d, err := loadDataset(e.dataset, e.split, e.limit)
		return shard.Memory(d), err
	}
	if _, err := os.Stat(e.dataset); errors.Is(err, fs.ErrNotExist) {
		_, err := loadDataset(e.dataset, e.split, 0) // which says so
		return nil, err
	}
	return shard.File(e.dataset, dataset.Options{}), nil
}

// prepareShards splits the dataset and the recorded outputs.
func (a *app) prepareShards(ctx context.Context, c config.Config, e evalFlags, src shard.Source) (shardSpec, shard.Set, error) {
	spec := shardSpec{Metrics: e.metrics, Prompt: e.prompt, Repeat: e.repeat, Concurrency: e.concurrency, RetryFailed: e.retryFailed,
		Model: modelSpec{e.model.name, e.model.provider, e.model.baseURL, e.model.precision, e.model.in, e.model.out}}
	spec.Scoring = scoringSpec{e.embedding, e.pictures.clip, e.pictures.images, e.dataset}
	for _, path := range []*string{&spec.Prompt, &spec.Scoring.Embedding, &spec.Scoring.CLIP, &spec.Scoring.Images, &spec.Scoring.Dataset} {
		absolute(path)
	}
	p := a.progress("items read", "")
	defer p.end()
	set, err := shard.Split(ctx, src, shard.Options{Folder: filepath.Join(c.DataDir, "datasets"), Size: e.shards.size, Split: e.split, Progress: func(n int) { p.update(int64(n), 0) }})
	if err != nil {
		return spec, set, err
	}
	spec.Set = set.Dir
	if e.replay == "" {
		return spec, set, nil
	}
	rec, err := shard.SplitRecord(ctx, recordOf(e.replay), src, set)
	if err != nil {
		return spec, set, err
	}
	spec.Recorded = &recordSpec{e.replay, rec.Sum()}
	return spec, set, nil
}

// absolute completes a path that is there, since workers run in other folders; other
// names stay.
func absolute(path *string) {
	if *path == "" || isDemo(*path) {
		return
	}
	if _, err := os.Stat(*path); err != nil {
		return
	}
	if abs, err := filepath.Abs(*path); err == nil {
		*path = abs
	}
}

// recordOf is a file of recorded outputs, or one that is compiled in.
func recordOf(name string) shard.Record {
	return shard.Record{Name: name, Open: func() (io.ReadCloser, error) {
		if rest, ok := strings.CutPrefix(name, demoRecordings); ok {
			b, err := demo.Recording(rest)
			if err != nil {
				return nil, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: err.Error(), Hint: "name one of them after demo:, or give a file"}
			}
			return io.NopCloser(bytes.NewReader(b)), nil
		}
		f, err := os.Open(name)
		if err != nil {
			return nil, fmt.Errorf("read recorded outputs: %w", err)
		}
		return f, nil
	}}
}

// shardParts opens what shards need, once for all of a process's shards. It is safe for
// concurrent use.
type shardParts struct {
	app    *app
	config config.Config
	db     *database
	lent   []openModel // models that the process has open for something else

	mu      sync.Mutex
	models  []openModel
	scoring []openScoring
	open    closers
}

// openScoring is what metrics ask, open.
type openScoring struct {
	spec  scoringSpec
	parts evalParts
}

// openModel is a language model that is open.
type openModel struct {
	conf   config.Model
	client *generate.Client
	ref    stylesprint.ModelRef
}

// Close closes what was opened here.
func (p *shardParts) Close() error { return p.open.Close() }

// runner makes the runner of a run's shards.
func (p *shardParts) runner(ctx context.Context, spec shardSpec) (*shard.Runner, error) {
	t, err := template(spec.Prompt)
	if err != nil {
		return nil, err
	}
	set, err := shard.Open(spec.Set)
	if err != nil {
		return nil, err
	}
	conf, err := spec.Model.resolve(p.config)
	if err != nil {
		return nil, err
	}
	scoring, err := p.scoringFor(ctx, spec)
	if err != nil {
		return nil, err
	}
	metrics, err := metricsOf(ctx, spec.Metrics, scoring)
	if err != nil {
		return nil, err
	}
	r := &shard.Runner{Store: p.db, Set: set, Runner: evaluate.Runner{Prompt: t, Metrics: metrics, Now: p.app.now},
		Plan: evaluate.Plan{Repeat: spec.Repeat, Concurrency: spec.Concurrency, RetryFailed: spec.RetryFailed}}
	if spec.Recorded != nil {
		r.Recordings, err = shard.OpenRecordings(set, spec.Recorded.Name, spec.Recorded.Sum)
		return r, err
	}
	m, err := p.model(ctx, conf)
	if err != nil {
		return nil, err
	}
	r.Runner.Client = m.client
	if conf.Provider == "local" {
		r.Plan.Machine = evaluate.Machine()
	}
	return r, nil
}

// ref names the model that a runner asks, once it was made.
func (p *shardParts) ref(conf config.Model, spec shardSpec) stylesprint.ModelRef {
	if spec.Recorded != nil {
		return stylesprint.ModelRef{Provider: "recorded", Name: conf.Name}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range slices.Concat(p.lent, p.models) {
		if m.conf == conf {
			return m.ref
		}
	}
	return stylesprint.ModelRef{}
}

func (p *shardParts) model(ctx context.Context, conf config.Model) (openModel, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range slices.Concat(p.lent, p.models) {
		if m.conf == conf {
			return m, nil
		}
	}
	client, info, err := p.app.openGenerator(ctx, p.config, conf)
	if err != nil {
		return openModel{}, err
	}
	p.open.add(client)
	m := openModel{conf, client, info.Ref}
	p.models = append(p.models, m)
	return m, nil
}

// scoringFor opens what a run's metrics ask.
func (p *shardParts) scoringFor(ctx context.Context, spec shardSpec) (evalParts, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := slices.IndexFunc(p.scoring, func(o openScoring) bool { return o.spec == spec.Scoring })
	if at < 0 {
		at = len(p.scoring)
		p.scoring = append(p.scoring, openScoring{spec.Scoring, evalParts{config: p.config, db: p.db}})
	}
	parts := &p.scoring[at].parts
	if parts.encoder == nil && slices.ContainsFunc(spec.Metrics, metric.NeedsEmbedding) {
		e, err := p.app.openEmbedder(ctx, p.config, namedEncoder(p.config, spec.Scoring.Embedding), string(stylesprint.Exact))
		if err != nil {
			return *parts, err
		}
		p.open.add(e)
		parts.encoder = e
	}
	if parts.clip == nil && needsPictures(spec.Metrics) {
		model, err := p.app.openPictures(ctx, parts, pictureFlags{clip: spec.Scoring.CLIP, images: spec.Scoring.Images}, spec.Scoring.Dataset)
		if err != nil {
			return *parts, err
		}
		p.open.add(model)
	}
	return *parts, nil
}

// enqueueShards leaves a run's shards to workers.
func (a *app) enqueueShards(ctx context.Context, c config.Config, r *shard.Runner, spec shardSpec, set shard.Set, wait bool, p *progress) (evaluate.Run, error) {
	run, err := r.Start(ctx)
	if err != nil || run.Status == evaluate.StatusDone {
		return run, err
	}
	q, err := a.openQueue(ctx, c, nil)
	if err != nil {
		return run, err
	}
	defer q.Close()
	jobs := make([]job.Job, len(set.Shards))
	for i := range jobs {
		spec.Run, spec.Shard = run.ID, i+1
		payload, err := json.Marshal(spec)
		if err != nil {
			return run, fmt.Errorf("describe shard: %w", err)
		}
		jobs[i] = job.Job{Kind: shardKind, Key: fmt.Sprintf("%s/%d", run.ID, i+1), Payload: payload}
	}
	if _, err := q.Enqueue(ctx, jobs...); err != nil {
		return run, err
	}
	if !wait {
		s, err := q.Status(ctx)
		if err == nil && s.Workers == 0 {
			p.say("No worker is running. Try: stylesprint worker")
		}
		return run, err
	}
	return a.waitFor(ctx, r, run, p)
}

// waitEvery is how often --wait looks.
const waitEvery = 250 * time.Millisecond

// waitFor shows a run's progress until workers have finished it.
func (a *app) waitFor(ctx context.Context, r *shard.Runner, run evaluate.Run, p *progress) (evaluate.Run, error) {
	tick := time.NewTicker(waitEvery)
	defer tick.Stop()
	p.resume(int64(run.Done))
	for {
		select {
		case <-ctx.Done():
			return run, &stylesprint.Error{Code: stylesprint.CodeCancelled, Message: fmt.Sprintf("run %s is left to the workers, at %d of %d outputs", run.ID, run.Done, run.Total),
				Hint: "stylesprint eval list shows how far it is", Err: ctx.Err()}
		case <-tick.C:
		}
		latest, err := r.Store.Run(ctx, run.ID)
		if ctx.Err() != nil {
			continue
		}
		if err != nil {
			return run, err
		}
		run = latest
		p.update(int64(run.Done), int64(run.Total))
		switch run.Status {
		case evaluate.StatusDone:
			return run, nil
		case evaluate.StatusFailed:
			return run, &stylesprint.Error{Code: stylesprint.CodeInternal, Message: fmt.Sprintf("run %s failed: %s", run.ID, run.Error), Hint: "mend the cause and give the same command again: finished outputs are kept"}
		}
	}
}
