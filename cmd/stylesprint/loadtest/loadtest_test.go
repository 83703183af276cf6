package loadtest_test

import (
	"bytes"
	"context"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/cmd/stylesprint/loadtest"
	"stylesprint/generate"
	"stylesprint/generate/openai"
)

func listen(t *testing.T) net.Listener {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// start runs a server until the test ends.
func start(t *testing.T, serve func(ctx context.Context, l net.Listener) error) string {
	t.Helper()
	l := listen(t)
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- serve(ctx, l) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Error(err)
		}
	})
	return l.Addr().String()
}

func mock(t *testing.T, o loadtest.MockOptions) string {
	return start(t, func(ctx context.Context, l net.Listener) error { return loadtest.ServeMock(ctx, l, o) })
}

// A real client reads the mock's answers, whole and streamed, also through the proxy.
func TestMock(t *testing.T) {
	t.Parallel()
	at := mock(t, loadtest.MockOptions{})
	proxy := start(t, func(ctx context.Context, l net.Listener) error { return loadtest.ServeProxy(ctx, l, at) })
	for _, addr := range []string{at, proxy} {
		d, err := openai.New(openai.Options{BaseURL: "http://" + addr + "/v1", Model: "mock"})
		if err != nil {
			t.Fatal(err)
		}
		c := generate.New(d, generate.Options{})
		defer c.Close()
		req := generate.Request{Messages: []stylesprint.Message{{Role: stylesprint.RoleUser, Content: "x"}}}
		var pieces []string
		for _, emit := range []func(generate.Delta) error{nil, func(d generate.Delta) error { pieces = append(pieces, d.Text); return nil }} {
			reply, err := c.Stream(t.Context(), req, emit)
			if err != nil || reply.Text != loadtest.Text() || reply.Usage.CompletionTokens != loadtest.Deltas {
				t.Errorf("%+v, %v", reply, err)
			}
		}
		if strings.Join(pieces, "") != loadtest.Text() {
			t.Errorf("%q", pieces)
		}
	}
}

func TestLoads(t *testing.T) {
	t.Parallel()
	at := mock(t, loadtest.MockOptions{})
	l := loadtest.Load{Addr: at, Request: loadtest.ChatRequest(at, "", false)}
	closed := l.Closed(t.Context(), 4, 50*time.Millisecond)
	if closed.Answers == 0 || closed.Failed != 0 || closed.Err != nil || len(closed.Latencies) != closed.Answers || closed.Quantile(1) < closed.Quantile(0) {
		t.Errorf("%+v", closed.Err)
	}
	open := l.Open(t.Context(), 500, 200*time.Millisecond)
	if open.Answers != 100 || open.Failed != 0 || open.Err != nil {
		t.Errorf("%d answers of 100, %d failed, %v", open.Answers, open.Failed, open.Err)
	}
	s := loadtest.Load{Addr: at, Request: loadtest.ChatRequest(at, "", true)}
	if got := s.Streams(t.Context(), 20); got.Whole != 20 || got.Err != nil || len(got.First) != 20 {
		t.Errorf("%+v", got)
	}
}

// A frame that is lost, doubled, reordered or damaged is noticed, and so is a missing end.
func TestStreamsNotice(t *testing.T) {
	t.Parallel()
	resp, err := http.Post("http://"+mock(t, loadtest.MockOptions{})+"/", "application/json", strings.NewReader(`{"stream":true}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	good, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	events := bytes.SplitAfter(good, []byte("\n\n"))
	join := func(e ...[]byte) []byte { return bytes.Join(e, nil) }
	cases := map[string]struct {
		body []byte
		ok   bool
	}{
		"good":      {good, true},
		"lost":      {join(append(append([][]byte{}, events[:9]...), events[10:]...)...), false},
		"doubled":   {join(append(append([][]byte{}, events[:9]...), events[8:]...)...), false},
		"reordered": {join(append(append(append([][]byte{}, events[:8]...), events[9], events[8]), events[10:]...)...), false},
		"no end":    {bytes.TrimSuffix(good, []byte("data: [DONE]\n\n")), false},
		"damaged":   {bytes.Replace(good, []byte(`"w07 "`), []byte(`"w07`), 1), false},
		"in error":  {append(bytes.Clone(good[:len(good)/2]), "\n\ndata: {\"error\":{}}\n\n"...), false},
	}
	for name, c := range cases {
		addr := start(t, func(ctx context.Context, l net.Listener) error {
			srv := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				_ = http.NewResponseController(w).Flush()
				_, _ = w.Write(c.body)
			})}
			context.AfterFunc(ctx, func() { srv.Close() })
			if err := srv.Serve(l); ctx.Err() == nil {
				return err
			}
			return nil
		})
		got := loadtest.Load{Addr: addr, Request: loadtest.ChatRequest(addr, "", true)}.Streams(t.Context(), 2)
		if (got.Err == nil) != c.ok || (got.Whole == 2) != c.ok {
			t.Errorf("%s: %+v", name, got)
		}
	}
}
