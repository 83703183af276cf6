package spool

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"reflect"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
)

// TestMain fails if goroutines of ours are left when all tests have run.
func TestMain(m *testing.M) {
	code := m.Run()
	buf := make([]byte, 1<<20)
	for end := time.Now().Add(5 * time.Second); code == 0; time.Sleep(20 * time.Millisecond) {
		all := strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n")[1:]
		if !strings.Contains(strings.Join(all, ""), "stylesprint/gateway/spool") {
			break
		}
		if time.Now().After(end) {
			_, _ = io.WriteString(os.Stderr, "goroutines left behind:\n"+strings.Join(all, "\n\n")+"\n")
			code = 1
		}
	}
	os.Exit(code)
}

// ledger is a request log in memory that skips ids which it has.
type ledger struct {
	mu      sync.Mutex
	rows    []stylesprint.RequestRecord
	seen    map[string]bool
	refuse  func(records []stylesprint.RequestRecord) error // nil takes everything
	batches int
}

func (l *ledger) AppendRequests(_ context.Context, records []stylesprint.RequestRecord) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.batches++
	if l.refuse != nil {
		if err := l.refuse(records); err != nil {
			return err
		}
	}
	if l.seen == nil {
		l.seen = map[string]bool{}
	}
	for _, r := range records {
		if !l.seen[r.ID] {
			l.seen[r.ID] = true
			l.rows = append(l.rows, r)
		}
	}
	return nil
}

func (l *ledger) setRefuse(f func([]stylesprint.RequestRecord) error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.refuse = f
}

func (l *ledger) all() []stylesprint.RequestRecord {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]stylesprint.RequestRecord(nil), l.rows...)
}

func (l *ledger) ids() string {
	var ids []string
	for _, r := range l.all() {
		ids = append(ids, r.ID)
	}
	return strings.Join(ids, " ")
}

func away([]stylesprint.RequestRecord) error { return errors.New("the database is away") }

// eventually waits for a condition.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("not in 20 s: %s", what)
		}
	}
}

// opened is a spool with its metrics.
type opened struct {
	*Spool
	registry *prometheus.Registry
}

func open(t *testing.T, o Options) opened {
	t.Helper()
	s := opened{registry: prometheus.NewRegistry()}
	o.Metrics = s.registry
	o.DrainEvery = or(o.DrainEvery, time.Millisecond)
	o.SyncEvery = or(o.SyncEvery, 5*time.Millisecond)
	var err error
	if s.Spool, err = Open(o); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil && !t.Failed() {
			t.Errorf("close: %v", err)
		}
	})
	return s
}

// die ends a spool as a killed process would: what was written stays, locks end.
func (s opened) die(t *testing.T) {
	t.Helper()
	s.once.Do(func() {
		s.cancel()
		<-s.drained
		close(s.stop)
		<-s.synced
		if err := errors.Join(s.journal.close(), s.lock.Close()); err != nil {
			t.Fatal(err)
		}
		for _, o := range s.orphan {
			o.release()
			_ = o.lock.Close()
		}
	})
}

func (s opened) metric(t *testing.T, name string) float64 {
	t.Helper()
	families, err := s.registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	sum, found := 0.0, false
	for _, f := range families {
		if f.GetName() == "stylesprint_"+name {
			for _, m := range f.Metric {
				found = true
				sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
			}
		}
	}
	if !found && !strings.Contains(name, "failures") {
		t.Fatalf("there is no metric %s", name)
	}
	return sum
}

func record(id string) *stylesprint.RequestRecord {
	return &stylesprint.RequestRecord{ID: id, Time: time.Unix(1700000000, 5).UTC(), Route: "/generate/", Model: "m", Status: 200, Cost: 3, Billed: 4}
}

func commit(s opened, ids ...string) {
	for _, id := range ids {
		s.Commit(record(id))(true)
	}
}

