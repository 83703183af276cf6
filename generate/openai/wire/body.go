package wire

import (
	"errors"
	"io"
	"sync"
	"sync/atomic"
	"time"
)

var errTooLong = errors.New("the answer is too long")

// body bounds an answer and has each wait for bytes watched. It keeps its first
// error, so that a fault of the network can be told from one of the content.
type body struct {
	from  io.Reader
	left  int64
	watch *watch
	err   error
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	b.watch.start() // a slow consumer is no silence of the server
	n, err := b.from.Read(p)
	b.watch.stop()
	if b.left -= int64(n); b.left < 0 {
		n, err = n-1, errTooLong
	}
	b.err = err
	return n, err
}

// watch calls bark when a wait is too long. It begins started. Its timer runs through: to set it
// for each wait costs more than to look now and then when the wait began.
type watch struct {
	limit time.Duration
	bark  func()
	since atomic.Int64 // when the wait began, in nanoseconds after base; 0: nobody waits
	base  time.Time
	mu    sync.Mutex  // guards timer
	timer *time.Timer // nil when the watch has ended, or has no limit
}

func newWatch(limit time.Duration, bark func()) *watch {
	w := &watch{limit: limit, bark: bark, base: time.Now()}
	w.since.Store(1)
	if limit >= 0 {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.timer = time.AfterFunc(limit, w.look)
	}
	return w
}

// look runs in the timer's goroutine.
func (w *watch) look() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer == nil {
		return
	}
	left := w.limit
	if since := w.since.Load(); since != 0 {
		left -= time.Since(w.base) - time.Duration(since)
	}
	if left <= 0 {
		w.timer = nil
		w.bark()
		return
	}
	w.timer.Reset(left)
}

func (w *watch) start() { w.since.Store(max(1, int64(time.Since(w.base)))) }

func (w *watch) stop() { w.since.Store(0) }

func (w *watch) end() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.timer != nil {
		w.timer.Stop()
		w.timer = nil
	}
}
