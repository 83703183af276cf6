package postgres

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"net"
	"strings"
	"unicode/utf8"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"

	"stylesprint/store/relational"
)

func (d *DB) dialect() relational.Dialect {
	return relational.Dialect{
		Numbered: true, Arrays: true, Kind: kindOf, Explain: d.explain, Again: d.again, LockRow: " FOR UPDATE",
		Elements: "SELECT json_array_elements_text(?::json)",
	}
}

// The states that Postgres reports; see its manual, "PostgreSQL Error Codes".
const (
	foreignKeyViolation = "23503"
	uniqueViolation     = "23505"
	checkViolation      = "23514" // and a trigger's refusal; and a record whose day has no partition
	readOnly            = "25006" // read_only_sql_transaction: the server was demoted
	serialization       = "40001"
	deadlock            = "40P01"
	lockNotAvailable    = "55P03"
	adminShutdown       = "57P01"
	crashShutdown       = "57P02"
	cannotConnectNow    = "57P03" // it starts, stops, or recovers
)

// state is the SQLSTATE of an error, or "".
func state(err error) string {
	var e *pgconn.PgError
	if errors.As(err, &e) {
		return e.Code
	}
	return ""
}

// roleError says that a server answers, but is none that target_session_attrs asks for.
type roleError struct{ error }

// Unwrap returns the driver's own error.
func (e *roleError) Unwrap() error { return e.error }

func kindOf(err error) relational.Kind {
	switch state(err) {
	case foreignKeyViolation:
		return relational.ForeignKey
	case uniqueViolation:
		return relational.Unique
	case checkViolation:
		return relational.Check
	}
	return relational.Other
}

// trouble says whether an error means that the server behind a connection is gone, going, or
// takes no writes any more.
func trouble(err error) bool {
	switch s := state(err); {
	case s == readOnly, s == adminShutdown, s == crashShutdown, s == cannotConnectNow, strings.HasPrefix(s, "08"):
		return true
	case s != "":
		return false
	}
	var connect *pgconn.ConnectError
	if errors.Is(err, context.DeadlineExceeded) && !errors.As(err, &connect) {
		return false // the caller's time is up
	}
	return unreachable(err)
}

// unreachable says whether the network or the other end failed.
func unreachable(err error) bool {
	var network net.Error
	var connect *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connect) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) ||
		errors.Is(err, net.ErrClosed) || errors.Is(err, driver.ErrBadConn) || pgconn.SafeToRetry(err) ||
		strings.Contains(err.Error(), "conn closed")
}

// again decides on a second try. What the server itself reports about a transaction, it has
// rolled back; a connection that broke while committing leaves it unknown.
func (d *DB) again(ctx context.Context, err error, unsure bool) bool {
	if ctx.Err() != nil || errors.Is(err, context.Canceled) {
		return false
	}
	s := state(err)
	if s == serialization || s == deadlock {
		return true
	}
	if !trouble(err) {
		return false
	}
	d.pool.Reset()
	return !unsure || s == readOnly
}

func (d *DB) explain(err error) (sentence, hint string) {
	var role *roleError
	switch s := state(err); {
	case s == "28P01" || s == "28000":
		return "the database " + d.name + " refuses the user or the password", "correct DATABASE_URL; special characters of a password are written as % codes"
	case s == "3D000":
		return "the database " + d.name + " does not exist", "make it: createdb NAME, or correct DATABASE_URL"
	case s == "42501":
		return "the user of DATABASE_URL lacks a right in the database " + d.name, "let the user own the database: ALTER DATABASE NAME OWNER TO USER"
	case s == "53300":
		return "the database " + d.name + " has no connection left", "raise its max_connections, or add pool_max_conns=N to DATABASE_URL"
	case s == "53100" || s == "53200":
		return "the database " + d.name + " is out of disk or memory", "free some space on its server; nothing that was stored is lost"
	case s == readOnly, errors.As(err, &role) && !unreachable(role.error):
		return "the database " + d.name + " takes no writes", "name every host in DATABASE_URL, so that the one that does is found"
	case s == lockNotAvailable:
		return "a table of the database " + d.name + " is in use by a long query", "try again later"
	}
	if trouble(err) {
		return "the database " + d.name + " does not answer", "see whether its server runs: pg_isready"
	}
	return "", ""
}

// connector makes connections whose texts are such that Postgres takes them.
type connector struct{ driver.Connector }

func (c connector) Connect(ctx context.Context) (driver.Conn, error) {
	inner, err := c.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return conn{inner.(*stdlib.Conn)}, nil
}

type conn struct{ *stdlib.Conn }

// CheckNamedValue replaces what a text column cannot hold: the character NUL, and bytes that are no
// UTF-8. One such text would make the server refuse the whole batch that it is in, for ever.
func (c conn) CheckNamedValue(v *driver.NamedValue) error {
	switch text := v.Value.(type) {
	case string:
		v.Value = clean(text)
	case sql.NullString:
		v.Value = sql.NullString{String: clean(text.String), Valid: text.Valid}
	case []string:
		for _, t := range text {
			if clean(t) != t {
				out := make([]string, len(text))
				for i, t := range text {
					out[i] = clean(t)
				}
				v.Value = out
				break
			}
		}
	}
	return c.Conn.CheckNamedValue(v)
}

func clean(text string) string {
	const replacement = "\ufffd"
	if strings.IndexByte(text, 0) < 0 && utf8.ValidString(text) {
		return text
	}
	return strings.ReplaceAll(strings.ToValidUTF8(text, replacement), "\x00", replacement)
}
