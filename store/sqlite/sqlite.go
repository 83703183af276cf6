// Package sqlite keeps runs, outputs, reviews and the request log in one SQLite file.
//
// Key words: database, writer, readers.
//
// The usual path is
//
//	db, err := sqlite.Open(ctx, path, sqlite.Options{})
//	defer db.Close()
//
// and then to pass db to whoever declares an interface that it satisfies: the
// evaluation's runner, the gateway's request log, the dashboard. Errors that a
// person can mend are *stylesprint.Error (no such run, a full disk, a database of
// a newer program); the rest is wrapped with the failed act.
//
// A DB is safe for concurrent use, and several processes may open the same file:
// one connection writes and waits for those of other processes, any number read
// beside it (write-ahead log). Every write is one transaction. A process that is
// killed loses nothing that was acknowledged; a power cut may lose the last
// moments, never the consistency. docs/formats/sqlite.md documents the schema.
package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"stylesprint"
	"stylesprint/store/migration"
	"stylesprint/store/relational"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options configure a DB. The zero value is good.
type Options struct {
	// BusyTimeout is how long a write waits for another process. Default 10 s.
	BusyTimeout time.Duration
	// IdleReaders is how many connections for reading are kept open. Default 4.
	IdleReaders int
}

// DB is an open database.
type DB struct {
	*relational.DB
	path   string
	writer *sql.DB // one connection
	reader *sql.DB
}

// Open opens the database at path, creates it and its folder if need be, and
// brings the schema up to date.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	if o.BusyTimeout <= 0 {
		o.BusyTimeout = 10 * time.Second
	}
	if o.IdleReaders <= 0 {
		o.IdleReaders = 4
	}
	path, err := filepath.Abs(path)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	d := &DB{path: path}
	d.DB = relational.New(nil, nil, d.dialect()) // for its faults
	if err := d.create(); err != nil {
		return nil, d.Fault("open", err)
	}
	common := url.Values{"_busy_timeout": {strconv.FormatInt(o.BusyTimeout.Milliseconds(), 10)}, "_foreign_keys": {"1"}, "_dqs": {"0"}, "_defensive": {"1"}}
	if d.writer, err = pool(path, common, url.Values{"_journal_mode": {"WAL"}, "_synchronous": {"NORMAL"}, "_txlock": {"immediate"}}); err != nil {
		return nil, d.Fault("open", err)
	}
	if d.reader, err = pool(path, common, url.Values{"_query_only": {"1"}}); err != nil {
		return nil, d.Fault("open", errors.Join(err, d.writer.Close()))
	}
	d.DB = relational.New(d.writer, d.reader, d.dialect())
	d.writer.SetMaxOpenConns(1)
	// Without a limit on readers, as a reader may read further while it holds rows.
	d.reader.SetMaxIdleConns(o.IdleReaders)
	if err := d.migrate(ctx, o.BusyTimeout); err != nil {
		return nil, errors.Join(d.Fault("open", err), d.Close())
	}
	return d, nil
}

func pool(path string, settings ...url.Values) (*sql.DB, error) {
	query := url.Values{}
	for _, s := range settings {
		for k, v := range s {
			query[k] = v
		}
	}
	slashed := filepath.ToSlash(path)
	if !strings.HasPrefix(slashed, "/") { // C:/...
		slashed = "/" + slashed
	}
	u := url.URL{Scheme: "file", Path: slashed, RawQuery: query.Encode()}
	connector, err := driver.NewConnector(u.String())
	if err != nil {
		return nil, err
	}
	return sql.OpenDB(connector), nil
}

