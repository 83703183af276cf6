package job

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"
	driver "modernc.org/sqlite"

	"stylesprint"
)

// SQLite is River on a SQLite file.
type SQLite struct {
	path   string
	o      Options
	db     *sql.DB
	driver *riversqlite.Driver
	adder  *river.Client[*sql.Tx] // only adds
}

var _ Queue = (*SQLite)(nil)

// leases says which processes are alive; River has no such table.
const leases = `CREATE TABLE IF NOT EXISTS worker_leases (
	client TEXT    NOT NULL PRIMARY KEY, -- as in river_job.attempted_by
	until  INTEGER NOT NULL              -- nanoseconds since 1970 UTC
) STRICT`

// Open opens the queue at path and makes it, with its folder, if need be.
func Open(ctx context.Context, path string, o Options) (*SQLite, error) {
	o.complete()
	q := &SQLite{path: path, o: o}
	err := q.open(ctx)
	if err != nil {
		if q.db != nil {
			err = errors.Join(err, q.db.Close())
		}
		return nil, &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "the job queue " + path + " cannot be opened",
			Hint: "make its folder writable, or set XDG_DATA_HOME to another one", Err: err}
	}
	return q, nil
}

func (q *SQLite) open(ctx context.Context) error {
	path, err := filepath.Abs(q.path)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_RDWR, 0o600) // its owner's alone: payloads name files and prompts
	if err != nil {
		return err
	}
	if err := f.Close(); err != nil {
		return err
	}
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") { // C:/...
		slashed = "/" + slashed
	}
	// Waits for other processes; a transaction takes the lock when it begins, as one that
	// takes it later is refused instead of waiting.
	u := url.URL{Scheme: "file", Path: slashed, RawQuery: url.Values{"_busy_timeout": {"10000"}, "_journal_mode": {"WAL"}, "_synchronous": {"NORMAL"}, "_txlock": {"immediate"}}.Encode()}
	connector, err := driver.NewConnector(u.String())
	if err != nil {
		return err
	}
	q.db = sql.OpenDB(connector)
	q.db.SetMaxOpenConns(1)
	q.driver = riversqlite.New(q.db)
	if err := patiently(ctx, func() error { return q.migrate(ctx) }); err != nil {
		return err
	}
	q.adder, err = river.NewClient(q.driver, &river.Config{Logger: q.o.Log, MaxAttempts: q.o.MaxAttempts})
	return err
}

// migrate brings the schema up to date.
func (q *SQLite) migrate(ctx context.Context) error {
	m, err := rivermigrate.New(q.driver, &rivermigrate.Config{Logger: q.o.Log})
	if err != nil {
		return err
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	_, err = q.db.ExecContext(ctx, leases)
	return err
}

// patiently repeats what two processes may not do at once: switching a new file to the
// write-ahead log, and making its tables.
func patiently(ctx context.Context, do func() error) error {
	const tries, between = 50, 100 * time.Millisecond
	var err error
	for range tries {
		if err = do(); err == nil || ctx.Err() != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(between):
		}
	}
	return err
}

// Close closes the file.
func (q *SQLite) Close() error {
	if err := q.db.Close(); err != nil {
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
func (q *SQLite) Enqueue(ctx context.Context, jobs ...Job) (int, error) {
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
func (q *SQLite) Status(ctx context.Context) (Status, error) {
	var s Status
	rows, err := q.db.QueryContext(ctx, "SELECT state, count(*) FROM river_job GROUP BY state")
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
	if err := q.db.QueryRowContext(ctx, "SELECT count(*) FROM worker_leases WHERE until > ?", time.Now().UnixNano()).Scan(&s.Workers); err != nil {
		return s, fmt.Errorf("count workers: %w", err)
	}
	return s, nil
}
