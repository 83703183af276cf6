package gateway_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"stylesprint/gateway"
	"stylesprint/generate/fake"
	"stylesprint/internal/httpserver"
)

// endless is a body of n bytes that takes no memory.
type endless struct{ n int }

func (e *endless) Read(p []byte) (int, error) {
	if e.n <= 0 {
		return 0, io.EOF
	}
	n := min(len(p), e.n)
	for i := range p[:n] {
		p[i] = 'x'
	}
	e.n -= n
	return n, nil
}

// A hundred megabytes are refused, announced or not, without being kept.
func TestHugeBody(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{})}}})
	const size = 100 << 20
	for _, announced := range []bool{true, false} {
		var before, after runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&before)
		req, err := http.NewRequest("POST", s.url+"/generate/", io.MultiReader(strings.NewReader(`{"prompt":"`), &endless{size}))
		if err != nil {
			t.Fatal(err)
		}
		if announced {
			req.ContentLength = size + 11
		}
		resp, err := s.client.Do(req)
		if err != nil { // the server may close before the client has sent all
			if !errors.Is(err, syscall.EPIPE) && !errors.Is(err, syscall.ECONNRESET) {
				t.Errorf("announced %v: %v", announced, err)
			}
		} else {
			b, _ := io.ReadAll(resp.Body)
			resp.Body.Close()
			if resp.StatusCode != 413 || !strings.Contains(string(b), `"code":"too_large"`) {
				t.Errorf("announced %v: %d %s", announced, resp.StatusCode, b)
			}
		}
		runtime.ReadMemStats(&after)
		// Other tests run beside this one; the body alone would be 100 MB.
		if grown := int64(after.HeapAlloc) - int64(before.HeapAlloc); grown > 64<<20 {
			t.Errorf("announced %v: the heap grew by %d MB", announced, grown>>20)
		}
	}
}

// raw sends bytes as they are and returns the answer's status, or 0 if the connection was closed without one.
func rawRequest(t *testing.T, addr, request string) int {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	go func() { _, _ = io.WriteString(c, request) }()
	resp, err := http.ReadResponse(bufio.NewReader(c), nil)
	if err != nil {
		var ne net.Error
		if errors.As(err, &ne) && ne.Timeout() {
			t.Error("the server waits for ever")
		}
		return 0
	}
	resp.Body.Close()
	return resp.StatusCode
}

func TestSlowAndBrokenRequests(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{
		o:      gateway.Options{Models: []gateway.Model{text(fake.Script{})}},
		server: httpserver.Options{HeaderTimeout: 200 * time.Millisecond, BodyTimeout: 200 * time.Millisecond, MaxHeaderBytes: 8 << 10},
	})
	head := "POST /generate/ HTTP/1.1\r\nHost: localhost\r\n"
	cases := []struct {
		name, request string
		status        []int
	}{
		{"half a header", "POST /gen", []int{0, 400, 408}},
		{"headers without end", head, []int{0, 400, 408}},
		{"half a body", head + "Content-Length: 100\r\n\r\n{\"prompt\":", []int{408}},
		{"half a chunk", head + "Transfer-Encoding: chunked\r\n\r\n10\r\n{\"prompt\":", []int{408}},
		{"bad chunk", head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", []int{400}},
		{"header bomb", head + strings.Repeat("X-A: "+strings.Repeat("a", 1000)+"\r\n", 40) + "\r\n", []int{431}},
		{"one long header", head + "X-A: " + strings.Repeat("a", 1<<20) + "\r\n\r\n", []int{431}},
		{"ten thousand headers", head + strings.Repeat("X: \r\n", 10000) + "\r\n", []int{431}},
		{"NUL in a header", head + "X-Request-ID: a\x00b\r\n\r\n", []int{400}},
		{"escape in a header", head + "X-Request-ID: a\x1b[31m\r\nContent-Length: 2\r\n\r\n{}", []int{400}},
		{"two lengths", head + "Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}", []int{400}},
		{"negative length", head + "Content-Length: -2\r\n\r\n{}", []int{400}},
		{"foreign host", "POST /generate/ HTTP/1.1\r\nHost: evil.example\r\nContent-Length: 2\r\n\r\n{}", []int{403}},
		{"no host", "GET /healthz HTTP/1.1\r\n\r\n", []int{400}},
		{"old protocol", "GET /healthz HTTP/1.0\r\nHost: localhost\r\n\r\n", []int{200}},
		{"not HTTP", "\x16\x03\x01\x02\x00\x01\x00\x01", []int{0, 400}},
		{"dots", "GET /v1/models/../../../../etc/passwd HTTP/1.1\r\nHost: localhost\r\n\r\n", []int{301, 307, 404}},
		{"compressed", head + "Content-Encoding: gzip\r\nContent-Length: 2\r\n\r\n{}", []int{415}},
		{"upgrade", "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n", []int{200}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := rawRequest(t, s.addr, c.request)
			for _, want := range c.status {
				if got == want {
					return
				}
			}
			t.Errorf("status %d, want one of %v", got, c.status)
		})
	}
}

