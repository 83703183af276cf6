package route

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math"
	"math/rand/v2"
	"strings"
	"time"
)

// maxPlaces bounds the targets of one share.
const maxPlaces = 32

// maxName bounds the name of a route or a target in bytes.
const maxName = 256

// Default returns options without targets and routes and with everything else set.
func Default() Options { return Options{}.withDefaults() }

// Validate reports every fault at once, each with its field's path, such as
// "routes[0].shares[1].percent".
func (o Options) Validate() error {
	var f faults
	if o.ProbeTimeout < 0 {
		f.add("probe_timeout: want a positive duration, got %v", o.ProbeTimeout)
	}
	f.budget(o.Budget)
	f.table(o.Targets, o.Routes)
	return f.err()
}

type faults struct{ all []error }

func (f *faults) add(format string, a ...any) { f.all = append(f.all, fmt.Errorf(format, a...)) }

func (f *faults) err() error { return errors.Join(f.all...) }

func (f *faults) budget(b Budget) {
	if !(b.Ratio <= 1) {
		f.add("budget.ratio: want at most 1, got %v", b.Ratio)
	}
	if math.IsNaN(b.PerSecond) || math.IsInf(b.PerSecond, 0) {
		f.add("budget.per_second: want a number, got %v", b.PerSecond)
	}
	if b.TTL < 0 || b.TTL > 0 && b.TTL < time.Millisecond {
		f.add("budget.ttl: want at least 1ms, got %v", b.TTL)
	}
	if !(b.Cost >= 0) {
		f.add("budget.cost: want 0 or more, got %v", b.Cost)
	}
}

func (f *faults) table(targets []Target, routes []Route) {
	known := map[string]bool{}
	for i, t := range targets {
		path := fmt.Sprintf("targets[%d]", i)
		f.name(path, t.Name)
		if known[t.Name] {
			f.add("%s.name: %q is there twice", path, t.Name)
		}
		known[t.Name] = true
		f.target(path, t)
	}
	seen := map[string]bool{}
	for i, r := range routes {
		path := fmt.Sprintf("routes[%d]", i)
		f.name(path, r.Name)
		if seen[r.Name] {
			f.add("%s.name: %q is there twice", path, r.Name)
		}
		seen[r.Name] = true
		f.shares(path, r.Shares, known)
		f.policy(path+".policy", r.Policy)
	}
}

func (f *faults) name(path, name string) {
	if name == "" || strings.TrimSpace(name) != name || len(name) > maxName {
		f.add("%s.name: want 1 to %d bytes without space around them, got %q", path, maxName, name)
	}
}

func (f *faults) target(path string, t Target) {
	if t.Client == nil {
		f.add("%s: %q has no client", path, t.Name)
	}
	if t.MaxConcurrent < 0 {
		f.add("%s.max_concurrent: want 0 or more, got %d", path, t.MaxConcurrent)
	}
	if t.ContextTokens < 0 {
		f.add("%s.context_tokens: want 0 or more, got %d", path, t.ContextTokens)
	}
	for name, v := range map[string]float64{"input": t.Price.InputPerMillion, "output": t.Price.OutputPerMillion, "cached": t.Price.CachedPerMillion} {
		if !(v >= 0) || math.IsInf(v, 0) {
			f.add("%s.price.%s_per_million: want 0 or more, got %v", path, name, v)
		}
	}
	b := t.Breaker
	if b.Window < 0 || b.Window > 0 && b.Window < 10*time.Millisecond {
		f.add("%s.breaker.window: want at least 10ms, got %v", path, b.Window)
	}
	if b.MinRequests < 0 {
		f.add("%s.breaker.min_requests: want 1 or more, got %d", path, b.MinRequests)
	}
	if !(b.ErrorRatio >= 0 && b.ErrorRatio <= 1) {
		f.add("%s.breaker.error_ratio: want above 0 and at most 1, got %v", path, b.ErrorRatio)
	}
	if b.Open < 0 {
		f.add("%s.breaker.open: want a positive duration, got %v", path, b.Open)
	}
	if b.Trials < 0 {
		f.add("%s.breaker.trials: want 1 or more, got %d", path, b.Trials)
	}
}

