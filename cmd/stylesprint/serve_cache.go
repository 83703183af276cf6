package main

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint/gateway"
	"stylesprint/gateway/cache"
)

// cacheStage makes the cache, or nothing where it is switched off. It belongs behind what
// checks requests and answers, before the models.
func (s *server) cacheStage(metrics prometheus.Registerer) ([]gateway.Stage, error) {
	c := s.config.Cache
	if !c.Enabled {
		return nil, nil
	}
	revisions := map[string]string{} // another text whenever what stands behind a public name is
	for _, m := range s.config.Models {
		revisions[m.Name] = fmt.Sprintf("%+v", m)
	}
	kept, err := cache.New(cache.Options{
		MaxBytes: c.MaxBytes, MaxEntry: c.MaxEntryBytes, TTL: c.TTL, Shared: c.Shared, Metrics: metrics,
		Revision: func(model string) string { return revisions[model] },
	})
	if err != nil {
		return nil, err
	}
	return []gateway.Stage{kept.Stage}, nil
}
