package gateway_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/generate"
	"stylesprint/generate/fake"
)

const prompt, secret = "marmalade pinstripe waistcoat", "sk-test-0123456789abcdef"

func TestRecords(t *testing.T) {
	t.Parallel()
	log := &ledger{}
	s := serve(t, setup{o: gateway.Options{Requests: log, Auth: keys{}, Models: []gateway.Model{
		text(fake.Script{Model: "fake-1", Answers: []fake.Answer{{Text: "one two", Usage: &stylesprint.Usage{PromptTokens: 10, CompletionTokens: 2, CachedTokens: 4}}}}), vectors(),
	}}})
	key := []string{"Authorization", "Bearer " + secret, "X-Request-ID", ""}
	ask := func(id, path, body string) {
		key[3] = id
		s.do(t, "POST", path, body, key...)
	}
	ask("a", "/generate/", `{"prompt":"x"}`)
	ask("b", "/v1/chat/completions", hello+`}`)
	ask("c", "/v1/embeddings", `{"input":["x y","z"]}`)
	ask("d", "/generate", `{"prompt":"x","model":"gpt-9"}`)
	s.do(t, "GET", "/v1/models", "", key...)
	s.do(t, "GET", "/healthz", "")
	got := map[string]stylesprint.RequestRecord{}
	for _, r := range log.wait(t, 4) {
		if r.Latency <= 0 || time.Since(r.Time) > time.Minute || r.Time.Location() != time.UTC || r.KeyID != "key-1" {
			t.Errorf("%+v", r)
		}
		r.Latency, r.Time, r.KeyID = 0, time.Time{}, ""
		if r.FirstToken > 0 {
			r.FirstToken = 1
		}
		id, suffix, _ := strings.Cut(r.ID, "~")
		if len(suffix) != 8 {
			t.Errorf("the record of an id that the client chose is %q", r.ID)
		}
		r.ID = id
		got[r.ID] = r
	}
	usage := stylesprint.Usage{PromptTokens: 10, CompletionTokens: 2, CachedTokens: 4}
	want := []stylesprint.RequestRecord{
		{ID: "a", Route: "/generate/", Model: "fake-1", Status: 200, Usage: usage, Cost: stylesprint.MoneyOf(14e-6), Billed: stylesprint.MoneyOf(14e-6)},
		{ID: "b", Route: "/v1/chat/completions", Model: "fake-1", Status: 200, Stream: true, Usage: usage, Cost: stylesprint.MoneyOf(14e-6), Billed: stylesprint.MoneyOf(14e-6), FirstToken: 1},
		{ID: "c", Route: "/v1/embeddings", Model: "vec", Status: 200, Usage: stylesprint.Usage{PromptTokens: 3}},
		{ID: "d", Route: "/generate/", Model: "unknown", Status: 404, Code: stylesprint.CodeNotFound},
	}
	if len(got) != len(want) {
		t.Errorf("%d records", len(got))
	}
	for _, w := range want {
		if got[w.ID] != w {
			t.Errorf("got %+v\nwant %+v", got[w.ID], w)
		}
	}
}

// A client that uses an id twice gets it back twice, and leaves two records.
func TestRepeatedIDs(t *testing.T) {
	t.Parallel()
	log := &ledger{}
	s := serve(t, setup{o: gateway.Options{Requests: log, Models: []gateway.Model{text(fake.Script{})}}})
	for range 2 {
		a := s.do(t, "POST", "/generate/", `{"prompt":"x"}`, "X-Request-ID", "again")
		if a.header.Get("X-Request-ID") != "again" || a.json(t)["request_id"] != "again" {
			t.Errorf("%v %s", a.header, a.body)
		}
	}
	own := s.post(t, "/generate/", `{"prompt":"x"}`).json(t)["request_id"]
	if r := log.wait(t, 3); r[0].ID == r[1].ID || r[2].ID != own {
		t.Errorf("ids %q, %q, %q, want %q last", r[0].ID, r[1].ID, r[2].ID, own)
	}
}

// keys knows one key.
type keys struct{}

func (keys) Authenticate(_ *http.Request, key stylesprint.Secret) (gateway.Caller, error) {
	switch key.Reveal() {
	case secret:
		return gateway.Caller{KeyID: "key-1"}, nil
	case "":
		return gateway.Caller{}, &stylesprint.Error{Code: stylesprint.CodeUnauthorized, Message: "A key is required", Hint: "send Authorization: Bearer KEY"}
	default:
		return gateway.Caller{}, &stylesprint.Error{Code: stylesprint.CodeForbidden, Message: "The key is not known here"}
	}
}

