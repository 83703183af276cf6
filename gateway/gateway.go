// Package gateway serves models over HTTP to programs: POST /generate/ and the
// OpenAI-compatible routes under /v1, with probes and metrics.
//
// Key words: model, route, exchange, dialect, request log, settings.
//
// routes.go is the map. A handler decodes (decode.go), calls a model through
// the small interfaces Generator and Embedder, and encodes; everything else
// about a request (its id, outcome, log line, metrics, record) hangs on its
// exchange. The usual path is
//
//	g, err := gateway.New(gateway.Options{Models: models, Log: log, Requests: store, Ready: ready.Ready})
//	g.Mount(mux)
//	... serve ...
//	err = g.Close(ctx) // writes what the request log still holds
//
// Reconfigure gives it other models and limits while it serves; a request keeps those
// that it began with until it ends.
//
// Errors go to the client in the dialect of the route (errors.go) with a stable
// code. Logs hold no prompt and no answer unless Options.LogBodies asks for
// them. A Gateway is safe for concurrent use.
package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
	"stylesprint/embedding"
	"stylesprint/generate"
	"stylesprint/internal/httpserver"
)

// Generator answers with text. *generate.Client is one; anything that chooses
// among several targets can be another.
type Generator interface {
	// Generate returns the whole reply. Its errors are *stylesprint.Error values.
	Generate(ctx context.Context, req generate.Request) (stylesprint.Reply, error)
	// Stream calls emit in order, from this goroutine, for every piece, stops
	// with emit's error, and returns the whole reply.
	Stream(ctx context.Context, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error)
}

// Embedder turns texts into vectors, one for each, in order. *embedding.Client
// is one. Its errors are *stylesprint.Error values.
type Embedder interface {
	Embed(ctx context.Context, texts []string) (embedding.Result, error)
}

// Drawer is a Generator that chooses among releases.
type Drawer interface {
	Generator
	// Draw chooses the release that answers the request of ctx (see RequestOf), and returns its id, which is empty where
	// there is none to tell, and what asks that release while the request runs. One request
	// draws the same each time. It asks no model.
	Draw(ctx context.Context) (release string, g Generator)
}

var (
	_ Generator = (*generate.Client)(nil)
	_ Embedder  = (*embedding.Client)(nil)
)

// Model is one name that clients may ask for. At least one of Generate and
// Embed is set.
type Model struct {
	Name     string // public name
	Target   string // the name that Generate's driver knows; empty means Name
	Owner    string // "owned_by" in the model list; empty means "stylesprint"
	Generate Generator
	Embed    Embedder
}

func (m Model) target() string {
	if m.Target != "" {
		return m.Target
	}
	return m.Name
}

// Options configure a Gateway. The zero value of each field but Models is usable.
type Options struct {
	Models []Model
	// DefaultModel answers requests that name none; empty means the first
	// model that generates. DefaultEmbedding is the same for vectors.
	DefaultModel     string
	DefaultEmbedding string

	Log      *slog.Logger         // nil drops
	Requests RequestLog           // nil keeps no request log; records wait in memory
	Records  Recorder             // in place of Requests, such as a *spool.Spool; the caller closes it after Close
	Metrics  *prometheus.Registry // /metrics shows it; nil means a new one
	Auth     Authenticator        // nil serves everybody and ignores Authorization
	Limits   Limiter              // nil: none
	// Describe makes the messages for products that /generate/ is given in place of a prompt;
	// nil: it takes prompts alone.
	Describe Describer
	Answer   Answerer // of POST /answer; nil answers 404
	// Content reads what /answer is asked and answers; nil lets every text pass.
	Content Content
	// Stages stand between the requests and the models that write, the first one outermost.
	Stages []Stage
	// Disclosure is what generated text says of itself.
	Disclosure Disclosure
	// Feedback keeps what people say of answers; nil answers 404 at /feedback.
	Feedback *Feedback
	// Ready says whether the server around takes requests, for /readyz; nil
	// means until Close.
	Ready func() bool

	MaxBodyBytes int64         // default 2 MiB
	MaxInFlight  int           // requests to models at a time; more get 429; default 64
	Timeout      time.Duration // one deadline for the whole request; default 5 min
	KeepAlive    time.Duration // silence in a begun stream before a comment is sent; default 15 s
	QueueSize    int           // records that wait for Requests; default 4096
	// LogBodies puts prompts and answers into the request log, and causes of
	// errors, which may quote them, into the log.
	LogBodies bool
	// Clean takes what may not be kept out of texts for the request log that no stage has seen; nil
	// keeps them as they are.
	Clean func(string) string
	// Now tells in which second a request was refused; nil means time.Now.
	Now func() time.Time
}