// files lists what is below a folder, but locks.
func files(t *testing.T, dir string) []string {
	t.Helper()
	var out []string
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && !d.IsDir() && d.Name() != lockName {
			out = append(out, path)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestRecordsGoToTheRequestLog(t *testing.T) {
	t.Parallel()
	log, dir := &ledger{}, t.TempDir()
	s := open(t, Options{Dir: dir, Sink: log})
	commit(s, "a", "b")
	lost := s.Commit(record("c"))
	commit(s, "d")
	eventually(t, "settled records are written while another is in flight", func() bool { return log.ids() == "a b d" })
	lost(false)
	eventually(t, "the record of an answer that was not delivered", func() bool { return log.ids() == "a b d c" })
	got := log.all()
	if !reflect.DeepEqual(got[0], *record("a")) {
		t.Errorf("got %+v", got[0])
	}
	if got[3].Status != 499 || got[3].Code != stylesprint.CodeCancelled {
		t.Errorf("not delivered: %+v", got[3])
	}
	if n, billed := s.Logged(); n != 4 || billed != 16 {
		t.Errorf("%d logged, %d billed", n, billed)
	}
	if s.metric(t, "request_log_waiting") != 0 || s.metric(t, "request_log_written_total") != 4 || s.metric(t, "spool_undelivered_total") != 1 || s.metric(t, "spool_replayed_total") != 0 {
		t.Error("metrics are wrong")
	}
	eventually(t, "the spool is synced", func() bool { return s.metric(t, "spool_sync_seconds") > 0 })
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if left := files(t, dir); len(left) > 0 || s.metric(t, "spool_bytes") != 0 {
		t.Errorf("left behind: %v, %v bytes", left, s.metric(t, "spool_bytes"))
	}
}

// A process that ends between a record and its mark leaves a record that says so, and none
// twice: what the request log has stays as it is.
func TestKilled(t *testing.T) {
	t.Parallel()
	log, dir := &ledger{}, t.TempDir()
	s := open(t, Options{Dir: dir, Sink: log})
	commit(s, "a", "b")
	eventually(t, "records are written", func() bool { return log.ids() == "a b" })
	log.setRefuse(away)
	commit(s, "c")
	s.Commit(record("flight"))
	flagged := record("flagged")
	flagged.Flags = "pii"
	s.Commit(flagged)
	s.Commit(record("gone"))(false)
	s.die(t)
	log.setRefuse(nil)
	next := open(t, Options{Dir: dir, Sink: log})
	eventually(t, "replay", func() bool { return len(log.all()) == 6 })
	got := map[string]stylesprint.RequestRecord{}
	for _, r := range log.all() {
		got[r.ID] = r
	}
	if got["c"].Flags != "" || got["flight"].Flags != unconfirmed || got["flagged"].Flags != "pii,"+unconfirmed || got["gone"].Status != 499 || got["gone"].Flags != "" {
		t.Errorf("%+v", got)
	}
	eventually(t, "the folder of the dead process is removed", func() bool { return len(files(t, dir)) == 0 })
	if n := next.metric(t, "spool_unconfirmed_total"); n != 2 {
		t.Errorf("%v unconfirmed", n)
	}
	if n := next.metric(t, "spool_replayed_total"); n != 6 { // a and b were sent again, and skipped
		t.Errorf("%v replayed", n)
	}
	if n, _ := next.Logged(); n != 0 {
		t.Errorf("%d of another process count as logged by this one", n)
	}
}

// While the request log is away records wait on the disk, in order, whatever their number.
func TestAway(t *testing.T) {
	t.Parallel()
	log, dir := &ledger{refuse: away}, t.TempDir()
	s := open(t, Options{Dir: dir, Sink: log, SegmentBytes: 4 << 10})
	const n = 2000
	var want []string
	for i := range n {
		want = append(want, fmt.Sprintf("r%d", i))
	}
	commit(s, want...)
	eventually(t, "the failure is counted", func() bool { return s.metric(t, "request_log_failures_total") > 0 })
	if s.metric(t, "request_log_waiting") != n || s.metric(t, "spool_oldest_seconds") <= 0 || len(files(t, dir)) < 10 {
		t.Errorf("%v wait in %d files", s.metric(t, "request_log_waiting"), len(files(t, dir)))
	}
	log.setRefuse(nil)
	eventually(t, "the request log has caught up", func() bool { return len(log.all()) == n })
	got := strings.Split(log.ids(), " ")
	moved := 0
	for i := range got {
		if got[i] != want[i] {
			moved++
		}
	}
	if moved > 300 { // a batch that was taken apart may turn around
		t.Errorf("%d of %d records are out of order", moved, n)
	}
	eventually(t, "segments are removed", func() bool { return len(files(t, dir)) <= 1 })
	eventually(t, "nothing is being written", func() bool { return s.metric(t, "spool_oldest_seconds") == 0 })
}

// A stop while the request log is away loses nothing, and is no crash: the next process
// writes the records without a flag.
func TestCloseWhileAway(t *testing.T) {
	t.Parallel()
	log, dir := &ledger{refuse: away}, t.TempDir()
	s := open(t, Options{Dir: dir, Sink: log})
	commit(s, "a", "b", "c")
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if err := s.Close(ctx); err != nil {
		t.Fatal(err)
	}
	log.setRefuse(nil)
	open(t, Options{Dir: dir, Sink: log})
	eventually(t, "replay", func() bool { return log.ids() == "a b c" })
	for _, r := range log.all() {
		if r.Flags != "" {
			t.Errorf("%+v", r)
		}
	}
}

// Processes that share a folder keep apart while they live; a living one takes over what a
// dead one left.
func TestTwoProcesses(t *testing.T) {
	t.Parallel()
	log, dir := &ledger{refuse: away}, t.TempDir()
	a, b := open(t, Options{Dir: dir, Sink: log}), open(t, Options{Dir: dir, Sink: log, LookEvery: 10 * time.Millisecond})
	commit(a, "a1")
	commit(b, "b1")
	eventually(t, "b has looked for folders", func() bool { return b.metric(t, "request_log_failures_total") > 3 })
	if b.metric(t, "spool_replayed_total") != 0 || len(files(t, dir)) != 2 {
		t.Fatal("the folder of a living process was taken")
	}
	a.die(t)
	log.setRefuse(nil)
	eventually(t, "both are written", func() bool { return len(log.all()) == 2 })
	eventually(t, "the folder is gone", func() bool {
		names, err := os.ReadDir(dir)
		return err == nil && len(names) == 2 // the lock, and b's
	})
}
