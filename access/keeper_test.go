package access_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/access"
	"stylesprint/store/sqlite"
)

// clock is set by hand.
type clock struct{ at atomic.Int64 }

func newClock(t time.Time) *clock {
	c := &clock{}
	c.at.Store(t.UnixNano())
	return c
}

func (c *clock) Now() time.Time          { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) Advance(d time.Duration) { c.at.Add(int64(d)) }

// noon is the beginning of a minute in the middle of a month.
func noon() time.Time { return time.Date(2026, 5, 15, 12, 0, 0, 0, time.UTC) }

// shaky is a database that can be taken away.
type shaky struct {
	*sqlite.DB
	away   atomic.Bool
	leases atomic.Int64
	reads  atomic.Int64 // of all keys
}

var errAway = errors.New("the database is away")

func (s *shaky) KeyRevision(ctx context.Context) (int64, error) {
	if s.away.Load() {
		return 0, errAway
	}
	return s.DB.KeyRevision(ctx)
}

func (s *shaky) Keys(ctx context.Context) ([]access.Key, int64, error) {
	s.reads.Add(1)
	if s.away.Load() {
		return nil, 0, errAway
	}
	return s.DB.Keys(ctx)
}

func (s *shaky) Lease(ctx context.Context, c []access.Claim) ([]int64, error) {
	s.leases.Add(1)
	if s.away.Load() {
		return nil, errAway
	}
	return s.DB.Lease(ctx, c)
}

func open(t testing.TB) *shaky {
	t.Helper()
	db, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "s.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return &shaky{DB: db}
}

func create(t testing.TB, s *shaky, now func() time.Time, d access.Draft) (access.Key, stylesprint.Secret) {
	t.Helper()
	if d.Name == "" {
		d.Name = "shop"
	}
	if d.Scopes == nil {
		d.Scopes = []access.Scope{access.Generate}
	}
	k, secret, err := access.NewRing(s, access.RingOptions{Now: now}).Create(context.Background(), "ops", d)
	if err != nil {
		t.Fatal(err)
	}
	return k, secret
}

func keeper(t testing.TB, s *shaky, o access.KeeperOptions) *access.Keeper {
	t.Helper()
	k, err := access.NewKeeper(s, o)
	if err != nil {
		t.Fatal(err)
	}
	return k
}

func refresh(t testing.TB, k *access.Keeper) {
	t.Helper()
	if err := k.Refresh(context.Background()); err != nil {
		t.Fatal(err)
	}
}

func wantCode(t testing.TB, what string, err error, code stylesprint.Code) {
	t.Helper()
	if stylesprint.CodeOf(err) != code {
		t.Errorf("%s: got %v (%s), want code %q", what, err, stylesprint.CodeOf(err), code)
	}
}

const peer = "192.0.2.7:4321"

func TestAuthenticate(t *testing.T) {
	t.Parallel()
	s, c := open(t), newClock(noon())
	k := keeper(t, s, access.KeeperOptions{Now: c.Now})
	_, good := create(t, s, c.Now, access.Draft{})
	_, short := create(t, s, c.Now, access.Draft{Expires: noon().Add(time.Hour)})
	gone, revoked := create(t, s, c.Now, access.Draft{})
	ring := access.NewRing(s, access.RingOptions{Now: c.Now})
	if _, err := ring.Revoke(t.Context(), "ops", gone.ID); err != nil {
		t.Fatal(err)
	}
	_, err := k.Authenticate(good, peer)
	wantCode(t, "before the store was asked", err, stylesprint.CodeUnavailable)
	refresh(t, k)
	if k.Open() {
		t.Error("open, though there are keys")
	}
	if _, err := k.Authenticate(short, peer); err != nil {
		t.Errorf("before it expires: %v", err)
	}
	c.Advance(time.Hour)
	refresh(t, k)
	elsewhere, other := create(t, open(t), c.Now, access.Draft{})
	cases := []struct {
		name string
		key  stylesprint.Secret
		code stylesprint.Code
		says string
	}{
		{"right", good, "", ""},
		{"none", stylesprint.Secret{}, stylesprint.CodeUnauthorized, "needed"},
		{"of another program", stylesprint.NewSecret("sk-abc"), stylesprint.CodeUnauthorized, "not known"},
		{"mistyped", stylesprint.NewSecret(good.Reveal()[:52]), stylesprint.CodeUnauthorized, "mistyped"},
		{"of another server", other, stylesprint.CodeUnauthorized, "not known"},
		{"expired", short, stylesprint.CodeUnauthorized, "expired"},
		{"revoked", revoked, stylesprint.CodeUnauthorized, "revoked"},
		{"huge", stylesprint.NewSecret("ssk_" + strings.Repeat("x", 1<<20)), stylesprint.CodeUnauthorized, "mistyped"},
	}
	for _, x := range cases {
		key, err := k.Authenticate(x.key, peer)
		wantCode(t, x.name, err, x.code)
		if (err == nil) != (key != nil) || err != nil && (!strings.Contains(err.Error(), x.says) || stylesprint.HintOf(err) == "") {
			t.Errorf("%s: %v, %v (%s)", x.name, key, err, stylesprint.HintOf(err))
		}
		if err != nil && strings.Contains(fmt.Sprintf("%+v %s", err, stylesprint.HintOf(err)), good.Reveal()[4:20]) {
			t.Errorf("%s: the error quotes the key", x.name)
		}
	}
	_, err = k.Key(elsewhere.ID)
	wantCode(t, "a key's id of elsewhere", err, stylesprint.CodeUnauthorized)
	_, err = k.Key(gone.ID)
	wantCode(t, "a revoked key's id", err, stylesprint.CodeUnauthorized)
}

