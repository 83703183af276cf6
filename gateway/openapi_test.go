package gateway_test

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/legacy"

	"stylesprint/gateway"
	"stylesprint/generate/fake"
)

// validator is a transport that holds every answer against /openapi.json.
type validator struct {
	t      testing.TB
	next   http.RoundTripper
	router routers.Router
}

// document reads a gateway's own document.
func document(t testing.TB, h http.Handler) *openapi3.T {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("GET", "/openapi.json", nil))
	doc, err := openapi3.NewLoader().LoadFromData(rec.Body.Bytes())
	if err != nil {
		t.Fatal(err)
	}
	return doc
}

func newValidator(t testing.TB, g *gateway.Gateway, next http.RoundTripper) *validator {
	t.Helper()
	doc := document(t, g)
	router, err := legacy.NewRouter(doc)
	if err != nil {
		t.Fatal(err)
	}
	return &validator{t, next, router}
}

// RoundTrip implements http.RoundTripper. What the server says of broken HTTP, of paths that are not in
// the document and of streams is left alone.
func (v *validator) RoundTrip(r *http.Request) (*http.Response, error) {
	resp, err := v.next.RoundTrip(r)
	if err != nil || r.Method == http.MethodHead || r.Method == http.MethodOptions {
		return resp, err
	}
	route, params, err := v.router.FindRoute(r)
	if err != nil || resp.StatusCode == http.StatusForbidden && resp.Header.Get("X-Request-ID") == "" {
		return resp, nil
	}
	stream := strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream")
	if !stream {
		b, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		resp.Body = &again{bytes.NewReader(b), err}
		if err != nil {
			return resp, nil
		}
		if err := v.validate(r, resp, b, route, params); err != nil {
			v.t.Errorf("%s %s: %d %.300s does not fit /openapi.json: %v", r.Method, r.URL.Path, resp.StatusCode, b, err)
		}
		return resp, nil
	}
	if err := v.validate(r, resp, nil, route, params); err != nil {
		v.t.Errorf("%s %s: the head of a stream does not fit /openapi.json: %v", r.Method, r.URL.Path, err)
	}
	return resp, nil
}

func (v *validator) validate(r *http.Request, resp *http.Response, body []byte, route *routers.Route, params map[string]string) error {
	return openapi3filter.ValidateResponse(context.Background(), &openapi3filter.ResponseValidationInput{
		RequestValidationInput: &openapi3filter.RequestValidationInput{Request: r, PathParams: params, Route: route},
		Status:                 resp.StatusCode, Header: resp.Header, Body: io.NopCloser(bytes.NewReader(body)),
		Options: &openapi3filter.Options{IncludeResponseStatus: true, ExcludeResponseBody: body == nil},
	})
}

// again is a body that was read, with the error at which it ended.
type again struct {
	*bytes.Reader
	err error
}

func (a *again) Read(p []byte) (int, error) {
	n, err := a.Reader.Read(p)
	if err == io.EOF && a.err != nil {
		err = a.err
	}
	return n, err
}

func (a *again) WriteTo(w io.Writer) (int64, error) {
	n, err := a.Reader.WriteTo(w)
	if err == nil {
		err = a.err
	}
	return n, err
}

func (a *again) Close() error { return nil }

func TestOpenAPIDocument(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Answer: answerer(t), Models: []gateway.Model{text(fake.Script{}), vectors()}}})
	doc := document(t, s)
	if err := doc.Validate(context.Background()); err != nil {
		t.Error(err)
	}
	if doc.OpenAPI != "3.1.0" {
		t.Errorf("version %s", doc.OpenAPI)
	}
	// What the document has is served: with the right method it is never 404 or 405.
	for path, item := range doc.Paths.Map() {
		for method := range item.Operations() {
			at := strings.ReplaceAll(path, "{id}", "fake")
			if a := s.do(t, method, at, ""); (a.status == 404 || a.status == 405) && path != "/feedback" {
				t.Errorf("%s %s: %d", method, at, a.status)
			}
		}
	}
	for _, want := range []string{"/generate", "/generate/", "/v1/chat/completions", "/v1/models/{id}", "/feedback", "/metrics"} {
		if doc.Paths.Value(want) == nil {
			t.Errorf("no %s in the document", want)
		}
	}
}

// The validator must be able to fail.
func TestValidatorFindsFaults(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{})}}})
	cases := []struct {
		status int
		kind   string
		body   string
	}{
		{200, "application/json", `{"generated_text":"x"}`},
		{200, "text/html", `<p>`},
		{400, "application/json", `{"error":"x"}`},
		{400, "application/json", `{"detail":"x","code":"made_up"}`},
		{500, "text/plain", `oops`},
	}
	for _, c := range cases {
		found := &faults{TB: t}
		answers := roundTrip(func(*http.Request) (*http.Response, error) {
			h := http.Header{"Content-Type": {c.kind}, "X-Generated-By": {"stylesprint; kind=language-model"}}
			return &http.Response{StatusCode: c.status, Header: h, Body: io.NopCloser(strings.NewReader(c.body))}, nil
		})
		v := newValidator(t, s.Gateway, answers)
		v.t = found
		resp, err := v.RoundTrip(httptest.NewRequest("POST", "/generate/", nil))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if found.n == 0 {
			t.Errorf("%d %s %s was accepted", c.status, c.kind, c.body)
		}
	}
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// faults counts errors in place of failing.
type faults struct {
	testing.TB
	n int
}

func (f *faults) Errorf(string, ...any) { f.n++ }