func TestKeys(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{})}, Auth: keys{}}})
	for _, r := range []struct{ method, path string }{
		{"POST", "/generate/"}, {"POST", "/answer"}, {"POST", "/v1/chat/completions"}, {"POST", "/v1/completions"}, {"POST", "/v1/embeddings"}, {"GET", "/v1/models"},
	} {
		a := s.do(t, r.method, r.path, "")
		if a.status != 401 || a.header.Get("WWW-Authenticate") != "Bearer" {
			t.Errorf("%s without a key: %d %s", r.path, a.status, a.body)
		}
		if a := s.do(t, r.method, r.path, "", "Authorization", "Bearer other"); a.status != 403 {
			t.Errorf("%s with a wrong key: %d %s", r.path, a.status, a.body)
		}
		if a := s.do(t, r.method, r.path, "", "Authorization", "bearer  "+secret); a.status == 401 || a.status == 403 {
			t.Errorf("%s with the key: %d %s", r.path, a.status, a.body)
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if a := s.do(t, "GET", path, ""); a.status != 200 {
			t.Errorf("%s needs a key: %d", path, a.status)
		}
	}
}

// Neither prompt nor answer nor key is in logs, metrics or records, whatever happens to a request.
func TestNothingPrivateIsLogged(t *testing.T) {
	t.Parallel()
	const said = "burgundy herringbone overcoat"
	leak := errors.New("provider says: " + prompt + " " + secret)
	coded := func(c stylesprint.Code) error {
		return &stylesprint.Error{Code: c, Message: "it went wrong", Err: leak}
	}
	kinds := map[string]func() error{
		"plain": func() error { return leak }, "upstream": func() error { return coded(stylesprint.CodeUpstream) },
		"invalid": func() error { return coded(stylesprint.CodeInvalid) }, "panics": func() error { panic(prompt) }, "errors": func() error { panic(leak) },
		"refused": func() error {
			return &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "cannot reach the provider", Err: &net.OpError{Op: "dial", Net: "tcp", Err: errors.New("connection refused")}}
		},
	}
	m := made(func(_ context.Context, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		for name, fail := range kinds {
			if strings.Contains(fake.Text(req), name) {
				if err := fail(); err != nil {
					return stylesprint.Reply{}, err
				}
			}
		}
		if emit != nil {
			if err := emit(generate.Delta{Text: said}); err != nil {
				return stylesprint.Reply{}, err
			}
		}
		return stylesprint.Reply{Text: said}, nil
	})
	log := &ledger{}
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{m, vectors()}, Requests: log}})
	n := 0
	for _, kind := range []string{"well", "plain", "upstream", "invalid", "panics", "errors", "refused"} {
		for _, body := range []string{`{"prompt":"%s"}`, `{"prompt":"%s","stream":true}`, `{"prompt":"%s","model":"%[1]s"}`, `{"%s":1}`, `{"prompt":"%s`} {
			s.do(t, "POST", "/generate/?q="+secret, fmt.Sprintf(body, prompt+" "+kind), "Authorization", "Bearer "+secret, "User-Agent", secret)
			n++
		}
		s.do(t, "POST", "/v1/chat/completions", fmt.Sprintf(`{"messages":[{"role":"user","content":"%s"}]}`, prompt+kind), "X-Request-ID", prompt)
		n++
	}
	s.do(t, "POST", "/v1/embeddings", `{"input":"`+prompt+`"}`)
	s.do(t, "GET", "/"+strings.ReplaceAll(prompt, " ", "-"), "")
	s.do(t, "GET", "/v1/models/"+strings.Fields(prompt)[0], "")
	s.do(t, "POST", "/v1/"+strings.Fields(prompt)[0], "")
	records := fmt.Sprintf("%+v", log.wait(t, n+1))
	metrics := s.do(t, "GET", "/metrics", "").body
	logs := s.log.String()
	for _, where := range []struct{ name, text string }{{"records", records}, {"metrics", metrics}, {"logs", logs}} {
		for _, word := range append(strings.Fields(prompt+" "+said), secret) {
			if strings.Contains(where.text, word) {
				t.Errorf("%s hold %q:\n%s", where.name, word, where.text)
			}
		}
	}
	// What is needed to find a fault is there.
	for _, want := range []string{`"msg":"panic"`, `"panic":"string"`, "goroutine", `"error":"it went wrong"`, "dial tcp: connection refused", `"code":"upstream_error"`, `"request_id":"req_`} {
		if !strings.Contains(logs, want) {
			t.Errorf("no %s in the logs:\n%s", want, logs)
		}
	}
	if s.metric(t, "stylesprint_panics_total") != 6 {
		t.Errorf("%v panics counted", s.metric(t, "stylesprint_panics_total"))
	}
}

