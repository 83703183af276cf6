package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"stylesprint/cmd/stylesprint/config"
)

// shop is a server over a mock provider, with its data folder.
type shop struct {
	t      *testing.T
	home   string
	addr   string
	out    *syncBuffer
	client *http.Client
}

// openShop starts serve; the returned shop stops it when the test ends.
func openShop(t *testing.T) *shop {
	t.Helper()
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"x","object":"chat.completion","model":"remote","choices":[{"index":0,"message":{"role":"assistant","content":"A linen dress."},"finish_reason":"stop"}],"usage":{"prompt_tokens":5,"completion_tokens":4,"total_tokens":9}}`)
	}))
	t.Cleanup(upstream.Close)
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	s := &shop{t: t, home: t.TempDir(), addr: freeAddress(t), out: new(syncBuffer), client: &http.Client{Jar: jar, Transport: &http.Transport{}}}
	t.Cleanup(s.client.CloseIdleConnections)
	settings := "log_bodies: true\nmodels:\n- model: remote\n  provider: openai\n  base_url: " + upstream.URL + "/v1\n  price: {input_per_million: 1000, output_per_million: 1000}\n"
	if err := os.WriteFile(filepath.Join(s.home, "settings.yaml"), []byte(settings), 0o600); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	served := make(chan int, 1)
	go func() { served <- s.run(ctx, s.out, "serve", "--addr", s.addr, "--no-jobs") }()
	t.Cleanup(func() {
		stop()
		if code := <-served; code != exitDone {
			t.Errorf("serve ended with %d:\n%s", code, s.out)
		}
	})
	for end := time.Now().Add(20 * time.Second); ; time.Sleep(10 * time.Millisecond) {
		if status, _ := s.ask("GET", "/readyz", "", ""); status == 200 {
			return s
		}
		if time.Now().After(end) {
			t.Fatalf("not ready in 20 s:\n%s", s.out)
		}
	}
}

func (s *shop) run(ctx context.Context, out io.Writer, args ...string) int {
	env := map[string]string{"HOME": s.home, "XDG_DATA_HOME": filepath.Join(s.home, "data"), "OPENAI_API_KEY": "sk-upstream", "USER": "dana"}
	return run(ctx, world{args: append(args, "--config", filepath.Join(s.home, "settings.yaml")), getenv: func(k string) string { return env[k] }, stdin: strings.NewReader(""), stdout: out, stderr: s.out, now: time.Now})
}

// ask sends a request; a key is sent as a bearer token. The body is returned as text.
func (s *shop) ask(method, path, key, body string) (int, string) {
	s.t.Helper()
	req, err := http.NewRequest(method, "http://"+s.addr+path, strings.NewReader(body))
	if err != nil {
		s.t.Fatal(err)
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	req.Header.Set("Content-Type", "application/json")
	if strings.Contains(body, "=") && !strings.Contains(body, "{") {
		req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
		req.Header.Set("Sec-Fetch-Site", "same-origin")
	}
	res, err := s.client.Do(req)
	if err != nil {
		return 0, err.Error()
	}
	defer func() { _ = res.Body.Close() }()
	b, err := io.ReadAll(res.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return res.StatusCode, string(b) + fmt.Sprint(res.Header)
}

// key makes one with the command.
func (s *shop) key(args ...string) (id, secret string) {
	s.t.Helper()
	var b bytes.Buffer
	if code := s.run(context.Background(), &b, append([]string{"keys", "create", "--json"}, args...)...); code != exitDone {
		s.t.Fatalf("keys create ended with %d:\n%s", code, s.out)
	}
	var made madeKey
	if err := json.Unmarshal(b.Bytes(), &made); err != nil {
		s.t.Fatal(err)
	}
	return made.ID, made.Secret
}

// until asks again and again for a status, for at most a second and a bit for slow machines.
func (s *shop) until(what string, want int, ask func() int) {
	s.t.Helper()
	begun := time.Now()
	for got := ask(); got != want; got = ask() {
		if time.Since(begun) > 10*time.Second {
			s.t.Fatalf("%s: still %d, want %d", what, got, want)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

const question = `{"prompt":"A line about a dress"}`

// A server is open until the first key, and then asks for one, for the right scope, within
// limits; a revoked key ends within a moment.
func TestKeysOfARunningServer(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	generate := func(key string) func() int {
		return func() int { status, _ := s.ask("POST", "/generate/", key, question); return status }
	}
	if got := generate("")(); got != 200 {
		t.Fatalf("an open server answered %d\n%s", got, s.out)
	}
	if got := generate("whatever")(); got != 200 {
		t.Errorf("an open server did not ignore Authorization: %d", got)
	}
	id, key := s.key("--name", "shop", "--scope", "generate", "--requests-per-minute", "1000", "--monthly-budget", "0.02")
	s.until("without a key once there is one", 401, generate(""))
	if got := generate(key)(); got != 200 {
		t.Errorf("with the key: %d", got)
	}
	if got, body := s.ask("GET", "/v1/models", key, ""); got != 200 || !strings.Contains(body, "remote") {
		t.Errorf("models: %d %s", got, body)
	}
	if got, _ := s.ask("GET", "/metrics", key, ""); got != 403 {
		t.Errorf("metrics with a key without admin: %d", got)
	}
	if got, body := s.ask("GET", "/metrics", "", ""); got != 200 || !strings.Contains(body, `stylesprint_access_checks_total{outcome="passed"}`) {
		t.Errorf("metrics from this machine: %d", got)
	}
	// Each answer costs 0.009 of 0.02.
	if got := generate(key)(); got != 200 {
		t.Errorf("the second request within the budget: %d", got)
	}
	if got := generate(key)(); got != 403 {
		t.Errorf("over the budget: %d", got)
	}
	other, second := s.key("--name", "second", "--scope", "generate")
	s.until("a second key", 200, generate(second))
	if code := s.run(t.Context(), io.Discard, "keys", "revoke", other); code != exitDone {
		t.Errorf("revoke ended with %d", code)
	}
	s.until("a revoked key", 401, generate(second))
	var list bytes.Buffer
	s.until("the use of the key", 1, func() int {
		list.Reset()
		s.run(t.Context(), &list, "keys", "list", "--json")
		return strings.Count(list.String(), `"spent_this_month":0.0`)
	})
	if !strings.Contains(list.String(), id) {
		t.Errorf("%s", list.String())
	}
}

// The text of a key is in no log, answer, page, metric or file, whatever is done with it.
func TestOwnKeysAreNowhere(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	id, admin := s.key("--name", "ops", "--scope", "admin")
	gone, revoked := s.key("--name", "gone", "--scope", "generate")
	if code := s.run(t.Context(), s.out, "keys", "revoke", gone); code != exitDone {
		t.Fatalf("revoke ended with %d", code)
	}
	s.until("the revoked key", 401, func() int { status, _ := s.ask("POST", "/generate/", revoked, question); return status })
	// Well formed, and never made here.
	other := openShop(t)
	_, unknown := other.key("--name", "elsewhere", "--scope", "generate")
	mistyped := admin[:len(admin)-1] + string(admin[len(admin)-1]^1)

	keep := func(_ int, body string) { _, _ = io.WriteString(s.out, body) }
	for _, key := range []string{admin, revoked, unknown, mistyped} {
		for _, path := range []string{"/generate/", "/v1/chat/completions", "/v1/completions"} {
			keep(s.ask("POST", path, key, `{"prompt":"x","messages":[{"role":"user","content":"hello"}]}`))
		}
		keep(s.ask("GET", "/v1/models", key, ""))
		keep(s.ask("GET", "/v1/nothing?api_key="+key, key, ""))
		keep(s.ask("GET", "/metrics", key, ""))
		if key != admin {
			keep(s.ask("POST", "/login", "", url.Values{"key": {key}, "next": {"/keys"}}.Encode()))
		}
	}
	if status, _ := s.ask("POST", "/login", "", url.Values{"key": {admin}, "next": {"/keys"}}.Encode()); status != 200 {
		t.Fatalf("the login ended with %d:\n%s", status, s.out)
	}
	for _, path := range []string{"/", "/keys", "/keys/" + id + "/revoke", "/trail", "/runs", "/review", "/comparisons", "/playground", "/login", "/nothing", "/metrics"} {
		status, body := s.ask("GET", path, "", "")
		if status != 200 && path != "/nothing" {
			t.Errorf("%s: %d", path, status)
		}
		keep(status, body)
	}
	// A page may use the models with the session alone.
	if status, body := s.ask("POST", "/generate/", "", question); status != 200 {
		t.Errorf("the playground's request: %d %s", status, body)
	}
	keep(s.ask("POST", "/logout", "", "x=y"))
	keys := map[string]string{"admin": admin, "revoked": revoked, "unknown": unknown, "mistyped": mistyped}
	if text := s.out.String(); !strings.Contains(text, "was revoked") || !strings.Contains(text, "not known here") || !strings.Contains(text, "mistyped") || !strings.Contains(text, "key.revoked") || !strings.Contains(text, id) {
		t.Errorf("the keys were not looked at, so nothing was tested:\n%s", text)
	}
	for name, key := range keys {
		if at := strings.Index(s.out.String(), key); at >= 0 {
			t.Errorf("the %s key is in the output: %s", name, s.out.String()[max(0, at-300):at])
		}
	}
	files := 0
	err := filepath.WalkDir(s.home, func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		b, err := os.ReadFile(path)
		files++
		for name, key := range keys {
			// The secret part alone would give it away, too.
			if bytes.Contains(b, []byte(key[len("ssk_"):len(key)-6])) {
				t.Errorf("the %s key is in %s", name, path)
			}
		}
		return err
	})
	if err != nil || files < 2 {
		t.Errorf("%d files searched, %v", files, err)
	}
}

// doorOf is a doorkeeper over a shop's database.
func doorOf(t *testing.T, s *shop, change ...func(*config.Config)) *doorkeeper {
	t.Helper()
	c := s.settings()
	for _, f := range change {
		f(&c)
	}
	a := &app{world: world{getenv: func(string) string { return "" }}}
	db, err := a.openStore(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	door, err := a.newDoorkeeper(t.Context(), c, db, slog.New(slog.DiscardHandler), nil)
	if err != nil {
		t.Fatal(err)
	}
	return door
}

// What a page shows as it happens ends with the key that let its reader in, on a running server.
func TestLiveFiguresEndWithTheKey(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	s.key("--name", "ops", "--scope", "admin")
	id, key := s.key("--name", "desk", "--scope", "evaluate")
	login := func() int {
		status, _ := s.ask("POST", "/login", "", url.Values{"key": {key}, "next": {"/live"}}.Encode())
		return status
	}
	s.until("the login", 200, login)
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+s.addr+"/live/events", nil)
	if err != nil {
		t.Fatal(err)
	}
	res, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = res.Body.Close() }()
	first := make([]byte, 6)
	if _, err := io.ReadFull(res.Body, first); err != nil || string(first) != "event:" {
		t.Fatalf("%d: %q, %v", res.StatusCode, first, err)
	}
	if code := s.run(t.Context(), io.Discard, "keys", "revoke", id); code != exitDone {
		t.Fatalf("revoke ended with %d", code)
	}
	revoked := time.Now()
	if _, err := io.Copy(io.Discard, res.Body); err != nil {
		t.Fatalf("the stream did not end: %v", err)
	}
	t.Logf("ended %v after the revocation", time.Since(revoked).Round(time.Millisecond))
}

func (s *shop) env(k string) string {
	return map[string]string{"HOME": s.home, "XDG_DATA_HOME": filepath.Join(s.home, "data")}[k]
}

// settings are the defaults over the shop's folders.
func (s *shop) settings() config.Config {
	s.t.Helper()
	c, err := (&app{world: world{getenv: s.env}}).config()
	if err != nil {
		s.t.Fatal(err)
	}
	return c
}

func TestAdminMiddleware(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	door := doorOf(t, s)
	h := door.admin()(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }))
	ask := func(key string) *httptest.ResponseRecorder {
		r := httptest.NewRequest(http.MethodPost, "/admin/reload", nil)
		if key != "" {
			r.Header.Set("Authorization", "Bearer "+key)
		}
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		return w
	}
	if w := ask(""); w.Code != 204 {
		t.Errorf("before there is a key: %d", w.Code)
	}
	_, admin := s.key("--name", "ops", "--scope", "admin")
	_, program := s.key("--name", "shop", "--scope", "generate")
	if err := door.keeper.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]int{"": 401, "x": 401, program: 403, admin: 204} {
		w := ask(key)
		if w.Code != want || (want == 401) != (w.Header().Get("WWW-Authenticate") != "") {
			t.Errorf("%.8s: %d, want %d", key, w.Code, want)
		}
	}
}

func TestParseExpiry(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 15, 12, 0, 0, 0, time.UTC)
	for text, want := range map[string]time.Time{
		"": {}, "90d": now.AddDate(0, 0, 90), "12h": now.Add(12 * time.Hour), "2027-01-31": time.Date(2027, 1, 31, 0, 0, 0, 0, time.UTC),
	} {
		if got, err := parseExpiry(text, now); err != nil || !got.Equal(want) {
			t.Errorf("%q: %v, %v", text, got, err)
		}
	}
	for _, text := range []string{"d", "-1d", "0d", "99999d", "x", "2027-13-01", "-3h", "0s"} {
		if got, err := parseExpiry(text, now); err == nil {
			t.Errorf("%q: %v", text, got)
		}
	}
}

func FuzzParseExpiry(f *testing.F) {
	f.Add("90d")
	f.Add("2027-01-31")
	now := time.Date(2026, 5, 15, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, text string) {
		got, err := parseExpiry(text, now)
		if err == nil && text != "" && got.IsZero() && !strings.HasPrefix(text, "0001-01-01") {
			t.Errorf("%q never ends", text)
		}
	})
}
