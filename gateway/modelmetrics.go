package gateway

import (
	"fmt"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// modelMetrics count questions to models by who was asked and for which class of keys.
type modelMetrics struct {
	requests *prometheus.CounterVec   // model, target, class, outcome
	duration *prometheus.HistogramVec // model, target, class
	speed    *prometheus.HistogramVec // model, target
	tokens   *prometheus.CounterVec   // class, kind
	cost     *prometheus.CounterVec   // class
	cache    *prometheus.CounterVec   // model, result

	targets, classes bounded
}

// Values of labels where there is nothing to name, or too much.
const (
	labelNone  = "none"
	labelOther = "other"
	labelOK    = "ok"
)

func newModelMetrics(r prometheus.Registerer) (*modelMetrics, error) {
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	}
	histograms := func(name, help string, buckets []float64, labels ...string) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, labels)
	}
	m := &modelMetrics{
		requests: counters("model_requests_total", "Requests to models by the target that answered, the key's class and what came of them: ok or an error's code.", "model", "target", "class", "outcome"),
		duration: histograms("model_request_duration_seconds", "Time from the arrival of a request to a model to its last byte.",
			[]float64{.005, .025, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120}, "model", "target", "class"),
		speed: histograms("output_tokens_per_second", "Tokens of an answer for each second after its first text, or of the whole request where that is unknown.",
			[]float64{1, 2, 5, 10, 20, 40, 60, 80, 100, 150, 200, 300, 500, 1000}, "model", "target"),
		tokens:  counters("class_tokens_total", "Tokens of answered requests by the key's class; cached ones are a part of the prompt's.", "class", "kind"),
		cost:    counters("class_cost_total", "Price of answered requests by the key's class, in currency units.", "class"),
		cache:   counters("model_cache_requests_total", "Requests that the answer cache was asked for: hit or miss.", "model", "result"),
		targets: bounded{most: 64}, classes: bounded{most: 16},
	}
	for _, c := range []prometheus.Collector{m.requests, m.duration, m.speed, m.tokens, m.cost, m.cache} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	return m, nil
}

// bounded lets so many values of a label through; the ones after these are "other".
type bounded struct {
	most int
	mu   sync.Mutex
	seen map[string]bool
}

func (b *bounded) value(v string) string {
	if v == "" {
		return labelNone
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.seen[v]:
		return v
	case len(b.seen) >= b.most:
		return labelOther
	case b.seen == nil:
		b.seen = map[string]bool{}
	}
	b.seen[v] = true
	return v
}

// observe counts a request that asked for a model.
func (m *modelMetrics) observe(x *exchange, took time.Duration) {
	if x.kind != model || x.model == "" {
		return
	}
	target, class := m.targets.value(x.served.Target), m.classes.value(x.caller.Class)
	outcome := labelOK
	if x.code != "" {
		outcome = string(x.code)
	}
	m.requests.WithLabelValues(x.model, target, class, outcome).Inc()
	m.duration.WithLabelValues(x.model, target, class).Observe(took.Seconds())
	if spent := took - x.firstToken; x.usage.CompletionTokens > 1 && spent > 0 {
		m.speed.WithLabelValues(x.model, target).Observe(float64(x.usage.CompletionTokens) / spent.Seconds())
	}
	add := func(kind string, n int) {
		if n > 0 {
			m.tokens.WithLabelValues(class, kind).Add(float64(n))
		}
	}
	add("prompt", x.usage.PromptTokens)
	add("completion", x.usage.CompletionTokens)
	add("cached", x.usage.CachedTokens)
	if x.cost > 0 {
		m.cost.WithLabelValues(class).Add(x.cost.Units())
	}
	if x.cache != "" {
		m.cache.WithLabelValues(x.model, x.cache).Inc()
	}
}
