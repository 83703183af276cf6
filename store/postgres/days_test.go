package postgres

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"stylesprint"
)

func log(t testing.TB, d *DB, ids ...string) {
	t.Helper()
	if err := d.AppendRequests(t.Context(), records(ids...)); err != nil {
		t.Fatal(err)
	}
}

func records(ids ...string) []stylesprint.RequestRecord {
	var out []stylesprint.RequestRecord
	for _, id := range ids {
		out = append(out, stylesprint.RequestRecord{ID: id, Time: time.Date(2025, 3, 4, 5, 6, 7, 0, time.UTC), Model: "m", Status: 200, Prompt: "p"})
	}
	return out
}

func logged(t testing.TB, d *DB) string {
	t.Helper()
	got, err := d.Requests(t.Context(), stylesprint.RequestFilter{})
	if err != nil {
		t.Fatal(err)
	}
	var ids []string
	for _, r := range got {
		ids = append(ids, r.ID)
	}
	return strings.Join(ids, " ")
}

func partitionsOf(t testing.TB, d *DB) string {
	t.Helper()
	var names string
	err := d.sql.QueryRowContext(t.Context(), "SELECT coalesce(string_agg(inhrelid::regclass::text, ' ' ORDER BY inhrelid::regclass::text COLLATE \"C\"), '') FROM pg_inherits WHERE inhparent IN ('requests'::regclass, 'request_bodies'::regclass)").Scan(&names)
	if err != nil {
		t.Fatal(err)
	}
	return names
}

// A record's day and the one after it are made; a process that remembers a day which another
// one has dropped makes it again.
func TestDays(t *testing.T) {
	t.Parallel()
	dsn := shared.Database(t)
	a, b := open(t, dsn), open(t, dsn)
	log(t, a, "x")
	if got, want := partitionsOf(t, a), "request_bodies_20250304 request_bodies_20250305 requests_20250304 requests_20250305"; got != want {
		t.Errorf("partitions %s, want %s", got, want)
	}
	log(t, b, "y")
	if n, err := b.PruneRequests(t.Context(), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)); n != 2 || err != nil {
		t.Errorf("%d were dropped, %v", n, err)
	}
	if got := partitionsOf(t, a); got != "" {
		t.Errorf("partitions %s are left", got)
	}
	log(t, a, "z")
	if got := logged(t, b); got != "z" {
		t.Errorf("logged %q, want z", got)
	}
}

// A page of the log asks the days' own indexes, and bodies of that day alone.
func TestRequestsUseIndexes(t *testing.T) {
	t.Parallel()
	d := open(t, shared.Database(t))
	log(t, d, "x")
	plan := ""
	rows, err := d.sql.QueryContext(t.Context(), "EXPLAIN SELECT id, coalesce(prompt, '') FROM requests LEFT JOIN request_bodies ON request_id = id AND request_time = time ORDER BY time DESC, id DESC LIMIT 100")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	for rows.Next() {
		var line string
		if err := rows.Scan(&line); err != nil {
			t.Fatal(err)
		}
		plan += line + "\n"
	}
	if err := rows.Err(); err != nil {
		t.Fatal(err)
	}
	if strings.Contains(plan, "Sort") || !strings.Contains(plan, "requests_20250304_time_id_idx") {
		t.Errorf("the plan sorts:\n%s", plan)
	}
}

// Dropping a day waits for a long reader in turns, and does not hold up those who append.
func TestDropBesideReader(t *testing.T) {
	t.Parallel()
	d := open(t, shared.Database(t))
	log(t, d, "x")
	reader, err := d.sql.BeginTx(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var n int
	if err := reader.QueryRowContext(t.Context(), "SELECT count(*) FROM requests").Scan(&n); err != nil {
		t.Fatal(err)
	}
	dropped := make(chan error, 1)
	go func() {
		_, err := d.PruneRequests(context.WithoutCancel(t.Context()), time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC))
		dropped <- err
	}()
	for i := range 5 {
		log(t, d, fmt.Sprint("beside ", i))
	}
	if err := reader.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := <-dropped; err != nil {
		t.Error(err)
	}
	log(t, d, "after")
	if got := logged(t, d); got != "after" {
		// Those that came before the day was dropped are gone with it.
		t.Errorf("logged %q, want after", got)
	}
}
