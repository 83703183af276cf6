package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
	"stylesprint/access"
	"stylesprint/access/signin"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/gateway"
	"stylesprint/internal/httpserver"
	"stylesprint/release"
	"stylesprint/web"
)

// joinAccess asks for keys, keeps their limits and the trail of what administrators do.
func (s *server) joinAccess(ctx context.Context) error {
	d, err := s.app.newDoorkeeper(ctx, s.config, s.db, s.log, s.metrics)
	if err != nil {
		return err
	}
	s.gateway.Auth, s.gateway.Limits = d, d
	s.guard, s.local, s.actor, s.trail, s.pages.Access = d.admin(), d.local(), d.actor, releaseTrail{d.trail}, d.pages()
	s.tasks = append(s.tasks, d.Run)
	s.reloads = append(s.reloads, func(ctx context.Context, c config.Config) error {
		d.weights.Store(&c.ClassWeights)
		return d.trail.Append(ctx, access.AuditEntry{Actor: serverActor, Action: "config.reloaded"})
	})
	return nil
}

// serverActor acts where nobody in particular does.
const serverActor = "server"

// releaseTrail notes what is done to releases.
type releaseTrail struct{ trail *access.Trail }

// Note implements release.Trail.
func (t releaseTrail) Note(ctx context.Context, a release.Act) error {
	return t.trail.Append(ctx, access.AuditEntry{Actor: a.Actor, Action: a.Action, Subject: a.Subject, Detail: a.Detail})
}

// openActor acts while no key was made, and so nobody is known.
const openActor = "this machine"

// actor names who asks, by key or session.
func (g *doorkeeper) actor(r *http.Request) string {
	if g.keeper.Open() {
		return openActor
	}
	c, err := g.Authenticate(r, bearerOf(r))
	if err != nil || c.KeyID == "" {
		return ""
	}
	if access.IsLogin(c.KeyID) {
		if s, err := g.sessions.Find(r.Context(), access.CookieOf(r, g.overTLS(r))); err == nil {
			return s.Subject
		}
		return ""
	}
	if k, err := g.keeper.Key(c.KeyID); err == nil && k.Name != "" {
		return fmt.Sprintf("%s (%s)", c.KeyID, k.Name)
	}
	return c.KeyID
}

// bearerOf is the key of an Authorization header.
func bearerOf(r *http.Request) stylesprint.Secret {
	scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	if !strings.EqualFold(scheme, "Bearer") {
		return stylesprint.Secret{}
	}
	return stylesprint.NewSecret(strings.TrimSpace(key))
}

// accessStore is what a database keeps for keys, limits, sessions and the trail.
type accessStore interface {
	access.KeyStore
	access.QuotaStore
	access.SessionStore
	access.TrailStore
	RequestTotals(ctx context.Context, f stylesprint.TotalFilter) ([]stylesprint.RequestTotal, error)
}

// spentBy is what the request log knows of somebody's spending.
func spentBy(db accessStore) access.Spent {
	return func(ctx context.Context, id string, since time.Time) (stylesprint.Money, error) {
		totals, err := db.RequestTotals(ctx, stylesprint.TotalFilter{Since: since, KeyID: id})
		var sum stylesprint.Money
		for _, t := range totals {
			sum += max(t.Billed, t.Cost)
		}
		return sum, err
	}
}

// doorkeeper decides who gets in: to the API with a key, to the pages with a session.
type doorkeeper struct {
	keeper   *access.Keeper
	limiter  *access.Limiter
	ring     *access.Ring
	sessions *access.Sessions
	trail    *access.Trail
	signIn   *signin.Provider // nil: none is configured
	secure   bool             // browsers reach the server over TLS
	own      *http.CrossOriginProtection
	logins   access.LoginLimits
	weights  atomic.Pointer[map[string]int] // by class; not to be changed
}

var (
	_ gateway.Authenticator = (*doorkeeper)(nil)
	_ gateway.Limiter       = (*doorkeeper)(nil)
)

