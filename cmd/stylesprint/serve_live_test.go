package main

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
)

// meters is a registry with the metrics that the live page reads, and a clock.
type meters struct {
	*prometheus.Registry
	at       time.Time
	counters map[string]*prometheus.CounterVec
	gauges   map[string]*prometheus.GaugeVec
	times    map[string]*prometheus.HistogramVec
}

func newMeters() *meters {
	m := &meters{Registry: prometheus.NewRegistry(), at: time.Date(2026, 3, 9, 23, 58, 0, 0, time.UTC),
		counters: map[string]*prometheus.CounterVec{}, gauges: map[string]*prometheus.GaugeVec{}, times: map[string]*prometheus.HistogramVec{}}
	for name, labels := range map[string]string{
		"model_requests_total": "model target class outcome", "route_attempts_total": "route target outcome", "cost_total": "model", "tokens_total": "model kind",
		"model_cache_requests_total": "model result", "engine_refused_total": "model reason", "engine_prompt_tokens_total": "model", "engine_prefix_tokens_saved_total": "model",
	} {
		m.counters[name] = prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "stylesprint", Name: name, Help: "h"}, strings.Fields(labels))
		m.MustRegister(m.counters[name])
	}
	for name, labels := range map[string]string{
		"route_target_state": "target", "route_target_in_flight": "target", "route_target_retires_timestamp_seconds": "target", "route_budget_retries_remaining": "",
		"engine_running": "model", "engine_waiting": "model", "engine_waiting_tenants": "model", "engine_kv_pages": "model", "engine_kv_pages_free": "model", "engine_prefix_pages": "model", "engine_tokens_per_second": "model",
	} {
		m.gauges[name] = prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: "stylesprint", Name: name, Help: "h"}, strings.Fields(labels))
		m.MustRegister(m.gauges[name])
	}
	for name, labels := range map[string]string{
		"model_request_duration_seconds": "model target class", "route_attempt_duration_seconds": "route target", "route_attempt_first_token_seconds": "route target",
		"time_to_first_token_seconds": "route model", "output_tokens_per_second": "model target", "engine_wait_seconds": "model",
	} {
		m.times[name] = prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: "stylesprint", Name: name, Help: "h", Buckets: []float64{.1, 1, 10, 100}}, strings.Fields(labels))
		m.MustRegister(m.times[name])
	}
	return m
}

func (m *meters) add(name string, v float64, labels ...string) {
	m.counters[name].WithLabelValues(labels...).Add(v)
}

func (m *meters) set(name string, v float64, labels ...string) {
	m.gauges[name].WithLabelValues(labels...).Set(v)
}

func (m *meters) took(name string, n int, seconds float64, labels ...string) {
	for range n {
		m.times[name].WithLabelValues(labels...).Observe(seconds)
	}
}

