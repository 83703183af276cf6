package openai_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/generate"
	"stylesprint/generate/fake"
	"stylesprint/generate/generatetest"
	"stylesprint/generate/openai"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	s := generatetest.NewServer(t, fake.New(fake.Script{Model: "toy", ContextTokens: 300, Refuse: []string{"tools"}}))
	s.RequireKey("sk-right")
	generatetest.Run(t, generatetest.Harness{
		Open: func(t *testing.T) generate.Driver {
			return open(t, openai.Options{BaseURL: s.BaseURL(), APIKey: stylesprint.NewSecret("sk-right")})
		},
		Model: "toy", Prompt: "Describe a linen shirt.", Seeded: true, ContextTokens: 300, Refused: "tools",
	})
}

func open(t *testing.T, o openai.Options) *openai.Driver {
	t.Helper()
	d, err := openai.New(o)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// serve answers every request with one handler.
func serve(t *testing.T, h http.HandlerFunc) *generate.Client {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	c := generate.New(open(t, openai.Options{BaseURL: s.URL + "/v1", Model: "m"}), generate.Options{})
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func body(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, text)
	}
}

func events(text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, text)
	}
}

func ask() generate.Request {
	return generate.Request{Messages: []stylesprint.Message{{Role: stylesprint.RoleUser, Content: "hi"}}}
}

func TestRequestBody(t *testing.T) {
	t.Parallel()
	p := func(f float64) *float64 { return &f }
	n := func(i int) *int { return &i }
	seed := uint64(18446744073709551615)
	chat := `"messages":[{"role":"user","content":"hi"}]`
	cases := []struct {
		name    string
		options openai.Options
		req     generate.Request
		stream  bool
		path    string
		want    string
	}{
		{"defaults", openai.Options{}, generate.Request{Model: "a", Messages: ask().Messages}, false, "/v1/chat/completions",
			`{"model":"a",` + chat + `,"temperature":0.7,"max_tokens":256}`},
		{"model override, newer field", openai.Options{Model: "b", MaxTokensField: "max_completion_tokens"}, generate.Request{Model: "a", Messages: ask().Messages}, false, "/v1/chat/completions",
			`{"model":"b",` + chat + `,"temperature":0.7,"max_completion_tokens":256}`},
		{"prompt keeps max_tokens", openai.Options{MaxTokensField: "max_completion_tokens"}, generate.Request{Model: "a", Prompt: "once <b>"}, false, "/v1/completions",
			`{"model":"a","prompt":"once <b>","temperature":0.7,"max_tokens":256}`},
		{"everything", openai.Options{}, generate.Request{Model: "a", Messages: ask().Messages, Params: generate.Params{
			Temperature: p(0), TopP: p(0.9), TopK: n(40), MinP: p(0.05), RepetitionPenalty: p(1.1), Seed: &seed, MaxTokens: n(5), Stop: []string{"\n"}}}, false, "/v1/chat/completions",
			`{"model":"a",` + chat + `,"temperature":0,"top_p":0.9,"top_k":40,"min_p":0.05,"repetition_penalty":1.1,"seed":18446744073709551615,"max_tokens":5,"stop":["\n"]}`},
		{"stream", openai.Options{}, generate.Request{Model: "a", Messages: ask().Messages}, true, "/v1/chat/completions",
			`{"model":"a",` + chat + `,"temperature":0.7,"max_tokens":256,"stream":true,"stream_options":{"include_usage":true}}`},
		{"stream options kept", openai.Options{}, generate.Request{Model: "a", Messages: ask().Messages, Extra: extra("stream_options", `{"include_usage":false,"include_obfuscation":false}`)}, true, "/v1/chat/completions",
			`{"model":"a",` + chat + `,"temperature":0.7,"max_tokens":256,"stream":true,"stream_options":{"include_obfuscation":false,"include_usage":true}}`},
		{"no stream options", openai.Options{NoStreamOptions: true}, generate.Request{Model: "a", Messages: ask().Messages, Extra: extra("stream_options", `null`)}, true, "/v1/chat/completions",
			`{"model":"a",` + chat + `,"temperature":0.7,"max_tokens":256,"stream":true}`},
		{"unknown field", openai.Options{}, generate.Request{Model: "a", Messages: ask().Messages, Extra: extra("brand_new", `{"x":[1,2.50,"<>"]}`)}, false, "/v1/chat/completions",
			`{"model":"a",` + chat + `,"temperature":0.7,"max_tokens":256,"brand_new":{"x":[1,2.50,"<>"]}}`},
		{"raw messages", openai.Options{}, generate.Request{Model: "a", Extra: extra("messages", `[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:,"}}]}]`)}, false, "/v1/chat/completions",
			`{"model":"a","temperature":0.7,"max_tokens":256,"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:,"}}]}]}`},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			s := generatetest.NewServer(t, fake.New(fake.Script{}))
			s.Fault(func(generatetest.Recorded) http.HandlerFunc {
				return body(`{"choices":[{"message":{"content":"ok"},"text":"ok","finish_reason":"stop"}]}`)
			})
			k.options.BaseURL, k.options.Organization, k.options.Project = s.BaseURL(), "org-1", "proj-1"
			c := generate.New(open(t, k.options), generate.Options{})
			var emit func(generate.Delta) error
			if k.stream {
				emit = func(generate.Delta) error { return nil }
			}
			r, err := c.Stream(t.Context(), k.req, emit)
			if err != nil || !strings.HasPrefix(r.Text, "ok") {
				t.Fatalf("text %q, error %v", r.Text, err)
			}
			got := s.Seen()[0]
			if got.Path != k.path || !sameJSON(t, string(got.Body), k.want) {
				t.Errorf("%s\n got %s\nwant %s", got.Path, got.Body, k.want)
			}
			h := got.Header
			if h.Get("OpenAI-Organization") != "org-1" || h.Get("OpenAI-Project") != "proj-1" || h.Get("Authorization") != "" {
				t.Errorf("headers %v", h)
			}
		})
	}
}

