package gateway_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/generate"
	"stylesprint/generate/fake"
	"stylesprint/generate/openai"
	"stylesprint/internal/httpserver"
)

// nasty are texts that terminals, logs, databases and pages may stumble over.
func nasty() []string {
	return []string{
		"\x00", "a\x00b", "\x1b[31mred\x1b[0m", "\x7f\x80\u0085", "line\r\nX-Injected: 1", "\u202egnp.exe", "\u2028\u2029", "\ufeff", "\ufffe\uffff", "\U000e0041",
		"<script>alert(1)</script>", "'; DROP TABLE requests; --", "${jndi:ldap://x}", "{{.}}", "%s%n", "../../etc/passwd", strings.Repeat("\u0301", 500), strings.Repeat("👗", 300),
	}
}

// Texts of all kinds in every field that takes one: an answer of 200 or a clear 4xx, a log of one line a record.
func TestControlCharactersEverywhere(t *testing.T) {
	t.Parallel()
	log := &ledger{}
	b := &box{}
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{Answers: []fake.Answer{{Write: fake.Text}}}), vectors()}, Requests: log, LogBodies: true, Feedback: feedbackOptions(b), MaxInFlight: 200,
		Stages: []gateway.Stage{guarded(t).Stage()}}})
	bodies := []struct{ path, body string }{
		{"/generate/", `{"prompt":%s}`},
		{"/generate/", `{"prompt":%s,"stream":true}`},
		{"/generate/", `{"prompt":"x","model":%s}`},
		{"/generate/", `{"prompt":"x",%s:1}`},
		{"/v1/chat/completions", `{"messages":[{"role":"user","content":%s}]}`},
		{"/v1/chat/completions", `{"messages":[{"role":%s,"content":"x"}]}`},
		{"/v1/chat/completions", `{"messages":[{"role":"user","content":[{"type":"text","text":%s}]}],"stop":[%[1]s]}`},
		{"/v1/chat/completions", `{"messages":[{"role":"user","content":"x","name":%s}],"user":%[1]s}`},
		{"/v1/completions", `{"prompt":[%s],"stream":true}`},
		{"/v1/embeddings", `{"input":[%s,%[1]s],"user":%[1]s}`},
		{"/v1/embeddings", `{"input":"x","encoding_format":%s}`},
		{"/feedback", `{"request_id":%s,"rating":1}`},
		{"/feedback", `{"request_id":"x","rating":1,"edited_text":%s,"subject":%[1]s}`},
	}
	for _, of := range bodies {
		for _, text := range nasty() {
			quoted, err := json.Marshal(text)
			if err != nil {
				t.Fatal(err)
			}
			a := s.post(t, of.path, fmt.Sprintf(of.body, quoted))
			if a.status >= 500 || a.status == 429 && of.path != "/feedback" {
				t.Errorf("%s %s: %d %s", of.path, quoted, a.status, a.body)
			}
			if strings.ContainsAny(a.body, "\x00\x1b") || a.header.Get("X-Injected") != "" {
				t.Errorf("%s %s: %q", of.path, quoted, a.body)
			}
		}
	}
	for i, text := range nasty() {
		req := httptest.NewRequest("GET", "/v1/models", nil)
		req.URL.Path = "/v1/models/" + text
		req.Header["X-Request-Id"] = []string{text}
		rec := httptest.NewRecorder()
		s.ServeHTTP(rec, req)
		if rec.Code != 404 && rec.Code != 301 && rec.Code != 307 || rec.Header().Get("X-Request-ID") == text && strings.ContainsAny(text, "\r\n\x00\x1b<") {
			t.Errorf("%d: %d %v", i, rec.Code, rec.Header())
		}
	}
	for line := range strings.Lines(s.log.String()) {
		if !json.Valid([]byte(line)) || strings.ContainsAny(strings.TrimSpace(line), "\x00\x1b\r\u202e") {
			t.Errorf("log: %q", line)
		}
	}
	for _, r := range log.wait(t, 100) {
		if strings.Contains(r.Prompt+r.Response, "\x00") {
			t.Errorf("record %q", r.Prompt)
		}
	}
	for _, f := range b.kept {
		if strings.Contains(f.EditedText, "\x00") || strings.Contains(f.RequestID, "\n") {
			t.Errorf("%+v", f)
		}
	}
	s.calm(t)
}

