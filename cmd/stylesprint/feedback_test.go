package main

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// storyteller is a provider whose answer holds an address.
func storyteller(t *testing.T) *httptest.Server {
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"x","object":"chat.completion","created":1,"model":"exact","choices":[{"index":0,"message":{"role":"assistant","content":"An organic shirt. Ask anna@shop.example"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2}}`)
	}))
	t.Cleanup(srv.Close)
	return srv
}

// From an answer over feedback to an exported example, and to nothing once it is erased.
func TestFeedbackFromAnswerToExport(t *testing.T) {
	t.Parallel()
	home := t.TempDir()
	settings := filepath.Join(home, "settings.yaml")
	err := os.WriteFile(settings, []byte("log_bodies: true\nsafety: {statement: Written by a language model.}\nmodels:\n- model: remote\n  provider: openai\n  base_url: "+storyteller(t).URL+"/v1\n"), 0o600)
	if err != nil {
		t.Fatal(err)
	}
	var out syncBuffer
	start := func(ctx context.Context, args ...string) int {
		env := map[string]string{"HOME": home, "XDG_DATA_HOME": filepath.Join(home, "data"), "OPENAI_API_KEY": "sk-x", "STYLESPRINT_CONFIG": settings}
		return run(ctx, world{args: args, getenv: func(k string) string { return env[k] }, stdin: strings.NewReader(""), stdout: &out, stderr: &out, now: time.Now})
	}
	addr := freeAddress(t)
	ctx, stop := context.WithCancel(t.Context())
	var served sync.WaitGroup
	served.Go(func() { start(ctx, "serve", "--no-jobs", "--addr", addr) })
	defer served.Wait()
	defer stop()
	waitReady(t, addr, &out)
	ask := func(method, path, body string) (*http.Response, string) {
		req, err := http.NewRequest(method, "http://"+addr+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		b, err := io.ReadAll(res.Body)
		if err != nil {
			t.Fatal(err)
		}
		return res, string(b)
	}
	res, body := ask("POST", "/generate/", `{"prompt":"Describe it for ben@shop.example"}`)
	if res.StatusCode != 200 || !strings.Contains(body, `"statement":"Written by a language model."`) || !strings.HasPrefix(res.Header.Get("X-Content-Policy"), "default@") {
		t.Fatalf("%d %v %s", res.StatusCode, res.Header, body)
	}
	id := res.Header.Get("X-Request-ID")
	for _, f := range []string{
		`{"request_id":"` + id + `","rating":1,"edited_text":"Ask carla@shop.example for the shirt","consent":true,"subject":"customer-1042"}`,
		`{"request_id":"` + id + `","rating":-1,"subject":"customer-1042"}`,
	} {
		if res, body := ask("POST", "/feedback", f); res.StatusCode != 201 {
			t.Fatalf("%d %s", res.StatusCode, body)
		}
	}
	file := filepath.Join(home, "feedback.jsonl")
	example := func() map[string]any {
		if code := start(t.Context(), "feedback", "export", "--out", file); code != exitDone {
			t.Fatalf("export ended with %d\n%s", code, out.String())
		}
		b, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if len(b) == 0 {
			return nil
		}
		var m map[string]any
		if err := json.Unmarshal(b, &m); err != nil {
			t.Fatalf("%s: %v", b, err)
		}
		return m
	}
	var m map[string]any
	for end := time.Now().Add(10 * time.Second); ; time.Sleep(50 * time.Millisecond) { // until the request log has the answer
		if m = example(); m["response"] != nil || time.Now().After(end) {
			break
		}
	}
	if m["edited_text"] != "Ask [email] for the shirt" || m["rating"] != 1.0 || m["model"] != "exact" || m["subject"] != nil ||
		m["response"] != "An organic shirt. Ask [email]" || m["prompt"] != "Describe it for [email]" {
		t.Errorf("exported %v", m)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("export: %v %v", info, err)
	}
	if info, err := os.Stat(filepath.Join(home, "data", "stylesprint", "feedback.key")); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("key: %v %v", info, err)
	}
	if res, body := ask("DELETE", "/feedback?subject=customer-1042", ""); res.StatusCode != 200 || strings.TrimSpace(body) != `{"erased":2}` {
		t.Errorf("%d %s", res.StatusCode, body)
	}
	if m := example(); m != nil {
		t.Errorf("after erasing: %v", m)
	}
	if strings.Contains(out.String(), "customer-1042") {
		t.Error("the subject is in the log")
	}
}

// The key is made once, whoever comes first, and a wrong one is refused.
func TestFeedbackKey(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "data")
	path := filepath.Join(dir, "feedback.key")
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			if err := makeKey(path); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	first, err := os.ReadFile(path)
	if err != nil || len(strings.TrimSpace(string(first))) != 64 {
		t.Fatalf("%q, %v", first, err)
	}
	if err := makeKey(path); err != nil {
		t.Error(err)
	}
	if again, _ := os.ReadFile(path); string(again) != string(first) {
		t.Error("the key was made anew")
	}
	if left, _ := filepath.Glob(filepath.Join(dir, ".*")); left != nil {
		t.Errorf("left behind: %v", left)
	}
}

// A key rates its own answers as soon as it has them, and nobody else's.
func TestFeedbackIsForOnesOwnAnswers(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	_, root := s.key("--name", "Root", "--scope", "admin")
	_, anna := s.key("--name", "Anna", "--scope", "generate")
	_, ben := s.key("--name", "Ben", "--scope", "generate")
	models := func(key string) func() int {
		return func() int { status, _ := s.ask("GET", "/v1/models", key, ""); return status }
	}
	s.until("without a key once there is one", 401, models(""))
	s.until("the newest key", 200, models(ben))
	give := func(key, id string) int {
		status, _ := s.ask("POST", "/feedback", key, `{"request_id":"`+id+`","rating":1}`)
		return status
	}
	for range 3 {
		status, body := s.ask("POST", "/generate/", anna, `{"prompt":"Describe a linen dress."}`)
		var made struct {
			ID string `json:"request_id"`
		}
		if err := json.NewDecoder(strings.NewReader(body)).Decode(&made); status != 200 || err != nil {
			t.Fatalf("%d %s %v", status, body, err)
		}
		if got := give(anna, made.ID); got != 201 {
			t.Errorf("its own, at once: %d", got)
		}
		if got := give(ben, made.ID); got != 404 {
			t.Errorf("another key's: %d", got)
		}
		if got := give(root, made.ID); got != 201 {
			t.Errorf("an administrator: %d", got)
		}
	}
	if got := give(ben, "req_none"); got != 404 {
		t.Errorf("nobody's: %d", got)
	}
	status, body := s.ask("POST", "/answer", ben, `{"sku":"SS-DR-101","question":"What is it made of?"}`)
	if status != 200 || strings.Contains(body, `"generated_by"`) {
		t.Errorf("%d %s", status, body)
	}
}
