package spool

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the spool's instruments.
type metrics struct {
	bytes       prometheus.GaugeFunc
	waiting     prometheus.GaugeFunc
	oldest      prometheus.GaugeFunc
	sync        prometheus.Histogram
	written     prometheus.Counter
	replayed    prometheus.Counter
	unconfirmed prometheus.Counter
	undelivered prometheus.Counter
	torn        prometheus.Counter
	rejected    prometheus.Counter
	overflow    prometheus.Counter
	lost        prometheus.Counter
	refused     prometheus.Counter
	failures    *prometheus.CounterVec // act

	appendFailures prometheus.Counter
}

func newMetrics(s *Spool, r prometheus.Registerer) (*metrics, error) {
	const namespace = "stylesprint"
	counter := func(name, help string) prometheus.Counter {
		return prometheus.NewCounter(prometheus.CounterOpts{Namespace: namespace, Name: name, Help: help})
	}
	gauge := func(name, help string, f func() float64) prometheus.GaugeFunc {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, f)
	}
	m := &metrics{
		bytes:   gauge("spool_bytes", "Bytes in the spool's segments.", func() float64 { return float64(s.journal.bytes.Load()) }),
		waiting: gauge("request_log_waiting", "Records of this process that wait to be written.", func() float64 { return float64(s.waiting.Load()) }),
		oldest:  gauge("spool_oldest_seconds", "Age of the oldest record that is being written; 0 if there is none.", s.oldestAge),
		sync: prometheus.NewHistogram(prometheus.HistogramOpts{Namespace: namespace, Name: "spool_sync_seconds", Help: "Time to force the spool to the disk.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5}}),
		written:     counter("request_log_written_total", "Records written to the request log."),
		replayed:    counter("spool_replayed_total", "Records of processes that had ended, written to the request log."),
		unconfirmed: counter("spool_unconfirmed_total", "Replayed records whose process ended before it knew whether the answer was delivered."),
		undelivered: counter("spool_undelivered_total", "Records of this process whose answer could not be sent to its end."),
		torn:        counter("spool_torn_bytes_total", "Bytes that were cut from segments because a frame was bad."),
		rejected:    counter("spool_rejected_total", "Records that the request log refused for good; they are kept in the folder rejected."),
		overflow:    counter("spool_overflow_total", "Records that were kept in memory because the spool was full or could not be written."),
		lost:        counter("request_log_dropped_total", "Records lost because neither the spool nor the memory could keep them."),
		refused:     counter("spool_refused_total", "Requests refused because they could not have been recorded."),
		failures:    prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "spool_failures_total", Help: "Failed acts."}, []string{"act"}),

		appendFailures: counter("request_log_failures_total", "Failed attempts to write to the request log."),
	}
	for _, c := range []prometheus.Collector{
		m.bytes, m.waiting, m.oldest, m.sync, m.written, m.replayed, m.unconfirmed, m.undelivered, m.torn, m.rejected, m.overflow, m.lost, m.refused, m.failures, m.appendFailures,
	} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("register the spool's metrics: %w", err)
		}
	}
	return m, nil
}
