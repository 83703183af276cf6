// Package telemetry describes questions to models as OpenTelemetry's conventions for
// generative models name them: a span and four histograms for each.
//
// Key words: span, operation, chunk.
//
// The usual path is
//
//	t, err := telemetry.New(telemetry.Options{Tracer: p.Tracer, Meter: p.Meter, Upstream: upstream})
//	gateway.Options{Stages: []gateway.Stage{t.Stage, ...}} // outermost
//	handler = t.Middleware(handler)                       // takes the caller's trace up
//
// Spans hold names, counts and times, and no text of prompts or answers unless
// Options.Content asks for it. A Telemetry fails no request and is safe for concurrent use.
package telemetry

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/generate"
)

// scope names this package's spans and metrics.
const scope = "stylesprint/gateway"

// maxModel bounds in bytes what a server may call its model.
const maxModel = 128

// Upstream says who serves a model.
type Upstream struct {
	Provider string // gen_ai.provider.name: "openai", or "stylesprint" for the local engine
	Address  string // host; empty for a local model
	Port     int    // 0 where unknown
}

// Options say where spans and metrics go. The zero value drops them.
type Options struct {
	Tracer trace.TracerProvider
	Meter  metric.MeterProvider
	// Upstream says who serves the target that answered; model is its public name, target
	// is empty where no route chose. nil says nothing of any.
	Upstream func(model, target string) Upstream
	Content  bool // puts prompts and answers into spans
	Now      func() time.Time
}

// Telemetry is the stage and the middleware.
type Telemetry struct {
	o          Options
	tracer     trace.Tracer
	duration   metric.Float64Histogram
	tokens     metric.Int64Histogram
	firstChunk metric.Float64Histogram
	perChunk   metric.Float64Histogram
}

