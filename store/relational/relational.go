// Package relational holds the queries that SQLite and Postgres share: runs, outputs,
// reviews, the request log and what the gateway keeps.
//
// Key words: query, placeholder, dialect, fault.
//
// store/sqlite and store/postgres open the database, bring its schema up to date and
// embed a *DB made here, which has all the methods that the domain rooms ask for:
//
//	db := relational.New(writer, reader, dialect)
//
// Queries are written with ? as placeholder, in the SQL that both databases read; what
// differs is in the Dialect. Every write is one transaction. Errors that a person can mend
// are *stylesprint.Error values (no such run, a full disk); the rest is wrapped with the
// failed act. A DB is safe for concurrent use.
package relational

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"stylesprint"
	"stylesprint/evaluate"
)

// Dialect is what differs between databases. Every field is set.
type Dialect struct {
	// Numbered placeholders are $1, $2, ... in place of ?.
	Numbered bool
	// Kind says what kind of fault an error of the driver is.
	Kind func(error) Kind
	// Explain turns an error that a person can mend into a sentence and the next step; ""
	// for any other.
	Explain func(error) (sentence, hint string)
	// Elements is a query, with one placeholder, for the texts of a JSON list.
	Elements string
	// LockRow is appended to a query of one row that the transaction then writes, if the
	// transaction itself does not keep others from writing; or "".
	LockRow string
	// Again says whether a transaction that failed in this way is tried once more, after
	// the pool has been told to forget connections that are of no use any more. unsure: the
	// transaction must not be tried again if it may have been committed. nil: never.
	Again func(ctx context.Context, err error, unsure bool) bool
	// Arrays says that a placeholder takes a list, and unnest makes rows of lists.
	Arrays bool
	// Days looks after the days that the request log is divided into; nil: it is not.
	Days Days
}

// Days are the parts of a request log that is divided by day (UTC). Its bodies are divided
// in the same way, and have the record's time in a column request_time.
type Days interface {
	// Make makes those of the days that are not there. With anew, nothing is taken from memory.
	Make(ctx context.Context, days []time.Time, anew bool) error
	// Drop drops the days that ended by a time, and returns how many records they held.
	Drop(ctx context.Context, by time.Time) (int64, error)
}

// Kind is a kind of fault.
type Kind int

// The kinds that queries look for.
const (
	Other Kind = iota
	Unique
	ForeignKey
	Check // a CHECK or a trigger's refusal
)

// DB runs queries.
type DB struct {
	writer  *pool
	reader  *pool
	dialect Dialect
}

var _ evaluate.Store = (*DB)(nil)

// New joins two pools, which may be the same, and which the caller closes.
func New(writer, reader *sql.DB, d Dialect) *DB {
	p := placeholders(d.Numbered)
	return &DB{writer: &pool{writer, p, d.Again}, reader: &pool{reader, p, d.Again}, dialect: d}
}

// placeholders says whether ? becomes $n.
type placeholders bool

// bind rewrites a query's placeholders. Queries hold no ? inside quotes.
func (p placeholders) bind(query string) string {
	if !p {
		return query
	}
	var b strings.Builder
	b.Grow(len(query) + 16)
	n := 0
	for {
		before, after, found := strings.Cut(query, "?")
		b.WriteString(before)
		if !found {
			return b.String()
		}
		n++
		b.WriteString("$" + strconv.Itoa(n))
		query = after
	}
}

// pool is a *sql.DB with placeholders. A query that failed because of its connection is asked once more.
type pool struct {
	db    *sql.DB
	p     placeholders
	again func(ctx context.Context, err error, unsure bool) bool
}

func (p *pool) retry(ctx context.Context, err error) bool {
	return err != nil && p.again != nil && p.again(ctx, err, false)
}

func (p *pool) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	query = p.p.bind(query)
	rows, err := p.db.QueryContext(ctx, query, args...)
	if p.retry(ctx, err) {
		rows, err = p.db.QueryContext(ctx, query, args...)
	}
	return rows, err
}

func (p *pool) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	query = p.p.bind(query)
	row := p.db.QueryRowContext(ctx, query, args...)
	if p.retry(ctx, row.Err()) {
		row = p.db.QueryRowContext(ctx, query, args...)
	}
	return row
}