// JSON that readers may understand differently has one meaning here: that of the last member.
func TestAmbiguousJSON(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{Answers: []fake.Answer{{Write: fake.Text}}})}}})
	for body, want := range map[string]string{
		`{"prompt":"first","prompt":"last"}`:                      "last",
		`{"prompt":"first","pro\u006dpt":"last"}`:                 "last",
		`{"prompt":"a\ud83d\udc57b"}`:                             "a👗b",
		`{"prompt":"lone \ud800 half"}`:                           "lone \ufffd half",
		"\t\r\n {\"prompt\" : \"space\"} \n":                      "space",
		`{"prompt":"x","Prompt":"y"}`:                             "",
		`{"prompt":"x"}{"prompt":"y"}`:                            "",
		`{"prompt":"x"},`:                                         "",
		"\ufeff{\"prompt\":\"x\"}":                                "",
		`{'prompt':'x'}`:                                          "",
		`{"prompt":"x",}`:                                         "",
		"{\"prompt\":\"x\x01\"}":                                  "",
		"{\"prompt\":\"\xff\xfe\"}":                               "",
		"{\"prompt\":\"\xed\xa0\x80\"}":                           "",
		`{"prompt":"x","max_tokens":NaN}`:                         "",
		`{"prompt":"x","temperature":-0.0000000000000000001e400}`: "",
		`{"prompt":"x","max_tokens":12345678901234567890}`:        "",
		`{"prompt":"x","seed":-1}`:                                "",
		`{"prompt":"x","seed":1e2}`:                               "",
	} {
		a := s.post(t, "/generate/", body)
		if want == "" {
			if a.status != 400 || a.json(t)["detail"] == "" {
				t.Errorf("%q: %d %s", body, a.status, a.body)
			}
			continue
		}
		if a.status != 200 || a.json(t)["generated_text"] != want {
			t.Errorf("%q: %d %s", body, a.status, a.body)
		}
	}
	s.calm(t)
}

// peak samples the heap until stop is called, which returns by how much it grew at most.
func peak() (stop func() int64) {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	start, most := m.HeapAlloc, m.HeapAlloc
	done, ended := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(ended)
		for {
			select {
			case <-done:
				return
			case <-time.After(2 * time.Millisecond):
				runtime.ReadMemStats(&m)
				most = max(most, m.HeapAlloc)
			}
		}
	}()
	return func() int64 {
		close(done)
		<-ended
		return int64(most) - int64(start)
	}
}

// Twenty bodies of a hundred megabytes at once, of unknown length, take little memory. Not parallel: it measures the process.
func TestHugeBodiesTakeLittleMemory(t *testing.T) {
	s := serve(t, setup{o: gateway.Options{MaxBodyBytes: 1 << 20, Models: []gateway.Model{text(fake.Script{})}, Feedback: feedbackOptions(&box{})}})
	grown := peak()
	var all sync.WaitGroup
	for i := range 20 {
		all.Go(func() {
			path := []string{"/generate/", "/v1/chat/completions", "/v1/embeddings", "/feedback"}[i%4]
			body := io.MultiReader(strings.NewReader(`{"prompt":"`), &endless{100 << 20})
			req, err := http.NewRequest("POST", s.url+path, body)
			if err != nil {
				t.Error(err)
				return
			}
			resp, err := s.client.Do(req)
			if err != nil {
				return // closed before the client had sent all
			}
			defer resp.Body.Close()
			if resp.StatusCode != 413 {
				t.Errorf("%s: %d", path, resp.StatusCode)
			}
		})
	}
	all.Wait()
	if most := grown(); most > 120<<20 { // of 2,000 MB; each may hold its megabyte a few times while it grows
		t.Errorf("the heap grew by %d MB", most>>20)
	}
	s.calm(t)
}

// noKeys refuses every key.
type noKeys struct{}

func (noKeys) Authenticate(*http.Request, stylesprint.Secret) (gateway.Caller, error) {
	return gateway.Caller{}, &stylesprint.Error{Code: stylesprint.CodeUnauthorized, Message: "This key is not known"}
}

