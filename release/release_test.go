package release_test

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/release"
)

// memory is a store in memory.
type memory struct {
	releases []release.Release
	verdicts []release.Verdict
	assigned []release.Assignment
	acts     []release.Act
	taken    bool // somebody else assigns first
}

func (m *memory) CreateRelease(_ context.Context, r release.Release) (release.Release, bool, error) {
	for _, k := range m.releases {
		if k.Hash == r.Hash {
			return k, true, nil
		}
	}
	r.Number = len(m.releases) + 1
	r.ID = release.IDOf(r.Number)
	m.releases = append(m.releases, r)
	return r, false, nil
}

func (m *memory) Release(_ context.Context, id string) (release.Release, error) {
	for _, r := range m.releases {
		if r.ID == id {
			return r, nil
		}
	}
	return release.Release{}, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: "no " + id}
}

func (m *memory) Releases(context.Context, release.Filter) ([]release.Release, error) {
	return m.releases, nil
}

func (m *memory) AddVerdict(_ context.Context, v release.Verdict) error {
	m.verdicts = append(m.verdicts, v)
	return nil
}

func (m *memory) Verdicts(_ context.Context, id string) (out []release.Verdict, err error) {
	for _, v := range m.verdicts {
		if id == "" || v.Release == id {
			out = append(out, v)
		}
	}
	return out, nil
}

func (m *memory) Assign(_ context.Context, a release.Assignment) error {
	if m.taken {
		return &stylesprint.Error{Code: stylesprint.CodeConflict, Message: "taken"}
	}
	m.assigned = append(m.assigned, a)
	return nil
}

func (m *memory) Assignments(_ context.Context, route string) (out []release.Assignment, err error) {
	for _, a := range m.assigned {
		if route == "" || a.Route == route {
			out = append(out, a)
		}
	}
	return out, nil
}

func (m *memory) AssignmentRevision(context.Context) (int64, error) {
	return int64(len(m.assigned)), nil
}

func (m *memory) Note(_ context.Context, a release.Act) error {
	m.acts = append(m.acts, a)
	return nil
}

var noon = time.Date(2026, 3, 4, 12, 0, 0, 0, time.UTC)

// books makes a book with so many gated releases.
func books(t *testing.T, gated int) (release.Book, *memory) {
	t.Helper()
	m := &memory{}
	b := release.Book{Store: m, Ledger: m, Trail: m, Now: func() time.Time { return noon }}
	for i := range gated {
		r, known, err := b.Create(t.Context(), draft(fmt.Sprint("n", i)))
		if err != nil || known {
			t.Fatalf("create: %v", err)
		}
		if _, err := b.Gate(t.Context(), release.Verdict{Release: r.ID, Met: true, By: "ops"}); err != nil {
			t.Fatal(err)
		}
	}
	return b, m
}

func draft(adapter string) release.Release {
	return release.Release{Name: "brand voice", Targets: []string{"small"}, Model: stylesprint.ModelRef{Provider: "local", Name: "small"}, Adapter: adapter, CreatedBy: "ops"}
}

func TestCreate(t *testing.T) {
	t.Parallel()
	b, m := books(t, 1)
	r := m.releases[0]
	if r.ID != "r1" || len(r.Hash) != 64 || !r.Created.Equal(noon) {
		t.Errorf("%+v", r)
	}
	// What is served, and the evidence, make a release; its name and notes do not.
	same := draft("n0")
	same.Name, same.Notes = "other", "words"
	if got, known, err := b.Create(t.Context(), same); err != nil || !known || got.ID != "r1" {
		t.Errorf("%s, %t, %v", got.ID, known, err)
	}
	half := 0.5
	for name, change := range map[string]func(*release.Release){
		"params":   func(r *release.Release) { r.Params.Temperature = &half },
		"policy":   func(r *release.Release) { r.Policy.Version = "2" },
		"evidence": func(r *release.Release) { r.Evidence.Audit = "a" },
		"prompt":   func(r *release.Release) { r.Prompt = release.Prompt{Name: "p", Hash: "h", Text: "t"} },
		"targets":  func(r *release.Release) { r.Targets = []string{"small", "large"} },
	} {
		d := draft("n0")
		change(&d)
		if _, known, err := b.Create(t.Context(), d); err != nil || known {
			t.Errorf("%s: known %t, %v", name, known, err)
		}
	}
	for field, change := range map[string]func(*release.Release){
		"name":       func(r *release.Release) { r.Name = "two\nlines" },
		"targets":    func(r *release.Release) { r.Targets = []string{"a", "a"} },
		"created_by": func(r *release.Release) { r.CreatedBy = "" },
		"approver":   func(r *release.Release) { r.Approver = strings.Repeat("x", 81) },
		"notes":      func(r *release.Release) { r.Notes = strings.Repeat("x", 2001) },
		"prompt":     func(r *release.Release) { r.Prompt.Name = "p" },
	} {
		d := draft("n0")
		change(&d)
		_, _, err := b.Create(t.Context(), d)
		var e *stylesprint.Error
		if !errors.As(err, &e) || e.Code != stylesprint.CodeInvalid || e.Field != field {
			t.Errorf("%s: %v", field, err)
		}
	}
}

