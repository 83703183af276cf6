package access

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"time"

	"stylesprint"
)

// Session is a person who is logged in. The secret that the browser holds is not kept.
type Session struct {
	Hash    string // SHA-256 of the secret, in hex
	KeyID   string // of the key that began it; empty for one begun elsewhere
	Subject string // who: the key's name, or an address from the provider of identities
	Scopes  []Scope
	Created time.Time
	Seen    time.Time // the last use, to the minute
	Expires time.Time // whatever the use
}

// SessionStore keeps sessions.
type SessionStore interface {
	// CreateSession adds a session.
	CreateSession(ctx context.Context, s Session) error
	// Session finds one by its hash; not_found if there is none.
	Session(ctx context.Context, hash string) (Session, error)
	// TouchSession sets Seen.
	TouchSession(ctx context.Context, hash string, seen time.Time) error
	// EndSession removes one, if it is there.
	EndSession(ctx context.Context, hash string) error
	// DropSessions removes those that expired before now, or were seen last before idle.
	DropSessions(ctx context.Context, now, idle time.Time) error
}

// SessionOptions configure Sessions. The zero value is good.
type SessionOptions struct {
	Idle   time.Duration    // a session that is not used so long ends; default 2 h
	Life   time.Duration    // the longest that one lasts; default 12 h
	Now    func() time.Time // default time.Now
	Random io.Reader        // default crypto/rand
}

// Sessions begins and ends sessions.
type Sessions struct {
	store  SessionStore
	keeper *Keeper
	o      SessionOptions
}

// NewSessions works on a store; keeper knows the keys that sessions hang on.
func NewSessions(store SessionStore, keeper *Keeper, o SessionOptions) *Sessions {
	if o.Idle <= 0 {
		o.Idle = 2 * time.Hour
	}
	if o.Life <= 0 {
		o.Life = 12 * time.Hour
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	return &Sessions{store, keeper, o}
}

// Life is the longest that a session lasts.
func (s *Sessions) Life() time.Duration { return s.o.Life }

// BeginWithKey begins a session with a key; it ends with the key. It refuses as
// Keeper.Authenticate does, and a key that opens no page (generate alone) as forbidden.
func (s *Sessions) BeginWithKey(ctx context.Context, key stylesprint.Secret, peer string) (Session, stylesprint.Secret, error) {
	k, err := s.keeper.Authenticate(key, peer)
	if err != nil {
		return Session{}, stylesprint.Secret{}, err
	}
	if len(k.Scopes) == 1 && k.Scopes[0] == Generate {
		return Session{}, stylesprint.Secret{}, &stylesprint.Error{Code: stylesprint.CodeForbidden,
			Message: "This key is for programs: it opens no page", Hint: "use one with the scope evaluate, review, audit or admin"}
	}
	return s.begin(ctx, Session{KeyID: k.ID, Subject: k.Name, Scopes: k.Scopes})
}

// Begin begins a session for somebody whom another provider knows.
func (s *Sessions) Begin(ctx context.Context, subject string, scopes []Scope) (Session, stylesprint.Secret, error) {
	if subject == "" || len(scopes) == 0 {
		return Session{}, stylesprint.Secret{}, errors.New("begin a session: it needs a subject and a scope")
	}
	return s.begin(ctx, Session{Subject: line(subject), Scopes: ordered(scopes)})
}

func (s *Sessions) begin(ctx context.Context, x Session) (Session, stylesprint.Secret, error) {
	var b [randomSize]byte
	if _, err := io.ReadFull(s.o.Random, b[:]); err != nil {
		return Session{}, stylesprint.Secret{}, fmt.Errorf("draw a session: %w", err)
	}
	secret := stylesprint.NewSecret(base64.RawURLEncoding.EncodeToString(b[:]))
	now := s.o.Now()
	x.Hash, x.Created, x.Seen, x.Expires = hexHash(secret), now, now, now.Add(s.o.Life)
	if err := s.store.DropSessions(ctx, now, now.Add(-s.o.Idle)); err != nil {
		return Session{}, stylesprint.Secret{}, err
	}
	if err := s.store.CreateSession(ctx, x); err != nil {
		return Session{}, stylesprint.Secret{}, err
	}
	return x, secret, nil
}

// sessionSize is the length of a session's secret in characters.
const sessionSize = 43

// Find returns the session of a secret, with the rights that its key has now. It refuses
// with unauthorized where there is none or it has ended.
func (s *Sessions) Find(ctx context.Context, secret stylesprint.Secret) (Session, error) {
	x, err := s.Check(ctx, secret)
	if err != nil {
		return Session{}, err
	}
	if now := s.o.Now(); now.Sub(x.Seen) >= time.Minute {
		if err := s.store.TouchSession(ctx, x.Hash, now); err != nil {
			return Session{}, err
		}
		x.Seen = now
	}
	return x, nil
}

// Check returns a session as Find does, and is no use of it: it is for what a browser does by
// itself as long as a page is open. It reads one row.
func (s *Sessions) Check(ctx context.Context, secret stylesprint.Secret) (Session, error) {
	if len(secret.Reveal()) != sessionSize {
		return Session{}, ended()
	}
	x, err := s.store.Session(ctx, hexHash(secret))
	if stylesprint.CodeOf(err) == stylesprint.CodeNotFound {
		return Session{}, ended()
	}
	if err != nil {
		return Session{}, err
	}
	now := s.o.Now()
	if !now.Before(x.Expires) || now.Sub(x.Seen) >= s.o.Idle {
		return Session{}, ended()
	}
	if x.KeyID != "" {
		k, err := s.keeper.Key(x.KeyID)
		if stylesprint.CodeOf(err) == stylesprint.CodeUnauthorized {
			return Session{}, ended()
		}
		if err != nil {
			return Session{}, err
		}
		x.Scopes = k.Scopes
	}
	return x, nil
}

func ended() error {
	return &stylesprint.Error{Code: stylesprint.CodeUnauthorized, Message: "You are not logged in", Hint: "log in"}
}

// End ends the session of a secret, if there is one.
func (s *Sessions) End(ctx context.Context, secret stylesprint.Secret) error {
	return s.store.EndSession(ctx, hexHash(secret))
}

// Actor is who acts in a session, for the trail.
func (x Session) Actor() string {
	if x.KeyID != "" {
		return x.KeyID + " (" + x.Subject + ")"
	}
	return x.Subject
}
