// Package migration brings a database's schema up to date.
//
// Key words: migration, version, dialect.
//
// A migration is a numbered SQL file that is never changed once released. Load
// reads them, usually from an embedded folder; Apply runs those that a database
// lacks, all in one transaction that begins with taking a lock, so that of
// several processes that start at once one migrates and the others wait:
//
//	steps, err := migration.Load(files, "migrations")
//	err = migration.Apply(ctx, conn, steps, migration.Dialect{Begin: []string{"BEGIN IMMEDIATE"}})
//
// A database that was written by a newer program (unless Dialect.Newer says otherwise), or whose
// migrations differ from ours, is refused and left as it is. Errors for people are *stylesprint.Error.
// There is no way down: restore a backup instead.
package migration

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"sort"
	"strconv"
	"time"

	"stylesprint"
)

// Migration is one step.
type Migration struct {
	Version int    // from 1, without gaps
	Name    string // lower-case words joined by underscores
	SQL     string
	SHA256  string // of SQL
}

// Load reads NNNN_name.sql files from a folder.
func Load(files fs.FS, dir string) ([]Migration, error) {
	entries, err := fs.ReadDir(files, dir)
	if err != nil {
		return nil, fmt.Errorf("load migrations: %w", err)
	}
	name := regexp.MustCompile(`^(\d{4})_([a-z0-9]+(?:_[a-z0-9]+)*)\.sql$`)
	var steps []Migration
	for _, e := range entries {
		m := name.FindStringSubmatch(e.Name())
		if m == nil {
			return nil, fmt.Errorf("load migrations: %s: want a name like 0001_first_tables.sql", e.Name())
		}
		text, err := fs.ReadFile(files, path.Join(dir, e.Name()))
		if err != nil {
			return nil, fmt.Errorf("load migrations: %w", err)
		}
		version, err := strconv.Atoi(m[1])
		if err != nil {
			return nil, fmt.Errorf("load migrations: %s: %w", e.Name(), err)
		}
		sum := sha256.Sum256(text)
		steps = append(steps, Migration{Version: version, Name: m[2], SQL: string(text), SHA256: hex.EncodeToString(sum[:])})
	}
	sort.Slice(steps, func(a, b int) bool { return steps[a].Version < steps[b].Version })
	for i, s := range steps {
		if s.Version != i+1 {
			return nil, fmt.Errorf("load migrations: version %d is missing or occurs twice", i+1)
		}
	}
	if len(steps) == 0 {
		return nil, fmt.Errorf("load migrations: folder %s holds none", dir)
	}
	return steps, nil
}

// Dialect is what differs between databases.
type Dialect struct {
	// Begin starts a transaction and takes a lock that lasts as long. SQLite:
	// BEGIN IMMEDIATE. Postgres: BEGIN, then SELECT pg_advisory_xact_lock(n).
	Begin []string
	// Check, if set, looks at a database that holds no version table, inside the
	// transaction; an error leaves the database as it is.
	Check func(ctx context.Context, conn *sql.Conn) error
	// Newer lets a program work on the database of a newer one, so that processes of two versions run side
	// by side while one replaces the other. The newer one's migrations only add, but for those named
	// contract_since_NNNN_...: they remove what programs that know version NNNN do not use any more.
	Newer bool
	// Name is what a person calls the database: its path or host.
	Name string
}

const versionTable = `CREATE TABLE IF NOT EXISTS schema_migrations (
	version    INTEGER PRIMARY KEY,
	name       TEXT NOT NULL,
	sha256     TEXT NOT NULL,
	applied_at BIGINT NOT NULL
)`

// Apply runs what is missing. It returns how many migrations it applied.
func Apply(ctx context.Context, conn *sql.Conn, steps []Migration, d Dialect) (applied int, err error) {
	for i, statement := range d.Begin {
		if _, err := conn.ExecContext(ctx, statement); err != nil {
			if i > 0 {
				err = errors.Join(err, rollback(conn))
			}
			return 0, fmt.Errorf("lock database for migration: %w", err)
		}
	}
	applied, err = pending(ctx, conn, steps, d)
	if err == nil {
		_, err = conn.ExecContext(ctx, "COMMIT")
	}
	if err != nil {
		return 0, errors.Join(err, rollback(conn))
	}
	return applied, nil
}

