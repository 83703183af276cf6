package httpserver_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"stylesprint/internal/httpserver"
)

// Ids are in the order of their milliseconds, bytewise, and those of one moment differ.
func TestRequestIDsAscend(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var id string
		h := httpserver.Chain(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { id = httpserver.RequestIDFrom(r.Context()) }), httpserver.RequestID())
		last := ""
		for range 100 {
			ask(h, "GET", "/")
			first := id
			ask(h, "GET", "/")
			if first <= last || id <= last || first == id || len(id) != len(first) {
				t.Fatalf("%s and %s came after %s", first, id, last)
			}
			last = max(first, id)
			time.Sleep(time.Millisecond)
		}
	})
}
