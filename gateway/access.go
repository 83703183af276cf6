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
	// Weight is the caller's share of a busy local model beside others', 0 to 1000; 0 is 1.
	Weight int
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
			select {
			case g.slots <- struct{}{}:
				defer func() { <-g.slots }()
				next.ServeHTTP(w, r)
			default:
				refuse(w, r, &stylesprint.Error{
					Code: stylesprint.CodeRateLimited, RetryAfter: time.Second,
					Message: fmt.Sprintf("The server is busy with %d requests", cap(g.slots)), Hint: "try again in a second",
				})
			}
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
