package postgres

import (
	"context"
	"errors"
	"io"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgconn"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/internal/testkit/postgres"
)

var errUnexpectedEOF = io.ErrUnexpectedEOF

func pgErr(code string) error { return &pgconn.PgError{Code: code, Message: "m"} }

// open1 opens a server as it is, standby or not, without bringing its schema up to date.
func open1(t *testing.T, dsn string) *DB {
	t.Helper()
	config, err := parse(dsn+"&target_session_attrs=any", Options{})
	if err != nil {
		t.Fatal(err)
	}
	d, err := connect(t.Context(), config)
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

// caughtUp waits until a standby has what its primary has.
func caughtUp(t *testing.T, primary, standby *DB) {
	t.Helper()
	want := logged(t, primary)
	var n int
	const tables = "SELECT count(*) FROM pg_class WHERE relname IN ('requests', 'request_bodies', 'feedback')"
	deadline := time.Now().Add(20 * time.Second)
	for {
		// The schema comes first, and piece by piece.
		err := standby.sql.QueryRowContext(t.Context(), tables).Scan(&n)
		if err == nil && n == 3 && logged(t, standby) == want {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the standby does not catch up: %v", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

const password = "tr0ub4dor&3/x"

// No error tells the password, in whichever way the address is wrong.
func TestPasswordIsNotTold(t *testing.T) {
	t.Parallel()
	s := postgres.Start(t, postgres.Options{Password: password})
	name, err := s.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	good := s.DSN(name)
	d := open(t, good)
	if strings.Contains(d.Name(), password) {
		t.Errorf("the name tells the password: %s", d.Name())
	}
	encoded := good[strings.Index(good, ":tr0")+1 : strings.Index(good, "@")]
	unwritten := strings.Replace(good, encoded, "tr0ub4dor&3/x", 1) // not encoded: no URL
	for what, dsn := range map[string]string{
		"a port that is none":    strings.Replace(good, s.Host(), "127.0.0.1:port", 1),
		"a password not encoded": unwritten,
		"an unknown mode":        strings.Replace(good, "sslmode=disable", "sslmode=wrong", 1),
		"words":                  "host=127.0.0.1 port=no password=" + password,
		"an open quote":          "host=127.0.0.1 password='" + password,
		"no port listening":      strings.Replace(good, s.Host(), "127.0.0.1:1", 1),
		"another database":       strings.Replace(good, "/"+name, "/nowhere", 1),
		"another user":           strings.Replace(good, "stylesprint:", "nobody:", 1),
		"another password":       strings.Replace(good, encoded, encoded+"wrong", 1),
		"TLS":                    strings.Replace(good, "sslmode=disable", "sslmode=require", 1),
	} {
		d, err := Open(t.Context(), dsn, Options{})
		if err == nil {
			t.Errorf("%s: opened", what)
			if err := d.Close(); err != nil {
				t.Error(err)
			}
			continue
		}
		for e := err; e != nil; {
			for _, secret := range []string{password, encoded, "tr0ub4dor"} {
				if strings.Contains(e.Error(), secret) {
					t.Errorf("%s tells the password: %v", what, e)
				}
			}
			u, ok := e.(interface{ Unwrap() error })
			if !ok {
				break
			}
			e = u.Unwrap()
		}
		if stylesprint.HintOf(err) == "" {
			t.Errorf("%s has no hint: %v", what, err)
		}
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		dsn, name string
		timeout   time.Duration
		conns     int32
		life      time.Duration
		attrs     bool
	}{
		{"postgres://u@h1:1,h2:2/d", "d on h1:1,h2:2", 2 * time.Second, 24, 5 * time.Minute, true},
		{"postgresql://u@h1/d?sslmode=disable", "d on h1:5432", 2 * time.Second, 24, 5 * time.Minute, true},
		{"host=h1,h2 dbname=d user=u", "d on h1:5432,h2:5432", 2 * time.Second, 24, 5 * time.Minute, true},
		{"postgres://u@h1/d?connect_timeout=7&target_session_attrs=any&pool_max_conns=3&pool_max_conn_lifetime=1h", "d on h1:5432", 7 * time.Second, 3, time.Hour, false},
		{"host=/run/postgresql dbname=d user=u", "d on /run/postgresql", 2 * time.Second, 24, 5 * time.Minute, true},
	} {
		got, err := parse(c.dsn, Options{})
		if err != nil {
			t.Errorf("%s: %v", c.dsn, err)
			continue
		}
		if describe(got) != c.name || got.ConnConfig.ConnectTimeout != c.timeout || got.MaxConns != c.conns || got.MaxConnLifetime != c.life || (got.ConnConfig.ValidateConnect != nil) != c.attrs {
			t.Errorf("%s: %s, timeout %v, %d connections, life %v, attrs %v", c.dsn, describe(got), got.ConnConfig.ConnectTimeout, got.MaxConns, got.MaxConnLifetime, got.ConnConfig.ValidateConnect != nil)
		}
	}
	if err := Check("postgres://u@h:port/d"); stylesprint.CodeOf(err) != stylesprint.CodeInvalid {
		t.Errorf("Check of no address: %v", err)
	}
	if err := Check("postgres://u@h/d"); err != nil {
		t.Errorf("Check: %v", err)
	}
	got, err := parse("postgres://u@h1/d?pool_max_conns=3", Options{Connections: 5})
	if err != nil || got.MaxConns != 5 {
		t.Errorf("connections by option: %v", err)
	}
}

// A database that belongs to another program, or to a newer one of ours, is left as it is.
func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	for what, statement := range map[string]string{
		"another program's versions": "CREATE TABLE schema_migrations (version TEXT)",
		"another program's tables":   "CREATE TABLE requests (id TEXT)",
	} {
		dsn := shared.Database(t)
		d := open1(t, dsn)
		if _, err := d.sql.ExecContext(t.Context(), statement); err != nil {
			t.Fatal(err)
		}
		if _, err := Open(t.Context(), dsn, Options{}); stylesprint.CodeOf(err) != stylesprint.CodeConflict || stylesprint.HintOf(err) == "" {
			t.Errorf("%s: %v", what, err)
		}
	}
	// A newer program's database will do as long as nothing was taken away that this one uses.
	dsn := shared.Database(t)
	d := open(t, dsn)
	for _, step := range []struct {
		name string
		code stylesprint.Code
	}{{"tomorrow", ""}, {"contract_since_0001_gone", ""}, {"contract_since_9999", stylesprint.CodeConflict}} {
		if _, err := d.sql.ExecContext(t.Context(), "INSERT INTO schema_migrations VALUES ((SELECT max(version) + 1 FROM schema_migrations), $1, '', 0)", step.name); err != nil {
			t.Fatal(err)
		}
		again, err := Open(t.Context(), dsn, Options{})
		if err == nil {
			err = errors.Join(again.SaveRun(t.Context(), evaluate.Run{ID: "r"}), again.Close())
		}
		if (err != nil) != (step.code != "") || (err != nil && stylesprint.CodeOf(err) != step.code) {
			t.Errorf("a database with %s: %v", step.name, err)
		}
	}
}

// Processes that start at once bring a new database up to date one by one.
func TestProcessesOpenAtOnce(t *testing.T) {
	t.Parallel()
	dsn := shared.Database(t)
	faults := make(chan error, 6)
	for range cap(faults) {
		go func() {
			d, err := Open(context.Background(), dsn, Options{Connections: 2})
			if err == nil {
				err = d.Close()
			}
			faults <- err
		}()
	}
	for range cap(faults) {
		if err := <-faults; err != nil {
			t.Error(err)
		}
	}
}

func TestVotesStay(t *testing.T) {
	t.Parallel()
	d := open(t, shared.Database(t))
	for _, s := range []string{
		"INSERT INTO review_tasks VALUES ('t', '', '', '', '', '[]', 2, 0, 0, 1, 0, '', 0, 0)",
		"INSERT INTO review_pairs VALUES ('t', 1, '{}', '', '', 0, 1, 'h')",
		"INSERT INTO review_votes (task_id, pair, hash, rater, model, repeat, choice, first_left, first_marks, second_marks, comment, time, withdraws, from_task) VALUES ('t', 1, 'h', 'r', false, false, 'tie', true, '0 0 0', '0 0 0', '', 0, 0, '')",
	} {
		if _, err := d.sql.ExecContext(t.Context(), s); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := d.sql.ExecContext(t.Context(), "UPDATE review_votes SET choice = 'first'"); err == nil || !strings.Contains(err.Error(), "only ever added") {
		t.Errorf("a vote was changed: %v", err)
	}
}
