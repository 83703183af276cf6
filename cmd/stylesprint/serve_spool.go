package main

import (
	"context"
	"errors"
	"path/filepath"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint/gateway"
	"stylesprint/gateway/spool"
)

// joinRequestLog has requests recorded, and old records pruned.
func (s *server) joinRequestLog(context.Context) error {
	records, err := s.requestLog(s.metrics)
	if err != nil {
		return err
	}
	if records != nil { // not a nil *spool.Spool in an interface
		s.gateway.Records = records
	}
	if db, ok := any(s.db).(pruner); ok {
		s.tasks = append(s.tasks, func(ctx context.Context) { s.pruneRequests(ctx, db) })
	}
	return nil
}

// requestLog opens what keeps the records of requests until the database has them, and closes
// it after the last request, before the database. nil: they wait in memory.
func (s *server) requestLog(metrics prometheus.Registerer) (gateway.Recorder, error) {
	c := s.config.RequestLog
	if c.NoSpool {
		return nil, nil
	}
	o := spool.Options{
		Dir: filepath.Join(s.config.DataDir, "spool"), Sink: s.db, Log: s.log, Metrics: metrics,
		MaxBytes: c.SpoolBytes, RefuseWhenFull: c.RefuseWhenFull,
	}
	if db, ok := s.db.Closer.(interface{ Sync(context.Context) error }); ok {
		o.Sync = db.Sync
	}
	records, err := spool.Open(o)
	if err != nil {
		return nil, err
	}
	s.open.add(closing(func() error {
		ctx, cancel := context.WithTimeout(context.Background(), s.config.DrainTimeout)
		defer cancel()
		return records.Close(ctx)
	}))
	return records, nil
}

// closing is an io.Closer made of a function.
type closing func() error

func (c closing) Close() error { return c() }

// pruneEvery is how often old records and bodies are looked for.
const pruneEvery = time.Hour

// pruner is what the database does about old requests.
type pruner interface {
	// PruneRequests deletes the records of days that ended by a time.
	PruneRequests(ctx context.Context, before time.Time) (int64, error)
	// PruneRequestBodies deletes the texts of requests before a time.
	PruneRequestBodies(ctx context.Context, before time.Time) (int64, error)
}

// pruneRequests deletes what is older than the settings allow, now and every hour, until ctx ends.
func (s *server) pruneRequests(ctx context.Context, db pruner) {
	t := time.NewTicker(pruneEvery)
	defer t.Stop()
	for {
		s.pruneOnce(ctx, db, time.Now())
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}

func (s *server) pruneOnce(ctx context.Context, db pruner, now time.Time) {
	for _, p := range []struct {
		what  string
		keep  time.Duration
		prune func(context.Context, time.Time) (int64, error)
	}{
		{"bodies", time.Duration(s.config.RequestLog.BodiesRetention), db.PruneRequestBodies},
		{"records", time.Duration(s.config.RequestLog.Retention), db.PruneRequests},
	} {
		if p.keep == 0 {
			continue
		}
		n, err := p.prune(ctx, now.Add(-p.keep))
		switch {
		case err != nil && !errors.Is(err, context.Canceled):
			s.log.Error("request log", "act", "prune "+p.what, "error", err.Error())
		case n > 0:
			s.log.Info("request log", "act", "prune "+p.what, "deleted", n)
		}
	}
}
