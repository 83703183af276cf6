package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime/debug"
	"slices"
	"sync"
	"sync/atomic"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/access"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/gateway"
	"stylesprint/gateway/route"
	"stylesprint/internal/httpserver"
	"stylesprint/release"
	"stylesprint/web"
)

// serveFlags are the flags that stand over the configuration, also when it is read again.
type serveFlags struct {
	addr   string
	noJobs bool
}

func (f serveFlags) apply(c *config.Config) {
	c.Addr = or(f.addr, c.Addr)
	c.NoJobs = c.NoJobs || f.noJobs
}

func (a *app) serveCommand() *cobra.Command {
	var f serveFlags
	var roleName string
	var check bool
	cmd := &cobra.Command{
		Use:   "serve",
		Short: "Serve models over HTTP, with the dashboard",
		Long: `Serve POST /generate/, the OpenAI-compatible /v1, /healthz, /readyz, /metrics, /admin and the dashboard.

Until a key is made the server listens on loopback only, is open, and ignores Authorization. DATABASE_URL puts runs,
request log and jobs into Postgres. It stops on Ctrl-C or SIGTERM after running requests have finished. Beside that it works on queued jobs, as "worker" does, unless
told --no-jobs.

--role gateway serves the API without pages and jobs, --role worker works on jobs and serves probes and metrics alone.
On SIGHUP, or POST /admin/reload, the configuration is read again: models, routes and limits change at once, and no
request that runs is touched; a file with faults changes nothing. --check reads the same file and names every
fault with its line.`,
		Example: "  stylesprint serve\n  stylesprint serve --addr 127.0.0.1:9000 --config stylesprint.yaml\n  stylesprint serve --check",
		Args:    cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			part, err := parseRole(roleName)
			if err != nil {
				return err
			}
			c, err := a.serveConfig(cmd.Context(), f)
			if err != nil {
				return err
			}
			if check {
				return a.checkServe(cmd.Context(), c)
			}
			return a.serve(cmd.Context(), c, serving{role: part, flags: f})
		},
	}
	cmd.Flags().StringVar(&f.addr, "addr", "", "host:port (default 127.0.0.1:8000)")
	cmd.Flags().StringVar(&roleName, "role", string(roleAll), "which part of the server to run: all, gateway or worker")
	cmd.Flags().BoolVar(&f.noJobs, "no-jobs", false, "leave queued jobs to workers")
	cmd.Flags().BoolVar(&check, "check", false, "check the settings and stop")
	return cmd
}

