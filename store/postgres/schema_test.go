package postgres

import (
	"database/sql"
	"fmt"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/store/migration"
	"stylesprint/store/sqlite"
)

// Both databases have the same tables and columns, of kinds that hold the same values;
// docs/formats/sqlite.md, which a test holds against SQLite, is so right for both.
func TestSameSchema(t *testing.T) {
	t.Parallel()
	d := open(t, shared.Database(t))
	path := filepath.Join(t.TempDir(), "s.db")
	other, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	file, err := sql.Open("sqlite", "file:"+path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	columns := func(db *sql.DB, query string) map[string]string {
		rows, err := db.QueryContext(t.Context(), query)
		if err != nil {
			t.Fatal(err)
		}
		defer rows.Close()
		out := map[string]string{}
		for rows.Next() {
			var table, column, kind string
			var null bool
			if err := rows.Scan(&table, &column, &kind, &null); err != nil {
				t.Fatal(err)
			}
			out[table+"."+column] = fmt.Sprintf("%s, NULL %v", strings.ToLower(kind), null)
		}
		if err := rows.Err(); err != nil {
			t.Fatal(err)
		}
		return out
	}
	want := columns(file, `SELECT t.name, c.name, c.type, c."notnull" = 0 FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' AND t.name NOT LIKE 'sqlite%' AND t.name <> 'schema_migrations'`)
	got := columns(d.sql, `SELECT table_name, column_name, data_type, is_nullable = 'YES' FROM information_schema.columns WHERE table_schema = current_schema() AND table_name <> 'schema_migrations' AND table_name !~ '_[0-9]{8}$'`)
	kinds := map[string][]string{"text": {"text"}, "integer": {"bigint", "boolean"}, "real": {"double precision"}, "blob": {"bytea"}}
	delete(got, "request_bodies.request_time") // what divides that table by day
	for name, w := range want {
		kind, null, _ := strings.Cut(w, ",")
		gotKind, gotNull, _ := strings.Cut(got[name], ",")
		if !slices.Contains(kinds[kind], gotKind) || gotNull != null {
			t.Errorf("%s is %s in SQLite and %q in Postgres", name, w, got[name])
		}
		delete(got, name)
	}
	if len(got) > 0 {
		t.Errorf("only Postgres has %v", got)
	}
	ours, err := migration.Load(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range ours {
		names = append(names, m.Name)
	}
	rows := columns(file, "SELECT version, name, '', 0 FROM schema_migrations")
	for i, name := range names {
		if _, ok := rows[fmt.Sprintf("%d.%s", i+1, name)]; !ok || len(rows) != len(names) {
			t.Errorf("migration %d is %s in Postgres, not in SQLite", i+1, name)
		}
	}
}

func BenchmarkAppendRequests256(b *testing.B) {
	d := open(b, shared.Database(b))
	n := 0
	for b.Loop() {
		batch := make([]stylesprint.RequestRecord, 256)
		for i := range batch {
			n++
			batch[i] = stylesprint.RequestRecord{ID: fmt.Sprint("b", n), Time: time.Unix(1700000000, int64(n)), Model: fmt.Sprint("m", n%3), KeyID: fmt.Sprint("k", n%8), Status: 200,
				Latency: time.Duration(n*7919%1000) * time.Millisecond, Prompt: "a prompt", Response: "an answer"}
		}
		if err := d.AppendRequests(b.Context(), batch); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(256*b.N)/b.Elapsed().Seconds(), "records/s")
}
