// Package signin lets people log in with a provider of identities, by OpenID Connect:
// authorization code with PKCE, state and nonce.
//
// Key words: provider, flow, identity, rule.
//
//	p, err := signin.New(signin.Options{Issuer: ..., ClientID: ..., Allow: rules})
//	url, flow, err := p.Begin(ctx, "/runs")   // send the browser to url, keep flow in its cookie
//	who, err := p.Finish(ctx, flow, query)    // when it comes back
//
// The provider's document is fetched when it is first needed, and again after a failure, so
// that a server starts without it. An identity has the scopes of the rules that name its
// verified address or one of its groups; without any it is refused as forbidden. Errors for
// people are *stylesprint.Error; none holds a token. A Provider is safe for concurrent use
// and starts no goroutine.
package signin

import (
	"context"
	"crypto/rand"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"golang.org/x/oauth2"

	"stylesprint"
	"stylesprint/access"
)

// Rule gives scopes to people. Addresses are compared without regard to case.
type Rule struct {
	Emails []string // addresses, or "@example.com" for all of a domain
	Groups []string // values of the claim "groups"
	Scopes []access.Scope
}

// Options configure a Provider. All but Scopes, Client and Now are needed; ClientSecret is
// empty for a public client.
type Options struct {
	Issuer       string // https://login.example.com, as the provider names itself
	ClientID     string
	ClientSecret stylesprint.Secret
	RedirectURL  string   // of this server: https://shop.example/login/oidc/back
	Scopes       []string // asked for beside openid; default email, profile
	Allow        []Rule
	Client       *http.Client     // default: one with a limit of 10 s
	Now          func() time.Time // default time.Now
}

// Validate reports every fault with its field's path below oidc.
func (o Options) Validate() error {
	var faults []error
	fault := func(format string, a ...any) { faults = append(faults, fmt.Errorf(format, a...)) }
	if !webAddress(o.Issuer) {
		fault("issuer: want https://host, got %q", o.Issuer)
	}
	if o.ClientID == "" {
		fault("client_id: missing")
	}
	if !webAddress(o.RedirectURL) {
		fault("redirect_url: want https://host/login/oidc/back, got %q", o.RedirectURL)
	}
	if len(o.Allow) == 0 {
		fault("allow: nobody could log in; name emails or groups with their scopes")
	}
	for i, r := range o.Allow {
		if len(r.Emails)+len(r.Groups) == 0 {
			fault("allow[%d]: want emails or groups", i)
		}
		if len(r.Scopes) == 0 {
			fault("allow[%d].scopes: missing", i)
		}
		for _, s := range r.Scopes {
			if !slices.Contains(access.Scopes(), s) {
				fault("allow[%d].scopes: want some of %v, got %q", i, access.Scopes(), string(s))
			}
		}
	}
	return errors.Join(faults...)
}

// webAddress is an https URL, or http on this machine.
func webAddress(text string) bool {
	u, err := url.Parse(text)
	if err != nil || u.Host == "" {
		return false
	}
	local := u.Hostname() == "localhost" || strings.HasPrefix(u.Hostname(), "127.") || u.Hostname() == "::1"
	return u.Scheme == "https" || u.Scheme == "http" && local
}

// Provider sends people to log in elsewhere and learns who they are.
type Provider struct {
	o  Options
	mu sync.Mutex
	up *upstream // nil until the provider's document was read
}

type upstream struct {
	flow   oauth2.Config
	verify *oidc.IDTokenVerifier
}

// New checks the options. It asks the provider nothing.
func New(o Options) (*Provider, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("set up the login with a provider: %w", err)
	}
	if o.Client == nil {
		o.Client = &http.Client{Timeout: 10 * time.Second}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Scopes == nil {
		o.Scopes = []string{"email", "profile"}
	}
	return &Provider{o: o}, nil
}

// Flow is what a browser keeps while its person is at the provider. It is secret.
type Flow struct {
	State, Nonce, Verifier string
	Next                   string // path to open afterwards
}

// Text is the flow as one cookie's value.
func (f Flow) Text() string {
	return url.Values{"s": {f.State}, "n": {f.Nonce}, "v": {f.Verifier}, "p": {f.Next}}.Encode()
}

// ParseFlow reads Text's form.
func ParseFlow(text string) (Flow, error) {
	v, err := url.ParseQuery(text)
	f := Flow{v.Get("s"), v.Get("n"), v.Get("v"), v.Get("p")}
	if err != nil || f.State == "" || f.Nonce == "" || f.Verifier == "" || len(text) > 2048 {
		return Flow{}, lost()
	}
	return f, nil
}

func lost() error {
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "This login was not begun here, or took too long", Hint: "Log in again."}
}

// Begin makes a flow and the provider's address for it. next is a path on this server.
func (p *Provider) Begin(ctx context.Context, next string) (string, Flow, error) {
	up, err := p.upstream(ctx)
	if err != nil {
		return "", Flow{}, err
	}
	f := Flow{State: rand.Text(), Nonce: rand.Text(), Verifier: oauth2.GenerateVerifier(), Next: next}
	return up.flow.AuthCodeURL(f.State, oidc.Nonce(f.Nonce), oauth2.S256ChallengeOption(f.Verifier)), f, nil
}

