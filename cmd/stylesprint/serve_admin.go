package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"syscall"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/gateway/admin"
	"stylesprint/internal/httpserver"
	"stylesprint/release"
)

// joinAdmin serves /admin/.
func (s *server) joinAdmin(context.Context) error {
	h := admin.New(adminServer{s}, s.actor)
	if s.guard != nil {
		h = s.guard(h)
	}
	s.mux.Handle("/admin/", httpserver.Chain(h, httpserver.RequestID(), httpserver.Recover(s.panicked, nil)))
	return nil
}

// watchReload reads the configuration again when the process is told to.
func (s *server) watchReload(ctx context.Context) {
	asked := make(chan os.Signal, 1)
	signal.Notify(asked, syscall.SIGHUP)
	defer signal.Stop(asked)
	for {
		select {
		case <-ctx.Done():
			return
		case <-asked:
			if s.api == nil {
				s.log.Warn("reload: this process serves no models; it reads its configuration when it is started")
				continue
			}
			s.reload(ctx)
		}
	}
}

// reload reads the configuration again. It is served whole, or what was served stays.
func (s *server) reload(ctx context.Context) admin.Report {
	s.change.Lock()
	defer s.change.Unlock()
	report, err := s.reloadLocked(ctx)
	if err != nil {
		for _, f := range config.FaultsOf(err) {
			report.Faults = append(report.Faults, f.String())
		}
		s.log.Error("reload: what was served stays", "faults", report.Faults)
		return report
	}
	report.Applied = true
	for _, w := range report.Warnings {
		s.log.Warn("reload", "warning", w)
	}
	s.log.Info("reload: done", "opened", report.Opened, "closed", report.Closed, "changed", report.Changed)
	return report
}

func (s *server) reloadLocked(ctx context.Context) (admin.Report, error) {
	var report admin.Report
	next, err := config.Load(s.app.configPath, s.app.getenv)
	if err != nil {
		return report, err
	}
	s.how.flags.apply(&next)
	if err := next.Validate(); err != nil {
		return report, err
	}
	if err := readable(next); err != nil {
		return report, err
	}
	for _, key := range s.config.Changed(next) {
		report.Warnings = append(report.Warnings, key+" has changed and takes effect when the server is started again")
	}
	// What cannot change stays as the server was started with it.
	next.Addr, next.DataDir, next.CacheDir = s.config.Addr, s.config.DataDir, s.config.CacheDir
	next.Threads, next.CPU, next.LogBodies, next.NoJobs = s.config.Threads, s.config.CPU, s.config.LogBodies, s.config.NoJobs
	next.DrainTimeout, next.RetryBudget = s.config.DrainTimeout, s.config.RetryBudget
	next.Database, next.Access, next.OIDC, next.Feedback = s.config.Database, s.config.Access, s.config.OIDC, s.config.Feedback
	next.RequestLog, next.Cache, next.Engine, next.Telemetry = s.config.RequestLog, s.config.Cache, s.config.Engine, s.config.Telemetry
	done, err := s.apply(ctx, next)
	if err != nil {
		return report, err
	}
	report.Warnings = append(report.Warnings, s.plan.Load().ungated()...)
	report.Opened, report.Closed, report.Changed = done.opened, done.closed, done.moved
	for _, told := range s.reloads {
		if err := told(ctx, next); err != nil {
			report.Warnings = append(report.Warnings, err.Error())
		}
	}
	return report, nil
}

// readable reports the faults of the files that a configuration names, before any of it is served.
func readable(c config.Config) error {
	var faults config.Faults
	if _, err := contentPolicy(c); err != nil {
		faults = append(faults, c.Fault("safety.policy", "%v", err))
	}
	if _, _, err := answerProducts(c); err != nil {
		faults = append(faults, c.Fault("catalogue", "%v", err))
	}
	if len(faults) > 0 {
		return faults
	}
	return nil
}

// adminServer is what /admin/ acts on.
type adminServer struct{ s *server }

var _ admin.Server = adminServer{}

// Reload implements admin.Server. The client may leave; the reload is finished.
func (a adminServer) Reload(ctx context.Context) admin.Report {
	return a.s.reload(context.WithoutCancel(ctx))
}

// Config implements admin.Server.
func (a adminServer) Config() map[string]any { return a.s.plan.Load().config.Shown() }

// Routes implements admin.Server.
func (a adminServer) Routes(ctx context.Context) ([]admin.Route, error) {
	history, err := a.s.db.Assignments(ctx, "")
	if err != nil {
		return nil, err
	}
	p := a.s.plan.Load()
	var out []admin.Route
	for _, r := range publicRoutes(p.config) {
		one := admin.Route{Name: r.Name, Shares: p.shares[r.Name], Words: release.Words(p.shares[r.Name])}
		for _, h := range history {
			if h.Route == r.Name {
				one.History = append(one.History, h)
			}
		}
		out = append(out, one)
	}
	return out, nil
}

// Promote implements admin.Server.
func (a adminServer) Promote(ctx context.Context, p release.Promotion) (release.Assignment, error) {
	if err := a.s.known(p.Route); err != nil {
		return release.Assignment{}, err
	}
	r, err := a.s.db.Release(ctx, p.Release)
	if err != nil {
		return release.Assignment{}, err
	}
	if err := canServe(a.s.plan.Load().config, r); err != nil {
		return release.Assignment{}, err
	}
	assigned, err := a.s.book().Promote(ctx, p)
	if err != nil {
		return assigned, err
	}
	return assigned, a.s.takeUp(ctx)
}

// Rollback implements admin.Server.
func (a adminServer) Rollback(ctx context.Context, u release.Undo) (release.Assignment, error) {
	if err := a.s.known(u.Route); err != nil {
		return release.Assignment{}, err
	}
	assigned, err := a.s.book().Rollback(ctx, u)
	if err != nil {
		return assigned, err
	}
	return assigned, a.s.takeUp(ctx)
}

// takeUp serves at once what was just assigned, on this server.
func (s *server) takeUp(ctx context.Context) error { return s.followOnce(context.WithoutCancel(ctx)) }

func (s *server) known(route string) error { return routeKnown(s.plan.Load().config, route) }

// routeKnown refuses a route that the configuration does not have.
func routeKnown(c config.Config, route string) error {
	var names []string
	for _, r := range publicRoutes(c) {
		if r.Name == route {
			return nil
		}
		names = append(names, r.Name)
	}
	return &stylesprint.Error{Code: stylesprint.CodeNotFound, Field: "route", Message: fmt.Sprintf("there is no route %q; there are %s", route, joined(names)),
		Hint: "name one of them, or add it to routes in the configuration"}
}

// canServe refuses a release whose models the configuration does not have.
func canServe(c config.Config, r release.Release) error {
	for _, t := range r.Targets {
		found := false
		for _, m := range c.Models {
			found = found || m.Name == t && m.Task == "text-generation"
		}
		if !found {
			return &stylesprint.Error{Code: stylesprint.CodeConflict, Field: "release", Message: fmt.Sprintf("release %s needs the model %q, which the configuration does not have", r.ID, t),
				Hint: "add it to models, and let the server read its configuration again"}
		}
	}
	if r.Adapter != "" {
		return &stylesprint.Error{Code: stylesprint.CodeUnsupported, Field: "release", Message: fmt.Sprintf("release %s has an adapter, which this version does not serve", r.ID),
			Hint: "make a release without one: stylesprint release create"}
	}
	return nil
}

// book is the life of releases in the server's database.
func (s *server) book() release.Book {
	return release.Book{Store: s.db, Ledger: s.db, Trail: s.trail, Now: s.app.now}
}