// Two hundred clients that send a byte now and then do not keep others out.
func TestSlowLoris(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{
		o:      gateway.Options{Models: []gateway.Model{text(fake.Script{})}},
		server: httpserver.Options{HeaderTimeout: 300 * time.Millisecond, MaxConnections: 256},
	})
	var slow sync.WaitGroup
	for range 200 {
		slow.Go(func() {
			c, err := net.Dial("tcp", s.addr)
			if err != nil {
				return
			}
			defer c.Close()
			end := time.Now().Add(10 * time.Second)
			for _, b := range []byte("POST /generate/ HTTP/1.1\r\nHost: localhost\r\nX-A: " + strings.Repeat("a", 1000)) {
				_ = c.SetDeadline(end)
				if _, err := c.Write([]byte{b}); err != nil {
					return
				}
				time.Sleep(20 * time.Millisecond)
			}
			t.Error("a slow client was never cut off")
		})
	}
	for range 20 {
		if a := s.post(t, "/generate/", `{"prompt":"x"}`); a.status != 200 {
			t.Errorf("%d", a.status)
		}
		time.Sleep(10 * time.Millisecond)
	}
	slow.Wait()
}

// Deep, wide and repetitive JSON is answered quickly and within bounds.
func TestMonstrousJSON(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{}), vectors()}}})
	size := 1
	if testing.Short() {
		size = 10 // the race detector makes this slow
	}
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	bodies := []string{
		`{"prompt":` + deep(100000) + `}`,
		`{"messages":` + deep(9000) + `}`,
		`{"input":` + deep(9000) + `}`,
		`{"messages":[{"role":"user","content":[` + strings.Repeat(`{"type":"text","text":"x"},`, 50000/size) + `{}]}]}`,
		`{"messages":[` + strings.Repeat(`{"role":"user","content":""},`, 50000/size) + `{"role":"user","content":""}]}`,
		`{` + strings.Repeat(`"a":1,`, 200000/size) + `"a":1}`,
		`{"prompt":"x","temperature":` + strings.Repeat("9", 100000/size) + `}`,
		`{"prompt":"x","max_tokens":1e99999999}`,
		`{"prompt":"x","seed":` + strings.Repeat("1", 100000/size) + `}`,
		`{"input":[` + strings.Repeat(`"a",`, 300000/size) + `"a"]}`,
		`{"prompt":"\ud800\udfff\u0000\uffff"}`,
		`{"` + strings.Repeat("x", 1<<20) + `":1}`,
		`{"prompt":"x","model":"` + strings.Repeat("y", 1<<20) + `"}`,
	}
	for i, body := range bodies {
		for _, path := range []string{"/generate/", "/v1/chat/completions", "/v1/completions", "/v1/embeddings"} {
			a := s.post(t, path, body)
			if a.status >= 500 || len(a.body) > 16<<10 {
				t.Errorf("body %d at %s: %d, %d bytes: %.200s", i, path, a.status, len(a.body), a.body)
			}
			a.json(t)
		}
	}
}

