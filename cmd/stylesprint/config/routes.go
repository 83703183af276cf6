package config

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Route is a public name that several targets, or releases, can answer to.
type Route struct {
	// Name is what requests ask for. No model has the same one.
	Name string `yaml:"name"`
	// Targets are names of models. Exactly one of Targets, Release and Releases is set.
	Targets []Target `yaml:"targets"`
	// Strategy is ordered (the next target is asked where one fails) or weighted (each request
	// draws one, and goes on with the others). Defaults to ordered.
	Strategy string `yaml:"strategy"`
	// Release is the id of the release that serves the route. A promotion in the database
	// takes the place of it.
	Release string `yaml:"release"`
	// Releases are several, each with its part of the traffic.
	Releases []Share `yaml:"releases"`
	// Sticky gives all requests of one key the same release. Defaults to false: each is drawn.
	Sticky bool `yaml:"sticky"`
	// Policy says how the route goes on after a failure.
	Policy Policy `yaml:"policy"`
}

// Target is a model's place in a route. The name alone stands for the whole.
type Target struct {
	// Model is the name of an entry of models that writes.
	Model string `yaml:"model"`
	// Weight among targets of the same priority. Defaults to 1.
	Weight int `yaml:"weight"`
	// Priority is the order in which targets are asked, the lowest first. Defaults to the
	// place in the list, or to 1 for all where the strategy is weighted.
	Priority int `yaml:"priority"`
}

// UnmarshalText reads a target that is a name alone.
func (t *Target) UnmarshalText(b []byte) error {
	t.Model = string(b)
	return nil
}

// Share is a release's part of a route's traffic.
type Share struct {
	// Release is the id, such as r12.
	Release string `yaml:"release"`
	// Percent of the traffic; those of a route add up to 100.
	Percent int `yaml:"percent"`
}

// Policy says how a route goes on after a failure. What is left out is the route's own default.
type Policy struct {
	// Attempts is how many calls one request may cost. Defaults to 3.
	Attempts int `yaml:"attempts"`
	// Backoff is the wait before a target is asked again.
	Backoff Backoff `yaml:"backoff"`
	// ShortWait is the longest Retry-After that is waited for. Defaults to 500ms.
	ShortWait time.Duration `yaml:"short_wait"`
	// FirstToken bounds the silence before a stream's first token. Defaults to 10s, and to
	// request_timeout where a target is local: it answers when its turn comes.
	FirstToken time.Duration `yaml:"first_token"`
	// Idle bounds the silence within a stream. Defaults to 15s; see FirstToken.
	Idle time.Duration `yaml:"idle"`
	// Whole bounds an attempt that is not streamed. Defaults to 1m; see FirstToken.
	Whole time.Duration `yaml:"whole"`
	// Deadline bounds all attempts together. Defaults to request_timeout.
	Deadline time.Duration `yaml:"deadline"`
	// CostCap is the most that one request may cost with all its attempts, in currency
	// units. Defaults to 0: no cap.
	CostCap float64 `yaml:"cost_cap"`
	// LargerContext asks a target with a larger context where a request is too long for one.
	LargerContext bool `yaml:"larger_context"`
}

// Backoff doubles from Min to Max.
type Backoff struct {
	// Min is the first wait. Defaults to 100ms.
	Min time.Duration `yaml:"min"`
	// Max is the longest wait. Defaults to 2s.
	Max time.Duration `yaml:"max"`
	// Jitter is the part of a wait, 0 to 1, that is left to chance. Defaults to 0.5.
	Jitter *float64 `yaml:"jitter"`
}

// Breaker takes a model out of its routes when too many of its calls fail. What is left out
// is the route's own default.
type Breaker struct {
	// Window is the time that is looked at. Defaults to 30s.
	Window time.Duration `yaml:"window"`
	// MinRequests is how many calls within it decide something. Defaults to 10.
	MinRequests int `yaml:"min_requests"`
	// ErrorRatio of failed calls, above 0 to 1. Defaults to 0.5.
	ErrorRatio float64 `yaml:"error_ratio"`
	// Open is the time until a request may try again. Defaults to 15s.
	Open time.Duration `yaml:"open"`
	// Trials is how many requests in a row must succeed then. Defaults to 1.
	Trials int `yaml:"trials"`
}

