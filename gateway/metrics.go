package gateway

import (
	"fmt"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"stylesprint"
)

// metrics are the gateway's instruments. Labels are bounded: routes come from
// the map, models from the options (others are "unknown").
type metrics struct {
	requests   *prometheus.CounterVec   // route, model, status
	duration   *prometheus.HistogramVec // route, model
	firstToken *prometheus.HistogramVec // route, model
	tokens     *prometheus.CounterVec   // model, kind
	cost       *prometheus.CounterVec   // model
	inFlight   prometheus.Gauge
	panics     prometheus.Counter

	written  prometheus.Counter
	dropped  prometheus.Counter
	failures prometheus.Counter
	waiting  prometheus.Gauge
	omitted  *prometheus.CounterVec // reason

	models *modelMetrics
}

const namespace = "stylesprint"

// newMetrics registers the instruments; those of the queue only where records wait in memory.
func newMetrics(r prometheus.Registerer, queue bool) (*metrics, error) {
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
	}
	gauge := func(name, help string) prometheus.Gauge {
		return prometheus.NewGauge(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help})
	}
	counters := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help}, labels)
	}
	histograms := func(name, help string, buckets []float64) *prometheus.HistogramVec {
		return prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: name, Help: help, Buckets: buckets}, []string{"route", "model"})
	}
	m := &metrics{
		requests: counters("http_requests_total", "Requests served, by outcome: a stream that failed counts with the status of its failure.", "route", "model", "status"),
		duration: histograms("http_request_duration_seconds", "Time from a request's arrival to its last byte.",
			[]float64{.0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 120, 300}),
		firstToken: histograms("time_to_first_token_seconds", "Time from a request's arrival to its first text.",
			[]float64{.001, .005, .01, .02, .04, .06, .08, .1, .25, .5, .75, 1, 2.5, 5, 7.5, 10, 30}),
		tokens:   counters("tokens_total", "Tokens of answered requests; cached ones are a part of the prompt's.", "model", "kind"),
		cost:     counters("cost_total", "Price of answered requests, in currency units.", "model"),
		inFlight: gauge("http_requests_in_flight", "Requests being served."),
		panics:   counter("panics_total", "Handlers that panicked."),
		written:  counter("request_log_written_total", "Records written to the request log."),
		dropped:  counter("request_log_dropped_total", "Records lost because the request log was full or failed."),
		failures: counter("request_log_failures_total", "Failed attempts to write to the request log."),
		waiting:  gauge("request_log_waiting", "Records that wait to be written."),
		omitted:  counters("request_log_omitted_total", "Refused requests to models that have no record: of callers that are not known, and of keys beyond their bound in a second.", "reason"),
	}
	all := []prometheus.Collector{m.omitted, m.requests, m.duration, m.firstToken, m.tokens, m.cost, m.inFlight, m.panics}
	if queue {
		all = append(all, m.written, m.dropped, m.failures, m.waiting)
	}
	for _, c := range all {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register metrics: %w", err)
		}
	}
	var err error
	m.models, err = newModelMetrics(r)
	return m, err
}

// watchRecords publishes how far the request log is behind: the share of answers that it
// holds, and the money that is missing from it.
func (g *Gateway) watchRecords(r prometheus.Registerer) error {
	if g.records == nil {
		return nil
	}
	for _, c := range []prometheus.Collector{
		prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: namespace, Name: "request_log_answers_total", Help: "Answered requests that the request log should hold."},
			func() float64 { return float64(g.answered.Load()) }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "request_log_ratio", Help: "Records in the request log for each answered request since the start; 1 but for those that wait."},
			func() float64 {
				logged, _ := g.records.Logged() // first: the other may only be ahead
				answered := g.answered.Load()
				if answered == 0 {
					return 1
				}
				return float64(logged) / float64(answered)
			}),
		prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: namespace, Name: "billed_total", Help: "What upstreams bill for answered requests, failed attempts included, in currency units."},
			func() float64 { return stylesprint.Money(g.billed.Load()).Units() }),
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: "billed_unlogged", Help: "What upstreams bill for answered requests that the request log does not hold yet, in currency units."},
			func() float64 {
				_, logged := g.records.Logged()
				return (stylesprint.Money(g.billed.Load()) - logged).Units()
			}),
	} {
		if err := r.Register(c); err != nil {
			return fmt.Errorf("register metrics: %w", err)
		}
	}
	return nil
}

func (m *metrics) observe(x *exchange, took time.Duration) {
	m.requests.WithLabelValues(x.label, x.model, strconv.Itoa(x.status)).Inc()
	m.duration.WithLabelValues(x.label, x.model).Observe(took.Seconds())
	if x.firstToken > 0 {
		m.firstToken.WithLabelValues(x.label, x.model).Observe(x.firstToken.Seconds())
	}
	add := func(kind string, n int) {
		if n > 0 {
			m.tokens.WithLabelValues(x.model, kind).Add(float64(n))
		}
	}
	add("prompt", x.usage.PromptTokens)
	add("completion", x.usage.CompletionTokens)
	add("cached", x.usage.CachedTokens)
	if x.cost > 0 {
		m.cost.WithLabelValues(x.model).Add(x.cost.Units())
	}
	m.models.observe(x, took)
}

func (g *Gateway) showMetrics() handler {
	h := promhttp.HandlerFor(g.o.Metrics, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError})
	return func(w http.ResponseWriter, r *http.Request, _ *exchange) error {
		h.ServeHTTP(w, r)
		return nil
	}
}
