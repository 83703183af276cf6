package spool

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"stylesprint"
)

// disk is one that can be full: a write takes half of what it is given and fails.
type disk struct {
	full     atomic.Bool
	stubborn atomic.Bool // cannot be truncated either
}

type diskFile struct {
	file
	d *disk
}

func (d *disk) create(path string) (file, error) {
	if d.full.Load() {
		return nil, syscall.ENOSPC
	}
	f, err := create(path)
	return &diskFile{f, d}, err
}

func (f *diskFile) Write(p []byte) (int, error) {
	if f.d.full.Load() {
		n, _ := f.file.Write(p[:len(p)/2])
		return n, syscall.ENOSPC
	}
	return f.file.Write(p)
}

func (f *diskFile) Truncate(size int64) error {
	if f.d.stubborn.Load() {
		return errors.New("no")
	}
	return f.file.Truncate(size)
}

// on puts a spool on such a disk, before anything was written.
func (d *disk) on(s opened) { s.journal.create = d.create }

// A full disk costs no request and no record while memory holds them: they go to the request
// log directly, and the spool is used again once the disk has room.
func TestFullDisk(t *testing.T) {
	t.Parallel()
	for _, stubborn := range []bool{false, true} {
		t.Run(fmt.Sprint("stubborn ", stubborn), func(t *testing.T) {
			t.Parallel()
			d, log, dir := &disk{}, &ledger{}, t.TempDir()
			s := open(t, Options{Dir: dir, Sink: log})
			d.on(s)
			commit(s, "a")
			before, half := s.Commit(record("before")), s.Commit(record("half"))
			d.stubborn.Store(stubborn)
			d.full.Store(true)
			before(true) // its mark cannot be written
			half(false)
			commit(s, "b", "c")
			eventually(t, "all are in the request log", func() bool { return len(log.all()) == 5 })
			d.full.Store(false)
			commit(s, "d")
			eventually(t, "the spool is used again", func() bool { return len(log.all()) == 6 })
			if s.metric(t, "spool_overflow_total") != 2 || s.metric(t, "request_log_dropped_total") != 0 || s.metric(t, "spool_failures_total") == 0 {
				t.Errorf("%v in memory", s.metric(t, "spool_overflow_total"))
			}
			for _, r := range log.all() {
				if (r.ID == "half") != (r.Status == 499) || r.Flags != "" {
					t.Errorf("%+v", r)
				}
			}
			log.setRefuse(away)
			commit(s, "e")
			s.die(t)
			log.setRefuse(nil)
			next := open(t, Options{Dir: dir, Sink: log})
			eventually(t, "what was written after the trouble is replayed", func() bool { return strings.Contains(log.ids(), "e") })
			if n := next.metric(t, "spool_torn_bytes_total"); !stubborn && n != 0 {
				t.Errorf("%v bytes of the failed writes were left", n)
			}
		})
	}
}

// Where that was asked for, nothing is served that is not recorded, until it can be again.
func TestRefuseWhenFull(t *testing.T) {
	t.Parallel()
	d, log := &disk{}, &ledger{}
	s := open(t, Options{Dir: t.TempDir(), Sink: log, RefuseWhenFull: true})
	d.on(s)
	if err := s.Admit(); err != nil {
		t.Fatal(err)
	}
	d.full.Store(true)
	commit(s, "a")
	err := s.Admit()
	if stylesprint.CodeOf(err) != stylesprint.CodeUnavailable || s.metric(t, "spool_refused_total") != 1 {
		t.Errorf("%v", err)
	}
	d.full.Store(false)
	eventually(t, "requests are served again", func() bool { return s.Admit() == nil })
	eventually(t, "the record is there", func() bool { return log.ids() == "a" })
}

// The bound on bytes: beyond it new records wait in memory, then are lost and counted; or
// requests are refused, and those in flight are still recorded.
func TestBound(t *testing.T) {
	t.Parallel()
	big := strings.Repeat("x", 1000)
	fill := func(s opened, n int) {
		for i := range n {
			r := record(fmt.Sprint("r", i))
			r.Prompt = big
			s.Commit(r)(true)
		}
	}
	t.Run("serve", func(t *testing.T) {
		t.Parallel()
		log := &ledger{refuse: away}
		s := open(t, Options{Dir: t.TempDir(), Sink: log, MaxBytes: 20 << 10, Queue: 5})
		fill(s, 100)
		eventually(t, "records are lost", func() bool { return s.metric(t, "request_log_dropped_total") > 0 })
		if err := s.Admit(); err != nil || s.metric(t, "spool_bytes") > 22<<10 {
			t.Errorf("%v, %v bytes", err, s.metric(t, "spool_bytes"))
		}
		log.setRefuse(nil)
		eventually(t, "the rest is written", func() bool {
			return float64(len(log.all()))+s.metric(t, "request_log_dropped_total") == 100 && s.metric(t, "request_log_waiting") == 0
		})
	})
	t.Run("refuse", func(t *testing.T) {
		t.Parallel()
		log := &ledger{refuse: away}
		s := open(t, Options{Dir: t.TempDir(), Sink: log, MaxBytes: 20 << 10, RefuseWhenFull: true, SegmentBytes: 4 << 10})
		for s.Admit() == nil {
			fill(s, 1)
		}
		s.Commit(record("in flight"))(true)
		log.setRefuse(nil)
		eventually(t, "requests are served again", func() bool { return s.Admit() == nil })
		eventually(t, "all are there", func() bool { return strings.Contains(log.ids(), "in flight") })
		if s.metric(t, "request_log_dropped_total") != 0 {
			t.Error("records were lost")
		}
	})
}

