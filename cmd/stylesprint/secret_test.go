package main

import (
	"bytes"
	"context"
	"io"
	"io/fs"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// syncBuffer collects output of several goroutines.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *syncBuffer) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

const testKey = "sk-test-2f8c1b7e-unique"

// echoServer is a provider that repeats the key in its error, as careless ones do.
func echoServer(t *testing.T) *httptest.Server {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer "+testKey {
			t.Errorf("the provider was sent %q", got)
		}
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, `{"error":{"message":"Incorrect API key provided: `+testKey+`","type":"invalid_request_error","code":"invalid_api_key"}}`)
	}))
	t.Cleanup(srv.Close)
	return srv
}

// The provider's key is in no output, log, page, metric or file, whatever the
// provider answers and wherever the key was read from.
func TestKeyIsNowhere(t *testing.T) {
	t.Parallel()
	upstream := echoServer(t)
	home := t.TempDir()
	keyFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(keyFile, []byte(testKey+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	settings := filepath.Join(home, "settings.yaml")
	if err := os.WriteFile(settings, []byte("log_bodies: true\nmodels:\n- model: remote\n  provider: openai\n  base_url: "+upstream.URL+"/v1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var out syncBuffer
	start := func(ctx context.Context, env map[string]string, args ...string) int {
		env["HOME"], env["XDG_DATA_HOME"] = home, filepath.Join(home, "data")
		return run(ctx, world{args: args, getenv: func(k string) string { return env[k] }, stdin: strings.NewReader(""), stdout: &out, stderr: &out, now: time.Now})
	}
	byValue, byFile := map[string]string{"OPENAI_API_KEY": testKey}, map[string]string{"OPENAI_API_KEY_FILE": keyFile}
	for _, env := range []map[string]string{byValue, byFile} {
		if code := start(t.Context(), env, "generate", "--config", settings, "hello"); code != exitFailed {
			t.Errorf("generate ended with %d", code)
		}
		if code := start(t.Context(), env, "eval", "run", "--config", settings, "--metrics", "bleu", "--limit", "2", "--split", "test", "--new"); code == exitUsage {
			t.Errorf("eval run ended with %d", code)
		}
	}
	addr := freeAddress(t)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan int, 1)
	go func() { served <- start(ctx, byFile, "serve", "--config", settings, "--addr", addr) }()
	visit(t, addr, &out)
	stop()
	if code := <-served; code != exitDone {
		t.Errorf("serve ended with %d", code)
	}
	if !strings.Contains(out.String(), "does not accept the key") {
		t.Errorf("the provider's refusal was not passed on, so nothing was tested:\n%s", out.String())
	}
	if strings.Contains(out.String(), testKey) {
		t.Errorf("the key is in the output:\n%s", out.String())
	}
	searchFiles(t, home)
}

func freeAddress(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().String()
}

// waitReady waits until a server takes requests.
func waitReady(t *testing.T, addr string, out io.Writer) {
	t.Helper()
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		if res, err := http.Get("http://" + addr + "/readyz"); err == nil {
			_ = res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return
			}
		}
		if time.Now().After(deadline) {
			t.Fatalf("the server was not ready in 20 s\n%v", out)
		}
	}
}

// visit asks the server everything and adds the answers to out.
func visit(t *testing.T, addr string, out io.Writer) {
	t.Helper()
	base := "http://" + addr
	waitReady(t, addr, out)
	posts := map[string]string{"/generate/": `{"prompt":"hello"}`, "/v1/chat/completions": `{"messages":[{"role":"user","content":"hello"}],"stream":true}`}
	for path, body := range posts {
		res, err := http.Post(base+path, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(out, res.Body)
		_ = res.Body.Close()
	}
	for _, path := range []string{"/", "/runs", "/playground", "/comparisons", "/v1/models", "/metrics"} {
		res, err := http.Get(base + path)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(out, res.Body)
		_ = res.Body.Close()
	}
}

func searchFiles(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		files++
		if bytes.Contains(b, []byte(testKey)) {
			t.Errorf("the key is in %s", path)
		}
		return nil
	})
	if err != nil || files < 2 {
		t.Errorf("%d files searched, %v", files, err)
	}
}
