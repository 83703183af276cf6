package gateway_test

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"stylesprint/gateway"
	"stylesprint/generate/fake"
	"stylesprint/internal/httpserver"
)

// calm is true if nothing has panicked.
func (s *server) calm(t *testing.T) {
	t.Helper()
	if n := s.metric(t, "stylesprint_panics_total"); n != 0 {
		t.Errorf("%v panics", n)
	}
}

// talk sends bytes over one connection and reads every answer until the server closes it, or is silent.
func talk(t *testing.T, addr, request string) (answers []string) {
	t.Helper()
	c, err := net.Dial("tcp", addr)
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(3 * time.Second))
	go func() { _, _ = io.WriteString(c, request) }()
	r := bufio.NewReader(c)
	for {
		resp, err := http.ReadResponse(r, nil)
		if err != nil {
			return answers
		}
		b, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		answers = append(answers, fmt.Sprintf("%d %s", resp.StatusCode, strings.TrimSpace(string(b))))
		if len(answers) > 50 {
			t.Fatal("answers without end")
		}
	}
}

func statuses(answers []string) string {
	var out []string
	for _, a := range answers {
		out = append(out, a[:3])
	}
	return strings.Join(out, " ")
}

// Two parsers that read a request differently are how one request is smuggled inside another. What is ambiguous
// is refused, and the connection ends with it.
func TestSmuggling(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{})}}, server: httpserver.Options{HeaderTimeout: time.Second, BodyTimeout: 500 * time.Millisecond}})
	post := "POST /generate/ HTTP/1.1\r\nHost: localhost\r\n"
	const hidden = "GET /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n"
	const body = `{"prompt":"x"}`
	chunked := "e\r\n" + body + "\r\n0\r\n\r\n"
	cases := []struct{ name, request, want string }{
		// Chunks win over a length (RFC 9112, 6.3), so what follows the last chunk is a request of its own.
		{"length and chunks", post + "Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n" + chunked + hidden, "200 200"},
		{"chunks and length", post + "Transfer-Encoding: chunked\r\nContent-Length: 400\r\n\r\n" + chunked + hidden, "200 200"},
		{"two encodings", post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n" + chunked + hidden, "400|501"},
		{"encoding list", post + "Transfer-Encoding: identity, chunked\r\n\r\n" + chunked + hidden, "501"},
		{"strange encoding", post + "Transfer-Encoding: xchunked\r\n\r\n" + chunked + hidden, "501"},
		{"encoding with a tab", post + "Transfer-Encoding:\tchunked\r\nContent-Length: 3\r\n\r\n" + chunked + hidden, "200 200"},
		{"encoding with a vertical tab", post + "Transfer-Encoding: \x0bchunked\r\n\r\n" + chunked + hidden, "400|501"},
		{"space before the colon", post + "Content-Length : 14\r\n\r\n" + body + hidden, "400"},
		{"folded header", post + "Content-Length:\r\n 14\r\n\r\n" + body, "200|400"},
		{"length with a sign", post + "Content-Length: +14\r\n\r\n" + body + hidden, "400"},
		{"length in hexadecimal", post + "Content-Length: 0xe\r\n\r\n" + body + hidden, "400"},
		{"length list", post + "Content-Length: 14, 14\r\n\r\n" + body + hidden, "400"},
		{"length beyond every number", post + "Content-Length: 99999999999999999999\r\n\r\n" + body, "400"},
		{"length too great", post + "Content-Length: 9223372036854775807\r\n\r\n" + body, "413"},
		{"two hosts", "GET /v1/models HTTP/1.1\r\nHost: localhost\r\nHost: evil.example\r\n\r\n", "400"},
		{"host in the target", "GET http://evil.example/v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n", "403"},
		{"name with a space", post + "Content Length: 14\r\n\r\n" + body, "400"},
		{"no name", post + ": 14\r\n\r\n", "400"},
		{"chunk too large to be", post + "Transfer-Encoding: chunked\r\n\r\nffffffffffffffffff\r\n", "400"},
		{"negative chunk", post + "Transfer-Encoding: chunked\r\n\r\n-1\r\n" + body, "400"},
		{"chunk that says less than it has", post + "Transfer-Encoding: chunked\r\n\r\n2\r\n" + body + "\r\n0\r\n\r\n", "400"},
		{"chunk that says more than it has", post + "Transfer-Encoding: chunked\r\n\r\nff\r\n" + body + "\r\n0\r\n\r\n", "408"},
		{"extensions without end", post + "Transfer-Encoding: chunked\r\n\r\n1;" + strings.Repeat("a", 1<<16) + "\r\nx\r\n0\r\n\r\n", "400"},
		{"length less than the body", post + "Content-Length: 2\r\n\r\n{}" + body + "\r\n\r\n", "400 400"},
		{"method with a line break", "GE\nT /v1/models HTTP/1.1\r\nHost: localhost\r\n\r\n", "400"},
		{"target with a NUL", "GET /v1/models\x00 HTTP/1.1\r\nHost: localhost\r\n\r\n", "400"},
		{"version 9", "GET /v1/models HTTP/9.1\r\nHost: localhost\r\n\r\n", "400|505"},
		{"HTTP/2 without being asked", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "400|403|505"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := statuses(talk(t, s.addr, c.request))
			for _, want := range strings.Split(c.want, "|") {
				if got == want {
					return
				}
			}
			t.Errorf("answers %q, want %s", got, c.want)
		})
	}
	t.Cleanup(func() { s.calm(t) })
}

