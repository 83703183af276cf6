package job

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/internal/testkit/postgres"
)

var shared postgres.Shared

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

func quick() Options {
	return Options{MaxAttempts: 3, Backoff: time.Millisecond, MaxBackoff: 5 * time.Millisecond, Lease: 2 * time.Second, Poll: 10 * time.Millisecond}
}

// place is a database that any number of queues can be opened on.
type place struct {
	name string
	open func(t *testing.T, o Options) (Queue, *core)
}

// each runs a test on an empty place of every kind.
func each(t *testing.T, test func(t *testing.T, p place)) {
	t.Run("sqlite", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "jobs.db")
		test(t, place{"sqlite", func(t *testing.T, o Options) (Queue, *core) {
			q, err := Open(t.Context(), path, o)
			if err != nil {
				t.Fatal(err)
			}
			closed(t, q)
			return q, &q.core
		}})
	})
	t.Run("postgres", func(t *testing.T) {
		dsn := shared.Database(t)
		test(t, place{"postgres", func(t *testing.T, o Options) (Queue, *core) {
			q, err := OpenPostgres(t.Context(), dsn, o)
			if err != nil {
				t.Fatal(err)
			}
			closed(t, q)
			return q, &q.core
		}})
	})
}

func closed(t *testing.T, q Queue) {
	t.Cleanup(func() {
		if err := q.Close(); err != nil {
			t.Error(err)
		}
	})
}

func jobs(n int) []Job {
	out := make([]Job, n)
	for i := range out {
		out[i] = Job{Kind: "test", Key: fmt.Sprint("job ", i), Payload: json.RawMessage(fmt.Sprintf(`{"n": %d}`, i))}
	}
	return out
}

func enqueue(t *testing.T, q Queue, want int, list ...Job) {
	t.Helper()
	if added, err := q.Enqueue(t.Context(), list...); err != nil || added != want {
		t.Fatalf("added %d jobs, want %d; %v", added, want, err)
	}
}

// ledger notes who is at work on what.
type ledger struct {
	mu     sync.Mutex
	now    map[string]int
	calls  map[string]int
	most   int // at once, of all jobs
	double []string
	gaveUp []string
}

func newLedger() *ledger { return &ledger{now: map[string]int{}, calls: map[string]int{}} }

func (l *ledger) handlers(do func(ctx context.Context, j Job) error) map[string]Handler {
	return map[string]Handler{"test": {
		Do: func(ctx context.Context, j Job) error {
			l.begin(j.Key)
			defer l.end(j.Key)
			return do(ctx, j)
		},
		GaveUp: func(_ context.Context, j Job, why error) {
			l.mu.Lock()
			defer l.mu.Unlock()
			l.gaveUp = append(l.gaveUp, j.Key+": "+why.Error())
		},
	}}
}

func (l *ledger) begin(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now[key]++
	l.calls[key]++
	if l.now[key] > 1 {
		l.double = append(l.double, key)
	}
	at := 0
	for _, n := range l.now {
		at += n
	}
	l.most = max(l.most, at)
}

func (l *ledger) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.calls)
}

func (l *ledger) end(key string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.now[key]--
}

