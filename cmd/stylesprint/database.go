package main

import (
	"context"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/job"
	"stylesprint/store/postgres"
	"stylesprint/store/relational"
	"stylesprint/store/sqlite"
)

// database is the open store: a SQLite file, or a Postgres database.
type database struct {
	*relational.DB
	io.Closer
	name string // for people: the file, or the database and its hosts; no password
}

// openStore opens the database that DATABASE_URL names, or else the file in the data folder,
// creating that if need be.
func (a *app) openStore(ctx context.Context, c config.Config) (*database, error) {
	if err := os.MkdirAll(c.DataDir, 0o700); err != nil { // holds reports and datasets in either case
		return nil, &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "the data folder cannot be created", Hint: "set XDG_DATA_HOME, or data_dir in the configuration, to a folder that you may write", Err: err}
	}
	if !c.DatabaseURL.Empty() {
		db, err := postgres.Open(ctx, c.DatabaseURL.Reveal(), postgres.Options{})
		if err != nil {
			return nil, err
		}
		return &database{db.DB, db, "Postgres: " + db.Name()}, nil
	}
	db, err := sqlite.Open(ctx, filepath.Join(c.DataDir, "stylesprint.db"), sqlite.Options{})
	if err != nil {
		return nil, err
	}
	return &database{db.DB, db, db.Path()}, nil
}

// openQueue opens the queue of jobs, which is in Postgres if the store is.
func (a *app) openQueue(ctx context.Context, c config.Config, log *slog.Logger) (job.Queue, error) {
	if !c.DatabaseURL.Empty() {
		q, err := job.OpenPostgres(ctx, postgres.Complete(c.DatabaseURL.Reveal()), job.Options{Log: log})
		if err != nil {
			return nil, err
		}
		return q, nil
	}
	q, err := job.Open(ctx, filepath.Join(c.DataDir, "jobs.db"), job.Options{Log: log})
	if err != nil {
		return nil, err
	}
	return q, nil
}
