package job

import (
	"context"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"stylesprint"
	"stylesprint/internal/testkit/postgres"
)

// The database is stopped while two processes work, and comes back after their leases have run
// out: every job comes to its end, and no two ever work on the same one.
func TestPostgresOutage(t *testing.T) {
	t.Parallel()
	s := postgres.Start(t, postgres.Options{})
	dsn := s.Database(t)
	o := quick()
	o.Lease, o.MaxAttempts = time.Second, 20
	var queues []Queue
	for range 2 {
		q, err := OpenPostgres(t.Context(), dsn, o)
		if err != nil {
			t.Fatal(err)
		}
		closed(t, q)
		queues = append(queues, q)
	}
	const n = 60
	enqueue(t, queues[0], n, jobs(n)...)
	l := newLedger()
	third := make(chan struct{})
	var once sync.Once
	h := l.handlers(func(ctx context.Context, j Job) error {
		if l.count() >= n/3 {
			once.Do(func() { close(third) })
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(20 * time.Millisecond):
			return nil
		}
	})
	var all sync.WaitGroup
	for _, q := range queues {
		all.Go(func() {
			if err := q.Work(t.Context(), Work{Handlers: h, Concurrency: 2, UntilEmpty: true}); err != nil {
				t.Error(err)
			}
		})
	}
	<-third
	s.Stop(t)
	time.Sleep(2 * o.Lease)
	s.Start(t)
	all.Wait()
	if l.count() != n || len(l.double) > 0 || len(l.gaveUp) > 0 {
		t.Errorf("%d jobs were worked, want %d; at once %v; given up %v", l.count(), n, l.double, l.gaveUp)
	}
	if st, err := queues[0].Status(t.Context()); err != nil || st != (Status{}) {
		t.Errorf("status %+v, %v", st, err)
	}
}

// The server dies and its standby takes over: the same processes go on there.
func TestPostgresFailover(t *testing.T) {
	t.Parallel()
	first := postgres.Start(t, postgres.Options{})
	name, err := first.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second := first.Standby(t)
	o := quick()
	o.Lease, o.MaxAttempts = time.Second, 20
	q, err := OpenPostgres(t.Context(), first.DSN(name, second)+"&target_session_attrs=read-write&connect_timeout=2", o)
	if err != nil {
		t.Fatal(err)
	}
	closed(t, q)
	const n = 40
	enqueue(t, q, n, jobs(n)...)
	follower, err := pgxpool.New(t.Context(), second.DSN(name))
	if err != nil {
		t.Fatal(err)
	}
	for there := 0; there != n; time.Sleep(10 * time.Millisecond) {
		if err := follower.QueryRow(t.Context(), "SELECT count(*) FROM river_job").Scan(&there); err != nil && t.Context().Err() != nil {
			t.Fatal(err)
		}
	}
	follower.Close()
	l := newLedger()
	third := make(chan struct{})
	var once sync.Once
	h := l.handlers(func(ctx context.Context, j Job) error {
		if l.count() >= n/3 {
			once.Do(func() { close(third) })
		}
		time.Sleep(10 * time.Millisecond)
		return nil
	})
	worked := make(chan error, 1)
	go func() {
		worked <- q.Work(context.WithoutCancel(t.Context()), Work{Handlers: h, Concurrency: 2, UntilEmpty: true})
	}()
	<-third
	first.Kill(t)
	second.Promote(t)
	if err := <-worked; err != nil {
		t.Error(err)
	}
	if l.count() != n || len(l.double) > 0 || len(l.gaveUp) > 0 {
		t.Errorf("%d jobs were worked, want %d; at once %v; given up %v", l.count(), n, l.double, l.gaveUp)
	}
}

// A job that is added is begun at once, although nobody looks for a long time.
func TestPostgresTells(t *testing.T) {
	t.Parallel()
	dsn := shared.Database(t)
	o := quick()
	o.Poll = time.Hour
	q, err := OpenPostgres(t.Context(), dsn, o)
	if err != nil {
		t.Fatal(err)
	}
	closed(t, q)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	l := newLedger()
	ended := make(chan error, 1)
	go func() {
		ended <- q.Work(ctx, Work{Handlers: l.handlers(func(context.Context, Job) error {
			cancel()
			return nil
		})})
	}()
	for s, err := q.Status(t.Context()); err != nil || s.Workers == 0; s, err = q.Status(t.Context()) {
		time.Sleep(5 * time.Millisecond)
	}
	time.Sleep(100 * time.Millisecond) // its first look is over, most likely
	enqueue(t, q, 1, jobs(1)...)
	if err := <-ended; err != nil || l.count() != 1 {
		t.Errorf("%d jobs were worked, %v", l.count(), err)
	}
}

func TestOpenPostgresFails(t *testing.T) {
	t.Parallel()
	for what, dsn := range map[string]string{
		"no address":   "postgres://u:tr0ub4dor@h:port/d",
		"nobody there": "postgres://u:tr0ub4dor@127.0.0.1:1/d?connect_timeout=2",
	} {
		_, err := OpenPostgres(t.Context(), dsn, Options{})
		if stylesprint.HintOf(err) == "" || strings.Contains(err.Error(), "tr0ub4dor") {
			t.Errorf("%s: %v", what, err)
		}
	}
}