// rollback works although the context may have ended.
func rollback(conn *sql.Conn) error {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	if _, err := conn.ExecContext(ctx, "ROLLBACK"); err != nil {
		return fmt.Errorf("roll back migration: %w", err)
	}
	return nil
}

func pending(ctx context.Context, conn *sql.Conn, steps []Migration, d Dialect) (int, error) {
	if err := checkFresh(ctx, conn, d); err != nil {
		return 0, err
	}
	if _, err := conn.ExecContext(ctx, versionTable); err != nil {
		return 0, fmt.Errorf("create version table: %w", err)
	}
	known, err := history(ctx, conn, steps, d)
	if err != nil {
		return 0, err
	}
	for _, s := range steps[min(known, len(steps)):] {
		if _, err := conn.ExecContext(ctx, s.SQL); err != nil {
			return 0, fmt.Errorf("apply migration %04d_%s: %w", s.Version, s.Name, err)
		}
		// Numbers, a checked name and a hash: nothing here needs quoting, and
		// placeholders differ between databases.
		entry := fmt.Sprintf("INSERT INTO schema_migrations (version, name, sha256, applied_at) VALUES (%d, '%s', '%s', %d)", s.Version, s.Name, s.SHA256, time.Now().UnixNano())
		if _, err := conn.ExecContext(ctx, entry); err != nil {
			return 0, fmt.Errorf("record migration %04d_%s: %w", s.Version, s.Name, err)
		}
	}
	return max(0, len(steps)-known), nil
}

func checkFresh(ctx context.Context, conn *sql.Conn, d Dialect) error {
	if d.Check == nil {
		return nil
	}
	return d.Check(ctx, conn)
}

// history compares what was applied with what we know, and returns its length.
func history(ctx context.Context, conn *sql.Conn, steps []Migration, d Dialect) (int, error) {
	rows, err := conn.QueryContext(ctx, "SELECT version, name, sha256 FROM schema_migrations ORDER BY version")
	if err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	defer rows.Close()
	var have []Migration
	for rows.Next() {
		var m Migration
		if err := rows.Scan(&m.Version, &m.Name, &m.SHA256); err != nil {
			return 0, fmt.Errorf("read schema version: %w", err)
		}
		have = append(have, m)
	}
	if err := rows.Err(); err != nil {
		return 0, fmt.Errorf("read schema version: %w", err)
	}
	if n := len(have); n > 0 && have[n-1].Version > len(steps) && !(d.Newer && works(have, len(steps))) {
		return 0, &stylesprint.Error{
			Code:    stylesprint.CodeConflict,
			Message: fmt.Sprintf("the database %s was written by a newer version of this program (schema %d; this one knows %d)", d.Name, have[n-1].Version, len(steps)),
			Hint:    "use the newer stylesprint, or restore a backup that the older one wrote",
		}
	}
	for i, m := range have[:min(len(have), len(steps))] {
		if m.Version != i+1 || m.Name != steps[i].Name || m.SHA256 != steps[i].SHA256 {
			return 0, &stylesprint.Error{
				Code:    stylesprint.CodeConflict,
				Message: fmt.Sprintf("the schema of the database %s differs from this program's at version %d", d.Name, i+1),
				Hint:    "use the stylesprint that made it, or another data folder (XDG_DATA_HOME)",
			}
		}
	}
	return len(have), nil
}

// works says whether a program that knows so many versions works on a database that has more.
func works(have []Migration, knows int) bool {
	contract := regexp.MustCompile(`^contract_since_(\d{4})(?:_|$)`)
	for _, m := range have {
		if m.Version <= knows {
			continue
		}
		if c := contract.FindStringSubmatch(m.Name); c != nil {
			if since, err := strconv.Atoi(c[1]); err != nil || knows < since {
				return false
			}
		}
	}
	return true
}
