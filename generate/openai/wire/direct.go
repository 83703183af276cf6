package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"
)

// How plain connections are kept.
const (
	maxIdle      = 256
	idleTime     = 90 * time.Second
	restTime     = time.Millisecond // after which an idle connection is looked at before it is used
	maxHeadBytes = 1 << 20          // of an answer's header
	dialTime     = 10 * time.Second
)

// direct is an http.RoundTripper for plain HTTP/1.1. A request writes and reads its
// connection from its own goroutine; net/http's transport hands each one to two others and
// back, which on a machine's own network takes longer than all the rest of a call. Parsing is
// net/http's. All requests go to one server: idle connections are not kept by host. It never
// sends a request twice: a connection that the server closed while it was idle is noticed before
// it is used, unless it rested for less than restTime, and what fails after that is the caller's
// to judge.
type direct struct {
	dialer net.Dialer

	mu     sync.Mutex
	idle   []*directConn // the one used last is the last
	prune  *time.Timer
	closed bool
}

type directConn struct {
	net.Conn
	r     *bufio.Reader
	w     *bufio.Writer
	left  int64 // bytes that may be read: bounds headers
	since time.Time
}

var errLongHead = errors.New("the answer's header is too long")

// Read bounds what is read; it is the bufio.Reader's source.
func (c *directConn) Read(p []byte) (int, error) {
	if c.left <= 0 {
		return 0, errLongHead
	}
	n, err := c.Conn.Read(p[:min(int64(len(p)), c.left)])
	c.left -= int64(n)
	return n, err
}

func newDirect() *direct {
	return &direct{dialer: net.Dialer{Timeout: dialTime, KeepAlive: 30 * time.Second}}
}

// RoundTrip implements http.RoundTripper.
func (d *direct) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c, err := d.take(ctx, req)
	if err != nil {
		return nil, err
	}
	stop := context.AfterFunc(ctx, func() { _ = c.SetDeadline(time.Unix(1, 0)) }) // wakes whoever reads or writes
	r, err := c.exchange(req)
	if err != nil {
		stop()
		_ = c.Close() // it is of no more use
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		return nil, err
	}
	r.Body = &directBody{ReadCloser: r.Body, ctx: ctx, give: func(whole bool) {
		if stop() && whole && !r.Close && c.r.Buffered() == 0 {
			d.keep(c)
			return
		}
		_ = c.Close()
	}}
	return r, nil
}

// exchange sends a request and reads the answer's header.
func (c *directConn) exchange(req *http.Request) (*http.Response, error) {
	if err := c.send(req); err != nil {
		return nil, fmt.Errorf("send: %w", err)
	}
	for {
		c.left = maxHeadBytes
		r, err := http.ReadResponse(c.r, req)
		if err != nil {
			return nil, err
		}
		if r.StatusCode >= 200 {
			c.left = math.MaxInt64
			return r, nil
		}
	}
}

var errHeader = errors.New("a header holds a line break")

// send writes a request as http.Request.Write does, in fewer steps for what request makes: its
// headers stand as they are to be sent, its body has a length.
func (c *directConn) send(req *http.Request) error {
	w := c.w
	if req.Body != nil && req.ContentLength <= 0 || strings.ContainsFunc(req.Host, func(r rune) bool { return r > '~' || r == '%' }) {
		if err := req.Write(w); err != nil { // knows chunks, zones and names that are not ASCII
			return err
		}
		return w.Flush()
	}
	for _, s := range [...]string{req.Method, " ", req.URL.RequestURI(), " HTTP/1.1\r\nHost: ", req.Host, "\r\n"} {
		_, _ = w.WriteString(s) // Flush has the error
	}
	for name, values := range req.Header {
		for _, v := range values {
			if strings.ContainsAny(v, "\r\n") {
				return errHeader
			}
			for _, s := range [...]string{name, ": ", v, "\r\n"} {
				_, _ = w.WriteString(s)
			}
		}
	}
	if req.Body == nil {
		_, _ = w.WriteString("\r\n")
		return w.Flush()
	}
	defer req.Body.Close()
	_, _ = w.WriteString("Content-Length: ")
	_, _ = w.Write(strconv.AppendInt(w.AvailableBuffer(), req.ContentLength, 10))
	_, _ = w.WriteString("\r\n\r\n")
	if _, err := io.Copy(w, req.Body); err != nil {
		return err
	}
	return w.Flush()
}

// take finds a connection that is idle and open, or makes one.
func (d *direct) take(ctx context.Context, req *http.Request) (*directConn, error) {
	for {
		c := d.pop()
		if c == nil {
			break
		}
		if idle := time.Since(c.since); idle < restTime || idle < idleTime && alive(c.Conn) {
			return c, nil
		}
		_ = c.Close()
	}
	host := req.URL.Host
	if req.URL.Port() == "" {
		host = net.JoinHostPort(req.URL.Hostname(), "80")
	}
	raw, err := d.dialer.DialContext(ctx, "tcp", host)
	if err != nil {
		return nil, err
	}
	c := &directConn{Conn: raw}
	c.r, c.w = bufio.NewReaderSize(c, 4<<10), bufio.NewWriterSize(raw, 4<<10)
	return c, nil
}

func (d *direct) pop() *directConn {
	d.mu.Lock()
	defer d.mu.Unlock()
	n := len(d.idle)
	if n == 0 {
		return nil
	}
	c := d.idle[n-1]
	d.idle[n-1] = nil
	d.idle = d.idle[:n-1]
	return c
}

func (d *direct) keep(c *directConn) {
	c.since = time.Now()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed || len(d.idle) >= maxIdle {
		_ = c.Close()
		return
	}
	d.idle = append(d.idle, c)
	if d.prune == nil {
		d.prune = time.AfterFunc(idleTime, d.dropOld)
	}
}

// dropOld closes what has been idle for too long.
func (d *direct) dropOld() {
	d.mu.Lock()
	defer d.mu.Unlock()
	old := 0
	for old < len(d.idle) && time.Since(d.idle[old].since) >= idleTime {
		_ = d.idle[old].Close()
		old++
	}
	d.idle = append(d.idle[:0], d.idle[old:]...)
	if len(d.idle) > 0 && !d.closed {
		d.prune.Reset(max(time.Second, idleTime-time.Since(d.idle[0].since)))
		return
	}
	d.prune = nil
}

// CloseIdleConnections closes what is idle, now and from now on.
func (d *direct) CloseIdleConnections() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.closed = true
	if d.prune != nil {
		d.prune.Stop()
	}
	for _, c := range d.idle {
		_ = c.Close()
	}
	d.idle = nil
}

// directBody gives its connection back at its end.
type directBody struct {
	io.ReadCloser
	ctx  context.Context
	give func(whole bool)
	once sync.Once
}

func (b *directBody) Read(p []byte) (int, error) {
	n, err := b.ReadCloser.Read(p)
	if err != nil {
		b.once.Do(func() { b.give(errors.Is(err, io.EOF)) })
		if !errors.Is(err, io.EOF) && b.ctx.Err() != nil {
			err = b.ctx.Err()
		}
	}
	return n, err
}

// Close cuts the connection if the answer was not read to its end.
func (b *directBody) Close() error {
	b.once.Do(func() { b.give(false) })
	return nil
}
