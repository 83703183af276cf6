package config

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"

	"stylesprint/access"
)

// Access is how people reach the server and stay logged in.
type Access struct {
	// PublicURL is the address under which browsers reach the server, where a proxy stands in
	// front: https://shop.example. With https, cookies are sent over TLS alone. Defaults to none.
	PublicURL string `yaml:"public_url"`
	// SessionIdle ends a login that is not used. Defaults to 2h.
	SessionIdle time.Duration `yaml:"session_idle"`
	// SessionLife is the longest that a login lasts. Defaults to 12h.
	SessionLife time.Duration `yaml:"session_life"`
	// LoginRequestsPerMinute, LoginTokensPerMinute and LoginMonthlyBudget, in currency units,
	// bound what pages ask of models for each person who logged in without a key. 0 is no limit.
	// They default to 60, 100,000 and no budget.
	LoginRequestsPerMinute int     `yaml:"login_requests_per_minute"`
	LoginTokensPerMinute   int     `yaml:"login_tokens_per_minute"`
	LoginMonthlyBudget     float64 `yaml:"login_monthly_budget"`
}

func defaultAccess() Access {
	return Access{LoginRequestsPerMinute: 60, LoginTokensPerMinute: 100_000}
}

// Bounds of a login's limits.
const (
	maxLoginLimit  = 1 << 40
	maxLoginBudget = 9e9
)

func (a Access) validateLimits(add func(field, format string, a ...any)) {
	if v := a.LoginRequestsPerMinute; v < 0 || v > maxLoginLimit {
		add("access.login_requests_per_minute", "want 0 (no limit) to %d, got %d", maxLoginLimit, v)
	}
	if v := a.LoginTokensPerMinute; v < 0 || v > maxLoginLimit {
		add("access.login_tokens_per_minute", "want 0 (no limit) to %d, got %d", maxLoginLimit, v)
	}
	if v := a.LoginMonthlyBudget; !(v >= 0 && v <= maxLoginBudget) {
		add("access.login_monthly_budget", "want 0 (no budget) to %g, got %g", maxLoginBudget, v)
	}
}

// OIDC is the login with a provider of identities. Without an issuer there is none.
type OIDC struct {
	// Issuer is the provider's address, as it names itself: https://login.example.com.
	Issuer string `yaml:"issuer"`
	// ClientID is what the provider calls this server.
	ClientID string `yaml:"client_id"`
	// SecretEnv names the environment variable with the client's secret, or, with _FILE
	// appended, the file that holds it. Defaults to STYLESPRINT_OIDC_SECRET.
	SecretEnv string `yaml:"client_secret_env"`
	// Scopes are asked for beside openid. Defaults to email and profile.
	Scopes []string `yaml:"scopes"`
	// Allow says who may do what.
	Allow []OIDCRule `yaml:"allow"`
}

// OIDCRule gives scopes to people.
type OIDCRule struct {
	// Emails are addresses that the provider has verified, or @example.com for a whole domain.
	Emails []string `yaml:"emails"`
	// Groups are values of the claim "groups".
	Groups []string `yaml:"groups"`
	// Scopes are some of generate, evaluate, review, audit, admin.
	Scopes []string `yaml:"scopes"`
}

// OIDCBack is the path to which a provider sends people back.
const OIDCBack = "/login/oidc/back"

// maxClassWeight is the engine's.
const maxClassWeight = 1000

func (c Config) validateWeights(add func(field, format string, a ...any)) {
	for _, class := range slices.Sorted(maps.Keys(c.ClassWeights)) {
		at, weight := join("class_weights", class), c.ClassWeights[class]
		if !slices.Contains(access.Classes(), class) {
			add(at, "want a class of keys: %s", strings.Join(access.Classes(), ", "))
		}
		if weight < 1 || weight > maxClassWeight {
			add(at, "want 1 to %d, got %d", maxClassWeight, weight)
		}
	}
}

func (c Config) validateAccess(add func(field, format string, a ...any)) {
	if c.Access.SessionIdle < 0 || c.Access.SessionLife < 0 {
		add("access.session_idle", "want durations of 0 (the default) or more")
	}
	c.Access.validateLimits(add)
	c.validateWeights(add)
	if p := c.Access.PublicURL; p != "" {
		u, err := url.Parse(p)
		if err != nil || u.Host == "" || (u.Scheme != "https" && u.Scheme != "http") || (u.Path != "" && u.Path != "/") {
			add("access.public_url", "want https://host, got %q", p)
		}
	}
	o := c.OIDC
	if o.Issuer == "" {
		if o.ClientID != "" || len(o.Allow) > 0 {
			add("oidc.issuer", "missing")
		}
		return
	}
	if c.Access.PublicURL == "" {
		add("access.public_url", "missing: the provider sends people back to it")
	}
	for i, r := range o.Allow {
		for _, s := range r.Scopes {
			switch s {
			case "generate", "evaluate", "review", "audit", "admin":
			default:
				add(fmt.Sprintf("oidc.allow[%d].scopes", i), "want some of generate, evaluate, review, audit, admin, got %q", s)
			}
		}
		if len(r.Scopes) == 0 {
			add(fmt.Sprintf("oidc.allow[%d].scopes", i), "missing")
		}
		if len(r.Emails)+len(r.Groups) == 0 {
			add(fmt.Sprintf("oidc.allow[%d]", i), "want emails or groups")
		}
	}
	if len(o.Allow) == 0 {
		add("oidc.allow", "nobody could log in; name emails or groups with their scopes")
	}
	if o.ClientID == "" {
		add("oidc.client_id", "missing")
	}
}
