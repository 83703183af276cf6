package route_test

import (
	"context"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
	"stylesprint/gateway/route"
	"stylesprint/generate"
)

// direct answers at once, so that what is measured is the route.
type direct struct{}

func (direct) Generate(context.Context, generate.Request) (stylesprint.Reply, error) {
	return stylesprint.Reply{Text: "A cool linen shirt.", Usage: stylesprint.Usage{PromptTokens: 9, CompletionTokens: 5}}, nil
}

func (d direct) Stream(ctx context.Context, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
	for range 64 {
		if err := emit(generate.Delta{Text: "x"}); err != nil {
			return stylesprint.Reply{}, err
		}
	}
	return d.Generate(ctx, req)
}

func routed(t testing.TB) *route.Router {
	t.Helper()
	price := stylesprint.Price{InputPerMillion: 1, OutputPerMillion: 2}
	r, err := route.New(route.Options{
		Metrics: prometheus.NewRegistry(),
		Targets: []route.Target{{Name: "a", Client: direct{}, Model: "a", Price: price, MaxConcurrent: 64}, {Name: "b", Client: direct{}, Model: "b", Price: price, MaxConcurrent: 64}},
		Routes: []route.Route{{Name: "m", Shares: []route.Share{
			{Release: "r1", Percent: 95, Targets: []route.Choice{{Target: "a"}, {Target: "b", Priority: 1}}},
			{Release: "r2", Percent: 5, Targets: []route.Choice{{Target: "b", Weight: 2}, {Target: "a", Weight: 1}}},
		}}},
	})
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// maxAllocs is what a route may allocate for one request over what its target does.
const maxAllocs = 8

func TestAllocations(t *testing.T) {
	g, req, ctx := routed(t).Generator("m"), question, context.Background()
	emit := func(generate.Delta) error { return nil }
	for name, ask := range map[string]func() error{
		"whole":    func() error { _, err := g.Generate(ctx, req); return err },
		"streamed": func() error { _, err := g.Stream(ctx, req, emit); return err },
	} {
		n := testing.AllocsPerRun(500, func() {
			if err := ask(); err != nil {
				t.Fatal(err)
			}
		})
		t.Logf("%s: %v allocations", name, n)
		if n > maxAllocs {
			t.Errorf("%s: %v allocations for a request, want at most %d", name, n, maxAllocs)
		}
	}
}

func BenchmarkWhole(b *testing.B) {
	g, req, ctx := routed(b).Generator("m"), question, context.Background()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Generate(ctx, req); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkParallel(b *testing.B) {
	g, req, ctx := routed(b).Generator("m"), question, context.Background()
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if _, err := g.Generate(ctx, req); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkStream is a stream of 64 pieces.
func BenchmarkStream(b *testing.B) {
	g, req, ctx := routed(b).Generator("m"), question, context.Background()
	emit := func(generate.Delta) error { return nil }
	b.ReportAllocs()
	for b.Loop() {
		if _, err := g.Stream(ctx, req, emit); err != nil {
			b.Fatal(err)
		}
	}
}
