package main

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"stylesprint"
	"stylesprint/web"
)

const (
	liveEvery  = 2 * time.Second // between looks at the metrics
	liveWindow = time.Minute     // that rates are of
)

// liveSource makes the live page's figures of the metrics: it looks at them every two
// seconds, and what it shows is the difference to a minute ago. It is safe for concurrent use.
type liveSource struct {
	gather prometheus.Gatherer
	now    func() time.Time

	mu       sync.Mutex
	looks    []look // of the last minute, oldest first
	midnight look   // the last one before today began, or the first
}

// look is what the metrics were at a time.
type look struct {
	at     time.Time
	series map[string][]sample // by the metric's name without "stylesprint_"
}

// sample is one series of a metric.
type sample struct {
	labels map[string]string
	value  float64
	// A histogram has buckets, counted from below, with their upper bounds.
	bounds  []float64
	buckets []float64
	count   float64
}

func newLiveSource(g prometheus.Gatherer, now func() time.Time) *liveSource {
	return &liveSource{gather: g, now: now}
}

// start looks at the metrics until the returned function is called, which waits.
func (l *liveSource) start() (stop func()) {
	done, ended := make(chan struct{}), make(chan struct{})
	l.look()
	go func() {
		defer close(ended)
		tick := time.NewTicker(liveEvery)
		defer tick.Stop()
		for {
			select {
			case <-tick.C:
				l.look()
			case <-done:
				return
			}
		}
	}()
	return func() { close(done); <-ended }
}

// look keeps what the metrics are now.
func (l *liveSource) look() {
	families, err := l.gather.Gather()
	if err != nil && len(families) == 0 {
		return // the page shows the last look
	}
	now := look{at: l.now(), series: map[string][]sample{}}
	for _, f := range families {
		if name, ours := strings.CutPrefix(f.GetName(), "stylesprint_"); ours {
			now.series[name] = samplesOf(f)
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	switch {
	case len(l.looks) == 0:
		l.midnight = now
	case !sameDay(l.looks[len(l.looks)-1].at, now.at):
		l.midnight = l.looks[len(l.looks)-1]
		l.midnight.at = now.at.UTC().Truncate(24 * time.Hour)
	}
	l.looks = append(l.looks, now)
	for len(l.looks) > 2 && now.at.Sub(l.looks[1].at) >= liveWindow {
		l.looks = l.looks[1:]
	}
}

func sameDay(a, b time.Time) bool {
	return a.UTC().Truncate(24 * time.Hour).Equal(b.UTC().Truncate(24 * time.Hour))
}

func samplesOf(f *dto.MetricFamily) []sample {
	out := make([]sample, 0, len(f.GetMetric()))
	for _, m := range f.GetMetric() {
		s := sample{labels: map[string]string{}, value: m.GetCounter().GetValue() + m.GetGauge().GetValue()}
		for _, p := range m.GetLabel() {
			s.labels[p.GetName()] = p.GetValue()
		}
		if h := m.GetHistogram(); h != nil {
			s.value, s.count = h.GetSampleSum(), float64(h.GetSampleCount())
			for _, b := range h.GetBucket() {
				s.bounds = append(s.bounds, b.GetUpperBound())
				s.buckets = append(s.buckets, float64(b.GetCumulativeCount()))
			}
		}
		out = append(out, s)
	}
	return out
}

// span is the time between two looks, and what happened in it.
type span struct{ from, to look }

// where are the labels that a series must have, as name and value by turns.
type where []string

func (w where) meets(s sample) bool {
	for i := 0; i+1 < len(w); i += 2 {
		if s.labels[w[i]] != w[i+1] {
			return false
		}
	}
	return true
}

// now adds up the series of a metric as they are.
func (p span) now(name string, w ...string) (sum float64, found bool) {
	for _, s := range p.to.series[name] {
		if where(w).meets(s) {
			sum += s.value
			found = true
		}
	}
	return sum, found
}

// grown is by how much the series of a counter grew.
func (p span) grown(name string, w ...string) float64 {
	before, _ := span{to: p.from}.now(name, w...)
	after, _ := p.now(name, w...)
	return max(0, after-before)
}

// histogram adds up what came into the series of a histogram.
func (p span) histogram(name string, w ...string) sample {
	var sum sample
	add := func(all []sample, sign float64) {
		for _, s := range all {
			if !where(w).meets(s) {
				continue
			}
			if sum.bounds == nil {
				sum.bounds, sum.buckets = s.bounds, make([]float64, len(s.buckets))
			}
			sum.value += sign * s.value
			sum.count += sign * s.count
			for i := range min(len(sum.buckets), len(s.buckets)) {
				sum.buckets[i] += sign * s.buckets[i]
			}
		}
	}
	add(p.to.series[name], 1)
	add(p.from.series[name], -1)
	return sum
}

// quantile estimates by lines inside the buckets; it is 0 for an empty histogram.
func (s sample) quantile(q float64) float64 {
	rank, below, low := q*s.count, 0.0, 0.0
	for i, n := range s.buckets {
		if n >= rank && n > below {
			if math.IsInf(s.bounds[i], 1) {
				return low
			}
			return low + (s.bounds[i]-low)*(rank-below)/(n-below)
		}
		below, low = n, s.bounds[i]
	}
	return low // beyond the last bound
}

func (s sample) quantileTime(q float64) time.Duration {
	if s.count <= 0 {
		return 0
	}
	return max(1, time.Duration(s.quantile(q)*float64(time.Second)))
}

// mean is that of a histogram, 0 for an empty one.
func (s sample) mean() float64 {
	if s.count <= 0 {
		return 0
	}
	return s.value / s.count
}

// labelled lists the different values that the series of a metric have for some labels, in order.
func (p span) labelled(name string, labels ...string) [][]string {
	seen := map[string][]string{}
	for _, s := range p.to.series[name] {
		values := make([]string, len(labels))
		for i, l := range labels {
			values[i] = s.labels[l]
		}
		seen[strings.Join(values, "\x00")] = values
	}
	out := make([][]string, 0, len(seen))
	for _, values := range seen {
		out = append(out, values)
	}
	slices.SortFunc(out, slices.Compare)
	return out
}

// Live is the state for the page.
func (l *liveSource) Live(context.Context) (web.LiveState, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.looks) == 0 {
		return web.LiveState{}, &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "The metrics could not be read yet", Hint: "try again in a few seconds", Err: errors.New("no look")}
	}
	last := l.looks[len(l.looks)-1]
	p := span{from: l.looks[0], to: last}
	out := web.LiveState{At: last.at, Window: max(time.Second, last.at.Sub(p.from.at)), Queues: queuesOf(p), Totals: totalsOf(span{from: l.midnight, to: last}), Retiring: retiringOf(p)}
	out.Targets = targetsOf(p)
	if left, ok := p.now("route_budget_retries_remaining"); ok {
		out.Retries = &web.LiveRetries{Left: left, CostLeft: -1}
		if cost, ok := p.now("route_budget_cost_remaining"); ok {
			out.Retries.CostLeft = cost
		}
	}
	return out, nil
}

