package job

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/rivermigrate"

	"stylesprint"
)

// Postgres is River in a Postgres database, where it may stand beside other tables.
type Postgres struct {
	queue[pgx.Tx]
	pool *pgxpool.Pool
}

var _ Queue = (*Postgres)(nil)

// postgresTable says which processes are alive; River has no such table.
const postgresTable = `CREATE TABLE IF NOT EXISTS worker_leases (
	client TEXT   NOT NULL PRIMARY KEY, -- as in river_job.attempted_by
	until  BIGINT NOT NULL              -- nanoseconds since 1970 UTC, by this server's clock
)`

// postgresStatements are those of leases.
func postgresStatements() statements {
	return newStatements(phrases{
		now: "(extract(epoch FROM clock_timestamp()) * 1000000000)::bigint", moment: "now()", state: "::river_job_state", args: "args::text",
		latest: "coalesce(attempted_by[array_upper(attempted_by, 1)], '')", skip: " FOR UPDATE SKIP LOCKED", placeholders: [2]string{"$1", "$2"},
	})
}

// postgresConnections is how many a process uses at most: one listens, and few jobs are at their
// beginning or end at once.
const postgresConnections = 8

// OpenPostgres opens the queue in the database of a DSN, which says everything that matters
// about finding its server, and makes its tables if need be. No error tells the DSN.
func OpenPostgres(ctx context.Context, dsn string, o Options) (*Postgres, error) {
	o.complete()
	config, err := pgxpool.ParseConfig(dsn)
	if err != nil {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "the address of the Postgres database cannot be read", Hint: "correct DATABASE_URL"}
	}
	config.MaxConns = postgresConnections
	pool, err := pgxpool.NewWithConfig(ctx, config)
	if err != nil {
		return nil, fmt.Errorf("open job queue: %w", err)
	}
	q := &Postgres{pool: pool}
	q.o, q.sql, q.db, q.driver, q.lost = o, postgresStatements(), stdlib.OpenDBFromPool(pool), riverpgxv5.New(pool), q.isAway
	q.close = func() error {
		err := q.db.Close()
		pool.Close()
		return err
	}
	err = q.migrate(ctx)
	if err == nil {
		err = q.prepare()
	}
	if err != nil {
		shown := &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "the job queue in the database " + config.ConnConfig.Database + " cannot be opened",
			Hint: "see whether its server runs: pg_isready", Err: err}
		return nil, errors.Join(shown, q.close())
	}
	return q, nil
}

// schemaLock is the advisory lock under which processes make the tables, one by one; any number
// would do.
const schemaLock = 0x7269766572

// migrate brings the schema up to date. The lock has a connection of its own.
func (q *Postgres) migrate(ctx context.Context) error {
	conn, err := q.pool.Acquire(ctx)
	if err != nil {
		return err
	}
	defer conn.Release()
	if _, err := conn.Exec(ctx, fmt.Sprintf("SELECT pg_advisory_lock(%d)", schemaLock)); err != nil {
		return err
	}
	err = q.migrateLocked(ctx)
	if _, uerr := conn.Exec(context.WithoutCancel(ctx), fmt.Sprintf("SELECT pg_advisory_unlock(%d)", schemaLock)); uerr != nil {
		err = errors.Join(err, uerr, conn.Conn().Close(context.WithoutCancel(ctx)))
	}
	return err
}

func (q *Postgres) migrateLocked(ctx context.Context) error {
	m, err := rivermigrate.New(q.driver, &rivermigrate.Config{Logger: q.o.Log})
	if err != nil {
		return err
	}
	if _, err := m.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return err
	}
	_, err = q.db.ExecContext(ctx, postgresTable)
	return err
}

// isAway says whether an error means that the server is away, or takes no writes any more; the
// pool then looks for one that does.
func (q *Postgres) isAway(err error) bool {
	if !away(err) {
		return false
	}
	q.pool.Reset()
	return true
}

func away(err error) bool {
	var server *pgconn.PgError
	if errors.As(err, &server) {
		switch server.Code {
		case "25006", "57P01", "57P02", "57P03": // read-only; shut down; crashed; starting
			return true
		}
		return strings.HasPrefix(server.Code, "08") // the connection
	}
	var network net.Error
	var connect *pgconn.ConnectError
	return errors.As(err, &network) || errors.As(err, &connect) || errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, net.ErrClosed) || errors.Is(err, sql.ErrConnDone)
}
