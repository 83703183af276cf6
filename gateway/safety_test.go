package gateway_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	openaigo "github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/gateway/safety"
	"stylesprint/generate"
	"stylesprint/generate/fake"
	"stylesprint/generate/openai"
)

const strict = `format: 1
name: strict
rules:
- {name: mail, on: both, kind: email, action: redact}
- {name: card, on: both, kind: card, action: block}
- {name: rival, on: output, kind: words, words: [rival brand], action: flag}
`

func guarded(t testing.TB) *safety.Guard {
	t.Helper()
	p, err := safety.Parse("strict", []byte(strict), nil)
	if err != nil {
		t.Fatal(err)
	}
	g, err := safety.New(p, prometheus.NewRegistry())
	if err != nil {
		t.Fatal(err)
	}
	return g
}

// careful is a gateway with a policy, before a model of its own or a provider's.
func careful(t *testing.T, models ...gateway.Model) (*server, *safety.Guard, *ledger) {
	t.Helper()
	g, log := guarded(t), &ledger{}
	return serve(t, setup{o: gateway.Options{Models: models, Stages: []gateway.Stage{g.Stage()}, Requests: log, LogBodies: true,
		Disclosure: gateway.Disclosure{Statement: "Written by a language model."}}}), g, log
}

func script() fake.Script {
	return fake.Script{Model: "exact-1", Answers: []fake.Answer{
		{Match: "card first", Text: "4111 1111 1111 1111 is it"},
		{Match: "card", Text: "The number is 4111 1111 1111 1111 today"},
		{Match: "mail", Text: "Ask anna@shop.example or the rival brand."},
		{Match: "repeat", Write: fake.Text},
		{Text: "A shirt."},
	}}
}

func TestSafetyInBothDialects(t *testing.T) {
	t.Parallel()
	s, g, log := careful(t, text(script()))
	version := g.Policy().Version()
	wantBy := `{"program":"stylesprint","model":"exact-1","policy":"` + version + `","statement":"Written by a language model."}`
	for _, path := range []string{"/generate/", "/v1/chat/completions", "/v1/completions"} {
		body := func(prompt string, more string) string {
			if path == "/v1/chat/completions" {
				return `{"messages":[{"role":"user","content":"` + prompt + `"}]` + more + `}`
			}
			return `{"prompt":"` + prompt + `"` + more + `}`
		}
		status := 422
		if path != "/generate/" {
			status = 400
		}
		a := s.post(t, path, body("mail", ""))
		if a.status != 200 || !strings.Contains(a.body, "Ask [email] or the rival brand.") || member(t, a.body, "generated_by") != wantBy ||
			a.header.Get("X-Generated-By") != "stylesprint; kind=language-model" || a.header.Get("X-Content-Policy") != version {
			t.Errorf("%s: %d %v %s", path, a.status, a.header, a.body)
		}
		a, got, whole := s.stream(t, path, body("mail", `,"stream":true`))
		last := got[len(got)-1]
		if path != "/generate/" {
			last = got[len(got)-2]
		}
		if !whole || strings.Contains(a.body, "anna") || member(t, last.data, "generated_by") != wantBy || a.header.Get("X-Content-Policy") != version || a.header.Get("X-Generated-By") == "" {
			t.Errorf("%s: %v %s", path, a.header, a.body)
		}
		if strings.Count(a.body, "generated_by") != 1 {
			t.Errorf("%s: not in the last event alone: %s", path, a.body)
		}
		for _, prompt := range []string{"card", "card first", "my card is 5555555555554444"} { // of the answer, and of the prompt
			a := s.post(t, path, body(prompt, ""))
			code := member(t, a.body, "code") + member(t, a.body, "error.code")
			if a.status != status || code != `"refused"` && code != `"content_filter"` || strings.Contains(a.body, "1111") || strings.Contains(a.body, "5555") || a.header.Get("X-Generated-By") != "" {
				t.Errorf("%s %s: %d %v %s", path, prompt, a.status, a.header, a.body)
			}
		}
		// Nothing was sent: a plain error.
		if a := s.post(t, path, body("card first", `,"stream":true`)); a.status != status || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %v %s", path, a.status, a.header, a.body)
		}
		a, got, whole = s.stream(t, path, body("card", `,"stream":true`))
		if a.status != 200 || whole || !strings.Contains(got[len(got)-1].data, "withheld") || strings.Contains(a.body, "4111") || !strings.Contains(a.body, "number") {
			t.Errorf("%s: %d whole %v %s", path, a.status, whole, a.body)
		}
	}
	flags := map[string]int{}
	for _, r := range log.wait(t, 21) {
		flags[r.Flags]++
		if strings.Contains(r.Prompt+r.Response, "1111 1111") || strings.Contains(r.Prompt+r.Response, "5555") || strings.Contains(r.Response, "anna") {
			t.Errorf("the request log holds %q %q", r.Prompt, r.Response)
		}
	}
	if flags["mail,rival"] != 6 || flags["card"] != 15 {
		t.Errorf("flags %v", flags)
	}
	if a := s.post(t, "/generate/", `{"prompt":""}`); strings.TrimSpace(a.body) != `{"detail":"Prompt is required"}` {
		t.Errorf("%s", a.body)
	}
}

