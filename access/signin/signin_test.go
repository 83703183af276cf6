package signin_test

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/access"
	"stylesprint/access/signin"
)

// idp is a provider of identities that signs with RS256.
type idp struct {
	*httptest.Server
	key *rsa.PrivateKey

	mu     sync.Mutex
	codes  map[string]url.Values // the query that each code was given for
	claims func(query url.Values) map[string]any
	sign   *rsa.PrivateKey // what it signs with; nil: its own key
	alg    string
	down   bool
}

func b64(b []byte) string { return base64.RawURLEncoding.EncodeToString(b) }

func newIDP(t *testing.T) *idp {
	t.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	p := &idp{key: key, codes: map[string]url.Values{}, alg: "RS256"}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /.well-known/openid-configuration", func(w http.ResponseWriter, _ *http.Request) {
		if p.down {
			w.WriteHeader(http.StatusBadGateway)
			return
		}
		reply(w, map[string]any{"issuer": p.URL, "authorization_endpoint": p.URL + "/authorize", "token_endpoint": p.URL + "/token", "jwks_uri": p.URL + "/keys", "id_token_signing_alg_values_supported": []string{"RS256"}})
	})
	mux.HandleFunc("GET /keys", func(w http.ResponseWriter, _ *http.Request) {
		reply(w, map[string]any{"keys": []any{map[string]any{"kty": "RSA", "use": "sig", "alg": "RS256", "kid": "k1", "n": b64(key.N.Bytes()), "e": b64(big.NewInt(int64(key.E)).Bytes())}}})
	})
	mux.HandleFunc("GET /authorize", func(w http.ResponseWriter, r *http.Request) {
		code := rand.Text()
		p.mu.Lock()
		p.codes[code] = r.URL.Query()
		p.mu.Unlock()
		http.Redirect(w, r, r.URL.Query().Get("redirect_uri")+"?"+url.Values{"code": {code}, "state": {r.URL.Query().Get("state")}}.Encode(), http.StatusFound)
	})
	mux.HandleFunc("POST /token", p.token)
	p.Server = httptest.NewServer(mux)
	t.Cleanup(p.Close)
	return p
}

func reply(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(v)
}

// token changes a code into a token, once, if the verifier fits the challenge.
func (p *idp) token(w http.ResponseWriter, r *http.Request) {
	p.mu.Lock()
	defer p.mu.Unlock()
	query, known := p.codes[r.FormValue("code")]
	delete(p.codes, r.FormValue("code"))
	sum := sha256.Sum256([]byte(r.FormValue("code_verifier")))
	user, secret, _ := r.BasicAuth()
	if !known || query.Get("code_challenge_method") != "S256" || b64(sum[:]) != query.Get("code_challenge") || user != "shop" || secret != "s3cret" {
		w.WriteHeader(http.StatusBadRequest)
		reply(w, map[string]any{"error": "invalid_grant", "error_description": "code " + r.FormValue("code") + " is worthless"})
		return
	}
	claims := map[string]any{"iss": p.URL, "aud": "shop", "sub": "person-7", "nonce": query.Get("nonce"), "iat": time.Now().Unix(), "exp": time.Now().Add(time.Minute).Unix(), "email": "Ada@Example.com", "email_verified": true, "groups": []string{"merchandisers"}}
	for k, v := range p.claims(query) {
		claims[k] = v
	}
	head, err := json.Marshal(map[string]string{"alg": p.alg, "kid": "k1", "typ": "JWT"})
	body, also := json.Marshal(claims)
	if err != nil || also != nil {
		panic(fmt.Sprint(err, also))
	}
	text := b64(head) + "." + b64(body)
	digest := sha256.Sum256([]byte(text))
	key := p.sign
	if key == nil {
		key = p.key
	}
	signature, err := rsa.SignPKCS1v15(rand.Reader, key, crypto.SHA256, digest[:])
	if err != nil {
		panic(err)
	}
	if p.alg == "none" {
		signature = nil
	}
	reply(w, map[string]any{"access_token": "opaque", "token_type": "Bearer", "id_token": text + "." + b64(signature)})
}

