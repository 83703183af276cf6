package route

import (
	"fmt"
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"
	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
)

const (
	namespace = "stylesprint"
	subsystem = "route"
	outcomeOK = "ok"
)

// metrics are counted as things happen; gauges are read when somebody asks (Collect), so that
// targets that are gone leave none behind. Labels come from the configuration and from the
// error codes.
type metrics struct {
	router *Router

	requests   *prometheus.CounterVec   // route, release, outcome
	duration   *prometheus.HistogramVec // route
	attempts   *prometheus.CounterVec   // route, target, outcome
	took       *prometheus.HistogramVec // route, target
	firstToken *prometheus.HistogramVec // route, target
	skips      *prometheus.CounterVec   // route, target, reason
	failovers  *prometheus.CounterVec   // route, target
	retries    *prometheus.CounterVec   // route
	refused    *prometheus.CounterVec   // route, reason
	doubts     *prometheus.CounterVec   // target, reason

	state, inFlight, retires, probed *prometheus.Desc
	budgetRetries, budgetCost        *prometheus.Desc
}

func newMetrics(r *Router) *metrics {
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help}, labels)
	}
	histograms := func(name, help string, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Subsystem: subsystem, Name: name, Help: help,
			Buckets: []float64{.005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}}, labels)
	}
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(prometheus.BuildFQName(namespace, subsystem, name), help, labels, nil)
	}
	return &metrics{
		router:        r,
		requests:      counters("requests_total", "Requests by what came of them: ok or an error's code.", "route", "release", "outcome"),
		duration:      histograms("request_duration_seconds", "Time of a request with all its attempts and waits.", "route"),
		attempts:      counters("attempts_total", "Calls to targets by what came of them.", "route", "target", "outcome"),
		took:          histograms("attempt_duration_seconds", "Time of one call to a target.", "route", "target"),
		firstToken:    histograms("attempt_first_token_seconds", "Time from the begin of a streamed call to its first token.", "route", "target"),
		skips:         counters("skips_total", "Times that a target was passed over: open, full or resting.", "route", "target", "reason"),
		failovers:     counters("failovers_total", "Requests that this target answered in place of the first one in order.", "route", "target"),
		retries:       counters("retries_total", "Attempts after the first of a request.", "route"),
		refused:       counters("retries_refused_total", "Retries that were not made: the budget of retries was spent, or they would have cost too much.", "route", "reason"),
		doubts:        counters("usage_doubts_total", "Answers whose token counts were missing or implausible, and were estimated.", "target", "reason"),
		state:         desc("target_state", "A target's breaker: 0 closed, 1 half-open, 2 open, or its probes fail.", "target"),
		inFlight:      desc("target_in_flight", "Calls to a target that run.", "target"),
		retires:       desc("target_retires_timestamp_seconds", "When the provider withdraws the target's model, where that is known.", "target"),
		probed:        desc("target_probe_success", "Whether the latest health probe of a target succeeded.", "target"),
		budgetRetries: desc("budget_retries_remaining", "Retries that all routes together may make now."),
		budgetCost:    desc("budget_cost_remaining", "What these retries may cost, in currency units, where that is bounded."),
	}
}

