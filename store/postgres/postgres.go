// Package postgres keeps runs, outputs, reviews and the request log in a Postgres database.
//
// Key words: pool, host, failover, day.
//
// The usual path is
//
//	db, err := postgres.Open(ctx, dsn, postgres.Options{})
//	defer db.Close()
//
// and then to pass db to whoever declares an interface that it satisfies. The queries are
// those of store/relational, which SQLite answers too; this package opens the database,
// brings its schema up to date, divides the request log into days, and finds the server that takes writes.
//
// A DSN may name several hosts. They are asked in order for one that can be written to. When that
// one is demoted or goes away, the first write that fails makes the pool forget every connection;
// writes that may safely be repeated are tried once more. Errors that a person can mend are
// *stylesprint.Error with the code unavailable or conflict, and name hosts and database, never
// the password; the rest is wrapped with the failed act. Texts are stored as UTF-8 without the character
// NUL, which Postgres cannot hold: U+FFFD takes its place. A DB is safe for concurrent
// use, by any number of processes. docs/formats/sqlite.md documents the schema.
package postgres

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"net"
	"strconv"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"

	"stylesprint"
	"stylesprint/store/migration"
	"stylesprint/store/relational"
)

//go:embed migrations/*.sql
var migrations embed.FS

// Options configure a DB. The zero value is good.
type Options struct {
	// Connections is how many are open at most. Default: pool_max_conns of the DSN, or 24.
	Connections int
}

const (
	defaultConnections = 24
	connectTimeout     = "2" // seconds, for each address that is tried
	connectionLife     = "5m"
	connectionJitter   = "1m"
)

// DB is an open database.
type DB struct {
	*relational.DB
	pool *pgxpool.Pool
	sql  *sql.DB
	name string
}

// Open opens the database of a DSN (a URL postgres://, or words like host=... dbname=...) and brings its schema up to date.
// What the DSN does not say: connections are tried for 2 seconds per address, to servers that
// take writes only, and are used for 5 to 6 minutes.
func Open(ctx context.Context, dsn string, o Options) (*DB, error) {
	config, err := parse(dsn, o)
	if err != nil {
		return nil, err
	}
	d, err := connect(ctx, config)
	if err != nil {
		return nil, err
	}
	if err := d.migrate(ctx); err != nil {
		return nil, errors.Join(d.Fault("open", err), d.Close())
	}
	return d, nil
}

// connect makes the pool, which connects when it is first used.
func connect(ctx context.Context, config *pgxpool.Config) (*DB, error) {
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, badAddress()
	}
	d := &DB{pool: pool, sql: sql.OpenDB(connector{stdlib.GetPoolConnector(pool)}), name: describe(config)}
	d.sql.SetMaxIdleConns(0) // the pool keeps them
	dialect := d.dialect()
	dialect.Days = &days{db: d.sql, known: map[int64]bool{}}
	d.DB = relational.New(d.sql, d.sql, dialect)
	return d, nil
}

// Check says whether a DSN can be read, without asking any server.
func Check(dsn string) error {
	_, err := parse(dsn, Options{})
	return err
}

// badAddress tells nothing of the address: it may be wrong because of the password in it.
func badAddress() error {
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "the address of the Postgres database cannot be read",
		Hint: "write it like postgres://USER:PASSWORD@HOST:5432/DATABASE?sslmode=verify-full, with % codes for special characters of the password"}
}

func parse(dsn string, o Options) (*pgxpool.Config, error) {
	config, err := pgxpool.ParseConfig(Complete(dsn))
	if err != nil {
		return nil, badAddress()
	}
	switch {
	case o.Connections > 0:
		config.MaxConns = int32(min(o.Connections, 10_000))
	case !strings.Contains(dsn, "pool_max_conns"):
		config.MaxConns = defaultConnections
	}
	if validate := config.ConnConfig.ValidateConnect; validate != nil {
		config.ConnConfig.ValidateConnect = func(ctx context.Context, c *pgconn.PgConn) error {
			if err := validate(ctx, c); err != nil {
				return &roleError{err}
			}
			return nil
		}
	}
	return config, nil
}

// Complete adds to a DSN what it does not say: how long to try an address, that only a server
// that takes writes will do, how long connections are used, and who we are. A queue of jobs that is
// kept in the same database is opened with the result.
func Complete(dsn string) string {
	isURL := strings.HasPrefix(dsn, "postgres://") || strings.HasPrefix(dsn, "postgresql://")
	for _, s := range []struct{ name, value string }{
		{"connect_timeout", connectTimeout}, {"target_session_attrs", "read-write"},
		{"pool_max_conn_lifetime", connectionLife}, {"pool_max_conn_lifetime_jitter", connectionJitter}, {"application_name", "stylesprint"},
	} {
		switch {
		case strings.Contains(dsn, s.name+"="):
		case !isURL:
			dsn += " " + s.name + "=" + s.value
		case strings.Contains(dsn, "?"):
			dsn += "&" + s.name + "=" + s.value
		default:
			dsn += "?" + s.name + "=" + s.value
		}
	}
	return dsn
}

// describe names hosts and database.
func describe(config *pgxpool.Config) string {
	c := config.ConnConfig
	var hosts []string
	add := func(host string, port uint16) {
		at := host
		if !strings.HasPrefix(host, "/") { // no Unix socket
			at = net.JoinHostPort(host, strconv.Itoa(int(port)))
		}
		for _, h := range hosts { // once with TLS and once without
			if h == at {
				return
			}
		}
		hosts = append(hosts, at)
	}
	add(c.Host, c.Port)
	for _, f := range c.Fallbacks {
		add(f.Host, f.Port)
	}
	return c.Database + " on " + strings.Join(hosts, ",")
}

// Name is the database and its hosts, for people.
func (d *DB) Name() string { return d.name }

// Close waits for running calls and closes all connections.
func (d *DB) Close() error {
	err := d.sql.Close()
	d.pool.Close()
	return err
}

// lock is the advisory lock under which processes bring the schema up to date, one by one; any
// number would do.
const lock = 0x7374796c65

func (d *DB) migrate(ctx context.Context) error {
	steps, err := migration.Load(migrations, "migrations")
	if err != nil {
		return err
	}
	conn, err := d.sql.Conn(ctx)
	if err != nil {
		return err
	}
	defer conn.Close()
	_, err = migration.Apply(ctx, conn, steps, migration.Dialect{
		Begin: []string{"BEGIN", fmt.Sprintf("SELECT pg_advisory_xact_lock(%d)", lock)},
		Check: d.checkForeign, Newer: true, Name: d.name,
	})
	return err
}

// checkForeign refuses a schema that holds another program's tables under our names.
func (d *DB) checkForeign(ctx context.Context, conn *sql.Conn) error {
	var versions, ours, taken int
	err := conn.QueryRowContext(ctx, `SELECT
		(SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name = 'schema_migrations'),
		(SELECT count(*) FROM information_schema.columns WHERE table_schema = current_schema() AND table_name = 'schema_migrations' AND column_name = 'sha256'),
		(SELECT count(*) FROM information_schema.tables WHERE table_schema = current_schema() AND table_name IN ('runs', 'outputs', 'requests'))`).Scan(&versions, &ours, &taken)
	if err != nil {
		return err
	}
	if (versions > 0 && ours == 0) || (versions == 0 && taken > 0) {
		return &stylesprint.Error{Code: stylesprint.CodeConflict, Message: fmt.Sprintf("the database %s holds the tables of another program", d.name),
			Hint: "make a database for stylesprint alone: createdb stylesprint"}
	}
	return nil
}
