package spool_test

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/gateway/spool"
	"stylesprint/generate"
	"stylesprint/generate/fake"
)

// oneKey knows one key.
type oneKey struct{}

func (oneKey) Authenticate(_ *http.Request, key stylesprint.Secret) (gateway.Caller, error) {
	if key.Reveal() != "good" {
		return gateway.Caller{}, &stylesprint.Error{Code: stylesprint.CodeUnauthorized, Message: "The key is not known here"}
	}
	return gateway.Caller{KeyID: "key-good"}, nil
}

// spooled is how many bytes the files below a folder have.
func spooled(t *testing.T, dir string) (n int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(_ string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			n += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return n
}

// Ten thousand wrong keys in a second, while the database is away and requests are refused
// where records cannot be kept: they fill neither the spool nor the memory nor the log, and
// keep nobody out. Not parallel: it measures the process.
func TestTenThousandBadKeysFillNothing(t *testing.T) {
	db, registry, dir := &database{rows: map[string]int{}}, prometheus.NewRegistry(), t.TempDir()
	db.set(func() (bool, error) { return false, errors.New("away") })
	s, err := spool.Open(spool.Options{Dir: dir, Sink: db, Metrics: registry, MaxBytes: 64 << 10, RefuseWhenFull: true})
	if err != nil {
		t.Fatal(err)
	}
	var lines bytes.Buffer
	at := time.Date(2026, 5, 15, 12, 0, 0, 0, time.UTC)
	g, err := gateway.New(gateway.Options{
		Records: s, Auth: oneKey{}, Metrics: registry, Log: slog.New(slog.NewJSONHandler(&lines, nil)), Now: func() time.Time { return at },
		Models: []gateway.Model{{Name: "fake", Generate: generate.New(fake.New(fake.Script{Answers: []fake.Answer{{Text: "A dress."}}}), generate.Options{})}},
	})
	if err != nil {
		t.Fatal(err)
	}
	ask := func(key string) int {
		r := httptest.NewRequest("POST", "/generate/", strings.NewReader(`{"prompt":"x"}`))
		r.Header.Set("Authorization", "Bearer "+key)
		w := httptest.NewRecorder()
		g.ServeHTTP(w, r)
		return w.Code
	}
	try := func(from, to int) {
		for i := from; i < to; i++ {
			if got := ask(fmt.Sprintf("ssk_bad_%d_%s", i, strings.Repeat("k", i%100))); got != 401 {
				t.Fatalf("a wrong key: %d", got)
			}
		}
	}
	heap := func() int64 {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	try(0, 100)
	files, written, memory := spooled(t, dir), lines.Len(), heap()
	try(100, 10_100)
	if grown := heap() - memory; grown > 1<<20 {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	if now := spooled(t, dir); now != files {
		t.Errorf("the spool went from %d to %d bytes", files, now)
	}
	if lines.Len() != written || strings.Count(lines.String(), "\n") != 20 {
		t.Errorf("the log grew by %d bytes, to %d lines", lines.Len()-written, strings.Count(lines.String(), "\n"))
	}
	if got := ask("good"); got != 200 {
		t.Errorf("the key that is known: %d", got)
	}
	at = at.Add(time.Second)
	try(0, 1)
	if text := lines.String(); !strings.Contains(text, `"suppressed":10080,`) || strings.Count(text, "\n") != 23 || strings.Contains(text, "ssk_bad") {
		t.Errorf("the log:\n%s", text)
	}
	db.set(nil)
	if err := errors.Join(g.Close(t.Context()), s.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	if n := db.count(); n != 1 {
		t.Errorf("%d rows, want one", n)
	}
	for name, want := range map[string]float64{"request_log_ratio": 1, "request_log_answers_total": 1, "request_log_omitted_total": 10_101, "spool_refused_total": 0} {
		if got := value(t, registry, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
}
