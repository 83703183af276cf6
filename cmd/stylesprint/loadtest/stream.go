package loadtest

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"time"
)

// StreamResult is what many streams at once came to.
type StreamResult struct {
	Whole   int // streams with every piece in order, and its end
	Broken  int
	Err     error // of a broken one
	First   []time.Duration
	Elapsed time.Duration
}

// Quantile is the least time to the first piece that a share of q did not exceed.
func (r StreamResult) Quantile(q float64) time.Duration {
	return Result{Latencies: r.First}.Quantile(q)
}

// Streams opens so many streams at once, each on a connection of its own, and reads each to
// its end.
func (l Load) Streams(ctx context.Context, streams int) StreamResult {
	var mu sync.Mutex
	var out StreamResult
	conns := make([]*conn, 0, streams)
	defer func() {
		for _, c := range conns {
			c.Close()
		}
	}()
	for range streams {
		c, err := dial(l.Addr)
		if err != nil {
			return StreamResult{Broken: streams, Err: err}
		}
		conns = append(conns, c)
	}
	start := time.Now()
	var all sync.WaitGroup
	for _, c := range conns {
		all.Go(func() {
			first, err := c.stream(ctx, l.Request)
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				out.Broken++
				out.Err = err
				return
			}
			out.Whole++
			out.First = append(out.First, first)
		})
	}
	all.Wait()
	out.Elapsed = time.Since(start)
	slices.Sort(out.First)
	return out
}

// stream reads one streamed answer and checks each of its pieces.
func (c *conn) stream(ctx context.Context, request []byte) (first time.Duration, err error) {
	end := context.AfterFunc(ctx, func() { c.Close() })
	defer end()
	if err := c.SetDeadline(time.Now().Add(2 * time.Minute)); err != nil {
		return 0, err
	}
	start := time.Now()
	if _, err := c.Write(request); err != nil {
		return 0, err
	}
	h, err := readHead(c.r)
	if err != nil {
		return 0, unexpected(err)
	}
	if h.status != 200 || !h.chunked {
		return 0, fmt.Errorf("status %d, chunked %t", h.status, h.chunked)
	}
	check := checker{begun: func() { first = time.Since(start) }}
	body := &chunkedReader{r: c.r}
	buf := make([]byte, 4<<10)
	for {
		n, err := body.Read(buf)
		if fault := check.write(buf[:n]); fault != nil {
			return first, fault
		}
		if errors.Is(err, io.EOF) {
			return first, check.end()
		}
		if err != nil {
			return first, err
		}
	}
}

// checker looks at the events of one answer of the mock.
type checker struct {
	begun func()
	line  []byte
	next  int // the piece that is to come
	done  bool
}

func (k *checker) write(p []byte) error {
	for len(p) > 0 {
		before, after, whole := bytes.Cut(p, []byte("\n"))
		k.line = append(k.line, before...)
		if !whole {
			return nil
		}
		if err := k.event(k.line); err != nil {
			return err
		}
		k.line, p = k.line[:0], after
	}
	return nil
}

func (k *checker) event(line []byte) error {
	data, ok := bytes.CutPrefix(line, []byte("data: "))
	if !ok {
		return nil
	}
	if string(data) == "[DONE]" {
		k.done = true
		return nil
	}
	var e struct {
		Error   json.RawMessage `json:"error"`
		Choices []struct {
			Delta struct {
				Content string `json:"content"`
			} `json:"delta"`
		} `json:"choices"`
	}
	if err := json.Unmarshal(data, &e); err != nil || e.Error != nil {
		return fmt.Errorf("event %q: %v", data, err)
	}
	for _, c := range e.Choices {
		if c.Delta.Content == "" {
			continue
		}
		if k.next == 0 {
			k.begun()
		}
		if want := fmt.Sprintf("w%02d ", k.next); c.Delta.Content != want {
			return fmt.Errorf("piece %q came where %q was due", c.Delta.Content, want)
		}
		k.next++
	}
	return nil
}

func (k *checker) end() error {
	if k.next != Deltas || !k.done {
		return fmt.Errorf("the stream ended after %d of %d pieces, [DONE] %t", k.next, Deltas, k.done)
	}
	return nil
}
