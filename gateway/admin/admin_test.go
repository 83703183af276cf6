package admin_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/gateway/admin"
	"stylesprint/release"
)

// server remembers what it was asked.
type server struct {
	report   admin.Report
	err      error
	promoted release.Promotion
	undone   release.Undo
}

func (s *server) Reload(context.Context) admin.Report { return s.report }
func (s *server) Config() map[string]any {
	return map[string]any{"addr": "127.0.0.1:${PORT}"}
}
func (s *server) Routes(context.Context) ([]admin.Route, error) {
	return []admin.Route{{Name: "writer", Shares: []release.Share{{Release: "r1", Percent: 100}}, Words: "all r1"}}, s.err
}
func (s *server) Promote(_ context.Context, p release.Promotion) (release.Assignment, error) {
	s.promoted = p
	return release.Assignment{Route: p.Route, Release: p.Release, Kind: release.Promoted}, s.err
}
func (s *server) Rollback(_ context.Context, u release.Undo) (release.Assignment, error) {
	s.undone = u
	return release.Assignment{Route: u.Route, Kind: release.RolledBack}, s.err
}

func ask(s *server, method, path, body string) (int, string) {
	h := admin.New(s, func(*http.Request) string { return "key-1 (Ops)" })
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(method, path, strings.NewReader(body)))
	b, _ := io.ReadAll(w.Body)
	return w.Code, string(b)
}

func TestRoutes(t *testing.T) {
	t.Parallel()
	good := &server{report: admin.Report{Applied: true, Warnings: []string{"addr has changed"}}}
	faulty := &server{report: admin.Report{Faults: []string{"s.yaml:2: x: is not a key here"}}, err: &stylesprint.Error{Code: stylesprint.CodeConflict, Message: "somebody else was faster", Hint: "look again"}}
	broken := &server{err: errors.New("secret: disk on fire")}
	cases := []struct {
		s                  *server
		method, path, body string
		status             int
		want               string
	}{
		{good, "POST", "/admin/reload", "", 200, `{"applied":true,"warnings":["addr has changed"]}`},
		{faulty, "POST", "/admin/reload", "", 422, `"faults":["s.yaml:2: x: is not a key here"]`},
		{good, "GET", "/admin/config", "", 200, `{"addr":"127.0.0.1:${PORT}"}`},
		{good, "GET", "/admin/routes", "", 200, `{"routes":[{"name":"writer","shares":[{"release":"r1","percent":100}],"words":"all r1"}]}`},
		{good, "POST", "/admin/routes", `{"route":"writer","release":"r2"}`, 200, `"kind":"promote"`},
		{good, "POST", "/admin/routes", `{"route":"writer","rollback":true}`, 200, `"kind":"rollback"`},
		{faulty, "POST", "/admin/routes", `{"route":"writer","release":"r2"}`, 409, `"hint":"look again"`},
		{broken, "GET", "/admin/routes", "", 500, "Internal server error"},
		{good, "POST", "/admin/routes", `{"route":"writer","rollback":true,"percent":10}`, 400, "nothing else"},
		{good, "POST", "/admin/routes", `{"route":"writer","relase":"r2"}`, 400, `{"detail":"Unknown field \"relase\"","code":"invalid_request","hint":"known fields are route, release, percent, reason, force, rollback"}`},
		{good, "POST", "/admin/routes", `{"route":"writer","percent":10.5}`, 400, `"percent must be a whole number from 1 to 100"`},
		{good, "POST", "/admin/routes", `{"route":"writer","force":1}`, 400, `"force must be true or false"`},
		{good, "POST", "/admin/routes", `{"route":"writer",}`, 400, `at byte 19","code":"invalid_request","hint":"send one such as {\"route\": \"writer\"`},
		{good, "POST", "/admin/routes", `{"route":`, 400, "it ends at byte 9"},
		{good, "POST", "/admin/routes", `["route"]`, 400, "JSON object with route"},
		{good, "POST", "/admin/routes", `{"route":"writer"} {}`, 400, "follows the JSON object, after byte 20"},
		{good, "POST", "/admin/routes", ``, 400, "it ends at byte 0"},
		{good, "POST", "/admin/routes", `{"reason":"` + strings.Repeat("x", 70_000) + `"}`, 413, "larger than"},
		{good, "GET", "/admin/reload", "", 404, "nothing at this path"},
		{good, "DELETE", "/admin/routes", "", 404, "nothing at this path"},
	}
	for _, c := range cases {
		status, body := ask(c.s, c.method, c.path, c.body)
		if status != c.status || !strings.Contains(body, c.want) || strings.Contains(body, "fire") {
			t.Errorf("%s %s %.60s: %d %s", c.method, c.path, c.body, status, body)
		}
	}
}

// What is asked reaches the server, with who asks.
func TestActs(t *testing.T) {
	t.Parallel()
	s := &server{}
	ask(s, "POST", "/admin/routes", `{"route":"writer","release":"r2","percent":10,"reason":"try","force":true}`)
	if want := (release.Promotion{Route: "writer", Release: "r2", Percent: 10, By: "key-1 (Ops)", Reason: "try", Force: true}); s.promoted != want {
		t.Errorf("%+v", s.promoted)
	}
	ask(s, "POST", "/admin/routes", `{"route":"writer","release":"r2"}`)
	if s.promoted.Percent != 100 {
		t.Errorf("%+v", s.promoted)
	}
	ask(s, "POST", "/admin/routes", `{"route":"writer","rollback":true,"reason":"no"}`)
	if want := (release.Undo{Route: "writer", By: "key-1 (Ops)", Reason: "no"}); s.undone != want {
		t.Errorf("%+v", s.undone)
	}
}

// A body that cannot be read is answered with one that can.
func TestExamples(t *testing.T) {
	t.Parallel()
	for _, body := range []string{`{"x"`, `{"rollback":true,"force":true}`} {
		_, text := ask(&server{}, "POST", "/admin/routes", body)
		var e struct{ Hint string }
		if err := json.Unmarshal([]byte(text), &e); err != nil {
			t.Fatalf("%v: %s", err, text)
		}
		_, example, _ := strings.Cut(e.Hint, "send one such as ")
		if status, text := ask(&server{}, "POST", "/admin/routes", example); status != http.StatusOK {
			t.Errorf("its own example %q: %d %s", example, status, text)
		}
	}
}

// A page of another site cannot act.
func TestOtherSites(t *testing.T) {
	t.Parallel()
	s := &server{}
	w := httptest.NewRecorder()
	r := httptest.NewRequest("POST", "/admin/routes", strings.NewReader(`{"route":"writer","rollback":true}`))
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	admin.New(s, nil).ServeHTTP(w, r)
	if w.Code != http.StatusForbidden || s.undone.Route != "" {
		t.Errorf("status %d, %+v", w.Code, s.undone)
	}
}
