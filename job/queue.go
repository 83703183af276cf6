package job

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/rivertype"
)

// core is what leases and counts need of a queue, whichever database it is in.
type core struct {
	o   Options
	db  *sql.DB
	sql statements
	// lost says whether an error means that the database is away for now, and makes the pool
	// forget its connections; nil: it never is.
	lost func(error) bool
}

// queue is River on a database whose transactions are of type T.
type queue[T any] struct {
	core
	driver   riverdriver.Driver[T]
	adder    *river.Client[T] // only adds
	pollOnly bool             // nobody tells that a job is there
	close    func() error
}

// prepare makes the part that adds jobs, once the schema is there.
func (q *queue[T]) prepare() error {
	var err error
	q.adder, err = river.NewClient(q.driver, &river.Config{Logger: q.o.Log, MaxAttempts: q.o.MaxAttempts})
	return err
}

// phrases are what differs between databases in the statements on leases.
type phrases struct {
	now          string // the database's clock, in nanoseconds since 1970 UTC
	moment       string // the same as river_job has it
	state        string // a cast of a text to a job's state
	args         string // of a job, as text
	latest       string // the client that tried a job last
	skip         string // leaves rows to others who write them at the moment
	placeholders [2]string
}

// statements of leases. Time is the database's own, as the clocks of machines differ.
type statements struct {
	begin   string // a lease: client, length in nanoseconds
	renew   string // the same; changes no row if the lease has run out
	release string // client
	workers string // counts leases
	lost    string // whether a job's process has no lease
	take    string // hands such jobs out again or gives them up, and returns them
	forget  string // deletes leases that have run out
}

func newStatements(p phrases) statements {
	const table = "worker_leases"
	// orphans are jobs at work whose process has no lease. River's column lists the clients
	// that tried a job, the latest last.
	orphans := "FROM river_job WHERE state = 'running' AND " + p.latest + " NOT IN (SELECT client FROM " + table + " WHERE until > " + p.now + ")"
	again := func(yes, no string) string {
		return "CASE WHEN attempt < max_attempts THEN " + yes + " ELSE " + no + " END"
	}
	return statements{
		begin:   "INSERT INTO " + table + " (client, until) VALUES (" + p.placeholders[0] + ", " + p.now + " + " + p.placeholders[1] + ")",
		renew:   "UPDATE " + table + " SET until = " + p.now + " + " + p.placeholders[0] + " WHERE client = " + p.placeholders[1] + " AND until > " + p.now,
		release: "DELETE FROM " + table + " WHERE client = " + p.placeholders[0],
		workers: "SELECT count(*) FROM " + table + " WHERE until > " + p.now,
		lost:    "SELECT EXISTS (SELECT 1 " + orphans + ")",
		take: "UPDATE river_job SET state = (" + again("'available'", "'discarded'") + ")" + p.state +
			", scheduled_at = " + again(p.moment, "scheduled_at") + ", finalized_at = " + again("NULL", p.moment) +
			" WHERE id IN (SELECT id " + orphans + p.skip + ") RETURNING " + p.args + ", attempt, max_attempts",
		forget: "DELETE FROM " + table + " WHERE until <= " + p.now,
	}
}

// Close closes the queue.
func (q *queue[T]) Close() error {
	if err := q.close(); err != nil {
		return fmt.Errorf("close job queue: %w", err)
	}
	return nil
}

// args is the one kind of job that River knows.
type args struct {
	JobKind string `json:"kind" river:"unique"`
	Key     string `json:"key" river:"unique"`
	Payload []byte `json:"payload"`
}

// Kind is River's name of the job.
func (args) Kind() string { return "stylesprint" }

// active are the states in which a key is taken.
func active() []rivertype.JobState {
	return []rivertype.JobState{rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning, rivertype.JobStateRetryable, rivertype.JobStateScheduled}
}

// Enqueue is Queue's.
func (q *queue[T]) Enqueue(ctx context.Context, jobs ...Job) (int, error) {
	if len(jobs) == 0 {
		return 0, nil
	}
	params := make([]river.InsertManyParams, len(jobs))
	for i, j := range jobs {
		params[i] = river.InsertManyParams{Args: args{j.Kind, j.Key, j.Payload}, InsertOpts: &river.InsertOpts{UniqueOpts: river.UniqueOpts{ByArgs: true, ByState: active()}}}
	}
	results, err := q.adder.InsertMany(ctx, params)
	if err != nil {
		return 0, fmt.Errorf("add jobs: %w", err)
	}
	added := 0
	for _, r := range results {
		if !r.UniqueSkippedAsDuplicate {
			added++
		}
	}
	return added, nil
}

// Status is Queue's.
func (c *core) Status(ctx context.Context) (Status, error) {
	var s Status
	rows, err := c.db.QueryContext(ctx, "SELECT state, count(*) FROM river_job GROUP BY state")
	if err != nil {
		return s, fmt.Errorf("count jobs: %w", err)
	}
	defer rows.Close()
	for rows.Next() {
		var state string
		var n int
		if err := rows.Scan(&state, &n); err != nil {
			return s, fmt.Errorf("count jobs: %w", err)
		}
		switch rivertype.JobState(state) {
		case rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateScheduled:
			s.Waiting += n
		case rivertype.JobStateRunning:
			s.Running += n
		case rivertype.JobStateRetryable:
			s.Retry += n
		case rivertype.JobStateCancelled, rivertype.JobStateDiscarded:
			s.Failed += n
		}
	}
	if err := errors.Join(rows.Err(), rows.Close()); err != nil { // closed before the one connection is asked again
		return s, fmt.Errorf("count jobs: %w", err)
	}
	if err := c.db.QueryRowContext(ctx, c.sql.workers).Scan(&s.Workers); err != nil {
		return s, fmt.Errorf("count workers: %w", err)
	}
	return s, nil
}