func (o Options) withDefaults() Options {
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	if o.Metrics == nil {
		o.Metrics = prometheus.NewRegistry()
	}
	if o.Ready == nil {
		o.Ready = func() bool { return true }
	}
	if o.Disclosure.Program == "" {
		o.Disclosure.Program = "stylesprint"
	}
	if o.KeepAlive == 0 {
		o.KeepAlive = 15 * time.Second
	}
	if o.QueueSize == 0 {
		o.QueueSize = 4096
	}
	return o
}

// validate reports every fault of the options at once.
func (o Options) validate() error {
	var faults []error
	for name, v := range map[string]int64{"keep_alive": int64(o.KeepAlive), "queue_size": int64(o.QueueSize)} {
		if v < 0 {
			faults = append(faults, fmt.Errorf("%s: want a positive value, got %d", name, v))
		}
	}
	fault := func(format string, a ...any) { faults = append(faults, fmt.Errorf(format, a...)) }
	o.Disclosure.validate(fault)
	o.Feedback.validate(fault)
	return errors.Join(append(faults, o.settings().validate())...)
}

// Gateway is the http.Handler of all routes.
type Gateway struct {
	o       Options
	live    atomic.Pointer[live]
	metrics *metrics
	records Recorder  // nil keeps no request log
	queue   *recorder // is records, where they wait in memory
	// answered counts requests with a record, billed sums up what the upstream bills for them.
	answered, billed atomic.Int64
	closed           atomic.Bool
	inFlight         atomic.Int64 // requests to models
	created          int64        // Unix time of start, for the model list
	generator        []string     // X-Generated-By of generated text
	refusals         *refusals
	handler          http.Handler

	feedback feedbackRates
	openAPI  []byte
}

// New checks the options, registers the metrics and starts the request log's writer.
func New(o Options) (*Gateway, error) {
	if err := o.validate(); err != nil {
		return nil, fmt.Errorf("new gateway: %w", err)
	}
	o = o.withDefaults()
	m, err := newMetrics(o.Metrics, o.Records == nil)
	if err != nil {
		return nil, fmt.Errorf("new gateway: %w", err)
	}
	g := &Gateway{
		o: o, metrics: m,
		created: time.Now().Unix(), generator: []string{o.Disclosure.Program + "; kind=language-model"},
		refusals: newRefusals(o.Now),
	}
	g.live.Store(newLive(o.settings()))
	if g.openAPI, err = openAPIDocument(g.routes()); err != nil {
		return nil, fmt.Errorf("new gateway: %w", err)
	}
	switch {
	case o.Records != nil:
		g.records = o.Records
	case o.Requests != nil:
		g.queue = newRecorder(o.Requests, recorderOptions{queue: o.QueueSize, log: o.Log, metrics: m})
		g.records = g.queue
	}
	if err := g.watchRecords(o.Metrics); err != nil {
		return nil, errors.Join(fmt.Errorf("new gateway: %w", err), g.Close(context.Background()))
	}
	g.handler = httpserver.Chain(g.mux(), httpserver.RequestID(), httpserver.SecurityHeaders(httpserver.PolicyData), g.observe)
	return g, nil
}

// ServeHTTP implements http.Handler.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) { g.handler.ServeHTTP(w, r) }

// Mount hands the gateway's paths, and no others, of a mux to it, so that
// pages can live beside it.
func (g *Gateway) Mount(mux *http.ServeMux) {
	for _, p := range []string{"/generate", "/generate/", "/answer", "/v1/", "/feedback", "/openapi.json", "/healthz", "/readyz", "/metrics"} {
		mux.Handle(p, g)
	}
}

// Close writes the records that wait, within ctx, and stops the writer. Call it
// after the last request. It may be called twice.
func (g *Gateway) Close(ctx context.Context) error {
	g.closed.Store(true)
	g.logLeftOut(true)
	if g.queue == nil {
		return nil
	}
	if err := g.queue.close(ctx); err != nil {
		return fmt.Errorf("close request log: %w", err)
	}
	return nil
}