func extra(name, value string) map[string]json.RawMessage {
	return map[string]json.RawMessage{name: json.RawMessage(value)}
}

// sameJSON compares up to the order of fields; numbers are compared as written.
func sameJSON(t *testing.T, a, b string) bool {
	t.Helper()
	norm := func(s string) string {
		dec := json.NewDecoder(strings.NewReader(s))
		dec.UseNumber()
		var v any
		if err := dec.Decode(&v); err != nil {
			t.Fatalf("%v in %s", err, s)
		}
		out, _ := json.Marshal(v)
		return string(out)
	}
	return norm(a) == norm(b)
}

func TestReply(t *testing.T) {
	t.Parallel()
	const full = `{"id":"x","model":"gpt-9-2026","choices":[{"index":1,"message":{"content":"other"}},{"index":0,"message":{"role":"assistant","content":"A shirt.","refusal":null},"finish_reason":"length"}],` +
		`"usage":{"prompt_tokens":12,"completion_tokens":3,"prompt_tokens_details":{"cached_tokens":8}},"new_field":{"a":1}}`
	cases := []struct {
		name, body string
		want       stylesprint.Reply
		code       stylesprint.Code
	}{
		{"full", full, stylesprint.Reply{Text: "A shirt.", Model: "gpt-9-2026", FinishReason: "length", Usage: stylesprint.Usage{PromptTokens: 12, CompletionTokens: 3, CachedTokens: 8}}, ""},
		{"parts", `{"choices":[{"message":{"content":[{"type":"text","text":"A "},{"type":"x"},{"type":"text","text":"b"}]},"finish_reason":"stop"}]}`, stylesprint.Reply{Text: "A b", Model: "m", FinishReason: "stop"}, ""},
		{"tool call", `{"choices":[{"message":{"content":null,"tool_calls":[{}]},"finish_reason":"tool_calls"}]}`, stylesprint.Reply{Model: "m", FinishReason: "tool_calls"}, ""},
		{"strange usage", `{"choices":[{"message":{"content":"a"},"finish_reason":"stop"}],"usage":{"prompt_tokens":-4,"completion_tokens":-1,"prompt_tokens_details":{"cached_tokens":9}}}`, stylesprint.Reply{Text: "a", Model: "m", FinishReason: "stop"}, ""},
		{"refusal", `{"choices":[{"message":{"content":null,"refusal":"I cannot."},"finish_reason":"stop"}]}`, stylesprint.Reply{Model: "m", FinishReason: "stop"}, stylesprint.CodeRefused},
		{"filtered", `{"choices":[{"message":{"content":"A sh"},"finish_reason":"content_filter"}]}`, stylesprint.Reply{Text: "A sh", Model: "m", FinishReason: "content_filter"}, stylesprint.CodeRefused},
		{"no choice", `{"choices":[]}`, stylesprint.Reply{Model: "m"}, stylesprint.CodeUpstream},
		{"error with status 200", `{"error":{"message":"overloaded","code":503}}`, stylesprint.Reply{}, stylesprint.CodeUnavailable},
		{"web page", `<html>`, stylesprint.Reply{}, stylesprint.CodeUpstream},
		{"nothing", ``, stylesprint.Reply{}, stylesprint.CodeUpstream},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			r, err := serve(t, body(k.body)).Generate(t.Context(), ask())
			if stylesprint.CodeOf(err) != k.code {
				t.Fatalf("error %v, want code %q", err, k.code)
			}
			if string(r.Raw) != k.body {
				t.Errorf("raw %q", r.Raw)
			}
			r.Raw, r.Latency = nil, 0
			if fmt.Sprintf("%+v", r) != fmt.Sprintf("%+v", k.want) {
				t.Errorf("got %+v, want %+v", r, k.want)
			}
		})
	}
}

