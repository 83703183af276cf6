package postgres

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/internal/testkit/postgres"
)

// write appends a record, again and again until the database takes it, as a spool does.
func write(t *testing.T, d *DB, id string) (failures int) {
	t.Helper()
	for deadline := time.Now().Add(30 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err := d.AppendRequests(t.Context(), records(id))
		if err == nil {
			return failures
		}
		failures++
		if stylesprint.CodeOf(err) != stylesprint.CodeUnavailable || stylesprint.HintOf(err) == "" {
			t.Fatalf("a write during an outage failed with %v (%s)", err, stylesprint.CodeOf(err))
		}
		if time.Now().After(deadline) {
			t.Fatalf("the database did not come back: %v", err)
		}
	}
}

// The first server dies under load, the second one takes over: every acknowledged record is
// there, and writes go on without a new DB.
func TestFailover(t *testing.T) {
	t.Parallel()
	// Zero loss needs a primary that waits for its standby.
	first := postgres.Start(t, postgres.Options{})
	name, err := first.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second := first.Standby(t)
	d := open(t, first.DSN(name, second))
	if want := name + " on " + first.Host() + "," + second.Host(); d.Name() != want {
		t.Errorf("the name is %s, want %s", d.Name(), want)
	}
	if _, err := d.sql.ExecContext(t.Context(), "ALTER SYSTEM SET synchronous_standby_names = '*'"); err != nil {
		t.Fatal(err)
	}
	if _, err := d.sql.ExecContext(t.Context(), "SELECT pg_reload_conf()"); err != nil {
		t.Fatal(err)
	}
	var all sync.WaitGroup
	const writers, each = 4, 30
	half := make(chan struct{}, writers*each)
	for w := range writers {
		all.Go(func() {
			for i := range each {
				write(t, d, fmt.Sprintf("%d-%02d", w, i))
				half <- struct{}{}
			}
		})
	}
	for range writers * each / 2 {
		<-half
	}
	first.Kill(t)
	second.Promote(t)
	all.Wait()
	got, err := d.Requests(t.Context(), stylesprint.RequestFilter{Limit: 1000})
	if err != nil || len(got) != writers*each {
		t.Errorf("%d records (%v), want %d", len(got), err, writers*each)
	}
}

// Servers change roles while the pool is full of connections to the old one, which goes on to
// answer reads: each write finds the new one, and none fails.
func TestDemoted(t *testing.T) {
	t.Parallel()
	first := postgres.Start(t, postgres.Options{})
	name, err := first.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	second := first.Standby(t)
	d := open(t, first.DSN(name, second))
	fill(t, d)
	log(t, d, "before")
	caughtUp(t, d, open1(t, second.DSN(name)))
	second.Promote(t)
	if _, err := d.sql.ExecContext(t.Context(), "ALTER DATABASE "+name+" SET default_transaction_read_only = on"); err != nil {
		t.Fatal(err)
	}
	// The connections that are open keep their setting; a demoted node's do not.
	eachConnection(t, d, "SET default_transaction_read_only = on")
	if err := d.Ping(t.Context()); err != nil {
		t.Errorf("a demoted server does not answer reads: %v", err)
	}
	log(t, d, "after")
	if err := d.SaveRun(t.Context(), evaluate.Run{ID: "r"}); err != nil {
		t.Error(err)
	}
	if got := logged(t, d); got != "before after" && got != "after before" && got != "before" {
		t.Errorf("logged %q", got)
	}
	fresh := open(t, second.DSN(name))
	if got := logged(t, fresh); got != "before after" && got != "after before" {
		t.Errorf("logged on the new server: %q", got)
	}
}

// fill opens several connections.
func fill(t *testing.T, d *DB) { eachConnection(t, d, "SELECT 1") }

