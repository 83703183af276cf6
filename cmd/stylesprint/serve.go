package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"runtime"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/engine/hub"
	"stylesprint/gateway"
	"stylesprint/internal/httpserver"
	"stylesprint/prompt"
	"stylesprint/store/sqlite"
	"stylesprint/web"
)

func (a *app) serveCommand() *cobra.Command {
	var addr, role string
	var check, noJobs bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve models over HTTP, with the dashboard",
		Long: `Serve POST /generate/, the OpenAI-compatible /v1, /healthz, /readyz, /metrics and the dashboard.

Without keys the server listens on loopback only, is open, and ignores Authorization. It stops on Ctrl-C or
SIGTERM after running requests have finished. Beside that it works on queued jobs, as "worker" does, unless
told --no-jobs.`,
		Example: "  stylesprint serve\n  stylesprint serve --addr 127.0.0.1:9000 --config stylesprint.yaml\n  stylesprint serve --check",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := a.config()
			if err != nil {
				return err
			}
			if addr != "" {
				c.Addr = addr
			}
			c.NoJobs = c.NoJobs || noJobs
			if err := c.Validate(); err != nil {
				return usageError{err}
			}
			if role != "all" {
				return usagef("--role: only all is built into this version, got %q", role)
			}
			if err := mayListen(c.Addr); err != nil {
				return err
			}
			if check {
				_, err := fmt.Fprintf(a.stdout, "settings are valid: %d models on %s\n", len(c.Models), c.Addr)
				return err
			}
			return a.serve(cmd.Context(), c, nil)
		},
	}
	cmd.Flags().StringVar(&addr, "addr", "", "host:port (default 127.0.0.1:8000)")
	cmd.Flags().StringVar(&role, "role", "all", "which part of the server to run")
	cmd.Flags().BoolVar(&noJobs, "no-jobs", false, "leave queued jobs to workers")
	cmd.Flags().BoolVar(&check, "check", false, "check the settings and stop")
	return cmd
}

// mayListen refuses an address that others can reach: without keys the server is open.
func mayListen(addr string) error {
	if config.Loopback(addr) {
		return nil
	}
	return &stylesprint.Error{Code: stylesprint.CodeForbidden,
		Message: fmt.Sprintf("refusing to listen on %s: the server asks for no keys, so it serves this machine only", addr),
		Hint:    "stylesprint serve --addr 127.0.0.1:8000, behind a proxy that checks who asks"}
}

// server is what serve opens and closes.
type server struct {
	app    *app
	config config.Config
	log    *slog.Logger
	db     *sqlite.DB
	models []gateway.Model
	shown  []web.Model
	lent   []openModel // language models, for jobs
	open   closers
}

// serve runs the server until ctx ends; listening, if not nil, is told the address.
func (a *app) serve(ctx context.Context, c config.Config, listening func(net.Addr)) error {
	s := &server{app: a, config: c, log: slog.New(slog.NewJSONHandler(a.stderr, nil))}
	if a.quiet {
		s.log = slog.New(slog.NewJSONHandler(a.stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))
	}
	err := s.run(ctx, listening)
	return errors.Join(err, s.open.Close())
}

func (s *server) run(ctx context.Context, listening func(net.Addr)) error {
	listener, err := httpserver.Listen(ctx, s.config.Addr) // before models are loaded: a taken address is told at once
	if err != nil {
		return err
	}
	defer listener.Close()
	if s.db, err = s.app.openStore(ctx, s.config); err != nil {
		return err
	}
	s.open.add(s.db)
	for _, m := range s.config.Models {
		if err := s.addModel(ctx, m); err != nil {
			return err
		}
	}
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	ready := new(httpserver.Readiness)
	questions, err := s.answerer(ctx)
	if err != nil {
		return err
	}
	g, err := gateway.New(gateway.Options{
		Answer: questions,
		Models: s.models, Log: s.log, Requests: s.db, Metrics: registry, Ready: ready.Ready,
		MaxBodyBytes: s.config.MaxBodyBytes, MaxInFlight: s.config.MaxInFlight, Timeout: s.config.RequestTimeout, LogBodies: s.config.LogBodies,
	})
	if err != nil {
		return err
	}
	closing := make(chan struct{})
	pages, err := s.pages(ready, closing, questions)
	if err != nil {
		return err
	}
	mux := http.NewServeMux()
	g.Mount(mux)
	mux.Handle("/", httpserver.Chain(pages, httpserver.Recover(s.panicked, nil), httpserver.BodyLimit(s.config.MaxBodyBytes, nil)))
	srv, err := httpserver.New(httpserver.Options{
		Handler: httpserver.Chain(mux, httpserver.LocalOnly()), Listener: listener, Readiness: ready,
		DrainLimit: s.config.DrainTimeout, Fault: func(f string) { s.log.Warn("http", "fault", f) },
		Listening: func(at net.Addr) {
			s.log.Info("listening", "addr", at.String())
			if listening != nil {
				listening(at)
			}
		},
	})
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { close(closing) })
	defer stop()
	stopJobs := s.startJobs(ctx)
	defer stopJobs()
	err = srv.Run(ctx)
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.DrainTimeout)
	defer cancel()
	return errors.Join(err, g.Close(flush))
}