func TestStream(t *testing.T) {
	t.Parallel()
	piece := func(text string) string {
		return `data: {"choices":[{"index":0,"delta":{"content":"` + text + `"}}]}` + "\n\n"
	}
	const stop = `data: {"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	const usage = `data: {"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2}}` + "\n\n"
	const done = "data: [DONE]\n\n"
	three := stylesprint.Usage{PromptTokens: 3, CompletionTokens: 2}
	cases := []struct {
		name, body, text string
		usage            stylesprint.Usage
		code             stylesprint.Code
	}{
		{"all", ": ping\n\n" + piece("a") + "event: message\nid: 4\nretry: 9\n" + piece("b") + stop + usage + done, "ab", three, ""},
		{"CRLF and two data lines", strings.ReplaceAll("data: {\"choices\":[\ndata: {\"delta\":{\"content\":\"ab\"}}]}\n\n"+stop+done, "\n", "\r\n"), "ab", stylesprint.Usage{}, ""},
		{"no DONE but a finish reason", piece("ab") + stop, "ab", stylesprint.Usage{}, ""},
		{"DONE without finish reason", piece("ab") + done, "ab", stylesprint.Usage{}, ""},
		{"no last empty line", piece("ab") + stop + "data: [DONE]", "ab", stylesprint.Usage{}, ""},
		{"what follows DONE does not count", piece("ab") + stop + done + piece("c"), "ab", stylesprint.Usage{}, ""},
		{"empty data", "data:\n\n" + piece("ab") + stop + done, "ab", stylesprint.Usage{}, ""},
		{"cut off", piece("a") + piece("b"), "ab", stylesprint.Usage{}, stylesprint.CodeUpstream},
		{"cut within a piece", piece("a") + `data: {"choices":[{"del`, "a", stylesprint.Usage{}, stylesprint.CodeUpstream},
		{"malformed", piece("a") + "data: {]\n\n" + piece("b") + stop + done, "a", stylesprint.Usage{}, stylesprint.CodeUpstream},
		{"error object", piece("a") + `data: {"error":{"message":"boom","type":"server_error"}}` + "\n\n" + done, "a", stylesprint.Usage{}, stylesprint.CodeUpstream},
		{"error with status", piece("a") + `data: {"error":{"message":"slow down","code":429}}` + "\n\n", "a", stylesprint.Usage{}, stylesprint.CodeRateLimited},
		{"error as text", piece("a") + `data: {"error":"an error was encountered while running the model"}` + "\n\n", "a", stylesprint.Usage{}, stylesprint.CodeUpstream},
		{"error event", piece("a") + "event: error\ndata: overloaded\n\n", "a", stylesprint.Usage{}, stylesprint.CodeUpstream},
		{"context", `data: {"object":"error","message":"This model's maximum context length is 8 tokens.","code":400}` + "\n\n", "", stylesprint.Usage{}, stylesprint.CodeContextTooLong},
		{"an answer about error objects", piece(`\"error\": {}`) + stop + done, `"error": {}`, stylesprint.Usage{}, ""},
		{"null error", `data: {"error":null,"choices":[{"delta":{"content":"ab"},"finish_reason":"stop"}]}` + "\n\n" + done, "ab", stylesprint.Usage{}, ""},
		{"failed", piece("a") + `data: {"choices":[{"index":0,"delta":{"content":""},"finish_reason":"error"}]}` + "\n\n" + done, "a", stylesprint.Usage{}, stylesprint.CodeUpstream},
		{"aborted", piece("a") + `data: {"choices":[{"index":0,"delta":{},"finish_reason":"abort"}]}` + "\n\n" + done, "a", stylesprint.Usage{}, stylesprint.CodeUpstream},
		{"filtered", piece("a") + `data: {"choices":[{"index":0,"delta":{},"finish_reason":"content_filter"}]}` + "\n\n" + done, "a", stylesprint.Usage{}, stylesprint.CodeRefused},
		{"nothing", "", "", stylesprint.Usage{}, stylesprint.CodeUpstream},
		{"DONE alone", done, "", stylesprint.Usage{}, stylesprint.CodeUpstream},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			var b strings.Builder
			r, err := serve(t, events(k.body)).Stream(t.Context(), ask(), func(d generate.Delta) error {
				if !json.Valid(d.Raw) {
					t.Errorf("raw piece %q", d.Raw)
				}
				b.WriteString(d.Text)
				return nil
			})
			if stylesprint.CodeOf(err) != k.code || r.Text != k.text || b.String() != k.text || r.Usage != k.usage {
				t.Errorf("text %q, pieces %q, usage %+v, error %v; want %q, %+v, %q", r.Text, b.String(), r.Usage, err, k.text, k.usage, k.code)
			}
		})
	}
}

