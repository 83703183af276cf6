package main

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"slices"

	"stylesprint"
	"stylesprint/catalogue/answer"
	"stylesprint/gateway/route"
	"stylesprint/generate"
	"stylesprint/internal/httpserver"
	"stylesprint/prompt"
	"stylesprint/web"
)

// mountPages serves the dashboard at every path that nothing else has.
func (s *server) mountPages() error {
	v := buildVersion()
	data := datasets{dir: s.config.DataDir, kept: new(keptDatasets)}
	set, err := prompt.Builtin()
	if err != nil {
		return err
	}
	fill, err := samples(8)
	if err != nil {
		return err
	}
	o := &s.pages
	o.Runs, o.Compare, o.Prompts, o.Samples = s.db, comparer{s.db, data}, set, fill
	o.Models = func(context.Context) ([]web.Model, error) { return s.shownModels(), nil }
	o.Health = s.health
	o.Items, o.Images, o.Faithfulness, o.Note = data.items, pictures, checker(), datasetNote
	o.Review = s.app.reviewPages(s.db, data)
	o.Releases = s.releasePages()
	o.Version, o.Log, o.Closing = v.Version, s.log, s.closing
	if s.writes() {
		o.Generate = forms{s}
	}
	pages, err := web.New(*o)
	if err != nil {
		return err
	}
	s.mux.Handle("/", httpserver.Chain(pages, httpserver.Recover(s.panicked, nil), httpserver.BodyLimit(s.config.MaxBodyBytes, nil)))
	return nil
}

// shownModels is what requests may ask for, the default one first. A route has the figures of the
// model that it asks first, and the prices of all that it asks.
func (s *server) shownModels() []web.Model {
	p := s.plan.Load()
	byName := map[string]web.Model{}
	for _, m := range p.models {
		byName[m.conf.Name] = m.shown
	}
	var out []web.Model
	for _, r := range publicRoutes(p.config) {
		asked := p.asked(r.Name)
		var shown web.Model
		if len(asked) > 0 {
			shown = byName[asked[0]]
		}
		shown.Name = r.Name
		for _, name := range asked {
			if len(asked) > 1 {
				shown.Targets = append(shown.Targets, web.Target{Name: name, Price: byName[name].Price})
			}
		}
		out = append(out, shown)
	}
	for _, m := range p.models {
		if m.embed != nil && !m.conf.Internal {
			out = append(out, m.shown)
		}
	}
	slices.SortStableFunc(out, func(a, b web.Model) int {
		switch p.config.DefaultModel {
		case a.Name:
			return -1
		case b.Name:
			return 1
		}
		return 0
	})
	return out
}

// asked are the models that a public route asks, each once: those of its first share come first, each
// share's by priority.
func (p *plan) asked(name string) []string {
	var out []string
	at := slices.IndexFunc(p.routes, func(r route.Route) bool { return r.Name == name })
	if at < 0 {
		return nil
	}
	for _, s := range p.routes[at].Shares {
		targets := slices.Clone(s.Targets)
		slices.SortStableFunc(targets, func(a, b route.Choice) int { return a.Priority - b.Priority })
		for _, t := range targets {
			if !slices.Contains(out, t.Target) {
				out = append(out, t.Target)
			}
		}
	}
	return out
}

// writes says whether a model writes, so that there is something to try.
func (s *server) writes() bool { return len(s.plan.Load().targets) > 0 }

// health is what the overview shows: the process, its database and its models.
func (s *server) health(ctx context.Context) []web.Check {
	checks := []web.Check{{Name: "server", OK: s.ready.Ready(), Detail: fmt.Sprintf("%s on %s, %d cores", runtime.Version(), s.config.Addr, runtime.GOMAXPROCS(0))}}
	db := web.Check{Name: "database", OK: true, Detail: s.db.name}
	if err := s.db.Ping(ctx); err != nil {
		db.OK, db.Detail = false, err.Error()
	}
	models := len(s.plan.Load().models)
	return append(checks, db, web.Check{Name: "models", OK: models > 0, Detail: fmt.Sprintf("%d ready", models)})
}

// forms answers what people ask in the dashboard's forms, as the API answers programs.
type forms struct{ s *server }

var (
	_ web.Generator = forms{}
	_ web.Answerer  = forms{}
)

// Generate implements web.Generator.
func (f forms) Generate(r *http.Request, req generate.Request) (stylesprint.Reply, error) {
	return f.s.api.Ask(r, "/playground", req)
}

// Answer implements web.Answerer.
func (f forms) Answer(r *http.Request, q answer.Question) (answer.Answer, error) {
	return f.s.api.AnswerQuestion(r, "/questions", q)
}

// releasePages is what the pages of releases read and do.
func (s *server) releasePages() *web.Releases {
	return &web.Releases{
		Book: s.book(), Act: adminServer{s}, Actor: s.actor,
		Routes: func(context.Context) ([]web.ServedRoute, error) {
			p := s.plan.Load()
			var out []web.ServedRoute
			for _, r := range publicRoutes(p.config) {
				out = append(out, web.ServedRoute{Name: r.Name, Shares: p.shares[r.Name]})
			}
			return out, nil
		},
	}
}

// mountProbes serves what a process without API shows of itself.
func (s *server) mountProbes() {
	probes := probeHandler(s.metrics, s.ready, s.guard)
	for _, path := range []string{"/healthz", "/readyz", "/metrics"} {
		s.mux.Handle("GET "+path, probes)
	}
	s.mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		httpserver.Answer(w, r, http.StatusNotFound, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: "This process works on jobs; there is nothing at this path",
			Hint: "try /healthz, /readyz or /metrics; the API is served by stylesprint serve --role gateway, pages and API by --role all"})
	})
}
