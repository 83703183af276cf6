package gateway_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/catalogue"
	products "stylesprint/catalogue/answer"
	"stylesprint/gateway"
	"stylesprint/generate/fake"
)

func TestGenerate(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{
		text(fake.Script{Model: "fake-1", ContextTokens: 300, Answers: []fake.Answer{{Text: "A cool linen shirt."}}}), vectors(),
	}}})
	for _, path := range []string{"/generate/", "/generate"} {
		a := s.post(t, path, `{"prompt":"Describe a linen shirt.","model":"fake","temperature":0,"max_tokens":50,"seed":7,"stream":false}`)
		if a.status != 200 || a.header.Get("Content-Type") != "application/json" {
			t.Fatalf("%s: %d %s %s", path, a.status, a.header, a.body)
		}
		m := a.json(t)
		if m["generated_text"] != "A cool linen shirt." || m["model"] != "fake-1" || m["finish_reason"] != "stop" {
			t.Errorf("%s: %s", path, a.body)
		}
		u := m["usage"].(map[string]any)
		if u["prompt_tokens"] != 4.0 || u["completion_tokens"] != 4.0 || u["total_tokens"] != 8.0 {
			t.Errorf("usage %v", u)
		}
		if id := a.header.Get("X-Request-ID"); id == "" || m["request_id"] != id {
			t.Errorf("request id %q in the header, %v in the body", id, m["request_id"])
		}
	}
}

