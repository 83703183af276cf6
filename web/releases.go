package web

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"stylesprint"
	"stylesprint/release"
	"stylesprint/web/diff"
	"stylesprint/web/show"
)

// Releases is what the pages of releases need. Book is required.
type Releases struct {
	// Book is read here; acts go through Act, where that is set.
	Book release.Book
	// Routes are the public names that can be served by releases, the default first, with who
	// serves them.
	Routes func(ctx context.Context) ([]ServedRoute, error)
	// Act promotes and rolls back on a running server; nil: the pages only show.
	Act ReleaseActs
	// Actor says who sends a form; nil: nobody knows.
	Actor func(*http.Request) string
}

// ReleaseActs change who serves a route.
type ReleaseActs interface {
	// Promote gives a release a part of a route's traffic.
	Promote(ctx context.Context, p release.Promotion) (release.Assignment, error)
	// Rollback takes the release that was promoted last from a route.
	Rollback(ctx context.Context, u release.Undo) (release.Assignment, error)
}

// ServedRoute is a public name with who serves it.
type ServedRoute struct {
	Name   string
	Shares []release.Share
}

// pageReleases is how many releases a page lists, and pageActs how many acts.
const (
	pageReleases = 50
	pageActs     = 30
)

func (s *site) releaseRoutes() []route {
	return []route{
		{"GET /releases", s.releases},
		{"GET /releases/diff", s.releaseDiff},
		{"GET /releases/{id}", s.release},
		{"POST /releases/promote", s.promote},
		{"POST /releases/rollback", s.rollback},
	}
}

func (s *site) releasesOf() (*Releases, error) {
	if s.o.Releases == nil {
		return nil, &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "This server keeps no releases", Hint: "Start the one that does: stylesprint serve"}
	}
	return s.o.Releases, nil
}

type releasesBody struct {
	Routes   []routeLine
	Releases []release.Standing
	Acts     []release.Assignment // newest first
	Can      bool                 // forms can be sent
	Older    int                  // the number that the next page begins before; 0 at the end
	Newer    bool
	From, To string // that are compared unless others are chosen
}

// routeLine is a route as the list shows it.
type routeLine struct {
	Name   string
	Shares []release.Share
	Last   *release.Assignment // nil where nothing was ever assigned
	Back   bool                // there is something to roll back
}

func (s *site) releases(w http.ResponseWriter, r *http.Request) error {
	if s.o.Releases == nil {
		return s.render(w, "releases", page{Here: "releases", Title: "This server keeps no releases", Document: "Releases", Body: releasesBody{}})
	}
	o, ctx := s.o.Releases, r.Context()
	before, _ := strconv.Atoi(r.URL.Query().Get("before")) // anything else is the first page
	list, err := o.Book.Standings(ctx, release.Filter{Limit: pageReleases + 1, Before: max(before, 0)})
	if err != nil {
		return err
	}
	b := releasesBody{Newer: before > 0, Can: o.Act != nil}
	if len(list) > pageReleases {
		list = list[:pageReleases]
		b.Older = list[pageReleases-1].Number
	}
	b.Releases = list
	acts, err := o.Book.Ledger.Assignments(ctx, "")
	if err != nil {
		return err
	}
	if b.Routes, err = o.lines(ctx, acts); err != nil {
		return err
	}
	slices.SortStableFunc(acts, func(x, y release.Assignment) int { return y.At.Compare(x.At) })
	b.Acts = acts[:min(len(acts), pageActs)]
	if len(list) > 1 {
		b.From, b.To = list[1].ID, list[0].ID
	}
	return s.render(w, "releases", page{Here: "releases", Title: releasesTitle(b), Document: "Releases", Body: b})
}

// lines joins the routes that are served with their last acts.
func (o *Releases) lines(ctx context.Context, acts []release.Assignment) ([]routeLine, error) {
	var out []routeLine
	last := release.Routes(acts)
	add := func(name string, shares []release.Share) {
		l := routeLine{Name: name, Shares: shares}
		if i := slices.IndexFunc(last, func(a release.Assignment) bool { return a.Route == name }); i >= 0 {
			l.Last = &last[i]
			l.Back = last[i].Kind == release.Promoted || last[i].Restores > 0
		}
		out = append(out, l)
	}
	if o.Routes == nil {
		for _, a := range last {
			add(a.Route, a.Shares)
		}
		return out, nil
	}
	routes, err := o.Routes(ctx)
	for _, r := range routes {
		add(r.Name, r.Shares)
	}
	return out, err
}

// releasesTitle says who serves, and what waits.
func releasesTitle(b releasesBody) string {
	if len(b.Releases) == 0 {
		if b.Newer {
			return "There are no older releases"
		}
		return "Nothing has been released yet"
	}
	if b.Newer {
		return show.Sentence(number(len(b.Releases), "older release"))
	}
	title := show.Sentence(number(len(b.Releases), "release")) + ", none of which serves"
	if served := servedWords(b.Routes); served != "" {
		title = served
	}
	for _, r := range b.Releases { // newest first: what is older than one that serves is history
		switch r.State {
		case release.Draft:
			return title + "; " + r.ID + " waits for its gate"
		case release.Gated:
			return title + "; " + r.ID + " has met its gate and waits to be promoted"
		case release.Refused:
			return title + "; " + r.ID + " did not meet its gate"
		case release.Serving:
			return title
		}
	}
	return title
}

