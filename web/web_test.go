package web_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/evaluate"
	"stylesprint/evaluate/compare"
	"stylesprint/evaluate/dataset"
	"stylesprint/web"
	"stylesprint/web/webtest"
)

// desk is a dashboard over made-up data.
func desk(t testing.TB, change ...func(*web.Options)) (http.Handler, *webtest.Source) {
	t.Helper()
	s, err := webtest.New()
	if err != nil {
		t.Fatal(err)
	}
	o, err := s.Options()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range change {
		f(&o)
	}
	h, err := web.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return h, s
}

// held is a run that the source holds.
func held(t testing.TB, s *webtest.Source, id string) evaluate.Run {
	t.Helper()
	r, err := s.Run(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func get(h http.Handler, path string) *httptest.ResponseRecorder {
	w := httptest.NewRecorder()
	h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, path, nil))
	return w
}

func post(h http.Handler, path string, form url.Values) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodPost, path, strings.NewReader(form.Encode()))
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Sec-Fetch-Site", "same-origin")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const comparison = "/comparisons/view?run=" + webtest.Plain + "&run=" + webtest.Voice + "&run=" + webtest.Hosted

// pages are all pages with data.
func pages() []string {
	return []string{"/", "/playground", "/questions", "/runs", "/runs/" + webtest.Voice, "/runs/" + webtest.Running, "/runs/" + webtest.Failed, "/runs/" + webtest.Hosted, "/comparisons", comparison, "/releases", "/releases/r1", "/releases/r2", "/releases/diff?from=r1&to=r2", "/live", "/keyboard", "/nothing/here"}
}

func TestPages(t *testing.T) {
	t.Parallel()
	h, s := desk(t)
	running, voice := held(t, s, webtest.Running), held(t, s, webtest.Voice)
	similarity := slices.IndexFunc(voice.Scores, func(s stylesprint.Score) bool { return s.Metric == "similarity" })
	cases := []struct {
		path   string
		status int
		want   []string
	}{
		{"/", 200, []string{"Four models ready; one evaluation under way", "Price of a million tokens", "0.15 in, 0.6 out, USD", "hosted-second: 2.5 in, 10 out, EUR", "smollm2-135m-instruct: no price set", "asks hosted-primary, hosted-second and smollm2-135m-instruct", "hosted-mini is better than plain on Semantic similarity", "smollm2-135m-instruct", "98.0 MB", "Apache-2.0", "8,192 tokens", "database", "in order", "plain-remote"}},
		{"/playground", 200, []string{`<form id="ask" action="/playground" method="post">`, `name="temperature"`, `name="seed"`, "gpt-4o-mini"}},
		{"/questions?sku=SS-DR-101", 200, []string{`<form id="question-form" action="/questions" method="post">`, `value="SS-DR-101"`, "Ask about a product"}},
		{"/runs", 200, []string{"Five runs, one under way, one not finished", fmt.Sprintf("%d of %d, ", running.Done, running.Total), "data-live", "cannot be reached", `name="run" value="` + webtest.Voice}},
		{"/runs/" + webtest.Voice, 200, []string{fmt.Sprintf("brand-voice wrote all %d outputs", voice.Total), fmt.Sprintf("%.3f", voice.Scores[similarity].Value), "95 % interval", "Half of the outputs took", "Reference", "faithfulness-recall|rules:sha256:", "Faithfulness to the record", "contradiction", "Further texts", "temperature 0.2, seed 7, at most 120 tokens"}},
		{"/runs/" + webtest.Running, 200, []string{"brand-voice-360m is at work on demo-catalogue", "Scores are computed once", "data-live"}},
		{"/runs/" + webtest.Failed, 200, []string{fmt.Sprintf("plain-remote failed after 0 of %d outputs", voice.Total), "port 8001", "No texts yet."}},
		{"/runs/" + webtest.Hosted, 200, []string{"1 of them without a text", "rate_limited", "USD"}},
		{"/runs/no-such", 404, []string{"There is no run &#34;no-such&#34;", "404 Not Found", "stylesprint eval list"}},
		{"/comparisons", 200, []string{"One set of runs can be compared", "plain, brand-voice and hosted-mini"}},
		{comparison, 200, []string{"hosted-mini is better than plain on Semantic similarity", "How it was decided", "<svg", "The same data as a table", "<mark>", "on the front: ", "Slice by slice", "too few: n = ", "Reported elsewhere, not measured here", "12.31", `<del>`, "not in the record; a hard rule forbids it", `<u tabindex="0" title="material"`, `src="/images/run-4k7m2p?item=SS-`, "of 50,000 products", "below what people wrote", "Latency, 99th percentile", "Throughput", "Baseline:", "Further texts", fmt.Sprintf("8 of %d texts", voice.Total)}},
		{"/comparisons/view?run=" + webtest.Plain, 400, []string{"A comparison needs at least two runs"}},
		{"/comparisons/view?run=" + webtest.Plain + "&run=" + webtest.Running, 409, []string{"is not done"}},
		{"/comparisons/view?run=1&run=2&run=3&run=4&run=5&run=6&run=7&run=8", 400, []string{"at most 7 runs"}},
		{"/keyboard", 200, []string{"<kbd>?</kbd>"}},
		{"/nothing/here", 404, []string{"There is no page at /nothing/here"}},
	}
	for _, c := range cases {
		w := get(h, c.path)
		if w.Code != c.status {
			t.Errorf("%s: status %d, want %d", c.path, w.Code, c.status)
		}
		body := w.Body.String()
		for _, want := range c.want {
			if !strings.Contains(body, want) {
				t.Errorf("%s: lacks %q", c.path, want)
			}
		}
		sound(t, c.path, w)
	}
}

