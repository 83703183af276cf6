package spool_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/gateway/spool"
	"stylesprint/generate"
	"stylesprint/generate/fake"
)

// database is a request log that can be taken away, in either of two ways: it refuses, or it
// stores a batch and does not say so.
type database struct {
	mu   sync.Mutex
	away func() (store bool, err error)
	rows map[string]int
}

func (d *database) AppendRequests(_ context.Context, records []stylesprint.RequestRecord) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	store, err := true, error(nil)
	if d.away != nil {
		store, err = d.away()
	}
	if store {
		for _, r := range records {
			if d.rows[r.ID] == 0 {
				d.rows[r.ID]++
			}
		}
	}
	return err
}

func (d *database) set(away func() (bool, error)) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.away = away
}

func (d *database) count() int {
	d.mu.Lock()
	defer d.mu.Unlock()
	return len(d.rows)
}

// A database that goes away under load costs no request and no row.
func TestDatabaseAwayUnderLoad(t *testing.T) {
	t.Parallel()
	db, registry := &database{rows: map[string]int{}}, prometheus.NewRegistry()
	s, err := spool.Open(spool.Options{Dir: t.TempDir(), Sink: db, Metrics: registry, DrainEvery: time.Millisecond, SegmentBytes: 16 << 10})
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(gateway.Options{Records: s, Metrics: registry, MaxInFlight: 1000, Models: []gateway.Model{
		{Name: "fake", Generate: generate.New(fake.New(fake.Script{Answers: []fake.Answer{{Text: "A dress."}}}), generate.Options{Price: stylesprint.Price{OutputPerMillion: 1000}})},
	}})
	if err != nil {
		t.Fatal(err)
	}
	srv := httptest.NewServer(g)
	defer srv.Close()
	states := []func() (bool, error){
		func() (bool, error) { return false, errors.New("connection refused") },
		nil,
		func() (bool, error) { return true, errors.New("the connection broke at the commit") },
	}
	asked := 0
	for _, away := range append(states, nil) {
		db.set(away)
		var wg sync.WaitGroup
		for w := range 8 {
			asked += 25
			wg.Go(func() {
				for i := range 25 {
					body := `{"prompt":"x"}`
					if i%2 == w%2 {
						body = `{"prompt":"x","stream":true}`
					}
					resp, err := srv.Client().Post(srv.URL+"/generate/", "application/json", strings.NewReader(body))
					if err != nil {
						t.Error(err)
						return
					}
					b, err := io.ReadAll(resp.Body)
					resp.Body.Close()
					if err != nil || resp.StatusCode != http.StatusOK {
						t.Errorf("%d, %v: %s", resp.StatusCode, err, b)
					}
				}
			})
		}
		wg.Wait()
		if away != nil {
			time.Sleep(20 * time.Millisecond)
		}
	}
	if err := errors.Join(g.Close(t.Context()), s.Close(t.Context())); err != nil {
		t.Fatal(err)
	}
	if n := db.count(); n != asked {
		t.Errorf("%d rows for %d requests", n, asked)
	}
	for name, want := range map[string]float64{"request_log_ratio": 1, "billed_unlogged": 0, "request_log_answers_total": float64(asked), "request_log_written_total": float64(asked), "request_log_dropped_total": 0} {
		if got := value(t, registry, name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if value(t, registry, "billed_total") <= 0 {
		t.Error("nothing was billed")
	}
}

func value(t *testing.T, r *prometheus.Registry, name string) float64 {
	t.Helper()
	families, err := r.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if f.GetName() == "stylesprint_"+name {
			return f.Metric[0].GetCounter().GetValue() + f.Metric[0].GetGauge().GetValue()
		}
	}
	t.Fatalf("there is no metric %s", name)
	return 0
}

func ExampleOpen() {
	log := &database{rows: map[string]int{}}
	dir, err := os.MkdirTemp("", "spool-")
	if err != nil {
		fmt.Println(err)
		return
	}
	defer os.RemoveAll(dir)
	s, err := spool.Open(spool.Options{Dir: dir, Sink: log})
	if err != nil {
		fmt.Println(err)
		return
	}
	settle := s.Commit(&stylesprint.RequestRecord{ID: "req_1", Time: time.Now(), Status: 200})
	// ... the answer's last byte is sent here ...
	settle(true)
	if err := s.Close(context.Background()); err != nil {
		fmt.Println(err)
	}
	fmt.Println(log.count(), "record in the request log")
	// Output: 1 record in the request log
}

// Neither a key nor, unless asked for, a text is on the disk.
func TestNothingPrivateIsSpooled(t *testing.T) {
	t.Parallel()
	for _, bodies := range []bool{false, true} {
		db, dir := &database{rows: map[string]int{}, away: func() (bool, error) { return false, errors.New("away") }}, t.TempDir()
		s, err := spool.Open(spool.Options{Dir: dir, Sink: db})
		if err != nil {
			t.Fatal(err)
		}
		g, err := gateway.New(gateway.Options{Records: s, LogBodies: bodies, Models: []gateway.Model{
			{Name: "fake", Generate: generate.New(fake.New(fake.Script{Answers: []fake.Answer{{Text: "burgundy herringbone"}}}), generate.Options{})},
		}})
		if err != nil {
			t.Fatal(err)
		}
		for _, body := range []string{`{"prompt":"marmalade pinstripe"}`, `{"prompt":"marmalade pinstripe","stream":true}`, `{"prompt":"marmalade`, `{"prompt":"x","model":"marmalade"}`} {
			r := httptest.NewRequest("POST", "/generate/?key=sk-test-0123456789", strings.NewReader(body))
			r.Header.Set("Authorization", "Bearer sk-test-0123456789")
			g.ServeHTTP(httptest.NewRecorder(), r)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Millisecond)
		defer cancel()
		if err := errors.Join(g.Close(ctx), s.Close(ctx)); err != nil {
			t.Fatal(err)
		}
		var all strings.Builder
		err = filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
			if err != nil || d.IsDir() {
				return err
			}
			info, err := d.Info()
			if err == nil && info.Mode().Perm()&0o077 != 0 {
				t.Errorf("%s can be read by others", path)
			}
			b, err := os.ReadFile(path)
			all.Write(b)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		if strings.Count(all.String(), "/generate/") != 4 {
			t.Errorf("not all records are in the spool: %q", all.String())
		}
		for word, may := range map[string]bool{"marmalade": bodies, "herringbone": bodies, "sk-test": false} {
			if strings.Contains(all.String(), word) && !may {
				t.Errorf("bodies %v: %q is in the spool", bodies, word)
			}
		}
	}
}
