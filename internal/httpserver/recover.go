package httpserver

import (
	"net/http"
	"runtime/debug"

	"stylesprint"
)

// Panic is a panic of a handler.
type Panic struct {
	Value any
	Stack []byte
}

// Recover answers a panicking request with 500 and passes the panic to report,
// which may be nil. The answer says nothing about the cause. answer writes it,
// and nil means Answer. Where a part of the response has been sent already the
// connection is cut, so that the client cannot take the rest for whole.
// http.ErrAbortHandler passes through.
func Recover(report func(*http.Request, Panic), answer func(http.ResponseWriter, *http.Request)) Middleware {
	if answer == nil {
		answer = func(w http.ResponseWriter, r *http.Request) {
			Answer(w, r, http.StatusInternalServerError, &stylesprint.Error{Code: stylesprint.CodeInternal, Message: "Internal server error", Hint: "tell whoever runs this server, with the X-Request-ID: its log has the cause"})
		}
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			sw := &sentWriter{ResponseWriter: w}
			defer func() {
				v := recover()
				if v == nil {
					return
				}
				if v == http.ErrAbortHandler {
					panic(v)
				}
				if report != nil {
					report(r, Panic{Value: v, Stack: debug.Stack()})
				}
				if sw.sent {
					panic(http.ErrAbortHandler)
				}
				answer(w, r)
			}()
			next.ServeHTTP(sw, r)
		})
	}
}

// sentWriter notes whether anything final went out.
type sentWriter struct {
	http.ResponseWriter
	sent bool
}

func (w *sentWriter) WriteHeader(status int) {
	w.sent = w.sent || status >= 200
	w.ResponseWriter.WriteHeader(status)
}

func (w *sentWriter) Write(p []byte) (int, error) {
	w.sent = true
	return w.ResponseWriter.Write(p)
}

// FlushError sends the headers, for http.ResponseController.
func (w *sentWriter) FlushError() error {
	w.sent = true
	return http.NewResponseController(w.ResponseWriter).Flush()
}

// Unwrap is for http.ResponseController.
func (w *sentWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
