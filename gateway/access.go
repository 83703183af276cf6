package gateway

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"stylesprint"
	"stylesprint/access"
	"stylesprint/internal/httpserver"
)

// Caller is whoever a key belongs to.
type Caller struct {
	// KeyID is the public name of the key, or of who logged in without one, for logs and
	// records; never the key. It is empty on a server that asks for none.
	KeyID string
	// Class is a bounded word for metrics, such as the key's tier; never the key's id.
	Class string
	// Weight is the caller's share of a busy local model beside others', 0 to 1000; 0 is 1.
	Weight int
	// Models are the public names that the caller may ask for; nil means all.
	Models []string
	// Scopes are what the caller may do; nil means everything, as on a server that asks for
	// no keys.
	Scopes []access.Scope
}

// mayUse says whether the caller may ask for a model.
func (c Caller) mayUse(model string) bool {
	return c.Models == nil || slices.Contains(c.Models, model)
}

// may says whether the caller has a scope.
func (c Caller) may(s access.Scope) bool { return c.Scopes == nil || access.Allows(c.Scopes, s) }

// Authenticator decides who may use the models.
type Authenticator interface {
	// Authenticate finds the caller of a request and the key in it, which is empty where
	// the request has none. It does not read the body. It refuses with an
	// *stylesprint.Error: unauthorized, forbidden, rate_limited, or unavailable where it
	// cannot know.
	Authenticate(r *http.Request, key stylesprint.Secret) (Caller, error)
}

// authenticate asks Options.Auth, if there is one, before a body is read, and checks that
// the caller may do what the kind of route does.
func (g *Gateway) authenticate(k kind, refuse func(http.ResponseWriter, *http.Request, error)) httpserver.Middleware {
	return func(next http.Handler) http.Handler {
		if g.o.Auth == nil {
			return next
		}
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if k == local && r.Header.Get("Authorization") == "" && httpserver.FromThisMachine(r) {
				next.ServeHTTP(w, r)
				return
			}
			x := exchangeOf(r)
			caller, err := g.o.Auth.Authenticate(r, bearer(r))
			if x.stranger = err != nil; err == nil {
				x.caller = caller
				err = caller.check(k)
			}
			if err != nil {
				refuse(w, r, err)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// check refuses a caller whose scopes do not reach for a kind of route.
func (c Caller) check(k kind) error {
	needs := access.Scope("")
	switch k {
	case model, note:
		needs = access.Generate
	case admin, local:
		needs = access.Admin
	}
	if needs == "" || c.may(needs) {
		return nil
	}
	return &stylesprint.Error{Code: stylesprint.CodeForbidden, Message: fmt.Sprintf("This key lacks the scope %q", needs), Hint: "ask whoever runs this server for a key with it"}
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
			if g.records != nil {
				if err := g.records.Admit(); err != nil {
					refuse(w, r, err)
					return
				}
			}
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
		refuse(w, r, internal(nil))
	})
}
