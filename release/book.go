package release

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"stylesprint"
)

// Store keeps releases and verdicts; none is ever changed.
type Store interface {
	// CreateRelease adds a release, gives it the next number and its id, and returns it. Where
	// there is one with its Hash, that one is returned and known is true.
	CreateRelease(ctx context.Context, r Release) (made Release, known bool, err error)
	// Release returns one; an error with code not_found if there is none.
	Release(ctx context.Context, id string) (Release, error)
	// Releases lists them, newest first.
	Releases(ctx context.Context, f Filter) ([]Release, error)
	// AddVerdict adds a verdict; an error with code not_found if there is no such release.
	AddVerdict(ctx context.Context, v Verdict) error
	// Verdicts lists those of a release, oldest first, or of all where id is empty.
	Verdicts(ctx context.Context, id string) ([]Verdict, error)
}

// Filter chooses releases.
type Filter struct {
	Limit  int // at most so many; 0 means 100
	Before int // only smaller numbers; 0 means all
}

// Ledger keeps assignments; none is ever changed.
type Ledger interface {
	// Assign adds an assignment; an error with code conflict if the route has one with its
	// number already.
	Assign(ctx context.Context, a Assignment) error
	// Assignments lists those of a route, oldest first, or of all routes, by route, where it is empty.
	Assignments(ctx context.Context, route string) ([]Assignment, error)
	// AssignmentRevision is a number that grows with every assignment. It is cheap.
	AssignmentRevision(ctx context.Context) (int64, error)
}

// Trail is told of what administrators did.
type Trail interface {
	// Note keeps an act.
	Note(ctx context.Context, a Act) error
}

// Act is what an administrator did.
type Act struct {
	Actor   string // "command line (ops)"
	Action  string // "release.promoted"
	Subject string // the release or the route
	Detail  string
}

// Book is the life of releases.
type Book struct {
	Store  Store
	Ledger Ledger
	Trail  Trail            // nil: none is kept
	Now    func() time.Time // nil: time.Now
}

func (b Book) now() time.Time {
	if b.Now == nil {
		return time.Now()
	}
	return b.Now()
}

func (b Book) note(ctx context.Context, a Act) error {
	if b.Trail == nil {
		return nil
	}
	if err := b.Trail.Note(ctx, a); err != nil {
		return fmt.Errorf("note %s of %s in the audit trail: %w", a.Action, a.Subject, err)
	}
	return nil
}

// Create keeps a release: its ID, Number, Hash and Created are set here. Where there is a
// release with the same content, that one is returned and known is true.
func (b Book) Create(ctx context.Context, r Release) (made Release, known bool, err error) {
	if err := r.Validate(); err != nil {
		return Release{}, false, err
	}
	if r.Hash, err = r.ContentHash(); err != nil {
		return Release{}, false, err
	}
	r.Created = b.now().UTC()
	made, known, err = b.Store.CreateRelease(ctx, r)
	if err != nil || known {
		return made, known, err
	}
	return made, false, b.note(ctx, Act{made.CreatedBy, "release.created", made.ID, made.Name})
}

// Gate keeps a verdict. Its time is set here.
func (b Book) Gate(ctx context.Context, v Verdict) (Verdict, error) {
	if v.By == "" {
		return v, invalid("by", "a verdict needs to say who asked for it", "give a name with --by")
	}
	v.At = b.now().UTC()
	if err := b.Store.AddVerdict(ctx, v); err != nil {
		return v, err
	}
	return v, b.note(ctx, Act{v.By, "release.gated", v.Release, v.Sentence})
}

// Promotion gives a release a part of a route's traffic.
type Promotion struct {
	Route   string
	Release string
	Percent int // 1 to 100
	By      string
	Reason  string // needed where Force is
	Force   bool   // although the release has not met its gate
}

// Promote gives a release a part of a route's traffic; the others keep what is left, in
// proportion. A release whose last verdict is not met, or that has none, is refused with
// code forbidden unless forced with a reason.
func (b Book) Promote(ctx context.Context, p Promotion) (Assignment, error) {
	if err := checkAct(p.Route, p.By, p.Reason); err != nil {
		return Assignment{}, err
	}
	r, err := b.Store.Release(ctx, p.Release)
	if err != nil {
		return Assignment{}, err
	}
	verdicts, err := b.Store.Verdicts(ctx, r.ID)
	if err != nil {
		return Assignment{}, err
	}
	refused := mayServe(r, verdicts)
	switch {
	case refused != nil && !p.Force:
		return Assignment{}, refused
	case p.Force && strings.TrimSpace(p.Reason) == "":
		return Assignment{}, invalid("reason", "promoting by force needs a reason", "give one: --reason, or \"reason\" in a request")
	}
	history, err := b.Ledger.Assignments(ctx, p.Route)
	if err != nil {
		return Assignment{}, err
	}
	shares, err := Shift(Current(history), r.ID, p.Percent)
	if err != nil {
		return Assignment{}, err
	}
	a := Assignment{Route: p.Route, Number: len(history) + 1, Shares: shares, Kind: Promoted, Release: r.ID, Forced: refused != nil, At: b.now().UTC(), By: p.By, Reason: p.Reason}
	return a, b.assign(ctx, a, "release.promoted")
}

