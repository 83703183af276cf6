package httpserver

import (
	"errors"
	"io"
	"net"
	"os"
	"testing"
	"testing/synctest"
	"time"

	"stylesprint/internal/alarm"
)

// countedConn counts how often deadlines are set.
type countedConn struct {
	net.Conn
	reads, writes int
}

func (c *countedConn) SetReadDeadline(t time.Time) error { c.reads++; return c.Conn.SetReadDeadline(t) }
func (c *countedConn) SetWriteDeadline(t time.Time) error {
	c.writes++
	return c.Conn.SetWriteDeadline(t)
}

func lazy(t *testing.T) (*lazyConn, *countedConn, net.Conn) {
	t.Helper()
	near, far := net.Pipe()
	counted := &countedConn{Conn: near}
	c := &lazyConn{Conn: counted, clock: new(alarm.Clock)}
	t.Cleanup(func() { c.Close(); far.Close() })
	return c, counted, far
}

func TestReadDeadline(t *testing.T) {
	t.Parallel()
	for _, k := range []struct {
		name  string
		do    func(c *lazyConn) // before the read
		while func(c *lazyConn) // a second after its begin
		want  time.Duration     // when it ends; 0: not within a minute
	}{
		{"none", func(*lazyConn) {}, nil, 0},
		{"before", func(c *lazyConn) { _ = c.SetReadDeadline(time.Now().Add(10 * time.Second)) }, nil, 10 * time.Second},
		{"short", func(c *lazyConn) { _ = c.SetReadDeadline(time.Now().Add(30 * time.Millisecond)) }, nil, 30 * time.Millisecond},
		{"past", func(c *lazyConn) { _ = c.SetReadDeadline(time.Unix(1, 0)) }, nil, 0},
		{"lifted", func(c *lazyConn) {
			_ = c.SetReadDeadline(time.Now().Add(time.Second))
			_ = c.SetReadDeadline(time.Time{})
		}, nil, 0},
		{"while it waits", func(*lazyConn) {}, func(c *lazyConn) { _ = c.SetReadDeadline(time.Now().Add(5 * time.Second)) }, 6 * time.Second},
		{"ended while it waits", func(*lazyConn) {}, func(c *lazyConn) { _ = c.SetReadDeadline(time.Unix(1, 0)) }, time.Second},
		{"moved on while it waits", func(c *lazyConn) { _ = c.SetReadDeadline(time.Now().Add(2 * time.Second)) }, func(c *lazyConn) { _ = c.SetReadDeadline(time.Now().Add(20 * time.Second)) }, 21 * time.Second},
		{"moved nearer while it waits", func(c *lazyConn) { _ = c.SetReadDeadline(time.Now().Add(time.Hour)) }, func(c *lazyConn) { _ = c.SetReadDeadline(time.Now().Add(time.Second)) }, 2 * time.Second},
		{"lifted while it waits", func(c *lazyConn) { _ = c.SetReadDeadline(time.Now().Add(2 * time.Second)) }, func(c *lazyConn) { _ = c.SetReadDeadline(time.Time{}) }, 0},
		{"of both", func(c *lazyConn) { _ = c.SetDeadline(time.Now().Add(3 * time.Second)) }, nil, 3 * time.Second},
	} {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				c, _, far := lazy(t)
				begun := time.Now()
				k.do(c)
				if k.while != nil {
					time.AfterFunc(time.Second, func() { k.while(c) })
				}
				late := time.AfterFunc(time.Minute, func() { _, _ = far.Write([]byte("x")) })
				n, err := c.Read(make([]byte, 1))
				took := time.Since(begun)
				late.Stop()
				switch {
				case k.name == "past":
					if !errors.Is(err, os.ErrDeadlineExceeded) || took != 0 {
						t.Errorf("%d bytes, %v after %s", n, err, took)
					}
				case k.want == 0:
					if n != 1 || err != nil || took != time.Minute {
						t.Errorf("%d bytes, %v after %s, want one after a minute", n, err, took)
					}
				case !errors.Is(err, os.ErrDeadlineExceeded) || took < k.want || took > k.want+alarm.Late:
					t.Errorf("%v after %s, want the deadline after %s", err, took, k.want)
				}
				// Whatever came before, the connection can be read again, with a deadline.
				_ = c.SetReadDeadline(time.Now().Add(2 * time.Hour))
				time.AfterFunc(time.Hour, func() { _, _ = far.Write([]byte("yz")) })
				if _, err := io.ReadFull(c, make([]byte, 2)); err != nil {
					t.Errorf("the next read: %v", err)
				}
				_ = c.SetReadDeadline(time.Now().Add(time.Second))
				if _, err := c.Read(make([]byte, 1)); !errors.Is(err, os.ErrDeadlineExceeded) {
					t.Errorf("the last read: %v, want the deadline", err)
				}
			})
		})
	}
}

// What a request asks for reaches the connection once or not at all.
func TestDeadlinesAreSetRarely(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c, counted, far := lazy(t)
		for range 100 {
			_ = c.SetReadDeadline(time.Now().Add(2 * time.Minute)) // until the next request
			go func() { _, _ = far.Write([]byte("xy")) }()
			_, _ = c.Read(make([]byte, 1))
			_ = c.SetReadDeadline(time.Time{})
			_ = c.SetReadDeadline(time.Now().Add(10 * time.Second)) // its header
			_ = c.SetReadDeadline(time.Now().Add(30 * time.Second)) // its body
			_, _ = c.Read(make([]byte, 1))
			_ = c.SetReadDeadline(time.Time{})
			_ = c.SetWriteDeadline(time.Now().Add(30 * time.Second))
			time.Sleep(10 * time.Millisecond)
		}
		if counted.reads != 0 || counted.writes != 1 {
			t.Errorf("%d read deadlines and %d write deadlines in a second", counted.reads, counted.writes)
		}
		time.Sleep(5 * time.Second)
		_ = c.SetWriteDeadline(time.Now().Add(30 * time.Second))
		_ = c.SetWriteDeadline(time.Unix(1, 0))
		if counted.writes != 3 {
			t.Errorf("%d write deadlines after one was moved and one ended", counted.writes)
		}
	})
}