// RetryBudget bounds the retries of all routes together.
type RetryBudget struct {
	// Ratio of retries to requests, 0 to 1. Defaults to 0.2.
	Ratio *float64 `yaml:"ratio"`
	// PerSecond is how many more there may be each second. Defaults to 1.
	PerSecond *float64 `yaml:"per_second"`
	// TTL is the time that is looked at. Defaults to 10s.
	TTL time.Duration `yaml:"ttl"`
	// Cost bounds what the retries within it may cost, in currency units. Defaults to 0: no bound.
	Cost float64 `yaml:"cost"`
}

// Date is a day, written 2027-01-31.
type Date string

// UnmarshalText implements encoding.TextUnmarshaler.
func (d *Date) UnmarshalText(b []byte) error {
	if _, err := time.Parse(time.DateOnly, string(b)); err != nil {
		return fmt.Errorf("want a day such as 2027-01-31")
	}
	*d = Date(b)
	return nil
}

// Time is the beginning of the day, UTC; zero for no date.
func (d Date) Time() time.Time {
	t, err := time.Parse(time.DateOnly, string(d))
	if err != nil {
		return time.Time{}
	}
	return t
}

// maxName bounds a public name in bytes.
const maxName = 256

func (k *checker) routes(c Config) {
	names, writes := map[string]string{}, map[string]bool{}
	for i, m := range c.Models {
		names[m.Name] = fmt.Sprintf("models[%d]", i)
		writes[m.Name] = m.Task == "text-generation"
	}
	for i, r := range c.Routes {
		at := fmt.Sprintf("routes[%d]", i)
		switch {
		case r.Name == "" || len(r.Name) > maxName || strings.TrimSpace(r.Name) != r.Name:
			k.add(at+".name", "want 1 to %d bytes without space around them, got %q", maxName, clip(r.Name))
		case names[r.Name] != "":
			k.add(at+".name", "%q is the name of %s too", r.Name, names[r.Name])
		}
		names[r.Name] = at
		k.route(r, at, writes)
		k.policy(r.Policy, at+".policy")
	}
	for _, d := range []struct {
		key, name string
		ok        func(m Model) bool
	}{
		{"default_model", c.DefaultModel, func(m Model) bool { return m.Task == "text-generation" && !m.Internal }},
		{"default_embedding", c.DefaultEmbedding, func(m Model) bool { return m.Task == "embedding" && !m.Internal }},
	} {
		isRoute := d.key == "default_model" && slices.ContainsFunc(c.Routes, func(r Route) bool { return r.Name == d.name })
		if d.name != "" && !isRoute && !slices.ContainsFunc(c.Models, func(m Model) bool { return m.Name == d.name && d.ok(m) }) {
			k.add(d.key, "there is nothing public of that kind named %q", clip(d.name))
		}
	}
	if len(c.Routes) == 0 && !slices.ContainsFunc(c.Models, func(m Model) bool { return !m.Internal }) {
		k.add("models", "all are internal and there is no route, so there is nothing to ask for")
	}
}

