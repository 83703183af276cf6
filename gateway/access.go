package gateway

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"time"

	"stylesprint"
	"stylesprint/internal/httpserver"
)

// Caller is whoever a key belongs to.
type Caller struct {
	KeyID string // public name of the key, for logs and records; never the key
	// Class is a bounded word for metrics, such as the key's tier; never the key's id.
	Class string
	// Models are the public names that the caller may ask for; nil means all.
	Models []string
}

// Authenticator decides who may use the models.
type Authenticator interface {
	// Authenticate finds the caller of a key, which is empty where the request
	// has none. It refuses with an *stylesprint.Error: unauthorized, forbidden,
	// rate_limited, or unavailable where it cannot know.
	Authenticate(ctx context.Context, key stylesprint.Secret) (Caller, error)
}

// authenticate asks Options.Auth, if there is one, before a body is read.
func (g *Gateway) authenticate(refuse func(http.ResponseWriter, *http.Request, error)) httpserver.Middleware {
	return func(next http.Handler) http.Handler {
		if g.o.Auth == nil {
			return next
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			caller, err := g.o.Auth.Authenticate(r.Context(), bearer(r))
			if err != nil {
				refuse(w, r, err)
				return
			}
			exchangeOf(r).caller = caller
			next.ServeHTTP(w, r)
		})
	}
}

// bearer is the key of an Authorization header.
func bearer(r *http.Request) stylesprint.Secret {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return stylesprint.Secret{}
	}
	return stylesprint.NewSecret(strings.TrimSpace(key))
}

// admit lets MaxInFlight requests at a time pass and refuses the rest at once.
func (g *Gateway) admit(refuse func(http.ResponseWriter, *http.Request, error)) httpserver.Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			most := exchangeOf(r).live.MaxInFlight
			defer g.inFlight.Add(-1)
			if g.inFlight.Add(1) > int64(most) {
				refuse(w, r, &stylesprint.Error{
					Code: stylesprint.CodeRateLimited, RetryAfter: time.Second,
					Message: fmt.Sprintf("The server is busy with %d requests", most), Hint: "try again in a second",
				})
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// recovered answers a panic in the dialect of the route.
func (g *Gateway) recovered(refuse func(http.ResponseWriter, *http.Request, error)) httpserver.Middleware {
	report := func(r *http.Request, p httpserver.Panic) {
		g.metrics.panics.Inc()
		x := exchangeOf(r)
		x.status, x.code = http.StatusInternalServerError, stylesprint.CodeInternal
		g.logPanic(x, p)
		if x.stream != nil {
			x.stream.end()
		}
	}
	return httpserver.Recover(report, func(w http.ResponseWriter, r *http.Request) {
		exchangeOf(r).stream = nil
		refuse(w, r, &stylesprint.Error{Code: stylesprint.CodeInternal, Message: "Internal server error"})
	})
}
