package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/store/sqlite"
)

// upstream is a provider that says which model it was asked for, and what. A streamed answer
// has a piece for each value of steps, and ends when it is closed.
type upstream struct {
	*httptest.Server
	steps chan string
}

func newUpstream(t *testing.T) *upstream {
	u := &upstream{steps: make(chan string)}
	u.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodGet {
			_, _ = io.WriteString(w, `{"object":"list","data":[]}`)
			return
		}
		var in struct {
			Model       string                `json:"model"`
			Messages    []stylesprint.Message `json:"messages"`
			Stream      bool                  `json:"stream"`
			Temperature float64               `json:"temperature"`
		}
		if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
			t.Errorf("the provider was sent %v", err)
		}
		if in.Stream {
			u.stream(w)
			return
		}
		text, _ := json.Marshal(fmt.Sprintf("%s at %g: %s", in.Model, in.Temperature, in.Messages[len(in.Messages)-1].Content))
		fmt.Fprintf(w, `{"id":"1","object":"chat.completion","model":%q,"choices":[{"index":0,"message":{"role":"assistant","content":%s},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}`, in.Model, text)
	}))
	t.Cleanup(u.Close)
	return u
}

func (u *upstream) stream(w http.ResponseWriter) {
	w.Header().Set("Content-Type", "text/event-stream")
	for piece := range u.steps {
		fmt.Fprintf(w, "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}]}\n\n", piece)
		w.(http.Flusher).Flush()
	}
	_, _ = io.WriteString(w, "data: {\"id\":\"1\",\"object\":\"chat.completion.chunk\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\ndata: [DONE]\n\n")
}

// running is a server in this process.
type running struct {
	t          *testing.T
	home, file string
	url        string
	log        *syncBuffer
	app        *app
}

