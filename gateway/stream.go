package gateway

import (
	"bytes"
	"fmt"
	"net/http"
	"sync"
	"time"
)

// stream writes server-sent events. Nothing, not even the headers, goes out
// before begin, so that a failure before the first piece of text still gets a
// status of its own. Silence after that is filled with comments, so that
// proxies do not take the connection for dead.
//
// Its methods may be called from one goroutine; the comments come from a timer.
type stream struct {
	w     http.ResponseWriter
	rc    *http.ResponseController
	every time.Duration
	// commit is called before the event that ends the stream.
	commit func()

	mu    sync.Mutex // guards everything below and all writing
	begun bool
	ended bool
	gone  error // the first failed write
	last  time.Time
	timer *time.Timer
}

func newStream(w http.ResponseWriter, keepAlive time.Duration) *stream {
	return &stream{w: w, rc: http.NewResponseController(w), every: keepAlive, commit: func() {}}
}

// openStream makes a stream the answer of an exchange.
func (g *Gateway) openStream(w http.ResponseWriter, x *exchange) *stream {
	s := newStream(w, g.o.KeepAlive)
	s.commit = func() { g.commit(x) }
	x.stream = s
	return s
}

// sendLast writes the event by which a client knows that the answer is whole, after the
// record of the request is committed.
func (s *stream) sendLast(data []byte) error {
	s.commit()
	return s.sendRaw("", data)
}

// send writes one event without a name, and the headers before the first.
func (s *stream) send(v any) error {
	data, err := encode(v)
	if err != nil {
		return err
	}
	return s.sendRaw("", data)
}

// sendRaw writes one event whose data is a single line.
func (s *stream) sendRaw(name string, data []byte) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.begun {
		s.begin()
	}
	var b bytes.Buffer
	b.Grow(len(data) + len(name) + 16)
	if name != "" {
		b.WriteString("event: " + name + "\n")
	}
	b.WriteString("data: ")
	b.Write(data)
	b.WriteString("\n\n")
	return s.write(b.Bytes())
}

func (s *stream) begin() {
	h := s.w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-cache, no-transform")
	h.Set("X-Accel-Buffering", "no")
	s.w.WriteHeader(http.StatusOK)
	s.begun = true
	s.last = time.Now()
	s.timer = time.AfterFunc(s.every, s.comment)
}

// write sends bytes at once. After a failure it writes nothing more.
func (s *stream) write(p []byte) error {
	if s.gone != nil {
		return s.gone
	}
	_, err := s.w.Write(p)
	if err == nil {
		err = s.rc.Flush()
	}
	if err != nil {
		s.gone = fmt.Errorf("%w: %w", errClientGone, err)
		return s.gone
	}
	s.last = time.Now()
	return nil
}

// comment fills a silence. A comment is a line of its own that belongs to the
// event after it; an empty line after it would be an event without data, over
// which some clients stumble.
func (s *stream) comment() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	wait := s.every - time.Since(s.last)
	if wait <= 0 {
		_ = s.write([]byte(": keep-alive\n")) // the next send reports a failure
		wait = s.every
	}
	if s.gone == nil {
		s.timer.Reset(wait)
	}
}

// end stops the comments. The handler calls it before it returns.
func (s *stream) end() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	if s.timer != nil {
		s.timer.Stop()
	}
}

// abandon ends a stream that has not begun, and says whether it had not.
func (s *stream) abandon() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.begun {
		s.ended = true
	}
	return !s.begun
}

// fail writes an error event and ends the stream.
func (s *stream) fail(event string, body any) {
	defer s.end()
	s.commit()
	if data, err := encode(body); err == nil {
		_ = s.sendRaw(event, data) // if the client has left there is nobody to tell
	}
}
