package gateway_test

import (
	"bufio"
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/generate"
	"stylesprint/generate/fake"
)

// notary is a Recorder that holds each commit until it is let go.
type notary struct {
	mu      sync.Mutex
	asked   chan struct{}
	gate    chan struct{}
	refuse  error
	records []stylesprint.RequestRecord
	settled []bool
}

func (n *notary) Admit() error { return n.refuse }

func (n *notary) Commit(r *stylesprint.RequestRecord) func(bool) {
	if n.gate != nil {
		n.asked <- struct{}{}
		<-n.gate
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	n.records = append(n.records, *r)
	i := len(n.records) - 1
	n.settled = append(n.settled, false)
	return func(delivered bool) {
		n.mu.Lock()
		defer n.mu.Unlock()
		n.settled[i] = delivered
	}
}

func (n *notary) Logged() (int64, stylesprint.Money) {
	n.mu.Lock()
	defer n.mu.Unlock()
	return int64(len(n.records)), 0
}

// No client has its whole answer before the record of it is committed: neither a whole
// answer's body, nor a stream's last event, nor an error.
func TestCommitComesFirst(t *testing.T) {
	t.Parallel()
	script := fake.Script{Answers: []fake.Answer{{Text: "one two three"}}}
	cut := made(func(_ context.Context, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		if emit != nil {
			if err := emit(generate.Delta{Text: "one "}); err != nil {
				return stylesprint.Reply{}, err
			}
		}
		return stylesprint.Reply{Billed: 5}, &stylesprint.Error{Code: stylesprint.CodeUpstream, Message: "the provider hung up"}
	})
	cut.Name = "cut"
	for name, c := range map[string]struct{ path, body, last string }{
		"whole":       {"/generate/", `{"prompt":"x"}`, "one two three"},
		"stream":      {"/generate/", `{"prompt":"x","stream":true}`, `"finish_reason"`},
		"chat":        {"/v1/chat/completions", `{"messages":[{"role":"user","content":"x"}]}`, "one two three"},
		"chat stream": {"/v1/chat/completions", hello + `}`, "[DONE]"},
		"vectors":     {"/v1/embeddings", `{"input":"x"}`, "embedding"},
		"refused":     {"/generate/", `{"prompt":""}`, "detail"},
		"failed":      {"/generate/", `{"prompt":"x","model":"cut"}`, "before its answer was whole"},
		"cut":         {"/generate/", `{"prompt":"x","model":"cut","stream":true}`, "before its answer was whole"},
		"chat cut":    {"/v1/chat/completions", `{"model":"cut","stream":true,"messages":[{"role":"user","content":"x"}]}`, "before its answer was whole"},
		"unknown":     {"/v1/completions", `{"model":"gpt-9","prompt":"x"}`, "model_not_found"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := &notary{asked: make(chan struct{}, 1), gate: make(chan struct{})}
			s := serve(t, setup{o: gateway.Options{Records: n, Models: []gateway.Model{text(script), vectors(), cut}}})
			conn, err := net.Dial("tcp", s.addr)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			_, _ = io.WriteString(conn, "POST "+c.path+" HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: "+strconv.Itoa(len(c.body))+"\r\n\r\n"+c.body)
			<-n.asked
			_ = conn.SetReadDeadline(time.Now().Add(50 * time.Millisecond))
			early, _ := io.ReadAll(conn)
			if strings.Contains(string(early), c.last) {
				t.Errorf("before the commit: %s", early)
			}
			close(n.gate)
			_ = conn.SetReadDeadline(time.Now().Add(5 * time.Second))
			resp, err := http.ReadResponse(bufio.NewReader(io.MultiReader(strings.NewReader(string(early)), conn)), nil)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if (err != nil) != strings.HasSuffix(name, "cut") || !strings.Contains(string(body), c.last) {
				t.Errorf("%v: %s", err, body)
			}
			eventually(t, func() bool {
				n.mu.Lock()
				defer n.mu.Unlock()
				return len(n.settled) == 1 && n.settled[0] && (n.records[0].Status == resp.StatusCode || err != nil && n.records[0].Status == 502)
			})
			if s.metric(t, "stylesprint_request_log_answers_total") != 1 || s.metric(t, "stylesprint_request_log_ratio") != 1 {
				t.Error("the share of recorded answers is wrong")
			}
		})
	}
}

// Where requests that cannot be recorded are not wanted, none reaches a model.
func TestAdmit(t *testing.T) {
	t.Parallel()
	n := &notary{refuse: &stylesprint.Error{Code: stylesprint.CodeUnavailable, RetryAfter: 5 * time.Second, Message: "Requests cannot be recorded"}}
	s := serve(t, setup{o: gateway.Options{Records: n, Models: []gateway.Model{made(func(context.Context, generate.Request, func(generate.Delta) error) (stylesprint.Reply, error) {
		t.Error("the model was asked")
		return stylesprint.Reply{}, nil
	})}}})
	for _, path := range []string{"/generate/", "/v1/chat/completions"} {
		if a := s.post(t, path, `{"prompt":"x"}`); a.status != 503 || a.header.Get("Retry-After") != "5" {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	if a := s.do(t, "GET", "/healthz", ""); a.status != 200 {
		t.Errorf("%d", a.status)
	}
}

func eventually(t *testing.T, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("not in 5 s")
		}
	}
}