// serveFile starts a server with a configuration.
func serveFile(t *testing.T, part role, text string) *running {
	t.Helper()
	r := &running{t: t, home: t.TempDir(), log: &syncBuffer{}}
	r.file = filepath.Join(r.home, "stylesprint.yaml")
	r.write(text)
	env := map[string]string{"HOME": r.home, "XDG_DATA_HOME": filepath.Join(r.home, "data"), "USER": "ops", "STYLESPRINT_CONFIG": r.file}
	r.app = &app{world: world{getenv: func(k string) string { return env[k] }, stdin: strings.NewReader(""), stdout: r.log, stderr: r.log, now: time.Now}, configPath: r.file}
	c, err := r.app.serveConfig(t.Context(), serveFlags{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	at, done := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		done <- r.app.serve(ctx, c, serving{role: part, listening: func(a net.Addr) { at <- a }})
	}()
	t.Cleanup(func() {
		stop()
		if err := <-done; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	select {
	case a := <-at:
		r.url = "http://" + a.String()
	case err := <-done:
		done <- nil
		t.Fatalf("serve: %v\n%s", err, r.log)
	}
	return r
}

func (r *running) write(text string) {
	r.t.Helper()
	if err := os.WriteFile(r.file, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
}

func (r *running) ask(method, path, body string) (int, string) {
	r.t.Helper()
	req, err := http.NewRequest(method, r.url+path, strings.NewReader(body))
	if err != nil {
		r.t.Fatal(err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		r.t.Fatal(err)
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		r.t.Fatal(err)
	}
	return res.StatusCode, string(b)
}

// command runs a command of the program in the server's household.
func (r *running) command(args ...string) (int, string) {
	r.t.Helper()
	var out bytes.Buffer
	w := r.app.world
	w.args, w.stdout, w.stderr = args, &out, &out
	return run(r.t.Context(), w), out.String()
}

// until waits for a condition that another goroutine brings about.
func until(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for end := time.Now().Add(20 * time.Second); !ok(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("%s: not within 20 s", what)
		}
	}
}

func remote(u *upstream, names ...string) string {
	text := "addr: 127.0.0.1:0\nmodels:\n"
	for _, n := range names {
		text += fmt.Sprintf("- {name: %s, model: %[1]s-1, provider: openai, base_url: %s/v1, internal: true}\n", n, u.URL)
	}
	return text
}

// A stream goes on over twenty reloads that change its route and close its model; requests
// that begin afterwards are served anew each time.
func TestReloadsDropNoStream(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	route := func(model string) string {
		// The content policy would hold pieces back until it has judged them.
		return remote(u, model) + "safety: {policy: \"off\"}\nroutes:\n- {name: writer, targets: [" + model + "]}\n"
	}
	r := serveFile(t, roleAll, route("first"))
	go func() { u.steps <- "begins " }() // the headers come with the first piece
	res, err := http.Post(r.url+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"writer","stream":true,"messages":[{"role":"user","content":"x"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	got := make(chan string, 100)
	go func() {
		defer close(got)
		for lines := bufio.NewScanner(res.Body); lines.Scan(); {
			if strings.HasPrefix(lines.Text(), "data: ") {
				got <- lines.Text()
			}
		}
	}()
	const reloads = 20
	for i := range reloads {
		u.steps <- fmt.Sprintf("piece%d ", i)
		model := fmt.Sprintf("model%d", i)
		r.write(route(model))
		if status, body := r.ask("POST", "/admin/reload", ""); status != 200 || !strings.Contains(body, `"opened":"`+model+`"`) {
			t.Fatalf("reload %d: %d %s", i, status, body)
		}
		if status, body := r.ask("POST", "/generate/", `{"model":"writer","prompt":"y"}`); status != 200 || !strings.Contains(body, model+"-1 at ") {
			t.Fatalf("after reload %d: %d %s", i, status, body)
		}
	}
	close(u.steps)
	var text strings.Builder
	last := ""
	for line := range got {
		last = line
		var chunk struct {
			Choices []struct{ Delta struct{ Content string } }
		}
		if json.Unmarshal([]byte(strings.TrimPrefix(line, "data: ")), &chunk) == nil && len(chunk.Choices) > 0 {
			text.WriteString(chunk.Choices[0].Delta.Content)
		}
	}
	want := "begins "
	for i := range reloads {
		want += fmt.Sprintf("piece%d ", i)
	}
	if text.String() != want || last != "data: [DONE]" {
		t.Errorf("the stream had %q and ended with %q\n%s", text.String(), last, r.log)
	}
	// Only now is the first model closed.
	until(t, "retired targets are forgotten", func() bool {
		_, body := r.ask("GET", "/metrics", "")
		return !regexp.MustCompile(`stylesprint_route_\w+\{[^}]*target="first"`).MatchString(body)
	})
}

// A faulty file changes nothing, and each fault is answered with its line; what cannot change
// is named.
func TestFaultyReload(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	good := remote(u, "a") + "routes:\n- {name: writer, targets: [a]}\n"
	r := serveFile(t, roleGateway, good)
	r.write(good + "max_in_flight: 0\nthread: 2\n")
	status, body := r.ask("POST", "/admin/reload", "")
	for _, want := range []string{`"applied":false`, r.file + `:6: max_in_flight: want at least 1, got 0`, r.file + `:7: thread: is not a key here`} {
		if status != 422 || !strings.Contains(body, want) {
			t.Errorf("%d: no %s in %s", status, want, body)
		}
	}
	r.write(remote(u, "b") + "routes:\n- {name: writer, release: r9}\n")
	if status, body = r.ask("POST", "/admin/reload", ""); status != 422 || !strings.Contains(body, `:5: routes[0]: the route \"writer\": there is no release \"r9\"`) {
		t.Errorf("%d %s", status, body)
	}
	if status, body = r.ask("POST", "/generate/", `{"prompt":"y"}`); status != 200 || !strings.Contains(body, "a-1 at") {
		t.Errorf("what was served: %d %s", status, body)
	}
	r.write(strings.Replace(good, "127.0.0.1:0", "127.0.0.1:1", 1) + "data_dir: /nowhere\nmax_body_bytes: 2000\n")
	if err := syscall.Kill(os.Getpid(), syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	until(t, "SIGHUP", func() bool { return strings.Contains(r.log.String(), "reload: done") })
	for _, want := range []string{"addr has changed and takes effect when the server is started again", "data_dir has changed"} {
		if !strings.Contains(r.log.String(), want) {
			t.Errorf("no warning %q in\n%s", want, r.log)
		}
	}
	if status, body = r.ask("POST", "/generate/", `{"prompt":"`+strings.Repeat("y", 3000)+`"}`); status != 413 {
		t.Errorf("the new limit: %d %s", status, body)
	}
	if status, body = r.ask("GET", "/admin/config", ""); status != 200 || !strings.Contains(body, `"max_body_bytes":2000`) || strings.Contains(body, "/nowhere") {
		t.Errorf("%d %s", status, body)
	}
}

// releaseOf makes a release by the command line and returns its id.
func (r *running) releaseOf(args ...string) string {
	r.t.Helper()
	code, out := r.command(append([]string{"release", "create"}, args...)...)
	if code != 0 {
		r.t.Fatalf("release create: %s", out)
	}
	return strings.Fields(out)[0]
}

// Releases take a route over and leave it while the server runs.
func TestPromoteWhileServing(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	r := serveFile(t, roleAll, remote(u, "a", "b")+"routes:\n- {name: writer, targets: [a]}\n")
	one := r.releaseOf("--name", "one", "--model", "b", "--prompt", "brand-voice", "--temperature", "0.25")
	two := r.releaseOf("--name", "two", "--model", "a", "--temperature", "0.5")
	if code, out := r.command("release", "promote", one, "--route", "writer"); code != exitFailed || !strings.Contains(out, "has not been held against a gate") {
		t.Errorf("ungated: %d %s", code, out)
	}
	if code, out := r.command("release", "promote", one, "--route", "nobody", "--force", "--reason", "x"); code != exitFailed || !strings.Contains(out, "there is no route") {
		t.Errorf("unknown route: %d %s", code, out)
	}
	if code, out := r.command("release", "promote", one, "--route", "writer", "--force", "--reason", "the first one"); code != 0 || out != "writer is served by all r1\n" {
		t.Fatalf("forced: %d %s", code, out)
	}
	until(t, "the release serves", func() bool {
		_, body := r.ask("POST", "/generate/", `{"prompt":"y"}`)
		return strings.Contains(body, "b-1 at 0.25: y")
	})
	// A client's own parameters win over those of the release.
	if _, body := r.ask("POST", "/generate/", `{"prompt":"y","temperature":1}`); !strings.Contains(body, "b-1 at 1: y") {
		t.Error(body)
	}
	r.testProducts()
	// By the admin API at once, and back.
	status, body := r.ask("POST", "/admin/routes", `{"route":"writer","release":"`+two+`","force":true,"reason":"try"}`)
	if status != 200 || !strings.Contains(body, `"shares":[{"release":"r2","percent":100}]`) || !strings.Contains(body, `"by":"this machine"`) {
		t.Errorf("%d %s", status, body)
	}
	if _, body = r.ask("POST", "/generate/", `{"prompt":"y"}`); !strings.Contains(body, "a-1 at 0.5: y") {
		t.Error(body)
	}
	if status, body = r.ask("POST", "/generate/", `{"sku":"SS-DR-101"}`); status != 400 || !strings.Contains(body, "has no release with a prompt") {
		t.Errorf("%d %s", status, body)
	}
	if status, body = r.ask("POST", "/admin/routes", `{"route":"writer","rollback":true,"reason":"no"}`); status != 200 || !strings.Contains(body, `"restores":1`) {
		t.Errorf("%d %s", status, body)
	}
	if _, body = r.ask("POST", "/generate/", `{"prompt":"y"}`); !strings.Contains(body, "b-1 at 0.25: y") {
		t.Error(body)
	}
	status, body = r.ask("GET", "/admin/routes", "")
	if status != 200 || strings.Count(body, `"kind":`) != 3 || !strings.Contains(body, `"words":"all r1"`) {
		t.Errorf("%d %s", status, body)
	}
	for path, want := range map[string]int{`{"route":"writer","release":"r9"}`: 404, `{"route":"w","release":"r1"}`: 404, `{"route":"writer","release":"r2"}`: 403, `{"route":"writer"`: 400, `{"route":"writer","rollback":true,"release":"r1"}`: 400, `{"to":1}`: 400} {
		if status, body = r.ask("POST", "/admin/routes", path); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	r.testRecorded()
	r.write(remote(u, "a", "b") + "routes:\n- {name: writer, targets: [a]}\n- {name: direct, release: r2}\n")
	if status, body = r.ask("POST", "/admin/reload", ""); status != 200 || !strings.Contains(body, "gives direct to release r2, which has not met a gate") || !strings.Contains(body, `"direct: all r2"`) {
		t.Errorf("%d %s", status, body)
	}
	if _, body = r.ask("POST", "/generate/", `{"prompt":"y","model":"direct"}`); !strings.Contains(body, "a-1 at 0.5: y") {
		t.Error(body)
	}
}

// testProducts asks for texts about products, which the release's prompt asks for.
func (r *running) testProducts() {
	r.t.Helper()
	status, body := r.ask("POST", "/generate/", `{"model":"writer","sku":"SS-DR-101"}`)
	if status != 200 || !strings.Contains(body, "b-1 at 0.25: ") || !strings.Contains(body, "Mira Linen Midi Dress") {
		r.t.Errorf("sku: %d %s", status, body)
	}
	if status, body = r.ask("POST", "/generate/", `{"product":{"name":"Una Coat","colour":"grey","category":"coats"}}`); status != 200 || !strings.Contains(body, "Una Coat") {
		r.t.Errorf("product: %d %s", status, body)
	}
	for request, want := range map[string]string{
		`{"sku":"SS-XX-1"}`:                       `"code":"not_found"`,
		`{"sku":7}`:                               "sku must be a string",
		`{"sku":"SS-DR-101","prompt":"x"}`:        `not both`,
		`{"sku":"SS-DR-101","product":{}}`:        `not both`,
		`{"product":{"name":7}}`:                  "product.name must not be a JSON number",
		`{"product":{"names":"x"}}`:               `A product has no field \"names\"`,
		`{"product":"x"}`:                         "product must be a record",
		`{"product":{"colour":"grey"}}`:           `needs the product's \"name\"`,
		`{}`:                                      "Prompt is required",
		`{"model":"none","sku":"SS-DR-101"}`:      `does not exist`,
		`{"model":"writer","sku":"","prompt":""}`: "Prompt is required",
	} {
		if status, body := r.ask("POST", "/generate/", request); status < 400 || status >= 500 || !strings.Contains(body, want) {
			r.t.Errorf("%s: %d %s", request, status, body)
		}
	}
}

// testRecorded looks into the request log: each answer names its release and target.
func (r *running) testRecorded() {
	r.t.Helper()
	until(r.t, "the request log", func() bool {
		db, err := sqlite.Open(r.t.Context(), filepath.Join(r.home, "data", "stylesprint", "stylesprint.db"), sqlite.Options{})
		if err != nil {
			r.t.Fatal(err)
		}
		defer db.Close()
		records, err := db.Requests(r.t.Context(), stylesprint.RequestFilter{Limit: 1000})
		if err != nil {
			r.t.Fatal(err)
		}
		seen := map[string]bool{}
		for _, rec := range records {
			seen[rec.Release+" "+rec.Target] = true
		}
		return seen["r1 b"] && seen["r2 a"]
	})
}

// A role opens nothing but what it needs.
func TestRoles(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	text := remote(u, "a") + "routes:\n- {name: writer, targets: [a]}\n"
	queue := func(r *running) bool {
		_, err := os.Stat(filepath.Join(r.home, "data", "stylesprint", "jobs.db"))
		return err == nil
	}
	api := serveFile(t, roleGateway, text)
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/metrics": 200, "/v1/models": 200, "/admin/config": 200, "/": 404, "/runs": 404} {
		if status, body := api.ask("GET", path, ""); status != want {
			t.Errorf("gateway %s: %d %s", path, status, body)
		}
	}
	if queue(api) {
		t.Error("the gateway opened the queue of jobs")
	}
	worker := serveFile(t, roleWorker, text)
	until(t, "the worker opens the queue", func() bool { return queue(worker) })
	for path, want := range map[string]int{"/healthz": 200, "/readyz": 200, "/metrics": 200, "/v1/models": 404, "/admin/config": 404, "/": 404, "/runs": 404} {
		if status, body := worker.ask("GET", path, ""); status != want {
			t.Errorf("worker %s: %d %s", path, status, body)
		}
	}
	if status, body := worker.ask("POST", "/generate/", `{"prompt":"x"}`); status != 404 || !strings.Contains(body, "works on jobs") {
		t.Errorf("worker: %d %s", status, body)
	}
}

// A local model whose settings stay is not loaded again, whatever else changes; one whose
// settings change is.
func TestReloadKeepsWeights(t *testing.T) {
	t.Parallel()
	tiny, err := filepath.Abs("../../engine/testdata")
	if err != nil {
		t.Fatal(err)
	}
	model := func(more string) string {
		return "addr: 127.0.0.1:0\nmodels:\n- {name: small, model: " + tiny + "/gpt2, context_tokens: 160" + more + "}\n- {name: vectors, model: " + tiny + "/bert, task: embedding}\n"
	}
	r := serveFile(t, roleGateway, model(""))
	for i, k := range []struct{ text, opened, closed string }{
		{model(", price: {input_per_million: 3}, max_concurrent: 2"), "", ""},
		{model("") + "max_in_flight: 7\nroutes: [{name: writer, targets: [small]}]\n", "", ""},
		{model(", precision: exact"), "small", "small"},
		{model(", precision: exact, internal: true") + "routes: [{name: writer, targets: [small]}]\n", "", ""},
	} {
		r.write(k.text)
		status, body := r.ask("POST", "/admin/reload", "")
		var report struct {
			Applied        bool
			Opened, Closed string
		}
		if err := json.Unmarshal([]byte(body), &report); err != nil || status != 200 || report.Opened != k.opened || report.Closed != k.closed {
			t.Errorf("reload %d: %d %s", i, status, body)
		}
	}
	if status, body := r.ask("POST", "/generate/", `{"prompt":"linen","model":"writer","max_tokens":4}`); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	if status, body := r.ask("GET", "/v1/models", ""); status != 200 || strings.Contains(body, `"small"`) || !strings.Contains(body, `"writer"`) || !strings.Contains(body, `"vectors"`) {
		t.Errorf("%d %s", status, body)
	}
}
