package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime"

	"stylesprint"
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
		o.Generate = playground{s, "/playground"}
	}
	pages, err := web.New(*o)
	if err != nil {
		return err
	}
	s.mux.Handle("/", httpserver.Chain(pages, httpserver.Recover(s.panicked, nil), httpserver.BodyLimit(s.config.MaxBodyBytes, nil), withForm))
	return nil
}

func (s *server) shownModels() []web.Model {
	models := s.plan.Load().models
	out := make([]web.Model, len(models))
	for i, m := range models {
		out[i] = m.shown
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

// playground answers the dashboard's form with the models that are served.
type playground struct {
	s     *server
	label string // of the page, in the request log
}

var _ web.Generator = playground{}

// Generate implements web.Generator: as the API does for whoever sent the form, with their
// limits, the stages and a record.
func (p playground) Generate(ctx context.Context, req generate.Request) (stylesprint.Reply, error) {
	r, ok := ctx.Value(formKey{}).(*http.Request)
	if !ok {
		return stylesprint.Reply{}, errors.New("ask a model: the question came with no form")
	}
	return p.s.api.Ask(ctx, r, p.label, req)
}

type formKey struct{}

// withForm lets what answers a page know the request.
func withForm(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			r = r.WithContext(context.WithValue(r.Context(), formKey{}, r))
		}
		next.ServeHTTP(w, r)
	})
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
			Hint: "try /healthz, /readyz or /metrics; pages and the API are served by stylesprint serve --role all"})
	})
}
