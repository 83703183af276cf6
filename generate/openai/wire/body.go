package wire

import (
	"errors"
	"io"
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

// watch calls bark when a wait is too long. It begins started.
type watch struct {
	timer *time.Timer
	limit time.Duration
}

func newWatch(limit time.Duration, bark func()) *watch {
	if limit < 0 {
		return &watch{}
	}
	return &watch{timer: time.AfterFunc(limit, bark), limit: limit}
}

func (w *watch) start() {
	if w.timer != nil {
		w.timer.Reset(w.limit)
	}
}

func (w *watch) stop() {
	if w.timer != nil {
		w.timer.Stop()
	}
}
