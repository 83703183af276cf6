package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"stylesprint/cmd/stylesprint/config"
	"stylesprint/engine/hub"
	"stylesprint/internal/httpserver"
)

// checkServe checks what a server would need, without starting one: models, releases and
// the catalogue that the configuration names, and the keys of providers.
func (a *app) checkServe(ctx context.Context, c config.Config) error {
	var faults config.Faults
	for i, m := range c.Models {
		if f := a.checkModel(c, m, fmt.Sprintf("models[%d]", i)); f != nil {
			faults = append(faults, *f)
		}
	}
	if _, err := contentPolicy(c); err != nil {
		faults = append(faults, c.Fault("safety.policy", "%v", err))
	}
	if _, err := openProducts(c.Catalogue.Products); err != nil {
		faults = append(faults, c.Fault("catalogue.products", "%v", err))
	}
	found, err := a.checkReleases(ctx, c)
	if err != nil {
		return err
	}
	faults = append(faults, found...)
	if len(faults) > 0 {
		return a.settingsFault(faults)
	}
	if a.json {
		return a.printJSON(struct {
			Valid  bool   `json:"valid"`
			File   string `json:"file,omitempty"`
			Addr   string `json:"addr"`
			Models int    `json:"models"`
			Routes int    `json:"routes"`
		}{true, c.File(), c.Addr, len(c.Models), len(c.Routes)})
	}
	what := counted(len(c.Models), "model")
	if len(c.Routes) > 0 {
		what += ", " + counted(len(c.Routes), "route")
	}
	_, err = fmt.Fprintf(a.stdout, "settings are valid: %s on %s\n", what, c.Addr)
	return err
}

// checkModel finds what keeps a model from being opened, as far as can be told without opening it.
func (a *app) checkModel(c config.Config, m config.Model, at string) *config.Fault {
	fault := func(path, format string, args ...any) *config.Fault {
		f := c.Fault(at+path, format, args...)
		return &f
	}
	if m.Provider == "openai" {
		key, err := a.remoteKey(c, m)
		switch {
		case err != nil:
			return fault(".key_env", "%v", err)
		case key.Empty() && baseURL(c, m) == "":
			return fault(".key_env", "the environment has no %s, and OpenAI asks for a key", m.KeyEnv)
		}
		return nil
	}
	for _, known := range hub.Models() {
		if known.Name == m.Model {
			return nil
		}
	}
	if _, err := os.Stat(m.Model); err != nil {
		return fault(".model", "%q is neither a model of `stylesprint models list` nor a path", m.Model)
	}
	return nil
}

// checkReleases finds releases that routes need and that are not there, or cannot be served.
func (a *app) checkReleases(ctx context.Context, c config.Config) (config.Faults, error) {
	named := false
	for _, r := range c.Routes {
		named = named || r.Release != "" || len(r.Releases) > 0
	}
	if _, err := os.Stat(filepath.Join(c.DataDir, "stylesprint.db")); !named && c.DatabaseURL.Empty() && errors.Is(err, fs.ErrNotExist) {
		return nil, nil // no release can be assigned either
	}
	db, err := a.openStore(ctx, c)
	if err != nil {
		return nil, err
	}
	defer db.Close()
	found, err := findReleases(ctx, db, c)
	if err != nil {
		return nil, err
	}
	p := planner{plan: newPlan(c, nil, found.revision)}
	writes := map[string]bool{}
	for _, m := range c.Models {
		writes[m.Name] = m.Task == "text-generation"
	}
	for i, r := range publicRoutes(c) {
		p.route(routePath(c, i), r, found, writes)
	}
	return p.faults, nil
}

// probeHandler answers /healthz, /readyz and /metrics of a process without API. guard stands
// before the metrics, unless a program on this machine asks for them without a key.
func probeHandler(metrics *prometheus.Registry, ready *httpserver.Readiness, guard httpserver.Middleware) http.Handler {
	mux := http.NewServeMux()
	say := func(w http.ResponseWriter, status int, word string) {
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(status)
		_, _ = fmt.Fprintf(w, "{\"status\":%q}\n", word) // the client has left
	}
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { say(w, http.StatusOK, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if !ready.Ready() {
			w.Header().Set("Retry-After", "1")
			say(w, http.StatusServiceUnavailable, "draining")
			return
		}
		say(w, http.StatusOK, "ready")
	})
	shown := promhttp.HandlerFor(metrics, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
	guarded := guard(shown)
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") == "" && httpserver.FromThisMachine(r) {
			shown.ServeHTTP(w, r)
			return
		}
		guarded.ServeHTTP(w, r)
	})
	return httpserver.Chain(mux, httpserver.SecurityHeaders(httpserver.PolicyData))
}

func counted(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}
