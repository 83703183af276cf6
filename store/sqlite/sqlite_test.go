package sqlite

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/access"
	"stylesprint/evaluate"
	"stylesprint/store/migration"
	"stylesprint/store/storetest"
)

func open(t testing.TB, path string) *DB {
	t.Helper()
	d, err := Open(context.Background(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := d.Close(); err != nil {
			t.Error(err)
		}
	})
	return d
}

func TestConformance(t *testing.T) {
	t.Parallel()
	storetest.Test(t, func(t *testing.T) storetest.Store {
		return open(t, filepath.Join(t.TempDir(), "new", "folder", "s.db"))
	})
}

func TestReopenKeepsEverything(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "odd name?#%25 ü.db")
	d := open(t, path)
	if err := d.SaveRun(context.Background(), evaluate.Run{ID: "r"}); err != nil {
		t.Fatal(err)
	}
	if err := d.Close(); err != nil {
		t.Fatal(err)
	}
	d = open(t, path)
	if _, err := d.Run(context.Background(), "r"); err != nil {
		t.Error(err)
	}
	if err := d.Ping(context.Background()); err != nil {
		t.Error(err)
	}
	info, err := os.Stat(path)
	if err != nil {
		t.Fatal(err)
	}
	if runtime.GOOS != "windows" && info.Mode().Perm() != 0o600 {
		t.Errorf("the file's mode is %v; prompts are nobody else's business", info.Mode())
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	foreign := func(path string) error {
		db, err := pool(path)
		if err != nil {
			return err
		}
		_, err = db.ExecContext(ctx, "CREATE TABLE recipes (id INTEGER)")
		return errors.Join(err, db.Close())
	}
	changed := func(statement string) func(string) error {
		return func(path string) error {
			d, err := Open(ctx, path, Options{})
			if err != nil {
				return err
			}
			_, err = d.writer.ExecContext(ctx, statement)
			return errors.Join(err, d.Close())
		}
	}
	cases := []struct {
		name    string
		prepare func(path string) error
		code    stylesprint.Code
		want    string
	}{
		{"a newer schema", changed("INSERT INTO schema_migrations VALUES (999, 'later', 'x', 0)"), stylesprint.CodeConflict, "newer version"},
		{"another schema", changed("UPDATE schema_migrations SET sha256 = 'x'"), stylesprint.CodeConflict, "differs from this program's"},
		{"another program", foreign, stylesprint.CodeConflict, "another program"},
		{"text", func(path string) error {
			return os.WriteFile(path, []byte(strings.Repeat("this is no database\n", 100)), 0o600)
		}, stylesprint.CodeUnavailable, "damaged or no database"},
		{"a folder", func(path string) error { return os.Mkdir(path, 0o700) }, stylesprint.CodeUnavailable, "cannot be opened"},
	}
	for _, c := range cases {
		path := filepath.Join(t.TempDir(), "s.db")
		if err := c.prepare(path); err != nil {
			t.Fatalf("%s: %v", c.name, err)
		}
		before, _ := os.ReadFile(path)
		_, err := Open(ctx, path, Options{})
		if stylesprint.CodeOf(err) != c.code || !strings.Contains(err.Error(), c.want) || stylesprint.HintOf(err) == "" {
			t.Errorf("%s: %v (code %s, hint %q)", c.name, err, stylesprint.CodeOf(err), stylesprint.HintOf(err))
		}
		if after, _ := os.ReadFile(path); c.name == "text" && string(after) != string(before) {
			t.Errorf("%s: the file was changed", c.name)
		}
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(ctx, filepath.Join(file, "s.db"), Options{}); err == nil {
		t.Error("a database below a file was opened")
	}
}

// A second process that writes is waited for, and at last complained about.
func TestBusy(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	path := filepath.Join(t.TempDir(), "s.db")
	holder := open(t, path)
	d, err := Open(ctx, path, Options{BusyTimeout: 50 * time.Millisecond})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	tx, err := holder.writer.BeginTx(ctx, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := d.SaveRun(ctx, evaluate.Run{ID: "r"}); stylesprint.CodeOf(err) != stylesprint.CodeUnavailable || !strings.Contains(err.Error(), "in use by another process") {
		t.Errorf("a held lock: %v", err)
	}
	if _, err := d.Runs(ctx, evaluate.Filter{}); err != nil {
		t.Errorf("reading beside a writer: %v", err)
	}
	if err := tx.Rollback(); err != nil {
		t.Fatal(err)
	}
	if err := d.SaveRun(ctx, evaluate.Run{ID: "r"}); err != nil {
		t.Error(err)
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t, filepath.Join(t.TempDir(), "s.db"))
	if _, err := d.writer.ExecContext(ctx, "PRAGMA max_page_count = 40"); err != nil {
		t.Fatal(err)
	}
	err := d.SaveRun(ctx, evaluate.Run{ID: "large", Machine: strings.Repeat("x", 1<<20)})
	if stylesprint.CodeOf(err) != stylesprint.CodeUnavailable || !strings.Contains(err.Error(), "disk is full") || stylesprint.HintOf(err) == "" {
		t.Errorf("got %v", err)
	}
	if err := d.SaveRun(ctx, evaluate.Run{ID: "small"}); err != nil {
		t.Errorf("a small run after the failed one: %v", err)
	}
}

// Pages and lists stay quick in a large log; the bound is generous for slow machines.
func TestPagingIsQuick(t *testing.T) {
	t.Parallel()
	d := large(t)
	ctx := context.Background()
	took := func(what string, bound time.Duration, f func() (int, error)) {
		t.Helper()
		best := time.Hour
		for range 3 {
			begin := time.Now()
			n, err := f()
			if err != nil || n != 50 {
				t.Fatalf("%s: %d rows, %v", what, n, err)
			}
			best = min(best, time.Since(begin))
		}
		if best > bound {
			t.Errorf("%s took %v, want at most %v", what, best, bound)
		}
	}
	const bound = 50 * time.Millisecond
	at := func(part float64) string { return fmt.Sprintf("r%06d", int(part*largeRows)) }
	since := time.Unix(0, int64(0.4*largeRows))
	for _, f := range []stylesprint.RequestFilter{{}, {Before: at(0.5)}, {Before: at(0.1)}, {Model: "m1", Before: at(0.5)}, {Since: since, Before: at(0.7)}} {
		f.Limit = 50
		took(fmt.Sprintf("Requests %+v", f), bound, func() (int, error) {
			r, err := d.Requests(ctx, f)
			return len(r), err
		})
	}
	for _, f := range []evaluate.Filter{{}, {Before: at(0.5)}, {Dataset: "d1", Before: at(0.5)}} {
		f.Limit = 50
		took(fmt.Sprintf("Runs %+v", f), bound, func() (int, error) {
			r, err := d.Runs(ctx, f)
			return len(r), err
		})
	}
}

// large makes a database of largeRows requests and as many runs.
func large(t testing.TB) *DB {
	d := open(t, filepath.Join(t.TempDir(), "s.db"))
	numbers := fmt.Sprintf("WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d) ", largeRows)
	for _, statement := range []string{
		numbers + "INSERT INTO requests SELECT printf('r%06d', i), i, '/generate/', 'm' || (i % 3), '', CASE WHEN i % 50 = 0 THEN 500 ELSE 200 END, '', 0, 100, 50, 0, 7, (i * 7919) % 100003, 0, 7, '', '', 0, '', '' FROM n",
		numbers + `INSERT INTO runs SELECT printf('r%06d', i), 'd' || (i % 3), '', '', '{}', 1, 'done', '', i, i, 1, 1, 0, 0, 1, '', NULL, '', 0, 0 FROM n`,
	} {
		if _, err := d.writer.ExecContext(context.Background(), statement); err != nil {
			t.Fatal(err)
		}
	}
	return d
}

func BenchmarkRequestsPage(b *testing.B) {
	d := large(b)
	for b.Loop() {
		if _, err := d.Requests(context.Background(), stylesprint.RequestFilter{Limit: 50, Before: "r050000"}); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkSummarise100000(b *testing.B) {
	d := large(b)
	for b.Loop() {
		if _, err := d.SummariseRequests(context.Background(), time.Time{}); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkAppendRequests256 writes batches as a busy gateway does: of 8 keys and 3 models, with ids
// in no order or in that of time, with texts or without.
func BenchmarkAppendRequests256(b *testing.B) {
	for _, v := range []struct{ ordered, texts bool }{{false, false}, {false, true}, {true, false}, {true, true}} {
		b.Run(fmt.Sprintf("ordered=%t/texts=%t", v.ordered, v.texts), func(b *testing.B) {
			d := open(b, filepath.Join(b.TempDir(), "s.db"))
			ctx, cancel := context.WithTimeout(b.Context(), time.Hour)
			defer cancel()
			random := rand.New(rand.NewPCG(1, 2))
			batch := make([]stylesprint.RequestRecord, 256)
			n := 0
			for b.Loop() {
				for i := range batch {
					n++
					id := fmt.Sprintf("req_%016x", random.Uint64())
					if v.ordered {
						id = fmt.Sprintf("req_%08x%08x", n, random.Uint32())
					}
					batch[i] = stylesprint.RequestRecord{ID: id, Time: time.Unix(1700000000, int64(n)*1e6), Route: "/generate/", Model: fmt.Sprint("model-", random.IntN(3)),
						KeyID: fmt.Sprint("key-", random.IntN(8)), Status: 200, Usage: stylesprint.Usage{PromptTokens: 120, CompletionTokens: 80}, Cost: 3000, Billed: 3000,
						Latency: time.Duration(random.ExpFloat64() * 3e8), FirstToken: 1e7, Release: "r12", Target: "a", Attempts: 1, Cache: "miss"}
					if v.texts {
						batch[i].Prompt, batch[i].Response = strings.Repeat("prompt ", 20), strings.Repeat("answer ", 40)
					}
				}
				if err := d.AppendRequests(ctx, batch); err != nil {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(256*b.N), "ns/record")
		})
	}
}

func BenchmarkSaveOutput(b *testing.B) {
	d := open(b, filepath.Join(b.TempDir(), "s.db"))
	if err := d.SaveRun(context.Background(), evaluate.Run{ID: "r"}); err != nil {
		b.Fatal(err)
	}
	n := 0
	for b.Loop() {
		n++
		if err := d.SaveOutputs(context.Background(), evaluate.Output{RunID: "r", ItemID: fmt.Sprintf("%08d", n), Text: strings.Repeat("word ", 100), Finished: time.Unix(0, 1)}); err != nil {
			b.Fatal(err)
		}
	}
}

// Every table and column is documented.
func TestSchemaIsDocumented(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../docs/formats/sqlite.md")
	if err != nil {
		t.Fatal(err)
	}
	d := open(t, filepath.Join(t.TempDir(), "s.db"))
	rows, err := d.reader.Query("SELECT m.name, c.name FROM sqlite_schema m JOIN pragma_table_info(m.name) c WHERE m.type = 'table' AND m.name NOT LIKE 'sqlite_%'")
	if err != nil {
		t.Fatal(err)
	}
	defer rows.Close()
	n := 0
	for rows.Next() {
		var table, column string
		if err := rows.Scan(&table, &column); err != nil {
			t.Fatal(err)
		}
		n++
		_, section, _ := strings.Cut(string(text), "## "+table+"\n")
		section, _, _ = strings.Cut(section, "\n## ")
		if !strings.Contains(section, "| `"+column+"` |") {
			t.Errorf("docs/formats/sqlite.md does not explain %s.%s", table, column)
		}
	}
	if n < 40 {
		t.Errorf("only %d columns found", n)
	}
}

// child starts this test binary again to run one helper.
func child(t *testing.T, helper, path string) *exec.Cmd {
	t.Helper()
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(exe, "-test.run=^"+helper+"$")
	cmd.Env = append(os.Environ(), "SQLITE_TEST_PATH="+path)
	return cmd
}

func TestProcessesOpenAtOnce(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.db")
	const processes = 4
	errs := make(chan error, processes)
	for range processes {
		cmd := child(t, "TestHelperOpens", path)
		go func() {
			out, err := cmd.CombinedOutput()
			if err != nil {
				err = fmt.Errorf("%w: %s", err, out)
			}
			errs <- err
		}()
	}
	for range processes {
		if err := <-errs; err != nil {
			t.Error(err)
		}
	}
	d := open(t, path)
	runs, err := d.Runs(context.Background(), evaluate.Filter{})
	if err != nil || len(runs) != processes {
		t.Errorf("%d runs (%v), want %d", len(runs), err, processes)
	}
	steps, err := migration.Load(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	var applied int
	if err := d.reader.QueryRow("SELECT count(*) FROM schema_migrations").Scan(&applied); err != nil || applied != len(steps) {
		t.Errorf("%d migrations recorded, %v", applied, err)
	}
}

// TestHelperOpens is one of the processes of TestProcessesOpenAtOnce.
func TestHelperOpens(t *testing.T) {
	path := os.Getenv("SQLITE_TEST_PATH")
	if path == "" {
		return
	}
	d := open(t, path)
	run := evaluate.Run{ID: fmt.Sprintf("run-%d", os.Getpid())}
	for range 20 {
		if err := d.SaveRun(context.Background(), run); err != nil {
			t.Fatal(err)
		}
	}
}

// A process that is killed while it writes loses nothing that was acknowledged,
// and leaves no half batch.
func TestKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "s.db")
	cmd := child(t, "TestHelperWrites", path)
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	acknowledged := 0
	for lines := bufio.NewScanner(out); acknowledged < 200 && lines.Scan(); {
		if strings.HasPrefix(lines.Text(), "saved ") {
			acknowledged++
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	cmd.Wait()
	if acknowledged < 200 {
		t.Fatalf("the process ended after %d batches", acknowledged)
	}
	d := open(t, path)
	batches := map[string]int{}
	if err := d.Outputs(context.Background(), "r", func(o evaluate.Output) error { batches[o.ItemID]++; return nil }); err != nil {
		t.Fatal(err)
	}
	for i := range acknowledged {
		if batches[fmt.Sprint(i)] == 0 {
			t.Errorf("batch %d was acknowledged and is lost", i)
		}
	}
	for item, n := range batches {
		if n != 3 {
			t.Errorf("batch %s has %d of 3 outputs", item, n)
		}
	}
	var verdict string
	if err := d.reader.QueryRow("PRAGMA integrity_check").Scan(&verdict); err != nil || verdict != "ok" {
		t.Errorf("integrity: %s, %v", verdict, err)
	}
}

// TestHelperWrites is the process that TestKill kills.
func TestHelperWrites(t *testing.T) {
	path := os.Getenv("SQLITE_TEST_PATH")
	if path == "" {
		return
	}
	ctx := context.Background()
	d := open(t, path)
	if err := d.SaveRun(ctx, evaluate.Run{ID: "r"}); err != nil {
		t.Fatal(err)
	}
	for i := range 20_000 {
		batch := make([]evaluate.Output, 3)
		for k := range batch {
			batch[k] = evaluate.Output{RunID: "r", ItemID: fmt.Sprint(i), Repeat: k, Text: strings.Repeat("text ", 200)}
		}
		if err := d.SaveOutputs(ctx, batch...); err != nil {
			t.Fatal(err)
		}
		fmt.Println("saved", i)
	}
}

// Nobody can change what the audit trail says, not even with SQL.
func TestTrailIsOnlyAddedTo(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	d := open(t, filepath.Join(t.TempDir(), "s.db"))
	if err := d.AppendAudit(ctx, access.AuditEntry{Actor: "a", Action: "b"}); err != nil {
		t.Fatal(err)
	}
	for _, statement := range []string{"UPDATE access_audit SET actor = 'nobody'", "DELETE FROM access_audit", "INSERT OR REPLACE INTO access_audit SELECT * FROM access_audit"} {
		if _, err := d.writer.ExecContext(ctx, statement); err == nil {
			t.Errorf("%s: was done", statement)
		}
	}
	entries, err := d.AuditEntries(ctx, access.AuditFilter{})
	if err != nil || len(entries) != 1 || entries[0].Actor != "a" {
		t.Errorf("%+v, %v", entries, err)
	}
}