// The body of this error is compared whole by callers.
func TestPromptIsRequired(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{})}}})
	for _, body := range []string{`{}`, `{"prompt":""}`, `{"prompt":" \n\t\u00a0"}`, `{"prompt":null}`, `{"model":"none"}`, `{"stream":true}`} {
		a := s.post(t, "/generate/", body)
		if a.status != 400 || a.body != "{\"detail\":\"Prompt is required\"}\n" {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
}

func TestGenerateErrors(t *testing.T) {
	t.Parallel()
	fail := func(match string, code stylesprint.Code, wait time.Duration) fake.Answer {
		return fake.Answer{Match: match, Err: &stylesprint.Error{Code: code, Message: "it went wrong", RetryAfter: wait}}
	}
	s := serve(t, setup{o: gateway.Options{MaxBodyBytes: 4096, Models: []gateway.Model{
		text(fake.Script{ContextTokens: 300, Answers: []fake.Answer{
			fail("limited", stylesprint.CodeRateLimited, 1500*time.Millisecond), fail("unmeasured", stylesprint.CodeRateLimited, 0),
			fail("upstream", stylesprint.CodeUpstream, 0), fail("unavailable", stylesprint.CodeUnavailable, 0),
			fail("slow", stylesprint.CodeTimeout, 0), fail("refused", stylesprint.CodeRefused, 0), fail("bug", stylesprint.CodeInternal, 0),
			fail("ourkey", stylesprint.CodeUnauthorized, 0), fail("gone", stylesprint.CodeNotFound, 0), fail("stopped", stylesprint.CodeCancelled, 0),
		}}), vectors(),
	}}})
	cases := []struct {
		name, body string
		status     int
		code       string
		field      string
		detail     string // is contained
	}{
		{"empty", ``, 400, "invalid_request", "", "empty"},
		{"blank", "  \n", 400, "invalid_request", "", "empty"},
		{"no JSON", `prompt=x`, 400, "invalid_request", "", "or end at byte 1"},
		{"cut", `{"prompt":"x"`, 400, "invalid_request", "", "or end at byte 13"},
		{"trailing", `{"prompt":"x"} x`, 400, "invalid_request", "", "byte 16"},
		{"two", `{"prompt":"x"}{"prompt":"y"}`, 400, "invalid_request", "", "byte 15"},
		{"list", `["x"]`, 400, "invalid_request", "", "must be a JSON object"},
		{"text", `"x"`, 400, "invalid_request", "", "must be a JSON object"},
		{"null", `null`, 400, "invalid_request", "", "must be a JSON object"},
		{"no UTF-8", "{\"prompt\":\"\xff\"}", 400, "invalid_request", "", "UTF-8 at byte 12"},
		{"control character", "{\"prompt\":\"a\x01b\"}", 400, "invalid_request", "", "byte 13"},
		{"deep", `{"prompt":"x","model":` + strings.Repeat("[", 2000), 400, "invalid_request", "", "nested more than 256 deep"},
		{"unknown field", `{"prompt":"x","max_token":5}`, 400, "invalid_request", "max_token", "max_token"},
		{"capital", `{"Prompt":"x"}`, 400, "invalid_request", "Prompt", "Unknown field"},
		{"prompt number", `{"prompt":5}`, 400, "invalid_request", "prompt", "prompt must be a string"},
		{"prompt list", `{"prompt":["x"]}`, 400, "invalid_request", "prompt", "prompt must be a string"},
		{"temperature text", `{"prompt":"x","temperature":"hot"}`, 400, "invalid_request", "temperature", "must be a number"},
		{"temperature high", `{"prompt":"x","temperature":2.5}`, 400, "invalid_request", "temperature", "0 to 2"},
		{"temperature huge", `{"prompt":"x","temperature":1e999}`, 400, "invalid_request", "temperature", "must be a number"},
		{"tokens fraction", `{"prompt":"x","max_tokens":1.5}`, 400, "invalid_request", "max_tokens", "whole number"},
		{"tokens zero", `{"prompt":"x","max_tokens":0}`, 400, "invalid_request", "max_tokens", "1 or more"},
		{"tokens huge", `{"prompt":"x","max_tokens":1e30}`, 400, "invalid_request", "max_tokens", "at most 2147483647"},
		{"seed negative", `{"prompt":"x","seed":-1}`, 400, "invalid_request", "seed", "whole number"},
		{"stream text", `{"prompt":"x","stream":"yes"}`, 400, "invalid_request", "stream", "true or false"},
		{"no such model", `{"prompt":"x","model":"gpt-9"}`, 404, "not_found", "model", `"gpt-9" does not exist`},
		{"model without text", `{"prompt":"x","model":"vec"}`, 400, "unsupported", "model", "vectors, not text"},
		{"context", `{"prompt":"x","max_tokens":300}`, 422, "context_too_long", "", "301 tokens"},
		{"large", `{"prompt":"` + strings.Repeat("x", 5000) + `"}`, 413, "too_large", "", "4096 bytes"},
		{"limited", `{"prompt":"limited"}`, 429, "rate_limited", "", "as many requests as it takes"},
		{"unmeasured", `{"prompt":"unmeasured"}`, 429, "rate_limited", "", "as many requests as it takes"},
		{"upstream", `{"prompt":"upstream"}`, 502, "upstream_error", "", "before its answer was whole"},
		{"unavailable", `{"prompt":"unavailable"}`, 503, "unavailable", "", "not available"},
		{"slow", `{"prompt":"slow"}`, 504, "timeout", "", "not answer in time"},
		{"refused", `{"prompt":"refused"}`, 422, "refused", "", "it went wrong"},
		{"bug", `{"prompt":"bug"}`, 500, "internal", "", "Internal server error"},
		{"our own key", `{"prompt":"ourkey"}`, 502, "upstream_error", "", "does not accept this server's requests"},
		{"unknown there", `{"prompt":"gone"}`, 502, "upstream_error", "", "does not accept this server's requests"},
		{"stopped", `{"prompt":"stopped"}`, 503, "unavailable", "", "stopped before it was done"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			a := s.post(t, "/generate/", c.body)
			m := a.json(t)
			field, _ := m["field"].(string)
			if detail, _ := m["detail"].(string); a.status != c.status || m["code"] != c.code || field != c.field || !strings.Contains(detail, c.detail) {
				t.Errorf("%d %s", a.status, a.body)
			}
			if m["request_id"] != a.header.Get("X-Request-ID") {
				t.Errorf("request id %v, header %q", m["request_id"], a.header.Get("X-Request-ID"))
			}
			if wait := a.header.Get("Retry-After"); (wait != "") != (c.status == 429 || c.status == 503) {
				t.Errorf("Retry-After %q", wait)
			} else if c.name == "limited" && wait != "2" {
				t.Errorf("Retry-After %q, want 2", wait)
			}
			// The same request as a stream fails with the same status.
			if streamed := strings.Replace(c.body, `{"prompt"`, `{"stream":true,"prompt"`, 1); c.status >= 422 {
				if b := s.post(t, "/generate/", streamed); b.status != c.status {
					t.Errorf("streamed: %d %s", b.status, b.body)
				}
			}
		})
	}
}