func TestBodiesWhenAskedFor(t *testing.T) {
	t.Parallel()
	log := &ledger{}
	s := serve(t, setup{o: gateway.Options{Requests: log, LogBodies: true, Models: []gateway.Model{text(fake.Script{Answers: []fake.Answer{{Text: "a\x00b"}}})}}})
	s.post(t, "/generate/", `{"prompt":"a\u0000linen shirt"}`)
	s.post(t, "/v1/chat/completions", hello+`}`)
	s.post(t, "/generate/", `{"prompt":"`+strings.Repeat("é", 40000)+`"}`)
	got := log.wait(t, 3)
	if got[0].Prompt != "a\uFFFDlinen shirt" || got[0].Response != "a\uFFFDb" {
		t.Errorf("%+v", got[0])
	}
	if got[1].Prompt != `[{"role":"user","content":"x"}]` {
		t.Errorf("%+v", got[1])
	}
	if got[2].Prompt != strings.Repeat("é", 32<<10) {
		t.Errorf("%d bytes", len(got[2].Prompt))
	}
}

// A log that is away for a moment loses nothing; one that is full or broken
// costs records, counted, and never a request.
func TestRequestLogTrouble(t *testing.T) {
	t.Parallel()
	quiet := slog.New(slog.NewTextHandler(io.Discard, nil))
	models := []gateway.Model{text(fake.Script{Answers: []fake.Answer{{Text: "x"}}})}

	t.Run("away", func(t *testing.T) {
		t.Parallel()
		log := &ledger{fail: func(n int) error {
			if n <= 2 {
				return errors.New("away")
			}
			return nil
		}}
		s := serve(t, setup{o: gateway.Options{Models: models, Requests: log, Log: quiet}})
		s.post(t, "/generate/", `{"prompt":"x"}`)
		log.wait(t, 1)
		if s.metric(t, "stylesprint_request_log_failures_total") != 2 || s.metric(t, "stylesprint_request_log_dropped_total") != 0 {
			t.Error("failures are not counted")
		}
	})
	t.Run("full", func(t *testing.T) {
		t.Parallel()
		log := &ledger{gate: make(chan struct{})}
		s := serve(t, setup{o: gateway.Options{Models: models, Requests: log, Log: quiet, QueueSize: 4}})
		const n = 400 // more than one batch and the queue hold
		for range n {
			if a := s.post(t, "/generate/", `{"prompt":"x"}`); a.status != 200 {
				t.Fatalf("%d", a.status)
			}
		}
		close(log.gate)
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		var written, dropped float64
		eventually(t, func() bool { // the last answer came before its record
			written, dropped = s.metric(t, "stylesprint_request_log_written_total"), s.metric(t, "stylesprint_request_log_dropped_total")
			return written+dropped == n
		})
		if dropped == 0 || int(written) != len(log.all()) || s.metric(t, "stylesprint_request_log_waiting") != 0 {
			t.Errorf("%v written, %v dropped, %d in the log", written, dropped, len(log.all()))
		}
	})
	t.Run("broken", func(t *testing.T) {
		t.Parallel()
		log := &ledger{fail: func(int) error { return errors.New("broken") }}
		s := serve(t, setup{o: gateway.Options{Models: models, Requests: log, Log: quiet}})
		s.post(t, "/generate/", `{"prompt":"x"}`)
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		if err := s.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
		eventually(t, func() bool { return s.metric(t, "stylesprint_request_log_dropped_total") == 1 })
		if a := s.do(t, "GET", "/readyz", ""); a.status != 503 {
			t.Errorf("ready after close: %d", a.status)
		}
	})
	t.Run("stuck", func(t *testing.T) {
		t.Parallel()
		log := &ledger{gate: make(chan struct{})}
		s := serve(t, setup{o: gateway.Options{Models: models, Requests: log, Log: quiet}})
		s.post(t, "/generate/", `{"prompt":"x"}`)
		s.shut() // requests have ended, and left their records
		<-s.done
		ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
		defer cancel()
		if err := s.Close(ctx); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("close: %v", err)
		}
	})
}

// Whatever names clients make up, the number of series stays small.
func TestLabelsAreBounded(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{})}}})
	for i := range 50 {
		s.post(t, "/generate/", fmt.Sprintf(`{"prompt":"x","model":"m%d"}`, i))
		s.do(t, "GET", fmt.Sprintf("/v1/models/m%d", i), "")
		s.do(t, "GET", fmt.Sprintf("/v1/p%d", i), "")
		s.do(t, "METHOD"+fmt.Sprint(i), "/generate/", "")
	}
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range families {
		if len(f.Metric) > 10 {
			t.Errorf("%s has %d series", f.GetName(), len(f.Metric))
		}
	}
	if n := s.metric(t, "stylesprint_http_requests_total", "model", "unknown", "status", "404"); n != 100 {
		t.Errorf("%v requests for unknown models", n)
	}
}