func (f *faults) shares(path string, shares []Share, known map[string]bool) {
	if len(shares) == 0 {
		f.add("%s.shares: none given", path)
		return
	}
	sum := 0
	releases := map[string]bool{}
	for i, s := range shares {
		path := fmt.Sprintf("%s.shares[%d]", path, i)
		if !(s.Percent >= 0 && s.Percent <= 100) || math.Abs(s.Percent*100-math.Round(s.Percent*100)) > 1e-6 {
			f.add("%s.percent: want 0 to 100 in steps of 0.01, got %v", path, s.Percent)
		}
		sum += hundredths(s.Percent)
		if releases[s.Release] {
			f.add("%s.release: %q is there twice", path, s.Release)
		}
		releases[s.Release] = true
		f.places(path, s.Targets, known)
	}
	if sum != whole {
		f.add("%s.shares: percentages add up to %v, want 100", path, float64(sum)/100)
	}
}

func (f *faults) places(path string, places []Choice, known map[string]bool) {
	if len(places) == 0 || len(places) > maxPlaces {
		f.add("%s.targets: want 1 to %d, got %d", path, maxPlaces, len(places))
	}
	seen := map[string]bool{}
	for i, c := range places {
		path := fmt.Sprintf("%s.targets[%d]", path, i)
		switch {
		case !known[c.Target]:
			f.add("%s.target: no target named %q", path, c.Target)
		case seen[c.Target]:
			f.add("%s.target: %q is there twice", path, c.Target)
		}
		seen[c.Target] = true
		if c.Weight < 0 || c.Weight > 1e6 {
			f.add("%s.weight: want 0 to 1000000, got %d", path, c.Weight)
		}
	}
}

func (f *faults) policy(path string, p Policy) {
	if p.Attempts < 0 || p.Attempts > 20 {
		f.add("%s.attempts: want 1 to 20, got %d", path, p.Attempts)
	}
	for _, d := range []struct {
		name  string
		value time.Duration
	}{
		{"backoff.min", p.Backoff.Min}, {"backoff.max", p.Backoff.Max}, {"short_wait", p.ShortWait}, {"first_token", p.FirstToken},
		{"idle", p.Idle}, {"whole", p.Whole}, {"deadline", p.Deadline},
	} {
		if d.value < 0 {
			f.add("%s.%s: want a positive duration, got %v", path, d.name, d.value)
		}
	}
	d := p.withDefaults()
	if d.Backoff.Min > d.Backoff.Max {
		f.add("%s.backoff.min: %v is more than backoff.max, %v", path, d.Backoff.Min, d.Backoff.Max)
	}
	if !(p.Backoff.Jitter <= 1) {
		f.add("%s.backoff.jitter: want at most 1, got %v", path, p.Backoff.Jitter)
	}
	if !(p.CostCap >= 0) || math.IsInf(p.CostCap, 0) {
		f.add("%s.cost_cap: want 0 or more, got %v", path, p.CostCap)
	}
}

func (o Options) withDefaults() Options {
	if o.ProbeInterval == 0 {
		o.ProbeInterval = 10 * time.Second
	}
	if o.ProbeTimeout == 0 {
		o.ProbeTimeout = 5 * time.Second
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	o.Budget = o.Budget.withDefaults()
	return o
}

func (b Budget) withDefaults() Budget {
	d := DefaultBudget()
	b.Ratio = max(or(b.Ratio, d.Ratio), 0)
	b.PerSecond = max(or(b.PerSecond, d.PerSecond), 0)
	b.TTL = or(b.TTL, d.TTL)
	return b
}

func (p Policy) withDefaults() Policy {
	d := DefaultPolicy()
	p.Attempts = or(p.Attempts, d.Attempts)
	p.Backoff.Min, p.Backoff.Max = or(p.Backoff.Min, d.Backoff.Min), or(p.Backoff.Max, d.Backoff.Max)
	p.Backoff.Jitter = max(or(p.Backoff.Jitter, d.Backoff.Jitter), 0)
	p.ShortWait, p.FirstToken, p.Idle = or(p.ShortWait, d.ShortWait), or(p.FirstToken, d.FirstToken), or(p.Idle, d.Idle)
	p.Whole, p.Deadline = or(p.Whole, d.Whole), or(p.Deadline, d.Deadline)
	return p
}

func (b Breaker) withDefaults() Breaker {
	d := DefaultBreaker()
	b.Window, b.MinRequests, b.ErrorRatio = or(b.Window, d.Window), or(b.MinRequests, d.MinRequests), or(b.ErrorRatio, d.ErrorRatio)
	b.Open, b.Trials = or(b.Open, d.Open), or(b.Trials, d.Trials)
	return b
}

// or is v, or d where v is zero.
func or[T comparable](v, d T) T {
	var zero T
	if v == zero {
		return d
	}
	return v
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