// mayServe refuses a release that has not met its gate.
func mayServe(r Release, verdicts []Verdict) error {
	e := &stylesprint.Error{Code: stylesprint.CodeForbidden, Field: "release"}
	switch {
	case len(verdicts) == 0:
		e.Message, e.Hint = fmt.Sprintf("release %s has not been held against a gate", r.ID), "stylesprint release gate "+r.ID
	case !verdicts[len(verdicts)-1].Met:
		e.Message, e.Hint = fmt.Sprintf("release %s did not meet its gate: %s", r.ID, strings.Join(verdicts[len(verdicts)-1].Reasons, "; ")),
			"make a better release, or promote it with --force and a reason, which is recorded"
	default:
		return nil
	}
	return e
}

// Undo is a rollback.
type Undo struct {
	Route  string
	By     string
	Reason string
}

// Rollback takes the release that was promoted last from a route, and brings back what
// served before it. A second rollback goes one release further back.
func (b Book) Rollback(ctx context.Context, u Undo) (Assignment, error) {
	if err := checkAct(u.Route, u.By, u.Reason); err != nil {
		return Assignment{}, err
	}
	history, err := b.Ledger.Assignments(ctx, u.Route)
	if err != nil {
		return Assignment{}, err
	}
	leaves, number, shares, err := before(history)
	if err != nil {
		return Assignment{}, err
	}
	a := Assignment{Route: u.Route, Number: len(history) + 1, Shares: shares, Kind: RolledBack, Release: leaves, Restores: number, At: b.now().UTC(), By: u.By, Reason: u.Reason}
	return a, b.assign(ctx, a, "release.rolled_back")
}

func (b Book) assign(ctx context.Context, a Assignment, action string) error {
	err := b.Ledger.Assign(ctx, a)
	var known *stylesprint.Error
	if errors.As(err, &known) && known.Code == stylesprint.CodeConflict {
		return &stylesprint.Error{Code: stylesprint.CodeConflict, Message: fmt.Sprintf("somebody else has just changed who serves %s", a.Route), Hint: "look again with: stylesprint release list", Err: err}
	}
	if err != nil {
		return err
	}
	detail := Words(a.Shares)
	if a.Forced {
		detail += "; forced"
	}
	if a.Reason != "" {
		detail += "; " + a.Reason
	}
	return b.note(ctx, Act{a.By, action, a.Release + " on " + a.Route, detail})
}

func checkAct(route, by, reason string) error {
	switch {
	case !line(route, 1, 256):
		return invalid("route", "want the public name of a route", "stylesprint release list, or GET /admin/routes, names them")
	case !line(by, 1, MaxName):
		return invalid("by", "want a name for who does this", "give one with --by")
	case !line(strings.TrimSpace(reason), 0, MaxReason):
		return invalid("reason", fmt.Sprintf("a reason has at most %d characters on one line", MaxReason), "shorten it; notes of a release hold more")
	}
	return nil
}

// State is where a release stands.
type State string

// The states.
const (
	Draft   State = "draft"   // not held against a gate
	Refused State = "refused" // did not meet its gate
	Gated   State = "gated"   // met its gate, and served nothing yet
	Serving State = "serving" // has a part of a route
	Retired State = "retired" // served, and does no more
)

// Standing is a release with where it stands.
type Standing struct {
	Release
	State    State    `json:"state"`
	Verdict  *Verdict `json:"verdict,omitempty"` // the last one
	Verdicts int      `json:"verdicts"`          // how many there were
	Serves   []Part   `json:"serves,omitempty"`
}

// Part is a part of a route that a release has.
type Part struct {
	Route   string `json:"route"`
	Percent int    `json:"percent"`
}

// Standings lists releases, newest first, with where they stand.
func (b Book) Standings(ctx context.Context, f Filter) ([]Standing, error) {
	releases, err := b.Store.Releases(ctx, f)
	if err != nil {
		return nil, err
	}
	verdicts, err := b.Store.Verdicts(ctx, "")
	if err != nil {
		return nil, err
	}
	assigned, err := b.Ledger.Assignments(ctx, "")
	if err != nil {
		return nil, err
	}
	out := make([]Standing, len(releases))
	for i, r := range releases {
		out[i] = standing(r, verdicts, assigned)
	}
	return out, nil
}

func standing(r Release, verdicts []Verdict, assigned []Assignment) Standing {
	s := Standing{Release: r, State: Draft}
	for i, v := range verdicts {
		if v.Release != r.ID {
			continue
		}
		s.Verdict, s.Verdicts, s.State = &verdicts[i], s.Verdicts+1, Refused
		if v.Met {
			s.State = Gated
		}
	}
	for i, a := range assigned {
		last := i+1 == len(assigned) || assigned[i+1].Route != a.Route
		for _, share := range a.Shares {
			if share.Release != r.ID {
				continue
			}
			if s.State != Serving {
				s.State = Retired
			}
			if last {
				s.State = Serving
				s.Serves = append(s.Serves, Part{a.Route, share.Percent})
			}
		}
	}
	return s
}

// Routes lists the routes that have assignments, with the last one of each.
func Routes(assigned []Assignment) []Assignment {
	var out []Assignment
	for _, a := range assigned {
		i := slices.IndexFunc(out, func(o Assignment) bool { return o.Route == a.Route })
		if i < 0 {
			out = append(out, a)
		} else if a.Number > out[i].Number {
			out[i] = a
		}
	}
	return out
}
