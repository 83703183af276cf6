package gateway_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/access"
	"stylesprint/gateway"
	"stylesprint/generate/fake"
)

// callers knows keys by the name of their caller.
type callers map[string]gateway.Caller

func (c callers) Authenticate(_ *http.Request, key stylesprint.Secret) (gateway.Caller, error) {
	who, ok := c[key.Reveal()]
	if !ok {
		return gateway.Caller{}, &stylesprint.Error{Code: stylesprint.CodeUnauthorized, Message: "The key is not known here", Hint: "ask for one"}
	}
	return who, nil
}

func scopedModel(name string) gateway.Model {
	m := text(fake.Script{})
	m.Name = name
	return m
}

// Each route needs its scope, and says so in its dialect.
func TestScopesOfRoutes(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{})}, Auth: callers{
		"g": {KeyID: "key-g", Scopes: []access.Scope{access.Generate}},
		"r": {KeyID: "key-r", Scopes: []access.Scope{access.Review, access.Evaluate, access.Audit}},
		"a": {KeyID: "key-a", Scopes: []access.Scope{access.Admin}},
		"e": {KeyID: "key-e", Scopes: []access.Scope{}},
	}}})
	const body, chat = `{"prompt":"x"}`, `{"messages":[{"role":"user","content":"x"}]}`
	cases := []struct {
		method, path, body string
		allowed            string // of the keys
	}{
		{"POST", "/generate/", body, "ga"}, {"POST", "/v1/completions", body, "ga"}, {"POST", "/v1/chat/completions", chat, "ga"},
		{"GET", "/v1/models", "", "grae"}, {"GET", "/metrics", "", "a"}, {"GET", "/healthz", "", "grae"},
	}
	for _, c := range cases {
		for _, key := range []string{"g", "r", "a", "e"} {
			a := s.do(t, c.method, c.path, c.body, "Authorization", "Bearer "+key)
			want := 403
			if strings.Contains(c.allowed, key) {
				want = 200
			}
			if a.status != want {
				t.Errorf("%s with %s: %d %s, want %d", c.path, key, a.status, a.body, want)
			}
			if want != 403 {
				continue
			}
			said := `"code":"forbidden"`
			if strings.HasPrefix(c.path, "/v1/") {
				said = `"type":"permission_error"`
			}
			if !strings.Contains(string(a.body), said) || !strings.Contains(string(a.body), "lacks the scope") {
				t.Errorf("%s with %s: %s", c.path, key, a.body)
			}
		}
	}
}

// Metrics are shown to this machine without a key, but not to whom a proxy passes on.
func TestMetricsOnThisMachine(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{})}, Auth: callers{}}})
	cases := []struct {
		header []string
		want   int
	}{
		{nil, 200},
		{[]string{"Authorization", "Bearer wrong"}, 401},
		{[]string{"X-Forwarded-For", "192.0.2.1"}, 401},
		{[]string{"Forwarded", "for=192.0.2.1"}, 401},
	}
	for _, c := range cases {
		if a := s.do(t, "GET", "/metrics", "", c.header...); a.status != c.want {
			t.Errorf("%q: %d, want %d", c.header, a.status, c.want)
		}
	}
}

// A caller sees and may ask for its models alone.
func TestModelsOfACaller(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{scopedModel("large"), scopedModel("small")}, Auth: callers{
		"s": {Models: []string{"small", "retired"}}, "all": {},
	}}})
	list := func(key string) string {
		return string(s.do(t, "GET", "/v1/models", "", "Authorization", "Bearer "+key).body)
	}
	if l := list("s"); strings.Contains(l, "large") || !strings.Contains(l, "small") {
		t.Errorf("the list of a caller of small: %s", l)
	}
	if l := list("all"); !strings.Contains(l, "large") || !strings.Contains(l, "small") {
		t.Errorf("the list of a caller of all: %s", l)
	}
	for path, want := range map[string]int{"/v1/models/small": 200, "/v1/models/large": 404, "/v1/models/retired": 404} {
		a := s.do(t, "GET", path, "", "Authorization", "Bearer s")
		if a.status != want || want == 404 && strings.Contains(strings.ReplaceAll(string(a.body), path, ""), "large") {
			t.Errorf("%s: %d %s, want %d", path, a.status, a.body, want)
		}
	}
	for name, want := range map[string]int{"small": 200, "large": 403, "retired": 404} {
		if a := s.do(t, "POST", "/generate/", `{"prompt":"x","model":"`+name+`"}`, "Authorization", "Bearer s"); a.status != want {
			t.Errorf("%s: %d %s, want %d", name, a.status, a.body, want)
		}
	}
}

// spent refuses everybody.
type spent struct{ err *stylesprint.Error }

func (s spent) Reserve(context.Context, gateway.Caller, int) (func(stylesprint.Usage, stylesprint.Money), error) {
	return nil, s.err
}

func TestRefusedByLimits(t *testing.T) {
	t.Parallel()
	cases := []struct {
		err    *stylesprint.Error
		status int
		wait   string
	}{
		{&stylesprint.Error{Code: stylesprint.CodeRateLimited, RetryAfter: 47655 * time.Millisecond, Message: "enough"}, 429, "48"},
		{&stylesprint.Error{Code: stylesprint.CodeForbidden, RetryAfter: time.Hour, Message: "spent"}, 403, "3600"},
	}
	for _, c := range cases {
		s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{})}, Limits: spent{c.err}}})
		for _, path := range []string{"/generate/", "/v1/completions"} {
			if a := s.post(t, path, `{"prompt":"x"}`); a.status != c.status || a.header.Get("Retry-After") != c.wait {
				t.Errorf("%s: %d, Retry-After %q, %s", path, a.status, a.header.Get("Retry-After"), a.body)
			}
		}
	}
}
