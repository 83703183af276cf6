// Package faulttest is an OpenAI-compatible server that misbehaves on purpose,
// for tests of what stands before such servers.
//
// Key words: upstream, step, call.
//
// The usual path is
//
//	up := faulttest.New(t, faulttest.CutAt(40), faulttest.Answer("b ", 5))
//	d, err := openai.New(openai.Options{BaseURL: up.BaseURL(), Model: "m"})
//
// The first call is answered by the first step, the next by the second, and
// all further ones by the last. Faults of the network are real: connections
// are reset or cut below HTTP. A test that ends waits for the calls that still
// run, and so fails to end where one was not cancelled. An Upstream is safe
// for concurrent use.
package faulttest

import (
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

// Upstream is one server.
type Upstream struct {
	server *httptest.Server

	mu        sync.Mutex
	steps     []Step
	calls     int
	probes    int
	cancelled int
}

// Step answers one call, whole or streamed as it asks.
type Step func(*Call)

// Call is one request for text.
type Call struct {
	Number int  // from 1
	Stream bool // whether the answer is to be streamed
	W      http.ResponseWriter
	R      *http.Request
	up     *Upstream
}

// New starts a server that plays the steps; the test's end stops it.
func New(t testing.TB, steps ...Step) *Upstream {
	t.Helper()
	return start(t, steps, (*httptest.Server).Start)
}

// NewTLS starts one with a certificate that nobody trusts.
func NewTLS(t testing.TB, steps ...Step) *Upstream {
	t.Helper()
	return start(t, steps, (*httptest.Server).StartTLS)
}

func start(t testing.TB, steps []Step, begin func(*httptest.Server)) *Upstream {
	u := &Upstream{steps: steps}
	u.server = httptest.NewUnstartedServer(u)
	u.server.Config.ErrorLog = log.New(io.Discard, "", 0)
	begin(u.server)
	t.Cleanup(u.server.Close)
	return u
}

// BaseURL is what a client is set up with.
func (u *Upstream) BaseURL() string { return u.server.URL + "/v1" }

// Calls is how many requests for text came.
func (u *Upstream) Calls() int { return u.count(&u.calls) }

// Probes is how many model lists were asked for.
func (u *Upstream) Probes() int { return u.count(&u.probes) }

// Cancelled is how many callers left a call that was kept waiting.
func (u *Upstream) Cancelled() int { return u.count(&u.cancelled) }

func (u *Upstream) count(n *int) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return *n
}

// Play replaces the steps that are left.
func (u *Upstream) Play(steps ...Step) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.steps = append(make([]Step, u.calls), steps...)
}

// ServeHTTP implements http.Handler.
func (u *Upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if r.Method == http.MethodGet {
		u.mu.Lock()
		u.probes++
		u.mu.Unlock()
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"object":"list","data":[{"id":"m","object":"model"}]}`)
		return
	}
	var asked struct {
		Stream bool `json:"stream"`
	}
	if json.Unmarshal(body, &asked) != nil {
		http.Error(w, `{"error":{"message":"no JSON"}}`, http.StatusBadRequest)
		return
	}
	u.mu.Lock()
	u.calls++
	c := &Call{Number: u.calls, Stream: asked.Stream, W: w, R: r, up: u}
	step := u.steps[min(u.calls, len(u.steps))-1]
	u.mu.Unlock()
	step(c)
}

// usage of an answer of n tokens; the prompt is ten.
func usage(n int) string {
	return fmt.Sprintf(`{"prompt_tokens":10,"completion_tokens":%d,"total_tokens":%d}`, n, n+10)
}

// Whole sends an answer in one piece.
func (c *Call) Whole(text, usage string) {
	c.W.Header().Set("Content-Type", "application/json")
	_, _ = io.WriteString(c.W, c.body(text, usage))
}

func (c *Call) body(text, usage string) string {
	return fmt.Sprintf(`{"id":"c1","object":"chat.completion","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":%q},"finish_reason":"stop"}],"usage":%s}`, text, usage)
}

// Begin sends the headers of a stream and the chunk that names the role.
func (c *Call) Begin() {
	c.W.Header().Set("Content-Type", "text/event-stream")
	c.Event(`{"id":"c1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}`)
}

// Token sends one piece of text.
func (c *Call) Token(text string) {
	c.Event(fmt.Sprintf(`{"id":"c1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{"content":%q},"finish_reason":null}]}`, text))
}

// Tokens sends a piece n times.
func (c *Call) Tokens(text string, n int) {
	for range n {
		c.Token(text)
	}
}

// Finish sends the reason and the usage.
func (c *Call) Finish(usage string) {
	c.Event(`{"id":"c1","object":"chat.completion.chunk","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`)
	c.Event(`{"id":"c1","object":"chat.completion.chunk","model":"m","choices":[],"usage":` + usage + `}`)
}

// Done sends the last event.
func (c *Call) Done() { c.Event("[DONE]") }

// Event sends an event without a name.
func (c *Call) Event(data string) { c.Send("data: " + data + "\n\n") }

// Send sends bytes of a body at once.
func (c *Call) Send(text string) {
	_, _ = io.WriteString(c.W, text)
	_ = http.NewResponseController(c.W).Flush()
}

// Wait waits until the caller has left.
func (c *Call) Wait() {
	select {
	case <-c.R.Context().Done():
		c.up.mu.Lock()
		c.up.cancelled++
		c.up.mu.Unlock()
	case <-time.After(time.Minute): // a test that is broken need not hang
	}
}

// Cut closes the connection without the end of the body.
func (c *Call) Cut() { panic(http.ErrAbortHandler) }

// Reset sends a reset instead of anything else.
func (c *Call) Reset() {
	if tcp, ok := c.conn().(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
		_ = tcp.Close()
	}
}

// Raw sends bytes in place of an HTTP answer and closes the connection.
func (c *Call) Raw(text string) {
	if conn := c.conn(); conn != nil {
		_, _ = io.WriteString(conn, text)
		_ = conn.Close()
	}
}

func (c *Call) conn() net.Conn {
	conn, _, err := http.NewResponseController(c.W).Hijack()
	if err != nil {
		return nil
	}
	return conn
}

// Refuse answers with a status and headers in pairs.
func (c *Call) Refuse(status int, body string, header ...string) {
	c.W.Header().Set("Content-Type", "application/json")
	for i := 0; i+1 < len(header); i += 2 {
		c.W.Header().Set(header[i], header[i+1])
	}
	c.W.WriteHeader(status)
	_, _ = io.WriteString(c.W, body)
}

// half is the first half of a text.
func half(s string) string { return s[:len(s)/2] }

// repeated is a piece n times.
func repeated(text string, n int) string { return strings.Repeat(text, n) }
