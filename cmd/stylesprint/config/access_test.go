package config

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The examples of the guide are valid files.
func TestAccessOfTheGuide(t *testing.T) {
	t.Parallel()
	guide, err := os.ReadFile("../../../docs/guides/keys.md")
	if err != nil {
		t.Fatal(err)
	}
	examples := regexp.MustCompile("(?s)```yaml\n(.*?)```").FindAllSubmatch(guide, -1)
	if len(examples) != 2 {
		t.Fatalf("the guide has %d examples", len(examples))
	}
	c := loaded(t, string(examples[0][1])+string(examples[1][1]))
	if err := c.Validate(); err != nil {
		t.Fatal(err)
	}
	if c.ClassWeights["premium"] != 4 || c.Access.LoginMonthlyBudget != 5 || c.Access.SessionIdle != 2*time.Hour || c.OIDC.Issuer != "https://login.example.com" || len(c.OIDC.Allow) != 2 || c.OIDC.Allow[1].Groups[0] != "merchandisers" {
		t.Errorf("%+v, %+v", c.Access, c.OIDC)
	}
}

func TestAccessFaults(t *testing.T) {
	t.Parallel()
	for text, wants := range map[string][]string{
		"access: {public_url: 'https://a/b'}": {"access.public_url: want https://host"},
		"access: {login_requests_per_minute: -1, login_tokens_per_minute: -2, login_monthly_budget: -0.5}": {
			"access.login_requests_per_minute: want 0 (no limit)", "access.login_tokens_per_minute: want 0", "access.login_monthly_budget: want 0"},
		"class_weights: {premium: 0, gold: 2, batch: 1001}": {
			"class_weights.batch: want 1 to 1000, got 1001", "class_weights.gold: want a class of keys: standard, batch, premium, internal", "class_weights.premium: want 1 to 1000, got 0"},
		"access: {session_idle: -1s}": {"access.session_idle: want"},
		"oidc: {client_id: c}":        {"oidc.issuer: missing"},
		"oidc: {issuer: https://i, allow: [{scopes: [root]}, {emails: [a]}]}": {"access.public_url: missing", `oidc.allow[0].scopes: want some of`, "oidc.allow[0]: want emails", "oidc.allow[1].scopes: missing", "oidc.client_id: missing"},
		"oidc: {issuer: https://i}": {"oidc.allow: nobody"},
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