func TestTransportFaults(t *testing.T) {
	t.Parallel()
	gone := httptest.NewServer(http.NotFoundHandler())
	gone.Close()
	stall := make(chan struct{})
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.Header.Get("OpenAI-Project") {
		case "silent":
			<-stall
		case "stall":
			events(`data: {"choices":[{"delta":{"content":"a"}}]}`+"\n\n")(w, r)
			_ = http.NewResponseController(w).Flush()
			<-stall
		case "reset":
			w.Header().Set("Content-Length", "1000")
			_, _ = io.WriteString(w, `{"choices"`)
		case "huge":
			body(`{"choices":[{"message":{"content":"`+strings.Repeat("a", 4096)+`"}}]}`)(w, r)
		case "redirect":
			http.Redirect(w, r, "https://elsewhere.example/", http.StatusTemporaryRedirect)
		}
	}))
	t.Cleanup(s.Close)
	t.Cleanup(func() { close(stall) })
	cases := []struct {
		project, url string
		code         stylesprint.Code
		hint         string
	}{
		{"refused", gone.URL, stylesprint.CodeUnavailable, "check the base URL"},
		{"silent", s.URL, stylesprint.CodeTimeout, ""},
		{"stall", s.URL, stylesprint.CodeTimeout, ""},
		{"reset", s.URL, stylesprint.CodeUpstream, ""},
		{"huge", s.URL, stylesprint.CodeUpstream, ""},
		{"redirect", s.URL, stylesprint.CodeUpstream, "set the base URL"},
	}
	for _, k := range cases {
		t.Run(k.project, func(t *testing.T) {
			t.Parallel()
			d := open(t, openai.Options{BaseURL: k.url, Model: "m", Project: k.project, StallTimeout: 200 * time.Millisecond, MaxReplyBytes: 1024})
			c := generate.New(d, generate.Options{})
			for _, emit := range []func(generate.Delta) error{nil, func(generate.Delta) error { return nil }} {
				_, err := c.Stream(t.Context(), ask(), emit)
				if stylesprint.CodeOf(err) != k.code || !strings.Contains(stylesprint.HintOf(err), k.hint) {
					t.Errorf("streamed %t: error %v with hint %q; want code %q", emit != nil, err, stylesprint.HintOf(err), k.code)
				}
			}
		})
	}
}