// Requests that come without waiting for answers get theirs in order; one that is broken ends the connection.
func TestPipelining(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{Answers: []fake.Answer{{Write: fake.Text}}})}}, server: httpserver.Options{HeaderTimeout: time.Second, BodyTimeout: 500 * time.Millisecond}})
	var all strings.Builder
	for i := range 20 {
		body := fmt.Sprintf(`{"prompt":"question %d"}`, i)
		fmt.Fprintf(&all, "POST /generate/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	}
	all.WriteString("BROKEN\r\n\r\n")
	answers := talk(t, s.addr, all.String())
	if len(answers) != 21 || answers[20][:3] != "400" {
		t.Fatalf("%d answers: %q", len(answers), answers)
	}
	for i, a := range answers[:20] {
		if !strings.Contains(a, fmt.Sprintf(`"generated_text":"question %d"`, i)) {
			t.Errorf("%d: %s", i, a)
		}
	}
	s.calm(t)
}

// HTTP/1.0 has no chunks: a stream ends with the connection, and an error in it still shows.
func TestOldProtocol(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{})}}})
	for _, stream := range []string{"false", "true"} {
		body := `{"prompt":"x","stream":` + stream + `}`
		answers := talk(t, s.addr, fmt.Sprintf("POST /generate/ HTTP/1.0\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", len(body), body))
		if len(answers) != 1 || answers[0][:3] != "200" || !strings.Contains(answers[0], "generated_text") {
			t.Errorf("stream %s: %q", stream, answers)
		}
	}
	if got := statuses(talk(t, s.addr, "POST /generate/ HTTP/1.0\r\nHost: localhost\r\n\r\n")); got != "400" {
		t.Errorf("no body: %s", got)
	}
	s.calm(t)
}

// A body that comes byte by byte is cut off, and takes no place from others meanwhile that it would not give back.
func TestDribbledBodies(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{
		o:      gateway.Options{MaxInFlight: 40, Models: []gateway.Model{text(fake.Script{})}},
		server: httpserver.Options{BodyTimeout: 300 * time.Millisecond},
	})
	var slow sync.WaitGroup
	for range 30 {
		slow.Go(func() {
			c, err := net.Dial("tcp", s.addr)
			if err != nil {
				t.Error(err)
				return
			}
			defer c.Close()
			_ = c.SetDeadline(time.Now().Add(10 * time.Second))
			_, _ = io.WriteString(c, "POST /generate/ HTTP/1.1\r\nHost: localhost\r\nContent-Length: 100000\r\n\r\n")
			go func() {
				for {
					if _, err := c.Write([]byte("x")); err != nil {
						return
					}
					time.Sleep(10 * time.Millisecond)
				}
			}()
			resp, err := http.ReadResponse(bufio.NewReader(c), nil)
			if err != nil {
				return // cut off before the answer was read
			}
			defer resp.Body.Close()
			if resp.StatusCode != http.StatusRequestTimeout {
				t.Errorf("status %d", resp.StatusCode)
			}
		})
	}
	for range 10 {
		if a := s.post(t, "/generate/", `{"prompt":"x"}`); a.status != 200 {
			t.Errorf("%d %s", a.status, a.body)
		}
	}
	slow.Wait()
	for end := time.Now().Add(10 * time.Second); s.metric(t, "stylesprint_http_requests_in_flight") != 0; time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatal("requests are still in flight")
		}
	}
	s.calm(t)
}
