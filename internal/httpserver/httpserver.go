// Package httpserver holds the parts that every HTTP surface of the program
// shares: the server's life from listening to draining, and plain middleware.
//
// Key words: server, readiness, drain, middleware.
//
// The package knows no routes and logs nothing: what is worth a log line goes
// to a callback. Middleware has the shape of the standard library and stands
// one to a file. The usual path is
//
//	ready := new(httpserver.Readiness)
//	h := httpserver.Chain(mux, httpserver.LocalOnly(), httpserver.RequestID())
//	srv, err := httpserver.New(httpserver.Options{Addr: addr, Handler: h, Readiness: ready})
//	err = srv.Run(ctx) // until ctx ends and running requests have finished
//
// Errors that a person meets are *stylesprint.Error values. Everything here is
// safe for concurrent use.
package httpserver

import "net/http"

// Middleware wraps a handler.
type Middleware = func(http.Handler) http.Handler

// Chain wraps h so that the first middleware sees a request first.
func Chain(h http.Handler, wrap ...Middleware) http.Handler {
	for i := len(wrap) - 1; i >= 0; i-- {
		h = wrap[i](h)
	}
	return h
}
