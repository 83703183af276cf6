package wire

import (
	"errors"
	"io"
	"time"

	"stylesprint/internal/alarm"
)

var errTooLong = errors.New("the answer is too long")

// body bounds an answer and has each wait for bytes watched. It keeps its first
// error, so that a fault of the network can be told from one of the content.
type body struct {
	from  io.Reader
	left  int64
	watch *alarm.Alarm // nil: silence may last
	stall time.Duration
	err   error
}

func (b *body) Read(p []byte) (int, error) {
	if b.err != nil {
		return 0, b.err
	}
	if int64(len(p)) > b.left+1 {
		p = p[:b.left+1]
	}
	if b.watch != nil { // a slow consumer is no silence of the server
		b.watch.Set(b.stall)
	}
	n, err := b.from.Read(p)
	if b.watch != nil {
		b.watch.Hold()
	}
	if b.left -= int64(n); b.left < 0 {
		n, err = n-1, errTooLong
	}
	b.err = err
	return n, err
}