func provider(t *testing.T, p *idp, allow ...signin.Rule) *signin.Provider {
	t.Helper()
	if allow == nil {
		allow = []signin.Rule{{Emails: []string{"ada@example.com"}, Scopes: []access.Scope{access.Review}}}
	}
	out, err := signin.New(signin.Options{Issuer: p.URL, ClientID: "shop", ClientSecret: stylesprint.NewSecret("s3cret"), RedirectURL: "https://shop.example/login/oidc/back", Allow: allow})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// visit is what the browser does at the provider; it returns the query of the way back.
func visit(t *testing.T, address string) url.Values {
	t.Helper()
	client := http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	res, err := client.Get(address)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	back, err := res.Location()
	if err != nil || !strings.HasPrefix(back.String(), "https://shop.example/login/oidc/back?") {
		t.Fatalf("the way back is %v, %v", back, err)
	}
	return back.Query()
}

func TestLogin(t *testing.T) {
	t.Parallel()
	foreign, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	claim := func(k string, v any) func(*idp) {
		return func(p *idp) { p.claims = func(url.Values) map[string]any { return map[string]any{k: v} } }
	}
	cases := []struct {
		name  string
		idp   func(*idp)
		flow  func(*signin.Flow)
		query func(url.Values)
		code  stylesprint.Code
		who   string
	}{
		{name: "as it should be", who: "ada@example.com"},
		{name: "truth as text", idp: claim("email_verified", "true"), who: "ada@example.com"},
		{name: "an address that was not verified", idp: claim("email_verified", false), code: stylesprint.CodeForbidden},
		{name: "another address", idp: claim("email", "eve@example.com"), code: stylesprint.CodeForbidden},
		{name: "another nonce", idp: claim("nonce", "other"), code: stylesprint.CodeUnauthorized},
		{name: "for another client", idp: claim("aud", "other"), code: stylesprint.CodeUnauthorized},
		{name: "by another issuer", idp: claim("iss", "https://other.example"), code: stylesprint.CodeUnauthorized},
		{name: "expired", idp: claim("exp", time.Now().Add(-time.Hour).Unix()), code: stylesprint.CodeUnauthorized},
		{name: "signed by somebody else", idp: func(p *idp) { p.sign = foreign }, code: stylesprint.CodeUnauthorized},
		{name: "not signed", idp: func(p *idp) { p.alg = "none" }, code: stylesprint.CodeUnauthorized},
		{name: "another verifier", flow: func(f *signin.Flow) { f.Verifier += "x" }, code: stylesprint.CodeUnauthorized},
		{name: "another state", query: func(v url.Values) { v.Set("state", "x") }, code: stylesprint.CodeInvalid},
		{name: "no flow", flow: func(f *signin.Flow) { *f = signin.Flow{} }, query: func(v url.Values) { v.Del("state") }, code: stylesprint.CodeInvalid},
		{name: "a made-up code", query: func(v url.Values) { v.Set("code", "x") }, code: stylesprint.CodeUnauthorized},
		{name: "refused there", query: func(v url.Values) { v.Set("error", "access_denied") }, code: stylesprint.CodeForbidden},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			up := newIDP(t)
			up.claims = func(url.Values) map[string]any { return nil }
			if c.idp != nil {
				c.idp(up)
			}
			p := provider(t, up)
			address, begun, err := p.Begin(t.Context(), "/runs?x=1")
			if err != nil {
				t.Fatal(err)
			}
			flow, err := signin.ParseFlow(begun.Text())
			if err != nil || flow != begun || flow.Next != "/runs?x=1" {
				t.Fatalf("%+v, %v", flow, err)
			}
			query := visit(t, address)
			if c.flow != nil {
				c.flow(&flow)
			}
			if c.query != nil {
				c.query(query)
			}
			who, err := p.Finish(t.Context(), flow, query)
			if stylesprint.CodeOf(err) != c.code || who.Subject != c.who {
				t.Errorf("%+v, %v (%s), want %s", who, err, stylesprint.CodeOf(err), c.code)
			}
			if err != nil && (strings.Contains(err.Error(), query.Get("code")) && query.Get("code") != "x" || stylesprint.HintOf(err) == "") {
				t.Errorf("%v, hint %q", err, stylesprint.HintOf(err))
			}
			if err == nil {
				if _, err := p.Finish(t.Context(), flow, query); stylesprint.CodeOf(err) != stylesprint.CodeUnauthorized {
					t.Errorf("the same code again: %v", err)
				}
			}
		})
	}
}