func TestModels(t *testing.T) {
	t.Parallel()
	list := body(`{"object":"list","data":[{"id":"a"},{"id":"b","max_model_len":4096,"context_length":1},{"id":"c","meta":{"n_ctx_train":8192}},{}]}`)
	for _, k := range []struct{ model, want string }{
		{"", "openai/a:0 openai/b:4096 openai/c:8192"}, {"c", "openai/c:8192"}, {"unlisted", "openai/unlisted:0"},
	} {
		s := httptest.NewServer(list)
		t.Cleanup(s.Close)
		models, err := open(t, openai.Options{BaseURL: s.URL, Model: k.model}).Models(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var got []string
		for _, m := range models {
			got = append(got, fmt.Sprintf("%s:%d", m.Ref, m.ContextTokens))
		}
		if strings.Join(got, " ") != k.want {
			t.Errorf("model %q: %v, want %s", k.model, got, k.want)
		}
	}
}

// The dates of Mistral's and OpenRouter's lists; what is no date is passed over.
func TestRetirementDates(t *testing.T) {
	t.Parallel()
	s := httptest.NewServer(body(`{"data":[{"id":"a","deprecation":"2027-03-31T12:00:00Z"},{"id":"b","deprecation":null,"expiration_date":"2027-04-01"},
		{"id":"c","deprecation":"2027-03-31T12:00:00+02:00"},{"id":"d","deprecation":true,"expiration_date":{"at":1}},{"id":"e","deprecation":"soon"},{"id":"f"}]}`))
	t.Cleanup(s.Close)
	models, err := open(t, openai.Options{BaseURL: s.URL}).Models(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	day := func(month time.Month, day, hour int) time.Time {
		return time.Date(2027, month, day, hour, 0, 0, 0, time.UTC)
	}
	want := []time.Time{day(3, 31, 12), day(4, 1, 0), day(3, 31, 10), {}, {}, {}}
	for i, m := range models {
		if !m.Retires.Equal(want[i]) {
			t.Errorf("%s: %v, want %v", m.Ref.Name, m.Retires, want[i])
		}
	}
	if len(models) != len(want) {
		t.Errorf("%d models", len(models))
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	for field, o := range map[string]openai.Options{
		"max_tokens_field": {MaxTokensField: "n_predict"},
		"base_url":         {BaseURL: "http://me:secret-word@host/v1"},
		"api_key":          {APIKey: stylesprint.NewSecret("secret-word\n")},
		"organization":     {Organization: "a b"},
	} {
		_, err := openai.New(o)
		var coded *stylesprint.Error
		if coded, _ = err.(*stylesprint.Error); coded == nil || coded.Code != stylesprint.CodeInvalid || coded.Field != field || strings.Contains(fmt.Sprintf("%v %+v", err, coded), "secret-word") {
			t.Errorf("%s: error %v", field, err)
		}
	}
	for _, url := range []string{"ftp://x", "://", "http://", "host/v1", "http://h/v1?key=1"} {
		if _, err := openai.New(openai.Options{BaseURL: url}); stylesprint.CodeOf(err) != stylesprint.CodeInvalid {
			t.Errorf("%s: error %v", url, err)
		}
	}
	d := open(t, openai.Options{})
	if _, err := generate.New(d, generate.Options{}).Generate(t.Context(), ask()); stylesprint.CodeOf(err) != stylesprint.CodeInvalid {
		t.Errorf("no model: error %v", err)
	}
}
