package main

import (
	"context"
	"strconv"

	"stylesprint/cmd/stylesprint/config"
	"stylesprint/gateway/cache"
)

// joinCache puts the cache behind what checks requests and answers, before the models.
func (s *server) joinCache(context.Context) error {
	c := s.config.Cache
	if !c.Enabled {
		return nil
	}
	kept, err := cache.New(cache.Options{
		MaxBytes: c.MaxBytes, MaxEntry: c.MaxEntryBytes, TTL: c.TTL, Shared: c.Shared, Metrics: s.metrics,
		Revision: func(string) string { return strconv.FormatInt(s.plan.Load().revision, 10) }, // of what is assigned
	})
	if err != nil {
		return err
	}
	s.gateway.Stages = append(s.gateway.Stages, kept.Stage)
	s.reloads = append(s.reloads, func(context.Context, config.Config) error {
		kept.Purge()
		return nil
	})
	return nil
}
