package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/generate"
	"stylesprint/generate/fake"
	"stylesprint/internal/httpserver"
)

const hello = `{"messages":[{"role":"user","content":"x"}],"stream":true`

func TestChatStream(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{Answers: []fake.Answer{{Text: "A cool shirt."}}})}}})
	a, got, whole := s.stream(t, "/v1/chat/completions", hello+`,"stream_options":{"include_usage":true}}`)
	if a.status != 200 || !whole {
		t.Fatalf("%d, whole %v: %s", a.status, whole, a.body)
	}
	want := []string{
		`"choices":[{"index":0,"delta":{"role":"assistant","content":"A"},"logprobs":null,"finish_reason":null}]}`,
		`"choices":[{"index":0,"delta":{"content":" cool"},"logprobs":null,"finish_reason":null}]}`,
		`"choices":[{"index":0,"delta":{"content":" shirt."},"logprobs":null,"finish_reason":null}]}`,
		`"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}]}`,
		`"choices":[],"usage":{"prompt_tokens":1,"completion_tokens":3,"total_tokens":4},"generated_by":{"program":"stylesprint","model":"fake"}}`,
		`[DONE]`,
	}
	if len(got) != len(want) {
		t.Fatalf("%d events: %s", len(got), a.body)
	}
	for i, e := range got {
		if e.name != "" || !strings.HasSuffix(e.data, want[i]) {
			t.Errorf("event %d: %+v, want ...%s", i, e, want[i])
		}
		if i < len(got)-1 && (member(t, e.data, "id") != `"chatcmpl-`+a.header.Get("X-Request-ID")+`"` || member(t, e.data, "object") != `"chat.completion.chunk"` || member(t, e.data, "model") != `"fake"`) {
			t.Errorf("event %d: %s", i, e.data)
		}
	}

	a, got, _ = s.stream(t, "/v1/completions", `{"prompt":"x","stream":true}`)
	want = []string{
		`"choices":[{"index":0,"text":"A","logprobs":null,"finish_reason":null}]}`,
		`"choices":[{"index":0,"text":" cool","logprobs":null,"finish_reason":null}]}`,
		`"choices":[{"index":0,"text":" shirt.","logprobs":null,"finish_reason":null}]}`,
		`"choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"stop"}],"generated_by":{"program":"stylesprint","model":"fake"}}`,
		`[DONE]`,
	}
	if len(got) != len(want) {
		t.Fatalf("%d events: %s", len(got), a.body)
	}
	for i, e := range got {
		if !strings.HasSuffix(e.data, want[i]) {
			t.Errorf("event %d: %+v, want ...%s", i, e, want[i])
		}
	}
}

// An answer without any text is still a whole stream.
func TestEmptyStream(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{Answers: []fake.Answer{{Text: ""}}})}}})
	_, got, whole := s.stream(t, "/v1/chat/completions", hello+`}`)
	if !whole || len(got) != 2 || member(t, got[0].data, "choices.0.delta") != `{"role":"assistant"}` || got[1].data != "[DONE]" {
		t.Errorf("whole %v, %v", whole, got)
	}
	_, got, whole = s.stream(t, "/generate/", `{"prompt":"x","stream":true}`)
	if !whole || len(got) != 1 || member(t, got[0].data, "generated_text") != `""` {
		t.Errorf("whole %v, %v", whole, got)
	}
}

func raw(s string) json.RawMessage { return json.RawMessage(s) }

