package main

import (
	"fmt"
	"slices"
	"time"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/gateway"
	"stylesprint/gateway/route"
	"stylesprint/generate"
	"stylesprint/prompt"
	"stylesprint/release"
)

// plan is everything that is served at one time, made from the configuration, the open
// models and the releases. It does not change.
type plan struct {
	config   config.Config
	models   []*servedModel
	targets  []route.Target
	routes   []route.Route              // public ones, and one for each release of them: "writer@r12"
	shares   map[string][]release.Share // who serves, by public name
	releases map[string]servedRelease   // by id
	revision int64                      // of the assignments
}

// servedRelease is a release that has a part of a route.
type servedRelease struct {
	release.Release
	template *prompt.Template // nil where it has no prompt
	gated    bool             // its last verdict is met
}

// params are the release's parameters.
func (r servedRelease) params() generate.Params { return generate.Params(r.Params) }

// pinned is the name of the route that one release of a route serves alone.
func pinned(route, id string) string { return route + "@" + id }

// planner makes a plan and gathers what stands in its way.
type planner struct {
	plan   *plan
	faults config.Faults
}

func (p *planner) fault(path, format string, a ...any) {
	p.faults = append(p.faults, p.plan.config.Fault(path, format, a...))
}

// makePlan joins a configuration with what is assigned. What stands in its way are faults of
// the configuration.
func makePlan(c config.Config, models []*servedModel, found foundReleases) (*plan, error) {
	p := &planner{plan: newPlan(c, models, found.revision)}
	writes := map[string]bool{}
	for _, m := range models {
		if m.write != nil {
			writes[m.conf.Name] = true
			p.plan.targets = append(p.plan.targets, target(m))
		}
	}
	for i, r := range publicRoutes(c) {
		p.route(routePath(c, i), r, found, writes)
	}
	if len(p.faults) > 0 {
		return nil, p.faults
	}
	return p.plan, nil
}

func newPlan(c config.Config, models []*servedModel, revision int64) *plan {
	return &plan{config: c, models: models, shares: map[string][]release.Share{}, releases: map[string]servedRelease{}, revision: revision}
}

// ungated warns of releases that the file names and that have not met a gate; those of
// the database were promoted by the rules, or by force.
func (p *plan) ungated() []string {
	var out []string
	for _, r := range p.config.Routes {
		for _, s := range fileShares(r) {
			if served, ok := p.releases[s.Release]; ok && !served.gated {
				out = append(out, fmt.Sprintf("the configuration gives %s to release %s, which has not met a gate", r.Name, s.Release))
			}
		}
	}
	return out
}

// routePath is where the configuration has a public route: those of models come after the others.
func routePath(c config.Config, i int) string {
	if i < len(c.Routes) {
		return fmt.Sprintf("routes[%d]", i)
	}
	return "models"
}

// public are the models that the gateway offers; router answers for the routes.
func (p *plan) public(router *route.Router) []gateway.Model {
	var out []gateway.Model
	for _, r := range publicRoutes(p.config) {
		out = append(out, gateway.Model{Name: r.Name, Generate: router.Generator(r.Name)})
	}
	for _, m := range p.models {
		if m.embed != nil && !m.conf.Internal {
			out = append(out, gateway.Model{Name: m.conf.Name, Embed: m.embed})
		}
	}
	return out
}

// publicRoutes are the routes of the file, and one for each public model that writes.
func publicRoutes(c config.Config) []config.Route {
	out := append([]config.Route{}, c.Routes...)
	for _, m := range c.Models {
		if m.Task == "text-generation" && !m.Internal {
			out = append(out, config.Route{Name: m.Name, Strategy: "ordered", Targets: []config.Target{{Model: m.Name}}})
		}
	}
	return out
}

func target(m *servedModel) route.Target {
	b := m.conf.Breaker
	return route.Target{
		Name: m.conf.Name, Client: m.write, Model: m.target, Price: m.conf.Price.Price(), MaxConcurrent: m.conf.MaxConcurrent,
		Queues: m.conf.Provider == "local", ContextTokens: m.shown.ContextTokens, Retires: m.conf.Retires.Time(),
		Breaker: route.Breaker{Window: b.Window, MinRequests: b.MinRequests, ErrorRatio: b.ErrorRatio, Open: b.Open, Trials: b.Trials},
	}
}

// route adds a public route, with one beside it for each of its releases.
func (p *planner) route(at string, r config.Route, found foundReleases, writes map[string]bool) {
	shares := found.shares(r)
	policy := p.policy(r, shares, found)
	out := route.Route{Name: r.Name, Sticky: r.Sticky, Policy: policy}
	for _, s := range effective(r, shares) {
		out.Shares = append(out.Shares, p.share(at, s, r, found, writes)...)
	}
	p.plan.routes = append(p.plan.routes, out)
	p.plan.shares[r.Name] = shares
	for _, s := range out.Shares {
		if s.Release != "" {
			alone := s
			alone.Percent = 100
			p.plan.routes = append(p.plan.routes, route.Route{Name: pinned(r.Name, s.Release), Policy: policy, Shares: []route.Share{alone}})
		}
	}
}

// effective puts what the file says in the place of the share of no release. Its
// percentages are hundredths of a percent.
func effective(r config.Route, shares []release.Share) []release.Share {
	var out []release.Share
	add := func(id string, hundredths int) {
		if at := slices.IndexFunc(out, func(o release.Share) bool { return o.Release == id }); at >= 0 {
			out[at].Percent += hundredths
			return
		}
		out = append(out, release.Share{Release: id, Percent: hundredths})
	}
	for _, s := range shares {
		if s.Release != "" {
			add(s.Release, s.Percent*100)
			continue
		}
		for _, own := range fileShares(r) {
			add(own.Release, own.Percent*s.Percent)
		}
	}
	return out
}

