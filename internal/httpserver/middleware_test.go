package httpserver_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stylesprint/internal/httpserver"
)

var ok = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		var large *http.MaxBytesError
		if errors.As(err, &large) {
			w.WriteHeader(http.StatusRequestEntityTooLarge)
			return
		}
	}
	_, _ = io.WriteString(w, "ok")
})

func ask(h http.Handler, method, target string, header ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(method, target, nil)
	for i := 0; i+1 < len(header); i += 2 {
		if header[i] == "Host" {
			r.Host = header[i+1]
			continue
		}
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func TestLocalOnly(t *testing.T) {
	t.Parallel()
	h := httpserver.LocalOnly("desk.example")(ok)
	cases := []struct {
		name   string
		method string
		host   string
		header []string
		want   int
	}{
		{"a program", "POST", "127.0.0.1:8000", nil, 200},
		{"by name", "POST", "localhost:8000", nil, 200},
		{"name in capitals with a dot", "POST", "LOCALHOST.:8000", nil, 200},
		{"under localhost", "POST", "shop.localhost", nil, 200},
		{"other loopback address", "POST", "127.9.9.9", nil, 200},
		{"IPv6", "POST", "[::1]:8000", nil, 200},
		{"mapped IPv4", "POST", "[::ffff:127.0.0.1]", nil, 200},
		{"trusted", "POST", "desk.example:80", nil, 200},
		{"trusted in capitals", "POST", "DESK.example", []string{"Origin", "https://desk.example"}, 200},
		{"own page", "POST", "localhost:8000", []string{"Origin", "http://localhost:8000", "Sec-Fetch-Site", "same-origin"}, 200},
		{"local page of another port", "POST", "127.0.0.1:8000", []string{"Origin", "http://localhost:3000", "Sec-Fetch-Site", "cross-site"}, 200},
		{"own page that keeps its origin to itself", "POST", "localhost:8000", []string{"Origin", "null", "Sec-Fetch-Site", "same-origin"}, 200},
		{"link from elsewhere", "GET", "localhost:8000", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 200},
		{"typed address", "GET", "localhost:8000", []string{"Sec-Fetch-Site", "none", "Sec-Fetch-Mode", "navigate"}, 200},

		{"rebinding", "POST", "evil.example:8000", nil, 403},
		{"rebinding with its own origin", "GET", "evil.example:8000", []string{"Origin", "http://evil.example:8000", "Sec-Fetch-Site", "same-origin"}, 403},
		{"a name that begins like ours", "POST", "localhost.evil.example", nil, 403},
		{"a name that ends like ours", "POST", "notlocalhost", nil, 403},
		{"another address", "POST", "192.168.1.5:8000", nil, 403},
		{"any address", "POST", "0.0.0.0:8000", nil, 403},
		{"no host", "POST", "", nil, 403},
		{"foreign origin", "POST", "localhost:8000", []string{"Origin", "https://evil.example"}, 403},
		{"foreign origin reading", "GET", "localhost:8000", []string{"Origin", "https://evil.example"}, 403},
		{"origin that begins like ours", "POST", "localhost:8000", []string{"Origin", "http://127.0.0.1.evil.example"}, 403},
		{"origin with our name as user", "POST", "localhost:8000", []string{"Origin", "http://localhost@evil.example"}, 403},
		{"null origin", "POST", "localhost:8000", []string{"Origin", "null"}, 403},
		{"null origin of another site", "POST", "localhost:8000", []string{"Origin", "null", "Sec-Fetch-Site", "cross-site"}, 403},
		{"null origin of another port", "POST", "localhost:8000", []string{"Origin", "null", "Sec-Fetch-Site", "same-site"}, 403},
		{"broken origin", "POST", "localhost:8000", []string{"Origin", "http://%zz"}, 403},
		{"form from elsewhere without origin", "POST", "localhost:8000", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "document"}, 403},
		{"image from elsewhere", "GET", "localhost:8000", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors", "Sec-Fetch-Dest", "image"}, 403},
		{"frame from elsewhere", "GET", "localhost:8000", []string{"Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "navigate", "Sec-Fetch-Dest", "iframe"}, 403},
	}
	for _, c := range cases {
		if got := ask(h, c.method, "/", append(c.header, "Host", c.host)...); got.Code != c.want {
			t.Errorf("%s: %d, want %d", c.name, got.Code, c.want)
		}
	}
	got := ask(h, "GET", "/", "Host", "evil.example", "Accept", "text/html,*/*")
	if !strings.HasPrefix(got.Header().Get("Content-Type"), "text/html") || !strings.Contains(got.Body.String(), "<h1>This server answers to local names only</h1>") {
		t.Errorf("%v %s", got.Header(), got.Body)
	}
	got = ask(h, "GET", "/", "Host", "evil.example", "Accept", "*/*")
	if got.Header().Get("Content-Type") != "application/json" || !strings.Contains(got.Body.String(), `"code":"forbidden"`) {
		t.Errorf("%v %s", got.Header(), got.Body)
	}
}

func TestIsLoopback(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]bool{
		"127.0.0.1:8000": true, "localhost:80": true, "[::1]:80": true, "::1": true, "127.0.0.1": true,
		":8000": false, "": false, "0.0.0.0:8000": false, "[::]:8000": false, "192.168.0.1:1": false, "example.com:80": false,
	} {
		if httpserver.IsLoopback(addr) != want {
			t.Errorf("%q: %v", addr, !want)
		}
	}
}

func TestSameOrigin(t *testing.T) {
	t.Parallel()
	h := httpserver.SameOrigin()(ok)
	cases := []struct {
		method string
		header []string
		want   int
	}{
		{"POST", nil, 200},
		{"POST", []string{"Sec-Fetch-Site", "same-origin"}, 200},
		{"POST", []string{"Origin", "http://example.com"}, 200},
		{"GET", []string{"Sec-Fetch-Site", "cross-site"}, 200},
		{"POST", []string{"Sec-Fetch-Site", "cross-site"}, 403},
		{"POST", []string{"Sec-Fetch-Site", "same-site"}, 403},
		{"DELETE", []string{"Origin", "http://evil.example"}, 403},
		{"POST", []string{"Origin", "null"}, 403},
	}
	for _, c := range cases {
		if got := ask(h, c.method, "http://example.com/", c.header...); got.Code != c.want {
			t.Errorf("%s %v: %d, want %d", c.method, c.header, got.Code, c.want)
		}
	}
}

func TestRecover(t *testing.T) {
	t.Parallel()
	var caught []httpserver.Panic
	wrap := httpserver.Recover(func(_ *http.Request, p httpserver.Panic) { caught = append(caught, p) }, nil)
	early := wrap(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "99")
		panic("private")
	}))
	got := ask(early, "GET", "/")
	if got.Code != 500 || got.Body.String() != "{\"detail\":\"Internal server error\",\"code\":\"internal\",\"hint\":\"tell whoever runs this server, with the X-Request-ID: its log has the cause\"}\n" || got.Header().Get("Content-Length") != "" {
		t.Errorf("%d %v %s", got.Code, got.Header(), got.Body)
	}
	if got := ask(early, "GET", "/", "Accept", "text/html"); got.Code != 500 || strings.Contains(got.Body.String(), "private") || !strings.Contains(got.Body.String(), "<h1>") {
		t.Errorf("%d %s", got.Code, got.Body)
	}
	if len(caught) != 2 || caught[0].Value != "private" || !strings.Contains(string(caught[0].Stack), "TestRecover") {
		t.Errorf("%d panics, %v", len(caught), caught)
	}
	panics := func(h http.HandlerFunc) (v any) {
		defer func() { v = recover() }()
		ask(wrap(h), "GET", "/")
		return nil
	}
	for name, h := range map[string]http.HandlerFunc{
		"after a write":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(nil); panic("late") },
		"after a status": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(204); panic("late") },
		"after a flush":  func(w http.ResponseWriter, _ *http.Request) { _ = http.NewResponseController(w).Flush(); panic("late") },
		"on purpose":     func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
	} {
		if v := panics(h); v != http.ErrAbortHandler {
			t.Errorf("%s: the connection is not cut: %v", name, v)
		}
	}
	if v := panics(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(103); panic("early hints") }); v != nil {
		t.Errorf("after a provisional status: %v", v)
	}
}