// eachConnection runs a statement on several connections at once.
func eachConnection(t *testing.T, d *DB, statement string) {
	t.Helper()
	for range 6 {
		c, err := d.sql.Conn(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		defer c.Close()
		if _, err := c.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
	}
}

// A server that takes no writes and has no other beside it is reported as such.
func TestReadOnlyAlone(t *testing.T) {
	t.Parallel()
	d := open(t, shared.Database(t))
	fill(t, d)
	eachConnection(t, d, "SET default_transaction_read_only = on")
	log(t, d, "x") // new connections are not read-only
	var name string
	if err := d.sql.QueryRowContext(t.Context(), "SELECT current_database()").Scan(&name); err != nil {
		t.Fatal(err)
	}
	if _, err := d.sql.ExecContext(t.Context(), "ALTER DATABASE "+name+" SET default_transaction_read_only = on"); err != nil {
		t.Fatal(err)
	}
	d.pool.Reset()
	err := d.AppendRequests(t.Context(), records("y"))
	if stylesprint.CodeOf(err) != stylesprint.CodeUnavailable || !strings.Contains(err.Error(), d.Name()+" takes no writes") {
		t.Errorf("a write to a read-only server: %v", err)
	}
}

// A call whose connection turns out to be broken is made again where that does no harm: after a
// restart of the server, nobody is told that every connection of the pool is of no use.
func TestBrokenConnection(t *testing.T) {
	t.Parallel()
	d := open(t, shared.Database(t))
	log(t, d, "first")
	killer, err := d.sql.Conn(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	defer killer.Close()
	for what, call := range map[string]func() error{
		"AppendRequests": func() error { return d.AppendRequests(t.Context(), records("second")) },
		"SaveRun":        func() error { return d.SaveRun(t.Context(), evaluate.Run{ID: "r"}) },
		"Ping":           func() error { return d.Ping(t.Context()) },
		"Runs": func() error {
			_, err := d.Runs(t.Context(), evaluate.Filter{})
			return err
		},
		"SummariseRequests": func() error {
			_, err := d.SummariseRequests(t.Context(), time.Time{})
			return err
		},
		"PruneRequests": func() error {
			_, err := d.PruneRequests(t.Context(), time.Time{})
			return err
		},
	} {
		fill(t, d)
		if _, err := killer.ExecContext(t.Context(), "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid()"); err != nil {
			t.Fatal(err)
		}
		if err := call(); err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
}

// What may be tried again depends on what is known of the first try.
func TestAgain(t *testing.T) {
	t.Parallel()
	d := open(t, shared.Database(t))
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	for _, c := range []struct {
		name    string
		ctx     context.Context
		err     error
		unsure  bool
		want    bool
		explain bool
	}{
		{"read-only", t.Context(), pgErr("25006"), false, true, true},
		{"read-only at commit", t.Context(), pgErr("25006"), true, true, true},
		{"shut down", t.Context(), pgErr("57P01"), false, true, true},
		{"shut down at commit", t.Context(), pgErr("57P01"), true, false, true},
		{"crashed", t.Context(), pgErr("57P02"), false, true, true},
		{"starting", t.Context(), pgErr("57P03"), false, true, true},
		{"lost", t.Context(), pgErr("08006"), false, true, true},
		{"deadlock", t.Context(), pgErr("40P01"), true, true, false},
		{"unique", t.Context(), pgErr("23505"), false, false, false},
		{"cut", t.Context(), errUnexpectedEOF, false, true, true},
		{"cut at commit", t.Context(), errUnexpectedEOF, true, false, true},
		{"ours", t.Context(), errors.New("ours"), false, false, false},
		{"cancelled", ended, pgErr("57P01"), false, false, true},
		{"deadline", t.Context(), context.DeadlineExceeded, false, false, false},
	} {
		err := fmt.Errorf("act: %w", c.err)
		if got := d.again(c.ctx, err, c.unsure); got != c.want {
			t.Errorf("%s: again %v, want %v", c.name, got, c.want)
		}
		if sentence, hint := d.explain(err); (sentence != "") != c.explain || (hint != "") != c.explain {
			t.Errorf("%s: explained as %q, %q", c.name, sentence, hint)
		}
	}
}