// fileShares is who serves a route by the file alone; no release where it names targets.
func fileShares(r config.Route) []release.Share {
	switch {
	case r.Release != "":
		return []release.Share{{Release: r.Release, Percent: 100}}
	case len(r.Releases) == 0:
		return []release.Share{{Percent: 100}}
	}
	out := make([]release.Share, len(r.Releases))
	for i, s := range r.Releases {
		out[i] = release.Share{Release: s.Release, Percent: s.Percent}
	}
	return out
}

// share makes a route's share; its Percent is in hundredths of a percent. What is in the way is
// a fault.
func (p *planner) share(at string, s release.Share, r config.Route, found foundReleases, writes map[string]bool) []route.Share {
	out := route.Share{Release: s.Release, Percent: float64(s.Percent) / 100}
	if s.Release == "" {
		out.Targets = choices(r)
		return []route.Share{out}
	}
	served, err := found.serve(s.Release)
	if err != nil {
		p.fault(at, "the route %q: %v", r.Name, err)
		return nil
	}
	if served.Adapter != "" {
		p.fault(at, "the route %q: release %s has an adapter, which this version does not serve", r.Name, s.Release)
	}
	for i, t := range served.Targets {
		if !writes[t] {
			p.fault(at, "the route %q: release %s needs the model %q, which is no entry of models that writes", r.Name, s.Release, t)
		}
		out.Targets = append(out.Targets, route.Choice{Target: t, Priority: i + 1})
	}
	params := served.params()
	out.Prepare = func(req generate.Request) (generate.Request, error) {
		req.Params = req.Params.Or(params)
		return req, nil
	}
	p.plan.releases[s.Release] = served
	return []route.Share{out}
}

// choices are the targets of a route that names them.
func choices(r config.Route) []route.Choice {
	out := make([]route.Choice, len(r.Targets))
	for i, t := range r.Targets {
		out[i] = route.Choice{Target: t.Model, Weight: t.Weight, Priority: t.Priority}
		if t.Priority == 0 {
			out[i].Priority = 1
			if r.Strategy == "ordered" {
				out[i].Priority = i + 1
			}
		}
	}
	return out
}

// policy is a route's policy. A local model answers when its turn comes, so that silence says
// nothing of it; and to ask it a second time helps nobody.
func (p *planner) policy(r config.Route, shares []release.Share, found foundReleases) route.Policy {
	c := p.plan.config
	local, remote := localTargets(c, r, shares, found)
	f := r.Policy
	out := route.Policy{
		Attempts: f.Attempts, ShortWait: f.ShortWait, FirstToken: f.FirstToken, Idle: f.Idle, Whole: f.Whole, Deadline: f.Deadline,
		CostCap: f.CostCap, LargerContext: f.LargerContext,
		Backoff: route.Backoff{Min: f.Backoff.Min, Max: f.Backoff.Max, Jitter: orNone(f.Backoff.Jitter)},
	}
	orDuration(&out.Deadline, c.RequestTimeout)
	if local {
		for _, d := range []*time.Duration{&out.FirstToken, &out.Idle, &out.Whole} {
			orDuration(d, out.Deadline)
		}
		if !remote && out.Attempts == 0 {
			out.Attempts = 1
		}
	}
	return out
}

func orDuration(d *time.Duration, otherwise time.Duration) {
	if *d == 0 {
		*d = otherwise
	}
}

// orNone turns "not set" into 0, a default, and 0 into a negative number, none.
func orNone(v *float64) float64 {
	switch {
	case v == nil:
		return 0
	case *v == 0:
		return -1
	}
	return *v
}

// localTargets says whether a route has local and remote targets.
func localTargets(c config.Config, r config.Route, shares []release.Share, found foundReleases) (local, remote bool) {
	names := map[string]bool{}
	for _, t := range r.Targets {
		names[t.Model] = true
	}
	for _, s := range append(append([]release.Share{}, shares...), fileShares(r)...) {
		if served, err := found.serve(s.Release); err == nil {
			for _, t := range served.Targets {
				names[t] = true
			}
		}
	}
	for _, m := range c.Models {
		if names[m.Name] {
			local, remote = local || m.Provider == "local", remote || m.Provider != "local"
		}
	}
	return local, remote
}

func retryBudget(b config.RetryBudget) route.Budget {
	return route.Budget{Ratio: orNone(b.Ratio), PerSecond: orNone(b.PerSecond), TTL: b.TTL, Cost: b.Cost}
}

// foundReleases is what the database says of releases at one moment.
type foundReleases struct {
	revision int64
	assigned map[string][]release.Share // by route, of those that have been assigned
	byID     map[string]servedRelease
}

// shares is who serves a route: what was assigned, or else what the file says.
func (f foundReleases) shares(r config.Route) []release.Share {
	if s := f.assigned[r.Name]; s != nil && !(len(s) == 1 && s[0].Release == "") {
		return s
	}
	return fileShares(r)
}

func (f foundReleases) serve(id string) (servedRelease, error) {
	if r, ok := f.byID[id]; ok {
		return r, nil
	}
	return servedRelease{}, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: fmt.Sprintf("there is no release %q", id)}
}
