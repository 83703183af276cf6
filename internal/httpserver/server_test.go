package httpserver_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/internal/httpserver"
)

type running struct {
	addr  string
	ready *httpserver.Readiness
	stop  context.CancelFunc
	done  chan error // gives Run's outcome once
}

func start(t *testing.T, o httpserver.Options) *running {
	t.Helper()
	r := &running{ready: new(httpserver.Readiness), done: make(chan error, 1)}
	ctx, cancel := context.WithCancel(context.Background())
	r.stop = cancel
	listening := make(chan net.Addr, 1)
	o.Addr, o.Readiness = "127.0.0.1:0", r.ready
	o.Listening = func(a net.Addr) { listening <- a }
	s, err := httpserver.New(o)
	if err != nil {
		t.Fatal(err)
	}
	over := make(chan struct{})
	go func() {
		defer close(over)
		r.done <- s.Run(ctx)
	}()
	t.Cleanup(func() { cancel(); <-over })
	select {
	case a := <-listening:
		r.addr = a.String()
	case err := <-r.done:
		t.Fatal(err)
	}
	return r
}

// talk sends text on a new connection.
func talk(t *testing.T, addr, text string) (net.Conn, *bufio.Reader) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if _, err := io.WriteString(c, text); err != nil {
		t.Fatal(err)
	}
	return c, bufio.NewReader(c)
}

const get = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"

func TestLife(t *testing.T) {
	t.Parallel()
	r := start(t, httpserver.Options{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hi") })})
	if !r.ready.Ready() {
		t.Error("not ready")
	}
	_, br := talk(t, r.addr, get)
	if resp, err := http.ReadResponse(br, nil); err != nil || resp.StatusCode != 200 {
		t.Errorf("%v %v", resp, err)
	}
	r.stop()
	if err := <-r.done; err != nil { // an idle connection does not hold the drain up
		t.Error(err)
	}
	if r.ready.Ready() {
		t.Error("ready after the end")
	}
	if _, err := net.Dial("tcp", r.addr); err == nil {
		t.Error("the listener is open after the end")
	}
}

func TestNewAndListenRefuse(t *testing.T) {
	t.Parallel()
	if _, err := httpserver.New(httpserver.Options{Addr: ":0"}); err == nil {
		t.Error("no handler is accepted")
	}
	if _, err := httpserver.New(httpserver.Options{Handler: http.NotFoundHandler()}); err == nil {
		t.Error("no address is accepted")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	_, err = httpserver.Listen(t.Context(), l.Addr().String())
	if stylesprint.CodeOf(err) != stylesprint.CodeUnavailable || !strings.Contains(stylesprint.HintOf(err), "--addr") {
		t.Errorf("%v", err)
	}
	s, err := httpserver.New(httpserver.Options{Handler: http.NotFoundHandler(), Listener: l})
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if err := s.Run(t.Context()); err == nil {
		t.Error("a closed listener is served")
	}
	if err := s.Run(t.Context()); err == nil || !strings.Contains(err.Error(), "before") {
		t.Errorf("second run: %v", err)
	}
}

// A body that takes long is cut; an answer that takes long is not, and neither
// does the body's deadline end it.
func TestTimeLimits(t *testing.T) {
	t.Parallel()
	r := start(t, httpserver.Options{HeaderTimeout: 100 * time.Millisecond, BodyTimeout: 100 * time.Millisecond, StallTimeout: 100 * time.Millisecond,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
			b, err := io.ReadAll(req.Body)
			if err != nil {
				http.Error(w, err.Error(), http.StatusRequestTimeout)
				return
			}
			for range 4 { // longer than every limit
				select {
				case <-time.After(60 * time.Millisecond):
				case <-req.Context().Done():
					t.Errorf("the request ended: %v", context.Cause(req.Context()))
					return
				}
				fmt.Fprintf(w, "%s.", b)
				if err := http.NewResponseController(w).Flush(); err != nil {
					t.Error(err)
				}
			}
		})})
	_, br := talk(t, r.addr, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\nok")
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	if b, err := io.ReadAll(resp.Body); string(b) != "ok.ok.ok.ok." || err != nil {
		t.Errorf("%q %v", b, err)
	}
	_, br = talk(t, r.addr, "POST / HTTP/1.1\r\nHost: localhost\r\nContent-Length: 2\r\n\r\no")
	if resp, err := http.ReadResponse(br, nil); err != nil || resp.StatusCode != 408 {
		t.Errorf("slow body: %v %v", resp, err)
	}
	_, br = talk(t, r.addr, "GET / HTTP/1.1\r\nHost: local")
	if _, err := http.ReadResponse(br, nil); err == nil {
		t.Error("half a header got an answer")
	}
}

func TestDrainCutsWhatDoesNotEnd(t *testing.T) {
	t.Parallel()
	in := make(chan struct{})
	cause := make(chan error, 1)
	r := start(t, httpserver.Options{DrainLimit: 50 * time.Millisecond, Handler: http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		close(in)
		<-req.Context().Done()
		cause <- context.Cause(req.Context())
		fmt.Fprint(w, "last words")
	})})
	_, br := talk(t, r.addr, get)
	<-in
	r.stop()
	if err := <-cause; !errors.Is(err, httpserver.ErrDraining) {
		t.Errorf("cause %v", err)
	}
	resp, err := http.ReadResponse(br, nil)
	if err != nil {
		t.Fatal(err)
	}
	if b, _ := io.ReadAll(resp.Body); string(b) != "last words" {
		t.Errorf("%q", b)
	}
	if err := <-r.done; err == nil || !strings.Contains(err.Error(), "1 requests had not finished after 50ms") {
		t.Errorf("%v", err)
	}
}

func TestMaxConnections(t *testing.T) {
	t.Parallel()
	r := start(t, httpserver.Options{MaxConnections: 1, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "hi") })})
	first, br := talk(t, r.addr, get)
	if _, err := http.ReadResponse(br, nil); err != nil {
		t.Fatal(err)
	}
	second, br := talk(t, r.addr, get)
	_ = second.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
	if _, err := br.Peek(1); err == nil {
		t.Error("a connection over the limit is served")
	}
	first.Close()
	_ = second.SetReadDeadline(time.Now().Add(5 * time.Second))
	if _, err := http.ReadResponse(br, nil); err != nil {
		t.Errorf("a place that became free is not used: %v", err)
	}
}

func TestFaultsGoToTheCallback(t *testing.T) {
	t.Parallel()
	faults := make(chan string, 4)
	r := start(t, httpserver.Options{Fault: func(s string) { faults <- s }, Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(200)
		w.WriteHeader(500) // net/http complains of this
	})})
	talk(t, r.addr, get)
	select {
	case s := <-faults:
		if !strings.Contains(s, "superfluous") {
			t.Error(s)
		}
	case <-time.After(5 * time.Second):
		t.Error("nothing was said")
	}
}
