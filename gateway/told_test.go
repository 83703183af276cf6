package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/access"
	"stylesprint/catalogue"
	products "stylesprint/catalogue/answer"
	"stylesprint/embedding"
	remote "stylesprint/embedding/openai"
	"stylesprint/gateway"
	"stylesprint/gateway/route/faulttest"
	"stylesprint/generate/openai"
)

// account is what an upstream says of whoever pays it; spoken is what it says of the request.
const (
	account = "acme-77 of organization org-4711acme"
	spoken  = "must be at most 1"
)

// refusing answers with a status, and an error that names its own address.
func refusing(status int, fields, text string, header ...string) faulttest.Step {
	return func(c *faulttest.Call) {
		text := strings.ReplaceAll(text, "HOST", c.R.Host)
		c.Refuse(status, fmt.Sprintf(`{"error":{"message":%q,%s}}`, text, fields), header...)
	}
}

// failure is a fault of an upstream and what its two readers get of it.
type failure struct {
	name string
	step faulttest.Step
	// remote changes the upstream's address and client.
	remote func(t *testing.T, o *openai.Options)
	status int // outside /v1
	code   stylesprint.Code
	told   string // part of what the client reads
	hint   string // the same, of its next step
	field  string
	after  string // Retry-After
	log    string // part of what the log has beside the host
	begun  bool   // the stream has begun, so there is an error event; whole requests are left out
	texts  bool   // of models that write only
}