func TestRawChunksPassThrough(t *testing.T) {
	t.Parallel()
	chunk := func(delta, rest string) generate.Delta {
		var d struct{ Content string }
		_ = json.Unmarshal([]byte(delta), &d)
		return generate.Delta{Text: d.Content, Raw: raw(`{"id":"up-1","object":"chat.completion.chunk","model":"exact","choices":[{"index":0,"delta":` + delta + `}]` + rest + `}`)}
	}
	role, hi := chunk(`{"role":"assistant","content":""}`, ``), chunk(`{"content":"hi"}`, `,"usage":null,"obfuscation":"xx"`)
	end := generate.Delta{Raw: raw(`{"id":"up-1","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}`)}
	usage := generate.Delta{Raw: raw(`{"id":"up-1","choices":[],"usage":{"total_tokens":3,"strange":1}}`)}
	verdict := generate.Delta{Raw: raw(`{"id":"","choices":[],"prompt_filter_results":[]}`)}
	reply := stylesprint.Reply{Text: "hi", Usage: stylesprint.Usage{PromptTokens: 4}}
	cases := []struct {
		name    string
		deltas  []generate.Delta
		include bool
		want    []string // a part of each event
	}{
		{"all theirs", []generate.Delta{role, hi, end, usage}, true, []string{`"role":"assistant"`, `"obfuscation":"xx"`, `"tool_calls"`, `"strange":1`, "[DONE]"}},
		{"usage not asked for", []generate.Delta{role, hi, end, usage}, false, []string{`"role":"assistant"`, `"content":"hi"`, `"tool_calls"`, "[DONE]"}},
		{"no end, no usage", []generate.Delta{role, hi}, true, []string{`"role":"assistant"`, `"content":"hi"`, `"delta":{},"logprobs":null,"finish_reason":"stop"`, `"total_tokens":4`, "[DONE]"}},
		{"verdict first", []generate.Delta{verdict, role, hi, end}, false, []string{`"prompt_filter_results":[]`, `"role"`, `"hi"`, `"tool_calls"`, "[DONE]"}},
		{"not JSON", []generate.Delta{{Text: "hi", Raw: raw(`<x>`)}}, false, []string{`{"role":"assistant","content":"hi"}`, `"finish_reason":"stop"`, "[DONE]"}},
		{"other kind", []generate.Delta{{Text: "hi", Raw: raw(`{"choices":[{"text":"hi"}]}`)}}, false, []string{`{"role":"assistant","content":"hi"}`, `"finish_reason":"stop"`, "[DONE]"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, _ := capture(reply, c.deltas...)
			s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{m}}})
			body := hello + `}`
			if c.include {
				body = hello + `,"stream_options":{"include_usage":true}}`
			}
			a, got, whole := s.stream(t, "/v1/chat/completions", body)
			if !whole || len(got) != len(c.want) {
				t.Fatalf("whole %v, %d events: %s", whole, len(got), a.body)
			}
			for i, want := range c.want {
				if !strings.Contains(got[i].data, want) {
					t.Errorf("event %d: %s, want %s", i, got[i].data, want)
				}
				if !c.include && strings.Contains(got[i].data, `"usage"`) {
					t.Errorf("event %d has usage: %s", i, got[i].data)
				}
				if i < len(got)-1 && (member(t, got[i].data, "id") == `""` || member(t, got[i].data, "object") != `"chat.completion.chunk"` || member(t, got[i].data, "model") == "") {
					t.Errorf("event %d: %s", i, got[i].data)
				}
			}
		})
	}
}

// Headers wait for the first text: a provider that fails after it said who
// speaks gets a status of its own.
func TestHeadersWaitForText(t *testing.T) {
	t.Parallel()
	m := made(func(_ context.Context, _ generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		if err := emit(generate.Delta{Raw: raw(`{"choices":[{"delta":{"role":"assistant","content":""}}]}`)}); err != nil {
			return stylesprint.Reply{}, err
		}
		return stylesprint.Reply{}, &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "down", RetryAfter: 3 * time.Second}
	})
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{m}}})
	a := s.post(t, "/v1/chat/completions", hello+`}`)
	if a.status != 503 || a.header.Get("Retry-After") != "3" || a.header.Get("Content-Type") != "application/json" || member(t, a.body, "error.code") != `"unavailable"` {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
}

func TestStreamFailsMidway(t *testing.T) {
	t.Parallel()
	log := &ledger{}
	s := serve(t, setup{o: gateway.Options{Requests: log, Models: []gateway.Model{text(fake.Script{Answers: []fake.Answer{
		{Text: "one two three", After: 2, Err: &stylesprint.Error{Code: stylesprint.CodeUpstream, Message: "it broke"}},
	}})}}})
	a, got, whole := s.stream(t, "/v1/chat/completions", hello+`}`)
	if a.status != 200 || whole || len(got) != 3 {
		t.Fatalf("%d, whole %v: %s", a.status, whole, a.body)
	}
	if e := got[2]; e.name != "" || member(t, e.data, "error.code") != `"upstream_error"` || !strings.HasPrefix(member(t, e.data, "error.message"), `"The model failed before its answer was whole. Hint: try again`) {
		t.Errorf("%+v", e)
	}
	if strings.Contains(a.body, "DONE") {
		t.Error("a failed stream says that it is done")
	}
	if r := log.wait(t, 1)[0]; r.Status != 502 || r.Code != stylesprint.CodeUpstream || !r.Stream || r.Usage.CompletionTokens != 2 || r.FirstToken == 0 {
		t.Errorf("%+v", r)
	}
}

