package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"stylesprint/cmd/stylesprint/config"
)

// serveTiny runs the server with a small random model and returns its address.
func serveTiny(t *testing.T, change func(*config.Config)) string {
	t.Helper()
	home := t.TempDir()
	getenv := func(k string) string { return map[string]string{"HOME": home}[k] }
	c, err := config.Load("", getenv)
	if err != nil {
		t.Fatal(err)
	}
	c.Addr, c.NoJobs, c.Threads = "127.0.0.1:0", true, 1
	path, err := filepath.Abs(filepath.Join("..", "..", "engine", "testdata", "llama-tied"))
	if err != nil {
		t.Fatal(err)
	}
	c.Models = []config.Model{{Name: "tiny", Model: path, Provider: "local", Task: "text-generation", Precision: "fast", ContextTokens: 256, KVTokens: 1024}}
	if change != nil {
		change(&c)
	}
	a := &app{world: world{getenv: getenv, stdout: io.Discard, stderr: io.Discard, now: time.Now}}
	ctx, cancel := context.WithCancel(context.Background())
	at, ended := make(chan net.Addr, 1), make(chan error, 1)
	go func() {
		ended <- a.serve(ctx, c, serving{role: roleAll, listening: func(addr net.Addr) { at <- addr }})
	}()
	t.Cleanup(func() {
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
	})
	select {
	case addr := <-at:
		return "http://" + addr.String()
	case err := <-ended:
		ended <- err
		t.Fatalf("serve: %v", err)
		return ""
	}
}

func fetch(t *testing.T, method, url, body string) (int, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
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
	return res.StatusCode, string(b)
}

// The guide's table and /metrics name the same metrics with the same labels.
func TestMetricsAreDocumented(t *testing.T) {
	t.Parallel()
	url := serveTiny(t, func(c *config.Config) { c.Models[0].Price = config.Price{Input: 1000, Output: 1000} })
	for _, body := range []string{`{"prompt":"linen","max_tokens":8}`, `{"prompt":"` + strings.Repeat("linen ", 20) + `","max_tokens":8}`, `{"prompt":"` + strings.Repeat("linen ", 20) + `","max_tokens":8,"stream":true}`} {
		if status, answer := fetch(t, "POST", url+"/generate/", body); status != 200 {
			t.Fatalf("%d: %s", status, answer)
		}
	}
	_, text := fetch(t, "GET", url+"/metrics", "")
	shown := map[string]string{}
	for _, line := range strings.Split(text, "\n") {
		if m := regexp.MustCompile(`^# TYPE (stylesprint_\S+)`).FindStringSubmatch(line); m != nil {
			shown[m[1]] = ""
		}
		if m := regexp.MustCompile(`^(stylesprint_\w+?)(?:_bucket|_sum|_count)?(?:\{(.*)\})? `).FindStringSubmatch(line); m != nil {
			var labels []string
			for _, l := range regexp.MustCompile(`(\w+)="`).FindAllStringSubmatch(m[2], -1) {
				if l[1] != "le" {
					labels = append(labels, l[1])
				}
			}
			slices.Sort(labels)
			shown[m[1]] = fmt.Sprint(labels)
		}
	}
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "guides", "observability.md"))
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	for _, row := range regexp.MustCompile("(?m)^\\| `(stylesprint_\\w+)` \\|([^|]*)\\|[^|]*\\|([^|]*)\\|$").FindAllStringSubmatch(string(guide), -1) {
		name, when := row[1], strings.TrimSpace(row[3])
		documented[name] = true
		labels := []string{}
		for l := range strings.SplitSeq(row[2], ",") {
			if l = strings.TrimSpace(l); l != "" {
				labels = append(labels, l)
			}
		}
		slices.Sort(labels)
		got, ok := shown[name]
		switch {
		case !ok && when == "always":
			t.Errorf("%s is documented and not shown", name)
		case ok && got != fmt.Sprint(labels):
			t.Errorf("%s has labels %s, the guide says %v", name, got, labels)
		}
	}
	for name := range shown {
		if !documented[name] {
			t.Errorf("%s is shown and not in docs/guides/observability.md", name)
		}
	}
	if len(shown) < 25 || len(documented) < 25 {
		t.Errorf("%d metrics shown, %d documented: the test reads them wrongly", len(shown), len(documented))
	}
}

// The settings that the guide shows are accepted.
func TestGuideSettings(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile(filepath.Join("..", "..", "docs", "guides", "observability.md"))
	if err != nil {
		t.Fatal(err)
	}
	blocks := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllStringSubmatch(string(guide), -1)
	if len(blocks) != 2 {
		t.Fatalf("%d blocks of settings, want 2", len(blocks))
	}
	for _, b := range blocks {
		file := filepath.Join(t.TempDir(), "stylesprint.yaml")
		if err := os.WriteFile(file, []byte(b[1]), 0o600); err != nil {
			t.Fatal(err)
		}
		c, err := config.Load(file, func(k string) string { return map[string]string{"HOME": t.TempDir()}[k] })
		if err == nil {
			err = c.Validate()
		}
		if err != nil {
			t.Errorf("%v in\n%s", err, b[1])
		}
	}
}