// sound checks what every page must keep to.
func sound(t *testing.T, path string, w *httptest.ResponseRecorder) {
	t.Helper()
	body := w.Body.String()
	if len(body) > 150_000 {
		t.Errorf("%s: %d bytes", path, len(body))
	}
	for _, want := range []string{"<!doctype html>", `<html lang="en">`, `<a class="skip" href="#main">`, `<main id="main"`, "<h1>", `content="width=device-width`} {
		if !strings.Contains(body, want) {
			t.Errorf("%s: lacks %q", path, want)
		}
	}
	if bare := strings.Contains(body, `<div class="desk bare">`); bare == strings.Contains(body, `<nav aria-label="Steps">`) {
		t.Errorf("%s: the rail is missing, or on a page for raters", path)
	}
	if n := strings.Count(body, "<h1>"); n != 1 {
		t.Errorf("%s: %d h1", path, n)
	}
	for _, bad := range []string{` style="`, " onclick", "<style", "javascript:", "NaN", "%!", "<nil>", "ZgotmplZ"} {
		if strings.Contains(body, bad) {
			t.Errorf("%s: holds %q", path, bad)
		}
	}
	for _, s := range regexp.MustCompile(`<script[^>]*>`).FindAllString(body, -1) {
		if !strings.Contains(s, `src="/assets/desk.js?`) {
			t.Errorf("%s: %s", path, s)
		}
	}
	accessible(t, path, body)
	for header, want := range map[string]string{
		"Content-Type": "text/html; charset=utf-8", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "X-Frame-Options": "DENY",
	} {
		if got := w.Header().Get(header); got != want {
			t.Errorf("%s: %s is %q", path, header, got)
		}
	}
	if csp := w.Header().Get("Content-Security-Policy"); !strings.Contains(csp, "default-src 'none'") || strings.Contains(csp, "unsafe-inline") {
		t.Errorf("%s: policy %q", path, csp)
	}
}

// accessible checks what can be seen in the text: captions, scopes, labels, unique ids.
func accessible(t *testing.T, path, body string) {
	t.Helper()
	if tables, captions := strings.Count(body, "<table>"), strings.Count(body, "<caption"); tables != captions {
		t.Errorf("%s: %d tables, %d captions", path, tables, captions)
	}
	for _, th := range regexp.MustCompile(`<th\b[^>]*>`).FindAllString(body, -1) {
		if !strings.Contains(th, "scope=") {
			t.Errorf("%s: %s has no scope", path, th)
		}
	}
	ids := map[string]bool{}
	for _, m := range regexp.MustCompile(` id="([^"]+)"`).FindAllStringSubmatch(body, -1) {
		if ids[m[1]] {
			t.Errorf("%s: id %q is there twice", path, m[1])
		}
		ids[m[1]] = true
	}
	for _, m := range regexp.MustCompile(`aria-(?:labelledby|describedby)="([^"]+)"`).FindAllStringSubmatch(body, -1) {
		if !ids[m[1]] {
			t.Errorf("%s: nothing has the id %q", path, m[1])
		}
	}
	for _, field := range regexp.MustCompile(`<(?:input|select|textarea)\b[^>]*>`).FindAllString(body, -1) {
		id := regexp.MustCompile(` id="([^"]+)"`).FindStringSubmatch(field)
		switch {
		case strings.Contains(field, `type="hidden"`), strings.Contains(field, "aria-label="):
		case id != nil && (strings.Contains(body, `for="`+id[1]+`"`) || strings.Contains(body, `<label class="tick"><input type="checkbox" id="`+id[1]+`"`)):
		default:
			t.Errorf("%s: %s has no label", path, field)
		}
	}
}

