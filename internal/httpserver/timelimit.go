package httpserver

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// ErrTimeLimit is the cause (context.Cause) of a request's context that ended
// because of TimeLimit.
var ErrTimeLimit = errors.New("the time limit of the request has passed")

// TimeLimit ends a request's context after limit, once for everything the
// request does. It writes nothing: the handler answers.
func TimeLimit(limit time.Duration) Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			ctx, cancel := context.WithTimeoutCause(r.Context(), limit, ErrTimeLimit)
			defer cancel()
			next.ServeHTTP(w, r.WithContext(ctx))
		})
	}
}