func TestShift(t *testing.T) {
	t.Parallel()
	file := release.Share{Percent: 100}
	cases := []struct {
		shares  []release.Share
		id      string
		percent int
		want    string
	}{
		{[]release.Share{file}, "r1", 100, "all r1"},
		{[]release.Share{file}, "r1", 10, "10 % r1, 90 % what the configuration file says"},
		{[]release.Share{{"r2", 10}, {"r1", 90}}, "r2", 50, "50 % r2, 50 % r1"},
		{[]release.Share{{"r2", 10}, {"r1", 90}}, "r3", 10, "10 % r3, 9 % r2, 81 % r1"},
		{[]release.Share{{"r2", 33}, {"r1", 67}}, "r3", 1, "1 % r3, 33 % r2, 66 % r1"},
		{[]release.Share{{"r1", 1}, {"r2", 1}, {"r3", 98}}, "r4", 99, "99 % r4, 1 % r3"},
		{[]release.Share{{"r1", 100}}, "r1", 100, "all r1"},
		{[]release.Share{{"r1", 100}}, "r1", 50, "nothing for the other 50 %"},
		{[]release.Share{file}, "r1", 0, "want a share of 1 to 100 percent"},
		{[]release.Share{file}, "r1", 101, "want a share of 1 to 100 percent"},
	}
	for _, k := range cases {
		got, err := release.Shift(k.shares, k.id, k.percent)
		if err != nil {
			if !strings.Contains(err.Error(), k.want) || stylesprint.HintOf(err) == "" {
				t.Errorf("%v + %s %d: %v; hint %q", k.shares, k.id, k.percent, err, stylesprint.HintOf(err))
			}
			continue
		}
		sum := 0
		for _, s := range got {
			sum += s.Percent
		}
		if words := release.Words(got); words != k.want || sum != 100 {
			t.Errorf("%v + %s %d: %s (%d), want %s", k.shares, k.id, k.percent, words, sum, k.want)
		}
	}
}

