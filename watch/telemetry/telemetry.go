// Package telemetry sends traces and metrics to an OpenTelemetry receiver.
//
// Key words: endpoint, provider, sampling.
//
// The usual path is
//
//	p, err := telemetry.Setup(ctx, telemetry.Options{Endpoint: "http://127.0.0.1:4318"})
//	... p.Tracer, p.Meter ...
//	err = p.Shutdown(ctx) // sends what waits
//
// It speaks OTLP over HTTP with protobuf, sends in the background and never holds up
// whoever is measured: what a receiver does not take is dropped, and Options.Fault is told. Without an
// endpoint the providers do nothing, nothing is started and nothing is sent. Nothing global is set.
// Providers are safe for concurrent use.
package telemetry

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlpmetric/otlpmetrichttp"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/metric"
	noopmetric "go.opentelemetry.io/otel/metric/noop"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
	nooptrace "go.opentelemetry.io/otel/trace/noop"

	"stylesprint"
)

// Options say where to send, and what. The zero value sends nothing.
type Options struct {
	// Endpoint is the base URL of the receiver; /v1/traces and /v1/metrics are added. Empty sends nothing.
	Endpoint string
	// Headers go with every request: name=value pairs, joined by commas, values percent-encoded,
	// as in OTEL_EXPORTER_OTLP_HEADERS.
	Headers stylesprint.Secret
	Service string // service.name; default "stylesprint"
	Version string // service.version; may be empty
	// Sample is the share of requests that are traced: (0, 1]. Default 1. A caller's own trace does
	// not raise it, so that callers cannot flood the receiver; one that is not sampled is not traced.
	Sample   float64
	Interval time.Duration // between sends of metrics; default 1 min
	Timeout  time.Duration // of one send; default 10 s
	// Fault is told what could not be sent, from the sender's goroutine. It may be nil.
	Fault func(error)
}

// Default is the zero value with its defaults filled in.
func Default() Options { return Options{}.complete() }

func (o Options) complete() Options {
	if o.Service == "" {
		o.Service = "stylesprint"
	}
	if o.Sample == 0 {
		o.Sample = 1
	}
	if o.Interval == 0 {
		o.Interval = time.Minute
	}
	if o.Timeout == 0 {
		o.Timeout = 10 * time.Second
	}
	if o.Fault == nil {
		o.Fault = func(error) {}
	}
	return o
}

// Validate reports every fault by its field.
func (o Options) Validate() error {
	o = o.complete()
	var faults []error
	fault := func(format string, a ...any) { faults = append(faults, fmt.Errorf(format, a...)) }
	if o.Endpoint != "" {
		if u, err := url.Parse(o.Endpoint); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil || u.RawQuery != "" {
			fault("endpoint: want http(s)://host:port without user or query")
		}
	}
	if _, err := parseHeaders(o.Headers.Reveal()); err != nil {
		fault("headers: %w", err)
	}
	if o.Sample < 0 || o.Sample > 1 || o.Sample != o.Sample {
		fault("sample: want more than 0, at most 1, got %g", o.Sample)
	}
	if o.Interval < time.Second {
		fault("interval: want at least 1s, got %s", o.Interval)
	}
	if o.Timeout < time.Millisecond {
		fault("timeout: want at least 1ms, got %s", o.Timeout)
	}
	return errors.Join(faults...)
}

// parseHeaders reads name=value pairs. Errors do not quote what they read.
func parseHeaders(s string) (map[string]string, error) {
	out := map[string]string{}
	for pair := range strings.SplitSeq(s, ",") {
		if strings.TrimSpace(pair) == "" {
			continue
		}
		name, value, ok := strings.Cut(pair, "=")
		name = strings.TrimSpace(name)
		value, err := url.PathUnescape(strings.TrimSpace(value))
		if !ok || err != nil || !token(name) || strings.ContainsFunc(value, func(r rune) bool { return r < ' ' || r == 0x7f }) {
			return nil, errors.New("want name=value pairs, joined by commas, with percent-encoded values")
		}
		out[name] = value
	}
	return out, nil
}

