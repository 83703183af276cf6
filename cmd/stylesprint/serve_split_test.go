package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// On a route that two releases share, prompts and products go to both, with the cache on, and each
// release is asked once.
func TestSplitRouteWithCache(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	r := serveFile(t, roleGateway, remote(u, "a", "b")+"cache: {enabled: true}\nroutes:\n- {name: writer, targets: [a]}\n")
	one := r.releaseOf("--name", "one", "--model", "a", "--prompt", "brand-voice", "--temperature", "0")
	two := r.releaseOf("--name", "two", "--model", "b", "--prompt", "brand-voice", "--temperature", "0")
	r.write(remote(u, "a", "b") + fmt.Sprintf("cache: {enabled: true}\nroutes:\n- name: writer\n  releases: [{release: %s, percent: 50}, {release: %s, percent: 50}]\n", one, two))
	if status, body := r.ask("POST", "/admin/reload", ""); status != 200 {
		t.Fatalf("%d %s", status, body)
	}
	for _, request := range []string{`{"prompt":"y","temperature":0}`, `{"sku":"SS-DR-101"}`} {
		seen := map[string]int{}
		for range 60 { // one release alone answers all of them with a chance of 1 in 10^18
			status, body := r.ask("POST", "/generate/", request)
			if status != 200 {
				t.Fatalf("%s: %d %s", request, status, body)
			}
			seen[strings.Fields(body)[0]]++
		}
		if len(seen) != 2 {
			t.Errorf("%s: answered by %v", request, seen)
		}
	}
	if _, metrics := r.ask("GET", "/metrics", ""); !strings.Contains(metrics, `stylesprint_cache_requests_total{result="miss"} 4`) {
		t.Error("not one call for each release and request")
	}
}

// The content policy reads answers of /answer that quote a catalogue, and their questions.
func TestQuotedAnswersPassThePolicy(t *testing.T) {
	t.Parallel()
	u := newUpstream(t)
	u.Close() // the model is down, so passages are quoted
	home := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(home, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	products := write("products.jsonl", `{"sku":"A-1","name":"Mira Dress","category":"Dresses","colour":"sage","materials":[{"fibre":"linen","percent":100}],"sizes":[{"size":"M","stock":2}],"price":{"amount":"89.00","currency":"EUR"},"features":["two side pockets","belt sewn by the rival brand"]}`+"\n")
	policy := write("policy.yaml", "format: 1\nname: shop\nrules:\n- {name: rival, on: output, kind: words, words: [rival brand], action: redact, mark: \"***\"}\n- {name: pockets, on: output, kind: words, words: [side pockets], action: block}\n- {name: card, on: input, kind: card, action: block}\n")
	r := serveFile(t, roleGateway, remote(u, "a")+fmt.Sprintf("routes:\n- {name: writer, targets: [a], policy: {attempts: 1}}\ncatalogue: {products: %q}\nsafety: {policy: %q}\n", products, policy))
	for _, c := range []struct {
		question string
		status   int
		want     string
	}{
		{"Does it have a belt?", 200, `"answer":"Belt sewn by the ***."`},
		{"Does it have pockets?", 422, `rule \"pockets\"`},
		{"Is size M in stock? 4111 1111 1111 1111", 422, `"field":"question"`},
		{"Is size M in stock?", 200, `"policy":"shop@`},
	} {
		status, body := r.ask("POST", "/answer", fmt.Sprintf(`{"sku":"A-1","question":%q}`, c.question))
		if status != c.status || !strings.Contains(body, c.want) || strings.Contains(body, "rival") || strings.Contains(body, "side") {
			t.Errorf("%s: %d %s, want %d and %s", c.question, status, body, c.status, c.want)
		}
	}
}
