package postgres

import (
	"database/sql"
	"database/sql/driver"
	"flag"
	"testing"

	"github.com/jackc/pgx/v5/stdlib"

	"stylesprint/store/migration"
	"stylesprint/store/relational"
	"stylesprint/store/storetest"
)

var update = flag.Bool("update", false, "record the statements of the newest schema")

func TestPast(t *testing.T) {
	t.Parallel()
	shared.Server(t)
	steps, err := migration.Load(migrations, "migrations")
	if err != nil {
		t.Fatal(err)
	}
	storetest.Past{Database: "postgres", Version: len(steps), Update: *update, Open: func(t *testing.T, wrap func(driver.Connector) driver.Connector) (storetest.Store, *sql.DB) {
		d := open(t, shared.Database(t))
		if wrap == nil {
			return d, d.sql
		}
		db := sql.OpenDB(wrap(connector{stdlib.GetPoolConnector(d.pool)}))
		db.SetMaxIdleConns(0)
		dialect := d.dialect()
		dialect.Days = &days{db: db, known: map[int64]bool{}}
		return relational.New(db, db, dialect), db
	}}.Test(t)
}