type nothing struct{}

func (nothing) Run(context.Context, string) (evaluate.Run, error) {
	return evaluate.Run{}, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: "there is no such run"}
}
func (nothing) Runs(context.Context, evaluate.Filter) ([]evaluate.Run, error)      { return nil, nil }
func (nothing) Outputs(context.Context, string, func(evaluate.Output) error) error { return nil }

func TestEmptyPagesTeach(t *testing.T) {
	t.Parallel()
	h, err := web.New(web.Options{Runs: nothing{}})
	if err != nil {
		t.Fatal(err)
	}
	for path, wants := range map[string][]string{
		"/":            {"No model is served yet; nothing evaluated yet", "stylesprint demo", "stylesprint eval run --help", "/readyz"},
		"/playground":  {"No model can be asked yet", "stylesprint demo"},
		"/questions":   {"No catalogue is served yet", "stylesprint serve"},
		"/runs":        {"Nothing has been evaluated yet", "stylesprint demo --once"},
		"/comparisons": {"No two runs can be compared yet", "stylesprint eval compare --help"},
	} {
		w := get(h, path)
		if w.Code != 200 {
			t.Errorf("%s: status %d", path, w.Code)
		}
		for _, want := range wants {
			if !strings.Contains(w.Body.String(), want) {
				t.Errorf("%s: lacks %q", path, want)
			}
		}
		sound(t, path, w)
	}
	if w := get(h, "/comparisons/view?run=a&run=b"); w.Code != 503 || !strings.Contains(w.Body.String(), "stylesprint eval compare") {
		t.Errorf("without a comparer: status %d", w.Code)
	}
	if _, err := web.New(web.Options{}); err == nil {
		t.Error("New without runs gives no error")
	}
}