func failures() []failure {
	const provider, tell, again = "does not accept this server's requests", "tell whoever runs this server", "try again; if it fails again, tell"
	const failed, away, late = "failed before its answer was whole", "not available at the moment", "did not answer in time"
	named := `"code":"invalid_api_key"`
	return []failure{
		{name: "401", step: refusing(401, named, "HOST: bad key of "+account), status: 502, code: "upstream_error", told: provider, hint: tell, log: "status 401 (invalid_api_key)"},
		{name: "403", step: refusing(403, `"code":null`, "not for "+account), status: 502, code: "upstream_error", told: provider, hint: tell, log: "status 403"},
		{name: "404", step: refusing(404, `"code":"model_not_found","param":"model"`, "HOST has no such model for "+account), status: 502, code: "upstream_error", told: provider, hint: tell, log: "status 404 (model_not_found)"},
		{name: "409", step: refusing(409, `"code":"x y"`, account), status: 502, code: "upstream_error", told: provider, hint: tell, log: "reports a conflict: status 409"},
		{name: "429", step: refusing(429, `"code":"rate_limit_exceeded"`, account, "Retry-After", "7"), status: 429, code: "rate_limited", told: "as many requests as it takes", hint: "try again in 7 s", after: "7", log: "limits the rate"},
		{name: "quota", step: refusing(429, `"code":"insufficient_quota"`, account), status: 429, code: "rate_limited", told: "takes no more requests", hint: "waiting does not help", after: "60", log: "quota is spent: status 429 (insufficient_quota)"},
		{name: "500", step: refusing(500, `"param":"messages"`, "stack of HOST "+account), status: 502, code: "upstream_error", told: failed, hint: again, log: "failed: status 500"},
		{name: "503", step: refusing(503, `"code":null`, account, "Retry-After", "3"), status: 503, code: "unavailable", told: away, hint: again, after: "3", log: "status 503"},
		{name: "503 without a wait", step: refusing(503, `"code":null`, account), status: 503, code: "unavailable", told: away, hint: again, after: "1", log: "status 503"},
		{name: "504", step: refusing(504, `"code":null`, account), status: 504, code: "timeout", told: late, hint: "fewer tokens", log: "status 504"},
		{name: "redirect", step: refusing(302, `"code":null`, account, "Location", "http://10.7.7.7/v1"), status: 502, code: "upstream_error", told: failed, hint: again, log: "answered with a redirect"},
		{name: "reset", step: faulttest.Reset(), status: 503, code: "unavailable", told: away, hint: again, after: "1", log: "cannot be reached: read tcp"},
		{name: "nobody", remote: nobody, status: 503, code: "unavailable", told: away, hint: again, after: "1", log: "cannot be reached: dial tcp"},
		{name: "no such host", remote: unknownHost, status: 503, code: "unavailable", told: away, hint: again, after: "1", log: "cannot be reached"},
		{name: "no certificate", remote: untrusted, status: 503, code: "unavailable", told: away, hint: again, after: "1", log: "cannot be reached: tls: failed to verify certificate"},
		{name: "silence", step: faulttest.Silence(), remote: impatient, status: 504, code: "timeout", told: late, hint: "fewer tokens", log: "sent nothing for"},
		{name: "a page", step: faulttest.Page(), status: 502, code: "upstream_error", told: failed, hint: again},
		{name: "no HTTP", step: faulttest.Garbage(), status: 503, code: "unavailable", told: away, hint: again, after: "1"},
		{name: "cut in the middle", step: faulttest.CutAt(3), begun: true, status: 502, code: "upstream_error", told: failed, hint: again, log: "broke off", texts: true},
		{name: "error in the middle", step: faulttest.InBand(3), begun: true, status: 502, code: "upstream_error", told: failed, hint: again, texts: true},
		{name: "malformed in the middle", step: faulttest.Malformed(3), begun: true, status: 502, code: "upstream_error", told: failed, hint: again, texts: true},
		{name: "unended", step: faulttest.NoFinish(3), begun: true, status: 502, code: "upstream_error", told: failed, hint: again, log: "broke off", texts: true},

		{name: "400", step: refusing(400, `"code":"invalid_value","param":"temperature"`, "temperature "+spoken+", see http://HOST/docs or 10.0.0.5:9000."), status: 400, code: "invalid_request",
			told: "does not accept temperature: temperature " + spoken + ", see (removed) or (removed)", hint: "change temperature", field: "temperature", log: "does not accept the request: status 400 (invalid_value)"},
		{name: "400 of an account", step: refusing(400, `"param":"stream"`, "your organization must be verified, "+account), status: 400, code: "invalid_request", told: "does not accept stream", hint: "change stream", field: "stream", log: "status 400"},
		{name: "400 of a proxy", step: func(c *faulttest.Call) { c.Refuse(400, "<html>nginx at "+c.R.Host+"</html>") }, status: 400, code: "invalid_request", told: "does not accept the request", hint: "change the request", log: "status 400"},
		{name: "400 with a strange field", step: refusing(400, `"param":"http://`+"10.0.0.5"+`/x"`, spoken), status: 400, code: "invalid_request", told: "does not accept the request: " + spoken, hint: "change the request", log: "status 400"},
		{name: "422", step: refusing(422, `"param":"top_p"`, "top_p "+spoken), status: 400, code: "invalid_request", told: "top_p " + spoken, hint: "change top_p", field: "top_p", log: "status 422"},
		{name: "405", step: refusing(405, `"code":null`, "HOST takes no POST"), status: 400, code: "invalid_request", told: "does not accept the request", hint: tell, log: "status 405"},
		{name: "unsupported", step: refusing(400, `"code":"unsupported_parameter","param":"max_tokens"`, "Use 'max_completion_tokens' instead."), status: 400, code: "unsupported",
			told: "does not support max_tokens: Use 'max_completion_tokens' instead", hint: "if you did not send it, tell whoever", field: "max_tokens", log: "status 400 (unsupported_parameter)"},
		{name: "context", step: refusing(400, `"code":"context_length_exceeded","param":"messages"`, "This model's maximum context length is 4096 tokens."), status: 422, code: "context_too_long",
			told: "too long for the model: This model's maximum context length is 4096 tokens", hint: "shorten the prompt", field: "messages", log: "context_length_exceeded"},
		{name: "large", step: refusing(413, `"code":null`, "HOST takes 1 MB"), status: 413, code: "too_large", told: "too large for the model: (removed) takes 1 MB", hint: "shorten", log: "status 413"},
		{name: "declined", step: refusing(400, `"code":"content_filter"`, "The prompt speaks of arms."), status: 422, code: "refused", told: "declined to answer: The prompt speaks of arms", hint: "change the prompt", log: "content_filter"},
		{name: "declined in place of an answer", step: func(c *faulttest.Call) {
			c.Refuse(200, `{"choices":[{"index":0,"message":{"role":"assistant","refusal":"no"},"text":"","finish_reason":"content_filter"}]}`)
		}, status: 422, code: "refused", told: "declined to answer", hint: "change the prompt", log: "declined to answer: status 200 (content_filter)", texts: true},
	}
}