// Two processes' worth of workers on one file: every job is done once, and no two are
// ever at the same job.
func TestTwoWorkersShareJobs(t *testing.T) {
	each(t, func(t *testing.T, at place) {
		t.Parallel()
		a, _ := at.open(t, quick())
		b, _ := at.open(t, quick())
		enqueue(t, a, 40, jobs(40)...)
		l := newLedger()
		h := l.handlers(func(ctx context.Context, j Job) error {
			var p struct{ N int }
			if err := json.Unmarshal(j.Payload, &p); err != nil || j.Key != fmt.Sprint("job ", p.N) {
				return fmt.Errorf("payload %s of %s: %w", j.Payload, j.Key, err)
			}
			time.Sleep(5 * time.Millisecond)
			return nil
		})
		var all sync.WaitGroup
		for _, q := range []Queue{a, b} {
			all.Go(func() {
				if err := q.Work(t.Context(), Work{Handlers: h, Concurrency: 2, UntilEmpty: true}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		for key, n := range l.calls {
			if n != 1 {
				t.Errorf("%s was worked %d times", key, n)
			}
		}
		if len(l.calls) != 40 || len(l.double) > 0 || l.most > 4 || len(l.gaveUp) > 0 {
			t.Errorf("%d jobs done, %v at once, %d at most, given up %v", len(l.calls), l.double, l.most, l.gaveUp)
		}
		s, err := a.Status(t.Context())
		if err != nil || s != (Status{}) {
			t.Errorf("status %+v, %v", s, err)
		}
	})
}

func TestKeysAreUniqueUntilDone(t *testing.T) {
	each(t, func(t *testing.T, at place) {
		t.Parallel()
		q, _ := at.open(t, quick())
		enqueue(t, q, 2, jobs(2)...)
		enqueue(t, q, 1, jobs(3)...)
		enqueue(t, q, 0)
		if s, err := q.Status(t.Context()); err != nil || s.Waiting != 3 || s.Left() != 3 {
			t.Errorf("status %+v, %v", s, err)
		}
		l := newLedger()
		if err := q.Work(t.Context(), Work{Handlers: l.handlers(func(context.Context, Job) error { return nil }), UntilEmpty: true}); err != nil {
			t.Fatal(err)
		}
		enqueue(t, q, 3, jobs(3)...)
	})
}

func TestRetries(t *testing.T) {
	each(t, func(t *testing.T, at place) {
		t.Parallel()
		q, _ := at.open(t, quick())
		enqueue(t, q, 5, jobs(4)[0], jobs(4)[1], jobs(4)[2], jobs(4)[3], Job{Kind: "of tomorrow", Key: "x", Payload: json.RawMessage("{}")})
		l := newLedger()
		h := l.handlers(func(_ context.Context, j Job) error {
			switch {
			case j.Key == "job 0":
				return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "no good"}
			case j.Key == "job 1":
				return errors.New("never works")
			case j.Key == "job 2" && j.Attempt == 1:
				panic("once")
			}
			return nil
		})
		if err := q.Work(t.Context(), Work{Handlers: h, UntilEmpty: true}); err != nil {
			t.Fatal(err)
		}
		for key, want := range map[string]int{"job 0": 1, "job 1": 3, "job 2": 2, "job 3": 1} {
			if l.calls[key] != want {
				t.Errorf("%s was tried %d times, want %d", key, l.calls[key], want)
			}
		}
		if got := strings.Join(l.gaveUp, "; "); len(l.gaveUp) != 2 || !strings.Contains(got, "job 0: no good") || !strings.Contains(got, "job 1: never works") {
			t.Errorf("given up: %s", got)
		}
		if s, err := q.Status(t.Context()); err != nil || s.Failed != 3 || s.Left() != 0 {
			t.Errorf("status %+v, %v", s, err)
		}
	})
}

// A worker that is stopped hands its job back at once, with all its attempts, and leaves
// no goroutine behind.
func TestStop(t *testing.T) {
	each(t, func(t *testing.T, at place) {
		q, _ := at.open(t, quick())
		enqueue(t, q, 1, jobs(1)...)
		before := runtime.NumGoroutine()
		for range 4 { // more often than a job may fail
			ctx, cancel := context.WithCancel(t.Context())
			l := newLedger()
			err := q.Work(ctx, Work{Handlers: l.handlers(func(ctx context.Context, j Job) error {
				if j.Attempt != 1 {
					t.Errorf("attempt %d", j.Attempt)
				}
				cancel()
				<-ctx.Done()
				return ctx.Err()
			})})
			if err != nil || len(l.calls) != 1 || len(l.gaveUp) > 0 {
				t.Fatalf("%v, %v, %v", err, l.calls, l.gaveUp)
			}
			if s, err := q.Status(t.Context()); err != nil || s.Waiting != 1 || s.Left() != 1 || s.Workers != 0 {
				t.Fatalf("status %+v, %v", s, err)
			}
		}
		for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				buf := make([]byte, 1<<16)
				t.Fatalf("%d goroutines, %d before:\n%s", runtime.NumGoroutine(), before, buf[:runtime.Stack(buf, true)])
			}
		}
	})
}

// What a killed process was at is handed out again, or given up after its last attempt.
func TestLostJobs(t *testing.T) {
	each(t, func(t *testing.T, at place) {
		t.Parallel()
		q, c := at.open(t, quick())
		enqueue(t, q, 3, jobs(3)...)
		for i, state := range []string{"dead", "dead", "alive"} {
			attempt := 1 + 2*(i%2) // the second has had its three
			work := map[string]string{
				"sqlite":   `UPDATE river_job SET state = 'running', attempt = $1, attempted_at = datetime('now', 'subsec'), attempted_by = jsonb('["dead", "' || $2 || '"]') WHERE json_extract(args, '$.key') = $3`,
				"postgres": `UPDATE river_job SET state = 'running', attempt = $1, attempted_at = now(), attempted_by = array['dead', $2] WHERE args->>'key' = $3`,
			}[at.name]
			if _, err := c.db.ExecContext(t.Context(), work, attempt, state, fmt.Sprint("job ", i)); err != nil {
				t.Fatal(err)
			}
		}
		for client, until := range map[string]time.Time{"dead": time.Now().Add(-time.Second), "alive": time.Now().Add(time.Hour)} {
			if _, err := c.db.ExecContext(t.Context(), "INSERT INTO worker_leases VALUES ($1, $2)", client, until.UnixNano()); err != nil {
				t.Fatal(err)
			}
		}
		l := newLedger()
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		if err := q.Work(ctx, Work{Handlers: l.handlers(func(context.Context, Job) error {
			time.AfterFunc(300*time.Millisecond, cancel)
			return nil
		})}); err != nil {
			t.Fatal(err)
		}
		if l.calls["job 0"] != 1 || l.calls["job 1"] != 0 || l.calls["job 2"] != 0 {
			t.Errorf("worked %v, want job 0 once", l.calls)
		}
		if len(l.gaveUp) != 1 || !strings.HasPrefix(l.gaveUp[0], "job 1: the process at work on job 1 was killed 3 times") {
			t.Errorf("given up: %v", l.gaveUp)
		}
		if s, err := q.Status(t.Context()); err != nil || s.Running != 1 || s.Failed != 1 || s.Workers != 1 {
			t.Errorf("status %+v, %v", s, err)
		}
	})
}

// A process that was out of touch lets go of its jobs and goes on under a new lease.
func TestLeaseRunsOut(t *testing.T) {
	t.Parallel()
	q, err := Open(t.Context(), filepath.Join(t.TempDir(), "jobs.db"), Options{Lease: 200 * time.Millisecond, Poll: 10 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	closed(t, q)
	enqueue(t, q, 1, jobs(1)...)
	l := newLedger()
	err = q.Work(t.Context(), Work{UntilEmpty: true, Handlers: l.handlers(func(ctx context.Context, j Job) error {
		if l.calls[j.Key] > 1 {
			return nil
		}
		tx, err := q.db.Begin() // the one connection: nothing can be renewed
		if err != nil {
			return err
		}
		time.Sleep(400 * time.Millisecond)
		if err := tx.Rollback(); err != nil {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Second):
			return errors.New("nobody took the job away")
		}
	})})
	if err != nil || l.calls["job 0"] != 2 || len(l.gaveUp) > 0 {
		t.Errorf("%v, worked %v, given up %v", err, l.calls, l.gaveUp)
	}
}

func TestPause(t *testing.T) {
	t.Parallel()
	var o Options
	o.complete()
	for attempts, want := range map[int]time.Duration{1: 2 * time.Second, 2: 4 * time.Second, 5: 32 * time.Second, 20: 5 * time.Minute, 1000: 5 * time.Minute} {
		if got := o.pause(attempts); got != want {
			t.Errorf("after %d attempts: %v, want %v", attempts, got, want)
		}
	}
}

func TestOpenFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if _, err := Open(t.Context(), dir, Options{}); stylesprint.CodeOf(err) != stylesprint.CodeUnavailable || stylesprint.HintOf(err) == "" {
		t.Errorf("a folder as the file: %v", err)
	}
}