// Ten thousand bad keys leave nothing behind: no memory, no series, no key in the log. Not parallel: it measures the process.
func TestTenThousandBadKeys(t *testing.T) {
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{})}, Auth: noKeys{}, Requests: &ledger{}, Feedback: feedbackOptions(&box{})}})
	try := func(from, to int) {
		for i := from; i < to; i++ {
			path := []string{"/generate/", "/v1/models", "/feedback", "/v1/chat/completions", "/metrics"}[i%5]
			method := "POST"
			if path == "/v1/models" || path == "/metrics" {
				method = "GET"
			}
			req := httptest.NewRequest(method, path, strings.NewReader(`{"prompt":"x"}`))
			req.Header.Set("Authorization", fmt.Sprintf("Bearer sk-bad-%d-%s", i, strings.Repeat("k", i%200)))
			rec := httptest.NewRecorder()
			s.ServeHTTP(rec, req)
			if rec.Code != 401 || rec.Header().Get("WWW-Authenticate") == "" {
				t.Fatalf("%s: %d %s", path, rec.Code, rec.Body)
			}
		}
	}
	try(0, 100)
	series := s.metric(t, "stylesprint_http_requests_total")
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	count := func() (n int) {
		for _, f := range families {
			n += len(f.Metric)
		}
		return n
	}
	before := count()
	logged := len(s.log.String())
	grown := peak()
	try(100, 10000)
	most := grown() - int64(2*(len(s.log.String())-logged)) // the test keeps the log in memory
	if families, err = s.metrics.Gather(); err != nil {
		t.Fatal(err)
	}
	if after := count(); after != before {
		t.Errorf("%d series became %d", before, after)
	}
	if got := s.metric(t, "stylesprint_http_requests_total"); got-series != 9900 {
		t.Errorf("%v requests were counted", got-series)
	}
	if most > 64<<20 {
		t.Errorf("the heap grew by %d MB", most>>20)
	}
	if strings.Contains(s.log.String(), "sk-bad") {
		t.Error("a key is in the log")
	}
	s.calm(t)
}

// canned is a provider that answers with the bytes that it holds.
type canned struct {
	status int
	kind   string
	body   []byte
}

func (c *canned) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body != nil {
		_, _ = io.Copy(io.Discard, r.Body)
		r.Body.Close()
	}
	return &http.Response{StatusCode: c.status, Header: http.Header{"Content-Type": {c.kind}}, Body: io.NopCloser(bytes.NewReader(c.body)), Request: r}, nil
}

// FuzzUpstream: whatever a provider streams or answers, the client gets an answer in form, and nothing panics.
func FuzzUpstream(f *testing.F) {
	for _, s := range []string{
		"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n",
		"data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\"a@b.example\"}}]}\n\ndata: [DONE]\n\n",
		"event: error\ndata: {\"error\":{\"message\":\"x\",\"code\":429}}\n\n",
		": comment\n\ndata:\n\ndata: {\n\n", "data: {\"choices\":null}\r\n\r\n", "\xef\xbb\xbfdata: 1\n\n", "id: 1\nretry: 5\ndata: {\"choices\":[{\"text\":\"x\"}]}\ndata: }\n\n",
		`{"choices":[{"index":0,"message":{"content":"x"},"finish_reason":"stop"}],"usage":{"prompt_tokens":-1,"completion_tokens":1e99}}`,
		`{"choices":[{"message":{"content":["x"]}}],"model":1}`, `{"error":"x"}`, `<html>`, "",
	} {
		f.Add([]byte(s), true)
		f.Add([]byte(s), false)
	}
	provider := &canned{status: 200}
	d, err := openai.New(openai.Options{BaseURL: "http://provider.example/v1", HTTPClient: &http.Client{Transport: provider}})
	if err != nil {
		f.Fatal(err)
	}
	registry := prometheus.NewRegistry()
	g, err := gateway.New(gateway.Options{Metrics: registry, Stages: []gateway.Stage{guarded(f).Stage()},
		Models: []gateway.Model{{Name: "m", Generate: generate.New(d, generate.Options{})}}})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, stream bool) {
		provider.kind, provider.body = "application/json", body
		if stream {
			provider.kind = "text/event-stream"
		}
		for _, path := range []string{"/generate/", "/v1/chat/completions", "/v1/completions"} {
			ask := fmt.Sprintf(`{"prompt":"x","stream":%v}`, stream)
			if path == "/v1/chat/completions" {
				ask = fmt.Sprintf(`{"messages":[{"role":"user","content":"x"}],"stream":%v}`, stream)
			}
			rec := httptest.NewRecorder()
			cut := false
			func() {
				defer func() {
					if p := recover(); p != nil {
						err, _ := p.(error)
						if cut = errors.Is(err, http.ErrAbortHandler); !cut {
							t.Fatalf("%s: %v", path, p)
						}
					}
				}()
				httpserver.Chain(g).ServeHTTP(rec, httptest.NewRequest("POST", path, strings.NewReader(ask)))
			}()
			inForm(t, path, rec, cut)
		}
		families, err := registry.Gather()
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range families {
			if m.GetName() == "stylesprint_panics_total" && m.Metric[0].GetCounter().GetValue() != 0 {
				t.Error("a handler panicked")
			}
		}
	})
}