// check sends a body to a handler and holds the answer to what every answer must be.
func check(t *testing.T, g *gateway.Gateway, path string, body []byte) {
	t.Helper()
	req := httptest.NewRequest("POST", path, bytes.NewReader(body))
	rec := httptest.NewRecorder()
	g.ServeHTTP(rec, req)
	b := rec.Body.Bytes()
	if strings.HasPrefix(rec.Header().Get("Content-Type"), "text/event-stream") {
		if !bytes.HasPrefix(b, []byte("data: ")) || !bytes.HasSuffix(b, []byte("\n\n")) {
			t.Errorf("%s %q: %q", path, body, b)
		}
		return
	}
	if rec.Code != 200 && (rec.Code < 400 || rec.Code >= 500) {
		t.Errorf("%s %q: %d %s", path, body, rec.Code, b)
	}
	if !json.Valid(b) || rec.Header().Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("%s %q: %q", path, body, b)
	}
}

func fuzzed(f *testing.F, path string, seeds ...string) {
	f.Helper()
	g, err := gateway.New(gateway.Options{MaxBodyBytes: 64 << 10, Models: []gateway.Model{
		text(fake.Script{ContextTokens: 2000, Refuse: []string{"tools", "messages"}}), vectors(),
	}})
	if err != nil {
		f.Fatal(err)
	}
	for _, s := range seeds {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, body []byte) { check(t, g, path, body) })
}

func FuzzGenerate(f *testing.F) {
	fuzzed(f, "/generate/", `{"prompt":"x"}`, `{"prompt":"x","model":"fake","temperature":0.5,"max_tokens":5,"seed":1,"stream":true}`, `{}`, `[`, `null`, `{"prompt":1e9}`)
}

func FuzzChat(f *testing.F) {
	fuzzed(f, "/v1/chat/completions", `{"messages":[{"role":"user","content":"x"}]}`, `{"messages":[{"role":"developer","content":[{"type":"text","text":"x"},{"type":"image_url"}]}],"stream":true,"stream_options":{"include_usage":true}}`,
		`{"messages":[{"role":"tool","content":null,"tool_calls":[{}]}],"stop":["a"],"n":2,"tools":[]}`, `{"messages":[null,{}],"max_completion_tokens":3}`)
}

func FuzzCompletions(f *testing.F) {
	fuzzed(f, "/v1/completions", `{"prompt":"x","stream":true}`, `{"prompt":["x"],"stop":"a"}`, `{"prompt":[1]}`, `{"prompt":[[1]],"echo":true}`)
}

func FuzzEmbeddings(f *testing.F) {
	fuzzed(f, "/v1/embeddings", `{"input":"x"}`, `{"input":["x","y"],"encoding_format":"base64","dimensions":3}`, `{"input":[1,2]}`, `{"input":[[1]],"user":"u"}`)
}

// Many clients at once, good and bad: nothing is mixed up.
func TestManyClients(t *testing.T) {
	t.Parallel()
	log := &ledger{}
	s := serve(t, setup{o: gateway.Options{Requests: log, MaxInFlight: 256, Models: []gateway.Model{text(fake.Script{Answers: []fake.Answer{{Write: fake.Text}}})}}})
	var all sync.WaitGroup
	for i := range 32 {
		all.Go(func() {
			for j := range 10 {
				want := fmt.Sprintf("question %d %d", i, j)
				if a := s.post(t, "/generate/", `{"prompt":"`+want+`"}`); a.status != 200 || a.json(t)["generated_text"] != want {
					t.Errorf("%s: %d %s", want, a.status, a.body)
				}
				_, got, whole := s.stream(t, "/generate/", `{"prompt":"`+want+`","stream":true}`)
				if last := got[len(got)-1]; !whole || member(t, last.data, "generated_text") != `"`+want+`"` || len(got) != 4 {
					t.Errorf("%s: %v", want, got)
				}
			}
		})
	}
	all.Wait()
	seen := map[string]bool{}
	for _, r := range log.wait(t, 640) {
		seen[r.ID] = true
	}
	if len(seen) != 640 {
		t.Errorf("%d different ids", len(seen))
	}
}
