package httpserver

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"time"

	"stylesprint"
)

// ErrDraining is the cause (context.Cause) of a request's context that was
// ended because the server's drain limit passed.
var ErrDraining = errors.New("the server is shutting down")

// Options configure a Server. The zero value of each field but Handler is usable.
type Options struct {
	Handler http.Handler
	// Addr is where Run listens if Listener is nil, such as "127.0.0.1:8000".
	Addr string
	// Listener is used, and closed, in place of Addr.
	Listener net.Listener
	// Readiness is set while the server takes requests; nil means a private one.
	Readiness *Readiness

	HeaderTimeout time.Duration // for a request's headers; default 10 s
	BodyTimeout   time.Duration // for a request's whole body; default 30 s
	StallTimeout  time.Duration // for one write to a client that does not read; default 30 s
	IdleTimeout   time.Duration // between requests of a connection; default 2 min

	// DrainDelay is how long the server, already unready, goes on taking
	// connections after ctx ends, so that a load balancer notices; default 0.
	DrainDelay time.Duration
	// DrainLimit is how long running requests may take to finish; default 30 s.
	DrainLimit time.Duration

	MaxHeaderBytes int // default 32 KiB
	MaxConnections int // further ones wait in the kernel's queue; default 1024

	// Listening is called once with the address that is listened on.
	Listening func(net.Addr)
	// Fault receives what net/http has to say (a failed TLS handshake, an
	// accept error), a sentence each; nil drops it.
	Fault func(string)
}

func (o Options) withDefaults() Options {
	set := func(d *time.Duration, v time.Duration) {
		if *d == 0 {
			*d = v
		}
	}
	set(&o.HeaderTimeout, 10*time.Second)
	set(&o.BodyTimeout, 30*time.Second)
	set(&o.StallTimeout, 30*time.Second)
	set(&o.IdleTimeout, 2*time.Minute)
	set(&o.DrainLimit, 30*time.Second)
	if o.MaxHeaderBytes == 0 {
		o.MaxHeaderBytes = 32 << 10
	}
	if o.MaxConnections == 0 {
		o.MaxConnections = 1024
	}
	if o.Readiness == nil {
		o.Readiness = new(Readiness)
	}
	if o.Fault == nil {
		o.Fault = func(string) {}
	}
	return o
}

// Server serves one handler on one listener, once.
type Server struct {
	o       Options
	running atomic.Int64 // requests inside the handler
	started atomic.Bool
}

// New checks the options. Nothing listens before Run.
func New(o Options) (*Server, error) {
	if o.Handler == nil {
		return nil, errors.New("new server: no handler")
	}
	if o.Addr == "" && o.Listener == nil {
		return nil, errors.New("new server: neither an address nor a listener")
	}
	return &Server{o: o.withDefaults()}, nil
}

// Listen opens a TCP listener and says in an *stylesprint.Error what to do if
// it cannot.
func Listen(ctx context.Context, addr string) (net.Listener, error) {
	var lc net.ListenConfig
	l, err := lc.Listen(ctx, "tcp", addr)
	if err != nil {
		return nil, &stylesprint.Error{
			Code:    stylesprint.CodeUnavailable,
			Message: fmt.Sprintf("cannot listen on %s", addr),
			Hint:    "stop the program that uses the address, or choose another with --addr",
			Err:     err,
		}
	}
	return l, nil
}

// Run listens, serves until ctx ends, then drains: it turns unready, refuses
// new connections, lets running requests finish within DrainLimit, ends the
// contexts of those that have not with ErrDraining, and returns when all have
// returned. It returns nil after a drain in which every request finished.
func (s *Server) Run(ctx context.Context) error {
	if s.started.Swap(true) {
		return errors.New("run server: it has been run before")
	}
	l := s.o.Listener
	if l == nil {
		var err error
		if l, err = Listen(ctx, s.o.Addr); err != nil {
			return err
		}
	}
	// Requests outlive ctx by the drain, so their base context is their own.
	base, cut := context.WithCancelCause(context.WithoutCancel(ctx))
	defer cut(nil)
	srv := &http.Server{
		Handler:           s.track(Chain(s.o.Handler, Stall(s.o.StallTimeout), bodyDeadline(s.o.BodyTimeout))),
		ReadHeaderTimeout: s.o.HeaderTimeout,
		IdleTimeout:       s.o.IdleTimeout,
		MaxHeaderBytes:    s.o.MaxHeaderBytes,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          log.New(faultWriter(s.o.Fault), "", 0),
	}
	served := make(chan error, 1)
	go func() { served <- srv.Serve(limitListener(l, s.o.MaxConnections)) }()
	s.o.Readiness.ready.Store(true)
	defer s.o.Readiness.ready.Store(false)
	if s.o.Listening != nil {
		s.o.Listening(l.Addr())
	}
	select {
	case err := <-served:
		cut(ErrDraining)
		_ = srv.Close()
		return errors.Join(fmt.Errorf("serve: %w", err), s.wait(cutGrace))
	case <-ctx.Done():
	}
	err := s.drain(srv, cut)
	<-served
	return err
}

// cutGrace is how long requests whose contexts were ended have to say so to
// their clients and return.
const cutGrace = 3 * time.Second

func (s *Server) drain(srv *http.Server, cut context.CancelCauseFunc) error {
	s.o.Readiness.ready.Store(false)
	time.Sleep(s.o.DrainDelay)
	ctx, cancel := context.WithTimeout(context.Background(), s.o.DrainLimit)
	defer cancel()
	err := srv.Shutdown(ctx)
	if err == nil {
		return s.wait(cutGrace)
	}
	n := s.running.Load()
	cut(ErrDraining)
	grace, cancelGrace := context.WithTimeout(context.Background(), cutGrace)
	defer cancelGrace()
	_ = srv.Shutdown(grace) // let handlers write their last words
	_ = srv.Close()
	if n == 0 { // only connections without a request were left
		return s.wait(cutGrace)
	}
	return errors.Join(fmt.Errorf("drain: %d requests had not finished after %s and were cut off", n, s.o.DrainLimit), s.wait(cutGrace))
}

// wait returns once no handler runs.
func (s *Server) wait(limit time.Duration) error {
	end := time.Now().Add(limit)
	for s.running.Load() > 0 {
		if time.Now().After(end) {
			return fmt.Errorf("drain: %d requests ignore the end of their context", s.running.Load())
		}
		time.Sleep(5 * time.Millisecond)
	}
	return nil
}

func (s *Server) track(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.running.Add(1)
		defer s.running.Add(-1)
		next.ServeHTTP(w, r)
	})
}

// faultWriter passes the lines of net/http's logger on.
type faultWriter func(string)

func (f faultWriter) Write(p []byte) (int, error) {
	f(strings.TrimSpace(string(p)))
	return len(p), nil
}