// newDoorkeeper reads the keys once, so that the first request finds them.
func (a *app) newDoorkeeper(ctx context.Context, c config.Config, db accessStore, log *slog.Logger, metrics prometheus.Registerer) (*doorkeeper, error) {
	g := &doorkeeper{ring: access.NewRing(db, access.RingOptions{}), trail: access.NewTrail(db, nil), secure: strings.HasPrefix(c.Access.PublicURL, "https://"), own: http.NewCrossOriginProtection()}
	g.weights.Store(&c.ClassWeights)
	var err error
	if g.keeper, err = access.NewKeeper(db, access.KeeperOptions{Closed: !config.Loopback(c.Addr), Log: log, Metrics: metrics}); err != nil {
		return nil, err
	}
	if err := g.keeper.Refresh(ctx); err != nil {
		log.Warn("keys cannot be read yet: requests are refused until they can", "error", err)
	}
	if g.limiter, err = access.NewLimiter(access.NewLoginQuotas(db, spentBy(db)), access.LimiterOptions{Log: log, Metrics: metrics}); err != nil {
		return nil, err
	}
	g.logins = access.LoginLimits{
		RequestsPerMinute: c.Access.LoginRequestsPerMinute, TokensPerMinute: c.Access.LoginTokensPerMinute, MonthlyBudget: stylesprint.MoneyOf(c.Access.LoginMonthlyBudget),
	}
	g.sessions = access.NewSessions(db, g.keeper, access.SessionOptions{Idle: c.Access.SessionIdle, Life: c.Access.SessionLife})
	if c.OIDC.Issuer != "" {
		g.signIn, err = a.newSignIn(c)
	}
	return g, err
}

// newSignIn sets the login with a provider of identities up.
func (a *app) newSignIn(c config.Config) (*signin.Provider, error) {
	secret, err := config.Secret(a.getenv, or(c.OIDC.SecretEnv, "STYLESPRINT_OIDC_SECRET"))
	if err != nil {
		return nil, err
	}
	o := signin.Options{
		Issuer: c.OIDC.Issuer, ClientID: c.OIDC.ClientID, ClientSecret: secret, Scopes: c.OIDC.Scopes,
		RedirectURL: strings.TrimSuffix(c.Access.PublicURL, "/") + config.OIDCBack,
	}
	for _, r := range c.OIDC.Allow {
		rule := signin.Rule{Emails: r.Emails, Groups: r.Groups}
		for _, s := range r.Scopes {
			rule.Scopes = append(rule.Scopes, access.Scope(s))
		}
		o.Allow = append(o.Allow, rule)
	}
	return signin.New(o)
}

// Run keeps keys fresh and notes their use until ctx ends.
func (g *doorkeeper) Run(ctx context.Context) {
	var wg sync.WaitGroup
	wg.Go(func() { g.keeper.Run(ctx) })
	wg.Go(func() { g.limiter.Run(ctx) })
	wg.Wait()
}

// Authenticate implements gateway.Authenticator. While no key was made everybody passes; a
// request of one of our pages, which has a session and no key, passes with the session's
// rights.
func (g *doorkeeper) Authenticate(r *http.Request, key stylesprint.Secret) (gateway.Caller, error) {
	if g.keeper.Open() {
		return gateway.Caller{}, nil
	}
	if key.Empty() {
		if cookie := access.CookieOf(r, g.overTLS(r)); !cookie.Empty() && g.own.Check(r) == nil {
			return g.visitor(r, cookie)
		}
	}
	k, err := g.keeper.Authenticate(key, r.RemoteAddr)
	if err != nil {
		return gateway.Caller{}, err
	}
	return g.callerOf(k), nil
}

func (g *doorkeeper) overTLS(r *http.Request) bool { return g.secure || r.TLS != nil }

// loginClass is the class of people who logged in without a key.
const loginClass = "internal"

// visitor is who has a session. People without a key are told apart by who they are, so that
// they share neither limits nor cached answers nor the rate of feedback.
func (g *doorkeeper) visitor(r *http.Request, cookie stylesprint.Secret) (gateway.Caller, error) {
	session, err := g.sessions.Find(r.Context(), cookie)
	if err != nil {
		return gateway.Caller{}, err
	}
	if session.KeyID == "" {
		return gateway.Caller{KeyID: access.LoginID(session.Subject), Class: loginClass, Weight: g.weight(loginClass), Scopes: some(session.Scopes)}, nil
	}
	k, err := g.keeper.Key(session.KeyID)
	if err != nil {
		return gateway.Caller{}, err
	}
	return g.callerOf(k), nil
}

