package main

import (
	"io"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"

	"stylesprint/cmd/stylesprint/config"
	"stylesprint/gateway/telemetry"
)

func TestUpstream(t *testing.T) {
	t.Parallel()
	s := &server{}
	s.plan.Store(&plan{config: config.Config{Models: []config.Model{
		{Name: "own", Provider: "local"}, {Name: "remote", Provider: "openai"},
		{Name: "near", Provider: "openai", BaseURL: "http://127.0.0.1:8080/v1"}, {Name: "far", Provider: "openai", BaseURL: "https://models.example/v1"},
	}}})
	for _, c := range []struct {
		model, target string
		want          telemetry.Upstream
	}{
		{"own", "", telemetry.Upstream{Provider: "stylesprint"}},
		{"remote", "", telemetry.Upstream{Provider: "openai", Address: "api.openai.com", Port: 443}},
		{"near", "", telemetry.Upstream{Provider: "openai", Address: "127.0.0.1", Port: 8080}},
		{"own", "far", telemetry.Upstream{Provider: "openai", Address: "models.example", Port: 443}},
		{"own", "other", telemetry.Upstream{Provider: "stylesprint"}},
		{"other", "", telemetry.Upstream{}},
	} {
		if got := s.upstream(c.model, c.target); got != c.want {
			t.Errorf("%s, %s: %+v, want %+v", c.model, c.target, got, c.want)
		}
	}
}

// What a server sends to a receiver has arrived when it has stopped, and without a
// receiver nothing is asked to take anything.
func TestServerSendsTraces(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	got := map[string]int{}
	receiver := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		b, _ := io.ReadAll(r.Body)
		mu.Lock()
		defer mu.Unlock()
		got[r.URL.Path] += len(b)
	}))
	defer receiver.Close()
	t.Run("server", func(t *testing.T) {
		url := serveTiny(t, func(c *config.Config) { c.Telemetry.Endpoint = receiver.URL })
		if status, answer := fetch(t, "POST", url+"/generate/", `{"prompt":"linen","max_tokens":4}`); status != 200 {
			t.Fatalf("%d: %s", status, answer)
		}
	})
	mu.Lock()
	defer mu.Unlock()
	if got["/v1/traces"] == 0 || got["/v1/metrics"] == 0 || len(got) != 2 {
		t.Errorf("the receiver got %v", got)
	}
}
