package faulttest

import (
	"context"
	"net"
	"net/http"
	"testing"
)

// NoSuchHost returns a client whose names are looked up at a DNS server on this machine that
// knows none of them.
func NoSuchHost(t testing.TB) *http.Client {
	t.Helper()
	conn, err := net.ListenPacket("udp", "127.0.0.1:0")
	if err != nil {
		t.Fatalf("listen for DNS: %v", err)
	}
	served := make(chan struct{})
	t.Cleanup(func() {
		_ = conn.Close()
		<-served
	})
	go func() {
		defer close(served)
		b := make([]byte, 1500)
		for {
			n, from, err := conn.ReadFrom(b)
			if err != nil {
				return
			}
			if n < 12 {
				continue
			}
			b[2], b[3] = b[2]|0x80, 0x83 // an answer; recursion available; the name does not exist (RFC 1035, 4.1.1)
			b[10], b[11] = 0, 0          // no additional records
			_, _ = conn.WriteTo(b[:question(b[:n])], from)
		}
	}()
	resolver := &net.Resolver{PreferGo: true, Dial: func(ctx context.Context, _, _ string) (net.Conn, error) {
		var d net.Dialer
		return d.DialContext(ctx, "udp", conn.LocalAddr().String())
	}}
	transport := &http.Transport{DialContext: (&net.Dialer{Resolver: resolver}).DialContext}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// question is where the question section of a message ends.
func question(b []byte) int {
	i := 12
	for i < len(b) && b[i] != 0 {
		i += int(b[i]) + 1
	}
	return min(i+5, len(b)) // the empty label, type and class
}