func impatient(_ *testing.T, o *openai.Options) { o.StallTimeout = 50 * time.Millisecond }

// asked is how a failure is met.
type asked struct {
	path, body string
	stream     bool
}

func asking() []asked {
	var out []asked
	for _, stream := range []bool{false, true} {
		out = append(out,
			asked{"/generate/", fmt.Sprintf(`{"prompt":"a linen shirt","stream":%v}`, stream), stream},
			asked{"/v1/chat/completions", fmt.Sprintf(`{"messages":[{"role":"user","content":"a linen shirt"}],"stream":%v}`, stream), stream},
			asked{"/v1/completions", fmt.Sprintf(`{"prompt":"a linen shirt","stream":%v}`, stream), stream})
	}
	return append(out, asked{"/v1/embeddings", `{"input":"a linen shirt"}`, false})
}

// upstreamOf is a writing model and one of vectors on an upstream that fails, and its address.
func upstreamOf(t *testing.T, f failure) (models []gateway.Model, host string) {
	t.Helper()
	if f.step == nil {
		f.step = faulttest.Answer(first, 5)
	}
	o := openai.Options{BaseURL: faulttest.New(t, f.step).BaseURL()}
	if f.remote != nil {
		f.remote(t, &o)
	}
	u, err := url.Parse(o.BaseURL)
	if err != nil {
		t.Fatal(err)
	}
	d, err := remote.New(remote.Options{BaseURL: o.BaseURL, Model: "m", HTTPClient: o.HTTPClient, StallTimeout: o.StallTimeout})
	if err != nil {
		t.Fatal(err)
	}
	e := embedding.New(d, embedding.Options{})
	t.Cleanup(func() {
		if err := e.Close(); err != nil {
			t.Error(err)
		}
	})
	return []gateway.Model{{Name: "writer", Generate: provider(t, o)}, {Name: "vec", Embed: e}}, u.Host
}

// logged is the access log's line of a request.
func logged(t *testing.T, s *server, id string) map[string]any {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(time.Millisecond) {
		for line := range strings.Lines(s.log.String()) {
			var m map[string]any
			if err := json.Unmarshal([]byte(line), &m); err != nil {
				t.Fatal(err)
			}
			if m["msg"] == "request" && m["request_id"] == id {
				return m
			}
		}
		if time.Now().After(end) {
			t.Fatalf("no line for %q", id)
		}
	}
}

// operators are words of hints that nobody but whoever runs a server can follow, and of an account.
var operators = []string{"OPENAI_API_KEY", "key_env", "base URL", "base_url", "/v1", "MaxTokensField", "add credit", "acme", "org-", "stack of", "nginx", "10.0.0.5", "10.7.7.7", "invalid_api_key"}

// A client is told what its own request met and what it can do; hosts, accounts and settings are
// for whoever runs the server, in the log.
func TestClientsAreToldWhatTheyCanMend(t *testing.T) {
	t.Parallel()
	for _, f := range failures() {
		for _, bodies := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/bodies=%v", f.name, bodies), func(t *testing.T) {
				t.Parallel()
				models, host := upstreamOf(t, f)
				s := serve(t, setup{o: gateway.Options{Models: models, LogBodies: bodies}})
				for _, a := range asking() {
					if f.begun && !a.stream || f.texts && a.path == "/v1/embeddings" || f.begun && a.path == "/v1/completions" {
						continue
					}
					checkTold(t, s, f, a, host, bodies)
				}
			})
		}
	}
}