// Each line is an act and who serves then.
func TestPromoteAndRollBack(t *testing.T) {
	t.Parallel()
	b, m := books(t, 3)
	for i, step := range []struct {
		id      string // empty: roll back
		percent int
		want    string
	}{
		{"", 0, "error: there is nothing to roll back"},
		{"r1", 100, "all r1"},
		{"r2", 10, "10 % r2, 90 % r1"},
		{"r2", 100, "all r2"},
		{"", 0, "all r1"}, // not the canary of r2, which is what was wrong
		{"r3", 20, "20 % r3, 80 % r1"},
		{"", 0, "all r1"},
		{"", 0, "what the configuration file says"},
		{"", 0, "error: there is nothing to roll back"},
		{"r1", 50, "50 % r1, 50 % what the configuration file says"},
		{"", 0, "what the configuration file says"},
	} {
		var a release.Assignment
		var err error
		if step.id == "" {
			a, err = b.Rollback(t.Context(), release.Undo{Route: "writer", By: "ops", Reason: "why"})
		} else {
			a, err = b.Promote(t.Context(), release.Promotion{Route: "writer", Release: step.id, Percent: step.percent, By: "ops"})
		}
		got := release.Words(a.Shares)
		if err != nil {
			got = "error: " + err.Error()
		}
		if !strings.HasPrefix(got, step.want) {
			t.Fatalf("step %d: %s, want %s", i, got, step.want)
		}
		if history, _ := m.Assignments(t.Context(), "writer"); err == nil && release.Words(release.Current(history)) != step.want {
			t.Errorf("step %d: the history ends with %v", i, release.Current(history))
		}
	}
	for i, a := range m.assigned {
		if a.Number != i+1 || a.By != "ops" || !a.At.Equal(noon) {
			t.Errorf("assignment %d: %+v", i, a)
		}
	}
	last := m.acts[len(m.acts)-1]
	if want := (release.Act{Actor: "ops", Action: "release.rolled_back", Subject: "r1 on writer", Detail: "what the configuration file says; why"}); last != want {
		t.Errorf("trail: %+v", last)
	}
	m.taken = true
	_, err := b.Promote(t.Context(), release.Promotion{Route: "writer", Release: "r1", Percent: 100, By: "ops"})
	if stylesprint.CodeOf(err) != stylesprint.CodeConflict || !strings.Contains(err.Error(), "somebody else") {
		t.Errorf("%v", err)
	}
}

