package main

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/access"
	"stylesprint/cmd/stylesprint/config"
)

// everyPath asks a server for everything that it shows, and returns what each path answers.
func everyPath(r *running) map[string]int {
	out := map[string]int{}
	for _, path := range []string{
		"/", "/playground", "/questions", "/runs", "/comparisons", "/review", "/releases", "/live", "/keys", "/trail", "/keyboard",
		"/v1/models", "/openapi.json", "/healthz", "/readyz", "/metrics", "/admin/config", "/admin/routes",
	} {
		out["GET "+path], _ = r.ask("GET", path, "")
	}
	for path, body := range map[string]string{
		"/generate/": `{"prompt":"x","temperature":0}`, "/v1/chat/completions": `{"temperature":0,"messages":[{"role":"user","content":"x"}]}`,
		"/answer":   `{"sku":"SS-DR-101","question":"What is it made of?"}`,
		"/feedback": `{"request_id":"a","rating":1}`, "/admin/reload": "",
	} {
		out["POST "+path], _ = r.ask("POST", path, body)
	}
	return out
}

// A server in which every optional part is on starts, and answers at every path: no two parts
// register the same metric or path.
func TestServerWithEverythingOn(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	receiver := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { _, _ = io.Copy(io.Discard, r.Body) }))
	t.Cleanup(receiver.Close)
	tiny, err := filepath.Abs(filepath.Join("..", "..", "engine", "testdata", "llama-tied"))
	if err != nil {
		t.Fatal(err)
	}
	r := serveFile(t, roleAll, remote(u, "first", "second")+"- {name: own, provider: local, model: "+tiny+", context_tokens: 256, kv_tokens: 1024}\n"+`
routes:
- {name: writer, targets: [first, second]}
- {name: shared, strategy: weighted, targets: [{model: first, weight: 1}, {model: second, weight: 1}]}
default_model: writer
log_bodies: true
cache: {enabled: true, shared: true}
telemetry: {endpoint: "`+receiver.URL+`", content: true}
request_log: {retention: 30d, bodies_retention: 7d, refuse_when_full: true}
safety: {statement: Written by a language model.}
feedback: {keep_days: 3, per_minute: 9}
access: {public_url: "http://127.0.0.1:8000"}
oidc: {issuer: "https://id.example", client_id: desk, allow: [{groups: [staff], scopes: [evaluate]}]}
engine: {share_prefixes: true}
retry_budget: {cost: 1}
`)
	for path, got := range everyPath(r) {
		if want := map[bool]int{true: 201, false: 200}[path == "POST /feedback"]; got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	_, metrics := r.ask("GET", "/metrics", "")
	for _, name := range []string{"stylesprint_safety_calls_total", "stylesprint_cache_requests_total", "stylesprint_access_checks_total", "stylesprint_spool_"} {
		if !strings.Contains(metrics, name) {
			t.Errorf("no %s among the metrics", name)
		}
	}
	if strings.Contains(r.log.String(), `"panic"`) {
		t.Error(r.log.String())
	}
}

// A server in which every optional part is off starts, too, and answers what is left.
func TestServerWithEverythingOff(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	r := serveFile(t, roleAll, remote(u, "first")+`
routes: [{name: writer, targets: [first]}]
no_jobs: true
cache: {enabled: false}
request_log: {no_spool: true}
safety: {policy: "off"}
feedback: {off: true}
`)
	for path, got := range everyPath(r) {
		if want := map[bool]int{true: 404, false: 200}[path == "POST /feedback"]; got != want {
			t.Errorf("%s: %d, want %d", path, got, want)
		}
	}
	if files, err := os.ReadDir(filepath.Join(r.home, "data", "stylesprint", "spool")); err == nil {
		t.Errorf("a spool of %d files without a spool", len(files))
	}
}