func (m *metrics) register(to prometheus.Registerer) error {
	for _, c := range []prometheus.Collector{m.requests, m.duration, m.attempts, m.took, m.firstToken, m.skips, m.failovers, m.retries, m.refused, m.doubts, m} {
		if err := to.Register(c); err != nil {
			return fmt.Errorf("register metrics: %w", err)
		}
	}
	return nil
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{m.state, m.inFlight, m.retires, m.probed, m.budgetRetries, m.budgetCost} {
		to <- d
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(to chan<- prometheus.Metric) {
	gauge := func(d *prometheus.Desc, v float64, labels ...string) {
		to <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	now := m.router.o.Now()
	for _, t := range m.router.table.Load().targets {
		state := stateValue(t.breaker.State())
		if t.outFor(now) > 0 {
			state = 2
		}
		gauge(m.state, state, t.Name)
		gauge(m.inFlight, float64(t.inFlight.Load()), t.Name)
		if at := t.retires(); !at.IsZero() {
			gauge(m.retires, float64(at.Unix()), t.Name)
		}
		if p := t.lastProbe(); !p.at.IsZero() {
			ok := 0.0
			if p.err == nil {
				ok = 1
			}
			gauge(m.probed, ok, t.Name)
		}
	}
	retries, cost := m.router.budget.remaining(now)
	gauge(m.budgetRetries, retries)
	if m.router.o.Budget.Cost > 0 {
		gauge(m.budgetCost, cost)
	}
}

func stateValue(s circuitbreaker.State) float64 {
	switch s {
	case circuitbreaker.OpenState:
		return 2
	case circuitbreaker.HalfOpenState:
		return 1
	default:
		return 0
	}
}

// forget drops the series of routes and targets that are gone.
func (m *metrics) forget(old, fresh *table) {
	kept := map[string]bool{}
	for _, t := range fresh.targets {
		kept[t.Name] = true
	}
	vectors := []interface{ DeletePartialMatch(prometheus.Labels) int }{m.requests, m.duration, m.attempts, m.took, m.firstToken, m.skips, m.failovers, m.retries, m.refused, m.doubts}
	drop := func(label, value string) {
		for _, v := range vectors {
			v.DeletePartialMatch(prometheus.Labels{label: value})
		}
	}
	for _, t := range old.targets {
		if !kept[t.Name] {
			drop("target", t.Name)
		}
	}
	for name := range old.lines {
		if fresh.lines[name] == nil {
			drop("route", name)
		}
	}
}

// routeMetrics are those of one route, found once.
type routeMetrics struct {
	all                         *metrics
	name                        string
	took                        prometheus.Observer
	retries                     prometheus.Counter
	refusedRetries, refusedCost prometheus.Counter
}

func (m *metrics) route(name string) *routeMetrics {
	return &routeMetrics{
		all: m, name: name, took: m.duration.WithLabelValues(name), retries: m.retries.WithLabelValues(name),
		refusedRetries: m.refused.WithLabelValues(name, "budget"), refusedCost: m.refused.WithLabelValues(name, "cost"),
	}
}

func (r *routeMetrics) done(took time.Duration, release string, err error) {
	outcome := outcomeOK
	if err != nil {
		outcome = string(stylesprint.CodeOf(err))
	}
	r.all.requests.WithLabelValues(r.name, release, outcome).Inc()
	r.took.Observe(took.Seconds())
}

// placeMetrics are those of a target in a route, found once.
type placeMetrics struct {
	all              *metrics
	route, target    string
	ok, failovers    prometheus.Counter
	took, firstToken prometheus.Observer
}

func (m *metrics) place(route, target string) *placeMetrics {
	return &placeMetrics{
		all: m, route: route, target: target, ok: m.attempts.WithLabelValues(route, target, outcomeOK), failovers: m.failovers.WithLabelValues(route, target),
		took: m.took.WithLabelValues(route, target), firstToken: m.firstToken.WithLabelValues(route, target),
	}
}

// attempted counts an attempt; first is zero where no token came or nothing was streamed.
func (p *placeMetrics) attempted(outcome string, took, first time.Duration) {
	if outcome == outcomeOK {
		p.ok.Inc()
	} else {
		p.all.attempts.WithLabelValues(p.route, p.target, outcome).Inc()
	}
	p.took.Observe(took.Seconds())
	if first > 0 {
		p.firstToken.Observe(first.Seconds())
	}
}

func (p *placeMetrics) skipped(why refusal) {
	p.all.skips.WithLabelValues(p.route, p.target, string(why)).Inc()
}

func (p *placeMetrics) doubted(why string) {
	p.all.doubts.WithLabelValues(p.target, why).Inc()
}