func TestUngated(t *testing.T) {
	t.Parallel()
	b, m := books(t, 1)
	promote := func(p release.Promotion) (release.Assignment, error) {
		p.Route, p.Percent, p.By = "writer", 100, "ops"
		return b.Promote(t.Context(), p)
	}
	if _, _, err := b.Create(t.Context(), draft("new")); err != nil {
		t.Fatal(err)
	}
	_, err := promote(release.Promotion{Release: "r2"})
	if stylesprint.CodeOf(err) != stylesprint.CodeForbidden || stylesprint.HintOf(err) != "stylesprint release gate r2" {
		t.Errorf("no verdict: %v", err)
	}
	for _, v := range []release.Verdict{{Met: true}, {Met: false, Reasons: []string{"BLEU fell"}}} {
		v.Release, v.By = "r2", "ops"
		if _, err := b.Gate(t.Context(), v); err != nil {
			t.Fatal(err)
		}
	}
	_, err = promote(release.Promotion{Release: "r2"})
	if stylesprint.CodeOf(err) != stylesprint.CodeForbidden || !strings.Contains(err.Error(), "BLEU fell") {
		t.Errorf("last verdict not met: %v", err)
	}
	if _, err = promote(release.Promotion{Release: "r2", Force: true, Reason: " "}); stylesprint.CodeOf(err) != stylesprint.CodeInvalid {
		t.Errorf("forced without a reason: %v", err)
	}
	a, err := promote(release.Promotion{Release: "r2", Force: true, Reason: "the old one is withdrawn today"})
	if err != nil || !a.Forced || !strings.Contains(m.acts[len(m.acts)-1].Detail, "forced; the old one") {
		t.Errorf("%+v, %v", a, err)
	}
	if a, err = promote(release.Promotion{Release: "r1", Force: true, Reason: "why not"}); err != nil || a.Forced {
		t.Errorf("force was not needed: %+v, %v", a, err)
	}
	if _, err := promote(release.Promotion{Release: "r9"}); stylesprint.CodeOf(err) != stylesprint.CodeNotFound {
		t.Errorf("%v", err)
	}
	standings, err := b.Standings(t.Context(), release.Filter{})
	if err != nil {
		t.Fatal(err)
	}
	if s := standings[0]; s.State != release.Serving || !reflect.DeepEqual(s.Serves, []release.Part{{Route: "writer", Percent: 100}}) {
		t.Errorf("r1: %+v", s)
	}
	if s := standings[1]; s.State != release.Retired || s.Verdict == nil || s.Verdict.Met || s.Verdicts != 2 {
		t.Errorf("r2: %+v", s)
	}
	// No person, no route, a reason of two lines.
	for _, p := range []release.Promotion{{Route: "w", Release: "r1", Percent: 1}, {By: "ops", Release: "r1", Percent: 1}, {Route: "w", By: "ops", Release: "r1", Percent: 1, Reason: "a\nb"}} {
		if _, err := b.Promote(t.Context(), p); stylesprint.CodeOf(err) != stylesprint.CodeInvalid {
			t.Errorf("%+v: %v", p, err)
		}
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	a, b := draft("x"), draft("y")
	cold, top := 0.2, 40
	a.Prompt, b.Prompt = release.Prompt{Name: "p", Hash: strings.Repeat("a", 64), Text: "one"}, release.Prompt{Name: "p", Hash: strings.Repeat("b", 64), Text: "two"}
	b.Params = release.Params{Temperature: &cold, TopK: &top, Stop: []string{"\n"}}
	b.Targets = []string{"small", "large"}
	want := []release.Change{
		{Field: "targets", From: "small", To: "small, large"}, {Field: "adapter", From: "x", To: "y"}, {Field: "prompt", From: "p@aaaaaaaaaaaa", To: "p@bbbbbbbbbbbb"},
		{Field: "params.temperature", To: "0.2"}, {Field: "params.top_k", To: "40"}, {Field: "params.stop", To: `["\n"]`},
	}
	if got := release.Diff(a, b); !reflect.DeepEqual(got, want) {
		t.Errorf("got  %v\nwant %v", got, want)
	}
	if got := release.Diff(a, a); got != nil {
		t.Errorf("%v", got)
	}
}

func TestMismatches(t *testing.T) {
	t.Parallel()
	cold, seed := 0.2, uint64(7)
	r := draft("")
	r.ID, r.Evidence.Evaluation, r.Prompt.Hash, r.Params.Temperature = "r1", "run", "h", &cold
	good := release.Tested{Run: "run", Done: true, Model: r.Model, PromptHash: "h", Params: release.Params{Temperature: &cold, Seed: &seed}}
	if got := r.Mismatches(good); got != nil {
		t.Errorf("%v", got)
	}
	bad := release.Tested{Run: "run", Model: stylesprint.ModelRef{Provider: "openai", Name: "x"}, PromptHash: "i"}
	if got := r.Mismatches(bad); len(got) != 4 || !strings.Contains(strings.Join(got, "\n"), "used temperature the default; the release has 0.2") {
		t.Errorf("%q", got)
	}
	good.Model.Revision, r.Model.Revision = "one", "two"
	if got := r.Mismatches(good); len(got) != 1 || !strings.Contains(got[0], "revision one") {
		t.Errorf("%q", got)
	}
	r.Evidence.Evaluation = ""
	if got := r.Mismatches(good); len(got) != 1 {
		t.Errorf("%q", got)
	}
}

func TestNumberOf(t *testing.T) {
	t.Parallel()
	for id, want := range map[string]int{"r1": 1, "r120": 120, "r0": 0, "r01": 0, "1": 0, "r": 0, "r-1": 0, "r1234567890": 0, "r１": 0} {
		if got, ok := release.NumberOf(id); got != want || ok != (want > 0) {
			t.Errorf("%s: %d, %t", id, got, ok)
		}
	}
}

func ExampleBook() {
	m := &memory{}
	b := release.Book{Store: m, Ledger: m}
	ctx := context.Background()
	r, _, err := b.Create(ctx, release.Release{Name: "brand voice", Targets: []string{"small"}, CreatedBy: "ops"})
	if err != nil {
		fmt.Println(err)
		return
	}
	if _, err := b.Gate(ctx, release.Verdict{Release: r.ID, Met: true, Sentence: "brand-voice meets the gate.", By: "ops"}); err != nil {
		fmt.Println(err)
		return
	}
	a, err := b.Promote(ctx, release.Promotion{Route: "writer", Release: r.ID, Percent: 10, By: "ops"})
	fmt.Println(release.Words(a.Shares), err)
	a, err = b.Rollback(ctx, release.Undo{Route: "writer", By: "ops", Reason: "complaints"})
	fmt.Println(release.Words(a.Shares), err)
	// Output:
	// 10 % r1, 90 % what the configuration file says <nil>
	// what the configuration file says <nil>
}