func TestGenerateStream(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{Model: "fake-1", Answers: []fake.Answer{
		{Match: "half", Text: "one two three", After: 2, Err: &stylesprint.Error{Code: stylesprint.CodeUpstream, Message: "it broke"}},
		{Text: "A <b>cool</b>\nlinen shirt."},
	}})}}})
	a, got, whole := s.stream(t, "/generate/", `{"prompt":"x","stream":true}`)
	if a.status != 200 || !whole || !strings.HasPrefix(a.header.Get("Content-Type"), "text/event-stream") || a.header.Get("Cache-Control") != "no-cache, no-transform" {
		t.Fatalf("%d %v whole %v", a.status, a.header, whole)
	}
	var joined string
	for _, e := range got[:len(got)-1] {
		var piece struct{ Text string }
		if err := json.Unmarshal([]byte(e.data), &piece); err != nil || piece.Text == "" {
			t.Errorf("event %+v: %v", e, err)
		}
		joined += piece.Text
	}
	last := answer{body: got[len(got)-1].data}.json(t)
	if joined != "A <b>cool</b>\nlinen shirt." || last["generated_text"] != joined || last["model"] != "fake-1" || last["request_id"] != a.header.Get("X-Request-ID") {
		t.Errorf("pieces %q, last %v", joined, last)
	}

	a, got, whole = s.stream(t, "/generate/", `{"prompt":"half","stream":true}`)
	end := got[len(got)-1]
	if a.status != 200 || whole || len(got) != 3 || end.name != "error" {
		t.Fatalf("status %d, whole %v, events %v", a.status, whole, got)
	}
	if m := (answer{body: end.data}).json(t); m["code"] != "upstream_error" || m["detail"] != "The model failed before its answer was whole" || m["request_id"] == "" {
		t.Errorf("error event %v", m)
	}
}

func TestOtherPathsAndMethods(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{})}}})
	cases := []struct {
		method, path string
		status       int
		allow        string
		openAI       bool
	}{
		{"GET", "/generate/", 405, "POST", false},
		{"DELETE", "/generate", 405, "POST", false},
		{"GET", "/v1/chat/completions", 405, "POST", true},
		{"POST", "/v1/models", 405, "GET, HEAD", true},
		{"POST", "/healthz", 405, "GET, HEAD", false},
		{"GET", "/v1/nothing", 404, "", true},
		{"POST", "/v1/audio/speech", 404, "", true},
		{"GET", "/generate/x", 404, "", false},
		{"HEAD", "/healthz", 200, "", false},
	}
	for _, c := range cases {
		a := s.do(t, c.method, c.path, "")
		if a.status != c.status || a.header.Get("Allow") != c.allow || a.header.Get("X-Request-ID") == "" {
			t.Errorf("%s %s: %d %v", c.method, c.path, a.status, a.header)
		}
		if c.status == 200 {
			continue
		}
		if m := a.json(t); c.openAI != (m["error"] != nil) || c.openAI == (m["detail"] != nil) {
			t.Errorf("%s %s: %s", c.method, c.path, a.body)
		}
	}
}

func TestProbes(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{})}}})
	if a := s.do(t, "GET", "/healthz", ""); a.status != 200 || a.json(t)["status"] != "ok" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := s.do(t, "GET", "/readyz", ""); a.status != 200 || a.json(t)["status"] != "ready" {
		t.Errorf("%d %s", a.status, a.body)
	}
	s.post(t, "/generate/", `{"prompt":"x"}`)
	a := s.do(t, "GET", "/metrics", "")
	for _, want := range []string{
		`stylesprint_http_requests_total{model="fake",route="/generate/",status="200"} 1`,
		`stylesprint_http_request_duration_seconds_count{model="fake",route="/generate/"} 1`,
		`stylesprint_tokens_total{kind="completion",model="fake"}`, `stylesprint_cost_total{model="fake"}`, `stylesprint_http_requests_in_flight 1`,
	} {
		if a.status != 200 || !strings.Contains(a.body, want) {
			t.Errorf("no %s in:\n%s", want, a.body)
		}
	}
}

// A body that cannot be read is answered with one that can: the route takes its own example.
func TestExamplesOfBodies(t *testing.T) {
	t.Parallel()
	p := catalogue.Product{SKU: "SS-DR-101", Name: "Mira Dress", Features: []string{"two side pockets"}}
	answers, err := products.New(products.Options{Products: inMemory(p)})
	if err != nil {
		t.Fatal(err)
	}
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{}), vectors()}, Answer: answers, Feedback: feedbackOptions(&box{})}})
	for _, path := range []string{"/generate/", "/answer", "/v1/chat/completions", "/v1/completions", "/v1/embeddings", "/feedback"} {
		var example string
		for _, body := range []string{`{"x": }`, ``, `[]`, `null`, strings.Repeat("[", 300)} {
			e := errorOf(t, s.post(t, path, body))
			_, shown, ok := strings.Cut(e.Hint, "send one such as ")
			if !ok || example != "" && shown != example {
				t.Errorf("%s, %.10q: hint %q", path, body, e.Hint)
			}
			example = shown
		}
		if a := s.post(t, path, example); a.status >= 300 {
			t.Errorf("%s refuses its own example %s: %d %s", path, example, a.status, a.body)
		}
	}
}