func TestOpenUntilAKeyWasMade(t *testing.T) {
	t.Parallel()
	s, c := open(t), newClock(noon())
	k := keeper(t, s, access.KeeperOptions{Now: c.Now})
	if k.Open() {
		t.Error("open before the store has answered")
	}
	refresh(t, k)
	if !k.Open() {
		t.Error("closed without any key")
	}
	key, _ := create(t, s, c.Now, access.Draft{})
	if _, err := access.NewRing(s, access.RingOptions{}).Revoke(t.Context(), "ops", key.ID); err != nil {
		t.Fatal(err)
	}
	refresh(t, k)
	if k.Open() {
		t.Error("open again once the only key is revoked")
	}
	if closed := keeper(t, open(t), access.KeeperOptions{Closed: true}); closed.Refresh(t.Context()) != nil || closed.Open() {
		t.Error("open where others can reach it")
	}
}

// swapped is a store whose keys vanish.
type swapped struct {
	*shaky
	empty atomic.Bool
}

func (s *swapped) KeyRevision(ctx context.Context) (int64, error) {
	if s.empty.Load() {
		return 0, nil
	}
	return s.shaky.KeyRevision(ctx)
}

func (s *swapped) Keys(ctx context.Context) ([]access.Key, int64, error) {
	if s.empty.Load() {
		return nil, 0, nil
	}
	return s.shaky.Keys(ctx)
}

// A database that lost its keys, such as one restored from an old backup, opens nothing.
func TestLostKeysOpenNothing(t *testing.T) {
	t.Parallel()
	s := &swapped{shaky: open(t)}
	_, secret := create(t, s.shaky, nil, access.Draft{})
	k, err := access.NewKeeper(s, access.KeeperOptions{})
	if err != nil {
		t.Fatal(err)
	}
	refresh(t, k)
	s.empty.Store(true)
	refresh(t, k)
	if k.Open() {
		t.Error("open")
	}
	_, err = k.Authenticate(secret, peer)
	wantCode(t, "a key that is gone", err, stylesprint.CodeUnauthorized)
}

// A flood of wrong keys from everywhere leaves nothing behind.
func TestFloodOfWrongKeys(t *testing.T) {
	s := open(t)
	k := keeper(t, s, access.KeeperOptions{})
	_, good := create(t, s, nil, access.Draft{})
	refresh(t, k)
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	before := heap()
	for i := range 100_000 {
		_, err := k.Authenticate(stylesprint.NewSecret(fmt.Sprintf("%s%049d", access.Prefix, i)), fmt.Sprintf("10.%d.%d.%d:1", i>>16, i>>8&255, i&255))
		if err == nil {
			t.Fatal("a made-up key passed")
		}
	}
	if after := heap(); after > before+1<<20 {
		t.Errorf("the heap grew by %d bytes", after-before)
	}
	if _, err := k.Authenticate(good, peer); err != nil {
		t.Errorf("the right key among them: %v", err)
	}
}

// Without the store, known keys hold for fifteen minutes, and not a moment longer.
func TestKeysHoldWhileTheStoreIsAway(t *testing.T) {
	t.Parallel()
	s, c := open(t), newClock(noon())
	k := keeper(t, s, access.KeeperOptions{Now: c.Now})
	_, good := create(t, s, c.Now, access.Draft{})
	refresh(t, k)
	s.away.Store(true)
	c.Advance(15 * time.Minute)
	if err := k.Refresh(t.Context()); !errors.Is(err, errAway) {
		t.Errorf("refresh without a store: %v", err)
	}
	if _, err := k.Authenticate(good, peer); err != nil {
		t.Errorf("after 15 minutes: %v", err)
	}
	c.Advance(time.Nanosecond)
	_, err := k.Authenticate(good, peer)
	wantCode(t, "a moment later", err, stylesprint.CodeUnavailable)
	s.away.Store(false)
	refresh(t, k)
	if _, err := k.Authenticate(good, peer); err != nil {
		t.Errorf("when it is back: %v", err)
	}
}

