package storetest

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/access"
)

// Access is what package access keeps.
type Access interface {
	access.KeyStore
	access.QuotaStore
	access.SessionStore
	access.TrailStore
}

func entry(action, subject string) access.AuditEntry {
	return access.AuditEntry{Time: start(), Actor: "ops", Action: action, Subject: subject, Detail: "why"}
}

func createKey(t *testing.T, s Store, k access.Key) {
	t.Helper()
	if err := s.CreateKey(context.Background(), k, entry(access.ActionKeyCreated, k.ID)); err != nil {
		t.Fatalf("CreateKey: %v", err)
	}
}

func testKeys(t *testing.T, s Store) {
	ctx := context.Background()
	keys, revision, err := s.Keys(ctx)
	if err != nil || len(keys) != 0 {
		t.Fatalf("an empty store has keys %v, %v", keys, err)
	}
	whole := filled[access.Key](3)
	bare := access.Key{ID: "key-bare", Name: "bare", Hash: "h2", Created: start()}
	createKey(t, s, whole)
	createKey(t, s, bare)
	keys, now, err := s.Keys(ctx)
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "keys, oldest first", keys, []access.Key{bare, whole})
	if now <= revision {
		t.Errorf("the revision went from %d to %d", revision, now)
	}
	for _, twin := range []access.Key{{ID: whole.ID, Hash: "other"}, {ID: "other", Hash: whole.Hash}} {
		wantCode(t, "a key that is there", s.CreateKey(ctx, twin, entry(access.ActionKeyCreated, twin.ID)), stylesprint.CodeConflict)
	}
	at := start().Add(time.Hour)
	revoked, err := s.RevokeKey(ctx, bare.ID, at, entry(access.ActionKeyRevoked, bare.ID))
	bare.Revoked = at
	equal(t, "the revoked key", revoked, bare)
	if err != nil {
		t.Error(err)
	}
	again, err := s.RevokeKey(ctx, bare.ID, at.Add(time.Hour), entry(access.ActionKeyRevoked, bare.ID))
	equal(t, "revoked twice", again, bare)
	if err != nil {
		t.Error(err)
	}
	_, err = s.RevokeKey(ctx, "key-nosuch", at, entry(access.ActionKeyRevoked, "key-nosuch"))
	wantCode(t, "no such key", err, stylesprint.CodeNotFound)
	last, err := s.KeyRevision(ctx)
	if err != nil || last != now+1 {
		t.Errorf("one change took the revision from %d to %d, %v", now, last, err)
	}
	entries, err := s.AuditEntries(ctx, access.AuditFilter{})
	var acts []string
	for _, e := range entries {
		acts = append(acts, e.Action+" "+e.Subject)
	}
	equal(t, "the trail", acts, []string{"key.revoked key-bare", "key.created key-bare", "key.created " + whole.ID})
	if err != nil {
		t.Error(err)
	}
}

func testLeases(t *testing.T, s Store) {
	ctx := context.Background()
	createKey(t, s, access.Key{ID: "key-a", Hash: "a"})
	createKey(t, s, access.Key{ID: "key-b", Hash: "b"})
	month := time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)
	ask := func(replica string, used, want int64, change ...func(*access.Claim)) int64 {
		t.Helper()
		c := access.Claim{KeyID: "key-a", Resource: access.Spending, Window: month, Replica: replica, Limit: 100, Used: used, Want: want, Now: start(), Last: start(), Expires: start().Add(time.Minute)}
		for _, f := range change {
			f(&c)
		}
		shares, err := s.Lease(ctx, []access.Claim{c})
		if err != nil || len(shares) != 1 {
			t.Fatalf("Lease: %v, %v", shares, err)
		}
		return shares[0]
	}
	later := func(c *access.Claim) { c.Now, c.Expires = start().Add(2*time.Minute), start().Add(3*time.Minute) }
	steps := []struct {
		name      string
		got, want int64
	}{
		{"one asks", ask("one", 0, 60), 60},
		{"two gets what is left", ask("two", 0, 60), 40},
		{"one has used some and keeps the rest", ask("one", 10, 60), 60},
		{"one gives back", ask("one", 10, 10), 10},
		{"two gets more", ask("two", 30, 95), 90},
		{"nothing is left, and what was used counts", ask("one", 12, 20), 12},
		{"a share that lapsed counts as its use", ask("one", 12, 80, later), 70},
		{"another month", ask("one", 0, 80, func(c *access.Claim) { c.Window = month.AddDate(0, 1, 0) }), 80},
		{"another key", ask("one", 0, 80, func(c *access.Claim) { c.KeyID = "key-b" }), 80},
		{"another resource", ask("one", 0, 80, func(c *access.Claim) { c.Resource = access.Tokens }), 80},
		{"no limit", ask("one", 7, 7, func(c *access.Claim) { c.KeyID, c.Limit, c.Replica = "key-b", 0, "two" }), 7},
	}
	for _, x := range steps {
		if x.got != x.want {
			t.Errorf("%s: got %d, want %d", x.name, x.got, x.want)
		}
	}
	_, err := s.Lease(ctx, []access.Claim{{KeyID: "key-nosuch", Resource: access.Tokens, Replica: "one", Limit: 1, Want: 1}})
	wantCode(t, "a lease for no key", err, stylesprint.CodeNotFound)
	usage, err := s.KeyUsage(ctx, month)
	equal(t, "use since March", usage, []access.KeyUsage{{KeyID: "key-a", Spent: 42, LastUsed: start()}, {KeyID: "key-b", Spent: 7, LastUsed: start()}})
	if err != nil {
		t.Error(err)
	}
	if err := s.DropQuotas(ctx, month.AddDate(1, 0, 0)); err != nil {
		t.Error(err)
	}
	if got := ask("other", 0, 100, func(c *access.Claim) { c.Resource = access.Tokens }); got != 100 {
		t.Errorf("a minute that was dropped still leaves %d", got)
	}
	after, err := s.KeyUsage(ctx, month)
	equal(t, "use after the drop", after, usage)
	if err != nil {
		t.Error(err)
	}
	racingLeases(t, s)
}