// route checks what a route leads to.
func (k *checker) route(r Route, at string, writes map[string]bool) {
	ways := 0
	for _, set := range []bool{len(r.Targets) > 0, r.Release != "", len(r.Releases) > 0} {
		if set {
			ways++
		}
	}
	if ways != 1 {
		k.add(at, "want exactly one of targets, release and releases, got %d", ways)
	}
	if r.Strategy != "ordered" && r.Strategy != "weighted" {
		k.add(at+".strategy", "want ordered or weighted, got %q", clip(r.Strategy))
	}
	seen := map[string]bool{}
	for j, t := range r.Targets {
		to := fmt.Sprintf("%s.targets[%d]", at, j)
		text, known := writes[t.Model]
		switch {
		case t.Model == "":
			k.add(to+".model", "missing; name an entry of models")
		case !known:
			k.add(to+".model", "no entry of models is named %q", clip(t.Model))
		case !text:
			k.add(to+".model", "%q makes vectors, not text", t.Model)
		case seen[t.Model]:
			k.add(to+".model", "%q is a target twice", t.Model)
		}
		seen[t.Model] = true
		if t.Weight < 0 || t.Weight > 1_000_000 {
			k.add(to+".weight", "want 0 or more, got %d", t.Weight)
		}
		if t.Priority < 0 {
			k.add(to+".priority", "want 0 or more, got %d", t.Priority)
		}
	}
	if r.Release != "" && !isRelease(r.Release) {
		k.add(at+".release", "want an id such as r12, got %q", clip(r.Release))
	}
	sum, named := 0, map[string]bool{}
	for j, s := range r.Releases {
		to := fmt.Sprintf("%s.releases[%d]", at, j)
		if !isRelease(s.Release) {
			k.add(to+".release", "want an id such as r12, got %q", clip(s.Release))
		} else if named[s.Release] {
			k.add(to+".release", "%s is there twice", s.Release)
		}
		named[s.Release] = true
		if s.Percent < 1 || s.Percent > 100 {
			k.add(to+".percent", "want 1 to 100, got %d", s.Percent)
		}
		sum += s.Percent
	}
	if len(r.Releases) > 0 && sum != 100 {
		k.add(at+".releases", "the percentages add up to %d, not to 100", sum)
	}
}

func isRelease(s string) bool {
	digits, ok := strings.CutPrefix(s, "r")
	return ok && digits != "" && digits[0] != '0' && len(digits) < 10 && strings.Trim(digits, "0123456789") == ""
}

func (k *checker) policy(p Policy, at string) {
	if p.Attempts < 0 || p.Attempts > 100 {
		k.add(at+".attempts", "want 1 to 100, got %d", p.Attempts)
	}
	k.notNegative(at, map[string]time.Duration{"short_wait": p.ShortWait, "first_token": p.FirstToken, "idle": p.Idle, "whole": p.Whole,
		"deadline": p.Deadline, "backoff.min": p.Backoff.Min, "backoff.max": p.Backoff.Max})
	k.fraction(at+".backoff.jitter", p.Backoff.Jitter, 1)
	if p.CostCap < 0 {
		k.add(at+".cost_cap", "want 0 or more, got %g", p.CostCap)
	}
}

func (k *checker) breaker(b Breaker, at string) {
	k.notNegative(at, map[string]time.Duration{"window": b.Window, "open": b.Open})
	if b.MinRequests < 0 {
		k.add(at+".min_requests", "want 0 or more, got %d", b.MinRequests)
	}
	if b.Trials < 0 {
		k.add(at+".trials", "want 0 or more, got %d", b.Trials)
	}
	if b.ErrorRatio < 0 || b.ErrorRatio > 1 {
		k.add(at+".error_ratio", "want more than 0 and at most 1, got %g", b.ErrorRatio)
	}
}

func (k *checker) retryBudget(b RetryBudget, at string) {
	k.fraction(at+".ratio", b.Ratio, 1)
	k.fraction(at+".per_second", b.PerSecond, 1e6)
	k.notNegative(at, map[string]time.Duration{"ttl": b.TTL})
	if b.Cost < 0 {
		k.add(at+".cost", "want 0 or more, got %g", b.Cost)
	}
}

func (k *checker) fraction(path string, v *float64, most float64) {
	if v != nil && (*v < 0 || *v > most) {
		k.add(path, "want 0 to %g, got %g", most, *v)
	}
}

func (k *checker) notNegative(at string, durations map[string]time.Duration) {
	for key, d := range durations {
		if d < 0 {
			k.add(at+"."+key, "want 0 or more, got %s", d)
		}
	}
}
