package httpserver

import (
	"net"
	"sync"
	"time"

	"stylesprint/internal/alarm"
)

// lazyConn sets deadlines where they matter. For one request net/http, the body's limit and the
// watch over the client set and lift the read deadline eight times, mostly around bytes that are
// in a buffer already; here it is set when a Read begins, or at once where one is waiting, and it
// is an alarm, not a runtime timer. A write deadline that is asked for again is moved only by a
// sixteenth of its time or more.
type lazyConn struct {
	net.Conn
	clock *alarm.Clock

	mu      sync.Mutex
	reading int          // Reads that are under way
	want    time.Time    // the read deadline that was asked for
	set     time.Time    // the one that holds
	alarm   *alarm.Alarm // of set; nil until there is one, and after it has rung
	ended   bool         // Conn's reads are ended, by a deadline in the past
	closed  bool
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
	if c.want == c.set || c.closed {
		return nil
	}
	c.set = c.want
	if c.set.IsZero() {
		if c.alarm != nil {
			c.alarm.Hold()
		}
		return c.end(false)
	}
	left := time.Until(c.set)
	switch {
	case left <= 0:
		if c.alarm != nil {
			c.alarm.Hold()
		}
		return c.end(true)
	case c.alarm != nil:
		c.alarm.Set(left)
	default:
		c.alarm = c.clock.Start(left, c.late)
	}
	return c.end(false)
}

// end ends Conn's reads, or lets them be, with mu held.
func (c *lazyConn) end(now bool) error {
	if c.ended == now {
		return nil
	}
	c.ended = now
	deadline := time.Time{}
	if now {
		deadline = time.Unix(1, 0)
	}
	return c.Conn.SetReadDeadline(deadline)
}

// late is called when an alarm has rung. The deadline may have been moved since.
func (c *lazyConn) late() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alarm = nil
	if c.closed || c.set.IsZero() {
		return
	}
	if left := time.Until(c.set); left > 0 {
		c.alarm = c.clock.Start(left, c.late)
		return
	}
	_ = c.end(true) // fails where Read does
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
	if err := c.SetWriteDeadline(t); err != nil {
		return err
	}
	return c.SetReadDeadline(t)
}

// Close implements net.Conn.
func (c *lazyConn) Close() error {
	c.mu.Lock()
	c.closed = true
	ring := c.alarm
	c.alarm = nil
	c.mu.Unlock()
	if ring != nil {
		ring.Stop()
	}
	return c.Conn.Close()
}
