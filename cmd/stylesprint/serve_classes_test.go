package main

import (
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
)

// A key's class has the weight that the configuration gives it, and another one after a reload.
func TestWeightsOfClasses(t *testing.T) {
	t.Parallel()
	s := openShop(t)
	c := s.settings()
	c.ClassWeights = map[string]int{"premium": 4, "internal": 2}
	a := &app{world: world{getenv: func(string) string { return "" }}}
	db, err := a.openStore(t.Context(), c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	_, premium := s.key("--name", "first", "--scope", "generate", "--class", "premium")
	_, plain := s.key("--name", "other", "--scope", "generate")
	srv := &server{app: a, config: c, db: db, log: slog.New(slog.DiscardHandler), metrics: prometheus.NewRegistry()}
	if err := srv.joinAccess(t.Context()); err != nil {
		t.Fatal(err)
	}
	weight := func(key string) int {
		who, err := srv.gateway.Auth.Authenticate(httptest.NewRequest(http.MethodPost, "/generate/", nil), stylesprint.NewSecret(key))
		if err != nil {
			t.Fatal(err)
		}
		return who.Weight
	}
	if p, n := weight(premium), weight(plain); p != 4 || n != 0 {
		t.Errorf("weights %d and %d, want 4 and none", p, n)
	}
	c.ClassWeights = map[string]int{"standard": 3}
	for _, told := range srv.reloads {
		if err := told(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	if p, n := weight(premium), weight(plain); p != 0 || n != 3 {
		t.Errorf("after a reload: weights %d and %d, want none and 3", p, n)
	}
}

// At a busy local model a key of a class of weight 4 has four turns for each one of another key.
func TestClassesTakeTurns(t *testing.T) {
	t.Parallel()
	tiny, err := filepath.Abs(filepath.Join("..", "..", "engine", "testdata", "llama-tied"))
	if err != nil {
		t.Fatal(err)
	}
	r := serveFile(t, roleGateway, "addr: 127.0.0.1:0\nmodels: [{name: own, provider: local, model: "+tiny+", context_tokens: 256, kv_tokens: 256}]\n"+
		"engine: {max_sequences: 1, prefix_tokens: -1}\nclass_weights: {premium: 4}\n")
	made := func(class string) string {
		code, text := r.command("keys", "create", "--name", class, "--scope", "generate", "--class", class, "--json")
		var key madeKey
		if err := json.Unmarshal([]byte(text), &key); code != exitDone || err != nil {
			t.Fatalf("%d, %v: %s", code, err, text)
		}
		return key.Secret
	}
	keys := map[string]string{"premium": made("premium"), "batch": made("batch")}
	ask := func(key string) int {
		req, err := http.NewRequest(http.MethodPost, r.url+"/generate/", strings.NewReader(`{"prompt":"linen","max_tokens":200}`))
		if err != nil {
			t.Error(err)
			return 0
		}
		req.Header.Set("Authorization", "Bearer "+key)
		res, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Error(err)
			return 0
		}
		_ = res.Body.Close()
		return res.StatusCode
	}
	until(t, "the keys are known", func() bool { return ask("") == 401 && ask(keys["premium"]) == 200 && ask(keys["batch"]) == 200 })

	// Both keys always have requests that wait, so what ends says whose turns they were.
	const workers, enough = 16, 120
	counts := map[string]*atomic.Int64{"premium": {}, "batch": {}}
	var all sync.WaitGroup
	for class, key := range keys {
		for range workers {
			all.Go(func() {
				for counts["premium"].Load() < enough && !t.Failed() {
					if got := ask(key); got != 200 {
						t.Errorf("%s: %d", class, got)
					}
					counts[class].Add(1)
				}
			})
		}
	}
	all.Wait()
	if premium, others := counts["premium"].Load(), counts["batch"].Load(); others == 0 || others > premium/2 {
		t.Errorf("%d requests of weight 4 and %d of weight 1 ended", premium, others)
	}
}
