// Package spool keeps the records of requests on the local disk until the request log has
// them, so that none is lost when the process is killed or the database is away.
//
// Key words: segment, frame, mark, replay.
//
// A record is written before the last byte of its answer is sent, and a mark after it. Records
// go from the segments to the request log in the order in which their answers ended; segments
// whose records are all there are removed. The usual path is
//
//	s, err := spool.Open(spool.Options{Dir: dir, Sink: db, Sync: db.Sync, Log: log, Metrics: registry})
//	g, err := gateway.New(gateway.Options{Records: s, ...})
//	... serve ...
//	err = errors.Join(g.Close(ctx), s.Close(ctx)) // what the request log does not take stays on the disk
//
// Each process has a folder of its own below Dir, under a lock that ends with it. What a process
// left behind, the next one to look replays, and so does every other one that runs, within ten
// seconds; records without a mark get the flag "unconfirmed". A write that has returned survives
// the process; a power cut takes at most what was written since the last sync, 100 ms before.
//
// Trouble with the disk or the database is logged and counted, and never fails a request, unless
// Options.RefuseWhenFull asks for that: see Options. A Spool is safe for concurrent use.
package spool

import (
	"context"
	"errors"
	"fmt"
	"hash/crc32"
	"log/slog"
	"os"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
	"stylesprint/gateway"
)

// Options configure a Spool. Dir and Sink are needed.
type Options struct {
	Dir string // made if need be; several processes may share it
	// Sink takes batches, from one goroutine, again after an error; it skips ids that it knows.
	Sink gateway.RequestLog
	// Sync forces what Sink has taken to the disk; segments are removed only after it. nil
	// means that Sink returns only then.
	Sync    func(ctx context.Context) error
	Log     *slog.Logger          // nil drops
	Metrics prometheus.Registerer // nil measures nothing

	// MaxBytes bounds all segments in Dir, as far as this process knows them; default 1 GiB.
	// Above it records wait in memory, and are lost, counted and logged when that is full too.
	MaxBytes int64
	// RefuseWhenFull answers new requests with 503 while records cannot be kept on the disk,
	// so that nothing is served that is not recorded. Requests in flight are still recorded.
	RefuseWhenFull bool
	SegmentBytes   int64         // a segment ends after so many bytes; default 4 MiB
	SegmentAge     time.Duration // or when it is so old; default 1 min
	SyncEvery      time.Duration // default 100 ms
	DrainEvery     time.Duration // how long records wait for company; default 200 ms
	LookEvery      time.Duration // for what ended processes left behind; default 10 s
	Queue          int           // records that memory keeps when the disk does not; default 4096

	disk medium // of tests
}

func (o Options) withDefaults() Options {
	o.MaxBytes = or(o.MaxBytes, 1<<30)
	o.SegmentBytes = or(o.SegmentBytes, 4<<20)
	o.SegmentAge = or(o.SegmentAge, time.Minute)
	o.SyncEvery = or(o.SyncEvery, 100*time.Millisecond)
	o.DrainEvery = or(o.DrainEvery, 200*time.Millisecond)
	o.LookEvery = or(o.LookEvery, 10*time.Second)
	o.Queue = or(o.Queue, 4096)
	o.disk = o.disk.withDefaults()
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	return o
}

func or[T comparable](v, byDefault T) T {
	var zero T
	if v == zero {
		return byDefault
	}
	return v
}

// Validate reports every fault by the field's name.
func (o Options) Validate() error {
	var faults []error
	if o.Dir == "" {
		faults = append(faults, errors.New("dir: missing"))
	}
	if o.Sink == nil {
		faults = append(faults, errors.New("sink: missing"))
	}
	for _, f := range []struct {
		name string
		v    int64
	}{
		{"max_bytes", o.MaxBytes}, {"segment_bytes", o.SegmentBytes}, {"segment_age", int64(o.SegmentAge)}, {"sync_every", int64(o.SyncEvery)},
		{"drain_every", int64(o.DrainEvery)}, {"look_every", int64(o.LookEvery)}, {"queue", int64(o.Queue)},
	} {
		if f.v < 0 {
			faults = append(faults, fmt.Errorf("%s: want 0 (the default) or more, got %d", f.name, f.v))
		}
	}
	return errors.Join(faults...)
}

