package migration

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"io"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"stylesprint"
)

func files(names ...string) fstest.MapFS {
	fs := fstest.MapFS{}
	for _, n := range names {
		fs["m/"+n] = &fstest.MapFile{Data: []byte("CREATE " + n)}
	}
	return fs
}

func TestLoad(t *testing.T) {
	t.Parallel()
	steps, err := Load(files("0002_more.sql", "0001_first_tables.sql"), "m")
	if err != nil || len(steps) != 2 || steps[0].Name != "first_tables" || steps[1].Version != 2 || steps[1].SQL != "CREATE 0002_more.sql" || len(steps[0].SHA256) != 64 {
		t.Errorf("steps = %+v, %v", steps, err)
	}
	for want, names := range map[string][]string{
		"version 2 is missing": {"0001_a.sql", "0003_c.sql"},
		"occurs twice":         {"0001_a.sql", "0001_b.sql"},
		"version 1":            {"0002_b.sql"},
		"want a name like":     {"0001_a.sql", "0002-b.sql"},
		"readme.md":            {"0001_a.sql", "readme.md"},
		"It's":                 {"0001_It's.sql"},
	} {
		if _, err := Load(files(names...), "m"); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%v: got %v, want %q", names, err, want)
		}
	}
	if _, err := Load(fstest.MapFS{}, "absent"); err == nil {
		t.Error("a folder that is not there was loaded")
	}
}

// script is a database that writes down what it is told, and fails when told to.
type script struct {
	mu     sync.Mutex
	told   []string
	have   [][]driver.Value
	failOn string
}

func (s *script) Connect(context.Context) (driver.Conn, error) { return &scriptConn{s}, nil }
func (s *script) Driver() driver.Driver                        { return nil }

type scriptConn struct{ s *script }

func (c *scriptConn) Prepare(string) (driver.Stmt, error) { return nil, errors.New("not used") }
func (c *scriptConn) Close() error                        { return nil }
func (c *scriptConn) Begin() (driver.Tx, error)           { return nil, errors.New("not used") }

func (c *scriptConn) ExecContext(_ context.Context, query string, _ []driver.NamedValue) (driver.Result, error) {
	c.s.mu.Lock()
	defer c.s.mu.Unlock()
	word, _, _ := strings.Cut(strings.TrimSpace(query), " (")
	c.s.told = append(c.s.told, word)
	if c.s.failOn != "" && strings.HasPrefix(query, c.s.failOn) {
		return nil, errors.New("it broke")
	}
	return driver.RowsAffected(0), nil
}

func (c *scriptConn) QueryContext(context.Context, string, []driver.NamedValue) (driver.Rows, error) {
	return &scriptRows{c.s.have}, nil
}

type scriptRows struct{ rows [][]driver.Value }

func (r *scriptRows) Columns() []string { return []string{"version", "name", "sha256"} }
func (r *scriptRows) Close() error      { return nil }
func (r *scriptRows) Next(dst []driver.Value) error {
	if len(r.rows) == 0 {
		return io.EOF
	}
	copy(dst, r.rows[0])
	r.rows = r.rows[1:]
	return nil
}

func apply(t *testing.T, s *script, d Dialect) (int, error) {
	t.Helper()
	steps, err := Load(files("0001_a.sql", "0002_b.sql"), "m")
	if err != nil {
		t.Fatal(err)
	}
	db := sql.OpenDB(s)
	defer db.Close()
	conn, err := db.Conn(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if d.Begin == nil {
		d.Begin = []string{"BEGIN", "LOCK"}
	}
	d.Name = "test.db"
	return Apply(context.Background(), conn, steps, d)
}

func TestApply(t *testing.T) {
	t.Parallel()
	const table, entry = "CREATE TABLE IF NOT EXISTS schema_migrations", "INSERT INTO schema_migrations"
	steps, err := Load(files("0001_a.sql", "0002_b.sql"), "m")
	if err != nil {
		t.Fatal(err)
	}
	first := []driver.Value{int64(1), "a", steps[0].SHA256}
	second := []driver.Value{int64(2), "b", steps[1].SHA256}
	cases := []struct {
		name    string
		have    [][]driver.Value
		failOn  string
		check   error
		applied int
		want    string // of the error
		code    stylesprint.Code
		told    []string
	}{
		{"an empty database", nil, "", nil, 2, "", "", []string{"BEGIN", "LOCK", table, "CREATE 0001_a.sql", entry, "CREATE 0002_b.sql", entry, "COMMIT"}},
		{"one behind", [][]driver.Value{first}, "", nil, 1, "", "", []string{"BEGIN", "LOCK", table, "CREATE 0002_b.sql", entry, "COMMIT"}},
		{"up to date", [][]driver.Value{first, second}, "", nil, 0, "", "", []string{"BEGIN", "LOCK", table, "COMMIT"}},
		{"newer", [][]driver.Value{first, second, {int64(3), "c", "x"}}, "", nil, 0, "newer version", stylesprint.CodeConflict, []string{"BEGIN", "LOCK", table, "ROLLBACK"}},
		{"changed", [][]driver.Value{{int64(1), "a", "x"}}, "", nil, 0, "differs", stylesprint.CodeConflict, []string{"BEGIN", "LOCK", table, "ROLLBACK"}},
		{"with a gap", [][]driver.Value{second}, "", nil, 0, "differs", stylesprint.CodeConflict, []string{"BEGIN", "LOCK", table, "ROLLBACK"}},
		{"broken", nil, "CREATE 0002", nil, 0, "apply migration 0002_b: it broke", stylesprint.CodeInternal, []string{"BEGIN", "LOCK", table, "CREATE 0001_a.sql", entry, "CREATE 0002_b.sql", "ROLLBACK"}},
		{"not locked", nil, "BEGIN", nil, 0, "lock database", stylesprint.CodeInternal, []string{"BEGIN"}},
		{"half locked", nil, "LOCK", nil, 0, "lock database", stylesprint.CodeInternal, []string{"BEGIN", "LOCK", "ROLLBACK"}},
		{"not committed", [][]driver.Value{first, second}, "COMMIT", nil, 0, "it broke", stylesprint.CodeInternal, []string{"BEGIN", "LOCK", table, "COMMIT", "ROLLBACK"}},
		{"of another program", nil, "", errors.New("not ours"), 0, "not ours", stylesprint.CodeInternal, []string{"BEGIN", "LOCK", "ROLLBACK"}},
	}
	for _, c := range cases {
		s := &script{have: c.have, failOn: c.failOn}
		n, err := apply(t, s, Dialect{Check: func(context.Context, *sql.Conn) error { return c.check }})
		if n != c.applied || stylesprint.CodeOf(err) != c.code || (err != nil && !strings.Contains(err.Error(), c.want)) {
			t.Errorf("%s: applied %d, %v (code %q)", c.name, n, err, stylesprint.CodeOf(err))
		}
		if !slices.Equal(s.told, c.told) {
			t.Errorf("%s: told %q, want %q", c.name, s.told, c.told)
		}
	}
}
