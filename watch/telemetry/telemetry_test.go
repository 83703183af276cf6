package telemetry_test

import (
	"compress/gzip"
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"
	collectmetrics "go.opentelemetry.io/proto/otlp/collector/metrics/v1"
	collecttraces "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"stylesprint"
	"stylesprint/watch/telemetry"
)

// receiver takes OTLP over HTTP and keeps names.
type receiver struct {
	mu      sync.Mutex
	spans   []string
	metrics []string
	service string
	header  string
	refuse  bool
}

func (r *receiver) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.refuse {
		http.Error(w, "no", http.StatusForbidden)
		return
	}
	body := io.Reader(req.Body)
	if req.Header.Get("Content-Encoding") == "gzip" {
		body, _ = gzip.NewReader(req.Body)
	}
	b, _ := io.ReadAll(body)
	r.header = req.Header.Get("Api-Key")
	switch req.URL.Path {
	case "/v1/traces":
		var m collecttraces.ExportTraceServiceRequest
		if proto.Unmarshal(b, &m) != nil {
			http.Error(w, "unreadable", http.StatusBadRequest)
			return
		}
		for _, rs := range m.GetResourceSpans() {
			for _, a := range rs.GetResource().GetAttributes() {
				if a.GetKey() == "service.name" {
					r.service = a.GetValue().GetStringValue()
				}
			}
			for _, ss := range rs.GetScopeSpans() {
				for _, s := range ss.GetSpans() {
					r.spans = append(r.spans, s.GetName())
				}
			}
		}
	case "/v1/metrics":
		var m collectmetrics.ExportMetricsServiceRequest
		if proto.Unmarshal(b, &m) != nil {
			http.Error(w, "unreadable", http.StatusBadRequest)
			return
		}
		for _, rm := range m.GetResourceMetrics() {
			for _, sm := range rm.GetScopeMetrics() {
				for _, s := range sm.GetMetrics() {
					r.metrics = append(r.metrics, s.GetName())
				}
			}
		}
	default:
		http.NotFound(w, req)
	}
}