// A poll that finds nothing new reads one number, not all keys.
func TestPollIsCheap(t *testing.T) {
	t.Parallel()
	s := open(t)
	k := keeper(t, s, access.KeeperOptions{})
	for range 10 {
		refresh(t, k)
	}
	create(t, s, nil, access.Draft{})
	for range 10 {
		refresh(t, k)
	}
	if n := s.reads.Load(); n != 2 {
		t.Errorf("keys were read %d times, want 2", n)
	}
}

// Run notices a revocation by itself, and stops with its context.
func TestRun(t *testing.T) {
	t.Parallel()
	s := open(t)
	k := keeper(t, s, access.KeeperOptions{Poll: time.Millisecond})
	key, secret := create(t, s, nil, access.Draft{})
	ctx, stop := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() { k.Run(ctx) })
	until := func(code stylesprint.Code) {
		t.Helper()
		for end := time.Now().Add(10 * time.Second); ; time.Sleep(time.Millisecond) {
			_, err := k.Authenticate(secret, peer)
			if stylesprint.CodeOf(err) == code {
				return
			}
			if time.Now().After(end) {
				t.Fatalf("still %v after 10 s", err)
			}
		}
	}
	until("")
	if _, err := access.NewRing(s, access.RingOptions{}).Revoke(t.Context(), "ops", key.ID); err != nil {
		t.Fatal(err)
	}
	until(stylesprint.CodeUnauthorized)
	stop()
	wg.Wait()
}

func TestAuthenticateAllocatesNothing(t *testing.T) {
	s := open(t)
	k := keeper(t, s, access.KeeperOptions{})
	_, good := create(t, s, nil, access.Draft{})
	_, bad := create(t, open(t), nil, access.Draft{})
	refresh(t, k)
	for name, secret := range map[string]stylesprint.Secret{"right": good, "unknown": bad, "none": {}} {
		if n := testing.AllocsPerRun(20, func() { _, _ = k.Authenticate(secret, peer) }); n > 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	}
}

// An address with many wrong keys is told to wait; its right key passes, and others are not
// held up. The table does not grow. The log names the address, once a minute.
func TestWrongKeysAreThrottled(t *testing.T) {
	t.Parallel()
	s, c := open(t), newClock(noon())
	var lines bytes.Buffer
	k := keeper(t, s, access.KeeperOptions{Now: c.Now, Log: slog.New(slog.NewJSONHandler(&lines, nil))})
	_, good := create(t, s, c.Now, access.Draft{})
	_, bad := create(t, open(t), c.Now, access.Draft{})
	refresh(t, k)
	try := func(peer string) error { _, err := k.Authenticate(bad, peer); return err }
	for i := range 30 {
		wantCode(t, fmt.Sprint("failure ", i), try(peer), stylesprint.CodeUnauthorized)
	}
	c.Advance(20 * time.Second)
	err := try("192.0.2.7:9999")
	wantCode(t, "one more from another port", err, stylesprint.CodeRateLimited)
	var e *stylesprint.Error
	if errors.As(err, &e) && e.RetryAfter != 40*time.Second {
		t.Errorf("wait %v, want 40s", e.RetryAfter)
	}
	if _, err := k.Authenticate(good, peer); err != nil {
		t.Errorf("the right key: %v", err)
	}
	for range 100 {
		wantCode(t, "again and again", try(peer), stylesprint.CodeRateLimited)
	}
	if text := lines.String(); strings.Count(text, "\n") != 1 || !strings.Contains(text, `"remote":"192.0.2.7","wrong_keys":30`) {
		t.Errorf("the log: %s", text)
	}
	wantCode(t, "another address", try("192.0.2.8:1"), stylesprint.CodeUnauthorized)
	c.Advance(40 * time.Second)
	wantCode(t, "a minute later", try(peer), stylesprint.CodeUnauthorized)
	for i := range 31 {
		err = try(fmt.Sprintf("[2001:db8::%x]:1", i))
	}
	wantCode(t, "a network of IPv6", err, stylesprint.CodeRateLimited)
	if text := lines.String(); strings.Count(text, "\n") != 2 || !strings.Contains(text, `"remote":"2001:db8::1e"`) {
		t.Errorf("the log: %s", text)
	}
}

func BenchmarkAuthenticate(b *testing.B) {
	s := open(b)
	k := keeper(b, s, access.KeeperOptions{})
	_, good := create(b, s, nil, access.Draft{})
	_, bad := create(b, open(b), nil, access.Draft{})
	refresh(b, k)
	for name, secret := range map[string]stylesprint.Secret{"right": good, "unknown": bad} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				_, _ = k.Authenticate(secret, peer)
			}
		})
	}
}
