package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"
)

// Values that are secret, and would be found wherever they turned up.
const (
	secretProvider = "sk-provider-7d0c41e2-unique"
	secretOther    = "sk-other-provider-91ab-unique"
	secretClient   = "sk-client-key-55e0b3a9-unique"
	secretFeedback = "5ec7e75ec7e75ec7e75ec7e75ec7e75ec7e75ec7e75ec7e75ec7e75ec7e75ec7"
	secretSubject  = "subject-anna-unique"
	secretHub      = "hf_hub_token_3f9d_unique"
)

func secrets() []string {
	return []string{secretProvider, secretOther, secretClient, secretFeedback, secretSubject, secretHub}
}

// modes are the ways in which the parrot fails.
const modes = 9

// parrot is a provider that fails in every way it can, and repeats the Authorization header each time: in errors, in
// headers, in the middle of streams, in pages.
//
// How it fails is in the model's name, "mode 3", as a route leaves a provider alone that has refused its key. asked
// counts by how.
func parrot(t *testing.T) (srv *httptest.Server, asked func() [modes]int) {
	var mu sync.Mutex
	var n [modes]int
	embedded := false
	srv = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		auth := r.Header.Get("Authorization")
		body, _ := io.ReadAll(r.Body)
		how := 0
		if _, after, ok := strings.Cut(string(body), `"mode `); ok {
			how = int(after[0] - '0')
		}
		mu.Lock()
		n[how]++
		first := strings.HasSuffix(r.URL.Path, "/embeddings") && !embedded
		embedded = embedded || first
		mu.Unlock()
		h := w.Header()
		if first { // when the server starts it asks how long vectors are
			_, _ = io.WriteString(w, `{"data":[{"index":0,"embedding":[1,0]}],"usage":{"prompt_tokens":1}}`)
			return
		}
		h.Set("X-Echo", auth)
		h.Set("X-Request-Id", strings.TrimPrefix(auth, "Bearer "))
		failure := func(status int, code string) {
			h.Set("Content-Type", "application/json")
			w.WriteHeader(status)
			fmt.Fprintf(w, `{"error":{"message":"bad header Authorization: %s","type":"t","code":%q,"param":%q}}`, auth, code, auth)
		}
		chunk := func(format string, a ...any) {
			fmt.Fprintf(w, "data: "+format+"\n\n", a...)
			_ = http.NewResponseController(w).Flush()
		}
		switch how {
		case 0:
			failure(401, "invalid_api_key")
		case 1:
			failure(429, "rate_limit_exceeded")
		case 2:
			failure(500, "oops")
		case 3:
			failure(400, auth)
		case 4:
			h.Set("Content-Type", "text/html")
			w.WriteHeader(502)
			fmt.Fprintf(w, "<h1>Bad gateway</h1><pre>%s</pre>", auth)
		case 5:
			fmt.Fprintf(w, `{"choices": %q`, auth) // broken JSON
		case 6:
			h.Set("Content-Type", "text/event-stream")
			chunk(`{"choices":[{"index":0,"delta":{"content":"A shirt"}}]}`)
			chunk(`{"error":{"message":"%s is out of quota","code":"insufficient_quota"}}`, auth)
		case 7:
			h.Set("Location", "http://127.0.0.1:1/"+strings.TrimPrefix(auth, "Bearer "))
			w.WriteHeader(302)
		case 8:
			panic(http.ErrAbortHandler)
		}
	}))
	t.Cleanup(srv.Close)
	return srv, func() [modes]int { mu.Lock(); defer mu.Unlock(); return n }
}