func TestRules(t *testing.T) {
	t.Parallel()
	up := newIDP(t)
	rules := []signin.Rule{
		{Emails: []string{"ADA@example.com"}, Scopes: []access.Scope{access.Review}},
		{Emails: []string{"@example.com"}, Scopes: []access.Scope{access.Evaluate}},
		{Groups: []string{"ops"}, Scopes: []access.Scope{access.Admin}},
	}
	cases := []struct {
		claims map[string]any
		who    string
		want   []access.Scope
	}{
		{nil, "ada@example.com", []access.Scope{access.Review, access.Evaluate}},
		{map[string]any{"email": "bo@example.com"}, "bo@example.com", []access.Scope{access.Evaluate}},
		{map[string]any{"email": "ada@example.com.evil.test"}, "", nil},
		{map[string]any{"email": "", "groups": "ops"}, "person-7", []access.Scope{access.Admin}},
		{map[string]any{"email": "x@y.test", "groups": []string{"Ops"}}, "", nil},
		{map[string]any{"email": "x@y.test", "email_verified": false, "groups": []string{"a", "ops"}}, "person-7", []access.Scope{access.Admin}},
	}
	p := provider(t, up, rules...)
	for _, c := range cases {
		up.claims = func(url.Values) map[string]any { return c.claims }
		address, flow, err := p.Begin(t.Context(), "/")
		if err != nil {
			t.Fatal(err)
		}
		who, err := p.Finish(t.Context(), flow, visit(t, address))
		if who.Subject != c.who || !slices.Equal(who.Scopes, c.want) || (err == nil) != (c.want != nil) {
			t.Errorf("%v: %+v, %v", c.claims, who, err)
		}
	}
}

// A provider that is away when the server starts is asked again.
func TestProviderAway(t *testing.T) {
	t.Parallel()
	up := newIDP(t)
	up.down = true
	p := provider(t, up)
	if _, _, err := p.Begin(t.Context(), "/"); stylesprint.CodeOf(err) != stylesprint.CodeUnavailable {
		t.Errorf("away: %v", err)
	}
	up.down = false
	if _, _, err := p.Begin(t.Context(), "/"); err != nil {
		t.Errorf("back: %v", err)
	}
}

func TestOptionFaults(t *testing.T) {
	t.Parallel()
	err := signin.Options{Issuer: "http://login.example", RedirectURL: "/x", Allow: []signin.Rule{{Scopes: []access.Scope{"root"}}, {Emails: []string{"a"}}}}.Validate()
	if err == nil {
		t.Fatal("no fault")
	}
	for _, want := range []string{"issuer: ", "client_id: ", "redirect_url: ", "allow[0]: ", `got "root"`, "allow[1].scopes: missing"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("lacks %q: %v", want, err)
		}
	}
	if err := (signin.Options{Issuer: "https://a", ClientID: "c", RedirectURL: "http://127.0.0.1:8000/login/oidc/back"}).Validate(); err == nil || !strings.Contains(err.Error(), "nobody could log in") {
		t.Errorf("no rules: %v", err)
	}
}

func FuzzParseFlow(f *testing.F) {
	f.Add(signin.Flow{State: "a", Nonce: "b", Verifier: "c", Next: "/d?e=f"}.Text())
	f.Add("s=1&n=2")
	f.Fuzz(func(t *testing.T, text string) {
		flow, err := signin.ParseFlow(text)
		if err != nil {
			return
		}
		again, err := signin.ParseFlow(flow.Text())
		if err == nil && again != flow {
			t.Errorf("%+v became %+v", flow, again)
		}
	})
}
