package storetest

import (
	"database/sql"
	"path/filepath"
	"strings"
	"testing"

	"stylesprint/store/sqlite"
)

// A migration that takes away what an older program uses, or changes what it is given, is noticed.
func TestReplayNotices(t *testing.T) {
	t.Parallel()
	list := read(t, filepath.Join("testdata", "statements", "0004_sqlite.jsonl"))
	for harm, want := range map[string]string{
		"ALTER TABLE requests RENAME COLUMN target TO upstream":                                   "INSERT INTO requests",
		"DROP TABLE statistics":                                                                   "INSERT INTO statistics",
		"CREATE UNIQUE INDEX one_status ON requests (status)":                                     "INSERT INTO requests",
		"CREATE TRIGGER lost AFTER INSERT ON runs BEGIN DELETE FROM runs WHERE id = 'plain'; END": "FROM runs",
	} {
		path := filepath.Join(t.TempDir(), "s.db")
		d, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		if err != nil {
			t.Fatal(err)
		}
		if err := d.Close(); err != nil {
			t.Fatal(err)
		}
		db, err := sql.Open("sqlite", "file:"+path+"?_foreign_keys=1")
		if err != nil {
			t.Fatal(err)
		}
		if _, err := db.ExecContext(t.Context(), harm); err != nil {
			t.Fatal(err)
		}
		if err := replay(t.Context(), db, list, true); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s went unnoticed, or was noticed as %v", harm, err)
		}
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	}
}