// serveConfig reads the configuration for a server.
func (a *app) serveConfig(ctx context.Context, f serveFlags) (config.Config, error) {
	c, err := a.loadConfig()
	if err != nil {
		return c, err
	}
	f.apply(&c)
	if err := c.Validate(); err != nil {
		return c, a.settingsFault(err)
	}
	return c, a.mayServe(ctx, c)
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

// serving says how to serve.
type serving struct {
	role      role
	flags     serveFlags
	listening func(net.Addr) // told the address; may be nil
}

// server is what serve joins. Parts read and fill it before it listens.
type server struct {
	app     *app
	how     serving
	config  config.Config // that it was started with; plan has the one that holds
	log     *slog.Logger
	db      *database
	metrics *prometheus.Registry
	ready   *httpserver.Readiness
	closing chan struct{} // closed when the server begins to stop

	// What parts add to.
	gateway gateway.Options // Stages from the outermost to the innermost, Auth, Limits, Requests
	pages   web.Options
	mux     *http.ServeMux
	guard   httpserver.Middleware                        // before /admin; nil lets everybody in who reaches the server
	actor   func(*http.Request) string                   // who asks /admin and the pages; nil: nobody knows
	trail   release.Trail                                // told of promotions and rollbacks; nil: none is kept
	tasks   []func(context.Context)                      // run until the server stops, which waits for them
	local   httpserver.Middleware                        // which hosts and sites may ask; nil: httpserver.LocalOnly
	around  []httpserver.Middleware                      // before everything, the first one outermost
	reloads []func(context.Context, config.Config) error // told of a configuration that holds from now on
	open    closers                                      // closed last first, after the last request

	// What is served. The fields below change under change.
	api      *gateway.Gateway
	router   *route.Router
	plan     atomic.Pointer[plan]
	products atomic.Pointer[productSet]
	change   sync.Mutex
	models   modelPool
	former   []*plan // that requests still hold
	retiring sync.WaitGroup
	lent     []openModel // language models that jobs may use; set before the server listens
}

// parts lists what is joined, in the order in which a request meets it. Each line is a
// method of a file serve_<part>.go, which fills the fields of server that it is about.
func (s *server) parts() []func(context.Context) error {
	return []func(context.Context) error{
		s.joinRequestLog,
		s.joinAccess,
		s.joinTelemetry,
		s.joinSafety,
		s.joinCache,
		s.joinModels,
		s.joinReleases,
		s.joinAnswers,
		s.joinAdmin,
	}
}

// serve runs the server until ctx ends.
func (a *app) serve(ctx context.Context, c config.Config, how serving) error {
	lines := newLogBuffer(access.NewRedactor(a.stderr))
	defer lines.Close()
	level := slog.LevelInfo
	if a.quiet {
		level = slog.LevelWarn
	}
	s := &server{app: a, how: how, config: c, log: slog.New(flushing{slog.NewJSONHandler(lines, &slog.HandlerOptions{Level: level}), lines})}
	if a.getenv("GOGC") == "" && !slices.ContainsFunc(c.Models, func(m config.Model) bool { return m.Provider == "local" }) {
		// Between requests little is kept where no model is in memory, so that a heap of some
		// megabytes would be cleaned hundreds of times a second under load.
		defer debug.SetGCPercent(debug.SetGCPercent(400))
	}
	err := s.run(ctx)
	s.retiring.Wait()
	return errors.Join(err, s.open.Close())
}

func (s *server) run(ctx context.Context) error {
	listener, err := httpserver.Listen(ctx, s.config.Addr) // before models are loaded: a taken address is told at once
	if err != nil {
		return err
	}
	defer listener.Close()
	if s.db, err = s.app.openStore(ctx, s.config); err != nil {
		return err
	}
	s.open.add(s.db)
	if err := s.assemble(ctx); err != nil {
		return err
	}
	srv, err := httpserver.New(httpserver.Options{
		Handler: s.front(), Listener: listener, Readiness: s.ready,
		DrainLimit: s.config.DrainTimeout, Fault: func(f string) { s.log.Warn("http", "fault", f) },
		Listening: func(at net.Addr) {
			s.log.Info("listening", "addr", at.String(), "role", string(s.how.role))
			if s.how.listening != nil {
				s.how.listening(at)
			}
		},
	})
	if err != nil {
		return err
	}
	stop := context.AfterFunc(ctx, func() { close(s.closing) })
	defer stop()
	stopTasks := s.startTasks(ctx)
	defer stopTasks()
	err = srv.Run(ctx)
	flush, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.config.DrainTimeout)
	defer cancel()
	if s.api != nil {
		err = errors.Join(err, s.api.Close(flush))
	}
	return err
}

// front is everything that the server answers, behind what stands before it.
func (s *server) front() http.Handler {
	local := s.local
	if local == nil {
		local = httpserver.LocalOnly()
	}
	return httpserver.Chain(s.mux, append([]httpserver.Middleware{local}, s.around...)...)
}

// assemble joins the parts of the role behind s.mux.
func (s *server) assemble(ctx context.Context) error {
	s.metrics = prometheus.NewRegistry()
	s.metrics.MustRegister(&s.app.engines, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	s.ready, s.closing, s.mux = new(httpserver.Readiness), make(chan struct{}), http.NewServeMux()
	s.tasks = append(s.tasks, s.watchReload, giveBack)
	if s.how.role.jobs() {
		s.tasks = append(s.tasks, s.workOnJobs)
	}
	if !s.how.role.api() {
		if err := s.joinAccess(ctx); err != nil { // who may read the metrics
			return err
		}
		s.mountProbes()
		return nil
	}
	s.gateway = gateway.Options{Log: s.log, Requests: s.db, Metrics: s.metrics, Ready: s.ready.Ready, LogBodies: s.config.LogBodies}
	for _, join := range s.parts() {
		if err := join(ctx); err != nil {
			return err
		}
	}
	var err error
	if s.api, err = gateway.New(s.gateway); err != nil {
		return err
	}
	s.api.Mount(s.mux)
	if s.how.role.pages() {
		return s.mountPages()
	}
	return nil
}

// startTasks runs what goes on beside requests; the returned function stops and waits.
func (s *server) startTasks(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	done := make(chan struct{})
	running := len(s.tasks)
	for _, task := range s.tasks {
		go func() {
			defer func() { done <- struct{}{} }()
			task(ctx)
		}()
	}
	return func() {
		cancel()
		for range running {
			<-done
		}
	}
}

// panicked logs the panic of a page; the person who asked sees a plain 500.
func (s *server) panicked(r *http.Request, p httpserver.Panic) {
	s.log.Error("panic", "path", web.LoggedPath(r), "value", fmt.Sprint(p.Value), "stack", string(p.Stack))
}
