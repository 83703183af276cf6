package access_test

import (
	"errors"
	"slices"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/access"
)

func fieldOf(err error) string {
	var e *stylesprint.Error
	if errors.As(err, &e) {
		return e.Field
	}
	return ""
}

func TestSessionsEnd(t *testing.T) {
	t.Parallel()
	type world struct {
		s        *shaky
		c        *clock
		keeper   *access.Keeper
		sessions *access.Sessions
		key      access.Key
		secret   stylesprint.Secret
	}
	cases := []struct {
		name string
		act  func(t *testing.T, w world)
		code stylesprint.Code
	}{
		{"not at all", func(*testing.T, world) {}, ""},
		{"not while it is used", func(t *testing.T, w world) {
			for range 11 {
				w.c.Advance(time.Hour)
				refresh(t, w.keeper)
				if _, err := w.sessions.Find(t.Context(), w.secret); err != nil {
					t.Fatal(err)
				}
			}
		}, ""},
		{"when idle", func(_ *testing.T, w world) { w.c.Advance(2 * time.Hour) }, stylesprint.CodeUnauthorized},
		{"when idle, whatever a page does by itself", func(t *testing.T, w world) {
			for range 8 {
				w.c.Advance(15 * time.Minute)
				refresh(t, w.keeper)
				if _, err := w.sessions.Check(t.Context(), w.secret); (err == nil) != (w.c.Now().Sub(noon()) < 2*time.Hour) {
					t.Errorf("after %v: %v", w.c.Now().Sub(noon()), err)
				}
			}
		}, stylesprint.CodeUnauthorized},
		{"when old", func(t *testing.T, w world) {
			for range 12 {
				w.c.Advance(time.Hour)
				refresh(t, w.keeper)
				_, _ = w.sessions.Find(t.Context(), w.secret)
			}
		}, stylesprint.CodeUnauthorized},
		{"by logging out", func(t *testing.T, w world) {
			if err := w.sessions.End(t.Context(), w.secret); err != nil {
				t.Error(err)
			}
		}, stylesprint.CodeUnauthorized},
		{"with its key", func(t *testing.T, w world) {
			if _, err := access.NewRing(w.s, access.RingOptions{Now: w.c.Now}).Revoke(t.Context(), "ops", w.key.ID); err != nil {
				t.Error(err)
			}
			refresh(t, w.keeper)
		}, stylesprint.CodeUnauthorized},
		{"when its key expires", func(t *testing.T, w world) { w.c.Advance(time.Hour + time.Second) }, ""},
		{"never known", func(_ *testing.T, w world) { w.c.Advance(16 * time.Minute) }, stylesprint.CodeUnavailable},
	}
	for _, x := range cases {
		t.Run(x.name, func(t *testing.T) {
			t.Parallel()
			s, c := open(t), newClock(noon())
			k := keeper(t, s, access.KeeperOptions{Now: c.Now})
			key, secret := create(t, s, c.Now, access.Draft{Name: "Ops", Scopes: []access.Scope{access.Review}, Expires: noon().Add(48 * time.Hour)})
			refresh(t, k)
			sessions := access.NewSessions(s, k, access.SessionOptions{Now: c.Now})
			begun, cookie, err := sessions.BeginWithKey(t.Context(), secret, peer)
			if err != nil {
				t.Fatal(err)
			}
			x.act(t, world{s, c, k, sessions, key, cookie})
			if x.name != "never known" {
				refresh(t, k)
			}
			got, err := sessions.Find(t.Context(), cookie)
			wantCode(t, "find", err, x.code)
			if err == nil && (got.Subject != "Ops" || got.Actor() != key.ID+" (Ops)" || !slices.Equal(got.Scopes, begun.Scopes)) {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestSessionsBegin(t *testing.T) {
	t.Parallel()
	s, c := open(t), newClock(noon())
	k := keeper(t, s, access.KeeperOptions{Now: c.Now})
	_, program := create(t, s, c.Now, access.Draft{})
	refresh(t, k)
	sessions := access.NewSessions(s, k, access.SessionOptions{Now: c.Now})
	_, _, err := sessions.BeginWithKey(t.Context(), program, peer)
	wantCode(t, "a key for programs", err, stylesprint.CodeForbidden)
	_, _, err = sessions.BeginWithKey(t.Context(), stylesprint.NewSecret("x"), peer)
	wantCode(t, "no key", err, stylesprint.CodeUnauthorized)
	if _, _, err := sessions.Begin(t.Context(), "a@example.com", nil); err == nil {
		t.Error("a session without rights was begun")
	}
	_, secret, err := sessions.Begin(t.Context(), "a@example.com", []access.Scope{access.Audit})
	if err != nil {
		t.Fatal(err)
	}
	got, err := sessions.Find(t.Context(), secret)
	if err != nil || got.Actor() != "a@example.com" || !access.Allows(got.Scopes, access.Audit) {
		t.Errorf("%+v, %v", got, err)
	}
	for _, wrong := range []stylesprint.Secret{{}, stylesprint.NewSecret("short"), stylesprint.NewSecret(secret.Reveal()[:42] + "~")} {
		_, err := sessions.Find(t.Context(), wrong)
		wantCode(t, "a wrong cookie", err, stylesprint.CodeUnauthorized)
	}
}
