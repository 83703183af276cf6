package route

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/generate"
	"stylesprint/internal/alarm"
)

// Keys of the log lines.
const (
	keyTarget = "target"
	keyFrom   = "from"
	keyTo     = "to"
	keyCode   = "code"
)

// Router holds the routes. Its methods are safe for concurrent use.
type Router struct {
	o       Options
	budget  *budget
	metrics *metrics
	limits  alarm.Clock // of attempts

	update sync.Mutex // one Update at a time
	table  atomic.Pointer[table]
}

// table is one configuration; it does not change.
type table struct {
	lines   map[string]*line
	order   []*line
	targets []*target
}

// New checks the options and registers the metrics. It asks no target.
func New(o Options) (*Router, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("new router: %w", err)
	}
	o = o.withDefaults()
	r := &Router{o: o, budget: newBudget(o.Budget, o.Now())}
	r.metrics = newMetrics(r)
	if o.Metrics != nil {
		if err := r.metrics.register(o.Metrics); err != nil {
			return nil, fmt.Errorf("new router: %w", err)
		}
	}
	r.table.Store(r.build(o.Targets, o.Routes, nil))
	return r, nil
}

// Update puts other targets and routes in place, at once for calls that begin afterwards;
// calls in flight end as they began. A target whose name, Breaker and MaxConcurrent stay keeps
// its state. After an error nothing has changed. The clients of targets that are gone may
// be closed when Update has returned: generate.Client waits for the calls that it still has.
func (r *Router) Update(targets []Target, routes []Route) error {
	r.update.Lock()
	defer r.update.Unlock()
	var f faults
	f.table(targets, routes)
	if err := f.err(); err != nil {
		return fmt.Errorf("update routes: %w", err)
	}
	old := r.table.Load()
	fresh := r.build(targets, routes, old)
	r.table.Store(fresh)
	r.metrics.forget(old, fresh)
	return nil
}

// Generator answers a route's requests. It stays valid over updates; while there is no route
// of this name it answers unavailable.
func (r *Router) Generator(name string) gateway.Generator { return &generator{r, name} }

// Routes are the names of all routes, in their order.
func (r *Router) Routes() []string {
	var names []string
	for _, l := range r.table.Load().order {
		names = append(names, l.Name)
	}
	return names
}

func (r *Router) build(targets []Target, routes []Route, old *table) *table {
	t := &table{lines: map[string]*line{}}
	byName := map[string]*target{}
	for _, one := range targets {
		made := &target{Target: one, state: r.stateOf(one, old)}
		byName[one.Name] = made
		t.targets = append(t.targets, made)
	}
	for _, rt := range routes {
		l := &line{Route: rt, policy: rt.Policy.withDefaults(), routeMetrics: r.metrics.route(rt.Name)}
		upTo := 0
		for _, s := range rt.Shares {
			upTo += hundredths(s.Percent)
			l.shares = append(l.shares, r.share(rt.Name, s, upTo, byName))
		}
		t.lines[rt.Name] = l
		t.order = append(t.order, l)
	}
	return t
}

func (r *Router) stateOf(t Target, old *table) *state {
	if old != nil {
		for _, have := range old.targets {
			if have.Name == t.Name && have.state.fits(t) {
				return have.state
			}
		}
	}
	return newState(t, func(from, to circuitbreaker.State) {
		level := slog.LevelInfo
		if to == circuitbreaker.OpenState {
			level = slog.LevelWarn
		}
		r.o.Log.LogAttrs(context.Background(), level, "breaker", slog.String(keyTarget, t.Name), slog.String(keyFrom, from.String()), slog.String(keyTo, to.String()))
	})
}

func (r *Router) share(route string, s Share, upTo int, byName map[string]*target) *share {
	out := &share{Share: s, upTo: upTo}
	for _, c := range s.Targets {
		out.places = append(out.places, place{byName[c.Target], c, r.metrics.place(route, c.Target)})
	}
	slices.SortStableFunc(out.places, func(a, b place) int { return a.choice.Priority - b.choice.Priority })
	for i := 1; i < len(out.places); i++ {
		out.drawn = out.drawn || out.places[i].choice.Priority == out.places[i-1].choice.Priority
	}
	return out
}

// generator is one route.
type generator struct {
	r    *Router
	name string
}

var _ gateway.Drawer = (*generator)(nil)

// Generate implements gateway.Generator.
func (g *generator) Generate(ctx context.Context, req generate.Request) (stylesprint.Reply, error) {
	return g.Stream(ctx, req, nil)
}

// Stream implements gateway.Generator. Reply is filled beside an error too: what was billed, and
// what came of an answer that broke off.
func (g *generator) Stream(ctx context.Context, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
	l := g.r.table.Load().lines[g.name]
	if l == nil {
		return stylesprint.Reply{}, &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: fmt.Sprintf("the model %q is no longer served", g.name), Hint: "ask GET /v1/models for those that are"}
	}
	forShare, forTargets := g.r.seed(ctx, l.Name, l.Sticky)
	return g.r.answer(ctx, l, l.share(forShare), forTargets, req, emit)
}

// Draw implements gateway.Drawer. What it returns answers as the route stands now, also after an Update.
func (g *generator) Draw(ctx context.Context) (string, gateway.Generator) {
	l := g.r.table.Load().lines[g.name]
	if l == nil {
		return "", g
	}
	forShare, forTargets := g.r.seed(ctx, l.Name, l.Sticky)
	s := l.share(forShare)
	return s.Release, &drawn{g.r, l, s, forTargets}
}

// drawn is a share that was drawn for one request.
type drawn struct {
	r          *Router
	line       *line
	share      *share
	forTargets uint64
}

// Generate implements gateway.Generator.
func (d *drawn) Generate(ctx context.Context, req generate.Request) (stylesprint.Reply, error) {
	return d.Stream(ctx, req, nil)
}

// Stream implements gateway.Generator, as that of the route does.
func (d *drawn) Stream(ctx context.Context, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
	return d.r.answer(ctx, d.line, d.share, d.forTargets, req, emit)
}

// answer asks the targets of a share.
func (r *Router) answer(ctx context.Context, l *line, s *share, forTargets uint64, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
	if s.Prepare != nil {
		var err error
		if req, err = s.Prepare(req); err != nil {
			return stylesprint.Reply{Release: s.Release}, withCode(err)
		}
	}
	c := call{r: r, line: l, share: s, ctx: ctx, req: req, emit: emit, start: r.o.Now()}
	c.end = c.start.Add(l.policy.Deadline)
	r.budget.request(c.start)
	c.order = s.order(forTargets, &c.buffer)
	reply, err := c.run()
	l.done(r.o.Now().Sub(c.start), s.Release, err)
	return reply, err
}