// token tells whether s may be the name of a header (RFC 9110, section 5.6.2).
func token(s string) bool {
	return s != "" && !strings.ContainsFunc(s, func(r rune) bool {
		return !('a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("!#$%&'*+-.^_`|~", r))
	})
}

// Providers make tracers and meters.
type Providers struct {
	Tracer trace.TracerProvider
	Meter  metric.MeterProvider
	// Active is false where nothing is sent.
	Active   bool
	shutdown []func(context.Context) error
}

// Setup starts the senders. It does not call the receiver.
func Setup(ctx context.Context, o Options) (*Providers, error) {
	if err := o.Validate(); err != nil {
		return nil, fmt.Errorf("set up telemetry: %w", err)
	}
	o = o.complete()
	if o.Endpoint == "" {
		return &Providers{Tracer: nooptrace.NewTracerProvider(), Meter: noopmetric.NewMeterProvider()}, nil
	}
	headers, err := parseHeaders(o.Headers.Reveal())
	if err != nil {
		return nil, fmt.Errorf("set up telemetry: %w", err)
	}
	base := strings.TrimRight(o.Endpoint, "/")
	// A redirect would carry the headers to a server that nobody chose.
	client := &http.Client{Timeout: o.Timeout, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	spans, err := otlptracehttp.New(ctx, otlptracehttp.WithEndpointURL(base+"/v1/traces"), otlptracehttp.WithHeaders(headers),
		otlptracehttp.WithHTTPClient(client), otlptracehttp.WithRetry(otlptracehttp.RetryConfig{}))
	if err != nil {
		return nil, fmt.Errorf("set up traces: %w", err)
	}
	metrics, err := otlpmetrichttp.New(ctx, otlpmetrichttp.WithEndpointURL(base+"/v1/metrics"), otlpmetrichttp.WithHeaders(headers),
		otlpmetrichttp.WithHTTPClient(client), otlpmetrichttp.WithRetry(otlpmetrichttp.RetryConfig{}))
	if err != nil {
		return nil, errors.Join(fmt.Errorf("set up metrics: %w", err), spans.Shutdown(ctx))
	}
	described := resource.NewSchemaless(attribute.String("service.name", o.Service), attribute.String("service.version", o.Version))
	tracer := sdktrace.NewTracerProvider(
		sdktrace.WithResource(described),
		sdktrace.WithSampler(sdktrace.ParentBased(sdktrace.TraceIDRatioBased(o.Sample), sdktrace.WithRemoteParentSampled(sdktrace.TraceIDRatioBased(o.Sample)))),
		sdktrace.WithBatcher(quietSpans{spans, o.Fault}, sdktrace.WithExportTimeout(o.Timeout)),
	)
	meter := sdkmetric.NewMeterProvider(
		sdkmetric.WithResource(described),
		sdkmetric.WithReader(sdkmetric.NewPeriodicReader(quietMetrics{metrics, o.Fault}, sdkmetric.WithInterval(o.Interval), sdkmetric.WithTimeout(o.Timeout))),
	)
	return &Providers{
		Tracer: tracer, Meter: meter, Active: true,
		shutdown: []func(context.Context) error{tracer.Shutdown, meter.Shutdown, func(context.Context) error { client.CloseIdleConnections(); return nil }},
	}, nil
}

// Shutdown sends what waits, within ctx, and stops the senders. It may be called twice.
func (p *Providers) Shutdown(ctx context.Context) error {
	var errs []error
	for _, f := range p.shutdown {
		errs = append(errs, f(ctx))
	}
	p.shutdown = nil
	return errors.Join(errs...)
}

// quietSpans tells faults to whoever set it up, instead of to a handler for the whole program.
type quietSpans struct {
	sdktrace.SpanExporter
	fault func(error)
}

func (q quietSpans) ExportSpans(ctx context.Context, s []sdktrace.ReadOnlySpan) error {
	if err := q.SpanExporter.ExportSpans(ctx, s); err != nil {
		q.fault(fmt.Errorf("send %d spans: %w", len(s), err))
	}
	return nil
}

type quietMetrics struct {
	sdkmetric.Exporter
	fault func(error)
}

func (q quietMetrics) Export(ctx context.Context, m *metricdata.ResourceMetrics) error {
	if err := q.Exporter.Export(ctx, m); err != nil {
		q.fault(fmt.Errorf("send metrics: %w", err))
	}
	return nil
}
