package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"stylesprint/catalogue/demo"
	"stylesprint/evaluate"
	"stylesprint/store/sqlite"
)

// slowServer answers like an OpenAI-compatible server, counting calls by prompt. With a hold,
// it answers so many calls and keeps the others waiting until their caller is gone or the hold is over.
type slowServer struct {
	mu     sync.Mutex
	calls  map[string]int
	total  int
	delay  time.Duration
	hold   int // 0: answers all
	broken int // held calls whose caller went
}

func (s *slowServer) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet { // a probe, which is no call
		_, _ = io.WriteString(w, `{"object":"list","data":[]}`)
		return
	}
	body, _ := io.ReadAll(r.Body)
	var req struct {
		Messages []struct{ Content string } `json:"messages"`
	}
	_ = json.Unmarshal(body, &req)
	key := ""
	for _, m := range req.Messages {
		key += m.Content
	}
	s.mu.Lock()
	s.calls[key]++
	s.total++
	held := s.hold > 0 && s.total > s.hold
	s.mu.Unlock()
	for held {
		select {
		case <-r.Context().Done():
			s.mu.Lock()
			s.broken++
			s.mu.Unlock()
			return
		case <-time.After(5 * time.Millisecond):
		}
		s.mu.Lock()
		held = s.hold > 0
		s.mu.Unlock()
	}
	time.Sleep(s.delay)
	w.Header().Set("Content-Type", "application/json")
	fmt.Fprintf(w, `{"id":"x","object":"chat.completion","created":1,"model":"mock","choices":[{"index":0,"message":{"role":"assistant","content":"A dress."},"finish_reason":"stop"}],"usage":{"prompt_tokens":10,"completion_tokens":3,"total_tokens":13}}`)
}

func (s *slowServer) count() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.total
}

// killInFlight kills a process once every call that it may have in flight has arrived and is
// held, and lets the server answer again.
func (s *slowServer) killInFlight(t *testing.T, cmd *exec.Cmd, inFlight int) {
	t.Helper()
	for deadline := time.Now().Add(60 * time.Second); s.count() < s.hold+inFlight; time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("%d calls in 60 s, want %d", s.count(), s.hold+inFlight)
		}
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = 0
}

// killHolding is killInFlight for one of several workers, which may be at the end of a shard and
// then have fewer calls in flight than they could have. It returns how many the killed one had.
func (s *slowServer) killHolding(t *testing.T, cmd *exec.Cmd) int {
	t.Helper()
	s.settle(t, "arrived", func() int { return s.count() - s.hold })
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	broken := s.settle(t, "broken", func() int {
		s.mu.Lock()
		defer s.mu.Unlock()
		return s.broken
	})
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hold = 0
	return broken
}

// settle waits until a number is positive and has stayed the same for longer than a worker takes
// to find its next job.
func (s *slowServer) settle(t *testing.T, what string, number func() int) int {
	t.Helper()
	last, since := 0, time.Now()
	for begun := time.Now(); last <= 0 || time.Since(since) < 3*time.Second; time.Sleep(5 * time.Millisecond) {
		if n := number(); n != last {
			last, since = n, time.Now()
		}
		if time.Since(begun) > 60*time.Second {
			t.Fatalf("%d calls %s in 60 s", last, what)
		}
	}
	return last
}

// Killed in the middle of eval run, the same command resumes: every item has one
// result, and only the calls that were in flight were made again, and counted.
func TestEvalRunSurvivesKill(t *testing.T) {
	t.Parallel()
	products, err := demo.Split("test")
	if err != nil {
		t.Fatal(err)
	}
	items := len(products)
	mock := &slowServer{calls: map[string]int{}, delay: 5 * time.Millisecond, hold: 9}
	srv := httptest.NewServer(mock)
	defer srv.Close()
	home := t.TempDir()
	command := func(ctx context.Context, stdout io.Writer) *exec.Cmd {
		self, err := os.Executable()
		if err != nil {
			t.Fatal(err)
		}
		cmd := exec.CommandContext(ctx, self)
		cmd.Args = []string{"stylesprint", "eval", "run", "--dataset", "demo", "--split", "test", "--prompt", "plain", "--metrics", "bleu", "--concurrency", "3",
			"--provider", "openai", "--model", "mock", "--base-url", srv.URL + "/v1", "--json"}
		cmd.Env = append(os.Environ(), asProgram+"=1", "HOME="+home, "XDG_DATA_HOME="+filepath.Join(home, "data"), "OPENAI_API_KEY=sk-test")
		cmd.Stdout, cmd.Stderr = stdout, os.Stderr
		return cmd
	}
	first := command(t.Context(), io.Discard)
	if err := first.Start(); err != nil {
		t.Fatal(err)
	}
	mock.killInFlight(t, first, 3)
	var out bytes.Buffer
	if err := command(t.Context(), &out).Run(); err != nil {
		t.Fatal(err)
	}
	var run evaluate.Run
	if err := json.Unmarshal(out.Bytes(), &run); err != nil {
		t.Fatalf("%v in %s", err, out.String())
	}
	if run.Status != evaluate.StatusDone || run.Done != items || run.Total != items || run.Failed != 0 {
		t.Errorf("status %s, %d of %d done, %d failed", run.Status, run.Done, run.Total, run.Failed)
	}
	if run.RepeatedCalls != 3 || mock.count() != items+3 {
		t.Errorf("%d calls for %d items, %d counted as repeated, 3 were in flight", mock.count(), items, run.RepeatedCalls)
	}
	db, err := sqlite.Open(t.Context(), filepath.Join(home, "data", "stylesprint", "stylesprint.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	seen := map[string]int{}
	if err := db.Outputs(t.Context(), run.ID, func(o evaluate.Output) error { seen[o.ItemID]++; return nil }); err != nil {
		t.Fatal(err)
	}
	if len(seen) != items {
		t.Errorf("%d items have a result, want %d", len(seen), items)
	}
	for item, n := range seen {
		if n != 1 {
			t.Errorf("%s has %d results", item, n)
		}
	}
	if strings.Contains(out.String(), "sk-test") {
		t.Error("the key is in the output")
	}
}
