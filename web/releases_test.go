package web_test

import (
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"

	"stylesprint/web"
)

func TestReleasePages(t *testing.T) {
	t.Parallel()
	h, _ := desk(t)
	cases := map[string][]string{
		"/releases": {"<h1>smollm2-135m-instruct is served by 10 % r2, 90 % r1; r3 waits for its gate</h1>", "What is used today", "what the configuration file says", "never assigned",
			"r2 promoted", "by force", "a test with staff", "10 % r2, 90 % r1", `<option>writer</option>`, "nothing to take back", "not held against one", "gpt-4o-mini", "brand-voice@"},
		"/releases/r2":                 {"<h1>Release r2 serves 10 % of smollm2-135m-instruct</h1>", "1 of 3 checks not met", "significantly worse", "temperature 0.2", "version 3", "written by a machine", "{{name}}", `href="/runs/run-9d3x8q"`},
		"/releases/r3":                 {"<h1>Release r3 waits for its gate</h1>", "stylesprint release gate r3 --against RUN", "gpt-4o-mini, smollm2-135m-instruct"},
		"/releases/diff?from=r1&to=r2": {"<h1>Releases r1 and r2 differ in four fields</h1>", "evidence.evaluation", "plain@", "brand-voice@", "<mark>"},
		"/releases/diff?from=r2&to=r2": {"<h1>Releases r2 and r2 do not differ</h1>", "Every field has the same value."},
		"/releases?before=2":           {"<h1>One older release</h1>", "Newest releases"},
		"/releases?before=1":           {"<h1>There are no older releases</h1>"},
		"/releases?before=x":           {"r3 waits for its gate"},
	}
	for path, wants := range cases {
		w := get(h, path)
		body := w.Body.String()
		if w.Code != http.StatusOK {
			t.Errorf("%s: status %d", path, w.Code)
		}
		for _, want := range wants {
			if !strings.Contains(body, want) {
				t.Errorf("%s: lacks %q", path, want)
			}
		}
		sound(t, path, w)
	}
	for _, path := range []string{"/releases/r9", "/releases/x", "/releases/diff", "/releases/diff?from=r1&to=r9"} {
		if w := get(h, path); w.Code != http.StatusNotFound {
			t.Errorf("%s: status %d", path, w.Code)
		}
	}
}

func TestReleaseForms(t *testing.T) {
	t.Parallel()
	h, _ := desk(t)
	steps := []struct {
		path   string
		form   url.Values
		status int
		want   string // on the page of the fault, or of the releases
	}{
		{"/releases/promote", url.Values{"route": {"writer"}, "release": {"r3"}, "percent": {"50"}}, 403, "R3 has not been held against a gate"},
		{"/releases/promote", url.Values{"route": {"writer"}, "release": {"r3"}, "percent": {"half"}}, 400, "A share is a whole number from 1 to 100"},
		{"/releases/promote", url.Values{"route": {"writer"}, "release": {"r3"}, "percent": {"50"}, "force": {"yes"}}, 400, "needs a reason"},
		{"/releases/promote", url.Values{"route": {"writer"}, "release": {"r1"}, "percent": {"50"}, "reason": {"<b>try</b>"}}, 303, "&lt;b&gt;try&lt;/b&gt;"},
		{"/releases/rollback", url.Values{"route": {"writer"}, "reason": {"no"}}, 303, "r1 left"},
		{"/releases/rollback", url.Values{"route": {"writer"}, "reason": {"no"}}, 409, "There is nothing to roll back"},
		{"/releases/rollback", url.Values{"route": {""}, "reason": {"no"}}, 400, "public name of a route"},
	}
	for i, s := range steps {
		w := post(h, s.path, s.form)
		body := w.Body.String()
		if w.Code == http.StatusSeeOther {
			body = get(h, w.Header().Get("Location")).Body.String()
		}
		if w.Code != s.status || !strings.Contains(strings.ToLower(body), strings.ToLower(s.want)) {
			t.Errorf("step %d: status %d, want %d with %q", i, w.Code, s.status, s.want)
		}
	}
	// Another site's form is refused, and changes nothing.
	r := httptest.NewRequest(http.MethodPost, "/releases/rollback", strings.NewReader("route=smollm2-135m-instruct&reason=x"))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "cross-site")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	if w.Code != http.StatusForbidden || !strings.Contains(get(h, "/releases").Body.String(), "10 % r2, 90 % r1") {
		t.Errorf("another site's form: status %d", w.Code)
	}
}

// Without a source, or without acts, the pages say so.
func TestReleasesReadOnly(t *testing.T) {
	t.Parallel()
	h, _ := desk(t, func(o *web.Options) { o.Releases = nil })
	if w := get(h, "/releases"); w.Code != 200 || !strings.Contains(w.Body.String(), "This server keeps no releases") {
		t.Errorf("status %d", w.Code)
	}
	if w := get(h, "/releases/r1"); w.Code != http.StatusServiceUnavailable {
		t.Errorf("status %d", w.Code)
	}
	h, _ = desk(t, func(o *web.Options) { o.Releases.Act = nil })
	if body := get(h, "/releases").Body.String(); strings.Contains(body, "<button>Promote") || strings.Contains(body, "Roll back") {
		t.Error("forms are shown that nobody takes")
	}
	if w := post(h, "/releases/rollback", url.Values{"route": {"writer"}}); w.Code != http.StatusBadRequest {
		t.Errorf("status %d", w.Code)
	}
}
