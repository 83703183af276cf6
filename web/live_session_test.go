package web_test

import (
	"bufio"
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/access"
	"stylesprint/store/sqlite"
	"stylesprint/web"
	"stylesprint/web/webtest"
)

// lounge is a dashboard whose sessions have a clock of their own, and whose store can be taken
// away.
type lounge struct {
	*sqlite.DB
	away     atomic.Bool
	at       atomic.Int64
	keeper   *access.Keeper
	ring     *access.Ring
	sessions *access.Sessions
	url      string
}

// Session implements access.SessionStore.
func (l *lounge) Session(ctx context.Context, hash string) (access.Session, error) {
	if l.away.Load() {
		return access.Session{}, errors.New("the database is away")
	}
	return l.DB.Session(ctx, hash)
}

func (l *lounge) now() time.Time { return time.Unix(0, l.at.Load()) }

func (l *lounge) refresh(t *testing.T) {
	t.Helper()
	if err := l.keeper.Refresh(t.Context()); err != nil {
		t.Fatal(err)
	}
}

func (l *lounge) key(t *testing.T, expires time.Duration) (access.Key, stylesprint.Secret) {
	t.Helper()
	d := access.Draft{Name: "Ops", Scopes: []access.Scope{access.Admin}}
	if expires > 0 {
		d.Expires = l.now().Add(expires)
	}
	k, secret, err := l.ring.Create(t.Context(), "test", d)
	if err != nil {
		t.Fatal(err)
	}
	l.refresh(t)
	return k, secret
}

func newLounge(t *testing.T) *lounge {
	t.Helper()
	db, err := sqlite.Open(context.Background(), filepath.Join(t.TempDir(), "s.db"), sqlite.Options{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = db.Close() })
	l := &lounge{DB: db}
	l.at.Store(time.Date(2026, 5, 15, 12, 0, 0, 0, time.UTC).UnixNano())
	if l.keeper, err = access.NewKeeper(l, access.KeeperOptions{Now: l.now}); err != nil {
		t.Fatal(err)
	}
	l.refresh(t)
	l.ring = access.NewRing(l, access.RingOptions{Now: l.now})
	l.sessions = access.NewSessions(l, l.keeper, access.SessionOptions{Now: l.now})
	h, _ := desk(t, func(o *web.Options) {
		o.Poll = 2 * time.Millisecond
		o.Access = &web.Access{Keeper: l.keeper, Ring: l.ring, Sessions: l.sessions, Trail: access.NewTrail(l, nil)}
		var n atomic.Int64
		o.Live = func(context.Context) (web.LiveState, error) { // each look differs, so that each is sent
			return web.LiveState{At: time.Unix(n.Add(1), 0), Window: time.Minute}, nil
		}
	})
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	l.url = srv.URL
	return l
}

// watch opens a stream; the channel has a value for each line and is closed at the end.
func (l *lounge) watch(t *testing.T, path string, secret stylesprint.Secret) <-chan string {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, l.url+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if !secret.Empty() {
		req.AddCookie(&http.Cookie{Name: "stylesprint-session", Value: secret.Reveal()})
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	if res.StatusCode != 200 || res.Header.Get("Content-Type") != "text/event-stream; charset=utf-8" {
		t.Fatalf("%s: %d %v", path, res.StatusCode, res.Header)
	}
	lines := make(chan string)
	go func() {
		defer close(lines)
		defer func() { _ = res.Body.Close() }()
		for sc := bufio.NewScanner(res.Body); sc.Scan(); {
			select {
			case lines <- sc.Text():
			case <-t.Context().Done():
				return
			}
		}
	}()
	return lines
}

// Streams end with what let their reader in.
func TestStreamsEndWithTheSession(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		open bool // before there is a key
		oidc bool
		act  func(t *testing.T, l *lounge, k access.Key, cookie stylesprint.Secret)
	}{
		"its key is revoked": {act: func(t *testing.T, l *lounge, k access.Key, _ stylesprint.Secret) {
			if _, err := l.ring.Revoke(t.Context(), "test", k.ID); err != nil {
				t.Error(err)
			}
			l.refresh(t)
		}},
		"its key expires": {act: func(t *testing.T, l *lounge, _ access.Key, _ stylesprint.Secret) {
			l.at.Add(int64(time.Hour))
			l.refresh(t)
		}},
		"its reader logs out": {act: func(t *testing.T, l *lounge, _ access.Key, cookie stylesprint.Secret) {
			if err := l.sessions.End(t.Context(), cookie); err != nil {
				t.Error(err)
			}
		}},
		"a login elsewhere ends": {oidc: true, act: func(t *testing.T, l *lounge, _ access.Key, cookie stylesprint.Secret) {
			if err := l.sessions.End(t.Context(), cookie); err != nil {
				t.Error(err)
			}
		}},
		"nobody uses the session": {oidc: true, act: func(t *testing.T, l *lounge, _ access.Key, _ stylesprint.Secret) {
			l.at.Add(int64(2 * time.Hour))
			l.refresh(t)
		}},
		"the first key is made": {open: true, act: func(t *testing.T, l *lounge, _ access.Key, _ stylesprint.Secret) {
			l.key(t, 0)
		}},
	} {
		for _, path := range []string{"/live/events", "/runs/events?run=" + webtest.Running} {
			t.Run(name+" "+path[:5], func(t *testing.T) {
				t.Parallel()
				l := newLounge(t)
				var k access.Key
				var key, cookie stylesprint.Secret
				if !c.open {
					k, key = l.key(t, time.Hour)
					var err error
					if c.oidc {
						_, cookie, err = l.sessions.Begin(t.Context(), "dana@shop.example", []access.Scope{access.Admin})
					} else {
						_, cookie, err = l.sessions.BeginWithKey(t.Context(), key, "192.0.2.1:1")
					}
					if err != nil {
						t.Fatal(err)
					}
				}
				lines := l.watch(t, path, cookie)
				if line, ok := <-lines; !ok || line == "" {
					t.Fatal("nothing was sent")
				}
				c.act(t, l, k, cookie)
				deadline := time.After(10 * time.Second)
				for {
					select {
					case _, ok := <-lines:
						if ok {
							continue
						}
					case <-deadline:
						t.Fatal("the stream goes on")
					}
					break
				}
			})
		}
	}
}

// A database that does not answer ends no stream.
func TestStreamsOutliveTheDatabase(t *testing.T) {
	t.Parallel()
	l := newLounge(t)
	_, key := l.key(t, 0)
	_, cookie, err := l.sessions.BeginWithKey(t.Context(), key, "192.0.2.1:1")
	if err != nil {
		t.Fatal(err)
	}
	lines := l.watch(t, "/live/events", cookie)
	l.away.Store(true)
	for range 100 {
		if _, ok := <-lines; !ok {
			t.Fatal("the stream ended")
		}
	}
	l.away.Store(false)
	if err := l.sessions.End(t.Context(), cookie); err != nil {
		t.Fatal(err)
	}
	for range lines { // until it ends
	}
}
