package httpserver

import (
	"net"
	"sync"

	"stylesprint/internal/alarm"
)

// limitListener accepts while fewer than n of its connections are open.
func limitListener(l net.Listener, n int) net.Listener {
	return &limited{Listener: l, slots: make(chan struct{}, n), closed: make(chan struct{})}
}

type limited struct {
	net.Listener
	clock  alarm.Clock
	slots  chan struct{}
	closed chan struct{}
	once   sync.Once
}

func (l *limited) Accept() (net.Conn, error) {
	select {
	case l.slots <- struct{}{}:
	case <-l.closed:
		return nil, net.ErrClosed
	}
	c, err := l.Listener.Accept()
	if err != nil {
		<-l.slots
		return nil, err
	}
	return &limitedConn{lazyConn: lazyConn{Conn: c, clock: &l.clock}, free: func() { <-l.slots }}, nil
}

func (l *limited) Close() error {
	l.once.Do(func() { close(l.closed) })
	return l.Listener.Close()
}

type limitedConn struct {
	lazyConn
	once sync.Once
	free func()
}

func (c *limitedConn) Close() error {
	err := c.lazyConn.Close()
	c.once.Do(c.free)
	return err
}