// panicked logs the panic of a page; the person who asked sees a plain 500.
func (s *server) panicked(r *http.Request, p httpserver.Panic) {
	s.log.Error("panic", "path", web.LoggedPath(r), "value", fmt.Sprint(p.Value), "stack", string(p.Stack))
}

// addModel opens a configured model for the gateway and the pages.
func (s *server) addModel(ctx context.Context, m config.Model) error {
	shown := web.Model{Name: m.Name, Task: m.Task, Price: m.Price.Price(), State: "ready", Ready: true, License: "known to its provider"}
	out := gateway.Model{Name: m.Name}
	if m.Task == "embedding" {
		client, err := s.app.openEmbedder(ctx, s.config, m, m.Precision)
		if err != nil {
			return err
		}
		s.open.add(client)
		out.Embed = client
		info, err := client.Info(ctx)
		if err != nil {
			return err
		}
		shown.Ref, shown.ContextTokens, shown.Precision = info.Ref, info.MaxTokens, info.Precision
	} else {
		client, info, err := s.app.openGenerator(ctx, s.config, m)
		if err != nil {
			return err
		}
		s.open.add(client)
		s.lend(m, client, info)
		out.Generate, out.Target = client, info.Ref.Name
		shown.Ref, shown.ContextTokens = info.Ref, info.ContextTokens
	}
	if m.Provider == "local" {
		shown.Precision = stylesprint.Precision(m.Precision)
		describe(&shown, m.Model)
	}
	s.models = append(s.models, out)
	s.shown = append(s.shown, shown)
	return nil
}

// describe adds what the registry knows of a local model.
func describe(shown *web.Model, name string) {
	shown.License = "unknown: not in the registry"
	for _, m := range hub.Models() {
		if m.Name == name {
			shown.License, shown.Bytes, shown.Parameters = m.License, m.Bytes, m.Parameters
		}
	}
}

func (s *server) pages(ready *httpserver.Readiness, closing <-chan struct{}, questions gateway.Answerer) (http.Handler, error) {
	v := buildVersion()
	data := datasets{dir: s.config.DataDir, kept: new(keptDatasets)}
	set, err := prompt.Builtin()
	if err != nil {
		return nil, err
	}
	fill, err := samples(8)
	if err != nil {
		return nil, err
	}
	o := web.Options{
		Runs: s.db, Compare: comparer{s.db, data}, Prompts: set, Samples: fill,
		Models: func(context.Context) ([]web.Model, error) { return s.shown, nil },
		Health: func(ctx context.Context) []web.Check { return s.health(ctx, ready) },
		Items:  data.items,
		Images: pictures, Faithfulness: checker(),
		Note:    datasetNote,
		Review:  s.app.reviewPages(s.db, data),
		Version: v.Version, Log: s.log, Closing: closing,
	}
	answers := pageAnswers{room: questions}
	if g := s.generator(); g != nil {
		o.Generate, answers.model = g, g
	}
	o.Answer = answers
	return web.New(o)
}

// health is what the overview shows: the process, its database and its models.
func (s *server) health(ctx context.Context, ready *httpserver.Readiness) []web.Check {
	checks := []web.Check{{Name: "server", OK: ready.Ready(), Detail: fmt.Sprintf("%s on %s, %d cores", runtime.Version(), s.config.Addr, runtime.GOMAXPROCS(0))}}
	db := web.Check{Name: "database", OK: true, Detail: s.config.DataDir + "/stylesprint.db"}
	if err := s.db.Ping(ctx); err != nil {
		db.OK, db.Detail = false, err.Error()
	}
	return append(checks, db, web.Check{Name: "models", OK: len(s.shown) > 0, Detail: fmt.Sprintf("%d ready", len(s.shown))})
}

// generator answers the playground's form with whichever model it names.
func (s *server) generator() web.Generator {
	g := playground{}
	for _, m := range s.models {
		if m.Generate != nil {
			g.models = append(g.models, m)
		}
	}
	if len(g.models) == 0 {
		return nil
	}
	return g
}

var _ io.Closer = (*closers)(nil)
