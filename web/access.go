package web

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"stylesprint"
	"stylesprint/access"
	"stylesprint/access/signin"
)

// Access is what a dashboard needs to let people in. Its pages then ask for a login once a
// key has been made, and show each person what that person's scopes open.
type Access struct {
	Keeper   *access.Keeper
	Ring     *access.Ring
	Sessions *access.Sessions
	Trail    *access.Trail
	SignIn   SignIn // nil: people log in with a key alone
	// Secure says that browsers reach the server over TLS though it speaks plain HTTP itself.
	Secure bool
}

// SignIn is a login with a provider of identities. *signin.Provider is one.
type SignIn interface {
	// Begin returns the provider's address and what the browser keeps until it comes back.
	Begin(ctx context.Context, next string) (string, signin.Flow, error)
	// Finish says who came back with a query.
	Finish(ctx context.Context, f signin.Flow, query url.Values) (signin.Identity, error)
}

// secure says whether a request's cookies go over TLS alone.
func (a *Access) secure(r *http.Request) bool { return a.Secure || r.TLS != nil }

// visitor is who looks at a page.
type visitor struct {
	open    bool // nobody has made a key, so everybody on this machine may do everything
	session access.Session
}

func (v visitor) known() bool { return v.open || v.session.Hash != "" }

func (v visitor) may(s access.Scope) bool {
	return v.open || s == "" || access.Allows(v.session.Scopes, s)
}

// actor is the visitor's name in the trail.
func (v visitor) actor() string {
	if v.open {
		return "this machine, before there was a key"
	}
	return v.session.Actor()
}

// received carries the visitor to the handler and to the frame.
type received struct {
	http.ResponseWriter
	who visitor
}

// Unwrap lets http.ResponseController reach what is below.
func (w *received) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// visitorOf is who a page is made for. Where nobody logs in, that is somebody who may do
// everything.
func visitorOf(w http.ResponseWriter) visitor {
	if r, ok := w.(*received); ok {
		return r.who
	}
	return visitor{open: true}
}

// door says what a path asks of a visitor.
type door struct {
	below string // the path, and all below it
	free  bool   // nothing, not even a login
	needs access.Scope
}

// doors lists what paths ask for; the first that fits counts. Every other path is open to
// whoever has logged in.
func doors() []door {
	return []door{
		{below: "/login", free: true},
		{below: "/assets", free: true},
		{below: "/favicon.ico", free: true},
		{below: "/review/rate", free: true}, // whoever has the address
		{below: "/keyboard", free: true},
		{below: "/playground", needs: access.Generate},
		{below: "/questions", needs: access.Generate},
		{below: "/runs", needs: access.Evaluate},
		{below: "/comparisons", needs: access.Evaluate},
		{below: "/images", needs: access.Evaluate},
		{below: "/review", needs: access.Review},
		{below: "/releases/promote", needs: access.Admin},
		{below: "/releases/rollback", needs: access.Admin},
		{below: "/releases", needs: access.Evaluate},
		{below: "/keys", needs: access.Admin},
		{below: "/trail", needs: access.Audit},
	}
}

func doorOf(path string) door {
	for _, d := range doors() {
		if path == d.below || strings.HasPrefix(path, d.below+"/") {
			return d
		}
	}
	return door{}
}

// receive finds out who a request is from and whether the page is open to them. It returns
// the writer that carries the visitor, also with an error; done says that an answer was sent.
func (s *site) receive(w http.ResponseWriter, r *http.Request) (in http.ResponseWriter, done bool, err error) {
	if s.o.Access == nil {
		return w, false, nil
	}
	d := doorOf(r.URL.Path)
	who, err := s.visitor(r)
	in = &received{w, who}
	if d.free {
		return in, false, nil
	}
	w.Header().Set("Cache-Control", "no-store") // a page may replace it
	if stylesprint.CodeOf(err) == stylesprint.CodeUnauthorized && (r.Method == http.MethodGet || r.Method == http.MethodHead) {
		http.Redirect(w, r, loginPath(r.URL), http.StatusSeeOther)
		return in, true, nil
	}
	if err == nil && !who.may(d.needs) {
		err = &stylesprint.Error{Code: stylesprint.CodeForbidden, Message: "This page needs the scope " + string(d.needs), Hint: "Log out, and in again with a key that has it."}
	}
	return in, false, err
}

// visitor finds out who sent a request; unauthorized for somebody who has to log in.
func (s *site) visitor(r *http.Request) (visitor, error) {
	a := s.o.Access
	if a.Keeper.Open() {
		return visitor{open: true}, nil
	}
	look := a.Sessions.Find
	if strings.HasSuffix(r.URL.Path, "/events") { // a page that is left open is no use of it
		look = a.Sessions.Check
	}
	session, err := look(r.Context(), access.CookieOf(r, a.secure(r)))
	if err != nil {
		return visitor{}, err
	}
	return visitor{session: session}, nil
}

// checkLimit bounds the look at a session while a stream goes on.
const checkLimit = time.Second

// stays says whether whoever a stream is for may still see its page: the session holds, and its
// key; before there was a key, there is still none. A store that does not answer ends nothing.
func (s *site) stays(w http.ResponseWriter, r *http.Request) bool {
	a := s.o.Access
	if a == nil {
		return true
	}
	who := visitorOf(w)
	if who.open {
		return a.Keeper.Open()
	}
	ctx, cancel := context.WithTimeout(r.Context(), checkLimit)
	defer cancel()
	session, err := a.Sessions.Check(ctx, access.CookieOf(r, a.secure(r)))
	if err != nil {
		return stylesprint.CodeOf(err) != stylesprint.CodeUnauthorized
	}
	return visitor{session: session}.may(doorOf(r.URL.Path).needs)
}

// loginPath is where to log in and come back from.
func loginPath(u *url.URL) string {
	if u.Path == "/" && u.RawQuery == "" {
		return "/login"
	}
	return "/login?" + url.Values{"next": {u.RequestURI()}}.Encode()
}

// ownPath is next if it is a path on this server, or the overview.
func ownPath(next string) string {
	u, err := url.Parse(next)
	if err != nil || len(next) > 1024 || u.Scheme != "" || u.Host != "" || !strings.HasPrefix(next, "/") || strings.HasPrefix(next, "//") || strings.ContainsAny(next, "\\\r\n\t") || strings.HasPrefix(u.Path, "/log") {
		return "/"
	}
	return next
}
