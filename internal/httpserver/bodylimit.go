package httpserver

import (
	"fmt"
	"net/http"

	"stylesprint"
)

// BodyLimit bounds a request's body. A body whose announced length is over the
// limit is refused with 413 unread; reading past it gives an
// *http.MaxBytesError, for which BodyTooLarge is the answer. refuse writes the
// 413, and nil means Answer.
func BodyLimit(bytes int64, refuse func(http.ResponseWriter, *http.Request, error)) Middleware {
	if refuse == nil {
		refuse = func(w http.ResponseWriter, r *http.Request, _ error) {
			Answer(w, r, http.StatusRequestEntityTooLarge, BodyTooLarge(bytes))
		}
	}
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ContentLength > bytes {
				w.Header().Set("Connection", "close") // the rest is not read
				refuse(w, r, BodyTooLarge(bytes))
				return
			}
			r.Body = http.MaxBytesReader(w, r.Body, bytes)
			next.ServeHTTP(w, r)
		})
	}
}

// BodyTooLarge is the error of a body over a limit.
func BodyTooLarge(limit int64) *stylesprint.Error {
	return &stylesprint.Error{
		Code:    stylesprint.CodeTooLarge,
		Message: fmt.Sprintf("The request body is larger than %d bytes", limit),
		Hint:    "send less text at a time",
	}
}