// inForm holds an answer to what clients rely on: JSON, or events of which the last one ends the stream or is an error.
func inForm(t *testing.T, path string, rec *httptest.ResponseRecorder, cut bool) {
	t.Helper()
	b := rec.Body.Bytes()
	if !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/event-stream") {
		if !json.Valid(b) || cut {
			t.Errorf("%s: %d cut %v %q", path, rec.Code, cut, b)
		}
		return
	}
	events := strings.Split(strings.TrimSuffix(string(b), "\n\n"), "\n\n")
	last := events[len(events)-1]
	whole := last == "data: [DONE]" || path == "/generate/" && strings.Contains(last, `"generated_text"`)
	if whole == cut || cut && !strings.Contains(last, `"request_id"`) {
		t.Errorf("%s: cut %v, last event %q", path, cut, last)
	}
	for _, e := range events {
		for line := range strings.Lines(e) {
			line = strings.TrimSuffix(line, "\n")
			data, is := strings.CutPrefix(line, "data: ")
			if !is && line != "event: error" || is && data != "[DONE]" && !json.Valid([]byte(data)) {
				t.Errorf("%s: line %q", path, line)
			}
		}
	}
}

// A megabyte of open brackets is refused without a stack of its depth. Not parallel: it measures the process.
func TestDeepJSONTakesLittleStack(t *testing.T) {
	s := serve(t, setup{o: gateway.Options{MaxBodyBytes: 2 << 20, Models: []gateway.Model{text(fake.Script{}), vectors()}, Feedback: feedbackOptions(&box{})}})
	const deep = 1 << 20
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before := m.StackSys
	for _, open := range []string{"[", `{"a":`} {
		for _, body := range []string{strings.Repeat(open, deep/len(open)), `{"prompt":` + strings.Repeat(open, deep/len(open)), `{"messages":` + strings.Repeat("[", deep/2) + strings.Repeat("]", deep/2) + `}`} {
			for _, path := range []string{"/generate/", "/v1/chat/completions", "/v1/embeddings", "/feedback"} {
				if a := s.post(t, path, body); a.status != 400 || len(a.body) > 1000 {
					t.Errorf("%s: %d %.200s", path, a.status, a.body)
				}
			}
		}
	}
	runtime.ReadMemStats(&m)
	if grown := int64(m.StackSys) - int64(before); grown > 32<<20 {
		t.Errorf("stacks grew by %d MB", grown>>20)
	}
	s.calm(t)
}

func TestNesting(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{})}}})
	nested := func(n int) string {
		return `{"messages":[{"role":"user","content":"x"}],"metadata":` + strings.Repeat("[", n) + strings.Repeat("]", n) + `}`
	}
	for body, deep := range map[string]bool{
		nested(250): false, nested(260): true,
		`{"messages":[{"role":"user","content":"` + strings.Repeat(`[{\"\\`, 400) + `"}]}`: false,
	} {
		a := s.post(t, "/v1/chat/completions", body)
		if got := strings.Contains(a.body, "nested more than"); got != deep || deep && a.status != 400 {
			t.Errorf("%.80s: %d %.200s", body, a.status, a.body)
		}
	}
}