// New makes the instruments.
func New(o Options) (*Telemetry, error) {
	if o.Tracer == nil {
		o.Tracer = nooptrace.NewTracerProvider()
	}
	if o.Meter == nil {
		o.Meter = noopmetric.NewMeterProvider()
	}
	if o.Upstream == nil {
		o.Upstream = func(string, string) Upstream { return Upstream{} }
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	t := &Telemetry{o: o, tracer: o.Tracer.Tracer(scope)}
	meter := o.Meter.Meter(scope)
	seconds := []float64{.01, .02, .04, .08, .16, .32, .64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92}
	var err error
	for _, h := range []struct {
		name, help string
		into       *metric.Float64Histogram
	}{
		{"gen_ai.client.operation.duration", "Duration of a question to a model.", &t.duration},
		{"gen_ai.client.operation.time_to_first_chunk", "Time from the question to the first chunk of a streamed answer.", &t.firstChunk},
		{"gen_ai.client.operation.time_per_output_chunk", "Time from a chunk of a streamed answer to the next.", &t.perChunk},
	} {
		*h.into, err = meter.Float64Histogram(h.name, metric.WithDescription(h.help), metric.WithUnit("s"), metric.WithExplicitBucketBoundaries(seconds...))
		if err != nil {
			return nil, fmt.Errorf("make metric %s: %w", h.name, err)
		}
	}
	bounds := make([]float64, 14)
	for i := range bounds {
		bounds[i] = float64(int64(1) << (2 * i))
	}
	t.tokens, err = meter.Int64Histogram("gen_ai.client.token.usage", metric.WithDescription("Tokens of a question and its answer."),
		metric.WithUnit("{token}"), metric.WithExplicitBucketBoundaries(bounds...))
	if err != nil {
		return nil, fmt.Errorf("make metric gen_ai.client.token.usage: %w", err)
	}
	return t, nil
}

// Stage is a gateway.Stage.
func (t *Telemetry) Stage(next gateway.Ask) gateway.Ask {
	return func(ctx context.Context, c *gateway.Call, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		start := t.o.Now()
		op := operation(c.Request)
		ctx, span := t.tracer.Start(ctx, op+" "+c.Model, trace.WithSpanKind(trace.SpanKindClient), trace.WithTimestamp(start),
			trace.WithAttributes(attribute.String("gen_ai.operation.name", op), attribute.String("gen_ai.request.model", c.Model)))
		defer span.End()
		if span.IsRecording() {
			span.SetAttributes(t.request(c, emit != nil)...)
		}
		w := watch{t: t, last: start}
		reply, err := next(ctx, c, w.around(emit))
		took := t.o.Now().Sub(start)
		shared := t.shared(op, c, reply)
		span.SetAttributes(shared...)
		if err != nil {
			kind := string(w.kind(ctx, err))
			shared = append(shared, attribute.String("error.type", kind))
			span.SetAttributes(attribute.String("error.type", kind))
			span.SetStatus(codes.Error, kind)
		}
		if span.IsRecording() {
			span.SetAttributes(t.response(c, reply, w.first)...)
		}
		t.record(ctx, reply, took, &w, shared)
		return reply, err
	}
}

// operation is the name of what is asked for.
func operation(r generate.Request) string {
	if r.Prompt != "" {
		return "text_completion"
	}
	return "chat"
}

// watch times the chunks of a stream.
type watch struct {
	t     *Telemetry
	last  time.Time // of the chunk before, or of the question
	first time.Duration
	gaps  []float64 // seconds between chunks
	left  bool      // a chunk could not be passed on
}

// kind is the code of an error; whoever left is not a fault of the model.
func (w *watch) kind(ctx context.Context, err error) stylesprint.Code {
	switch {
	case errors.Is(ctx.Err(), context.DeadlineExceeded):
		return stylesprint.CodeTimeout
	case w.left || ctx.Err() != nil:
		return stylesprint.CodeCancelled
	}
	return stylesprint.CodeOf(err)
}

// around passes chunks on and notes when they come.
func (w *watch) around(emit func(generate.Delta) error) func(generate.Delta) error {
	if emit == nil {
		return nil
	}
	return func(d generate.Delta) error {
		now := w.t.o.Now()
		gap := now.Sub(w.last)
		w.last = now
		if w.first == 0 {
			w.first = max(gap, 1)
		} else {
			w.gaps = append(w.gaps, gap.Seconds())
		}
		err := emit(d)
		w.left = err != nil
		return err
	}
}

// shared are the attributes of the span and of all metrics.
func (t *Telemetry) shared(op string, c *gateway.Call, reply stylesprint.Reply) []attribute.KeyValue {
	u := t.o.Upstream(c.Model, reply.Target)
	a := make([]attribute.KeyValue, 0, 8)
	a = append(a, attribute.String("gen_ai.operation.name", op), attribute.String("gen_ai.request.model", c.Model))
	if u.Provider != "" {
		a = append(a, attribute.String("gen_ai.provider.name", u.Provider))
	}
	if u.Address != "" {
		a = append(a, attribute.String("server.address", u.Address))
		if u.Port > 0 {
			a = append(a, attribute.Int("server.port", u.Port))
		}
	}
	if reply.Model != "" && len(reply.Model) <= maxModel { // what a server calls its model is not ours to trust
		a = append(a, attribute.String("gen_ai.response.model", reply.Model))
	}
	return a
}

// record writes the histograms.
func (t *Telemetry) record(ctx context.Context, reply stylesprint.Reply, took time.Duration, w *watch, shared []attribute.KeyValue) {
	set := metric.WithAttributeSet(attribute.NewSet(shared...))
	t.duration.Record(ctx, took.Seconds(), set)
	for _, k := range []struct {
		kind string
		n    int
	}{{"input", reply.Usage.PromptTokens}, {"output", reply.Usage.CompletionTokens}} {
		if k.n > 0 {
			t.tokens.Record(ctx, int64(k.n), set, metric.WithAttributes(attribute.String("gen_ai.token.type", k.kind)))
		}
	}
	if w.first > 0 {
		t.firstChunk.Record(ctx, w.first.Seconds(), set)
	}
	for _, gap := range w.gaps {
		t.perChunk.Record(ctx, gap, set)
	}
}

// request are the attributes that are known before the answer.
func (t *Telemetry) request(c *gateway.Call, stream bool) []attribute.KeyValue {
	p := c.Request.Params
	a := []attribute.KeyValue{attribute.Bool("gen_ai.request.stream", stream), attribute.String("stylesprint.request_id", c.RequestID), attribute.String("http.route", c.Route)}
	if p.MaxTokens != nil {
		a = append(a, attribute.Int("gen_ai.request.max_tokens", *p.MaxTokens))
	}
	if p.Temperature != nil {
		a = append(a, attribute.Float64("gen_ai.request.temperature", *p.Temperature))
	}
	if p.TopP != nil {
		a = append(a, attribute.Float64("gen_ai.request.top_p", *p.TopP))
	}
	if p.TopK != nil {
		a = append(a, attribute.Int("gen_ai.request.top_k", *p.TopK))
	}
	if p.Seed != nil {
		a = append(a, attribute.Int64("gen_ai.request.seed", int64(*p.Seed)))
	}
	if c.Caller.Class != "" {
		a = append(a, attribute.String("stylesprint.key.class", c.Caller.Class))
	}
	return a
}

// asked is the question as what is inside has left it: the content policy takes out what may not
// be kept, and where it refuses, says itself what may.
func asked(c *gateway.Call) string {
	if c.Kept != "" {
		return message("user", c.Kept, "")
	}
	return messages(c.Request)
}

// response are the attributes that the answer adds to the span.
func (t *Telemetry) response(c *gateway.Call, r stylesprint.Reply, first time.Duration) []attribute.KeyValue {
	a := []attribute.KeyValue{attribute.Int("gen_ai.usage.input_tokens", r.Usage.PromptTokens), attribute.Int("gen_ai.usage.output_tokens", r.Usage.CompletionTokens)}
	for name, v := range map[string]string{"stylesprint.release": r.Release, "stylesprint.target": r.Target, "stylesprint.cache": c.Cache} {
		if v != "" {
			a = append(a, attribute.String(name, v))
		}
	}
	if r.Usage.CachedTokens > 0 {
		a = append(a, attribute.Int("gen_ai.usage.cache_read.input_tokens", r.Usage.CachedTokens))
	}
	if r.FinishReason != "" {
		a = append(a, attribute.StringSlice("gen_ai.response.finish_reasons", []string{string(r.FinishReason)}))
	}
	if first > 0 {
		a = append(a, attribute.Float64("gen_ai.response.time_to_first_chunk", first.Seconds()))
	}
	if r.Attempts > 0 {
		a = append(a, attribute.Int("stylesprint.attempts", r.Attempts))
	}
	if len(c.Flags) > 0 {
		a = append(a, attribute.StringSlice("stylesprint.flags", c.Flags))
	}
	if r.Cost > 0 {
		a = append(a, attribute.Float64("stylesprint.cost", r.Cost.Units()))
	}
	if t.o.Content {
		a = append(a, attribute.String("gen_ai.input.messages", asked(c)))
	}
	if t.o.Content && r.Text != "" {
		a = append(a, attribute.String("gen_ai.output.messages", message("assistant", r.Text, string(r.FinishReason))))
	}
	return a
}

// part and turn are messages in the form that the conventions give them.
type part struct {
	Type    string `json:"type"`
	Content string `json:"content"`
}

type turn struct {
	Role   string `json:"role"`
	Parts  []part `json:"parts"`
	Finish string `json:"finish_reason,omitempty"`
}

func messages(r generate.Request) string {
	turns := []turn{}
	if r.Prompt != "" {
		turns = append(turns, turn{Role: "user", Parts: []part{{"text", r.Prompt}}})
	}
	for _, m := range r.Messages {
		turns = append(turns, turn{Role: string(m.Role), Parts: []part{{"text", m.Content}}})
	}
	return asJSON(turns)
}

func message(role, text, finish string) string {
	return asJSON([]turn{{Role: role, Parts: []part{{"text", text}}, Finish: finish}})
}

func asJSON(turns []turn) string {
	b, err := json.Marshal(turns)
	if err != nil { // strings alone cannot fail
		return "[]"
	}
	return string(b)
}

// Middleware opens a span for each request to a model, below the caller's own where the
// request has a traceparent header (W3C Trace Context). Other requests pass untouched.
func (t *Telemetry) Middleware(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodPost || !traced(r.URL.Path) {
			next.ServeHTTP(w, r)
			return
		}
		ctx := propagation.TraceContext{}.Extract(r.Context(), propagation.HeaderCarrier(r.Header))
		ctx, span := t.tracer.Start(ctx, http.MethodPost+" "+r.URL.Path, trace.WithSpanKind(trace.SpanKindServer),
			trace.WithAttributes(attribute.String("http.request.method", http.MethodPost), attribute.String("http.route", r.URL.Path)))
		s := &status{ResponseWriter: w}
		whole := false
		defer func() { // also on the panic that cuts a connection
			span.SetAttributes(attribute.Int("http.response.status_code", cmp.Or(s.code, http.StatusOK)))
			if s.code >= 500 || !whole {
				span.SetStatus(codes.Error, "")
			}
			span.End()
		}()
		next.ServeHTTP(s, r.WithContext(ctx))
		whole = true
	})
}

// traced lists the paths that ask a model; they are also the names of spans.
func traced(path string) bool {
	switch path {
	case "/generate/", "/generate", "/answer", "/v1/chat/completions", "/v1/completions", "/v1/embeddings":
		return true
	}
	return false
}

// status notes the status of an answer.
type status struct {
	http.ResponseWriter
	code int
}

func (s *status) WriteHeader(code int) {
	if code >= 200 && s.code == 0 {
		s.code = code
	}
	s.ResponseWriter.WriteHeader(code)
}

// Unwrap is for http.ResponseController.
func (s *status) Unwrap() http.ResponseWriter { return s.ResponseWriter }
