package job

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"stylesprint"
)

// errLease says that this process did not renew its lease in time, because the machine
// slept or the file was locked: others may have taken its jobs.
var errLease = errors.New("the lease has run out")

// pauseAway is how long a process waits for a database that is away.
const pauseAway = 2 * time.Second

// Work is Queue's. A process that has lost its lease lets go of its jobs and begins anew; one whose
// database is away waits for it.
func (q *queue[T]) Work(ctx context.Context, w Work) error {
	for {
		err := q.work(ctx, w)
		switch {
		case ctx.Err() != nil:
			return nil
		case errors.Is(err, errLease):
			q.o.Log.Warn("jobs: this process was out of touch; it lets go of its jobs and begins anew", "lease", q.o.Lease.String())
		case q.isLost(err):
			q.o.Log.Warn("jobs: the database is away; waiting for it", "error", err.Error())
			select {
			case <-ctx.Done():
				return nil
			case <-time.After(min(pauseAway, q.o.Lease)):
			}
		default:
			return err
		}
	}
}

// isLost says whether an error means that the database is away for now.
func (c *core) isLost(err error) bool { return err != nil && c.lost != nil && c.lost(err) }

// stopTime is how long jobs may take to note where they are once they have to stop.
const stopTime = 30 * time.Second

// never is when River itself would take a job from a process; leases do so instead,
// as nothing says how long a job may take.
const never = 10 * 365 * 24 * time.Hour

// keepFailed is how long jobs that were given up are counted.
const keepFailed = 7 * 24 * time.Hour

// work works under one lease.
func (q *queue[T]) work(ctx context.Context, w Work) error {
	l := &lease{q: &q.core, client: "stylesprint-" + rand.Text(), handlers: w.Handlers}
	workers := river.NewWorkers()
	if err := river.AddWorkerSafely(workers, &worker{lease: l}); err != nil {
		return fmt.Errorf("work jobs: %w", err)
	}
	client, err := river.NewClient(q.driver, &river.Config{
		ID: l.client, Logger: q.o.Log, Workers: workers, MaxAttempts: q.o.MaxAttempts, RetryPolicy: retries{&q.o},
		Queues:                      map[string]river.QueueConfig{river.QueueDefault: {MaxWorkers: max(1, w.Concurrency)}},
		CancelledJobRetentionPeriod: keepFailed, DiscardedJobRetentionPeriod: keepFailed,
		JobTimeout: -1, RescueStuckJobsAfter: never, PollOnly: q.pollOnly, FetchPollInterval: q.o.Poll, FetchCooldown: min(q.o.Poll, river.FetchCooldownDefault),
	})
	if err != nil {
		return fmt.Errorf("work jobs: %w", err)
	}
	if err := l.begin(ctx); err != nil {
		return fmt.Errorf("work jobs: %w", err)
	}
	l.reclaim(ctx)
	// River is stopped by hand below: it must not lose ctx before its jobs have.
	if err := client.Start(context.WithoutCancel(ctx)); err != nil {
		return fmt.Errorf("work jobs: %w", err)
	}
	err = l.hold(ctx, w.UntilEmpty)
	l.stopping.Store(true)
	late, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTime)
	defer cancel()
	if serr := client.StopAndCancel(late); serr != nil {
		err = errors.Join(err, fmt.Errorf("stop jobs: %w", serr))
	}
	return errors.Join(err, l.release(late))
}

// retries is Options' pause as River wants it.
type retries struct{ o *Options }

// NextRetry is when a job that failed is tried again.
func (r retries) NextRetry(row *rivertype.JobRow) time.Time {
	return time.Now().Add(r.o.pause(row.Attempt))
}

// worker does every job.
type worker struct {
	river.WorkerDefaults[args]
	lease *lease
}

// Work does one job.
func (w *worker) Work(ctx context.Context, r *river.Job[args]) error {
	j := Job{Kind: r.Args.JobKind, Key: r.Args.Key, Payload: json.RawMessage(r.Args.Payload), Attempt: r.Attempt, MaxAttempts: r.MaxAttempts}
	h, ok := w.lease.handlers[j.Kind]
	if !ok {
		err := &stylesprint.Error{Code: stylesprint.CodeUnsupported, Message: fmt.Sprintf("this version does not know jobs of the kind %q", j.Kind), Hint: "use the version that added them"}
		w.lease.q.o.Log.Warn("jobs: unknown kind", "kind", j.Kind, "key", j.Key)
		return river.JobCancel(err)
	}
	err := guard(func() error { return h.Do(ctx, j) })
	switch {
	case err == nil:
		return nil
	case w.lease.stopping.Load() || ctx.Err() != nil:
		return river.JobSnooze(0) // handed to whoever is next; no attempt is used up
	case hopeless(err) || j.Attempt >= j.MaxAttempts:
		w.lease.q.o.Log.Warn("jobs: given up", "key", j.Key, "attempt", j.Attempt, "error", err.Error())
		if h.GaveUp != nil {
			h.GaveUp(ctx, j, err)
		}
		return river.JobCancel(err)
	}
	w.lease.q.o.Log.Warn("jobs: failed, to be tried again", "key", j.Key, "attempt", j.Attempt, "of", j.MaxAttempts, "error", err.Error())
	return err
}

// guard turns a panic into an error, so that it counts as an attempt.
func guard(do func() error) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the job panicked: %v", p)
		}
	}()
	return do()
}
