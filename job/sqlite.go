package job

import (
	"context"
	"database/sql"
	"errors"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	driver "modernc.org/sqlite"

	"stylesprint"
)

// SQLite is River on a SQLite file.
type SQLite struct {
	queue[*sql.Tx]
	path string
}

var _ Queue = (*SQLite)(nil)

// sqliteTable says which processes are alive; River has no such table.
const sqliteTable = `CREATE TABLE IF NOT EXISTS worker_leases (
	client TEXT    NOT NULL PRIMARY KEY, -- as in river_job.attempted_by
	until  INTEGER NOT NULL              -- nanoseconds since 1970 UTC
) STRICT`

// sqliteStatements are those of leases.
func sqliteStatements() statements {
	const now = "CAST(unixepoch('subsec') * 1e9 AS INTEGER)"
	return newStatements(phrases{
		now: now, moment: "datetime('now', 'subsec')", state: "", args: "json(args)",
		latest: "coalesce(json_extract(attempted_by, '$[#-1]'), '')", placeholders: [2]string{"?", "?"},
	})
}

// Open opens the queue at path and makes it, with its folder, if need be.
func Open(ctx context.Context, path string, o Options) (*SQLite, error) {
	o.complete()
	q := &SQLite{path: path}
	q.o, q.sql, q.pollOnly = o, sqliteStatements(), true
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
	q.driver, q.close = riversqlite.New(q.db), q.db.Close
	if err := patiently(ctx, func() error { return q.migrate(ctx) }); err != nil {
		return err
	}
	return q.prepare()
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
	_, err = q.db.ExecContext(ctx, sqliteTable)
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
