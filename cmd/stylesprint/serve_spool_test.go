package main

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"stylesprint/cmd/stylesprint/config"
)

// shears is a pruner that notes what it is asked for.
type shears struct {
	asked []string
	fail  error
}

func (s *shears) PruneRequests(_ context.Context, before time.Time) (int64, error) {
	s.asked = append(s.asked, "records before "+before.Format(time.DateOnly))
	if s.fail != nil {
		return 0, s.fail
	}
	return 3, nil
}

func (s *shears) PruneRequestBodies(_ context.Context, before time.Time) (int64, error) {
	s.asked = append(s.asked, "bodies before "+before.Format(time.DateOnly))
	return 0, s.fail
}

func TestPruning(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 6, 30, 12, 0, 0, 0, time.UTC)
	const day = config.Period(24 * time.Hour)
	for _, c := range []struct {
		settings config.RequestLog
		fail     error
		asked    string
		logged   string
	}{
		{config.RequestLog{Retention: 90 * day, BodiesRetention: 7 * day}, nil, "bodies before 2026-06-23, records before 2026-04-01", `"act":"prune records","deleted":3`},
		{config.RequestLog{BodiesRetention: day}, nil, "bodies before 2026-06-29", ""},
		{config.RequestLog{}, nil, "", ""},
		{config.RequestLog{Retention: day}, errors.New("away"), "records before 2026-06-29", `"error":"away"`},
		{config.RequestLog{Retention: day}, context.Canceled, "records before 2026-06-29", ""},
	} {
		var log strings.Builder
		s := &server{log: slog.New(slog.NewJSONHandler(&log, nil)), config: config.Config{RequestLog: c.settings}}
		db := &shears{fail: c.fail}
		s.pruneOnce(t.Context(), db, now)
		if got := strings.Join(db.asked, ", "); got != c.asked {
			t.Errorf("%+v: %s", c.settings, got)
		}
		if c.logged == "" && log.Len() > 0 || !strings.Contains(log.String(), c.logged) {
			t.Errorf("%+v: logged %s", c.settings, log.String())
		}
	}
}

// The job prunes at once, and ends with its context.
func TestPruningStops(t *testing.T) {
	t.Parallel()
	s := &server{log: slog.New(slog.DiscardHandler), config: config.Config{RequestLog: config.RequestLog{Retention: config.Period(time.Hour)}}}
	called := make(chan struct{}, 1)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		s.pruneRequests(ctx, pruneFunc(func() { called <- struct{}{} }))
	}()
	<-called
	stop()
	<-done
}

type pruneFunc func()

func (f pruneFunc) PruneRequests(context.Context, time.Time) (int64, error) {
	f()
	return 0, nil
}

func (f pruneFunc) PruneRequestBodies(context.Context, time.Time) (int64, error) { return 0, nil }