// upstream reads the provider's document, once it can.
func (p *Provider) upstream(ctx context.Context) (*upstream, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.up != nil {
		return p.up, nil
	}
	// The provider keeps the context for fetching keys later, so it must not end with a request.
	found, err := oidc.NewProvider(oidc.ClientContext(context.WithoutCancel(ctx), p.o.Client), p.o.Issuer)
	if err != nil {
		return nil, &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "The provider of identities cannot be reached", Hint: "Log in with a key, or try again in a minute.", Err: err}
	}
	p.up = &upstream{
		flow: oauth2.Config{
			ClientID: p.o.ClientID, ClientSecret: p.o.ClientSecret.Reveal(), Endpoint: found.Endpoint(),
			RedirectURL: p.o.RedirectURL, Scopes: append([]string{oidc.ScopeOpenID}, p.o.Scopes...),
		},
		verify: found.Verifier(&oidc.Config{ClientID: p.o.ClientID, Now: p.o.Now, SupportedSigningAlgs: []string{oidc.RS256, oidc.ES256, oidc.PS256, oidc.EdDSA}}),
	}
	return p.up, nil
}

// Identity is somebody whom the provider knows and a rule lets in.
type Identity struct {
	Subject string // the verified address, or the provider's own id
	Scopes  []access.Scope
}

// claims are what is read of an ID token.
type claims struct {
	Email    string   `json:"email"`
	Verified verified `json:"email_verified"`
	Groups   groups   `json:"groups"`
}

// verified is a truth value; some providers write it as text.
type verified bool

// UnmarshalJSON implements json.Unmarshaler.
func (v *verified) UnmarshalJSON(b []byte) error {
	*v = verified(strings.Trim(string(b), `"`) == "true")
	return nil
}

// Finish takes the provider's answer, the query of the redirect, to a flow that was begun.
func (p *Provider) Finish(ctx context.Context, f Flow, query url.Values) (Identity, error) {
	if f.State == "" || subtle.ConstantTimeCompare([]byte(query.Get("state")), []byte(f.State)) != 1 {
		return Identity{}, lost()
	}
	if query.Get("error") != "" {
		return Identity{}, &stylesprint.Error{Code: stylesprint.CodeForbidden, Message: "The provider of identities did not let you in", Hint: "Log in again, or with a key."}
	}
	up, err := p.upstream(ctx)
	if err != nil {
		return Identity{}, err
	}
	ctx = oidc.ClientContext(ctx, p.o.Client)
	token, err := up.flow.Exchange(ctx, query.Get("code"), oauth2.VerifierOption(f.Verifier))
	if err != nil {
		return Identity{}, refused(err)
	}
	raw, _ := token.Extra("id_token").(string)
	id, err := up.verify.Verify(ctx, raw)
	if err != nil {
		return Identity{}, refused(err)
	}
	if subtle.ConstantTimeCompare([]byte(id.Nonce), []byte(f.Nonce)) != 1 {
		return Identity{}, refused(errors.New("the nonce differs"))
	}
	var c claims
	if err := id.Claims(&c); err != nil {
		return Identity{}, refused(err)
	}
	return p.admit(id.Subject, c)
}

// refused hides what a provider answered: it may quote a token.
func refused(err error) error {
	var answered *oauth2.RetrieveError
	if errors.As(err, &answered) {
		err = fmt.Errorf("the token endpoint answered %s", answered.Response.Status)
	}
	return &stylesprint.Error{Code: stylesprint.CodeUnauthorized, Message: "The provider's answer does not prove who you are", Hint: "Log in again; if it fails again, tell whoever runs this server.", Err: err}
}

// admit finds the scopes of an identity.
func (p *Provider) admit(subject string, c claims) (Identity, error) {
	email := ""
	if c.Verified {
		email = strings.ToLower(c.Email)
	}
	var scopes []access.Scope
	for _, r := range p.o.Allow {
		if r.covers(email, c.Groups) {
			scopes = append(scopes, r.Scopes...)
		}
	}
	who := email
	if who == "" {
		who = subject
	}
	if len(scopes) == 0 {
		return Identity{}, &stylesprint.Error{Code: stylesprint.CodeForbidden, Message: "You are known, but nothing here is open to you", Hint: "Ask whoever runs this server to add you or your group to oidc.allow."}
	}
	return Identity{Subject: who, Scopes: scopes}, nil
}

func (r Rule) covers(email string, groups []string) bool {
	at := strings.LastIndexByte(email, '@')
	for _, e := range r.Emails {
		if email != "" && strings.EqualFold(e, email) || at > 0 && strings.HasPrefix(e, "@") && strings.EqualFold(e, email[at:]) {
			return true
		}
	}
	return slices.ContainsFunc(r.Groups, func(g string) bool { return slices.Contains(groups, g) })
}

// groups is a list of texts; some providers write one text.
type groups []string

// UnmarshalJSON implements json.Unmarshaler.
func (g *groups) UnmarshalJSON(b []byte) error {
	var list []string
	if err := json.Unmarshal(b, &list); err == nil {
		*g = list
		return nil
	}
	var one string
	if err := json.Unmarshal(b, &one); err != nil {
		return fmt.Errorf("read the claim groups: %w", err)
	}
	*g = groups{one}
	return nil
}