// servedWords says who serves the routes that releases serve, two of them by name.
func servedWords(routes []routeLine) string {
	var words []string
	more := 0
	for _, r := range routes {
		switch {
		case !slices.ContainsFunc(r.Shares, func(s release.Share) bool { return s.Release != "" }):
			continue
		case len(words) == 2:
			more++
		case len(r.Shares) == 1:
			words = append(words, fmt.Sprintf("release %s serves all of %s", r.Shares[0].Release, r.Name))
		default:
			words = append(words, fmt.Sprintf("%s is served by %s", r.Name, release.Words(r.Shares)))
		}
	}
	text := strings.Join(words, "; ")
	if more > 0 {
		text += fmt.Sprintf("; and %s", number(more, "more route"))
	}
	if strings.HasPrefix(text, "release ") { // a route's name stays as it is
		text = show.Sentence(text)
	}
	return text
}

// partsWords says what a release serves: "all of writer, 10 % of copy".
func partsWords(parts []release.Part) string {
	words := make([]string, len(parts))
	for i, p := range parts {
		words[i] = fmt.Sprintf("%d %% of %s", p.Percent, p.Route)
		if p.Percent == 100 {
			words[i] = "all of " + p.Route
		}
	}
	return strings.Join(words, ", ")
}

type releaseBody struct {
	release.Standing
	Params []release.Change
	Acts   []release.Assignment
}

func (s *site) release(w http.ResponseWriter, r *http.Request) error {
	o, err := s.releasesOf()
	if err != nil {
		return err
	}
	got, err := o.Book.Store.Release(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	list, err := o.Book.Standings(r.Context(), release.Filter{Limit: 1, Before: got.Number + 1})
	if err != nil {
		return err
	}
	acts, err := o.Book.Ledger.Assignments(r.Context(), "")
	if err != nil {
		return err
	}
	b := releaseBody{Standing: list[0], Params: got.Params.Set()}
	for _, a := range acts {
		if a.Release == got.ID || slices.ContainsFunc(a.Shares, func(x release.Share) bool { return x.Release == got.ID }) {
			b.Acts = append(b.Acts, a)
		}
	}
	return s.render(w, "release", page{Here: "releases", Title: releaseTitle(b.Standing), Document: "Release " + got.ID, Eyebrow: got.Name, Body: b})
}

func releaseTitle(s release.Standing) string {
	switch s.State {
	case release.Serving:
		return "Release " + s.ID + " serves " + partsWords(s.Serves)
	case release.Retired:
		return "Release " + s.ID + " served, and does no more"
	case release.Gated:
		return "Release " + s.ID + " has met its gate and serves nothing yet"
	case release.Refused:
		return "Release " + s.ID + " did not meet its gate"
	}
	return "Release " + s.ID + " waits for its gate"
}

type releaseDiffBody struct {
	From, To release.Release
	Changes  []release.Change
	Words    *diff.Result // of the prompts; nil where they are the same
}

func (s *site) releaseDiff(w http.ResponseWriter, r *http.Request) error {
	o, err := s.releasesOf()
	if err != nil {
		return err
	}
	var b releaseDiffBody
	if b.From, err = o.Book.Store.Release(r.Context(), r.URL.Query().Get("from")); err != nil {
		return err
	}
	if b.To, err = o.Book.Store.Release(r.Context(), r.URL.Query().Get("to")); err != nil {
		return err
	}
	b.Changes = release.Diff(b.From, b.To)
	if b.From.Prompt.Hash != b.To.Prompt.Hash {
		words := diff.Words(b.From.Prompt.Text, b.To.Prompt.Text)
		b.Words = &words
	}
	title := fmt.Sprintf("Releases %s and %s differ in %s", b.From.ID, b.To.ID, number(len(b.Changes), "field"))
	if len(b.Changes) == 0 {
		title = "Releases " + b.From.ID + " and " + b.To.ID + " do not differ"
	}
	return s.render(w, "release-diff", page{Here: "releases", Title: title, Document: "Releases " + b.From.ID + " and " + b.To.ID, Body: b})
}

// act finds what changes routes, and who asks.
func (s *site) act(w http.ResponseWriter, r *http.Request) (ReleaseActs, string, error) {
	o, err := s.releasesOf()
	if err != nil {
		return nil, "", err
	}
	if o.Act == nil {
		return nil, "", &stylesprint.Error{Code: stylesprint.CodeUnsupported, Message: "Releases can only be read here", Hint: "promote with: stylesprint release promote"}
	}
	r.Body = http.MaxBytesReader(w, r.Body, 64<<10)
	if err := r.ParseForm(); err != nil {
		return nil, "", &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "The form cannot be read", Err: err}
	}
	who := "dashboard"
	if o.Actor != nil {
		who = o.Actor(r)
	}
	return o.Act, who, nil
}

func (s *site) promote(w http.ResponseWriter, r *http.Request) error {
	acts, who, err := s.act(w, r)
	if err != nil {
		return err
	}
	percent, err := strconv.Atoi(strings.TrimSpace(r.PostFormValue("percent")))
	if err != nil {
		return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "percent", Message: "A share is a whole number from 1 to 100", Hint: "Go back and give one."}
	}
	_, err = acts.Promote(r.Context(), release.Promotion{
		Route: r.PostFormValue("route"), Release: r.PostFormValue("release"), Percent: percent, By: who,
		Reason: strings.TrimSpace(r.PostFormValue("reason")), Force: r.PostFormValue("force") == "yes",
	})
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/releases", http.StatusSeeOther)
	return nil
}

func (s *site) rollback(w http.ResponseWriter, r *http.Request) error {
	acts, who, err := s.act(w, r)
	if err != nil {
		return err
	}
	_, err = acts.Rollback(r.Context(), release.Undo{Route: r.PostFormValue("route"), By: who, Reason: strings.TrimSpace(r.PostFormValue("reason"))})
	if err != nil {
		return err
	}
	http.Redirect(w, r, "/releases", http.StatusSeeOther)
	return nil
}
