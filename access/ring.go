package access

import (
	"context"
	"crypto/rand"
	"encoding/base32"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"stylesprint"
)

// Actions of the trail that this package writes.
const (
	ActionKeyCreated = "key.created"
	ActionKeyRevoked = "key.revoked"
	ActionLogin      = "session.begun"
	ActionLogout     = "session.ended"
)

// RingOptions configure a Ring. The zero value is good.
type RingOptions struct {
	Now    func() time.Time // default time.Now
	Random io.Reader        // default crypto/rand
}

// Ring makes, lists and revokes keys.
type Ring struct {
	store  KeyStore
	now    func() time.Time
	random io.Reader
}

// NewRing works on a store.
func NewRing(store KeyStore, o RingOptions) *Ring {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	return &Ring{store, o.Now, o.Random}
}

// Create makes a key and returns it with its secret, which is nowhere else. actor goes into
// the trail. Faults of the draft are invalid_request with the field.
func (r *Ring) Create(ctx context.Context, actor string, d Draft) (Key, stylesprint.Secret, error) {
	now := r.now()
	if err := d.Validate(now); err != nil {
		return Key{}, stylesprint.Secret{}, err
	}
	secret, err := newSecret(r.random)
	if err != nil {
		return Key{}, stylesprint.Secret{}, err
	}
	id, err := newID(r.random, "key-")
	if err != nil {
		return Key{}, stylesprint.Secret{}, err
	}
	k := Key{
		ID: id, Name: d.Name, Hash: hexHash(secret), Scopes: ordered(d.Scopes), Models: unique(d.Models),
		RequestsPerMinute: d.RequestsPerMinute, TokensPerMinute: d.TokensPerMinute, MonthlyBudget: d.MonthlyBudget,
		Class: d.Class, Created: now, Expires: d.Expires,
	}
	if k.Class == "" {
		k.Class = Classes()[0]
	}
	e := AuditEntry{Time: now, Actor: actor, Action: ActionKeyCreated, Subject: k.ID, Detail: k.describe()}
	if err := r.store.CreateKey(ctx, k, e); err != nil {
		return Key{}, stylesprint.Secret{}, err
	}
	return k, secret, nil
}

// describe is a key's rights in words, for the trail.
func (k Key) describe() string {
	parts := []string{k.Name, "scopes " + words(k.Scopes)}
	if len(k.Models) > 0 {
		parts = append(parts, "models "+strings.Join(k.Models, ", "))
	}
	if k.RequestsPerMinute > 0 {
		parts = append(parts, fmt.Sprintf("%d requests/min", k.RequestsPerMinute))
	}
	if k.TokensPerMinute > 0 {
		parts = append(parts, fmt.Sprintf("%d tokens/min", k.TokensPerMinute))
	}
	if k.MonthlyBudget > 0 {
		parts = append(parts, k.MonthlyBudget.String()+" a month")
	}
	if !k.Expires.IsZero() {
		parts = append(parts, "until "+k.Expires.UTC().Format(time.DateOnly))
	}
	return strings.Join(parts, "; ")
}

// List returns all keys, newest first.
func (r *Ring) List(ctx context.Context) ([]Key, error) {
	keys, _, err := r.store.Keys(ctx)
	slices.Reverse(keys)
	return keys, err
}

// Usage is by key what was spent in the current month, and when it was used last.
func (r *Ring) Usage(ctx context.Context) (map[string]KeyUsage, error) {
	list, err := r.store.KeyUsage(ctx, monthOf(r.now()).begin)
	if err != nil {
		return nil, err
	}
	out := make(map[string]KeyUsage, len(list))
	for _, u := range list {
		out[u.KeyID] = u
	}
	return out, nil
}

// Revoke ends a key for good. Revoking twice changes nothing; not_found if there is none.
func (r *Ring) Revoke(ctx context.Context, actor, id string) (Key, error) {
	now := r.now()
	return r.store.RevokeKey(ctx, id, now, AuditEntry{Time: now, Actor: actor, Action: ActionKeyRevoked, Subject: id})
}

// newID is 60 random bits in 12 small letters and digits.
func newID(random io.Reader, prefix string) (string, error) {
	var b [8]byte
	if _, err := io.ReadFull(random, b[:]); err != nil {
		return "", fmt.Errorf("draw an id: %w", err)
	}
	return prefix + strings.ToLower(base32.StdEncoding.EncodeToString(b[:])[:12]), nil
}

// ordered returns scopes once each, in the order of Scopes.
func ordered(have []Scope) []Scope {
	var out []Scope
	for _, s := range Scopes() {
		if slices.Contains(have, s) {
			out = append(out, s)
		}
	}
	return out
}

func unique(names []string) []string {
	out := slices.Clone(names)
	slices.Sort(out)
	return slices.Compact(out)
}
