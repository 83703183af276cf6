package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/gateway"
	"stylesprint/gateway/route"
	"stylesprint/prompt"
	"stylesprint/release"
)

// releaseReader is what a server reads of the database.
type releaseReader interface {
	Release(ctx context.Context, id string) (release.Release, error)
	Assignments(ctx context.Context, route string) ([]release.Assignment, error)
	AssignmentRevision(ctx context.Context) (int64, error)
	Verdicts(ctx context.Context, id string) ([]release.Verdict, error)
}

// findReleases reads who serves the routes of a configuration, and the releases that it needs.
// A release that is not there is left out: the plan says where it is missing.
func findReleases(ctx context.Context, db releaseReader, c config.Config) (foundReleases, error) {
	found := foundReleases{assigned: map[string][]release.Share{}, byID: map[string]servedRelease{}}
	var err error
	if found.revision, err = db.AssignmentRevision(ctx); err != nil {
		return found, err
	}
	all, err := db.Assignments(ctx, "")
	if err != nil {
		return found, err
	}
	var ids []string
	for _, a := range release.Routes(all) {
		found.assigned[a.Route] = a.Shares
	}
	for _, r := range publicRoutes(c) {
		for _, s := range append(found.shares(r), fileShares(r)...) {
			if s.Release != "" && !slices.Contains(ids, s.Release) {
				ids = append(ids, s.Release)
			}
		}
	}
	for _, id := range ids {
		r, err := db.Release(ctx, id)
		if stylesprint.CodeOf(err) == stylesprint.CodeNotFound {
			continue
		}
		if err != nil {
			return found, err
		}
		verdicts, err := db.Verdicts(ctx, id)
		if err != nil {
			return found, err
		}
		served := servedRelease{Release: r, gated: len(verdicts) > 0 && verdicts[len(verdicts)-1].Met}
		if r.Prompt.Text != "" {
			t, err := prompt.Parse([]byte(r.Prompt.Text))
			if err != nil {
				return found, fmt.Errorf("release %s: %w", id, err)
			}
			if t.Hash != r.Prompt.Hash {
				return found, fmt.Errorf("release %s: its prompt is not the one that it was created with", id)
			}
			served.template = &t
		}
		found.byID[id] = served
	}
	return found, nil
}

// joinModels opens the models and makes the routes to them.
func (s *server) joinModels(ctx context.Context) error {
	s.models.app = s.app
	s.open.add(&s.models)
	all, _, err := s.models.want(ctx, s.config)
	if err != nil {
		return err
	}
	s.models.use(all)
	if !s.config.NoJobs && s.how.role.jobs() {
		for _, m := range all {
			if m.lent != nil {
				s.lent = append(s.lent, *m.lent)
			}
		}
	}
	found, err := findReleases(ctx, s.db, s.config)
	if err != nil {
		return err
	}
	p, err := makePlan(s.config, all, found)
	if err != nil {
		return cannotServe(err)
	}
	s.router, err = route.New(route.Options{Targets: p.targets, Routes: p.routes, Budget: retryBudget(s.config.RetryBudget), Log: s.log, Metrics: s.metrics})
	if err != nil {
		return err
	}
	for _, w := range p.ungated() {
		s.log.Warn("releases", "warning", w)
	}
	s.plan.Store(p)
	settings := gatewaySettings(p, s.router)
	s.gateway.Models, s.gateway.DefaultModel, s.gateway.DefaultEmbedding = settings.Models, settings.DefaultModel, settings.DefaultEmbedding
	s.gateway.MaxBodyBytes, s.gateway.MaxInFlight, s.gateway.Timeout = settings.MaxBodyBytes, settings.MaxInFlight, settings.Timeout
	s.tasks = append(s.tasks, func(ctx context.Context) {
		if err := s.router.Run(ctx); err != nil && ctx.Err() == nil {
			s.log.Error("routes: targets are probed no more", "error", err.Error())
		}
	})
	return nil
}

func cannotServe(err error) error {
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "the configuration cannot be served", Err: err,
		Hint: "mend what is named above; stylesprint release list shows the releases, and stylesprint release rollback takes one off a route"}
}

// gatewaySettings is what a plan gives the gateway.
func gatewaySettings(p *plan, router *route.Router) gateway.Settings {
	c := p.config
	return gateway.Settings{
		Models: p.public(router), DefaultModel: c.DefaultModel, DefaultEmbedding: c.DefaultEmbedding,
		MaxBodyBytes: c.MaxBodyBytes, MaxInFlight: c.MaxInFlight, Timeout: c.RequestTimeout,
	}
}

// joinReleases serves products with the prompts of releases, and takes promotions up.
func (s *server) joinReleases(ctx context.Context) error {
	products, err := openProducts(s.config.Catalogue.Products)
	if err != nil {
		return err
	}
	s.products.Store(&products)
	s.gateway.Describe = describer{s}
	s.tasks = append(s.tasks, func(ctx context.Context) { s.followAssignments(ctx, time.Second) })
	return nil
}

