package storetest

import (
	"bufio"
	"context"
	"database/sql"
	"database/sql/driver"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"testing"
)

// Statement is one statement that a program sent, with the number of rows that it gave.
type Statement struct {
	SQL   string  `json:"sql"`
	Args  []Value `json:"args,omitempty"`
	Query bool    `json:"query,omitempty"` // it was sent for rows
	Rows  int     `json:"rows,omitempty"`
}

// Value is an argument with its type; all fields nil: NULL.
type Value struct {
	Text     *string  `json:"text,omitempty"`
	Integer  *int64   `json:"integer,omitempty"`
	Real     *float64 `json:"real,omitempty"`
	Boolean  *bool    `json:"boolean,omitempty"`
	Bytes    []byte   `json:"bytes,omitempty"`
	Texts    []string `json:"texts,omitempty"`
	Integers []int64  `json:"integers,omitempty"`
	Booleans []bool   `json:"booleans,omitempty"`
}

func valueOf(v any) (Value, error) {
	switch x := v.(type) {
	case nil:
		return Value{}, nil
	case string:
		return Value{Text: &x}, nil
	case int64:
		return Value{Integer: &x}, nil
	case int:
		n := int64(x)
		return Value{Integer: &n}, nil
	case float64:
		return Value{Real: &x}, nil
	case bool:
		return Value{Boolean: &x}, nil
	case []byte:
		return Value{Bytes: x}, nil
	case []string:
		return Value{Texts: x}, nil
	case []int64:
		return Value{Integers: x}, nil
	case []bool:
		return Value{Booleans: x}, nil
	case driver.Valuer:
		inner, err := x.Value()
		if err != nil {
			return Value{}, err
		}
		return valueOf(inner)
	}
	// A text or a number of a type of its own.
	plain, err := driver.DefaultParameterConverter.ConvertValue(v)
	if err != nil {
		return Value{}, err
	}
	return valueOf(plain)
}

func (v Value) arg() any {
	switch {
	case v.Text != nil:
		return *v.Text
	case v.Integer != nil:
		return *v.Integer
	case v.Real != nil:
		return *v.Real
	case v.Boolean != nil:
		return *v.Boolean
	case v.Bytes != nil:
		return v.Bytes
	case v.Texts != nil:
		return v.Texts
	case v.Integers != nil:
		return v.Integers
	case v.Booleans != nil:
		return v.Booleans
	}
	return nil
}

// Recorder notes the statements that a program sends. Its connections are otherwise those of
// the connector that it wraps.
type Recorder struct {
	driver.Connector

	mu   sync.Mutex
	sent []Statement
	err  error
}

func (r *Recorder) note(query bool, text string, args []driver.NamedValue) {
	s := Statement{SQL: text, Query: query}
	r.mu.Lock()
	defer r.mu.Unlock()
	for _, a := range args {
		v, err := valueOf(a.Value)
		if err != nil && r.err == nil {
			r.err = fmt.Errorf("record %s: %w", text, err)
		}
		s.Args = append(s.Args, v)
	}
	r.sent = append(r.sent, s)
}

// Connect is driver.Connector's.
func (r *Recorder) Connect(ctx context.Context) (driver.Conn, error) {
	c, err := r.Connector.Connect(ctx)
	if err != nil {
		return nil, err
	}
	return &recorded{c, r}, nil
}

type recorded struct {
	driver.Conn
	r *Recorder
}

func (c *recorded) CheckNamedValue(v *driver.NamedValue) error {
	if inner, ok := c.Conn.(driver.NamedValueChecker); ok {
		return inner.CheckNamedValue(v)
	}
	return driver.ErrSkip
}

func (c *recorded) BeginTx(ctx context.Context, o driver.TxOptions) (driver.Tx, error) {
	return c.Conn.(driver.ConnBeginTx).BeginTx(ctx, o)
}

func (c *recorded) ExecContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Result, error) {
	c.r.note(false, text, args)
	return c.Conn.(driver.ExecerContext).ExecContext(ctx, text, args)
}

func (c *recorded) QueryContext(ctx context.Context, text string, args []driver.NamedValue) (driver.Rows, error) {
	c.r.note(true, text, args)
	return c.Conn.(driver.QueryerContext).QueryContext(ctx, text, args)
}