// A reload whose policy or catalogue has faults changes nothing at all.
func TestReloadReadsEveryFileFirst(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	file := func(model string) string {
		return remote(u, model) + "routes: [{name: writer, targets: [" + model + "]}]\n"
	}
	r := serveFile(t, roleGateway, file("first"))
	bad := filepath.Join(r.home, "policy.yaml")
	if err := os.WriteFile(bad, []byte("format: 1\nname: x\nrules: [{name: a, kind: nothing}]\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, more := range []string{
		fmt.Sprintf("safety: {policy: %q}\n", bad), fmt.Sprintf("catalogue: {products: %q, care_guide: %q}\n", demoFile(t, r), bad),
	} {
		r.write(file("second") + more)
		status, body := r.ask("POST", "/admin/reload", "")
		if status != 422 || !strings.Contains(body, `"applied":false`) {
			t.Errorf("%s: %d %s", more, status, body)
		}
		if _, body := r.ask("POST", "/generate/", `{"prompt":"y"}`); !strings.Contains(body, "first-1 at ") {
			t.Errorf("%s: what was served did not stay: %s", more, body)
		}
	}
}

// demoFile writes a catalogue of one product.
func demoFile(t *testing.T, r *running) string {
	t.Helper()
	path := filepath.Join(r.home, "products.jsonl")
	line := `{"sku":"A-1","name":"Mira Dress","category":"Dresses","colour":"sage","materials":[{"fibre":"linen","percent":100}],"sizes":[{"size":"M","stock":2}],"price":{"amount":"89.00","currency":"EUR"}}` + "\n"
	if err := os.WriteFile(path, []byte(line), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// The pages ask models as the API does: with the visitor's scopes and limits, behind the
// content policy, on the record.
func TestPagesAskAsTheAPIDoes(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	form := func(prompt string) string { return url.Values{"model": {"remote"}, "prompt": {prompt}}.Encode() }
	const card = "4111 1111 1111 1111"
	if status, body := s.ask("POST", "/playground", "", form("my card is "+card)); status == 200 || strings.Contains(body, "A linen dress.") {
		t.Errorf("the content policy did not see the playground: %d", status)
	}
	_, reviewer := s.key("--name", "reviewer", "--scope", "review")
	_, limited := s.key("--name", "limited", "--scope", "generate", "--scope", "evaluate", "--requests-per-minute", "1")
	_, elsewhere := s.key("--name", "elsewhere", "--scope", "generate", "--scope", "evaluate", "--model", "other")
	s.until("a login is asked for", 401, func() int { status, _ := s.ask("POST", "/generate/", "", question); return status })
	login := func(key string) {
		if status, _ := s.ask("POST", "/login", "", url.Values{"key": {key}}.Encode()); status != 200 {
			t.Fatalf("login: %d", status)
		}
	}
	login(reviewer)
	for _, path := range []string{"/questions", "/playground"} {
		if status, _ := s.ask("POST", path, "", form("x")+"&sku=SS-DR-101&question=Is+it+linen"); status != 403 {
			t.Errorf("%s without the scope generate: %d", path, status)
		}
	}
	login(elsewhere)
	if status, body := s.ask("POST", "/playground", "", form("x")); status != 403 || strings.Contains(body, "A linen dress.") {
		t.Errorf("a model that the key may not use: %d", status)
	}
	login(limited)
	refused := 0
	for range 3 { // two of them are in one minute
		if status, _ := s.ask("POST", "/playground", "", form("x")); status == 429 {
			refused++
		}
	}
	if refused == 0 {
		t.Error("the playground has no limits")
	}
}

// A process that works on jobs alone answers probes under any name once there are keys, and
// shows its metrics to this machine and to administrators.
func TestWorkerAsksForKeys(t *testing.T) {
	t.Parallel()
	r := serveFile(t, roleWorker, "addr: 127.0.0.1:0\n")
	ask := func(path, host, key string) int {
		req, err := http.NewRequest(http.MethodGet, r.url+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			req.Host = host
		}
		if key != "" {
			req.Header.Set("Authorization", "Bearer "+key)
		}
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	if got := ask("/healthz", "worker.example", ""); got != 403 {
		t.Errorf("another name while there are no keys: %d", got)
	}
	made := func(scope string) string {
		code, text := r.command("keys", "create", "--name", scope, "--scope", scope, "--json")
		var key madeKey
		if err := json.Unmarshal([]byte(text), &key); code != exitDone || err != nil {
			t.Fatalf("%d, %v: %s", code, err, text)
		}
		return key.Secret
	}
	admin, program := made("admin"), made("generate")
	until(t, "a key is known", func() bool {
		return ask("/metrics", "worker.example", admin) == 200 && ask("/metrics", "", program) == 403
	})
	for _, c := range []struct {
		path, host, key string
		want            int
	}{
		{"/healthz", "worker.example", "", 200}, {"/readyz", "worker.example", "", 200}, {"/metrics", "worker.example", "", 401},
		{"/metrics", "", "", 200}, {"/metrics", "", program, 403}, {"/admin/config", "", admin, 404},
	} {
		if got := ask(c.path, c.host, c.key); got != c.want {
			t.Errorf("%s of %q: %d, want %d", c.path, c.host, got, c.want)
		}
	}
}

// Two people who logged in without a key are two callers: what one asked is not given to the
// other from the cache.
func TestSessionsWithoutKeyAreApart(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.key("--name", "ops", "--scope", "admin")
	door := doorOf(t, s)
	caller := func(subject string) string {
		_, secret, err := door.sessions.Begin(t.Context(), subject, []access.Scope{access.Generate})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/generate/", nil)
		r.AddCookie(&http.Cookie{Name: "stylesprint-session", Value: secret.Reveal()})
		who, err := door.Authenticate(r, stylesprint.Secret{})
		if err != nil || who.Scopes == nil {
			t.Fatalf("%+v, %v", who, err)
		}
		if settle, err := door.Reserve(t.Context(), who, 1); err != nil || settle == nil {
			t.Errorf("limits: %v", err)
		}
		if got := door.actor(r); got != subject {
			t.Errorf("the actor is %q, want %q", got, subject)
		}
		return who.KeyID
	}
	one, other := caller("one@shop.example"), caller("other@shop.example")
	if one == other || strings.Contains(one, "@") {
		t.Errorf("%q and %q", one, other)
	}
}

// What pages ask for a person who logged in without a key has that person's limits, whichever
// session it is.
func TestLoginsHaveLimits(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.key("--name", "ops", "--scope", "admin")
	door := doorOf(t, s, func(c *config.Config) {
		c.Access.LoginRequestsPerMinute, c.Access.LoginMonthlyBudget = 2, 0.5
	})
	ask := func(subject string) stylesprint.Code {
		_, secret, err := door.sessions.Begin(t.Context(), subject, []access.Scope{access.Generate})
		if err != nil {
			t.Fatal(err)
		}
		r := httptest.NewRequest(http.MethodPost, "/playground", nil)
		r.AddCookie(&http.Cookie{Name: "stylesprint-session", Value: secret.Reveal()})
		who, err := door.Authenticate(r, stylesprint.Secret{})
		if err != nil {
			t.Fatal(err)
		}
		settle, err := door.Reserve(t.Context(), who, 1)
		if err == nil {
			settle(stylesprint.Usage{}, 0)
		}
		return stylesprint.CodeOf(err)
	}
	refused := 0
	for range 5 { // three of them are in one minute
		if ask("one@shop.example") == stylesprint.CodeRateLimited {
			refused++
		}
	}
	if refused == 0 || refused > 3 {
		t.Errorf("%d of 5 requests were refused, with 2 a minute", refused)
	}
	if code := ask("other@shop.example"); code != "" {
		t.Errorf("another person: %s", code)
	}
	db, err := (&app{world: world{getenv: s.env}}).openStore(t.Context(), s.settings())
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	err = db.AppendRequests(t.Context(), []stylesprint.RequestRecord{{ID: "req_1", Time: time.Now(), KeyID: access.LoginID("third@shop.example"), Status: 200, Cost: stylesprint.MoneyOf(.6), Billed: stylesprint.MoneyOf(.6)}})
	if err != nil {
		t.Fatal(err)
	}
	if code := ask("third@shop.example"); code != stylesprint.CodeForbidden {
		t.Errorf("with a budget that is spent: %q", code)
	}
}

// A provider of vectors that is away keeps no other model from being served, and is asked
// again when it is needed.
func TestServerStartsWithoutAnEncoder(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	var up atomic.Bool
	vectors := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		if !up.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		_, _ = io.WriteString(w, `{"object":"list","model":"e","data":[{"object":"embedding","index":0,"embedding":[1,0]}],"usage":{"prompt_tokens":1,"total_tokens":1}}`)
	}))
	t.Cleanup(vectors.Close)
	r := serveFile(t, roleGateway, remote(u, "first")+"- {name: e, provider: openai, task: embedding, base_url: \""+vectors.URL+"/v1\"}\nroutes: [{name: writer, targets: [first]}]\n")
	if status, body := r.ask("POST", "/generate/", `{"prompt":"y"}`); status != 200 {
		t.Errorf("%d %s", status, body)
	}
	up.Store(true)
	if status, body := r.ask("POST", "/v1/embeddings", `{"input":"y"}`); status != 200 {
		t.Errorf("vectors: %d %s", status, body)
	}
}
