package webtest

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"stylesprint"
	"stylesprint/prompt"
	"stylesprint/release"
	"stylesprint/web"
)

// Shelf holds made-up releases. It is safe for concurrent use.
type Shelf struct {
	mu       sync.Mutex
	releases []release.Release // oldest first
	verdicts []release.Verdict
	assigned []release.Assignment
}

var (
	_ release.Store  = (*Shelf)(nil)
	_ release.Ledger = (*Shelf)(nil)
)

// Releases makes three releases: r1 and r2 share a route, r3 waits for its gate.
func Releases(ctx context.Context) (*web.Releases, error) {
	s := &Shelf{}
	at := Now().Add(-72 * time.Hour)
	book := release.Book{Store: s, Ledger: s, Now: func() time.Time { at = at.Add(5 * time.Hour); return at }}
	cold := .2
	for i, name := range []string{"plain", "brand-voice", "brand-voice"} {
		text, _ := prompt.BuiltinText(name)
		t, err := prompt.Parse([]byte(text))
		if err != nil {
			return nil, fmt.Errorf("make demo releases: %w", err)
		}
		r := release.Release{
			Name: []string{"What is used today", "Brand voice", "Brand voice, hosted"}[i], Targets: []string{"smollm2-135m-instruct"}, Model: stylesprint.ModelRef{Provider: "local", Name: "smollm2-135m-instruct", Revision: "12fd25f77366fa6b3b4b768ec3050bf629380bac"},
			Prompt: release.Prompt{Name: t.Name, Hash: t.Hash, Text: text}, Params: release.Params{Temperature: &cold}, Policy: release.Policy{Version: "3", Disclosure: "written by a machine, read by an editor"},
			Evidence: release.Evidence{Evaluation: []string{Plain, Voice, Hosted}[i]}, CreatedBy: "ops", Notes: strings.Repeat("A note. ", i),
		}
		if i == 2 {
			r.Targets = []string{"gpt-4o-mini", "smollm2-135m-instruct"}
		}
		if _, _, err := book.Create(ctx, r); err != nil {
			return nil, err
		}
	}
	for _, v := range []release.Verdict{
		{Release: "r1", Met: true, Sentence: "plain meets the gate: 3 checks.", Runs: []string{Voice, Plain}, By: "ops"},
		{Release: "r2", Sentence: "brand-voice does not meet the gate: 1 of 3 checks not met.", Reasons: []string{"brand-voice: BLEU differs by -1.2: significantly worse, and more than the loss that matters"}, Runs: []string{Plain, Voice}, By: "ops"},
	} {
		if _, err := book.Gate(ctx, v); err != nil {
			return nil, err
		}
	}
	for _, p := range []release.Promotion{
		{Route: "smollm2-135m-instruct", Release: "r1", Percent: 100, By: "ops"},
		{Route: "smollm2-135m-instruct", Release: "r2", Percent: 10, By: "ops", Force: true, Reason: "a test with staff, who see the shop through a link of their own"},
	} {
		if _, err := book.Promote(ctx, p); err != nil {
			return nil, err
		}
	}
	book.Now = Now
	routes := func(ctx context.Context) ([]web.ServedRoute, error) {
		var out []web.ServedRoute
		for _, name := range []string{"smollm2-135m-instruct", "writer"} {
			history, err := s.Assignments(ctx, name)
			if err != nil {
				return nil, err
			}
			out = append(out, web.ServedRoute{Name: name, Shares: release.Current(history)})
		}
		return out, nil
	}
	return &web.Releases{Book: book, Act: book, Routes: routes, Actor: func(*http.Request) string { return "dashboard" }}, nil
}

// CreateRelease implements release.Store.
func (s *Shelf) CreateRelease(_ context.Context, r release.Release) (release.Release, bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r.Number = len(s.releases) + 1
	r.ID = release.IDOf(r.Number)
	s.releases = append(s.releases, r)
	return r, false, nil
}

// Release implements release.Store.
func (s *Shelf) Release(_ context.Context, id string) (release.Release, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, r := range s.releases {
		if r.ID == id {
			return r, nil
		}
	}
	return release.Release{}, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: fmt.Sprintf("there is no release %q", id)}
}

// Releases implements release.Store.
func (s *Shelf) Releases(_ context.Context, f release.Filter) ([]release.Release, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []release.Release
	for i := len(s.releases) - 1; i >= 0; i-- {
		if r := s.releases[i]; (f.Before == 0 || r.Number < f.Before) && (f.Limit == 0 || len(out) < f.Limit) {
			out = append(out, r)
		}
	}
	return out, nil
}

// AddVerdict implements release.Store.
func (s *Shelf) AddVerdict(_ context.Context, v release.Verdict) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.verdicts = append(s.verdicts, v)
	return nil
}

// Verdicts implements release.Store.
func (s *Shelf) Verdicts(_ context.Context, id string) ([]release.Verdict, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []release.Verdict
	for _, v := range s.verdicts {
		if id == "" || v.Release == id {
			out = append(out, v)
		}
	}
	return out, nil
}

// Assign implements release.Ledger.
func (s *Shelf) Assign(_ context.Context, a release.Assignment) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.assigned = append(s.assigned, a)
	return nil
}

// Assignments implements release.Ledger.
func (s *Shelf) Assignments(_ context.Context, route string) ([]release.Assignment, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []release.Assignment
	for _, a := range s.assigned {
		if route == "" || a.Route == route {
			out = append(out, a)
		}
	}
	return out, nil
}

// AssignmentRevision implements release.Ledger.
func (s *Shelf) AssignmentRevision(context.Context) (int64, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return int64(len(s.assigned)), nil
}