// targetsOf are the targets of routes, then the models that no route stands before.
func targetsOf(p span) []web.LiveTarget {
	var out []web.LiveTarget
	routed := map[string]bool{}
	states := [...]string{"closed", "half-open", "open"}
	for _, v := range p.labelled("route_attempts_total", "route", "target") {
		route, target := v[0], v[1]
		routed[route] = true
		w := []string{"route", route, "target", target}
		took := p.histogram("route_attempt_duration_seconds", w...)
		t := web.LiveTarget{
			Route: route, Target: target, InFlight: -1,
			Requests: int(p.grown("route_attempts_total", w...)), Median: took.quantileTime(.5), P95: took.quantileTime(.95),
			FirstToken:      p.histogram("route_attempt_first_token_seconds", w...).quantileTime(.5),
			TokensPerSecond: p.histogram("output_tokens_per_second", "model", route, "target", target).mean(),
		}
		t.Errors = t.Requests - int(p.grown("route_attempts_total", append(w, "outcome", "ok")...))
		if state, ok := p.now("route_target_state", "target", target); ok {
			t.Breaker = states[min(2, max(0, int(state)))]
		}
		if n, ok := p.now("route_target_in_flight", "target", target); ok {
			t.InFlight = int(n)
		}
		out = append(out, t)
	}
	for _, v := range p.labelled("model_requests_total", "model") {
		model := v[0]
		if routed[model] || model == "unknown" {
			continue
		}
		took := p.histogram("model_request_duration_seconds", "model", model)
		t := web.LiveTarget{
			Route: model, InFlight: -1, Requests: int(p.grown("model_requests_total", "model", model)),
			Median: took.quantileTime(.5), P95: took.quantileTime(.95),
			FirstToken:      p.histogram("time_to_first_token_seconds", "model", model).quantileTime(.5),
			TokensPerSecond: p.histogram("output_tokens_per_second", "model", model).mean(),
		}
		t.Errors = t.Requests - int(p.grown("model_requests_total", "model", model, "outcome", "ok"))
		out = append(out, t)
	}
	return out
}

func queuesOf(p span) []web.LiveQueue {
	var out []web.LiveQueue
	for _, v := range p.labelled("engine_running", "model") {
		get := func(name string) int {
			n, _ := p.now(name, "model", v[0])
			return int(n)
		}
		q := web.LiveQueue{
			Model: v[0], Running: get("engine_running"), Waiting: get("engine_waiting"), Keys: get("engine_waiting_tenants"), Wait: -1,
			Refused:    int(p.grown("engine_refused_total", "model", v[0])),
			UsedTokens: enginePage * (get("engine_kv_pages") - get("engine_kv_pages_free")), AllTokens: enginePage * get("engine_kv_pages"),
			KeptTokens: enginePage * get("engine_prefix_pages"),
		}
		q.TokensPerSecond, _ = p.now("engine_tokens_per_second", "model", v[0])
		if waits := p.histogram(engineWait, "model", v[0]); waits.count > 0 {
			q.Wait = time.Duration(waits.mean() * float64(time.Second))
		}
		out = append(out, q)
	}
	return out
}

func totalsOf(p span) web.LiveTotals {
	return web.LiveTotals{
		Since: p.from.at, Requests: int(p.grown("model_requests_total")),
		PromptTokens: int(p.grown("tokens_total", "kind", "prompt")), CompletionTokens: int(p.grown("tokens_total", "kind", "completion")),
		Cost:      stylesprint.MoneyOf(p.grown("cost_total")),
		CacheHits: int(p.grown("model_cache_requests_total", "result", "hit")), CacheAsked: int(p.grown("model_cache_requests_total")),
		PrefixTokensSaved: int(p.grown("engine_prefix_tokens_saved_total")), PrefixTokens: int(p.grown("engine_prompt_tokens_total")),
	}
}

func retiringOf(p span) []web.LiveRetiring {
	var out []web.LiveRetiring
	for _, s := range p.to.series["route_target_retires_timestamp_seconds"] {
		out = append(out, web.LiveRetiring{Target: s.labels["target"], At: time.Unix(int64(s.value), 0).UTC()})
	}
	slices.SortFunc(out, func(a, b web.LiveRetiring) int {
		return cmp.Or(a.At.Compare(b.At), strings.Compare(a.Target, b.Target))
	})
	return out
}
