package telemetry_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdkmetric "go.opentelemetry.io/otel/sdk/metric"
	"go.opentelemetry.io/otel/sdk/metric/metricdata"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/gateway/telemetry"
	"stylesprint/generate"
	"stylesprint/generate/openai"
)

// upstream speaks the wire format and notes the headers.
type upstream struct{ headers chan http.Header }

func (u *upstream) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	u.headers <- r.Header.Clone()
	body, _ := io.ReadAll(r.Body)
	switch {
	case strings.Contains(string(body), "fail"):
		http.Error(w, `{"error":{"message":"broken"}}`, http.StatusInternalServerError)
	case strings.Contains(string(body), `"stream":true`):
		w.Header().Set("Content-Type", "text/event-stream")
		for _, piece := range []string{"A ", "linen ", "shirt."} {
			_, _ = fmt.Fprintf(w, "data: {\"model\":\"remote-1\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q}}]}\n\n", piece)
		}
		_, _ = io.WriteString(w, "data: {\"model\":\"remote-1\",\"choices\":[{\"index\":0,\"delta\":{},\"finish_reason\":\"stop\"}]}\n\n"+
			"data: {\"choices\":[],\"usage\":{\"prompt_tokens\":9,\"completion_tokens\":3,\"total_tokens\":12}}\n\ndata: [DONE]\n\n")
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"model":"remote-1","choices":[{"index":0,"message":{"role":"assistant","content":"A linen shirt."},"finish_reason":"stop"}],
			"usage":{"prompt_tokens":9,"completion_tokens":3,"total_tokens":12,"prompt_tokens_details":{"cached_tokens":4}}}`)
	}
}

type fixture struct {
	spans   *tracetest.InMemoryExporter
	tracer  *sdktrace.TracerProvider
	reader  *sdkmetric.ManualReader
	headers chan http.Header
	url     string
}

// serve puts a gateway with telemetry in front of the upstream.
func serve(t *testing.T, content bool) *fixture {
	t.Helper()
	f := &fixture{spans: tracetest.NewInMemoryExporter(), reader: sdkmetric.NewManualReader(), headers: make(chan http.Header, 8)}
	f.tracer = sdktrace.NewTracerProvider(sdktrace.WithSyncer(f.spans))
	behind := httptest.NewServer(&upstream{f.headers})
	t.Cleanup(behind.Close)
	driver, err := openai.New(openai.Options{BaseURL: behind.URL, Model: "remote"})
	if err != nil {
		t.Fatal(err)
	}
	client := generate.New(driver, generate.Options{Price: stylesprint.Price{InputPerMillion: 1, OutputPerMillion: 2}})
	t.Cleanup(func() { _ = client.Close() })
	tel, err := telemetry.New(telemetry.Options{
		Tracer: f.tracer, Meter: sdkmetric.NewMeterProvider(sdkmetric.WithReader(f.reader)), Content: content,
		Upstream: func(model, _ string) telemetry.Upstream {
			return telemetry.Upstream{Provider: "openai", Address: model + ".example", Port: 443}
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	g, err := gateway.New(gateway.Options{Models: []gateway.Model{{Name: "writer", Target: "remote", Generate: client}}, Stages: []gateway.Stage{tel.Stage}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close(context.Background()) })
	front := httptest.NewServer(tel.Middleware(g))
	t.Cleanup(front.Close)
	f.url = front.URL
	return f
}

const (
	parent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	secret = "burgundy herringbone"
)

func (f *fixture) post(t *testing.T, path, body string) int {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, f.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Traceparent", parent)
	req.Header.Set("Tracestate", "vendor=private")
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer res.Body.Close()
	_, _ = io.Copy(io.Discard, res.Body)
	return res.StatusCode
}

// names are the attributes of a span, as text.
func names(a []attribute.KeyValue) map[string]string {
	out := map[string]string{}
	for _, kv := range a {
		out[string(kv.Key)] = kv.Value.String()
	}
	return out
}

// One trace goes through: the caller's, the request's, the question's, and on to the upstream.
func TestSpans(t *testing.T) {
	t.Parallel()
	f := serve(t, false)
	body := fmt.Sprintf(`{"model":"writer","max_tokens":7,"temperature":0.5,"seed":3,"messages":[{"role":"user","content":%q}]}`, secret)
	if status := f.post(t, "/v1/chat/completions", body); status != 200 {
		t.Fatal(status)
	}
	spans := f.spans.GetSpans()
	if len(spans) != 2 {
		t.Fatalf("%d spans, want the question and the request", len(spans))
	}
	ask, request := spans[0], spans[1]
	if ask.Name != "chat writer" || request.Name != "POST /v1/chat/completions" {
		t.Errorf("names %q, %q", ask.Name, request.Name)
	}
	trace := request.SpanContext.TraceID()
	if trace.String() != parent[3:35] || request.Parent.SpanID().String() != parent[36:52] || ask.Parent.SpanID() != request.SpanContext.SpanID() || ask.SpanContext.TraceID() != trace {
		t.Error("the spans are not below the caller's")
	}
	sent := <-f.headers
	if want := fmt.Sprintf("00-%s-%s-01", trace, ask.SpanContext.SpanID()); sent.Get("Traceparent") != want {
		t.Errorf("the upstream got traceparent %q, want %q", sent.Get("Traceparent"), want)
	}
	if sent.Get("Tracestate") != "" {
		t.Errorf("the upstream got tracestate %q", sent.Get("Tracestate"))
	}
	got := names(ask.Attributes)
	for name, want := range map[string]string{
		"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "writer", "gen_ai.response.model": "remote-1",
		"gen_ai.request.max_tokens": "7", "gen_ai.request.temperature": "0.5", "gen_ai.request.seed": "3", "gen_ai.request.stream": "false",
		"gen_ai.usage.input_tokens": "9", "gen_ai.usage.output_tokens": "3", "gen_ai.usage.cache_read.input_tokens": "4", "gen_ai.response.finish_reasons": `["stop"]`,
		"server.address": "writer.example", "server.port": "443", "http.route": "/v1/chat/completions", "stylesprint.cost": "1.5e-05",
	} {
		if got[name] != want {
			t.Errorf("%s is %q, want %q", name, got[name], want)
		}
	}
	if names(request.Attributes)["http.response.status_code"] != "200" {
		t.Errorf("%v", request.Attributes)
	}
	for _, s := range spans {
		if text := fmt.Sprint(s.Attributes, s.Events, s.Name); strings.Contains(text, secret) || strings.Contains(text, "linen") {
			t.Errorf("a span holds text: %s", text)
		}
	}
}

// Prompts and answers are in spans only where that is asked for.
func TestContent(t *testing.T) {
	t.Parallel()
	f := serve(t, true)
	f.post(t, "/v1/chat/completions", fmt.Sprintf(`{"model":"writer","messages":[{"role":"user","content":%q}]}`, secret))
	got := names(f.spans.GetSpans()[0].Attributes)
	if got["gen_ai.input.messages"] != `[{"role":"user","parts":[{"type":"text","content":"burgundy herringbone"}]}]` ||
		got["gen_ai.output.messages"] != `[{"role":"assistant","parts":[{"type":"text","content":"A linen shirt."}],"finish_reason":"stop"}]` {
		t.Errorf("%q, %q", got["gen_ai.input.messages"], got["gen_ai.output.messages"])
	}
}

// A span holds of a question what the content policy left of it, and nothing of what it refused.
func TestContentIsThatOfThePolicy(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	tel, err := telemetry.New(telemetry.Options{Tracer: sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)), Content: true})
	if err != nil {
		t.Fatal(err)
	}
	policy := func(kept string, refuse error) gateway.Ask {
		return func(_ context.Context, c *gateway.Call, _ func(generate.Delta) error) (stylesprint.Reply, error) {
			c.Request.Prompt, c.Kept = "[redacted]", kept
			return stylesprint.Reply{Text: "ok"}, refuse
		}
	}
	for _, c := range []struct {
		kept   string
		refuse error
	}{{"", nil}, {"[redacted]", nil}, {"[redacted]", &stylesprint.Error{Code: stylesprint.CodeRefused, Message: "no"}}} {
		spans.Reset()
		call := &gateway.Call{Model: "m", Request: generate.Request{Prompt: secret}, Header: http.Header{}}
		_, _ = tel.Stage(policy(c.kept, c.refuse))(t.Context(), call, nil)
		text := fmt.Sprint(spans.GetSpans()[0].Attributes)
		if strings.Contains(text, secret) || !strings.Contains(text, "[redacted]") {
			t.Errorf("%q, %v: %s", c.kept, c.refuse, text)
		}
	}
}

// What fails says how, on the span and in the duration's attributes.
func TestErrors(t *testing.T) {
	t.Parallel()
	f := serve(t, false)
	if status := f.post(t, "/v1/completions", `{"model":"writer","prompt":"fail"}`); status < 500 {
		t.Fatal(status)
	}
	spans := f.spans.GetSpans()
	if spans[0].Name != "text_completion writer" || spans[0].Status.Code != codes.Error || spans[1].Status.Code != codes.Error {
		t.Errorf("%q, %v, %v", spans[0].Name, spans[0].Status, spans[1].Status)
	}
	kind := names(spans[0].Attributes)["error.type"]
	points := f.histograms(t)["gen_ai.client.operation.duration"]
	if kind == "" || len(points) != 1 || points[0].attributes["error.type"] != kind {
		t.Errorf("error.type %q, metrics %+v", kind, points)
	}
}

// Requests that ask no model make no span.
func TestOtherRequests(t *testing.T) {
	t.Parallel()
	f := serve(t, false)
	res, err := http.Get(f.url + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	res.Body.Close()
	if n := len(f.spans.GetSpans()); n != 0 {
		t.Errorf("%d spans", n)
	}
}

type point struct {
	attributes map[string]string
	count      uint64
	sum        float64
	bounds     []float64
}

// histograms are the metrics collected, by name.
func (f *fixture) histograms(t *testing.T) map[string][]point {
	t.Helper()
	var m metricdata.ResourceMetrics
	if err := f.reader.Collect(t.Context(), &m); err != nil {
		t.Fatal(err)
	}
	out := map[string][]point{}
	for _, scope := range m.ScopeMetrics {
		for _, one := range scope.Metrics {
			switch h := one.Data.(type) {
			case metricdata.Histogram[float64]:
				if one.Unit != "s" {
					t.Errorf("%s has unit %q", one.Name, one.Unit)
				}
				for _, p := range h.DataPoints {
					out[one.Name] = append(out[one.Name], point{names(p.Attributes.ToSlice()), p.Count, p.Sum, p.Bounds})
				}
			case metricdata.Histogram[int64]:
				if one.Unit != "{token}" {
					t.Errorf("%s has unit %q", one.Name, one.Unit)
				}
				for _, p := range h.DataPoints {
					out[one.Name] = append(out[one.Name], point{names(p.Attributes.ToSlice()), p.Count, float64(p.Sum), p.Bounds})
				}
			}
		}
	}
	return out
}

// The histograms have the names, units, buckets and attributes of the conventions.
func TestMetrics(t *testing.T) {
	t.Parallel()
	f := serve(t, false)
	f.post(t, "/v1/chat/completions", `{"model":"writer","stream":true,"messages":[{"role":"user","content":"a"}]}`)
	got := f.histograms(t)
	seconds := []float64{.01, .02, .04, .08, .16, .32, .64, 1.28, 2.56, 5.12, 10.24, 20.48, 40.96, 81.92}
	for name, chunks := range map[string]uint64{
		"gen_ai.client.operation.duration": 1, "gen_ai.client.operation.time_to_first_chunk": 1, "gen_ai.client.operation.time_per_output_chunk": 2,
	} {
		points := got[name]
		if len(points) != 1 || !slices.Equal(points[0].bounds, seconds) || points[0].count < chunks {
			t.Errorf("%s: %+v", name, points)
			continue
		}
		for k, v := range map[string]string{"gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai", "gen_ai.request.model": "writer", "gen_ai.response.model": "remote-1"} {
			if points[0].attributes[k] != v {
				t.Errorf("%s: %s is %q, want %q", name, k, points[0].attributes[k], v)
			}
		}
	}
	tokens := map[string]float64{}
	for _, p := range got["gen_ai.client.token.usage"] {
		tokens[p.attributes["gen_ai.token.type"]] = p.sum
		if want := []float64{1, 4, 16, 64, 256, 1024, 4096, 16384, 65536, 262144, 1048576, 4194304, 16777216, 67108864}; !slices.Equal(p.bounds, want) {
			t.Errorf("buckets of tokens: %v", p.bounds)
		}
	}
	if tokens["input"] != 9 || tokens["output"] != 3 || len(tokens) != 2 {
		t.Errorf("tokens: %v", tokens)
	}
}

// A client that leaves is not a fault of the model.
func TestClientGone(t *testing.T) {
	t.Parallel()
	spans := tracetest.NewInMemoryExporter()
	tel, err := telemetry.New(telemetry.Options{Tracer: sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans))})
	if err != nil {
		t.Fatal(err)
	}
	ask := tel.Stage(func(_ context.Context, _ *gateway.Call, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		return stylesprint.Reply{}, emit(generate.Delta{Text: "a"})
	})
	gone := errors.New("broken pipe")
	if _, err := ask(t.Context(), &gateway.Call{Model: "writer"}, func(generate.Delta) error { return gone }); !errors.Is(err, gone) {
		t.Errorf("got %v", err)
	}
	if got := names(spans.GetSpans()[0].Attributes)["error.type"]; got != "cancelled" {
		t.Errorf("error.type %q", got)
	}
}

// The zero value drops everything and changes nothing.
func TestNothing(t *testing.T) {
	t.Parallel()
	tel, err := telemetry.New(telemetry.Options{})
	if err != nil {
		t.Fatal(err)
	}
	want := stylesprint.Reply{Text: "a", Model: "m"}
	reply, err := tel.Stage(func(context.Context, *gateway.Call, func(generate.Delta) error) (stylesprint.Reply, error) {
		return want, nil
	})(t.Context(), &gateway.Call{}, nil)
	if err != nil || reply.Text != want.Text {
		t.Errorf("%+v, %v", reply, err)
	}
}
