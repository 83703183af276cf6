package sqlite

import (
	"os"
	"path/filepath"
	"testing"

	"stylesprint"
)

// Sync works with a log and without one, and tells when it cannot.
func TestSync(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a.db")
	d, err := Open(t.Context(), path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if err := d.AppendRequests(t.Context(), []stylesprint.RequestRecord{{ID: "x", Status: 200}}); err != nil {
		t.Fatal(err)
	}
	if info, err := os.Stat(path + "-wal"); err != nil || info.Size() == 0 {
		t.Fatalf("nothing is in the log: %v", err)
	}
	if err := d.Sync(t.Context()); err != nil {
		t.Errorf("sync: %v", err)
	}
	d.path = filepath.Join(t.TempDir(), "none.db")
	if err := d.Sync(t.Context()); err != nil {
		t.Errorf("sync without a log: %v", err)
	}
	if err := os.Mkdir(d.path+"-wal", 0o700); err != nil {
		t.Fatal(err)
	}
	if err := d.Sync(t.Context()); err == nil {
		t.Error("what cannot be opened was synced")
	}
}
