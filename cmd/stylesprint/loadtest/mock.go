package loadtest

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"sync"
	"time"
)

// MockOptions say how the mock answers. The zero value answers at once.
type MockOptions struct {
	Delay time.Duration // before an answer begins
	Pause time.Duration // between the pieces of a streamed answer
}

// ServeMock answers every request on the listener like an OpenAI-compatible server, streamed
// where the body says "stream":true, until ctx ends. It waits for its connections.
func ServeMock(ctx context.Context, l net.Listener, o MockOptions) error {
	var open sync.WaitGroup
	defer open.Wait()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	m := mock{o: o, whole: wholeAnswer(), pieces: pieces()}
	for {
		c, err := l.Accept()
		if ctx.Err() != nil {
			return nil
		}
		if err != nil {
			return fmt.Errorf("accept: %w", err)
		}
		open.Go(func() {
			end := context.AfterFunc(ctx, func() { c.Close() })
			defer end()
			defer c.Close()
			m.serve(c)
		})
	}
}

type mock struct {
	o      MockOptions
	whole  []byte
	pieces [][]byte // chunks of the transfer encoding
}

// serve answers until the client closes the connection.
func (m mock) serve(c net.Conn) {
	r := bufio.NewReaderSize(c, 16<<10)
	var body []byte
	for {
		h, err := readHead(r)
		if err != nil {
			return
		}
		if cap(body) < h.length {
			body = make([]byte, h.length)
		}
		body = body[:h.length]
		if h.chunked {
			if body, err = io.ReadAll(&chunkedReader{r: r}); err != nil {
				return
			}
		} else if _, err := io.ReadFull(r, body); err != nil {
			return
		}
		if m.o.Delay > 0 {
			time.Sleep(m.o.Delay)
		}
		if bytes.Contains(body, []byte(`"stream":true`)) {
			err = m.stream(c)
		} else {
			_, err = c.Write(m.whole)
		}
		if err != nil {
			return
		}
	}
}

func (m mock) stream(c net.Conn) error {
	if _, err := io.WriteString(c, "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"); err != nil {
		return err
	}
	for i, p := range m.pieces {
		if i > 0 && m.o.Pause > 0 {
			time.Sleep(m.o.Pause)
		}
		if _, err := c.Write(p); err != nil {
			return err
		}
	}
	return nil
}

func wholeAnswer() []byte {
	text, _ := json.Marshal(Text()) // a string
	body := `{"id":"chatcmpl-mock","object":"chat.completion","created":1760000000,"model":"mock-1","choices":[{"index":0,"message":{"role":"assistant","content":` +
		string(text) + `},"finish_reason":"stop"}],"usage":{"prompt_tokens":40,"completion_tokens":64,"total_tokens":104}}`
	return fmt.Appendf(nil, "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// pieces are the events of a streamed answer: who speaks, the deltas, the end, the usage, [DONE].
func pieces() [][]byte {
	event := func(choices, rest string) string {
		return `data: {"id":"chatcmpl-mock","object":"chat.completion.chunk","created":1760000000,"model":"mock-1","choices":[` + choices + `]` + rest + "}\n\n"
	}
	events := []string{event(`{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}`, "")}
	for n := range Deltas {
		events = append(events, event(fmt.Sprintf(`{"index":0,"delta":{"content":"w%02d "},"finish_reason":null}`, n), ""))
	}
	events = append(events, event(`{"index":0,"delta":{},"finish_reason":"stop"}`, ""),
		event("", `,"usage":{"prompt_tokens":40,"completion_tokens":64,"total_tokens":104}`), "data: [DONE]\n\n")
	out := make([][]byte, 0, len(events)+1)
	for _, e := range events {
		out = append(out, fmt.Appendf(nil, "%x\r\n%s\r\n", len(e), e))
	}
	return append(out, []byte("0\r\n\r\n"))
}

// ServeProxy is a bare httputil.ReverseProxy to target, host:port, until ctx ends.
func ServeProxy(ctx context.Context, l net.Listener, target string) error {
	p := &httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: target}) },
		Transport: &http.Transport{MaxIdleConns: 4096, MaxIdleConnsPerHost: 4096, DisableCompression: true},
	}
	srv := &http.Server{Handler: p, ReadHeaderTimeout: 10 * time.Second}
	closed := make(chan struct{})
	stop := context.AfterFunc(ctx, func() { defer close(closed); srv.Close() })
	err := srv.Serve(l)
	if !stop() {
		<-closed
	}
	if ctx.Err() != nil {
		return nil
	}
	return fmt.Errorf("serve: %w", err)
}
