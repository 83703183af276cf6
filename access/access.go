// Package access decides who may do what: keys for programs, sessions for people, limits
// for both, and a trail of what administrators did.
//
// Key words: key, scope, keeper, limiter, lease, session, trail.
//
// A key is 256 random bits that are shown once, as ssk_...; only its SHA-256 is kept. The
// parts, each over a small store of its own:
//
//	ring := access.NewRing(store, access.RingOptions{})   // create, list, revoke
//	keeper := access.NewKeeper(store, access.KeeperOptions{})
//	limiter := access.NewLimiter(store, access.LimiterOptions{})
//	sessions := access.NewSessions(store, keeper, access.SessionOptions{})
//	trail := access.NewTrail(store, nil)
//
// A Keeper answers from memory and looks at the store twice a second, so a revocation takes
// effect within a second while the database answers. A Limiter takes shares of a limit from
// the store, never a write for each request. Both have a Run that ends with its context and
// whose caller waits for it.
//
// Errors for people are *stylesprint.Error: unauthorized, forbidden, rate_limited with the
// exact wait, or unavailable where nobody can know. None holds a key. Everything here is safe
// for concurrent use.
package access

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"stylesprint"
)

// Scope is a kind of act that a key allows.
type Scope string

// The scopes. Admin includes the others.
const (
	Generate Scope = "generate" // ask models
	Evaluate Scope = "evaluate" // runs and comparisons
	Review   Scope = "review"   // blind reviews
	Audit    Scope = "audit"    // audits, and to read the trail
	Admin    Scope = "admin"    // keys, releases, settings, metrics
)

// Scopes lists all scopes in their order.
func Scopes() []Scope { return []Scope{Generate, Evaluate, Review, Audit, Admin} }

// Allows says whether a set of scopes includes one.
func Allows(have []Scope, want Scope) bool {
	for _, s := range have {
		if s == want || s == Admin {
			return true
		}
	}
	return false
}

// Key is what is kept of a key.
type Key struct {
	ID     string  `json:"id"`   // public: "key-" and 12 characters
	Name   string  `json:"name"` // what people call it
	Hash   string  `json:"-"`    // SHA-256 of the printed key, in hex
	Scopes []Scope `json:"scopes"`
	// Models are the public names that it may ask for; empty means all.
	Models []string `json:"models,omitempty"`
	// Limits; 0 means none. A minute is one of the clock, a month one of the calendar, UTC.
	RequestsPerMinute int               `json:"requests_per_minute,omitempty"`
	TokensPerMinute   int               `json:"tokens_per_minute,omitempty"`
	MonthlyBudget     stylesprint.Money `json:"monthly_budget,omitempty"`
	Class             string            `json:"class"` // a bounded word for metrics: "standard"
	Created           time.Time         `json:"created"`
	Expires           time.Time         `json:"expires,omitzero"` // zero: never
	Revoked           time.Time         `json:"revoked,omitzero"` // zero: it is not
}

// State is "active", "expired" or "revoked".
func (k Key) State(now time.Time) string {
	switch {
	case !k.Revoked.IsZero():
		return "revoked"
	case !k.Expires.IsZero() && !now.Before(k.Expires):
		return "expired"
	}
	return "active"
}

// Draft is a key to be made. Name and Scopes are needed.
type Draft struct {
	Name              string
	Scopes            []Scope
	Models            []string
	RequestsPerMinute int
	TokensPerMinute   int
	MonthlyBudget     stylesprint.Money
	Class             string // default "standard"
	Expires           time.Time
}

// Classes lists the words that Key.Class may be: they are labels of metrics, so there are few.
func Classes() []string { return []string{"standard", "batch", "premium", "internal"} }

// Bounds of a draft.
const (
	MaxName   = 80      // characters
	MaxModels = 64      // names
	MaxLimit  = 1 << 40 // a minute
)