func checkTold(t *testing.T, s *server, f failure, a asked, host string, bodies bool) {
	t.Helper()
	got := s.post(t, a.path, a.body)
	name, _, _ := net.SplitHostPort(host)
	for _, secret := range append([]string{host, name}, operators...) {
		if secret != "" && strings.Contains(got.body, secret) {
			t.Errorf("%s, stream %v: the client reads %q: %s", a.path, a.stream, secret, got.body)
		}
	}
	e := errorOf(t, got)
	status := f.status
	if strings.HasPrefix(a.path, "/v1") && status == 422 {
		status = 400
	}
	if f.begun {
		status = 200
	}
	if got.status != status || got.header.Get("Retry-After") != f.after {
		t.Errorf("%s, stream %v: status %d, Retry-After %q; want %d, %q", a.path, a.stream, got.status, got.header.Get("Retry-After"), status, f.after)
	}
	if !strings.Contains(e.Message, f.told) || !strings.Contains(e.Hint, f.hint) || e.Field != f.field {
		t.Errorf("%s, stream %v: told %+v; want %q, %q, field %q", a.path, a.stream, e, f.told, f.hint, f.field)
	}
	line := logged(t, s, got.header.Get("X-Request-Id"))
	cause := fmt.Sprint(line["error"])
	if line["code"] != string(f.code) || !strings.Contains(cause, host) || !strings.Contains(cause, f.log) {
		t.Errorf("%s, stream %v: the log has %v; want %q and %q", a.path, a.stream, line, host, f.log)
	}
	if has := strings.Contains(cause, "acme") || strings.Contains(cause, spoken); has && !bodies {
		t.Errorf("the log quotes the upstream: %s", cause)
	}
	if bodies && strings.HasPrefix(f.name, "40") && f.name != "405" && !strings.Contains(cause, "acme") && !strings.Contains(cause, spoken) && !strings.Contains(cause, "nginx") {
		t.Errorf("the log lacks what the upstream says: %s", cause)
	}
	if want := map[string]string{"401": "check OPENAI_API_KEY", "404": "base URL", "quota": "add credit", "nobody": "check the base URL", "unsupported": "MaxTokensField"}[f.name]; !strings.Contains(fmt.Sprint(line["hint"]), want) {
		t.Errorf("the log's hint is %v, want %q", line["hint"], want)
	}
}

// errorOf is an error of either dialect, whole or as an event.
func errorOf(t *testing.T, a answer) stylesprint.Error {
	t.Helper()
	body := a.body
	if at := strings.LastIndex(body, "data: "); at >= 0 {
		body = body[at+len("data: "):]
	}
	var m struct {
		Detail, Hint, Field string
		Error               *struct{ Message, Param string }
	}
	if err := json.NewDecoder(bytes.NewBufferString(body)).Decode(&m); err != nil {
		t.Fatalf("%v: %s", err, a.body)
	}
	if m.Error == nil {
		return stylesprint.Error{Message: m.Detail, Hint: m.Hint, Field: m.Field}
	}
	message, hint, _ := strings.Cut(m.Error.Message, ". Hint: ")
	return stylesprint.Error{Message: message, Hint: hint, Field: m.Error.Param}
}

