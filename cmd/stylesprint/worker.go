package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/evaluate"
	"stylesprint/evaluate/shard"
	"stylesprint/job"
)

// shardKind is the kind of the jobs that are one shard of a run.
const shardKind = "evaluate.shard"

// workerFlags say how jobs are worked.
type workerFlags struct {
	concurrency int
	untilEmpty  bool
}

func (a *app) workerCommand() *cobra.Command {
	var w workerFlags
	cmd := &cobra.Command{
		Use:   "worker",
		Short: "Work on queued jobs: the shards of long evaluations",
		Long: `Work on the jobs that "eval run --queue" has left, beside any number of other workers: on this machine, or with DATABASE_URL (Postgres) on others; "serve" works on
them too, unless it is told --no-jobs. A job that fails is tried again, after a pause that doubles; what a killed worker was
at is handed to another one after 15 seconds. On Ctrl-C a worker hands back what it is at and stops.`,
		Example: "  stylesprint worker\n  stylesprint worker --concurrency 2\n  stylesprint worker --until-empty",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			if w.concurrency < 1 {
				return usagef("--concurrency: want 1 or more, got %d", w.concurrency)
			}
			c, err := a.config()
			if err != nil {
				return err
			}
			return a.worker(cmd.Context(), c, w)
		},
	}
	cmd.Flags().IntVar(&w.concurrency, "concurrency", 1, "jobs at the same time")
	cmd.Flags().BoolVar(&w.untilEmpty, "until-empty", false, "stop once no job is left")
	return cmd
}

// worker works until ctx ends.
func (a *app) worker(ctx context.Context, c config.Config, w workerFlags) error {
	level := slog.LevelInfo
	if a.quiet {
		level = slog.LevelWarn
	}
	log := slog.New(slog.NewTextHandler(a.stderr, &slog.HandlerOptions{Level: level}))
	db, err := a.openStore(ctx, c)
	if err != nil {
		return err
	}
	parts := &shardParts{app: a, config: c, db: db}
	err = a.workJobs(ctx, parts, log, w)
	return errors.Join(err, parts.Close(), db.Close())
}

// workJobs works with parts that are open, until ctx ends.
func (a *app) workJobs(ctx context.Context, parts *shardParts, log *slog.Logger, w workerFlags) error {
	q, err := a.openQueue(ctx, parts.config, quietly(log))
	if err != nil {
		return err
	}
	s, err := q.Status(ctx)
	if err == nil {
		log.Info("jobs: working", "concurrency", w.concurrency, "waiting", s.Waiting+s.Retry, "running", s.Running, "others", s.Workers)
		h := shardHandler{parts, log}
		err = q.Work(ctx, job.Work{Concurrency: w.concurrency, UntilEmpty: w.untilEmpty, Handlers: map[string]job.Handler{shardKind: {Do: h.do, GaveUp: h.gaveUp}}})
	}
	return errors.Join(err, q.Close())
}

// quietly keeps a log's warnings: the queue's own news are none of an operator's.
func quietly(log *slog.Logger) *slog.Logger { return slog.New(atLeastWarn{log.Handler()}) }

type atLeastWarn struct{ slog.Handler }

func (h atLeastWarn) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= slog.LevelWarn && h.Handler.Enabled(ctx, l)
}

func (h atLeastWarn) WithAttrs(attrs []slog.Attr) slog.Handler {
	return atLeastWarn{h.Handler.WithAttrs(attrs)}
}
func (h atLeastWarn) WithGroup(name string) slog.Handler {
	return atLeastWarn{h.Handler.WithGroup(name)}
}

// shardHandler does jobs that are shards.
type shardHandler struct {
	parts *shardParts
	log   *slog.Logger
}

// open reads a job and makes its runner.
func (h shardHandler) open(ctx context.Context, j job.Job) (*shard.Runner, evaluate.Run, shardSpec, error) {
	var spec shardSpec
	if err := json.Unmarshal(j.Payload, &spec); err != nil {
		return nil, evaluate.Run{}, spec, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "the job " + j.Key + " cannot be read", Err: err}
	}
	run, err := h.parts.db.Run(ctx, spec.Run)
	if err != nil {
		return nil, run, spec, err
	}
	r, err := h.parts.runner(ctx, spec)
	if err != nil {
		return nil, run, spec, err
	}
	if err := h.same(r, run, spec); err != nil {
		return nil, run, spec, err
	}
	r.Plan.Candidate = run.Candidate
	return r, run, spec, nil
}

// same refuses to mix outputs: what this process has under the same names must be what
// the run began with.
func (h shardHandler) same(r *shard.Runner, run evaluate.Run, spec shardSpec) error {
	conf, err := spec.Model.resolve(h.parts.config)
	if err != nil {
		return err
	}
	t, err := template(spec.Prompt)
	if err != nil {
		return err
	}
	switch {
	case t.Hash != run.Candidate.PromptHash:
		return changed(run, "the prompt "+spec.Prompt)
	case h.parts.ref(conf, spec) != run.Candidate.Model:
		return changed(run, "the model "+conf.Name)
	case r.Set.Hash != run.DatasetHash:
		return changed(run, "the dataset")
	}
	return nil
}

func changed(run evaluate.Run, what string) error {
	return &stylesprint.Error{Code: stylesprint.CodeConflict, Message: fmt.Sprintf("%s is not what run %s began with", what, run.ID), Hint: "give its eval run command again, which starts a run of its own"}
}

// do runs one shard, and sums the run up if it was the last.
func (h shardHandler) do(ctx context.Context, j job.Job) error {
	r, run, spec, err := h.open(ctx, j)
	if err != nil {
		return err
	}
	start := h.parts.app.now()
	if err := r.Shard(ctx, run, spec.Shard); err != nil {
		return err
	}
	h.log.Info("shard done", "run", run.ID, "shard", spec.Shard, "of", run.Shards, "seconds", h.parts.app.now().Sub(start).Seconds())
	run, ready, err := r.Finish(ctx, run.ID)
	if ready {
		h.log.Info("run done", "run", run.ID, "outputs", run.Done, "failed", run.Failed)
	}
	return err
}

// gaveUp notes in the run why it will not be finished.
func (h shardHandler) gaveUp(ctx context.Context, j job.Job, why error) {
	var spec shardSpec
	if err := json.Unmarshal(j.Payload, &spec); err != nil {
		return
	}
	r := shard.Runner{Store: h.parts.db}
	if _, err := r.Stop(ctx, evaluate.Run{ID: spec.Run}, why); err != nil {
		h.log.Warn("shard given up", "run", spec.Run, "shard", spec.Shard, "error", err.Error())
	}
}

// workOnJobs works on jobs beside the server until ctx ends.
func (s *server) workOnJobs(ctx context.Context) {
	if s.config.NoJobs {
		s.log.Info("jobs: none are worked here (--no-jobs)")
		return
	}
	parts := &shardParts{app: s.app, config: s.config, db: s.db, lent: s.lent}
	err := errors.Join(s.app.workJobs(ctx, parts, s.log, workerFlags{concurrency: 1}), parts.Close())
	if err != nil && ctx.Err() == nil {
		s.log.Error("jobs: stopped; the server goes on without", "error", err.Error())
	}
}
