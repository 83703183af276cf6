// Package loadtest measures a gateway from outside: a mock upstream that answers at once, a
// bare reverse proxy to compare with, and a client that sends at a fixed concurrency or at a
// fixed rate.
//
// Key words: mock, round, open loop, frontier.
//
// Mock and client speak HTTP/1.1 over plain connections without net/http, so that the load
// costs little beside what is measured; they know only what the two of them send. The usual
// path is
//
//	go loadtest.ServeMock(ctx, listener, loadtest.MockOptions{})
//	load := loadtest.Load{Addr: addr, Request: loadtest.ChatRequest(addr, key, false)}
//	closed, err := load.Closed(ctx, 16, 5*time.Second)
//	open, err := load.Open(ctx, 2000, 5*time.Second)
//
// An answer other than 200 is counted as failed and is no error; errors are of the
// connection or the answer's form. Functions are safe for concurrent use.
package loadtest

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"net"
	"strconv"
	"strings"
	"time"
)

// Deltas is how many pieces of text a streamed answer of the mock has. Piece n is "wNN ".
const Deltas = 64

// Text is the mock's whole answer.
func Text() string {
	var b strings.Builder
	for n := range Deltas {
		fmt.Fprintf(&b, "w%02d ", n)
	}
	return b.String()
}

// ChatRequest is the bytes of a POST /v1/chat/completions.
func ChatRequest(addr, key string, stream bool) []byte { return chat(addr, key, "mock", stream) }

// PacedRequest asks the model "paced" for a stream.
func PacedRequest(addr, key string) []byte { return chat(addr, key, "paced", true) }

func chat(addr, key, model string, stream bool) []byte {
	body := `{"model":"` + model + `","messages":[{"role":"system","content":"You write product descriptions for a fashion retailer."},{"role":"user","content":"Describe a midi dress in recycled linen, sage green, with pockets, for a summer wedding guest."}],"max_tokens":64`
	if stream {
		body += `,"stream":true`
	}
	return post(addr, "/v1/chat/completions", key, body+"}")
}

func post(addr, path, key, body string) []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\n", path, addr, len(body))
	if key != "" {
		fmt.Fprintf(&b, "Authorization: Bearer %s\r\n", key)
	}
	b.WriteString("\r\n" + body)
	return b.Bytes()
}

// head is what a message's header says of its body.
type head struct {
	status  int // of an answer
	length  int
	chunked bool
}

// readHead reads a message's first line and header.
func readHead(r *bufio.Reader) (head, error) {
	var h head
	first, err := r.ReadSlice('\n')
	if err != nil {
		return h, err
	}
	if bytes.HasPrefix(first, []byte("HTTP/1.1 ")) && len(first) >= 12 {
		if h.status, err = strconv.Atoi(string(first[9:12])); err != nil {
			return h, fmt.Errorf("read status: %w", err)
		}
	}
	for {
		line, err := r.ReadSlice('\n')
		if err != nil {
			return h, unexpected(err)
		}
		line = bytes.TrimRight(line, "\r\n")
		if len(line) == 0 {
			return h, nil
		}
		name, value, _ := bytes.Cut(line, []byte(":"))
		switch value = bytes.TrimSpace(value); {
		case bytes.EqualFold(name, []byte("Content-Length")):
			if h.length, err = strconv.Atoi(string(value)); err != nil {
				return h, fmt.Errorf("read length: %w", err)
			}
		case bytes.EqualFold(name, []byte("Transfer-Encoding")):
			h.chunked = bytes.EqualFold(value, []byte("chunked"))
		}
	}
}

// unexpected is an end of a connection in the middle of a message.
func unexpected(err error) error {
	if errors.Is(err, io.EOF) {
		return io.ErrUnexpectedEOF
	}
	return err
}

// conn is one connection of a client.
type conn struct {
	net.Conn
	r *bufio.Reader
}

func dial(addr string) (*conn, error) {
	c, err := net.DialTimeout("tcp", addr, 10*time.Second)
	if err != nil {
		return nil, err
	}
	return &conn{c, bufio.NewReaderSize(c, 32<<10)}, nil
}

// ask sends a request and reads the whole answer; it returns the status.
func (c *conn) ask(request []byte) (int, error) {
	if err := c.SetDeadline(time.Now().Add(30 * time.Second)); err != nil {
		return 0, err
	}
	if _, err := c.Write(request); err != nil {
		return 0, err
	}
	h, err := readHead(c.r)
	if err != nil {
		return 0, unexpected(err)
	}
	if h.chunked {
		_, err = io.Copy(io.Discard, &chunkedReader{r: c.r})
	} else {
		_, err = c.r.Discard(h.length)
	}
	return h.status, unexpected(err)
}

// chunkedReader reads a chunked body up to its end.
type chunkedReader struct {
	r    *bufio.Reader
	left int
	done bool
}

func (c *chunkedReader) Read(p []byte) (int, error) {
	if c.done {
		return 0, io.EOF
	}
	if c.left == 0 {
		line, err := c.r.ReadSlice('\n')
		if err != nil {
			return 0, unexpected(err)
		}
		n, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return 0, fmt.Errorf("read chunk: %w", err)
		}
		if c.left = int(n); n == 0 {
			c.done = true
			_, err = c.r.Discard(2)
			if err != nil {
				return 0, unexpected(err)
			}
			return 0, io.EOF
		}
	}
	n, err := c.r.Read(p[:min(len(p), c.left)])
	if c.left -= n; err == nil && c.left == 0 {
		_, err = c.r.Discard(2)
	}
	return n, unexpected(err)
}