func TestKeepAlive(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{KeepAlive: 20 * time.Millisecond, Models: []gateway.Model{
		text(fake.Script{Pause: 100 * time.Millisecond, Pace: 150 * time.Millisecond, Answers: []fake.Answer{{Text: "one two"}}}),
	}}})
	resp, err := s.client.Post(s.url+"/v1/chat/completions", "application/json", strings.NewReader(hello+`}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	got, comments, whole := events(t, resp.Body)
	if !whole || len(got) != 4 || comments < 2 {
		t.Errorf("whole %v, %d events, %d comments", whole, len(got), comments)
	}
}

// A client that leaves ends the call to its model within a second, before and
// after the first text, and counts as 499.
func TestClientLeaves(t *testing.T) {
	t.Parallel()
	for _, streamed := range []bool{true, false} {
		t.Run(fmt.Sprint("stream ", streamed), func(t *testing.T) {
			t.Parallel()
			began, ended := make(chan struct{}), make(chan time.Time, 1)
			m := made(func(ctx context.Context, _ generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
				if emit != nil {
					if err := emit(generate.Delta{Text: "one"}); err != nil {
						return stylesprint.Reply{}, err
					}
				}
				close(began)
				<-ctx.Done()
				ended <- time.Now()
				return stylesprint.Reply{}, ctx.Err()
			})
			log := &ledger{}
			s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{m}, Requests: log}})
			ctx, leave := context.WithCancel(t.Context())
			req, err := http.NewRequestWithContext(ctx, "POST", s.url+"/generate/", strings.NewReader(fmt.Sprintf(`{"prompt":"x","stream":%v}`, streamed)))
			if err != nil {
				t.Fatal(err)
			}
			go func() {
				<-began
				leave()
			}()
			resp, err := s.client.Do(req)
			if err == nil {
				_, err = io.Copy(io.Discard, resp.Body)
				resp.Body.Close()
			}
			if err == nil {
				t.Error("the request succeeded")
			}
			left := time.Now()
			if took := (<-ended).Sub(left); took > time.Second {
				t.Errorf("the call to the model ended %v after the client had left", took)
			}
			r := log.wait(t, 1)[0]
			if r.Status != 499 || r.Code != stylesprint.CodeCancelled || r.Stream != streamed {
				t.Errorf("%+v", r)
			}
			if n := s.metric(t, "stylesprint_http_requests_total", "status", "499"); n != 1 {
				t.Errorf("%v requests counted as 499", n)
			}
		})
	}
}

// A client that stops reading is cut off, and its model with it.
func TestClientStopsReading(t *testing.T) {
	t.Parallel()
	ended := make(chan error, 1)
	m := made(func(ctx context.Context, _ generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		for {
			if err := emit(generate.Delta{Text: strings.Repeat("word ", 8000)}); err != nil {
				ended <- err
				return stylesprint.Reply{}, err
			}
		}
	})
	log := &ledger{}
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{m}, Requests: log}, server: httpserver.Options{StallTimeout: 100 * time.Millisecond}})
	c, err := net.Dial("tcp", s.addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	const body = `{"prompt":"x","stream":true}`
	fmt.Fprintf(c, "POST /generate/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	select {
	case <-ended:
	case <-time.After(10 * time.Second):
		t.Fatal("the stream goes on")
	}
	if r := log.wait(t, 1)[0]; r.Status != 499 {
		t.Errorf("%+v", r)
	}
}

func TestDeadline(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Timeout: 50 * time.Millisecond, Models: []gateway.Model{text(fake.Script{Pause: time.Minute})}}})
	if a := s.post(t, "/generate/", `{"prompt":"x"}`); a.status != 504 || a.json(t)["code"] != "timeout" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := s.post(t, "/v1/chat/completions", hello+`}`); a.status != 504 || member(t, a.body, "error.code") != `"timeout"` {
		t.Errorf("%d %s", a.status, a.body)
	}
}

func TestMaxInFlight(t *testing.T) {
	t.Parallel()
	release, began := make(chan struct{}), make(chan struct{}, 8)
	m := made(func(ctx context.Context, _ generate.Request, _ func(generate.Delta) error) (stylesprint.Reply, error) {
		began <- struct{}{}
		<-release
		return stylesprint.Reply{Text: "done"}, ctx.Err()
	})
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{m}, MaxInFlight: 2}})
	done := make(chan int, 2)
	for range 2 {
		go func() { done <- s.post(t, "/generate/", `{"prompt":"x"}`).status }()
	}
	<-began
	<-began
	a := s.post(t, "/generate/", `{"prompt":"x"}`)
	if a.status != 429 || a.header.Get("Retry-After") != "1" || a.json(t)["code"] != "rate_limited" {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	if b := s.do(t, "GET", "/healthz", ""); b.status != 200 {
		t.Errorf("a full server does not answer its probe: %d", b.status)
	}
	close(release)
	for range 2 {
		if status := <-done; status != 200 {
			t.Errorf("status %d", status)
		}
	}
	if a := s.post(t, "/generate/", `{"prompt":"x"}`); a.status != 200 {
		t.Errorf("no place is given back: %d", a.status)
	}
}

// A stream in flight finishes during the drain; new connections are refused,
// and the readiness probe says no while the listener still takes it.
func TestDrain(t *testing.T) {
	t.Parallel()
	began, release := make(chan struct{}), make(chan struct{})
	m := made(func(ctx context.Context, _ generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		if err := emit(generate.Delta{Text: "one"}); err != nil {
			return stylesprint.Reply{}, err
		}
		close(began)
		select {
		case <-release:
		case <-ctx.Done():
			return stylesprint.Reply{}, ctx.Err()
		}
		return stylesprint.Reply{Text: "one two"}, emit(generate.Delta{Text: " two"})
	})
	log := &ledger{}
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{m}, Requests: log}, server: httpserver.Options{DrainDelay: 150 * time.Millisecond}})
	type outcome struct {
		events []event
		whole  bool
	}
	out := make(chan outcome, 1)
	go func() {
		_, e, whole := s.stream(t, "/v1/chat/completions", hello+`}`)
		out <- outcome{e, whole}
	}()
	<-began
	s.shut()
	for end := time.Now().Add(5 * time.Second); s.ready.Ready() && time.Now().Before(end); {
		time.Sleep(time.Millisecond)
	}
	if a := s.do(t, "GET", "/readyz", ""); a.status != 503 || a.json(t)["status"] != "draining" {
		t.Errorf("readyz while draining: %d %s", a.status, a.body)
	}
	if a := s.do(t, "GET", "/healthz", ""); a.status != 200 {
		t.Errorf("healthz while draining: %d", a.status)
	}
	refused := false
	for end := time.Now().Add(5 * time.Second); !refused && time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		c, err := net.Dial("tcp", s.addr)
		refused = err != nil
		if err == nil {
			c.Close()
		}
	}
	if !refused {
		t.Error("new connections are taken while draining")
	}
	close(release)
	if o := <-out; !o.whole || len(o.events) != 4 || o.events[3].data != "[DONE]" {
		t.Errorf("%+v", o)
	}
	if err := <-s.done; err != nil {
		t.Errorf("drain: %v", err)
	}
	if err := s.Close(t.Context()); err != nil {
		t.Error(err)
	}
	if r := log.all(); len(r) != 1 || r[0].Status != 200 {
		t.Errorf("%+v", r)
	}
}

// A stream that outlasts the drain is told so.
func TestDrainLimit(t *testing.T) {
	t.Parallel()
	began := make(chan struct{})
	m := made(func(ctx context.Context, _ generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		if err := emit(generate.Delta{Text: "one"}); err != nil {
			return stylesprint.Reply{}, err
		}
		close(began)
		<-ctx.Done()
		return stylesprint.Reply{}, ctx.Err()
	})
	log := &ledger{}
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{m}, Requests: log}, server: httpserver.Options{DrainLimit: 50 * time.Millisecond}})
	go func() {
		<-began
		s.shut()
	}()
	_, got, whole := s.stream(t, "/v1/chat/completions", hello+`}`)
	if last := got[len(got)-1]; whole || member(t, last.data, "error.code") != `"unavailable"` || !strings.Contains(last.data, "shutting down") {
		t.Errorf("whole %v, last %+v", whole, last)
	}
	if err := <-s.done; err == nil || !strings.Contains(err.Error(), "1 requests had not finished") {
		t.Errorf("drain: %v", err)
	}
	if r := log.wait(t, 1)[0]; r.Status != 503 {
		t.Errorf("%+v", r)
	}
}
