package web

import (
	"errors"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"stylesprint"
	"stylesprint/access"
	"stylesprint/web/show"
)

// retryAfter is a wait in whole seconds, at least one.
func retryAfter(d time.Duration) string { return strconv.Itoa(max(1, int(math.Ceil(d.Seconds())))) }

type keysBody struct {
	Keys   []keyLine
	Form   keyForm
	Faults map[string]string
	Scopes []scopeLine
	Class  []string
	First  bool // no key was ever made
	Opened bool // the form is to be seen at once
}

// keyLine is a key as the list shows it.
type keyLine struct {
	access.Key
	State string
	Spent string // with the budget; empty where nothing was spent or limited
	Used  time.Time
}

// Active says whether the key opens anything.
func (l keyLine) Active() bool { return l.State == "active" }

// Reach is which models the key may ask for.
func (l keyLine) Reach() string {
	if len(l.Models) == 0 {
		return "all models"
	}
	return strings.Join(l.Models, ", ")
}

// Limits are the key's limits in words.
func (l keyLine) Limits() []string {
	var out []string
	if l.RequestsPerMinute > 0 {
		out = append(out, show.Count(l.RequestsPerMinute)+" requests/min")
	}
	if l.TokensPerMinute > 0 {
		out = append(out, show.Count(l.TokensPerMinute)+" tokens/min")
	}
	return out
}

type scopeLine struct {
	Scope   access.Scope
	Opens   string
	Checked bool
}

// keyForm holds the fields as they were typed.
type keyForm struct {
	Name, Models, Requests, Tokens, Budget, Class, Days string
	Scopes                                              []string
}

func scopeLines(f keyForm) []scopeLine {
	opens := map[access.Scope]string{
		access.Generate: "ask models", access.Evaluate: "runs and comparisons", access.Review: "blind reviews",
		access.Audit: "audits and the trail", access.Admin: "keys, releases, settings; includes the others",
	}
	var out []scopeLine
	for _, s := range access.Scopes() {
		out = append(out, scopeLine{s, opens[s], slices.Contains(f.Scopes, string(s))})
	}
	return out
}

func (s *site) keys(w http.ResponseWriter, r *http.Request) error {
	return s.renderKeys(w, r, keyForm{Class: access.Classes()[0]}, nil)
}

func (s *site) renderKeys(w http.ResponseWriter, r *http.Request, f keyForm, faults map[string]string) error {
	list, err := s.o.Access.Ring.List(r.Context())
	if err != nil {
		return err
	}
	usage, err := s.o.Access.Ring.Usage(r.Context())
	if err != nil {
		return err
	}
	b := keysBody{Form: f, Faults: faults, Class: access.Classes(), First: len(list) == 0, Opened: len(list) == 0 || faults != nil}
	if b.First && faults == nil {
		b.Form.Scopes = []string{string(access.Admin)}
	}
	b.Scopes = scopeLines(b.Form)
	active := 0
	for _, k := range list {
		l := keyLine{Key: k, State: k.State(s.o.Now()), Used: usage[k.ID].LastUsed}
		if l.Active() {
			active++
		}
		spent := usage[k.ID].Spent
		switch {
		case k.MonthlyBudget > 0:
			l.Spent = spent.String() + " of " + k.MonthlyBudget.String()
		case spent > 0:
			l.Spent = spent.String()
		}
		b.Keys = append(b.Keys, l)
	}
	// Those that open something come first.
	slices.SortStableFunc(b.Keys, func(x, y keyLine) int {
		if x.Active() == y.Active() {
			return 0
		}
		if x.Active() {
			return -1
		}
		return 1
	})
	p := page{Here: "keys", Title: keysTitle(len(list), active), Document: "Keys", Private: true, Body: b}
	if faults != nil {
		p.Title, p.Status = "The form needs another look", http.StatusUnprocessableEntity
	}
	return s.render(w, "keys", p)
}

func keysTitle(all, active int) string {
	verb := "open"
	if active == 1 {
		verb = "opens"
	}
	switch {
	case all == 0:
		return "Nobody has made a key: this server is open to its own machine"
	case active == all:
		return show.Sentence(number(active, "key")) + " " + verb + " this server"
	case active == 0:
		return "No key opens this server any more"
	}
	return show.Sentence(number(active, "key")) + " of " + numeral(all) + " " + verb + " this server"
}

// draft reads the fields and notes what is wrong with each.
func (f keyForm) draft(now time.Time, faults map[string]string) access.Draft {
	d := access.Draft{Name: f.Name, Class: f.Class}
	for _, s := range f.Scopes {
		d.Scopes = append(d.Scopes, access.Scope(s))
	}
	for m := range strings.FieldsFuncSeq(f.Models, func(r rune) bool { return r == ',' || r == '\n' || r == '\r' }) {
		if m = strings.TrimSpace(m); m != "" {
			d.Models = append(d.Models, m)
		}
	}
	whole := func(field, text string, most int) int {
		if text == "" {
			return 0
		}
		v, err := strconv.Atoi(text)
		if err != nil || v < 0 || v > most {
			faults[field] = "Give a whole number, or leave it empty."
		}
		return v
	}
	d.RequestsPerMinute = whole("requests_per_minute", f.Requests, access.MaxLimit)
	d.TokensPerMinute = whole("tokens_per_minute", f.Tokens, access.MaxLimit)
	if f.Budget != "" && d.MonthlyBudget.UnmarshalJSON([]byte(f.Budget)) != nil {
		faults["monthly_budget"] = "Give an amount such as 25 or 0.50, or leave it empty."
	}
	if n := whole("expires", f.Days, 36500); n > 0 {
		d.Expires = now.AddDate(0, 0, n)
	}
	var told *stylesprint.Error
	if err := d.Validate(now); errors.As(err, &told) && faults[told.Field] == "" {
		faults[told.Field] = show.Sentence(told.Message) + "."
	}
	return d
}