// racingLeases lets many replicas ask at once: they get the limit between them, never more.
func racingLeases(t *testing.T, s Store) {
	var wg sync.WaitGroup
	granted := make([]int64, 8)
	for i := range granted {
		wg.Go(func() {
			for n := int64(5); n <= 40; n += 5 {
				shares, err := s.Lease(context.Background(), []access.Claim{{KeyID: "key-b", Resource: access.Requests, Window: start(), Replica: string(rune('a' + i)), Limit: 101, Used: granted[i], Want: n, Now: start(), Expires: start().Add(time.Minute)}})
				if err != nil {
					t.Error(err)
					return
				}
				granted[i] = shares[0]
			}
		})
	}
	wg.Wait()
	sum := int64(0)
	for _, n := range granted {
		sum += n
	}
	if sum != 101 {
		t.Errorf("%v were granted of 101: %d", granted, sum)
	}
}

func testSessions(t *testing.T, s Store) {
	ctx := context.Background()
	want := filled[access.Session](4)
	if err := s.CreateSession(ctx, want); err != nil {
		t.Fatal(err)
	}
	got, err := s.Session(ctx, want.Hash)
	equal(t, "session", got, want)
	if err != nil {
		t.Error(err)
	}
	_, err = s.Session(ctx, "nosuch")
	wantCode(t, "no session", err, stylesprint.CodeNotFound)
	want.Seen = start()
	if err := s.TouchSession(ctx, want.Hash, want.Seen); err != nil {
		t.Error(err)
	}
	got, err = s.Session(ctx, want.Hash)
	equal(t, "touched session", got, want)
	if err != nil {
		t.Error(err)
	}
	for i, end := range []func(hash string) error{
		func(hash string) error { return s.EndSession(ctx, hash) },
		func(string) error { return s.DropSessions(ctx, start().Add(2*time.Hour), start().Add(-time.Hour)) },
		func(string) error { return s.DropSessions(ctx, start(), start()) },
	} {
		other := access.Session{Hash: string(rune('a' + i)), Seen: start(), Expires: start().Add(time.Hour)}
		kept := access.Session{Hash: "kept", Seen: start().Add(time.Minute), Expires: start().Add(3 * time.Hour), Created: start()}
		for _, x := range []access.Session{other, kept} {
			if err := s.CreateSession(ctx, x); err != nil {
				t.Fatal(err)
			}
		}
		if err := end(other.Hash); err != nil {
			t.Error(err)
		}
		_, err := s.Session(ctx, other.Hash)
		wantCode(t, "an ended session", err, stylesprint.CodeNotFound)
		if _, err := s.Session(ctx, kept.Hash); err != nil {
			t.Errorf("the other session has ended, too: %v", err)
		}
		if err := s.EndSession(ctx, kept.Hash); err != nil {
			t.Error(err)
		}
	}
	if err := s.EndSession(ctx, "nosuch"); err != nil {
		t.Errorf("ending what is not there: %v", err)
	}
}

func testTrail(t *testing.T, s Store) {
	ctx := context.Background()
	var want []access.AuditEntry
	for i := range 5 {
		e := filled[access.AuditEntry](10 * i)
		e.Action = []string{"a.done", "b.done"}[i%2]
		if err := s.AppendAudit(ctx, e); err != nil {
			t.Fatal(err)
		}
		want = append(want, e)
	}
	slices.Reverse(want)
	got, err := s.AuditEntries(ctx, access.AuditFilter{})
	if err != nil || len(got) != 5 {
		t.Fatalf("%d entries, %v", len(got), err)
	}
	for i := range got {
		want[i].ID = got[i].ID
		if i > 0 && got[i].ID >= got[i-1].ID {
			t.Errorf("ids do not grow: %d after %d", got[i-1].ID, got[i].ID)
		}
	}
	equal(t, "entries, newest first", got, want)
	page, err := s.AuditEntries(ctx, access.AuditFilter{Limit: 2, Before: want[1].ID})
	equal(t, "a page", page, want[2:4])
	if err != nil {
		t.Error(err)
	}
	some, err := s.AuditEntries(ctx, access.AuditFilter{Action: "b.done"})
	equal(t, "an action", some, []access.AuditEntry{want[1], want[3]})
	if err != nil {
		t.Error(err)
	}
}
