// Package job queues work that takes long, so that any number of processes can share
// it and none of it is lost when one of them dies.
//
// Key words: job, key, lease, attempt.
//
// A job is a kind, a key and a payload. While a job with a key is waiting or at work,
// another with the same key is not added. Handlers do the work; they are given by the
// caller, must be ready to find part of it done by an attempt that was cut off, and
// keep results and progress in tables of their own: the queue knows only what is left
// to do. The usual path is
//
//	q, err := job.Open(ctx, path, job.Options{}) // or job.OpenPostgres(ctx, dsn, job.Options{})
//	defer q.Close()
//	added, err := q.Enqueue(ctx, jobs...)
//	err = q.Work(ctx, job.Work{Handlers: handlers, Concurrency: 1})
//
// A failed job is tried again after a pause that doubles; it is given up after its
// last attempt, or at once when its error is one that a repetition cannot mend. A
// process that works holds a lease, renewed every few seconds; what a killed process
// was at is handed out again once its lease has run out. Behind the interface is River
// on a SQLite file of its own. Errors are *stylesprint.Error values or wrapped with the
// failed act. A queue is safe for concurrent use by goroutines and processes.
package job

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"stylesprint"
)

// Job is one piece of work.
type Job struct {
	Kind    string          // picks the handler
	Key     string          // unique among the jobs that are waiting or at work
	Payload json.RawMessage // for the handler
	// Attempt counts from 1, MaxAttempts is the last one; set for handlers.
	Attempt, MaxAttempts int
}

// Handler does the jobs of one kind.
type Handler struct {
	// Do works until the job is done or ctx ends: the process is asked to stop, or has lost
	// its lease. What it was at when ctx ended is tried again and counts as no attempt.
	Do func(ctx context.Context, j Job) error
	// GaveUp, if set, is told of a job that is not tried again, and why.
	GaveUp func(ctx context.Context, j Job, why error)
}

// Work says who works and how.
type Work struct {
	Handlers map[string]Handler // by kind
	// Concurrency is how many jobs this process works on at once. Defaults to 1.
	Concurrency int
	// UntilEmpty stops as soon as no job is waiting, at work, or to be tried again.
	UntilEmpty bool
}

// Status counts jobs.
type Status struct {
	Waiting int `json:"waiting"` // ready to be worked
	Running int `json:"running"`
	Retry   int `json:"retry"`  // failed, to be tried again later
	Failed  int `json:"failed"` // given up; forgotten after a week
	Workers int `json:"workers"`
}

// Left is the number of jobs that are not at their end.
func (s Status) Left() int { return s.Waiting + s.Running + s.Retry }

// Queue is what commands need.
type Queue interface {
	// Enqueue adds jobs, all or none, but for those whose key is there already, and
	// returns how many it added.
	Enqueue(ctx context.Context, jobs ...Job) (added int, err error)
	// Work works jobs until ctx ends, which is no error.
	Work(ctx context.Context, w Work) error
	// Status counts jobs and the processes at work.
	Status(ctx context.Context) (Status, error)
	// Close closes the queue once nothing uses it any more.
	Close() error
}

// Options configure a queue. The zero value is good.
type Options struct {
	// MaxAttempts of a job. Defaults to 5.
	MaxAttempts int
	// Backoff is the pause before the second attempt; it doubles, up to MaxBackoff.
	// Defaults to 2 s and 5 min.
	Backoff, MaxBackoff time.Duration
	// Lease is how long a process that does not answer is trusted with its jobs. Defaults to 15 s.
	Lease time.Duration
	// Poll is how often a free worker looks for jobs. Defaults to 500 ms.
	Poll time.Duration
	// Log receives River's warnings and this package's; default: none.
	Log *slog.Logger
}

func (o *Options) complete() {
	if o.MaxAttempts <= 0 {
		o.MaxAttempts = 5
	}
	if o.Backoff <= 0 {
		o.Backoff = 2 * time.Second
	}
	if o.MaxBackoff <= 0 {
		o.MaxBackoff = 5 * time.Minute
	}
	if o.Lease <= 0 {
		o.Lease = 15 * time.Second
	}
	if o.Poll <= 0 {
		o.Poll = 500 * time.Millisecond
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
}

// pause is how long a job waits after so many attempts.
func (o *Options) pause(attempts int) time.Duration {
	d := o.Backoff
	for range min(attempts-1, 30) {
		if d *= 2; d >= o.MaxBackoff {
			return o.MaxBackoff
		}
	}
	return min(d, o.MaxBackoff)
}

// hopeless says that another attempt would end in the same way.
func hopeless(err error) bool {
	switch stylesprint.CodeOf(err) {
	case stylesprint.CodeInvalid, stylesprint.CodeUnsupported, stylesprint.CodeUnauthorized, stylesprint.CodeForbidden, stylesprint.CodeNotFound,
		stylesprint.CodeConflict, stylesprint.CodeTooLarge, stylesprint.CodeContextTooLong:
		return true
	}
	return false
}
