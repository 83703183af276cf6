package gateway_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"testing"

	openaigo "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/generate"
	"stylesprint/generate/fake"
	"stylesprint/generate/openai"
	"stylesprint/internal/httpserver"
)

// TestServeForClients is a server for clients in other languages, on the
// address that STYLESPRINT_CLIENT_SERVER holds, until it is interrupted:
//
//	STYLESPRINT_CLIENT_SERVER=127.0.0.1:8123 go test -run TestServeForClients -timeout 0 ./gateway
//	python tools/clients/openai_python.py http://127.0.0.1:8123/v1 fake
func TestServeForClients(t *testing.T) {
	addr := os.Getenv("STYLESPRINT_CLIENT_SERVER")
	if addr == "" {
		t.Skip("STYLESPRINT_CLIENT_SERVER holds no address to serve on")
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	g, err := gateway.New(gateway.Options{Models: []gateway.Model{
		text(fake.Script{ContextTokens: 300, Refuse: []string{"tools", "logprobs", "response_format", "messages"}, Answers: []fake.Answer{
			{Match: "break off", Text: "one two three", After: 2, Err: &stylesprint.Error{Code: stylesprint.CodeUpstream, Message: "it broke"}},
			{Write: fake.Babble},
		}}), vectors(),
	}})
	if err != nil {
		t.Fatal(err)
	}
	srv, err := httpserver.New(httpserver.Options{
		Addr: addr, Handler: httpserver.Chain(g, httpserver.LocalOnly()),
		Listening: func(a net.Addr) { fmt.Printf("serving on http://%s\n", a) },
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := srv.Run(ctx); err != nil {
		t.Error(err)
	}
	if err := g.Close(context.Background()); err != nil {
		t.Error(err)
	}
}

// A gateway behind a gateway, joined by the driver for remote servers: what
// passes both is what any OpenAI-compatible server behind ours would give.
func TestGatewayBehindGateway(t *testing.T) {
	t.Parallel()
	back := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(fake.Script{Model: "exact-1", ContextTokens: 300, Refuse: []string{"tools"}, Answers: []fake.Answer{
		{Match: "half", Text: "one two three", After: 2, Err: &stylesprint.Error{Code: stylesprint.CodeUpstream, Message: "it broke"}},
		{Match: "limited", Err: &stylesprint.Error{Code: stylesprint.CodeRateLimited, Message: "slow down", RetryAfter: 7e9}},
		{Text: said},
	}})}}})
	d, err := openai.New(openai.Options{BaseURL: back.url + "/v1", HTTPClient: &http.Client{Transport: back.client.Transport}})
	if err != nil {
		t.Fatal(err)
	}
	front := serve(t, setup{o: gateway.Options{Models: []gateway.Model{
		{Name: "public", Target: "fake", Generate: generate.New(d, generate.Options{})},
	}}})
	c := openaigo.NewClient(option.WithBaseURL(front.url+"/v1"), option.WithAPIKey("ignored"), option.WithHTTPClient(front.client), option.WithMaxRetries(0))
	p := question("x")
	p.Model = "public"
	whole, err := c.Chat.Completions.New(t.Context(), p)
	if err != nil || whole.Choices[0].Message.Content != said || whole.Model != "exact-1" || whole.Usage.CompletionTokens != 6 {
		t.Errorf("%v %s", err, whole.RawJSON())
	}
	stream := c.Chat.Completions.NewStreaming(t.Context(), p)
	var acc openaigo.ChatCompletionAccumulator
	for stream.Next() {
		if !acc.AddChunk(stream.Current()) || len(stream.Current().Choices) == 0 {
			t.Errorf("chunk %s", stream.Current().RawJSON())
		}
	}
	if stream.Err() != nil || acc.Choices[0].Message.Content != said || acc.Choices[0].FinishReason != "stop" {
		t.Errorf("%v %+v", stream.Err(), acc.ChatCompletion)
	}
	if a := front.post(t, "/generate/", `{"prompt":"x"}`); member(t, a.body, "usage.total_tokens") != "7" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := front.post(t, "/generate/", `{"prompt":"limited"}`); a.status != 429 || a.header.Get("Retry-After") != "7" {
		t.Errorf("%d %v %s", a.status, a.header, a.body)
	}
	if a := front.post(t, "/generate/", `{"prompt":"x","max_tokens":300}`); a.status != 422 || a.json(t)["code"] != "context_too_long" {
		t.Errorf("%d %s", a.status, a.body)
	}
	if a := front.post(t, "/v1/chat/completions", hello+`,"tools":[{}]}`); a.status != 400 || member(t, a.body, "error.param") != `"tools"` {
		t.Errorf("%d %s", a.status, a.body)
	}
	a, got, clean := front.stream(t, "/generate/", `{"prompt":"half","stream":true}`)
	if last := got[len(got)-1]; clean || last.name != "error" || len(got) != 3 || !strings.Contains(last.data, "upstream_error") {
		t.Errorf("%v %s", clean, a.body)
	}
}
