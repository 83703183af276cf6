package httpserver

import (
	"context"
	"crypto/rand"
	"net/http"
	"strconv"
	"time"
)

// HeaderRequestID carries a request's id in both directions.
const HeaderRequestID = "X-Request-ID"

const maxRequestID = 128

type requestIDKey struct{}

// RequestID gives every request an id: that of its X-Request-ID header if it
// is 1 to 128 letters, digits, dots, hyphens or underscores, or else one of
// its own: the time in milliseconds and 80 random bits. The answer's header repeats it. A request that has one already, given
// by an outer RequestID, keeps it.
func RequestID() Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if RequestIDFrom(r.Context()) != "" {
				next.ServeHTTP(w, r)
				return
			}
			id := r.Header.Get(HeaderRequestID)
			if !saneID(id) {
				id = newID(time.Now())
			}
			w.Header().Set(HeaderRequestID, id)
			next.ServeHTTP(w, r.WithContext(context.WithValue(r.Context(), requestIDKey{}, id)))
		})
	}
}

// newID makes ids that ascend with time, so that a database writes those of a moment side by
// side: with ids in no order, each touches another page of an index.
func newID(now time.Time) string {
	const randomChars = 16 // of 5 bits
	return "req_" + strconv.FormatInt(now.UnixMilli(), 32) + rand.Text()[:randomChars]
}

// RequestIDFrom returns the id that RequestID gave, or "".
func RequestIDFrom(ctx context.Context) string {
	id, _ := ctx.Value(requestIDKey{}).(string)
	return id
}

func saneID(id string) bool {
	if id == "" || len(id) > maxRequestID {
		return false
	}
	for _, c := range []byte(id) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '-', c == '_', c == '.':
		default:
			return false
		}
	}
	return true
}
