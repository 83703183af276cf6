package main

import (
	"context"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"stylesprint/gateway"
	"stylesprint/gateway/telemetry"
	"stylesprint/internal/httpserver"
	watchtelemetry "stylesprint/watch/telemetry"
)

// telemetryFlush bounds how long the server waits, when it stops, for traces to be taken.
const telemetryFlush = 5 * time.Second

// joinTelemetry has requests traced and measured.
func (s *server) joinTelemetry(ctx context.Context) error {
	stages, traced, err := s.telemetry(ctx)
	if err != nil {
		return err
	}
	s.gateway.Stages = append(s.gateway.Stages, stages...)
	s.around = append(s.around, traced)
	if s.how.role.pages() {
		live := newLiveSource(s.metrics, s.app.now)
		s.pages.Live = live.Live
		s.tasks = append(s.tasks, func(ctx context.Context) {
			stop := live.start()
			<-ctx.Done()
			stop()
		})
	}
	return nil
}

// telemetry starts what sends traces and metrics, and returns the gateway's outermost stage
// and the middleware around everything. Where no receiver is configured there is no
// stage and the middleware is none.
func (s *server) telemetry(ctx context.Context) ([]gateway.Stage, httpserver.Middleware, error) {
	o := s.config.Telemetry.Options()
	o.Version = buildVersion().Version
	o.Fault = func(err error) { s.log.Warn("telemetry", "error", err.Error()) }
	p, err := watchtelemetry.Setup(ctx, o)
	if err != nil {
		return nil, nil, err
	}
	if !p.Active {
		return nil, func(next http.Handler) http.Handler { return next }, nil
	}
	s.open.add(closing(func() error {
		flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), telemetryFlush)
		defer cancel()
		return p.Shutdown(flush)
	}))
	t, err := telemetry.New(telemetry.Options{Tracer: p.Tracer, Meter: p.Meter, Content: s.config.Telemetry.Content, Upstream: s.upstream})
	if err != nil {
		return nil, nil, err
	}
	return []gateway.Stage{t.Stage}, t.Middleware, nil
}

// upstream says who serves a target, or the model where no target is known.
func (s *server) upstream(model, target string) telemetry.Upstream {
	c := s.plan.Load().config // the one that holds: models come with it
	for _, name := range []string{target, model} {
		for _, m := range c.Models {
			if m.Name != name || name == "" {
				continue
			}
			if m.Provider == "local" {
				return telemetry.Upstream{Provider: "stylesprint"}
			}
			out := telemetry.Upstream{Provider: m.Provider, Address: "api.openai.com", Port: 443}
			if u, err := url.Parse(baseURL(c, m)); err == nil && u.Host != "" {
				out.Address = u.Hostname()
				out.Port, _ = strconv.Atoi(u.Port())
				if out.Port == 0 && u.Scheme == "https" {
					out.Port = 443
				}
			}
			return out
		}
	}
	return telemetry.Upstream{}
}