func TestSecurityHeaders(t *testing.T) {
	t.Parallel()
	h := httpserver.SecurityHeaders(httpserver.PolicyPages)(ok)
	got := ask(h, "GET", "/").Header()
	for name, want := range map[string]string{
		"Content-Security-Policy": "script-src 'self'", "X-Content-Type-Options": "nosniff", "X-Frame-Options": "DENY",
		"Referrer-Policy": "same-origin", "Cross-Origin-Opener-Policy": "same-origin", "Cross-Origin-Resource-Policy": "same-origin", "Permissions-Policy": "camera=()",
	} {
		if !strings.Contains(got.Get(name), want) {
			t.Errorf("%s is %q", name, got.Get(name))
		}
	}
	if strings.Contains(got.Get("Content-Security-Policy"), "unsafe") {
		t.Error("inline script is allowed")
	}
}

func TestBodyLimit(t *testing.T) {
	t.Parallel()
	h := httpserver.BodyLimit(10, nil)(ok)
	send := func(r *http.Request) *httptest.ResponseRecorder {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	if got := send(httptest.NewRequest("POST", "/", strings.NewReader("0123456789"))); got.Code != 200 {
		t.Errorf("ten bytes: %d", got.Code)
	}
	got := send(httptest.NewRequest("POST", "/", strings.NewReader("0123456789a")))
	if got.Code != 413 || !strings.Contains(got.Body.String(), "larger than 10 bytes") || got.Header().Get("Connection") != "close" {
		t.Errorf("eleven bytes: %d %s", got.Code, got.Body)
	}
	r := httptest.NewRequest("POST", "/", strings.NewReader("0123456789a"))
	r.ContentLength = -1
	if got := send(r); got.Code != 413 {
		t.Errorf("eleven bytes unannounced: %d", got.Code)
	}
}

func TestTimeLimit(t *testing.T) {
	t.Parallel()
	h := httpserver.TimeLimit(time.Millisecond)(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		<-r.Context().Done()
		if !errors.Is(context.Cause(r.Context()), httpserver.ErrTimeLimit) {
			t.Errorf("cause %v", context.Cause(r.Context()))
		}
	}))
	ask(h, "GET", "/")
}

