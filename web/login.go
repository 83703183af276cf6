package web

import (
	"context"
	"errors"
	"net/http"
	"net/url"
	"strings"
	"time"

	"stylesprint"
	"stylesprint/access"
	"stylesprint/access/signin"
	"stylesprint/web/show"
)

// accessRoutes are the pages of logins, keys and the audit trail.
func (s *site) accessRoutes() []route {
	if s.o.Access == nil {
		return nil
	}
	routes := []route{
		{"GET /login", s.login},
		{"POST /login", s.enterWithKey},
		{"POST /logout", s.logout},
		{"GET /keys", s.keys},
		{"POST /keys", s.createKey},
		{"GET /keys/{id}/revoke", s.askToRevoke},
		{"POST /keys/{id}/revoke", s.revokeKey},
		{"GET /trail", s.trail},
	}
	if s.o.Access.SignIn != nil {
		routes = append(routes, route{"GET /login/oidc", s.leaveToSignIn}, route{"GET /login/oidc/back", s.backFromSignIn})
	}
	return routes
}

type loginBody struct {
	Next     string
	Fault    string
	Provider string // where to log in elsewhere; empty: nowhere
}

func (s *site) login(w http.ResponseWriter, r *http.Request) error {
	next := ownPath(r.URL.Query().Get("next"))
	if visitorOf(w).known() {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	}
	return s.renderLogin(w, loginBody{Next: next}, 0)
}

func (s *site) renderLogin(w http.ResponseWriter, b loginBody, status int) error {
	if s.o.Access.SignIn != nil {
		b.Provider = "/login/oidc?" + url.Values{"next": {b.Next}}.Encode()
	}
	title := "Log in to see this shop's models at work"
	if b.Fault != "" {
		title = "That key did not open the door"
	}
	return s.render(w, "login", page{Title: title, Document: "Log in", Status: status, Bare: true, Private: true, Body: b})
}

func (s *site) enterWithKey(w http.ResponseWriter, r *http.Request) error {
	f, err := form(w, r)
	if err != nil {
		return err
	}
	next := ownPath(f.Get("next"))
	a := s.o.Access
	if a.Keeper.Open() {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return nil
	}
	session, secret, err := a.Sessions.BeginWithKey(r.Context(), stylesprint.NewSecret(strings.TrimSpace(f.Get("key"))), r.RemoteAddr)
	var told *stylesprint.Error
	if err != nil && errors.As(err, &told) {
		if told.RetryAfter > 0 {
			w.Header().Set("Retry-After", retryAfter(told.RetryAfter))
		}
		return s.renderLogin(w, loginBody{Next: next, Fault: show.Sentence(told.Message) + "; " + told.Hint + "."}, statusOf(told.Code))
	}
	if err != nil {
		return err
	}
	return s.letIn(w, r, session, secret, "with its key", next)
}

// letIn writes a login down, gives the browser its cookie and opens the page.
func (s *site) letIn(w http.ResponseWriter, r *http.Request, session access.Session, secret stylesprint.Secret, how, next string) error {
	a := s.o.Access
	e := access.AuditEntry{Actor: session.Actor(), Action: access.ActionLogin, Detail: how}
	if session.KeyID == "" {
		e.Subject = access.LoginID(session.Subject) // by which the request log knows them
	}
	err := a.Trail.Append(r.Context(), e)
	if err != nil {
		return errors.Join(err, a.Sessions.End(r.Context(), secret))
	}
	if old := access.CookieOf(r, a.secure(r)); !old.Empty() {
		if err := a.Sessions.End(r.Context(), old); err != nil {
			return err
		}
	}
	access.SetCookie(w, secret, a.secure(r), a.Sessions.Life())
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, next, http.StatusSeeOther)
	return nil
}

func (s *site) logout(w http.ResponseWriter, r *http.Request) error {
	a := s.o.Access
	if who := visitorOf(w); !who.open {
		if err := a.Sessions.End(r.Context(), access.CookieOf(r, a.secure(r))); err != nil {
			return err
		}
		if err := a.Trail.Append(r.Context(), access.AuditEntry{Actor: who.actor(), Action: access.ActionLogout}); err != nil {
			return err
		}
	}
	access.SetCookie(w, stylesprint.Secret{}, a.secure(r), 0)
	http.Redirect(w, r, "/login", http.StatusSeeOther)
	return nil
}

// The flow's cookie goes to the way back alone. It is Lax, as the browser comes from another
// site then.
const (
	flowCookie = "stylesprint-signin"
	flowPath   = "/login/oidc"
	flowLife   = 10 * time.Minute
)

func (s *site) setFlow(w http.ResponseWriter, r *http.Request, value string) {
	age := int(flowLife / time.Second)
	if value == "" {
		age = -1
	}
	http.SetCookie(w, &http.Cookie{Name: flowCookie, Value: value, Path: flowPath, MaxAge: age, HttpOnly: true, Secure: s.o.Access.secure(r), SameSite: http.SameSiteLaxMode})
}

// leaveToSignIn sends the browser to the provider. It is a link, not a form: the policy of
// our pages lets forms go to this server alone.
func (s *site) leaveToSignIn(w http.ResponseWriter, r *http.Request) error {
	address, flow, err := s.o.Access.SignIn.Begin(r.Context(), ownPath(r.URL.Query().Get("next")))
	if err != nil {
		return err
	}
	s.setFlow(w, r, flow.Text())
	w.Header().Set("Cache-Control", "no-store")
	http.Redirect(w, r, address, http.StatusSeeOther)
	return nil
}

func (s *site) backFromSignIn(w http.ResponseWriter, r *http.Request) error {
	text := ""
	if c, err := r.Cookie(flowCookie); err == nil {
		text = c.Value
	}
	s.setFlow(w, r, "") // it is good for one answer
	flow, err := signin.ParseFlow(text)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), 20*time.Second)
	defer cancel()
	who, err := s.o.Access.SignIn.Finish(ctx, flow, r.URL.Query())
	if err != nil {
		return err
	}
	session, secret, err := s.o.Access.Sessions.Begin(ctx, who.Subject, who.Scopes)
	if err != nil {
		return err
	}
	return s.letIn(w, r, session, secret, "through the provider of identities", ownPath(flow.Next))
}
