package cache

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics are the cache's instruments.
type metrics struct {
	requests *prometheus.CounterVec // result
	dropped  *prometheus.CounterVec // reason
}

func newMetrics(c *Cache, r prometheus.Registerer) (*metrics, error) {
	const namespace = "stylesprint"
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "cache_requests_total",
			Help: "Requests by what the cache did: hit, miss, shared (waited for another's call), bypass."}, []string{"result"}),
		dropped: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "cache_dropped_total",
			Help: "Answers that were forgotten: full, expired, replaced, purged."}, []string{"reason"}),
	}
	size := func(name, help string, f func() float64) prometheus.Collector {
		return prometheus.NewGaugeFunc(prometheus.GaugeOpts{Namespace: namespace, Name: name, Help: help}, func() float64 {
			c.mu.Lock()
			defer c.mu.Unlock()
			return f()
		})
	}
	for _, x := range []prometheus.Collector{m.requests, m.dropped,
		size("cache_bytes", "Bytes of the answers that are kept.", func() float64 { return float64(c.bytes) }),
		size("cache_entries", "Answers that are kept.", func() float64 { return float64(c.recent.Len()) }),
	} {
		if err := r.Register(x); err != nil {
			return nil, fmt.Errorf("register the cache's metrics: %w", err)
		}
	}
	return m, nil
}