func TestLiveSource(t *testing.T) {
	t.Parallel()
	m := newMeters()
	// What was before the window does not count in rates.
	m.add("model_requests_total", 100, "tiny", "none", "free", "ok")
	m.took("model_request_duration_seconds", 100, 50, "tiny", "none", "free")
	m.add("cost_total", 7, "tiny")
	l := newLiveSource(m, func() time.Time { return m.at })
	if _, err := l.Live(t.Context()); stylesprint.CodeOf(err) != stylesprint.CodeUnavailable {
		t.Errorf("before the first look: %v", err)
	}
	l.look()
	m.at = m.at.Add(30 * time.Second)
	m.add("model_requests_total", 8, "tiny", "none", "free", "ok")
	m.add("model_requests_total", 2, "tiny", "none", "gold", "timeout")
	m.add("model_requests_total", 5, "unknown", "none", "none", "not_found")
	m.add("model_requests_total", 4, "copy", "first", "free", "ok")
	m.took("model_request_duration_seconds", 10, .5, "tiny", "none", "free")
	m.took("output_tokens_per_second", 10, 40, "tiny", "none")
	m.add("route_attempts_total", 3, "copy", "first", "ok")
	m.add("route_attempts_total", 1, "copy", "first", "upstream_error")
	m.add("route_attempts_total", 1, "copy", "second", "ok")
	m.took("route_attempt_duration_seconds", 4, 5, "copy", "first")
	m.set("route_target_state", 2, "first")
	m.set("route_target_in_flight", 3, "first")
	m.set("route_target_retires_timestamp_seconds", 1_800_000_000, "second")
	m.set("route_budget_retries_remaining", 9)
	m.set("engine_running", 4, "tiny")
	m.set("engine_waiting", 2, "tiny")
	m.set("engine_kv_pages", 10, "tiny")
	m.set("engine_kv_pages_free", 7, "tiny")
	m.set("engine_prefix_pages", 2, "tiny")
	m.took("engine_wait_seconds", 2, 3, "tiny")
	m.add("cost_total", .5, "tiny")
	l.look()
	s, err := l.Live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.Window != 30*time.Second || len(s.Targets) != 3 {
		t.Fatalf("%+v", s)
	}
	first, second, tiny := s.Targets[0], s.Targets[1], s.Targets[2]
	if first.Route != "copy" || first.Target != "first" || first.Requests != 4 || first.Errors != 1 || first.Breaker != "open" || first.InFlight != 3 || first.Median < time.Second || first.P95 > 10*time.Second {
		t.Errorf("%+v", first)
	}
	if second.Target != "second" || second.Requests != 1 || second.Errors != 0 || second.Breaker != "" || second.InFlight != -1 || second.Median != 0 {
		t.Errorf("%+v", second)
	}
	if tiny.Route != "tiny" || tiny.Target != "" || tiny.Requests != 10 || tiny.Errors != 2 || tiny.Median < 100*time.Millisecond || tiny.P95 > time.Second || tiny.TokensPerSecond != 40 {
		t.Errorf("%+v", tiny)
	}
	if q := s.Queues[0]; q.Running != 4 || q.Waiting != 2 || q.UsedTokens != 3*enginePage || q.KeptTokens != 2*enginePage || q.Wait != 3*time.Second {
		t.Errorf("%+v", q)
	}
	if s.Retries == nil || s.Retries.Left != 9 || s.Retries.CostLeft != -1 || len(s.Retiring) != 1 || s.Retiring[0].Target != "second" {
		t.Errorf("%+v, %+v", s.Retries, s.Retiring)
	}
	if s.Totals.Cost != stylesprint.MoneyOf(.5) || !s.Totals.Since.Equal(m.at.Add(-30*time.Second)) || s.Totals.Requests != 19 {
		t.Errorf("totals %+v", s.Totals)
	}
}

// After a minute the requests are forgotten; after midnight the day's sums begin anew.
func TestLiveWindowAndDay(t *testing.T) {
	t.Parallel()
	m := newMeters()
	l := newLiveSource(m, func() time.Time { return m.at })
	l.look()
	for range 150 { // five minutes, from two before midnight
		m.at = m.at.Add(2 * time.Second)
		m.add("model_requests_total", 1, "tiny", "none", "none", "ok")
		m.add("cost_total", .01, "tiny")
		l.look()
	}
	s, err := l.Live(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if s.Window != liveWindow || s.Targets[0].Requests != 30 {
		t.Errorf("window %s with %d requests, want a minute with 30", s.Window, s.Targets[0].Requests)
	}
	if want := time.Date(2026, 3, 10, 0, 0, 0, 0, time.UTC); !s.Totals.Since.Equal(want) || s.Totals.Cost.Units() < .89 || s.Totals.Cost.Units() > .92 {
		t.Errorf("since %s %s", s.Totals.Since, s.Totals.Cost)
	}
	if len(l.looks) > 40 {
		t.Errorf("%d looks are kept", len(l.looks))
	}
}

func TestQuantile(t *testing.T) {
	t.Parallel()
	h := sample{bounds: []float64{1, 2, math.Inf(1)}, buckets: []float64{2, 4, 5}, count: 5}
	for q, want := range map[float64]float64{.2: .5, .4: 1, .6: 1.5, .8: 2, 1: 2} {
		if got := h.quantile(q); math.Abs(got-want) > 1e-9 {
			t.Errorf("quantile %g is %g, want %g", q, got, want)
		}
	}
	if (sample{}).quantileTime(.5) != 0 {
		t.Error("nothing has a median")
	}
}

// The page of a running server shows what was asked of it.
func TestLiveOfServer(t *testing.T) {
	t.Parallel()
	url := serveTiny(t, func(c *config.Config) { c.Models[0].Price = config.Price{Input: 1000, Output: 1000} })
	if status, answer := fetch(t, "POST", url+"/generate/", `{"prompt":"linen","max_tokens":8}`); status != 200 {
		t.Fatalf("%d: %s", status, answer)
	}
	for end := time.Now().Add(30 * time.Second); ; time.Sleep(200 * time.Millisecond) {
		_, body := fetch(t, "GET", url+"/live", "")
		if strings.Contains(body, "All that was asked answers") && strings.Contains(body, "8 written") && strings.Contains(body, "0 of 1,024 tokens") {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("the page never shows the request:\n%s", body)
		}
	}
}
