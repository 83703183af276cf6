package access

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
)

// KeeperOptions configure a Keeper. The zero value is good.
type KeeperOptions struct {
	Closed   bool                  // the server can be reached by others: Open is never true
	Poll     time.Duration         // how often the revision is read; default 500 ms
	Hold     time.Duration         // how long keys hold without the store; default 15 min
	Patience time.Duration         // for one look at the store; default 2 s
	Now      func() time.Time      // default time.Now
	Log      *slog.Logger          // nil drops
	Metrics  prometheus.Registerer // nil: none
}

func (o KeeperOptions) withDefaults() KeeperOptions {
	if o.Poll <= 0 {
		o.Poll = 500 * time.Millisecond
	}
	if o.Hold <= 0 {
		o.Hold = 15 * time.Minute
	}
	if o.Patience <= 0 {
		o.Patience = 2 * time.Second
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Keeper knows all keys by heart. What it keeps grows with the keys that were made, never
// with the keys that are tried.
type Keeper struct {
	store    KeyReader
	o        KeeperOptions
	known    atomic.Pointer[snapshot] // nil until the store has answered once
	checked  atomic.Int64             // when the store last answered, in nanoseconds
	closed   atomic.Bool
	failing  bool // belongs to Run
	throttle *throttle
	outcomes outcomes
}

// snapshot does not change.
type snapshot struct {
	revision int64
	byHash   map[[sha256.Size]byte]*Key
	byID     map[string]*Key
}

// NewKeeper makes a Keeper that knows nothing until Refresh or Run has asked the store.
func NewKeeper(store KeyReader, o KeeperOptions) (*Keeper, error) {
	k := &Keeper{store: store, o: o.withDefaults(), throttle: newThrottle()}
	k.closed.Store(o.Closed)
	var err error
	if k.outcomes, err = newOutcomes(o.Metrics); err != nil {
		return nil, err
	}
	return k, nil
}

// Run refreshes until ctx ends. One Run at a time.
func (k *Keeper) Run(ctx context.Context) {
	tick := time.NewTicker(k.o.Poll)
	defer tick.Stop()
	for {
		err := k.Refresh(ctx)
		if err != nil && ctx.Err() == nil && !k.failing {
			k.o.Log.Warn("keys cannot be read: those known hold on", "for_at_most", k.o.Hold.String(), "error", err)
		}
		k.failing = err != nil
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

// Refresh reads the revision, and the keys where it has changed. Run calls it; a program
// calls it once before Run to know the keys from the first request on.
func (k *Keeper) Refresh(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, k.o.Patience)
	defer cancel()
	asked := k.o.Now() // what is read is at least as new as this
	revision, err := k.store.KeyRevision(ctx)
	if err != nil {
		return fmt.Errorf("read the keys' revision: %w", err)
	}
	if s := k.known.Load(); s == nil || s.revision != revision {
		keys, of, err := k.store.Keys(ctx)
		if err != nil {
			return fmt.Errorf("read the keys: %w", err)
		}
		s, err := newSnapshot(keys, of)
		if err != nil {
			return err
		}
		k.known.Store(s)
		if len(keys) > 0 {
			k.closed.Store(true)
		}
	}
	k.checked.Store(asked.UnixNano())
	return nil
}

func newSnapshot(keys []Key, revision int64) (*snapshot, error) {
	s := &snapshot{revision: revision, byHash: make(map[[sha256.Size]byte]*Key, len(keys)), byID: make(map[string]*Key, len(keys))}
	for i := range keys {
		var hash [sha256.Size]byte
		if n, err := hex.Decode(hash[:], []byte(keys[i].Hash)); err != nil || n != len(hash) {
			return nil, fmt.Errorf("read key %s: its hash is damaged", keys[i].ID)
		}
		s.byHash[hash], s.byID[keys[i].ID] = &keys[i], &keys[i]
	}
	return s, nil
}

// Open says that no key was ever made, so that a server on loopback asks for none. It is
// false while that is not known, for ever once there was a key, and always where
// KeeperOptions.Closed says so: a database that lost its keys opens nothing.
func (k *Keeper) Open() bool {
	s := k.known.Load()
	return s != nil && len(s.byID) == 0 && !k.closed.Load()
}

// The refusals are made once: ten thousand wrong keys a second cost no memory.
func refuse(code stylesprint.Code, message, hint string) *stylesprint.Error {
	return &stylesprint.Error{Code: code, Message: message, Hint: hint}
}

// refusals are shared by all requests and never changed.
type refusals struct{ missing, mistyped, unknown, revoked, expired, away *stylesprint.Error }

func newRefusals() refusals {
	const ask = "ask whoever runs this server for another one"
	return refusals{
		missing:  refuse(stylesprint.CodeUnauthorized, "A key is needed", "send it as Authorization: Bearer ssk_..."),
		mistyped: refuse(stylesprint.CodeUnauthorized, "The key is mistyped: it is no key that this program makes", "copy it again, whole: ssk_ and 49 letters and digits"),
		unknown:  refuse(stylesprint.CodeUnauthorized, "The key is not known here", "check that it belongs to this server, or "+ask),
		revoked:  refuse(stylesprint.CodeUnauthorized, "The key was revoked", ask),
		expired:  refuse(stylesprint.CodeUnauthorized, "The key has expired", ask),
		away:     refuse(stylesprint.CodeUnavailable, "Keys cannot be checked at the moment", "try again in a minute"),
	}
}

// Authenticate finds the key of a text. peer is the address that sent it: where many wrong
// keys come from one, more are answered rate_limited; a right key always passes. The key
// that is returned is shared and must not be changed. It allocates nothing but the wait of a
// throttled peer.
func (k *Keeper) Authenticate(secret stylesprint.Secret, peer string) (*Key, error) {
	key, reason := k.find(secret)
	k.outcomes.count(reason)
	if reason == passed {
		return key, nil
	}
	if reason == away {
		return nil, k.outcomes.refusals.away
	}
	if reason == missing {
		return nil, k.outcomes.refusals.missing
	}
	if wait, first := k.throttle.failed(peer, k.o.Now()); wait > 0 {
		if first { // once a minute for each address, whatever it tries to open
			k.o.Log.Warn("many wrong keys came from one address", "remote", host(peer), "wrong_keys", throttleFailures, "seconds", throttleWindow.Seconds())
		}
		return nil, &stylesprint.Error{Code: stylesprint.CodeRateLimited, RetryAfter: wait, Message: "Too many wrong keys came from this address", Hint: "wait, and check the key"}
	}
	return nil, k.outcomes.refusals.of(reason)
}

// host is an address without its port.
func host(peer string) string {
	if h, _, err := net.SplitHostPort(peer); err == nil {
		return h
	}
	return peer
}

func (k *Keeper) find(secret stylesprint.Secret) (*Key, reason) {
	if secret.Empty() {
		return nil, missing
	}
	form, hash := examine(secret.Reveal())
	switch form {
	case mistyped:
		return nil, malformed
	case foreign:
		return nil, unknown
	}
	now := k.o.Now()
	s := k.known.Load()
	if s == nil || now.Sub(time.Unix(0, k.checked.Load())) > k.o.Hold {
		return nil, away
	}
	key := s.byHash[hash] // by hash: how long it takes says nothing about any key
	if key == nil {
		return nil, unknown
	}
	return key, key.reason(now)
}

func (k *Key) reason(now time.Time) reason {
	switch {
	case !k.Revoked.IsZero():
		return revoked
	case !k.Expires.IsZero() && !now.Before(k.Expires):
		return expired
	}
	return passed
}

// Key finds a key by its id, for what hangs on one: a session, a limit. It refuses as
// Authenticate does.
func (k *Keeper) Key(id string) (*Key, error) {
	now := k.o.Now()
	s := k.known.Load()
	if s == nil || now.Sub(time.Unix(0, k.checked.Load())) > k.o.Hold {
		return nil, k.outcomes.refusals.away
	}
	key := s.byID[id]
	if key == nil {
		return nil, k.outcomes.refusals.unknown
	}
	if r := key.reason(now); r != passed {
		return nil, k.outcomes.refusals.of(r)
	}
	return key, nil
}

// reason is the outcome of a look at a key.
type reason int

const (
	passed reason = iota
	missing
	malformed
	unknown
	revoked
	expired
	away
	reasons
)

func (r refusals) of(x reason) *stylesprint.Error {
	switch x {
	case malformed:
		return r.mistyped
	case revoked:
		return r.revoked
	case expired:
		return r.expired
	case away:
		return r.away
	}
	return r.unknown
}

// outcomes counts.
type outcomes struct {
	refusals refusals
	counters [reasons]prometheus.Counter
}

func newOutcomes(registry prometheus.Registerer) (outcomes, error) {
	o := outcomes{refusals: newRefusals()}
	vec := prometheus.NewCounterVec(prometheus.CounterOpts{
		Namespace: "stylesprint", Subsystem: "access", Name: "checks_total", Help: "Keys that were looked at, by outcome.",
	}, []string{"outcome"})
	for i, name := range []string{"passed", "missing", "mistyped", "unknown", "revoked", "expired", "unavailable"} {
		o.counters[i] = vec.WithLabelValues(name)
	}
	if registry == nil {
		return o, nil
	}
	if err := registry.Register(vec); err != nil {
		return o, fmt.Errorf("register the keys' metrics: %w", err)
	}
	return o, nil
}

func (o *outcomes) count(r reason) { o.counters[r].Inc() }