// some keeps a caller without scopes from being one who may do everything, as nil says.
func some(scopes []access.Scope) []access.Scope {
	if scopes == nil {
		return []access.Scope{}
	}
	return scopes
}

// weight is the share of a busy local model that the configuration gives a class.
func (g *doorkeeper) weight(class string) int { return (*g.weights.Load())[class] }

func (g *doorkeeper) callerOf(k *access.Key) gateway.Caller {
	c := gateway.Caller{KeyID: k.ID, Class: k.Class, Weight: g.weight(k.Class), Scopes: some(k.Scopes)}
	if len(k.Models) > 0 {
		c.Models = k.Models
	}
	return c
}

// Reserve implements gateway.Limiter.
func (g *doorkeeper) Reserve(ctx context.Context, c gateway.Caller, tokens int) (func(stylesprint.Usage, stylesprint.Money), error) {
	if c.KeyID == "" {
		return func(stylesprint.Usage, stylesprint.Money) {}, nil
	}
	if access.IsLogin(c.KeyID) {
		return g.limiter.Reserve(ctx, g.logins.Key(c.KeyID), tokens)
	}
	k, err := g.keeper.Key(c.KeyID)
	if err != nil {
		return nil, err
	}
	return g.limiter.Reserve(ctx, k, tokens)
}

// pages is what the dashboard needs to let people in.
func (g *doorkeeper) pages() *web.Access {
	a := &web.Access{Keeper: g.keeper, Ring: g.ring, Sessions: g.sessions, Trail: g.trail, Secure: g.secure}
	if g.signIn != nil {
		a.SignIn = g.signIn
	}
	return a
}

// local protects the server while it is open: to local names, against pages of other sites.
// Once there are keys, they and the pages' own check protect it under any name.
func (g *doorkeeper) local() httpserver.Middleware {
	return func(next http.Handler) http.Handler {
		guarded := httpserver.LocalOnly()(next)
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if g.keeper.Open() {
				guarded.ServeHTTP(w, r)
				return
			}
			next.ServeHTTP(w, r)
		})
	}
}

// admin lets requests with the scope admin pass, for routes beside the gateway's own.
func (g *doorkeeper) admin() httpserver.Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			c, err := g.Authenticate(r, bearerOf(r))
			if err == nil && c.Scopes != nil && !access.Allows(c.Scopes, access.Admin) {
				err = &stylesprint.Error{Code: stylesprint.CodeForbidden, Message: "This key lacks the scope \"admin\"", Hint: "ask whoever runs this server for a key with it"}
			}
			if err == nil {
				next.ServeHTTP(w, r)
				return
			}
			refuseAdmin(w, r, err)
		})
	}
}

func refuseAdmin(w http.ResponseWriter, r *http.Request, err error) {
	e := &stylesprint.Error{Code: stylesprint.CodeInternal, Message: "Internal server error", Hint: "the fault is in the server's log"}
	errors.As(err, &e)
	status := http.StatusInternalServerError
	switch e.Code {
	case stylesprint.CodeUnauthorized:
		status = http.StatusUnauthorized
		w.Header().Set("WWW-Authenticate", "Bearer")
	case stylesprint.CodeForbidden:
		status = http.StatusForbidden
	case stylesprint.CodeRateLimited:
		status = http.StatusTooManyRequests
	case stylesprint.CodeUnavailable:
		status = http.StatusServiceUnavailable
	}
	httpserver.Answer(w, r, status, e)
}

// mayServe refuses an address that others can reach while no key was made.
func (a *app) mayServe(ctx context.Context, c config.Config) error {
	if config.Loopback(c.Addr) {
		return nil
	}
	db, err := a.openStore(ctx, c)
	if err != nil {
		return err
	}
	keys, _, err := db.Keys(ctx)
	if err := errors.Join(err, db.Close()); err != nil {
		return err
	}
	if len(keys) == 0 {
		return &stylesprint.Error{Code: stylesprint.CodeForbidden,
			Message: fmt.Sprintf("refusing to listen on %s: no key was made, so whoever reaches the server could use it", c.Addr),
			Hint:    "stylesprint keys create --name NAME --scope admin, or stylesprint serve --addr 127.0.0.1:8000"}
	}
	return nil
}