// Answers about products fail with words of the same kind, whether it is the model or the encoder.
func TestAnswersTellNothingOfUpstreams(t *testing.T) {
	t.Parallel()
	limited := failure{step: refusing(429, `"code":null`, account, "Retry-After", "7")}
	models, host := upstreamOf(t, limited)
	s := serve(t, setup{o: gateway.Options{Models: models, Answer: answerer(t)}})
	a := s.post(t, "/answer", `{"sku": "A-1", "question": "Does it have pockets?"}`)
	if a.status != 429 || a.header.Get("Retry-After") != "7" || strings.Contains(a.body, host) || !strings.Contains(a.body, "as many requests as it takes") {
		t.Errorf("%d %s", a.status, a.body)
	}
	for status, want := range map[int]int{401: 502, 404: 502, 400: 400, 503: 503} {
		models, host := upstreamOf(t, failure{step: refusing(status, `"param":"input"`, "HOST: "+spoken)})
		p := catalogue.Product{SKU: "A-1", Name: "Mira Dress", Features: []string{"two side pockets"}}
		answers, err := products.New(products.Options{Products: inMemory(p), Encoder: "all-minilm-l6-v2", Embed: vectorsOf(models[1].Embed)})
		if err != nil {
			t.Fatal(err)
		}
		s := serve(t, setup{o: gateway.Options{Models: models, Answer: answers}})
		a := s.post(t, "/answer", `{"sku": "A-1", "question": "Does it have pockets?"}`)
		if a.status != want || strings.Contains(a.body, host) {
			t.Errorf("encoder, %d: %d %s", status, a.status, a.body)
		}
		if line := logged(t, s, a.header.Get("X-Request-Id")); !strings.Contains(fmt.Sprint(line["error"]), host) {
			t.Errorf("encoder, %d: the log has %v", status, line)
		}
	}
}

// Whoever may see everything reads the cause on a page; who may only ask reads what a client does.
func TestPagesTellAdministrators(t *testing.T) {
	t.Parallel()
	models, host := upstreamOf(t, failure{step: refusing(401, `"code":"invalid_api_key"`, account)})
	keys := callers{"admin": {KeyID: "key-1", Scopes: []access.Scope{access.Admin}}, "asks": {KeyID: "key-2", Scopes: []access.Scope{access.Generate}}}
	s := serve(t, setup{o: gateway.Options{Models: models, Auth: keys}})
	for key, all := range map[string]bool{"admin": true, "asks": false} {
		_, err := s.Ask(pageOf(key), "/playground", promptOf("a shirt"))
		var e *stylesprint.Error
		if !errors.As(err, &e) || e.Code != stylesprint.CodeUpstream {
			t.Fatalf("%s: %v", key, err)
		}
		text := fmt.Sprintf("%v %s", err, stylesprint.HintOf(err))
		for _, detail := range []string{host, "OPENAI_API_KEY", "acme"} {
			if strings.Contains(text, detail) != all {
				t.Errorf("%s reads %q, want %q in it: %v", key, text, detail, all)
			}
		}
	}
	if _, err := s.Ask(pageOf("nobody"), "/playground", promptOf("a shirt")); stylesprint.CodeOf(err) != stylesprint.CodeUnauthorized {
		t.Error(err)
	}
}

// The database's own words are for the log, too.
func TestFeedbackTellsNothingOfTheDatabase(t *testing.T) {
	t.Parallel()
	b := &box{fail: &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "the database at db.internal:5432 cannot be reached", Hint: "check DATABASE_URL"}}
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{vectors()}, Feedback: feedbackOptions(b)}})
	for method, path := range map[string]string{"POST": "/feedback", "DELETE": "/feedback?subject=x"} {
		a := s.do(t, method, path, `{"request_id":"a","rating":1}`)
		if a.status != http.StatusServiceUnavailable || a.header.Get("Retry-After") != "5" || strings.Contains(a.body, "internal") || strings.Contains(a.body, "DATABASE_URL") {
			t.Errorf("%s: %d %v %s", method, a.status, a.header, a.body)
		}
		if line := logged(t, s, a.header.Get("X-Request-Id")); line["hint"] != "check DATABASE_URL" || !strings.Contains(fmt.Sprint(line["error"]), "db.internal:5432") {
			t.Errorf("%s: the log has %v", method, line)
		}
	}
}

func inMemory(p catalogue.Product) products.Products {
	return func(context.Context, string) (catalogue.Product, error) { return p, nil }
}

// vectorsOf is an answerer's encoder over a model of the gateway.
func vectorsOf(m gateway.Embedder) products.Embedder {
	return func(ctx context.Context, texts []string) ([][]float32, error) {
		r, err := m.Embed(ctx, texts)
		out := make([][]float32, len(r.Vectors))
		for i, v := range r.Vectors {
			out[i] = v.Values
		}
		return out, err
	}
}
