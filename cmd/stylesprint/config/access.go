package config

import (
	"fmt"
	"net/url"
	"time"
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

func (c Config) validateAccess(add func(field, format string, a ...any)) {
	if c.Access.SessionIdle < 0 || c.Access.SessionLife < 0 {
		add("access.session_idle", "want durations of 0 (the default) or more")
	}
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