// followAssignments looks for promotions and rollbacks, which other processes make, and takes
// them up. While the database is away, what is served stays.
func (s *server) followAssignments(ctx context.Context, every time.Duration) {
	tick := time.NewTicker(every)
	defer tick.Stop()
	var failed string
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := s.followOnce(ctx)
		if text := fmt.Sprint(err); err != nil && text != failed && ctx.Err() == nil {
			s.log.Error("releases: what is served stays", "error", text)
			failed = text
		} else if err == nil {
			failed = ""
		}
	}
}

func (s *server) followOnce(ctx context.Context) error {
	revision, err := s.db.AssignmentRevision(ctx)
	if err != nil || revision == s.plan.Load().revision {
		return err
	}
	s.change.Lock()
	defer s.change.Unlock()
	_, err = s.apply(ctx, s.plan.Load().config)
	return err
}

// apply serves a configuration with what is assigned now, or changes nothing. s.change is held.
func (s *server) apply(ctx context.Context, c config.Config) (applied, error) {
	var out applied
	products, err := openProducts(c.Catalogue.Products)
	if err != nil {
		return out, config.Faults{c.Fault("catalogue.products", "%v", err)}
	}
	all, fresh, err := s.models.want(ctx, c)
	if err != nil {
		return out, err
	}
	undo := func(err error) (applied, error) { return applied{}, errors.Join(err, closeModels(fresh)) }
	found, err := findReleases(ctx, s.db, c)
	if err != nil {
		return undo(err)
	}
	next, err := makePlan(c, all, found)
	if err != nil {
		return undo(err)
	}
	last := s.plan.Load()
	former := append(slices.Clone(s.former), last)
	if err := s.router.Update(withFormer(next, former)); err != nil {
		return undo(err)
	}
	unused, err := s.api.Reconfigure(gatewaySettings(next, s.router))
	if err != nil {
		return undo(errors.Join(err, s.router.Update(withFormer(last, s.former))))
	}
	s.former = former
	s.plan.Store(next)
	s.products.Store(&products)
	gone := s.models.use(all)
	out.opened, out.closed = modelNames(fresh), modelNames(gone)
	for from, to := range changedShares(last, next) {
		out.moved = append(out.moved, fmt.Sprintf("%s: %s", from, to))
	}
	slices.Sort(out.moved)
	s.retire(unused, last, gone)
	return out, nil
}

// applied says what a change did.
type applied struct {
	opened, closed string   // names of models
	moved          []string // routes, with who serves them now
}

func changedShares(last, next *plan) map[string]string {
	out := map[string]string{}
	for name, shares := range next.shares {
		if now := release.Words(shares); last.shares[name] == nil || release.Words(last.shares[name]) != now {
			out[name] = now
		}
	}
	return out
}

// withFormer is a plan's targets and routes, and those of former plans that it has no more:
// requests that began with them may still ask for them.
func withFormer(next *plan, former []*plan) ([]route.Target, []route.Route) {
	targets, routes := slices.Clone(next.targets), slices.Clone(next.routes)
	for _, last := range slices.Backward(former) {
		for _, t := range last.targets {
			if !slices.ContainsFunc(targets, func(n route.Target) bool { return n.Name == t.Name }) {
				targets = append(targets, t)
			}
		}
		for _, r := range last.routes {
			if !slices.ContainsFunc(routes, func(n route.Route) bool { return n.Name == r.Name }) {
				routes = append(routes, r)
			}
		}
	}
	return targets, routes
}

// retire closes models when nobody holds the settings that named them, and then forgets the
// routes to them. The server waits for it when it stops.
func (s *server) retire(unused <-chan struct{}, last *plan, gone []*servedModel) {
	s.retiring.Add(1)
	go func() {
		defer s.retiring.Done()
		<-unused // comes at the latest when the last request has ended
		s.change.Lock()
		s.former = slices.DeleteFunc(s.former, func(p *plan) bool { return p == last })
		err := s.router.Update(withFormer(s.plan.Load(), s.former))
		s.change.Unlock()
		if err != nil {
			s.log.Error("routes: those that are gone are still known", "error", err.Error())
		}
		for _, m := range gone {
			if m.lent != nil && slices.ContainsFunc(s.lent, func(l openModel) bool { return l.client == m.write }) {
				s.log.Info("model stays open for jobs until the server stops", "model", m.conf.Name)
				s.change.Lock()
				s.open.add(m)
				s.change.Unlock()
				continue
			}
			if err := m.Close(); err != nil {
				s.log.Error("model closed with an error", "model", m.conf.Name, "error", err.Error())
			}
		}
	}()
}
