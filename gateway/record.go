package gateway

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"
	"time"

	"stylesprint"
)

// RequestLog keeps records of served requests.
type RequestLog interface {
	// AppendRequests stores a batch, all of it or nothing. It is called from one
	// goroutine, again with the same records after an error.
	AppendRequests(ctx context.Context, records []stylesprint.RequestRecord) error
}

// Recorder takes the record of each request before the last byte of its answer goes out.
// It is safe for concurrent use.
type Recorder interface {
	// Admit refuses, with an *stylesprint.Error, requests that could not be recorded.
	Admit() error
	// Commit keeps a record, which it may not hold on to. It never fails a request: trouble
	// is its own to report. settle is called once, when the answer has ended; an answer that
	// was not delivered gets Undelivered.
	Commit(r *stylesprint.RequestRecord) (settle func(delivered bool))
	// Logged says how many records of this process the request log has taken, and what the
	// upstream bills for them.
	Logged() (records int64, billed stylesprint.Money)
}

// Undelivered makes a record that of a client which left before its answer was whole.
func Undelivered(r *stylesprint.RequestRecord) {
	if r.Status < 400 {
		r.Status, r.Code = statusClientGone, stylesprint.CodeCancelled
	}
}

// How the writer works.
const (
	batchSize    = 256
	batchDelay   = 200 * time.Millisecond // how long a record waits for company
	writeTimeout = 10 * time.Second       // of one attempt
	maxAttempts  = 6                      // for one batch, before it is given up
	firstBackoff = 100 * time.Millisecond // doubles
)

var _ Recorder = (*recorder)(nil)

type recorderOptions struct {
	queue   int
	log     *slog.Logger
	metrics *metrics
}

// recorder is the Recorder in memory: it hands records to a RequestLog from one goroutine
// that it owns. No request ever waits for it: what does not fit into its queue is dropped
// and counted, and what waits is lost with the process.
type recorder struct {
	sink   RequestLog
	o      recorderOptions
	logged atomic.Int64
	billed atomic.Int64

	mu     sync.RWMutex // guards queue against close
	queue  chan stylesprint.RequestRecord
	shut   bool
	ctx    context.Context // ends when close gives up
	cancel context.CancelFunc
	hurry  chan struct{} // closed by close: no more waiting
	done   chan struct{} // closed when the goroutine has returned
}

func newRecorder(sink RequestLog, o recorderOptions) *recorder {
	r := &recorder{sink: sink, o: o, hurry: make(chan struct{}), done: make(chan struct{})}
	r.queue = make(chan stylesprint.RequestRecord, o.queue)
	r.ctx, r.cancel = context.WithCancel(context.Background())
	go r.run()
	return r
}

// Admit implements Recorder.
func (r *recorder) Admit() error { return nil }

// Commit implements Recorder: the record is queued when the answer has ended.
func (r *recorder) Commit(rec *stylesprint.RequestRecord) func(bool) {
	kept := *rec
	return func(delivered bool) {
		if !delivered {
			Undelivered(&kept)
		}
		r.add(kept)
	}
}

// Logged implements Recorder.
func (r *recorder) Logged() (int64, stylesprint.Money) {
	return r.logged.Load(), stylesprint.Money(r.billed.Load())
}

// add queues a record, or drops it.
func (r *recorder) add(rec stylesprint.RequestRecord) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if r.shut {
		r.o.metrics.dropped.Inc()
		return
	}
	select {
	case r.queue <- rec:
		r.o.metrics.waiting.Inc()
	default:
		r.o.metrics.dropped.Inc()
	}
}

// close takes no more records and waits until those in the queue are written,
// or until ctx ends, when it gives up on them.
func (r *recorder) close(ctx context.Context) error {
	r.mu.Lock()
	if !r.shut {
		r.shut = true
		close(r.hurry)
		close(r.queue)
	}
	r.mu.Unlock()
	select {
	case <-r.done:
		return nil
	case <-ctx.Done():
		r.cancel()
		<-r.done
		return ctx.Err()
	}
}

func (r *recorder) run() {
	defer close(r.done)
	defer r.cancel()
	for first := range r.queue {
		batch := r.collect(first)
		r.o.metrics.waiting.Sub(float64(len(batch)))
		r.write(batch)
	}
}

// collect makes a batch of what is there or comes soon.
func (r *recorder) collect(first stylesprint.RequestRecord) []stylesprint.RequestRecord {
	batch := []stylesprint.RequestRecord{first}
	soon := time.NewTimer(batchDelay)
	defer soon.Stop()
	for len(batch) < batchSize {
		select {
		case rec, ok := <-r.queue:
			if !ok {
				return batch
			}
			batch = append(batch, rec)
		case <-soon.C:
			return batch
		}
	}
	return batch
}

// write tries a batch several times: a database that is away for a moment
// loses nothing, and a batch that it will never take does not block the rest.
func (r *recorder) write(batch []stylesprint.RequestRecord) {
	backoff := firstBackoff
	for attempt := 1; ; attempt++ {
		err := r.attempt(batch)
		if err == nil {
			r.o.metrics.written.Add(float64(len(batch)))
			r.logged.Add(int64(len(batch)))
			for _, rec := range batch {
				r.billed.Add(int64(rec.Billed))
			}
			return
		}
		r.o.metrics.failures.Inc()
		if attempt == maxAttempts || r.ctx.Err() != nil {
			r.o.metrics.dropped.Add(float64(len(batch)))
			r.o.log.Error("request log lost records", keyRecords, len(batch), keyError, err.Error())
			return
		}
		r.pause(backoff)
		backoff *= 2
	}
}

func (r *recorder) attempt(batch []stylesprint.RequestRecord) error {
	ctx, cancel := context.WithTimeout(r.ctx, writeTimeout)
	defer cancel()
	return r.sink.AppendRequests(ctx, batch)
}

// pause waits before another attempt; less where the process wants to end.
func (r *recorder) pause(d time.Duration) {
	select {
	case <-r.hurry:
		d = min(d, firstBackoff)
	default:
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
	case <-r.ctx.Done():
	}
}