// Of everything that is secret nothing is in any log, answer, header, page, metric or file, whatever providers
// answer.
func TestSecretsAreNowhere(t *testing.T) {
	t.Parallel()
	upstream, asked := parrot(t)
	home := t.TempDir()
	data := filepath.Join(home, "data")
	settings := filepath.Join(home, "settings.yaml")
	yaml := fmt.Sprintf(`log_bodies: true
models:
- {name: dead, model: dead, provider: openai, base_url: "http://127.0.0.1:1/v1"}
- {name: vec, model: vec, provider: openai, task: embedding, base_url: %[1]s/v1}
`, upstream.URL)
	for how := range modes {
		yaml += fmt.Sprintf("- {name: one%[1]d, model: mode %[1]d, provider: openai, base_url: %[2]s/v1}\n- {name: two%[1]d, model: mode %[1]d, provider: openai, base_url: %[2]s/v1, key_env: OTHER_KEY}\n", how, upstream.URL)
	}
	if err := os.WriteFile(settings, []byte(yaml), 0o600); err != nil {
		t.Fatal(err)
	}
	otherFile := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(otherFile, []byte(secretOther+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	env := map[string]string{"HOME": home, "XDG_DATA_HOME": data, "STYLESPRINT_CONFIG": settings, "OPENAI_API_KEY": secretProvider, "OTHER_KEY_FILE": otherFile,
		feedbackKeyName: secretFeedback, "HF_TOKEN": secretHub, "HF_HUB_OFFLINE": "1"}
	var out syncBuffer
	start := func(ctx context.Context, args ...string) int {
		return run(ctx, world{args: args, getenv: func(k string) string { return env[k] }, stdin: strings.NewReader(""), stdout: &out, stderr: &out, now: time.Now})
	}
	addr := freeAddress(t)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan int, 1)
	go func() { served <- start(ctx, "serve", "--no-jobs", "--addr", addr) }()
	waitReady(t, addr, &out)
	visitAll(t, addr, &out)
	stop()
	if code := <-served; code != exitDone {
		t.Errorf("serve ended with %d", code)
	}
	for _, args := range [][]string{{"generate", "--model", "two0", "hello"}, {"feedback", "erase", "--subject", secretSubject}, {"feedback", "export", "--out", filepath.Join(home, "f.jsonl")}, {"serve", "--check"}, {"models", "list"}} {
		start(t.Context(), args...)
	}
	for how, n := range asked() {
		if n < 2 {
			t.Errorf("the provider was asked %d times only in mode %d", n, how)
		}
	}
	text := out.String()
	for _, must := range []string{`"status":502`, `"status":429`, "content_filter", "fb_", "stylesprint_http_requests_total"} {
		if !strings.Contains(text, must) {
			t.Errorf("%q did not come up, so it was not tested", must)
		}
	}
	for _, secret := range secrets() {
		if i := strings.Index(text, secret); i >= 0 {
			t.Errorf("%s is in the output: ...%s...", secret, text[max(0, i-300):min(len(text), i+100)])
		}
	}
	inFiles(t, home)
}

// inFiles looks for every secret in every file: the database with its journal, reports, exports.
func inFiles(t *testing.T, dir string) {
	t.Helper()
	files := 0
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files++
		for _, secret := range secrets() {
			if bytes.Contains(b, []byte(secret)) {
				t.Errorf("%s is in %s", secret, path)
			}
		}
		return err
	})
	if err != nil || files < 2 {
		t.Errorf("%d files, %v", files, err)
	}
}

// visitAll asks every route for every model, good and bad, and writes down all that comes back, headers too.
func visitAll(t *testing.T, addr string, out io.Writer) {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	ask := func(method, path, body string) {
		req, err := http.NewRequest(method, "http://"+addr+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+secretClient)
		req.Header.Set("Cookie", "session="+secretClient)
		res, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer res.Body.Close()
		fmt.Fprintln(out, method, req.URL.Path, res.StatusCode, res.Header)
		_, _ = io.Copy(out, res.Body) // of a stream that is cut, what there is
		fmt.Fprintln(out)
	}
	models := []string{"dead", "none"}
	for how := range modes {
		models = append(models, fmt.Sprint("one", how), fmt.Sprint("two", how))
	}
	for range 2 {
		for _, model := range models {
			for _, more := range []string{"", `,"stream":true`} {
				ask("POST", "/generate/", `{"prompt":"x","model":"`+model+`"`+more+`}`)
				ask("POST", "/v1/chat/completions", `{"messages":[{"role":"user","content":"x"}],"model":"`+model+`"`+more+`}`)
				ask("POST", "/v1/completions", `{"prompt":"x","model":"`+model+`"`+more+`}`)
			}
		}
		ask("POST", "/v1/embeddings", `{"input":"x","model":"vec"}`)
	}
	ask("POST", "/v1/chat/completions", `{"messages":[{"role":"user","content":"4111 1111 1111 1111"}],"model":"one0"}`)
	ask("POST", "/feedback", `{"request_id":"x","rating":1,"consent":true,"subject":"`+secretSubject+`"}`)
	ask("DELETE", "/feedback?subject="+secretSubject, "")
	for _, path := range []string{"/", "/runs", "/playground", "/comparisons", "/v1/models", "/v1/models/one0", "/admin/config", "/admin/routes", "/live", "/keys", "/trail", "/releases", "/questions", "/v1/nothing", "/metrics", "/healthz", "/readyz", "/openapi.json", "/nothing"} {
		ask("GET", path, "")
		ask("POST", path, "x")
	}
}