func TestSend(t *testing.T) {
	t.Parallel()
	r := &receiver{}
	server := httptest.NewServer(r)
	defer server.Close()
	var faults []error
	p, err := telemetry.Setup(t.Context(), telemetry.Options{
		Endpoint: server.URL + "/", Headers: stylesprint.NewSecret("api-key=a%20b, x=1"), Version: "v1", Fault: func(err error) { faults = append(faults, err) },
	})
	if err != nil {
		t.Fatal(err)
	}
	_, span := p.Tracer.Tracer("test").Start(context.Background(), "one")
	span.End()
	n, err := p.Meter.Meter("test").Int64Counter("things")
	if err != nil {
		t.Fatal(err)
	}
	n.Add(context.Background(), 3)
	if err := p.Shutdown(context.Background()); err != nil {
		t.Fatal(err)
	}
	if err := p.Shutdown(context.Background()); err != nil {
		t.Errorf("a second time: %v", err)
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if !slices.Equal(r.spans, []string{"one"}) || !slices.Equal(r.metrics, []string{"things"}) || r.service != "stylesprint" || r.header != "a b" || len(faults) > 0 {
		t.Errorf("spans %v, metrics %v, service %q, header %q, faults %v", r.spans, r.metrics, r.service, r.header, faults)
	}
}

// A receiver that refuses is told of, and nothing else fails.
func TestFaults(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(&receiver{refuse: true})
	defer server.Close()
	var faults []string
	p, err := telemetry.Setup(t.Context(), telemetry.Options{Endpoint: server.URL, Fault: func(err error) { faults = append(faults, err.Error()) }})
	if err != nil {
		t.Fatal(err)
	}
	_, span := p.Tracer.Tracer("test").Start(context.Background(), "one")
	span.End()
	if err := p.Shutdown(context.Background()); err != nil {
		t.Errorf("shutdown: %v", err)
	}
	if len(faults) == 0 || !strings.Contains(faults[0], "send 1 spans") {
		t.Errorf("faults: %q", faults)
	}
}

// Without an endpoint spans cost nothing and are not recorded.
func TestNothingConfigured(t *testing.T) {
	p, err := telemetry.Setup(t.Context(), telemetry.Options{})
	if err != nil || p.Active {
		t.Fatalf("%+v, %v", p, err)
	}
	tracer := p.Tracer.Tracer("test")
	ctx := context.Background()
	if n := testing.AllocsPerRun(100, func() {
		_, span := tracer.Start(ctx, "one")
		if span.IsRecording() {
			t.Error("recorded")
		}
		span.SetAttributes(attribute.String("a", "b"))
		span.End()
	}); n > 3 {
		t.Errorf("%v allocations for a span that goes nowhere", n)
	}
	if err := p.Shutdown(ctx); err != nil {
		t.Error(err)
	}
}

func TestSampling(t *testing.T) {
	t.Parallel()
	server := httptest.NewServer(&receiver{})
	defer server.Close()
	p, err := telemetry.Setup(t.Context(), telemetry.Options{Endpoint: server.URL, Sample: 1e-12})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = p.Shutdown(context.Background()) }()
	remote := func(flags trace.TraceFlags) context.Context {
		return trace.ContextWithRemoteSpanContext(context.Background(), trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: trace.TraceID{0xff, 1, 2, 3, 4, 5, 6, 7, 0xff}, SpanID: trace.SpanID{1}, TraceFlags: flags, Remote: true}))
	}
	for name, ctx := range map[string]context.Context{"without a parent": context.Background(), "that its caller samples": remote(trace.FlagsSampled)} {
		if _, span := p.Tracer.Tracer("test").Start(ctx, "one"); span.IsRecording() {
			t.Errorf("a request %s was recorded with a share of nearly nothing", name)
		}
	}
	all, err := telemetry.Setup(t.Context(), telemetry.Options{Endpoint: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = all.Shutdown(context.Background()) }()
	if _, span := all.Tracer.Tracer("test").Start(remote(0), "one"); span.IsRecording() {
		t.Error("a request that its caller does not sample was recorded")
	}
	if _, span := all.Tracer.Tracer("test").Start(remote(trace.FlagsSampled), "one"); !span.IsRecording() {
		t.Error("a request that its caller samples was not recorded")
	}
}

func TestOptionFaults(t *testing.T) {
	t.Parallel()
	if err := telemetry.Default().Validate(); err != nil {
		t.Errorf("the defaults have faults: %v", err)
	}
	err := telemetry.Options{Endpoint: "ftp://x", Headers: stylesprint.NewSecret("hidden value"), Sample: 2, Interval: 1, Timeout: 1}.Validate()
	if err == nil {
		t.Fatal("no faults")
	}
	for _, field := range []string{"endpoint:", "headers:", "sample:", "interval:", "timeout:"} {
		if !strings.Contains(err.Error(), field) {
			t.Errorf("no fault of %s in %v", field, err)
		}
	}
	if strings.Contains(err.Error(), "hidden") {
		t.Errorf("the fault quotes a secret: %v", err)
	}
	for _, endpoint := range []string{"http://user:pw@host", "http://host?key=v", "host:4318", "http://"} {
		if err := (telemetry.Options{Endpoint: endpoint}).Validate(); err == nil || strings.Contains(err.Error(), "pw") {
			t.Errorf("%s: %v", endpoint, err)
		}
	}
}

// Whatever the headers hold, a header that is accepted can be sent.
func FuzzHeaders(f *testing.F) {
	for _, s := range []string{"", "a=b", "a=b,c=d", "a=%20", "a=%zz", "=x", "a", "a=b=c", "a b=c", "ä=b", "a=\n", ",,a=b,"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if (telemetry.Options{Headers: stylesprint.NewSecret(s)}).Validate() != nil {
			return
		}
		for pair := range strings.SplitSeq(s, ",") {
			if name, _, ok := strings.Cut(pair, "="); ok && strings.ContainsAny(strings.TrimSpace(name), " \t\r\n:") {
				t.Errorf("%q was accepted as a name", name)
			}
		}
	})
}
