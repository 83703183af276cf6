package gateway_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/generate"
)

// routed answers as a route does, from a target of the prompt's choice.
type routed struct{}

func (routed) Generate(_ context.Context, r generate.Request) (stylesprint.Reply, error) {
	target := r.Messages[0].Content
	if target == "broken" {
		return stylesprint.Reply{Target: "a"}, &stylesprint.Error{Code: stylesprint.CodeTimeout, Message: "too slow"}
	}
	return stylesprint.Reply{Text: "a", Target: target, Cost: 2e9, Usage: stylesprint.Usage{PromptTokens: 10, CompletionTokens: 5, CachedTokens: 4}}, nil
}

func (r routed) Stream(ctx context.Context, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
	return r.Generate(ctx, req)
}

// cached says of every request that the cache was asked.
func cached(next gateway.Ask) gateway.Ask {
	return func(ctx context.Context, c *gateway.Call, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		c.Cache = "miss"
		return next(ctx, c, emit)
	}
}

func TestModelMetrics(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{{Name: "m", Generate: routed{}}}, Stages: []gateway.Stage{cached}}})
	for _, prompt := range []string{"a", "a", "b", "broken"} {
		s.post(t, "/generate/", fmt.Sprintf(`{"prompt":%q}`, prompt))
	}
	for _, c := range []struct {
		name   string
		labels []string
		want   float64
	}{
		{"model_requests_total", []string{"target", "a", "class", "none", "outcome", "ok", "model", "m"}, 2},
		{"model_requests_total", []string{"target", "b", "outcome", "ok"}, 1},
		{"model_requests_total", []string{"outcome", "timeout"}, 1},
		{"model_request_duration_seconds", []string{"model", "m", "target", "a", "class", "none"}, 3},
		{"output_tokens_per_second", []string{"target", "a"}, 2},
		{"class_tokens_total", []string{"class", "none", "kind", "completion"}, 15},
		{"class_tokens_total", []string{"kind", "cached"}, 12},
		{"class_cost_total", []string{"class", "none"}, 6},
		{"model_cache_requests_total", []string{"model", "m", "result", "miss"}, 4},
	} {
		if got := s.metric(t, "stylesprint_"+c.name, c.labels...); got != c.want {
			t.Errorf("%s %v is %g, want %g", c.name, c.labels, got, c.want)
		}
	}
}

// However many targets there have been, there are at most 65 values of the label.
func TestTargetLabelsAreBounded(t *testing.T) {
	t.Parallel()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{{Name: "m", Generate: routed{}}}}})
	for i := range 80 {
		s.post(t, "/generate/", fmt.Sprintf(`{"prompt":"t%d"}`, i))
	}
	text := string(s.do(t, "GET", "/metrics", "").body)
	if n := strings.Count(text, "stylesprint_model_requests_total{"); n != 65 {
		t.Errorf("%d series, want 65", n)
	}
	if got := s.metric(t, "stylesprint_model_requests_total", "target", "other"); got != 16 {
		t.Errorf("%g requests to other targets, want 16", got)
	}
}
