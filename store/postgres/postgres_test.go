package postgres

import (
	"context"
	"os"
	"testing"

	"stylesprint/internal/testkit/postgres"
	"stylesprint/store/storetest"
)

var shared postgres.Shared

func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }

func open(t testing.TB, dsn string) *DB {
	t.Helper()
	d, err := Open(context.Background(), dsn, Options{})
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
	shared.Server(t)
	storetest.Test(t, func(t *testing.T) storetest.Store { return open(t, shared.Database(t)) })
}