func TestRequestID(t *testing.T) {
	t.Parallel()
	var inside string
	h := httpserver.Chain(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { inside = httpserver.RequestIDFrom(r.Context()) }),
		httpserver.RequestID(), httpserver.RequestID())
	for _, c := range []struct {
		given string
		kept  bool
	}{
		{"abc-DEF_1.2", true}, {strings.Repeat("a", 128), true},
		{"", false}, {strings.Repeat("a", 129), false}, {"a b", false}, {"a\nb", false}, {"a\x00", false}, {"é", false}, {"<script>", false}, {"a/b", false},
	} {
		got := ask(h, "GET", "/", "X-Request-ID", c.given).Header().Get("X-Request-ID")
		if got != inside || (got == c.given) != c.kept || (!c.kept && (!strings.HasPrefix(got, "req_") || len(got) < 24)) {
			t.Errorf("%q gave %q, inside %q", c.given, got, inside)
		}
	}
	if httpserver.RequestIDFrom(context.Background()) != "" {
		t.Error("an id from nowhere")
	}
}

func FuzzLocalOnly(f *testing.F) {
	f.Add("localhost:8000", "http://localhost")
	f.Add("evil.example", "http://127.0.0.1@evil.example")
	f.Add("[::1", "null")
	h := httpserver.LocalOnly()(ok)
	f.Fuzz(func(t *testing.T, host, origin string) {
		r := httptest.NewRequest("POST", "/", nil)
		r.Host = host
		r.Header["Origin"] = []string{origin}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		if w.Code == 200 && !strings.Contains(strings.ToLower(host), "localhost") && !strings.Contains(host, "127.") && !strings.Contains(host, ":") {
			t.Errorf("host %q, origin %q", host, origin)
		}
	})
}

func TestFromThisMachine(t *testing.T) {
	t.Parallel()
	cases := []struct {
		remote, host, header string
		want                 bool
	}{
		{"127.0.0.1:999", "localhost:8000", "", true},
		{"[::1]:999", "[::1]:8000", "", true},
		{"127.0.0.1:999", "shop.example", "", false},
		{"192.0.2.1:999", "localhost", "", false},
		{"127.0.0.1:999", "localhost", "X-Forwarded-For", false},
		{"127.0.0.1:999", "localhost", "Forwarded", false},
		{"", "localhost", "", false},
	}
	for _, c := range cases {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.RemoteAddr, r.Host = c.remote, c.host
		if c.header != "" {
			r.Header.Set(c.header, "x")
		}
		if got := httpserver.FromThisMachine(r); got != c.want {
			t.Errorf("%+v: %v", c, got)
		}
	}
}
