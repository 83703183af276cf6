package web_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/access"
	"stylesprint/access/signin"
	"stylesprint/store/sqlite"
	"stylesprint/web"
)

// house is a dashboard with logins over a database of its own.
type house struct {
	http.Handler
	db     *sqlite.DB
	ring   *access.Ring
	keeper *access.Keeper
	trail  *access.Trail
	secure bool
}

func newHouse(t testing.TB, change ...func(*web.Access)) *house {
	t.Helper()
	db, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "s.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	keeper, err := access.NewKeeper(db, access.KeeperOptions{})
	if err != nil {
		t.Fatal(err)
	}
	h := &house{db: db, keeper: keeper, ring: access.NewRing(db, access.RingOptions{}), trail: access.NewTrail(db, nil)}
	h.known(t)
	a := &web.Access{Keeper: keeper, Ring: h.ring, Sessions: access.NewSessions(db, keeper, access.SessionOptions{}), Trail: h.trail}
	for _, f := range change {
		f(a)
	}
	h.secure = a.Secure
	h.Handler, _ = desk(t, func(o *web.Options) { o.Access, o.Now = a, time.Now })
	return h
}

func (h *house) known(t testing.TB) {
	t.Helper()
	if err := h.keeper.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func (h *house) key(t testing.TB, name string, scopes ...access.Scope) (access.Key, string) {
	t.Helper()
	k, secret, err := h.ring.Create(context.Background(), "test", access.Draft{Name: name, Scopes: scopes})
	if err != nil {
		t.Fatal(err)
	}
	h.known(t)
	return k, secret.Reveal()
}

// as sends a request with a cookie; a nil form is a GET.
func (h *house) as(cookie *http.Cookie, path string, form url.Values, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	if form != nil {
		r = httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
		r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		r.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	if cookie != nil {
		r.AddCookie(cookie)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

// login begins a session.
func (h *house) login(t testing.TB, key string) *http.Cookie {
	t.Helper()
	w := h.as(nil, "/login", url.Values{"key": {key}})
	if w.Code != http.StatusSeeOther {
		t.Fatalf("login: %d %s", w.Code, w.Body)
	}
	return cookieOf(t, w)
}

func cookieOf(t testing.TB, w *httptest.ResponseRecorder) *http.Cookie {
	t.Helper()
	for _, c := range w.Result().Cookies() {
		if strings.HasSuffix(c.Name, "stylesprint-session") {
			return c
		}
	}
	t.Fatalf("no cookie of a session: %v", w.Header())
	return nil
}

func TestFirstKey(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	w := h.as(nil, "/keys", nil)
	sound(t, "/keys", w)
	if w.Code != 200 || !strings.Contains(w.Body.String(), "this server is open to its own machine") {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	w = h.as(nil, "/trail", nil)
	sound(t, "/trail", w)
	if !strings.Contains(w.Body.String(), "No administrator has done anything yet") {
		t.Errorf("%s", w.Body)
	}
	w = h.as(nil, "/keys", url.Values{"name": {"Shop"}, "scopes": {"generate"}})
	if w.Code != 422 || !strings.Contains(w.Body.String(), "The first key needs the scope admin") {
		t.Errorf("a first key that opens no page: %d", w.Code)
	}
	w = h.as(nil, "/keys", url.Values{"name": {"Ops"}, "scopes": {"admin"}, "requests_per_minute": {"60"}})
	sound(t, "key made", w)
	secret := regexp.MustCompile(`ssk_[0-9A-Za-z]{49}`).FindString(w.Body.String())
	if w.Code != 200 || secret == "" || w.Header().Get("Cache-Control") != "no-store" || strings.Count(w.Body.String(), secret) != 1 {
		t.Fatalf("%d %v %s", w.Code, w.Header(), w.Body)
	}
	if w = h.as(nil, "/keys", nil); w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/login?next=%2Fkeys" {
		t.Fatalf("still open: %d %v", w.Code, w.Header())
	}
	cookie := h.login(t, secret)
	w = h.as(cookie, "/keys", nil)
	sound(t, "/keys", w)
	for _, want := range []string{"One key opens this server", "Ops", "60 requests/min", "Log out"} {
		if !strings.Contains(w.Body.String(), want) {
			t.Errorf("the page of keys lacks %q", want)
		}
	}
	if strings.Contains(w.Body.String(), "ssk_") {
		t.Error("the page of keys shows a key")
	}
}

// Each page is open to whoever has its scope, and to nobody else.
func TestDoors(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	scopes := map[string]access.Scope{"e": access.Evaluate, "r": access.Review, "u": access.Audit, "a": access.Admin}
	cookies := map[string]*http.Cookie{}
	for name, s := range scopes {
		_, secret := h.key(t, name, s, access.Generate)
		cookies[name] = h.login(t, secret)
	}
	cases := []struct{ path, open string }{
		{"/", "erua"}, {"/playground", "erua"}, {"/runs", "ea"}, {"/comparisons", "ea"}, {comparison, "ea"}, {"/review", "ra"}, {"/keys", "a"}, {"/trail", "ua"}, {"/nothing", ""},
	}
	for _, c := range cases {
		w := h.as(nil, c.path, nil)
		if w.Code != http.StatusSeeOther || !strings.HasPrefix(w.Header().Get("Location"), "/login") {
			t.Errorf("%s without a login: %d", c.path, w.Code)
		}
		for name := range scopes {
			w := h.as(cookies[name], c.path, nil)
			want := http.StatusForbidden
			if strings.Contains(c.open, name) {
				want = http.StatusOK
			} else if c.open == "" {
				want = http.StatusNotFound
			}
			if w.Code != want {
				t.Errorf("%s for %s: %d, want %d", c.path, name, w.Code, want)
			}
			sound(t, c.path, w)
			if link := strings.Contains(w.Body.String(), `href="/keys" data-key`); link != (name == "a") {
				t.Errorf("%s for %s: a link to the keys: %v", c.path, name, link)
			}
		}
	}
	for _, path := range []string{"/login", "/keyboard", "/favicon.ico"} {
		if w := h.as(nil, path, nil); w.Code != 200 {
			t.Errorf("%s without a login: %d", path, w.Code)
		}
	}
	for _, path := range []string{"/playground", "/review/new", "/keys", "/keys/key-x/revoke", "/logout"} {
		w := h.as(nil, path, url.Values{"x": {"y"}})
		if w.Code != http.StatusUnauthorized {
			t.Errorf("POST %s without a login: %d", path, w.Code)
		}
		sound(t, path, w)
	}
}

func TestLoginRefuses(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	gone, revoked := h.key(t, "gone", access.Admin)
	if _, err := h.ring.Revoke(t.Context(), "test", gone.ID); err != nil {
		t.Fatal(err)
	}
	_, program := h.key(t, "shop", access.Generate)
	cases := []struct {
		key    string
		status int
		says   string
	}{
		{"", 401, "A key is needed"}, {"nonsense", 401, "not known here"}, {program[:20], 401, "mistyped"}, {revoked, 401, "was revoked"}, {program, 403, "it opens no page"},
	}
	for _, c := range cases {
		w := h.as(nil, "/login", url.Values{"key": {c.key}, "next": {"/runs"}})
		sound(t, "login", w)
		if w.Code != c.status || !strings.Contains(w.Body.String(), c.says) || !strings.Contains(w.Body.String(), `name="next" value="/runs"`) || len(w.Result().Cookies()) > 0 {
			t.Errorf("%.8s: %d, want %d with %q", c.key, w.Code, c.status, c.says)
		}
		if len(c.key) > 10 && strings.Contains(w.Body.String(), c.key) {
			t.Errorf("%.8s: the page repeats the key", c.key)
		}
	}
	for _, w := range []*httptest.ResponseRecorder{
		h.as(nil, "/login", url.Values{"key": {program}}, "Sec-Fetch-Site", "cross-site"),
		h.as(nil, "/login", url.Values{"key": {program}}, "Sec-Fetch-Site", "", "Origin", "https://evil.example"),
		h.as(nil, "/keys", url.Values{"name": {"x"}}, "Sec-Fetch-Site", "same-site"),
		h.as(nil, "/logout", url.Values{}, "Sec-Fetch-Site", "cross-site"),
	} {
		if w.Code != http.StatusForbidden || !strings.Contains(w.Body.String(), "came from another site") {
			t.Errorf("a form of another site: %d %s", w.Code, w.Body)
		}
	}
}

func TestSessionCookie(t *testing.T) {
	t.Parallel()
	for _, secure := range []bool{false, true} {
		h := newHouse(t, func(a *web.Access) { a.Secure = secure })
		k, secret := h.key(t, "Ops", access.Admin)
		w := h.as(nil, "/login", url.Values{"key": {" " + secret + "\n"}, "next": {"/runs?x=1"}})
		c := cookieOf(t, w)
		if !c.HttpOnly || c.SameSite != http.SameSiteLaxMode || c.Path != "/" || c.Domain != "" || c.Secure != secure || strings.HasPrefix(c.Name, "__Host-") != secure || c.MaxAge != 12*3600 || len(c.Value) != 43 {
			t.Errorf("secure %v: %+v", secure, c)
		}
		if to := w.Header().Get("Location"); to != "/runs?x=1" {
			t.Errorf("opened %s", to)
		}
		if w := h.as(c, "/login?next=/trail", nil); w.Header().Get("Location") != "/trail" {
			t.Errorf("a second login: %d %v", w.Code, w.Header())
		}
		again := cookieOf(t, h.as(c, "/login", url.Values{"key": {secret}}))
		if w := h.as(c, "/keys", nil); w.Code != http.StatusSeeOther {
			t.Errorf("the session before the second login still opens pages: %d", w.Code)
		}
		if w := h.as(again, "/logout", url.Values{}); w.Header().Get("Location") != "/login" || cookieOf(t, w).MaxAge >= 0 {
			t.Errorf("logout: %d %v", w.Code, w.Header())
		}
		if w := h.as(again, "/keys", nil); w.Code != http.StatusSeeOther {
			t.Errorf("after the logout: %d", w.Code)
		}
		c = h.login(t, secret)
		if w := h.as(c, "/keys/"+k.ID+"/revoke", nil); !strings.Contains(w.Body.String(), "you will be logged out") {
			t.Errorf("revoking one's own key is not warned of: %s", w.Body)
		} else {
			sound(t, "revoke", w)
		}
		if w := h.as(c, "/keys/"+k.ID+"/revoke", url.Values{}); w.Header().Get("Location") != "/keys" {
			t.Errorf("revoke: %d %s", w.Code, w.Body)
		}
		if w := h.as(c, "/keys", nil); w.Code != http.StatusSeeOther {
			t.Errorf("a session with a revoked key: %d", w.Code)
		}
	}
}

// After a login nobody is sent to another server, whatever the address says.
func TestLoginStaysHere(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, secret := h.key(t, "Ops", access.Admin)
	for next, want := range map[string]string{
		"/runs?a=b&c=d": "/runs?a=b&c=d", "": "/", "https://evil.example/": "/", "//evil.example": "/", "/\\evil.example": "/", "\\\\evil.example": "/", "javascript:alert(1)": "/", "/\t/evil.example": "/", "/login": "/", "/logout": "/", "/" + strings.Repeat("x", 2000): "/",
	} {
		w := h.as(nil, "/login", url.Values{"key": {secret}, "next": {next}})
		if got := w.Header().Get("Location"); got != want {
			t.Errorf("%q leads to %q", next, got)
		}
	}
}

func TestKeyForm(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, secret := h.key(t, "Ops", access.Admin)
	c := h.login(t, secret)
	w := h.as(c, "/keys", url.Values{"name": {"<b>"}, "scopes": {"generate", "root"}, "requests_per_minute": {"-1"}, "tokens_per_minute": {"many"}, "monthly_budget": {"x"}, "expires": {"1.5"}, "models": {strings.Repeat("m,", 70)}, "class": {"gold"}})
	sound(t, "faults", w)
	if w.Code != 422 || strings.Count(w.Body.String(), "Give a whole number") != 3 || !strings.Contains(w.Body.String(), "Give an amount") || !strings.Contains(w.Body.String(), `value="&lt;b&gt;"`) {
		t.Errorf("%d %s", w.Code, w.Body)
	}
	w = h.as(c, "/keys", url.Values{"name": {"Shop"}, "scopes": {"generate", "review"}, "models": {" a, b ,,"}, "tokens_per_minute": {"1000"}, "monthly_budget": {"2.5"}, "expires": {"30"}, "class": {"batch"}})
	if w.Code != 200 {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	list, err := h.ring.List(t.Context())
	if err != nil || len(list) != 2 {
		t.Fatalf("%v, %v", list, err)
	}
	k := list[0]
	if k.Name != "Shop" || len(k.Models) != 2 || k.TokensPerMinute != 1000 || k.MonthlyBudget != stylesprint.MoneyOf(2.5) || k.Class != "batch" || k.Expires.Sub(k.Created) < 29*24*time.Hour {
		t.Errorf("%+v", k)
	}
	if w := h.as(c, "/keys/key-nosuch/revoke", nil); w.Code != 404 {
		t.Errorf("no such key: %d", w.Code)
	}
	entries, err := h.trail.List(t.Context(), access.AuditFilter{Action: access.ActionKeyCreated})
	if err != nil || len(entries) != 2 || !strings.HasSuffix(entries[0].Actor, "(Ops)") || !strings.HasPrefix(entries[0].Actor, "key-") {
		t.Errorf("%+v, %v", entries, err)
	}
}

func TestTrailPages(t *testing.T) {
	t.Parallel()
	h := newHouse(t)
	_, secret := h.key(t, "Auditor", access.Audit)
	for range 60 {
		if err := h.trail.Append(t.Context(), access.AuditEntry{Actor: "<i>someone</i>", Action: "release.promoted", Subject: "r1"}); err != nil {
			t.Fatal(err)
		}
	}
	c := h.login(t, secret)
	w := h.as(c, "/trail", nil)
	sound(t, "/trail", w)
	body := w.Body.String()
	if n := strings.Count(body, "<tr><th scope=\"row\">"); n != 50 || !strings.Contains(body, "The last act was session.begun by ") || strings.Contains(body, "<i>") {
		t.Errorf("%d entries: %s", n, body)
	}
	older := regexp.MustCompile(`/trail\?before=\d+`).FindString(body)
	w = h.as(c, older, nil)
	sound(t, older, w)
	if n := strings.Count(w.Body.String(), "<tr><th scope=\"row\">"); n != 12 || !strings.Contains(w.Body.String(), "key.created") || !strings.Contains(w.Body.String(), "Newest entries") {
		t.Errorf("%s: %d entries", older, n)
	}
}

// stranger is a provider of identities that lets one state in.
type stranger struct{}

func (stranger) Begin(_ context.Context, next string) (string, signin.Flow, error) {
	return "https://login.example/authorize?x=1", signin.Flow{State: "s", Nonce: "n", Verifier: "v", Next: next}, nil
}

func (stranger) Finish(_ context.Context, f signin.Flow, q url.Values) (signin.Identity, error) {
	if f.State != q.Get("state") {
		return signin.Identity{}, &stylesprint.Error{Code: stylesprint.CodeForbidden, Message: "no"}
	}
	return signin.Identity{Subject: "ada@example.com", Scopes: []access.Scope{access.Evaluate}}, nil
}

func TestSignInElsewhere(t *testing.T) {
	t.Parallel()
	h := newHouse(t, func(a *web.Access) { a.SignIn, a.Secure = stranger{}, true })
	h.key(t, "Ops", access.Admin)
	if w := h.as(nil, "/login?next=/runs", nil); !strings.Contains(w.Body.String(), `href="/login/oidc?next=%2Fruns"`) {
		t.Errorf("no link: %s", w.Body)
	} else {
		sound(t, "/login", w)
	}
	w := h.as(nil, "/login/oidc?next=/runs", nil)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "https://login.example/authorize?x=1" {
		t.Fatalf("%d %v", w.Code, w.Header())
	}
	flow := w.Result().Cookies()[0]
	if !flow.HttpOnly || !flow.Secure || flow.Path != "/login/oidc" || flow.SameSite != http.SameSiteLaxMode || flow.MaxAge != 600 {
		t.Errorf("%+v", flow)
	}
	for name, w := range map[string]*httptest.ResponseRecorder{
		"without the cookie": h.as(nil, "/login/oidc/back?state=s", nil), "with another state": h.as(flow, "/login/oidc/back?state=x", nil),
	} {
		if w.Code != 400 && w.Code != 403 {
			t.Errorf("%s: %d", name, w.Code)
		}
		sound(t, name, w)
	}
	w = h.as(flow, "/login/oidc/back?state=s", nil)
	if w.Code != http.StatusSeeOther || w.Header().Get("Location") != "/runs" {
		t.Fatalf("%d %s", w.Code, w.Body)
	}
	c := cookieOf(t, w)
	for path, want := range map[string]int{"/runs": 200, "/keys": 403} {
		if w := h.as(c, path, nil); w.Code != want || !strings.Contains(w.Body.String(), "ada@example.com") {
			t.Errorf("%s: %d", path, w.Code)
		}
	}
	entries, err := h.trail.List(t.Context(), access.AuditFilter{Action: access.ActionLogin})
	if err != nil || len(entries) != 1 || entries[0].Actor != "ada@example.com" {
		t.Errorf("%+v, %v", entries, err)
	}
}
