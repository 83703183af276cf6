package web

import (
	"net/http"
	"slices"

	"stylesprint"
)

// route is one line of the map.
type route struct {
	pattern string // in the pattern language of http.ServeMux
	handle  func(w http.ResponseWriter, r *http.Request) error
}

// routes is the map of the dashboard.
func (s *site) routes() []route {
	if s.o.RatersOnly {
		return append(s.raterRoutes(), route{"GET /{$}", s.door}, route{"GET /review", s.door}, route{"POST /review", s.enter},
			route{"GET /assets/{name}", s.asset}, route{"GET /favicon.ico", s.icon})
	}
	return append(append([]route{
		{"GET /{$}", s.overview},
		{"GET /playground", s.playground},
		{"POST /playground", s.ask},
		{"GET /questions", s.questions},
		{"POST /questions", s.askQuestion},
		{"GET /runs", s.runs},
		{"GET /runs/events", s.events},
		{"GET /runs/{id}", s.run},
		{"GET /comparisons", s.comparisons},
		{"GET /comparisons/view", s.comparison},
		{"GET /comparisons/report", s.report},
		{"GET /images/{run}", s.image},
		{"GET /live", s.live},
		{"GET /live/events", s.liveEvents},
		{"GET /keyboard", s.keyboard},
		{"GET /assets/{name}", s.asset},
		{"GET /favicon.ico", s.icon},
	}, s.reviewRoutes()...), slices.Concat(s.raterRoutes(), s.accessRoutes(), s.releaseRoutes())...)
}

func (s *site) mux() http.Handler {
	mux := http.NewServeMux()
	for _, rt := range s.routes() {
		mux.Handle(rt.pattern, s.answer(rt.handle))
	}
	mux.Handle("/", s.answer(func(w http.ResponseWriter, r *http.Request) error {
		if r.Method != http.MethodGet && r.Method != http.MethodHead {
			return &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: "Nothing takes " + r.Method + " at this address"}
		}
		hint := "The rail lists the pages that there are."
		if s.o.RatersOnly {
			hint = "Open the link that you were sent."
		}
		return &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: "There is no page at " + r.URL.Path, Hint: hint}
	}))
	return mux
}

// steps are the steps of the life, with the pages that each has. A step
// without a page is not shown.
func steps() []step {
	return []step{
		{"", []link{{"overview", "/", "Overview", "o"}, {"playground", "/playground", "Playground", "p"}, {"questions", "/questions", "Questions", "q"}}},
		{"Catalogue", nil},
		{"Evaluate", []link{{"runs", "/runs", "Runs", "r"}, {"comparisons", "/comparisons", "Comparisons", "c"}}},
		{"Review", []link{{"review", "/review", "Reviews", "v"}}},
		{"Audit", nil},
		{"Releases", []link{{"releases", "/releases", "Releases", "e"}}},
		{"Live", []link{{"live", "/live", "Live", "l"}}},
		{"Tune", nil},
		{"Reports", nil},
		{"Access", []link{{"keys", "/keys", "Keys", "k"}, {"trail", "/trail", "Audit trail", "a"}}},
	}
}

// stepsFor leaves out what a visitor cannot open, and the pages of keys where there are none.
func (s *site) stepsFor(who visitor) []step {
	var out []step
	for _, st := range steps() {
		kept := step{Name: st.Name}
		for _, l := range st.Links {
			d := doorOf(l.Path)
			if who.may(d.needs) && (s.o.Access != nil || l.ID != "keys" && l.ID != "trail") {
				kept.Links = append(kept.Links, l)
			}
		}
		out = append(out, kept)
	}
	return out
}

// step is a heading of the rail.
type step struct {
	Name  string
	Links []link
}

// link is a page in the rail; Key opens it after g.
type link struct{ ID, Path, Name, Key string }