type keyMadeBody struct {
	Key    access.Key
	Secret string
	First  bool
}

func (s *site) createKey(w http.ResponseWriter, r *http.Request) error {
	v, err := form(w, r)
	if err != nil {
		return err
	}
	text := func(name string) string { return strings.TrimSpace(v.Get(name)) }
	f := keyForm{Name: text("name"), Models: text("models"), Requests: text("requests_per_minute"), Tokens: text("tokens_per_minute"), Budget: text("monthly_budget"), Class: text("class"), Days: text("expires"), Scopes: v["scopes"]}
	faults := map[string]string{}
	d := f.draft(s.o.Now(), faults)
	a, who := s.o.Access, visitorOf(w)
	if who.open && !access.Allows(d.Scopes, access.Admin) && faults["scopes"] == "" {
		faults["scopes"] = "The first key needs the scope admin: without it nobody could open this page again."
	}
	if len(faults) > 0 {
		return s.renderKeys(w, r, f, faults)
	}
	k, secret, err := a.Ring.Create(r.Context(), who.actor(), d)
	if err != nil {
		return err
	}
	if err := a.Keeper.Refresh(r.Context()); err != nil { // else it is known in half a second
		s.o.Log.WarnContext(r.Context(), "a new key is known a moment later", "error", err)
	}
	title := fmt.Sprintf("%s has a key: copy it now", k.Name)
	return s.render(w, "key-made", page{Here: "keys", Title: title, Document: "Key made", Private: true, Body: keyMadeBody{k, secret.Reveal(), who.open}})
}

// findKey finds one among all keys.
func (s *site) findKey(r *http.Request) (access.Key, error) {
	list, err := s.o.Access.Ring.List(r.Context())
	if err != nil {
		return access.Key{}, err
	}
	for _, k := range list {
		if k.ID == r.PathValue("id") {
			return k, nil
		}
	}
	return access.Key{}, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: "There is no such key", Hint: "The page of keys lists those that there are."}
}

type revokeBody struct {
	Key access.Key
	Own bool // the visitor's own
}

func (s *site) askToRevoke(w http.ResponseWriter, r *http.Request) error {
	k, err := s.findKey(r)
	if err != nil {
		return err
	}
	if !k.Revoked.IsZero() {
		http.Redirect(w, r, "/keys", http.StatusSeeOther)
		return nil
	}
	return s.render(w, "key-revoke", page{Here: "keys", Title: "Revoke the key of " + k.Name + "?", Document: "Revoke a key", Eyebrow: k.ID, Private: true, Body: revokeBody{k, k.ID == visitorOf(w).session.KeyID}})
}

func (s *site) revokeKey(w http.ResponseWriter, r *http.Request) error {
	a := s.o.Access
	if _, err := a.Ring.Revoke(r.Context(), visitorOf(w).actor(), r.PathValue("id")); err != nil {
		return err
	}
	if err := a.Keeper.Refresh(r.Context()); err != nil {
		s.o.Log.WarnContext(r.Context(), "a revocation takes effect a moment later", "error", err)
	}
	http.Redirect(w, r, "/keys", http.StatusSeeOther)
	return nil
}

// pageTrail is how many entries a page lists.
const pageTrail = 50

type trailBody struct {
	Entries []access.AuditEntry
	Older   int64
	Newer   bool
}

func (s *site) trail(w http.ResponseWriter, r *http.Request) error {
	before, err := strconv.ParseInt(r.URL.Query().Get("before"), 10, 64)
	if err != nil {
		before = 0
	}
	entries, err := s.o.Access.Trail.List(r.Context(), access.AuditFilter{Limit: pageTrail + 1, Before: before})
	if err != nil {
		return err
	}
	b := trailBody{Entries: entries, Newer: before > 0}
	if len(entries) > pageTrail {
		b.Entries, b.Older = entries[:pageTrail], entries[pageTrail-1].ID
	}
	title := "No administrator has done anything yet"
	switch {
	case b.Newer && len(entries) == 0:
		title = "There are no older entries"
	case b.Newer:
		title = "What administrators did earlier"
	case len(entries) > 0:
		title = fmt.Sprintf("The last act was %s by %s, %s", entries[0].Action, entries[0].Actor, show.Ago(entries[0].Time, s.o.Now()))
	}
	return s.render(w, "trail", page{Here: "trail", Title: title, Document: "Audit trail", Private: true, Body: b})
}