func (c *recorded) PrepareContext(ctx context.Context, text string) (driver.Stmt, error) {
	s, err := c.Conn.(driver.ConnPrepareContext).PrepareContext(ctx, text)
	if err != nil {
		return nil, err
	}
	return &recordedStmt{s, c.r, text}, nil
}

type recordedStmt struct {
	driver.Stmt
	r    *Recorder
	text string
}

func (s *recordedStmt) ExecContext(ctx context.Context, args []driver.NamedValue) (driver.Result, error) {
	s.r.note(false, s.text, args)
	return s.Stmt.(driver.StmtExecContext).ExecContext(ctx, args)
}

func (s *recordedStmt) QueryContext(ctx context.Context, args []driver.NamedValue) (driver.Rows, error) {
	s.r.note(true, s.text, args)
	return s.Stmt.(driver.StmtQueryContext).QueryContext(ctx, args)
}

// replay sends statements, and notes how many rows each gives or compares it with its note.
func replay(ctx context.Context, db *sql.DB, list []Statement, compare bool) error {
	for i := range list {
		s := &list[i]
		args := make([]any, len(s.Args))
		for k, v := range s.Args {
			args[k] = v.arg()
		}
		n, err := send(ctx, db, *s, args)
		if err != nil {
			return fmt.Errorf("statement %d, %s: %w", i+1, s.SQL, err)
		}
		if compare && n != s.Rows {
			return fmt.Errorf("statement %d, %s: %d rows, was %d", i+1, s.SQL, n, s.Rows)
		}
		s.Rows = n
	}
	return nil
}

func send(ctx context.Context, db *sql.DB, s Statement, args []any) (rows int, err error) {
	if !s.Query {
		_, err := db.ExecContext(ctx, s.SQL, args...)
		return 0, err
	}
	r, err := db.QueryContext(ctx, s.SQL, args...)
	if err != nil {
		return 0, err
	}
	defer r.Close()
	for r.Next() {
		rows++
	}
	return rows, r.Err()
}

// Past runs what older programs sent, as testdata/statements recorded it, against the
// newest schema: a migration that would break a program that still runs fails here.
type Past struct {
	Database string // sqlite or postgres
	Version  int    // of the newest schema
	Update   bool   // record what the program of today sends, where its schema has no recording yet
	// Open opens an empty database with the newest schema; wrap, if not nil, is put around the
	// connector of the store's own connections.
	Open func(t *testing.T, wrap func(driver.Connector) driver.Connector) (Store, *sql.DB)
}

// Test does so for each recording.
func (p Past) Test(t *testing.T) {
	dir := filepath.Join("..", "storetest", "testdata", "statements")
	if p.Update {
		p.record(t, filepath.Join(dir, fmt.Sprintf("%04d_%s.jsonl", p.Version, p.Database)))
	}
	files, err := filepath.Glob(filepath.Join(dir, "*_"+p.Database+".jsonl"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no recording of %s, %v", p.Database, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			list := read(t, file)
			_, db := p.Open(t, nil)
			if err := replay(t.Context(), db, list, true); err != nil {
				t.Errorf("a program of the schema of %s does not run on that of version %d: %v", filepath.Base(file), p.Version, err)
			}
		})
	}
}

func read(t *testing.T, file string) []Statement {
	t.Helper()
	f, err := os.Open(file)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	var list []Statement
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var s Statement
		if err := json.Unmarshal(lines.Bytes(), &s); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		list = append(list, s)
	}
	if err := lines.Err(); err != nil || len(list) == 0 {
		t.Fatalf("%s holds %d statements, %v", file, len(list), err)
	}
	return list
}

func (p Past) record(t *testing.T, file string) {
	t.Helper()
	if _, err := os.Stat(file); err == nil {
		return // what a program sent is history
	}
	r := &Recorder{}
	s, _ := p.Open(t, func(c driver.Connector) driver.Connector {
		r.Connector = c
		return r
	})
	tour(t, s)
	if r.err != nil {
		t.Fatal(r.err)
	}
	_, fresh := p.Open(t, nil)
	if err := replay(t.Context(), fresh, r.sent, false); err != nil {
		t.Fatal(err)
	}
	f, err := os.Create(file)
	if err != nil {
		t.Fatal(err)
	}
	out := json.NewEncoder(f)
	out.SetEscapeHTML(false)
	for _, one := range r.sent {
		if err := out.Encode(one); err != nil {
			t.Fatal(err)
		}
	}
	if err := f.Close(); err != nil {
		t.Fatal(err)
	}
}