// create makes the folder, and a file that only its owner may read: it can hold
// prompts and answers.
func (d *DB) create() error {
	if err := os.MkdirAll(filepath.Dir(d.path), 0o700); err != nil {
		return err
	}
	f, err := os.OpenFile(d.path, os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	return f.Close()
}

func (d *DB) migrate(ctx context.Context, patience time.Duration) error {
	steps, err := migration.Load(migrations, "migrations")
	if err != nil {
		return err
	}
	conn, err := d.firstConnection(ctx, patience)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = migration.Apply(ctx, conn, steps, migration.Dialect{Begin: []string{"BEGIN IMMEDIATE"}, Check: d.checkForeign, Name: d.path})
	return err
}

// firstConnection switches the file to the write-ahead log. SQLite does not wait when
// two processes do so at once; the later one tries again.
func (d *DB) firstConnection(ctx context.Context, patience time.Duration) (*sql.Conn, error) {
	deadline := time.Now().Add(patience)
	for {
		conn, err := d.writer.Conn(ctx)
		if err == nil || !isBusy(err) || time.Now().After(deadline) {
			return conn, err
		}
		select {
		case <-ctx.Done():
			return nil, ctx.Err()
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// checkForeign refuses a file that holds another program's tables.
func (d *DB) checkForeign(ctx context.Context, conn *sql.Conn) error {
	var tables, ours int
	err := conn.QueryRowContext(ctx, "SELECT count(*), coalesce(sum(name = 'schema_migrations'), 0) FROM sqlite_schema WHERE type = 'table'").Scan(&tables, &ours)
	if err != nil {
		return err
	}
	if tables > 0 && ours == 0 {
		return &stylesprint.Error{
			Code:    stylesprint.CodeConflict,
			Message: fmt.Sprintf("%s is the database of another program", d.path),
			Hint:    "choose another data folder (XDG_DATA_HOME, or data_dir in the configuration)",
		}
	}
	return nil
}

// Path is the file's absolute path.
func (d *DB) Path() string { return d.path }

// Close waits for running calls and closes the file.
func (d *DB) Close() error {
	return errors.Join(d.reader.Close(), d.writer.Close())
}

// Sync forces what was committed to the disk. Commits do not: they survive the process, and
// a power cut only after the next checkpoint.
func (d *DB) Sync(context.Context) error {
	f, err := os.OpenFile(d.path+"-wal", os.O_RDWR, 0)
	if errors.Is(err, os.ErrNotExist) {
		return nil // checkpointed, which syncs
	}
	if err == nil {
		err = errors.Join(f.Sync(), f.Close())
	}
	return d.Fault("sync", err)
}

func (d *DB) dialect() relational.Dialect {
	return relational.Dialect{Kind: kindOf, Explain: d.explain, Elements: "SELECT value FROM json_each(?)"}
}

// kindOf reads SQLite's extended result codes.
func kindOf(err error) relational.Kind {
	var e *driver.Error
	if !errors.As(err, &e) || e.Code()&0xff != sqlite3.SQLITE_CONSTRAINT {
		return relational.Other
	}
	switch e.Code() {
	case sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY:
		return relational.ForeignKey
	case sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY, sqlite3.SQLITE_CONSTRAINT_ROWID:
		return relational.Unique
	}
	return relational.Check
}

func (d *DB) explain(err error) (sentence, hint string) {
	switch primaryCode(err) {
	case sqlite3.SQLITE_FULL:
		return "the disk is full: the database " + d.path + " cannot grow", "free some space and try again; nothing that was stored is lost"
	case sqlite3.SQLITE_BUSY:
		return "the database " + d.path + " is in use by another process that does not let go", "find it with: fuser " + d.path
	case sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return "the database " + d.path + " is damaged or no database", "move it away and restore a backup, or begin anew without it"
	case sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM:
		return "the database " + d.path + " cannot be opened for writing", "make its folder writable, or set XDG_DATA_HOME to another one"
	}
	var file *os.PathError
	if errors.As(err, &file) {
		return "the database " + d.path + " cannot be opened", "make its folder writable, or set XDG_DATA_HOME to another one"
	}
	return "", ""
}

// primaryCode is SQLite's result code without its extension, or 0.
func primaryCode(err error) int {
	var e *driver.Error
	if errors.As(err, &e) {
		return e.Code() & 0xff
	}
	return 0
}

func isBusy(err error) bool {
	code := primaryCode(err)
	return code == sqlite3.SQLITE_BUSY || code == sqlite3.SQLITE_LOCKED
}
