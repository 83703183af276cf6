package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The example of the guide is a valid file.
func TestAccessOfTheGuide(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../../docs/guides/keys.md")
	if err != nil {
		t.Fatal(err)
	}
	m := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindSubmatch(guide)
	if m == nil {
		t.Fatal("the guide has no example")
	}
	c := loaded(t, string(m[1]))
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if c.Access.SessionIdle != 2*time.Hour || c.OIDC.Issuer != "https://login.example.com" || len(c.OIDC.Allow) != 2 || c.OIDC.Allow[1].Groups[0] != "merchandisers" {
		t.Errorf("%+v, %+v", c.Access, c.OIDC)
	}
}

func TestAccessFaults(t *testing.T) {
	t.Parallel()
	for text, wants := range map[string][]string{
		"access: {public_url: 'https://a/b'}":                                 {"access.public_url: want https://host"},
		"access: {session_idle: -1s}":                                         {"access.session_idle: want"},
		"oidc: {client_id: c}":                                                {"oidc.issuer: missing"},
		"oidc: {issuer: https://i, allow: [{scopes: [root]}, {emails: [a]}]}": {"access.public_url: missing", `oidc.allow[0].scopes: want some of`, "oidc.allow[0]: want emails", "oidc.allow[1].scopes: missing", "oidc.client_id: missing"},
		"oidc: {issuer: https://i}":                                           {"oidc.allow: nobody"},
	} {
		err := loaded(t, text).Validate()
		for _, want := range wants {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: lacks %q: %v", text, want, err)
			}
		}
	}
}

func loaded(t *testing.T, text string) Config {
	t.Helper()
	path := filepath.Join(t.TempDir(), "c.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	c, err := Load(path, env())
	if err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return c
}
