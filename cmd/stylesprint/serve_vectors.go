package main

import (
	"context"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
	"stylesprint/catalogue/answer"
	"stylesprint/store/postgres"
)

const (
	// vectorsPatience bounds how long a start waits for the index of vectors.
	vectorsPatience = 5 * time.Second
	// vectorsAge is how long a vector is kept: one that is still asked for is made again then.
	vectorsAge = 30 * 24 * time.Hour
)

// vectorStore is a database that can keep vectors.
type vectorStore interface {
	Vectors(ctx context.Context) (*postgres.Vectors, error)
}

// vectorIndex keeps the vectors of passages: in the database, for all processes that share it, where that
// is Postgres with pgvector; or else in memory.
func (s *server) vectorIndex(ctx context.Context) answer.Index {
	failures := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "stylesprint", Name: "answer_index_failures_total",
		Help: "Failed attempts to use the vectors that are kept in the database; memory stood in their place."}, []string{"act"})
	s.metrics.MustRegister(failures)
	for _, act := range []string{"look_up", "keep", "prune"} {
		failures.WithLabelValues(act)
	}
	db, can := s.db.Closer.(vectorStore)
	if !can {
		return answer.NewMemory(0)
	}
	ctx, cancel := context.WithTimeout(ctx, vectorsPatience)
	defer cancel()
	vectors, err := db.Vectors(ctx)
	switch {
	case stylesprint.CodeOf(err) == stylesprint.CodeUnsupported:
		s.log.Info("answers", "vectors", "memory", "reason", err.Error())
		return answer.NewMemory(0)
	case err != nil:
		s.log.Warn("answers", "vectors", "memory", "error", err.Error())
		return answer.NewMemory(0)
	}
	s.log.Info("answers", "vectors", "pgvector")
	fault := func(act string, err error) {
		failures.WithLabelValues(act).Inc()
		s.log.Warn("answers", "act", act, "error", err.Error())
	}
	s.tasks = append(s.tasks, func(ctx context.Context) { pruneVectors(ctx, vectors, fault) })
	return answer.NewShared(vectors, answer.SharedOptions{Fault: fault})
}

// pruneVectors deletes old vectors, now and every hour, until ctx ends.
func pruneVectors(ctx context.Context, vectors *postgres.Vectors, fault func(act string, err error)) {
	t := time.NewTicker(pruneEvery)
	defer t.Stop()
	for {
		if _, err := vectors.Prune(ctx, vectorsAge); err != nil && ctx.Err() == nil {
			fault("prune", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
	}
}
