package storetest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"

	"stylesprint"
	"stylesprint/release"
)

func testReleases(t *testing.T, s Store) {
	ctx := context.Background()
	full := filled[release.Release](1)
	want, known, err := s.CreateRelease(ctx, full)
	if err != nil || known || want.ID != "r1" || want.Number != 1 {
		t.Fatalf("created %s (known %t): %v", want.ID, known, err)
	}
	full.ID, full.Number = "r1", 1
	equal(t, "created", want, full)
	got, err := s.Release(ctx, "r1")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "read", got, full)

	// The same content is the same release, whatever it is called.
	again := full
	again.Name = "another name"
	same, known, err := s.CreateRelease(ctx, again)
	if err != nil || !known {
		t.Fatalf("known %t: %v", known, err)
	}
	equal(t, "known", same, full)

	for i := 2; i <= 5; i++ {
		made, _, err := s.CreateRelease(ctx, release.Release{Hash: fmt.Sprint("hash", i), Targets: []string{"m"}, Created: start()})
		if err != nil || made.ID != fmt.Sprintf("r%d", i) {
			t.Fatalf("%s: %v", made.ID, err)
		}
	}
	for _, k := range []struct {
		f    release.Filter
		want string
	}{{release.Filter{}, "[r5 r4 r3 r2 r1]"}, {release.Filter{Limit: 2}, "[r5 r4]"}, {release.Filter{Limit: 2, Before: 4}, "[r3 r2]"}} {
		list, err := s.Releases(ctx, k.f)
		if err != nil {
			t.Fatal(err)
		}
		ids := make([]string, len(list))
		for i, r := range list {
			ids[i] = r.ID
		}
		equal(t, "list", fmt.Sprint(ids), k.want)
	}
	for _, id := range []string{"r6", "r0", "12", "", "r1x", "r999999999999"} {
		_, err := s.Release(ctx, id)
		wantCode(t, id, err, stylesprint.CodeNotFound)
	}
}

func testVerdicts(t *testing.T, s Store) {
	ctx := context.Background()
	for i := range 2 {
		if _, _, err := s.CreateRelease(ctx, release.Release{Hash: fmt.Sprint(i)}); err != nil {
			t.Fatal(err)
		}
	}
	first := filled[release.Verdict](1)
	first.Release, first.Result = "r2", json.RawMessage(`{"met":true}`)
	second := release.Verdict{Release: "r2", Runs: []string{"a"}, At: start()}
	other := release.Verdict{Release: "r1", At: start()}
	for _, v := range []release.Verdict{first, second, other} {
		if err := s.AddVerdict(ctx, v); err != nil {
			t.Fatal(err)
		}
	}
	got, err := s.Verdicts(ctx, "r2")
	if err != nil {
		t.Fatal(err)
	}
	equal(t, "of one", got, []release.Verdict{first, second})
	if got, err = s.Verdicts(ctx, ""); err != nil {
		t.Fatal(err)
	}
	equal(t, "of all", got, []release.Verdict{other, first, second})
	wantCode(t, "no release", s.AddVerdict(ctx, release.Verdict{Release: "r3", At: start()}), stylesprint.CodeNotFound)
	wantCode(t, "no id", s.AddVerdict(ctx, release.Verdict{Release: "x", At: start()}), stylesprint.CodeNotFound)
	if got, err = s.Verdicts(ctx, "x"); err != nil || got != nil {
		t.Errorf("%v, %v", got, err)
	}
}

func testAssignments(t *testing.T, s Store) {
	ctx := context.Background()
	if n, err := s.AssignmentRevision(ctx); err != nil || n != 0 {
		t.Errorf("revision %d: %v", n, err)
	}
	b1 := filled[release.Assignment](1)
	b1.Route, b1.Number = "b", 1
	b2, a1 := release.Assignment{Route: "b", Number: 2, Kind: release.RolledBack, At: start()}, release.Assignment{Route: "a", Number: 1, Kind: release.Promoted, At: start()}
	for _, a := range []release.Assignment{b1, b2, a1} {
		if err := s.Assign(ctx, a); err != nil {
			t.Fatal(err)
		}
	}
	wantCode(t, "the same number", s.Assign(ctx, release.Assignment{Route: "b", Number: 2, At: start()}), stylesprint.CodeConflict)
	for route, want := range map[string][]release.Assignment{"": {a1, b1, b2}, "b": {b1, b2}, "c": nil} {
		got, err := s.Assignments(ctx, route)
		if err != nil {
			t.Fatal(err)
		}
		equal(t, "of "+route, got, want)
	}
	if n, err := s.AssignmentRevision(ctx); err != nil || n != 3 {
		t.Errorf("revision %d: %v", n, err)
	}
}

// However many create and promote at once, numbers have no gap and nobody overwrites.
func testReleasesAtOnce(t *testing.T, s Store) {
	ctx := context.Background()
	const many = 8
	var wg sync.WaitGroup
	won := make(chan int, many)
	for i := range many {
		wg.Go(func() {
			if _, _, err := s.CreateRelease(ctx, release.Release{Hash: fmt.Sprint("h", i/2)}); err != nil {
				t.Error(err)
			}
			if err := s.Assign(ctx, release.Assignment{Route: "x", Number: 1, By: fmt.Sprint(i), At: start()}); err == nil {
				won <- i
			} else {
				wantCode(t, "later", err, stylesprint.CodeConflict)
			}
		})
	}
	wg.Wait()
	list, err := s.Releases(ctx, release.Filter{})
	if err != nil || len(list) != many/2 || list[0].Number != many/2 {
		t.Errorf("%d releases: %v", len(list), err)
	}
	got, err := s.Assignments(ctx, "x")
	if err != nil || len(got) != 1 || len(won) != 1 || got[0].By != fmt.Sprint(<-won) {
		t.Errorf("%+v: %v", got, err)
	}
}
