package wire

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// counting counts the connections that a server accepts.
type counting struct {
	*httptest.Server
	connections atomic.Int64
}

func count(t *testing.T, h http.HandlerFunc) *counting {
	t.Helper()
	c := &counting{Server: httptest.NewUnstartedServer(h)}
	c.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			c.connections.Add(1)
		}
	}
	c.Start()
	t.Cleanup(c.Close)
	return c
}

func ask(ctx context.Context, d *direct, url, body string) (string, *http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, "POST", url, strings.NewReader(body))
	if err != nil {
		return "", nil, err
	}
	r, err := d.RoundTrip(req)
	if err != nil {
		return "", nil, err
	}
	defer r.Body.Close()
	b, err := io.ReadAll(r.Body)
	return string(b), r, err
}

// A connection serves one request after another, whatever the answer's form, and another one
// is made only where it may not be used again.
func TestDirectKeepsConnections(t *testing.T) {
	t.Parallel()
	s := count(t, func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		switch r.URL.Path {
		case "/chunked":
			for _, c := range b {
				fmt.Fprintf(w, "%c", c)
				_ = http.NewResponseController(w).Flush()
			}
		case "/early":
			w.WriteHeader(http.StatusEarlyHints)
			_, _ = w.Write(b)
		case "/none":
			w.WriteHeader(http.StatusNoContent)
		case "/close":
			w.Header().Set("Connection", "close")
			_, _ = w.Write(b)
		default:
			_, _ = w.Write(b)
		}
	})
	d := newDirect()
	defer d.CloseIdleConnections()
	for _, k := range []struct {
		path, want  string
		connections int64
	}{{"/", "hello", 1}, {"/chunked", "hello", 1}, {"/early", "hello", 1}, {"/none", "", 1}, {"/", "hello", 1}, {"/close", "hello", 1}, {"/", "hello", 2}, {"/", "hello", 2}} {
		got, r, err := ask(t.Context(), d, s.URL+k.path, "hello")
		if err != nil || got != k.want || s.connections.Load() != k.connections {
			t.Errorf("%s: %q, %v, %v; %d connections, want %d", k.path, got, r, err, s.connections.Load(), k.connections)
		}
	}
}

// An answer that is not read to its end costs its connection: what is left of it must not
// be taken for the next answer.
func TestDirectAbandons(t *testing.T) {
	t.Parallel()
	s := count(t, func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat("x", 100_000))
	})
	d := newDirect()
	defer d.CloseIdleConnections()
	for range 3 {
		req, err := http.NewRequestWithContext(t.Context(), "GET", s.URL, nil)
		if err != nil {
			t.Fatal(err)
		}
		r, err := d.RoundTrip(req)
		if err != nil {
			t.Fatal(err)
		}
		if err := r.Body.Close(); err != nil {
			t.Error(err)
		}
	}
	if n := s.connections.Load(); n != 3 {
		t.Errorf("%d connections", n)
	}
}

// A connection that its server closed while it was idle is not used, and no request is sent twice.
func TestDirectNoticesClosedConnections(t *testing.T) {
	t.Parallel()
	var asked atomic.Int64
	s := count(t, func(w http.ResponseWriter, _ *http.Request) { asked.Add(1); _, _ = io.WriteString(w, "ok") })
	d := newDirect()
	defer d.CloseIdleConnections()
	for n := range 5 {
		if got, _, err := ask(t.Context(), d, s.URL, "x"); err != nil || got != "ok" {
			t.Fatalf("%d: %q, %v", n, got, err)
		}
		s.CloseClientConnections()
		for deadline := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) { // until the end of the connection has arrived
			d.mu.Lock()
			gone := len(d.idle) == 1 && !alive(d.idle[0].Conn)
			d.idle[0].since = time.Now().Add(-2 * restTime)
			d.mu.Unlock()
			if gone {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the closed connection is taken for open")
			}
		}
	}
	if asked.Load() != 5 || s.connections.Load() != 5 {
		t.Errorf("%d requests over %d connections", asked.Load(), s.connections.Load())
	}
}

// The end of a context ends a call at each of its stages, and with the context's error.
func TestDirectEnds(t *testing.T) {
	t.Parallel()
	release := make(chan struct{})
	s := count(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/begun" {
			_, _ = io.WriteString(w, "some")
			_ = http.NewResponseController(w).Flush()
		}
		select {
		case <-release:
		case <-r.Context().Done():
		}
	})
	defer close(release)
	d := newDirect()
	defer d.CloseIdleConnections()
	for _, path := range []string{"/silent", "/begun"} {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(50*time.Millisecond, cancel)
		got, _, err := ask(ctx, d, s.URL+path, "x")
		if !errors.Is(err, context.Canceled) || path == "/begun" && got != "some" {
			t.Errorf("%s: %q, %v", path, got, err)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if _, _, err := ask(ended, d, s.URL, "x"); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
	if len(d.idle) != 0 {
		t.Errorf("%d connections of calls that were cut are kept", len(d.idle))
	}
}

// What a server sends that is no answer is an error, and bounded.
func TestDirectFaults(t *testing.T) {
	t.Parallel()
	for name, send := range map[string]string{
		"nothing":       "",
		"no HTTP":       "hello\r\n\r\n",
		"a broken line": "HTTP/1.1 200 OK\r\nContent-Le",
		"a long header": "HTTP/1.1 200 OK\r\nX: " + strings.Repeat("x", 2<<20) + "\r\n\r\n",
		"a short body":  "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
	} {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		go func() {
			c, err := l.Accept()
			if err != nil {
				return
			}
			defer c.Close()
			_, _ = http.ReadRequest(bufio.NewReader(c))
			_, _ = io.WriteString(c, send) // the client may have had enough
		}()
		d := newDirect()
		if got, _, err := ask(t.Context(), d, "http://"+l.Addr().String(), ""); err == nil {
			t.Errorf("%s: %q", name, got)
		}
		if len(d.idle) != 0 {
			t.Errorf("%s: the connection is kept", name)
		}
		l.Close()
	}
}

// Old connections are dropped, and none is kept after the end.
func TestDirectForgets(t *testing.T) {
	t.Parallel()
	s := count(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "ok") })
	d := newDirect()
	if _, _, err := ask(t.Context(), d, s.URL, ""); err != nil || len(d.idle) != 1 || d.prune == nil {
		t.Fatalf("%v, %d idle", err, len(d.idle))
	}
	d.idle[0].since = time.Now().Add(-2 * idleTime)
	d.dropOld()
	if len(d.idle) != 0 || d.prune != nil {
		t.Errorf("%d idle", len(d.idle))
	}
	if _, _, err := ask(t.Context(), d, s.URL, ""); err != nil {
		t.Fatal(err)
	}
	d.CloseIdleConnections()
	if _, _, err := ask(t.Context(), d, s.URL, ""); err != nil || len(d.idle) != 0 {
		t.Errorf("after the end: %v, %d idle", err, len(d.idle))
	}
}
