package config

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func env(kv ...string) func(string) string {
	m := map[string]string{"HOME": "/home/demo"}
	for i := 0; i+1 < len(kv); i += 2 {
		m[kv[i]] = kv[i+1]
	}
	return func(k string) string { return m[k] }
}

func TestDefaults(t *testing.T) {
	t.Parallel()
	c, err := Load("", env())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if c.DataDir != "/home/demo/.local/share/stylesprint" || c.CacheDir != "/home/demo/.cache/stylesprint" {
		t.Errorf("folders: %s, %s", c.DataDir, c.CacheDir)
	}
	if len(c.Models) != 2 || c.Models[0].Name != DefaultLanguageModel || c.Models[1].Task != "embedding" {
		t.Errorf("models: %+v", c.Models)
	}
	c, err = Load("", env("XDG_DATA_HOME", "/d", "XDG_CACHE_HOME", "relative"))
	if err != nil || c.DataDir != "/d/stylesprint" || c.CacheDir != "/home/demo/.cache/stylesprint" {
		t.Errorf("XDG: %s, %s, %v", c.DataDir, c.CacheDir, err)
	}
}

func TestFileAndFaults(t *testing.T) {
	t.Parallel()
	write := func(s string) string {
		p := filepath.Join(t.TempDir(), "c.yaml")
		if err := os.WriteFile(p, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	c, err := Load(write("addr: 0.0.0.0:9\nrequest_timeout: 5s\nmodels:\n- model: gpt-4o-mini\n  provider: openai\n  price: {input_per_million: 0.15, output_per_million: 0.6}\n"), env())
	if err != nil {
		t.Fatal(err)
	}
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if c.Models[0].KeyEnv != "OPENAI_API_KEY" || c.Models[0].Price.Price().OutputPerMillion != 0.6 {
		t.Errorf("%+v", c.Models[0])
	}
	if _, err := Load(write("adr: x\n"), env()); err == nil || !strings.Contains(err.Error(), "c.yaml:1: adr: is not a key here") {
		t.Errorf("unknown key: %v", err)
	}
	c, err = Load(write("addr: x\nmax_in_flight: -1\nmodels:\n- provider: cloud\n- model: a\n  base_url: a.b\n- model: a\n"), env())
	if err != nil {
		t.Fatal(err)
	}
	err = c.Validate()
	for _, want := range []string{"addr:", "max_in_flight: want at least 1, got -1", "models[0].model", "models[0].provider", "models[1].base_url", `models[2].name: "a" is used twice`} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("no fault %q in %v", want, err)
		}
	}
}

func TestSecret(t *testing.T) {
	t.Parallel()
	p := filepath.Join(t.TempDir(), "key")
	if err := os.WriteFile(p, []byte("sk-file\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ value, file, want string }{{"sk-env", p, "sk-env"}, {"", p, "sk-file"}, {"", "", ""}} {
		s, err := Secret(env("K", c.value, "K_FILE", c.file), "K")
		if err != nil || s.Reveal() != c.want {
			t.Errorf("%+v: %q, %v", c, s.Reveal(), err)
		}
	}
	if _, err := Secret(env("K_FILE", p+"x"), "K"); err == nil || !strings.Contains(err.Error(), "K_FILE") {
		t.Errorf("missing file: %v", err)
	}
}

func TestLoopback(t *testing.T) {
	t.Parallel()
	for addr, want := range map[string]bool{"127.0.0.1:1": true, "[::1]:1": true, "localhost:1": true, "0.0.0.0:1": false, ":1": false, "10.0.0.1:1": false, "x": false} {
		if Loopback(addr) != want {
			t.Errorf("%s: %v", addr, !want)
		}
	}
}

// The database's address comes from the environment first, then from the file, and prints nowhere.
func TestDatabaseURL(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, text string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	settings := write("c.yaml", "database_url: postgres://u:tr0ub4dor@file/d\n")
	secret := write("url", "postgres://u:tr0ub4dor@secret/d\n")
	for _, c := range []struct {
		name, file, want string
		env              []string
	}{
		{"nothing", "", "", nil},
		{"settings", settings, "postgres://u:tr0ub4dor@file/d", nil},
		{"a secret's file", settings, "postgres://u:tr0ub4dor@secret/d", []string{"DATABASE_URL_FILE", secret}},
		{"the environment", settings, "postgres://u:tr0ub4dor@env/d", []string{"DATABASE_URL", "postgres://u:tr0ub4dor@env/d", "DATABASE_URL_FILE", secret}},
	} {
		got, err := Load(c.file, env(c.env...))
		if err != nil {
			t.Fatal(err)
		}
		if got.DatabaseURL.Reveal() != c.want || got.URL != "" {
			t.Errorf("%s: %q, want %q", c.name, got.DatabaseURL.Reveal(), c.want)
		}
		if err := got.Validate(); err != nil {
			t.Errorf("%s: %v", c.name, err)
		}
		if printed := fmt.Sprintf("%+v %#v", got, got); strings.Contains(printed, "tr0ub4dor") {
			t.Errorf("%s: the password is printed: %s", c.name, printed)
		}
	}
	bad, err := Load("", env("DATABASE_URL", "postgres://u:tr0ub4dor@host:port/d"))
	if err != nil {
		t.Fatal(err)
	}
	if err := bad.Validate(); err == nil || !strings.HasPrefix(err.Error(), "database_url: ") || strings.Contains(err.Error(), "tr0ub4dor") {
		t.Errorf("no address: %v", err)
	}
	if _, err := Load("", env("DATABASE_URL_FILE", filepath.Join(dir, "none"))); err == nil {
		t.Error("a secret's file that is not there was passed over")
	}
}