// A record that the request log never takes is put aside, and does not keep others back.
func TestPoison(t *testing.T) {
	t.Parallel()
	poison := func(records []stylesprint.RequestRecord) error {
		for _, r := range records {
			if strings.HasPrefix(r.ID, "poison") {
				return errors.New("invalid byte sequence")
			}
		}
		return nil
	}
	log, dir := &ledger{refuse: poison}, t.TempDir()
	s := open(t, Options{Dir: dir, Sink: log, LookEvery: 10 * time.Millisecond})
	for i := range 10 { // more than a row of refusals that would mean that the log is away
		commit(s, fmt.Sprint("poison", i))
	}
	var good atomic.Int64
	eventually(t, "others pass, and the poison is put aside", func() bool {
		commit(s, fmt.Sprint("good", good.Add(1)))
		return s.metric(t, "spool_rejected_total") == 10
	})
	eventually(t, "all others are written", func() bool { return int64(len(log.all())) == good.Load() && s.metric(t, "request_log_waiting") == 0 })
	aside := files(t, filepath.Join(dir, rejected))
	if len(aside) != 10 {
		t.Fatalf("%d records put aside", len(aside))
	}
	// In a folder of its own such a file is replayed.
	log.setRefuse(nil)
	again := filepath.Join(dir, "again")
	if err := os.Mkdir(again, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.Rename(aside[0], segmentPath(again, 1)); err != nil {
		t.Fatal(err)
	}
	eventually(t, "the record is replayed", func() bool { return strings.Contains(log.ids(), "poison") })
}

// Segments stay until the request log says that it is durable.
func TestSync(t *testing.T) {
	t.Parallel()
	log, dir := &ledger{}, t.TempDir()
	var durable atomic.Bool
	s := open(t, Options{Dir: dir, Sink: log, SegmentAge: time.Millisecond, Sync: func(context.Context) error {
		if !durable.Load() {
			return errors.New("not yet")
		}
		return nil
	}})
	commit(s, "a", "b")
	eventually(t, "sync is asked for", func() bool { return log.ids() == "a b" && s.metric(t, "request_log_failures_total") > 2 })
	bytes := 0
	for _, f := range files(t, dir) {
		b, err := os.ReadFile(f)
		if err != nil {
			t.Fatal(err)
		}
		bytes += len(b)
	}
	if bytes < 100 {
		t.Errorf("segments are gone: %d bytes are left", bytes)
	}
	durable.Store(true)
	eventually(t, "segments are removed", func() bool { return s.metric(t, "spool_bytes") <= float64(len(magic)) })
}

// Many at once: each record once, however writes are grouped and segments end.
func TestConcurrent(t *testing.T) {
	t.Parallel()
	log, dir := &ledger{}, t.TempDir()
	s := open(t, Options{Dir: dir, Sink: log, SegmentBytes: 2000, SegmentAge: time.Millisecond})
	const workers, each = 16, 200
	var wg sync.WaitGroup
	for w := range workers {
		wg.Go(func() {
			for i := range each {
				settle := s.Commit(record(fmt.Sprintf("%d-%d", w, i)))
				settle(i%7 != 0)
			}
		})
	}
	wg.Wait()
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	rows := log.all()
	if len(rows) != workers*each || len(files(t, dir)) != 0 {
		t.Errorf("%d rows, left %v", len(rows), files(t, dir))
	}
	for _, r := range rows {
		var w, i int
		if _, err := fmt.Sscanf(r.ID, "%d-%d", &w, &i); err != nil || (i%7 == 0) != (r.Status == 499) {
			t.Errorf("%+v", r)
		}
	}
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	if _, err := Open(Options{MaxBytes: -1, Queue: -2}); err == nil || !strings.Contains(err.Error(), "dir: ") || !strings.Contains(err.Error(), "sink: ") ||
		!strings.Contains(err.Error(), "max_bytes: ") || !strings.Contains(err.Error(), "queue: ") {
		t.Errorf("%v", err)
	}
	file := filepath.Join(t.TempDir(), "file")
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := Open(Options{Dir: file, Sink: &ledger{}}); stylesprint.CodeOf(err) != stylesprint.CodeUnavailable {
		t.Errorf("%v", err)
	}
}

// One record and its mark, as a request pays for them; replay is apart.
func BenchmarkCommit(b *testing.B) {
	run := func(name string, r *stylesprint.RequestRecord, parallel bool) {
		b.Run(name, func(b *testing.B) {
			s, err := Open(Options{Dir: b.TempDir(), Sink: discard{}, MaxBytes: 1 << 40, DrainEvery: time.Hour})
			if err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			b.ResetTimer()
			if parallel {
				b.RunParallel(func(p *testing.PB) {
					for p.Next() {
						s.Commit(r)(true)
					}
				})
			} else {
				for range b.N {
					s.Commit(r)(true)
				}
			}
			b.StopTimer()
			ctx, cancel := context.WithCancel(context.Background())
			cancel()
			s.cancel()
			if err := s.Close(ctx); err != nil {
				b.Fatal(err)
			}
		})
	}
	r := full(b)
	run("one", &r, false)
	run("parallel", &r, true)
	r.Prompt, r.Response = strings.Repeat("p", 2000), strings.Repeat("r", 1000)
	run("bodies", &r, false)
}

// discard is a request log that keeps nothing.
type discard struct{}

func (discard) AppendRequests(context.Context, []stylesprint.RequestRecord) error { return nil }
