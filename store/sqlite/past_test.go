package sqlite

import (
	"database/sql"
	"database/sql/driver"
	"flag"
	"net/url"
	"path/filepath"
	"testing"

	sqlite "modernc.org/sqlite"

	"stylesprint/store/migration"
	"stylesprint/store/relational"
	"stylesprint/store/storetest"
)

var update = flag.Bool("update", false, "record the statements of the newest schema")

func TestPast(t *testing.T) {
	t.Parallel()
	steps, err := migration.Load(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	storetest.Past{Database: "sqlite", Version: len(steps), Update: *update, Open: func(t *testing.T, wrap func(driver.Connector) driver.Connector) (storetest.Store, *sql.DB) {
		path := filepath.Join(t.TempDir(), "s.db")
		d := open(t, path)
		if wrap == nil {
			return d, d.writer
		}
		u := url.URL{Scheme: "file", Path: path, RawQuery: "_foreign_keys=1&_txlock=immediate"}
		inner, err := sqlite.NewConnector(u.String())
		if err != nil {
			t.Fatal(err)
		}
		db := sql.OpenDB(wrap(inner))
		t.Cleanup(func() {
			if err := db.Close(); err != nil {
				t.Error(err)
			}
		})
		return relational.New(db, db, d.dialect()), db
	}}.Test(t)
}
