package httpserver

import (
	"net"
	"sync"
	"time"
)

// lazyConn sets deadlines where they matter. For one request net/http, BodyTimeout and the watch
// over the client set and lift the read deadline eight times, mostly around bytes that are in a
// buffer already; here it is set when a Read begins, or at once where one is waiting. A write
// deadline that is asked for again is moved only by a sixteenth of its time or more.
type lazyConn struct {
	net.Conn

	mu      sync.Mutex
	reading int       // Reads that are under way
	want    time.Time // the read deadline that was asked for
	set     time.Time // the one that Conn has
	write   time.Time // the write deadline that Conn has
}

// Read implements net.Conn.
func (c *lazyConn) Read(p []byte) (int, error) {
	if err := c.beginRead(); err != nil {
		return 0, err
	}
	defer c.endRead()
	return c.Conn.Read(p)
}

func (c *lazyConn) beginRead() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if err := c.apply(); err != nil {
		return err
	}
	c.reading++
	return nil
}

func (c *lazyConn) endRead() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reading--
}

// apply is called with mu held.
func (c *lazyConn) apply() error {
	if c.want == c.set {
		return nil
	}
	c.set = c.want
	return c.Conn.SetReadDeadline(c.want)
}

// SetReadDeadline implements net.Conn. Of a connection that is closed, only Read says so.
func (c *lazyConn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.want = t
	if c.reading == 0 {
		return nil
	}
	return c.apply()
}

// SetWriteDeadline implements net.Conn.
func (c *lazyConn) SetWriteDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.write.IsZero() && !t.Before(c.write) && t.Sub(c.write) < time.Until(c.write)/16 {
		return nil
	}
	c.write = t
	return c.Conn.SetWriteDeadline(t)
}

// SetDeadline implements net.Conn.
func (c *lazyConn) SetDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.want, c.set, c.write = t, t, t
	return c.Conn.SetDeadline(t)
}