// Spool is a gateway.Recorder.
type Spool struct {
	o       Options
	journal *journal
	metrics *metrics
	table   *crc32.Table
	lock    *os.File
	buffers sync.Pool // of *[]byte

	seq     atomic.Uint64
	waiting atomic.Int64 // records of this process that the request log does not have
	logged  atomic.Int64
	billed  atomic.Int64
	failing atomic.Bool  // the last write failed
	oldest  atomic.Int64 // when the oldest record being written was committed, in ns; 0: none
	said    sync.Map     // what was complained about, and when

	memory chan *entry // settled records that the disk did not take
	u      sync.Mutex
	odd    map[uint64]bool // marks that could not be written

	// Of the goroutine that drains.
	known   map[string]bool // folders that are not to be looked at again
	orphan  []*orphan
	live    *reader
	pending []*entry
	// suspects were refused while the request log took others.
	suspects []*entry
	looked   time.Time // for orphans

	ctx     context.Context // ends when Close gives up
	cancel  context.CancelFunc
	closing chan struct{}
	once    sync.Once
	drained chan struct{} // closed when the goroutine that drains has returned
	stop    chan struct{}
	synced  chan struct{} // closed when the goroutine that syncs has returned
}

var _ gateway.Recorder = (*Spool)(nil)

// Open makes a folder for this process, takes over those of processes that have ended, and
// starts to write to the request log.
func Open(o Options) (*Spool, error) {
	s, err := prepare(o)
	if err != nil {
		return nil, err
	}
	go s.drain()
	go s.keepSynced()
	return s, nil
}

// prepare is Open without its goroutines.
func prepare(o Options) (*Spool, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("open the spool: %w", err)
	}
	o = o.withDefaults()
	if err := o.disk.mkdir(o.Dir); err != nil {
		return nil, unusable(err)
	}
	dir, lock, err := own(o.Dir, o.disk)
	if err != nil {
		return nil, unusable(err)
	}
	s := &Spool{
		o: o, journal: newJournal(dir, o.SegmentBytes), table: castagnoli(), lock: lock,
		buffers: sync.Pool{New: func() any { return new([]byte) }},
		memory:  make(chan *entry, o.Queue), odd: map[uint64]bool{}, known: map[string]bool{dir: true},
		closing: make(chan struct{}), drained: make(chan struct{}), stop: make(chan struct{}), synced: make(chan struct{}),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.journal.medium = o.disk
	s.live = newReader(dir, s.journal, s.table)
	s.live.unmarked = s.unmarked
	if s.metrics, err = newMetrics(s, o.Metrics); err != nil {
		return nil, errors.Join(err, removeFolder(dir, lock))
	}
	s.adopt()
	return s, nil
}

func unusable(err error) error {
	return &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "the spool of the request log cannot be used", Hint: "make the data folder writable, choose another one (data_dir in the configuration), or do without (request_log: {no_spool: true})", Err: err}
}

// Admit implements gateway.Recorder. It refuses only where Options.RefuseWhenFull is set.
func (s *Spool) Admit() error {
	if !s.o.RefuseWhenFull || (!s.failing.Load() && !s.full()) {
		return nil
	}
	s.metrics.refused.Inc()
	return &stylesprint.Error{Code: stylesprint.CodeUnavailable, RetryAfter: 5 * time.Second,
		Message: "Requests cannot be recorded at the moment, so none is served", Hint: "try again in a few seconds"}
}

func (s *Spool) full() bool { return s.journal.bytes.Load() >= s.o.MaxBytes }

var errFull = errors.New("the spool is full")

// Commit implements gateway.Recorder. The record survives the process once it has returned.
func (s *Spool) Commit(r *stylesprint.RequestRecord) func(delivered bool) {
	seq := s.seq.Add(1)
	err := errFull
	if s.o.RefuseWhenFull || !s.full() {
		b := s.buffers.Get().(*[]byte)
		*b = appendRecord((*b)[:0], seq, r, s.table)
		err = s.write(*b)
		s.buffers.Put(b)
	}
	s.waiting.Add(1)
	if err != nil {
		return s.inMemory(*r)
	}
	return func(delivered bool) { s.mark(seq, delivered) }
}

func (s *Spool) write(frames []byte) error {
	err := s.journal.append(frames)
	if err != nil {
		s.failing.Store(true)
		s.complain("write", err)
	} else if s.failing.Load() {
		s.failing.Store(false)
	}
	return err
}