// Nothing that a model wrote, or that anything is named, becomes markup.
func TestHostileTextIsEscaped(t *testing.T) {
	t.Parallel()
	const payload = `</textarea></title><script>alert(1)</script><img src=x onerror=alert(2)>"'` + "`" + `javascript:alert(3)`
	s, err := webtest.New()
	if err != nil {
		t.Fatal(err)
	}
	src := hostile{s, payload}
	base, err := s.Options()
	if err != nil {
		t.Fatal(err)
	}
	models, err := base.Models(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	fill(reflect.ValueOf(&models).Elem(), payload)
	models[0].Task = ""
	h, err := web.New(web.Options{
		Runs: src, Compare: src, Version: payload, Now: webtest.Now,
		Models: func(context.Context) ([]web.Model, error) { return models, nil },
		Health: func(context.Context) []web.Check {
			return []web.Check{{Name: payload, Detail: payload}, {Name: payload, Detail: payload, OK: true}}
		},
		Samples: []web.Sample{{Name: payload, Values: map[string]string{payload: payload}}},
		Items: func(context.Context, evaluate.Run, []string) ([]dataset.Item, error) {
			return []dataset.Item{{ID: payload, References: []string{payload}}}, nil
		},
		Generate: failing{payload},
	})
	if err != nil {
		t.Fatal(err)
	}
	check := func(name string, w *httptest.ResponseRecorder) {
		t.Helper()
		body := w.Body.String()
		for _, bad := range []string{"<script>", "<img", "</textarea></title><script", `"'` + "`", `href="javascript`} {
			if strings.Contains(body, bad) {
				t.Errorf("%s: holds %q", name, bad)
			}
		}
		if !strings.Contains(body, "&lt;script&gt;alert(1)") {
			t.Errorf("%s: the text is not there at all", name)
		}
	}
	for _, path := range []string{"/", "/runs", "/runs/" + webtest.Voice, "/runs/" + webtest.Failed, "/runs/" + webtest.Running, "/comparisons", comparison, "/playground", "/" + url.PathEscape(payload)} {
		check(path, get(h, path))
	}
	check("form", post(h, "/playground", url.Values{"prompt": {payload}, "system": {payload}, "model": {payload}, "temperature": {payload}, "seed": {payload}, "max_tokens": {payload}}))
	check("question", post(h, "/questions", url.Values{"sku": {payload}, "question": {payload}}))
	check("known product", post(h, "/questions", url.Values{"sku": {"SS-DR-101"}, "question": {payload}}))
	check("answer", post(h, "/playground", url.Values{"prompt": {payload}, "model": {payload}}))
	check("template", get(h, "/playground?template="+url.QueryEscape(payload)+"&sample="+url.QueryEscape(payload)))
	check("report", get(h, strings.Replace(comparison, "view", "report", 1)))
}

// hostile is a source whose every text is a payload, ids and states excepted.
type hostile struct {
	*webtest.Source
	payload string
}

func (h hostile) Run(ctx context.Context, id string) (evaluate.Run, error) {
	r, err := h.Source.Run(ctx, id)
	return h.spoil(r), err
}

func (h hostile) spoil(r evaluate.Run) evaluate.Run {
	status, split := r.Status, r.Split
	scores := append([]stylesprint.Score(nil), r.Scores...)
	r.Scores = scores
	fill(reflect.ValueOf(&r).Elem(), h.payload)
	r.Status, r.Split = status, split
	for i := range r.Scores {
		r.Scores[i].Missing = ""
	}
	return r
}

func (h hostile) Runs(ctx context.Context, f evaluate.Filter) ([]evaluate.Run, error) {
	runs, err := h.Source.Runs(ctx, f)
	for i := range runs {
		name := fmt.Sprint(i)
		runs[i] = h.spoil(runs[i])
		runs[i].Candidate.Name += name
	}
	return runs, err
}

func (h hostile) Outputs(ctx context.Context, id string, yield func(evaluate.Output) error) error {
	return h.Source.Outputs(ctx, webtest.Voice, func(o evaluate.Output) error {
		broken := o.ItemID == "SS-DR-102"
		o.Scores = map[string]float64{h.payload: 1}
		fill(reflect.ValueOf(&o).Elem(), h.payload)
		if !broken {
			o.Error, o.Code = "", ""
		}
		return yield(o)
	})
}

func (h hostile) Compare(ctx context.Context, ids []string) (compare.Comparison, error) {
	c, err := h.Source.Compare(ctx, []string{webtest.Plain, webtest.Voice})
	fill(reflect.ValueOf(&c).Elem(), h.payload)
	return c, err
}

func (h hostile) Rows(ctx context.Context, ids []string, yield func(compare.Row) error) error {
	return h.Source.Rows(ctx, ids, func(r compare.Row) error {
		fill(reflect.ValueOf(&r).Elem(), h.payload)
		for i := range r.Cells {
			r.Cells[i].Error, r.Cells[i].Code = "", ""
		}
		return yield(r)
	})
}

// fill puts s into every string that v holds.
func fill(v reflect.Value, s string) {
	switch v.Kind() {
	case reflect.String:
		if v.CanSet() {
			v.SetString(s)
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() && v.Type().Field(i).Type != reflect.TypeFor[time.Time]() {
				fill(v.Field(i), s)
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			fill(v.Index(i), s)
		}
	case reflect.Map:
		if v.Type().Elem().Kind() == reflect.String && v.CanSet() {
			v.Set(reflect.ValueOf(map[string]string{s: s}).Convert(v.Type()))
		}
	}
}

func TestFaultsAreToldButNotTheirInsides(t *testing.T) {
	t.Parallel()
	h, err := web.New(web.Options{Runs: brokenRuns{}})
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/runs", "/runs/x", "/comparisons"} {
		w := get(h, path)
		if w.Code != 500 || !strings.Contains(w.Body.String(), "This page could not be made") || strings.Contains(w.Body.String(), "/var/secret") {
			t.Errorf("%s: status %d, %.300s", path, w.Code, w.Body)
		}
		sound(t, path, w)
	}
	o := web.Options{Runs: nothing{}, Models: func(context.Context) ([]web.Model, error) { return nil, errors.New("open /var/secret") }}
	if h, err = web.New(o); err != nil {
		t.Fatal(err)
	}
	if w := get(h, "/"); w.Code != 200 || !strings.Contains(w.Body.String(), "The list of models could not be read") || strings.Contains(w.Body.String(), "/var/secret") {
		t.Errorf("models: status %d, %.300s", w.Code, w.Body)
	}
}

type brokenRuns struct{}

func (brokenRuns) Run(context.Context, string) (evaluate.Run, error) {
	return evaluate.Run{}, errors.New("open /var/secret: denied")
}
func (brokenRuns) Runs(context.Context, evaluate.Filter) ([]evaluate.Run, error) {
	return nil, errors.New("open /var/secret: denied")
}
func (brokenRuns) Outputs(context.Context, string, func(evaluate.Output) error) error {
	return io.ErrUnexpectedEOF
}