// The official client reads redacted, refused and disclosed answers of a provider's own format.
func TestOfficialClientWithSafety(t *testing.T) {
	t.Parallel()
	back := serve(t, setup{o: gateway.Options{Models: []gateway.Model{text(script())}}})
	d, err := openai.New(openai.Options{BaseURL: back.url + "/v1", HTTPClient: &http.Client{Transport: back.client.Transport}})
	if err != nil {
		t.Fatal(err)
	}
	s, g, _ := careful(t, gateway.Model{Name: "public", Target: "fake", Generate: generate.New(d, generate.Options{})})
	c := openaigo.NewClient(option.WithBaseURL(s.url+"/v1"), option.WithAPIKey("ignored"), option.WithHTTPClient(s.client), option.WithMaxRetries(0))
	ask := func(text string) openaigo.ChatCompletionNewParams {
		p := question(text)
		p.Model = "public"
		p.StreamOptions = openaigo.ChatCompletionStreamOptionsParam{}
		return p
	}
	whole, err := c.Chat.Completions.New(t.Context(), ask("mail"))
	const want = "Ask [email] or the rival brand."
	if err != nil || whole.Choices[0].Message.Content != want || !strings.Contains(whole.RawJSON(), g.Policy().Version()) || strings.Count(whole.RawJSON(), "generated_by") != 1 {
		t.Errorf("%v %s", err, whole.RawJSON())
	}
	for _, usage := range []bool{false, true} {
		p := ask("mail")
		p.StreamOptions.IncludeUsage = openaigo.Bool(usage)
		stream := c.Chat.Completions.NewStreaming(t.Context(), p)
		var acc openaigo.ChatCompletionAccumulator
		var last string
		for stream.Next() {
			if !acc.AddChunk(stream.Current()) {
				t.Errorf("chunk does not belong: %s", stream.Current().RawJSON())
			}
			last = stream.Current().RawJSON()
		}
		if stream.Err() != nil || acc.Choices[0].Message.Content != want || acc.Choices[0].FinishReason != "stop" || !strings.Contains(last, g.Policy().Version()) || strings.Count(last, "generated_by") != 1 {
			t.Errorf("usage %v: %v %+v, last %s", usage, stream.Err(), acc.ChatCompletion, last)
		}
		if usage && acc.Usage.CompletionTokens == 0 {
			t.Errorf("no usage: %s", last)
		}
	}
	var e *openaigo.Error
	if _, err := c.Chat.Completions.New(t.Context(), ask("card")); !errors.As(err, &e) || e.StatusCode != 400 || e.Code != "content_filter" {
		t.Errorf("%v", err)
	}
	stream := c.Chat.Completions.NewStreaming(t.Context(), ask("card"))
	var said strings.Builder
	for stream.Next() {
		for _, choice := range stream.Current().Choices {
			said.WriteString(choice.Delta.Content)
		}
	}
	if err := stream.Err(); err == nil || !strings.Contains(err.Error(), "withheld") || strings.Contains(said.String(), "4111") {
		t.Errorf("%q %v", said.String(), err)
	}
}

// A provider's chunks carry the disclosure in the last one, whatever that is.
func TestDisclosureInProvidersChunks(t *testing.T) {
	t.Parallel()
	const content, finish, usage, verdict = `{"id":"p","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}`, `{"id":"p","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`,
		`{"id":"p","choices":[],"usage":{"prompt_tokens":1}}`, `{"id":"p","choices":[]}`
	two := `{"id":"p","choices":[{"index":1,"delta":{},"finish_reason":"stop"}]}`
	cases := map[string][]string{
		"finish": {content, finish}, "usage": {content, finish, usage}, "no finish": {content}, "verdict": {content, finish, verdict}, "two choices": {content, finish, content, two},
		"of its own": {content, `{"id":"p","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"generated_by":{"program":"other"}}`},
	}
	for name, sent := range cases {
		for _, usageToo := range []string{"", `,"stream_options":{"include_usage":true}`} {
			m := made(func(_ context.Context, _ generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
				for _, raw := range sent {
					d := generate.Delta{Raw: json.RawMessage(raw)}
					if raw == content {
						d.Text = "x"
					}
					if err := emit(d); err != nil {
						return stylesprint.Reply{}, err
					}
				}
				return stylesprint.Reply{Text: "x", Model: "exact", Release: "rel-7"}, nil
			})
			s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{m}}})
			a, got, whole := s.stream(t, "/v1/chat/completions", hello+`,"stream":true`+usageToo+`}`)
			last := got[len(got)-2]
			if !whole || got[len(got)-1].data != "[DONE]" || member(t, last.data, "generated_by") != `{"program":"stylesprint","model":"exact","release":"rel-7"}` || strings.Count(a.body, "generated_by") != 1 {
				t.Errorf("%s%s: %s", name, usageToo, a.body)
			}
			if usageToo == "" && strings.Contains(last.data, `"choices":[]`) && name != "verdict" {
				t.Errorf("%s: a chunk without choices that nobody asked for: %s", name, a.body)
			}
			if strings.Count(a.body, `"finish_reason":"stop"`) != strings.Count(strings.Join(sent, ""), `"finish_reason":"stop"`) && name != "no finish" {
				t.Errorf("%s: %s", name, a.body)
			}
		}
	}
}
