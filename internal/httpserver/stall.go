package httpserver

import (
	"net/http"
	"time"
)

// Stall gives every single write to the client a deadline. A response may take
// as long as its handler likes, and a stream may go on for hours, but a client
// that stops reading is cut off after limit.
func Stall(limit time.Duration) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sw := &stallWriter{ResponseWriter: w, rc: http.NewResponseController(w), limit: limit}
			next.ServeHTTP(sw, r)
			sw.extend() // for what the server itself still holds back
		})
	}
}

type stallWriter struct {
	http.ResponseWriter
	rc    *http.ResponseController
	limit time.Duration
	set   time.Time // when the deadline was set
}

// extend sets the deadline anew, unless that was done a moment ago: an answer is written in
// several calls.
func (w *stallWriter) extend() {
	now := time.Now()
	if now.Sub(w.set) < w.limit/16 {
		return
	}
	w.set = now
	_ = w.rc.SetWriteDeadline(now.Add(w.limit))
}

func (w *stallWriter) WriteHeader(status int) {
	w.extend()
	w.ResponseWriter.WriteHeader(status)
}

func (w *stallWriter) Write(p []byte) (int, error) {
	w.extend()
	return w.ResponseWriter.Write(p)
}

// FlushError is for http.ResponseController.
func (w *stallWriter) FlushError() error {
	w.extend()
	return w.rc.Flush()
}

// Unwrap is for http.ResponseController.
func (w *stallWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