// mark writes how an answer ended.
func (s *Spool) mark(seq uint64, delivered bool) {
	k := kindDelivered
	if !delivered {
		k = kindUndelivered
		s.metrics.undelivered.Inc()
	}
	b := s.buffers.Get().(*[]byte)
	*b = appendMark((*b)[:0], k, seq, s.table)
	err := s.write(*b)
	s.buffers.Put(b)
	if err != nil {
		s.u.Lock()
		s.odd[seq] = delivered
		s.u.Unlock()
	}
}

// unmarked says how an answer ended whose mark could not be written, once.
func (s *Spool) unmarked(seq uint64) (delivered, known bool) {
	s.u.Lock()
	defer s.u.Unlock()
	delivered, known = s.odd[seq]
	delete(s.odd, seq)
	return delivered, known
}

// inMemory keeps a record that the disk does not take.
func (s *Spool) inMemory(r stylesprint.RequestRecord) func(delivered bool) {
	s.metrics.overflow.Inc()
	return func(delivered bool) {
		if !delivered {
			s.metrics.undelivered.Inc()
			gateway.Undelivered(&r)
		}
		select {
		case s.memory <- &entry{RequestRecord: r, own: true, size: len(r.Prompt) + len(r.Response) + 512}:
		default:
			s.metrics.lost.Inc()
			s.waiting.Add(-1)
			s.complain("keep", errors.New("records are lost: neither the spool nor the memory can keep them"))
		}
	}
}

// Logged implements gateway.Recorder.
func (s *Spool) Logged() (int64, stylesprint.Money) {
	return s.logged.Load(), stylesprint.Money(s.billed.Load())
}

// complain counts a failed act, and logs it at most once every ten seconds.
func (s *Spool) complain(act string, err error) {
	s.metrics.failures.WithLabelValues(act).Inc()
	now := time.Now()
	if last, ok := s.said.Load(act); ok && now.Sub(last.(time.Time)) < 10*time.Second {
		return
	}
	s.said.Store(act, now)
	s.o.Log.Error("request log", "act", act, "error", err.Error(), "spool_bytes", s.journal.bytes.Load(), "waiting", s.waiting.Load())
}

// keepSynced forces the spool to the disk. While writes fail it tries one each second, since
// where requests are refused nobody else does.
func (s *Spool) keepSynced() {
	defer close(s.synced)
	t := time.NewTicker(s.o.SyncEvery)
	defer t.Stop()
	probed := time.Now()
	for {
		select {
		case <-s.stop:
			return
		case <-t.C:
		}
		_ = s.force() // complains itself
		if s.failing.Load() && time.Since(probed) >= time.Second {
			probed = time.Now()
			_ = s.write(appendMark(nil, kindProbe, 0, s.table)) // complains itself
		}
	}
}

// force makes durable what was written before the call.
func (s *Spool) force() error {
	begun := time.Now()
	did, err := s.journal.sync()
	if did {
		s.metrics.sync.Observe(time.Since(begun).Seconds())
	}
	if err != nil {
		s.complain("sync", err)
	}
	return err
}

// Close takes no more records, and writes those that wait to the request log until ctx ends.
// What is left then stays on the disk for the next process; only what memory alone held is
// lost, and is an error. Call it after the last request. It may be called twice.
func (s *Spool) Close(ctx context.Context) error {
	var err error
	s.once.Do(func() { err = s.close(ctx) })
	return err
}

func (s *Spool) close(ctx context.Context) error {
	close(s.closing)
	select {
	case <-s.drained:
	case <-ctx.Done():
		s.cancel()
		<-s.drained
	}
	s.cancel()
	close(s.stop)
	<-s.synced
	faults := []error{s.journal.close()}
	lost := len(s.memory)
	for _, e := range append(s.suspects, s.pending...) {
		if e.from == nil {
			lost++
		}
	}
	if lost > 0 {
		s.metrics.lost.Add(float64(lost))
		faults = append(faults, fmt.Errorf("%d records are lost: the spool could not be written, and the request log did not take them", lost))
	}
	faults = append(faults, s.leave())
	if err := errors.Join(faults...); err != nil {
		return fmt.Errorf("close the spool: %w", err)
	}
	return nil
}