// Validate reports the first fault as an *stylesprint.Error whose Field names the draft's
// field: name, scopes, models, requests_per_minute, tokens_per_minute, monthly_budget, class,
// expires.
func (d Draft) Validate(now time.Time) error {
	bad := func(field, format string, a ...any) error {
		return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: field, Message: fmt.Sprintf(format, a...), Hint: "stylesprint keys create --help"}
	}
	switch n := utf8.RuneCountInString(d.Name); {
	case n == 0 || n > MaxName || strings.TrimSpace(d.Name) != d.Name || !printable(d.Name):
		return bad("name", "the name of a key: want 1 to %d printable characters without space around them", MaxName)
	case hasKey(d.Name):
		return bad("name", "the name of a key holds a key")
	case len(d.Scopes) == 0:
		return bad("scopes", "a key needs at least one scope of %s", words(Scopes()))
	case len(d.Models) > MaxModels:
		return bad("models", "want at most %d models, got %d", MaxModels, len(d.Models))
	case d.RequestsPerMinute < 0 || d.RequestsPerMinute > MaxLimit:
		return bad("requests_per_minute", "requests a minute: want 0 (no limit) or more, got %d", d.RequestsPerMinute)
	case d.TokensPerMinute < 0 || d.TokensPerMinute > MaxLimit:
		return bad("tokens_per_minute", "tokens a minute: want 0 (no limit) or more, got %d", d.TokensPerMinute)
	case d.MonthlyBudget < 0:
		return bad("monthly_budget", "the monthly budget: want 0 (no limit) or more, got %s", d.MonthlyBudget)
	case d.Class != "" && !slices.Contains(Classes(), d.Class):
		return bad("class", "the class: want one of %s, got %q", strings.Join(Classes(), ", "), d.Class)
	case !d.Expires.IsZero() && !d.Expires.After(now):
		return bad("expires", "the key would have expired on %s", d.Expires.UTC().Format(time.DateOnly))
	}
	for _, s := range d.Scopes {
		if !slices.Contains(Scopes(), s) {
			return bad("scopes", "want scopes out of %s, got %q", words(Scopes()), string(s))
		}
	}
	for _, m := range d.Models {
		if m == "" || len(m) > 256 || strings.TrimSpace(m) != m || !printable(m) {
			return bad("models", "the name of a model: want 1 to 256 bytes without space around them, got %q", m)
		}
	}
	return nil
}

func printable(s string) bool {
	return utf8.ValidString(s) && strings.IndexFunc(s, func(r rune) bool { return !unicode.IsPrint(r) }) < 0
}

func words(scopes []Scope) string {
	out := make([]string, len(scopes))
	for i, s := range scopes {
		out[i] = string(s)
	}
	return strings.Join(out, ", ")
}

// KeyReader is what a Keeper reads.
type KeyReader interface {
	// Keys returns every key that was ever made, oldest first, and the revision that they
	// are of.
	Keys(ctx context.Context) ([]Key, int64, error)
	// KeyRevision is a number that grows with every change of a key. It is cheap.
	KeyRevision(ctx context.Context) (int64, error)
}

// KeyStore keeps keys. Each change and its entry in the trail are one transaction.
type KeyStore interface {
	KeyReader
	// CreateKey adds a key; an error with code conflict if its id or hash is there.
	CreateKey(ctx context.Context, k Key, e AuditEntry) error
	// RevokeKey sets Key.Revoked, unless it is set already, and returns the key; not_found
	// if there is none. The entry is appended only where something changed; an empty Detail
	// becomes the key's name.
	RevokeKey(ctx context.Context, id string, at time.Time, e AuditEntry) (Key, error)
	// KeyUsage sums up by key what was spent since a time, and when each was used last.
	KeyUsage(ctx context.Context, since time.Time) ([]KeyUsage, error)
}

// KeyUsage is what a key was used for.
type KeyUsage struct {
	KeyID    string            `json:"key_id"`
	Spent    stylesprint.Money `json:"spent"` // in the windows that began since the time asked for
	LastUsed time.Time         `json:"last_used"`
}