// snapshot begins a transaction that reads, all of it as of one moment.
func (p *pool) snapshot(ctx context.Context) (*transaction, error) {
	o := &sql.TxOptions{ReadOnly: true}
	if p.p {
		o.Isolation = sql.LevelRepeatableRead
	}
	tx, err := p.db.BeginTx(ctx, o)
	if p.retry(ctx, err) {
		tx, err = p.db.BeginTx(ctx, o)
	}
	return &transaction{tx, p.p}, err
}

// transaction is a *sql.Tx with placeholders.
type transaction struct {
	tx *sql.Tx
	p  placeholders
}

func (t *transaction) QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error) {
	return t.tx.QueryContext(ctx, t.p.bind(query), args...)
}

func (t *transaction) QueryRowContext(ctx context.Context, query string, args ...any) *sql.Row {
	return t.tx.QueryRowContext(ctx, t.p.bind(query), args...)
}

func (t *transaction) ExecContext(ctx context.Context, query string, args ...any) (sql.Result, error) {
	return t.tx.ExecContext(ctx, t.p.bind(query), args...)
}

func (t *transaction) PrepareContext(ctx context.Context, query string) (*sql.Stmt, error) {
	return t.tx.PrepareContext(ctx, t.p.bind(query))
}

// Rollback of a transaction that has ended does nothing.
func (t *transaction) Rollback() { _ = t.tx.Rollback() }

// write runs a transaction. body may be called twice, the first time for nothing. When
// nobody knows whether the transaction was committed, as the connection broke meanwhile,
// the error says so by being one.
func (d *DB) write(ctx context.Context, act string, body func(tx *transaction) error) error {
	return d.Fault(act, d.twice(ctx, false, body))
}

// rewrite is write for what may be done twice with the same result, so that it is tried
// again even if it may have been committed.
func (d *DB) rewrite(ctx context.Context, act string, body func(tx *transaction) error) error {
	return d.Fault(act, d.twice(ctx, true, body))
}

func (d *DB) twice(ctx context.Context, idempotent bool, body func(tx *transaction) error) error {
	committing, err := d.attempt(ctx, body)
	if err != nil && d.dialect.Again != nil && d.dialect.Again(ctx, err, committing && !idempotent) {
		_, err = d.attempt(ctx, body)
	}
	return err
}

func (d *DB) attempt(ctx context.Context, body func(tx *transaction) error) (committing bool, err error) {
	tx, err := d.writer.db.BeginTx(ctx, nil)
	if err != nil {
		return false, err
	}
	if err := body(&transaction{tx, d.writer.p}); err != nil {
		// A failed rollback adds nothing: the transaction is gone either way.
		_ = tx.Rollback()
		return false, err
	}
	return true, tx.Commit()
}

// Fault wraps an error, and turns those that a person can mend into sentences.
func (d *DB) Fault(act string, err error) error {
	if err == nil {
		return nil
	}
	var shown *stylesprint.Error
	if errors.As(err, &shown) {
		return err
	}
	wrapped := fmt.Errorf("%s: %w", act, err)
	if errors.Is(err, context.Canceled) {
		return wrapped
	}
	sentence, hint := d.dialect.Explain(err)
	if sentence == "" {
		return wrapped
	}
	return &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: sentence, Hint: hint, Err: wrapped}
}

// Ping reports whether the database can be read.
func (d *DB) Ping(ctx context.Context) error {
	var n int
	return d.Fault("ping", d.reader.QueryRowContext(ctx, "SELECT count(*) FROM schema_migrations").Scan(&n))
}

// querier is a pool or a transaction.
type querier interface {
	QueryContext(ctx context.Context, query string, args ...any) (*sql.Rows, error)
}

// scanner is a row.
type scanner interface{ Scan(...any) error }

// collect reads all rows of a query.
func collect[T any](ctx context.Context, q querier, scan func(scanner) (T, error), query string, args ...any) ([]T, error) {
	rows, err := q.QueryContext(ctx, query, args...)
	if err != nil {
		return nil, err
	}
	defer rows.Close()
	var out []T
	for rows.Next() {
		v, err := scan(rows)
		if err != nil {
			return nil, err
		}
		out = append(out, v)
	}
	return out, rows.Err()
}

// nanoseconds is how a time is stored; the zero time is 0.
func nanoseconds(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixNano()
}

func fromNanoseconds(n int64) time.Time {
	if n == 0 {
		return time.Time{}
	}
	return time.Unix(0, n).UTC()
}
