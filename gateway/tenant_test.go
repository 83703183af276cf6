package gateway_test

import (
	"context"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/generate"
)

// busy notes whose requests come, and has no room for them.
type busy struct{ asked chan generate.Request }

func (b busy) Generate(_ context.Context, r generate.Request) (stylesprint.Reply, error) {
	b.asked <- r
	return stylesprint.Reply{}, &stylesprint.Error{Code: stylesprint.CodeRateLimited, Message: "the model is busy", RetryAfter: 2500 * time.Millisecond}
}

func (b busy) Stream(ctx context.Context, r generate.Request, _ func(generate.Delta) error) (stylesprint.Reply, error) {
	return b.Generate(ctx, r)
}

// A model hears whose request it is, by the key's name, with the weight of its turns, and its refusal is 429 with
// Retry-After in whole seconds, also where a stream was asked for.
func TestTenant(t *testing.T) {
	t.Parallel()
	model := busy{make(chan generate.Request, 1)}
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{{Name: "busy", Generate: model}}, Auth: callers{secret: {KeyID: "key-1", Weight: 4}}}})
	for path, body := range map[string]string{
		"/generate/":           `{"prompt":"a","stream":true}`,
		"/v1/chat/completions": `{"model":"busy","messages":[{"role":"user","content":"a"}]}`,
		"/v1/completions":      `{"model":"busy","prompt":"a"}`,
	} {
		a := s.do(t, "POST", path, body, "Authorization", "Bearer "+secret)
		if a.status != 429 || a.header.Get("Retry-After") != "3" {
			t.Errorf("%s: %d, Retry-After %q", path, a.status, a.header.Get("Retry-After"))
		}
		if got := <-model.asked; got.Tenant != "key-1" || got.Weight != 4 {
			t.Errorf("%s: the model heard of tenant %q with weight %d", path, got.Tenant, got.Weight)
		}
	}
}
