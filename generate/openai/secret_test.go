package openai_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/generate"
	"stylesprint/generate/fake"
	"stylesprint/generate/generatetest"
	"stylesprint/generate/openai"
)

// The key is in no text, raw reply, error or log, whatever the server makes of it.
func TestKeyIsNeverShown(t *testing.T) {
	t.Parallel()
	const key = "sk-unique-5d1f0c7a94e2"
	s := generatetest.NewServer(t, fake.New(fake.Script{}))
	var out bytes.Buffer
	log := slog.New(slog.NewJSONHandler(&out, &slog.HandlerOptions{Level: slog.LevelDebug, AddSource: true}))
	// The last of the URLs puts an echoing error in the transport itself.
	echoes := map[string]http.HandlerFunc{
		"status body":   status(401, nil, `{"error":{"message":"Incorrect API key provided: `+key+`","type":"`+key+`","code":"`+key+`","param":"`+key+`"}}`),
		"status text":   status(500, nil, "upstream saw "+key),
		"redirect":      status(302, http.Header{"Location": {"http://127.0.0.1:1/?k=" + key}}, key),
		"reply":         body(`{"model":"` + key + `","choices":[{"message":{"content":"` + key + `"},"finish_reason":"` + key + `"}],"x":"` + key + `"}`),
		"broken reply":  body(`{"` + key),
		"refusal":       body(`{"choices":[{"message":{"refusal":"` + key + `"}}]}`),
		"stream":        events(`data: {"model":"` + key + `","choices":[{"delta":{"content":"` + key + `"},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n"),
		"stream error":  events(`data: {"error":{"message":"` + key + `","code":"` + key + `"}}` + "\n\n"),
		"broken stream": events("data: " + key + "\n\n"),
		"header":        status(429, http.Header{"Retry-After": {key}, "X-Echo": {key}}, ""),
	}
	for name, h := range echoes {
		s.Fault(func(generatetest.Recorded) http.HandlerFunc { return h })
		exercise(t, log.With("case", name), openai.Options{BaseURL: s.BaseURL(), APIKey: stylesprint.NewSecret(key), Model: "fake"}, &out)
	}
	s.Fault(nil)
	exercise(t, log.With("case", "no fault"), openai.Options{BaseURL: s.BaseURL(), APIKey: stylesprint.NewSecret(key), Model: "fake"}, &out)
	exercise(t, log.With("case", "nobody there"), openai.Options{BaseURL: "http://127.0.0.1:1/v1", APIKey: stylesprint.NewSecret(key), Model: "fake"}, &out)
	exercise(t, log.With("case", "transport"), openai.Options{APIKey: stylesprint.NewSecret(key), Model: "fake", HTTPClient: &http.Client{Transport: echoTransport{}}}, &out)
	if _, err := openai.New(openai.Options{APIKey: stylesprint.NewSecret(key + "\x00")}); err == nil {
		t.Error("a key with a control character was accepted")
	} else {
		show(log, &out, "options", err)
	}

	sent := s.Seen()
	if got := sent[0].Header.Get("Authorization"); got != "Bearer "+key {
		t.Fatalf("the key was not sent: %q", got)
	}
	for _, r := range sent {
		if bytes.Contains(r.Body, []byte(key)) || strings.Contains(r.Path, key) {
			t.Errorf("the key is in the body or path of %s", r.Path)
		}
	}
	if out.Len() < 10_000 {
		t.Errorf("only %d bytes were searched", out.Len())
	}
	for line := range strings.Lines(out.String()) {
		if strings.Contains(line, key) || strings.Contains(line, key[:12]) {
			t.Errorf("the key is in: %s", line)
		}
	}
}

// exercise calls everything and writes all that comes of it, errors' causes included.
func exercise(t *testing.T, log *slog.Logger, o openai.Options, out io.Writer) {
	t.Helper()
	d := open(t, o)
	c := generate.New(d, generate.Options{Retry: generate.Retry{Attempts: 2, MinDelay: time.Nanosecond, MaxDelay: time.Nanosecond}})
	show(log, out, "options", o, d, c)
	for _, req := range []generate.Request{ask(), {Prompt: "hi"}} {
		reply, err := c.Generate(t.Context(), req)
		show(log, out, "generate", reply, err, string(reply.Raw))
		reply, err = c.Stream(t.Context(), req, func(d generate.Delta) error {
			show(log, out, "piece", d, string(d.Raw))
			return nil
		})
		show(log, out, "stream", reply, err, string(reply.Raw))
	}
	models, err := c.Models(t.Context())
	show(log, out, "models", models, err)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = c.Generate(ctx, ask())
	show(log, out, "cancelled", err)
}

func show(log *slog.Logger, out io.Writer, what string, values ...any) {
	for _, v := range values {
		log.Info(what, "value", v)
		fmt.Fprintf(out, "%v\n%+v\n%#v\n%s\n%q\n", v, v, v, v, v)
		b, err := json.Marshal(v)
		fmt.Fprintf(out, "%s %v\n", b, err)
		for err, ok := v.(error); ok && err != nil; err = errors.Unwrap(err) {
			fmt.Fprintf(out, "%T %v %+v %#v\n", err, err, err, err)
			log.Error(what, "error", err)
		}
	}
}

// echoTransport fails with the request's headers in its error.
type echoTransport struct{}

func (echoTransport) RoundTrip(r *http.Request) (*http.Response, error) {
	return nil, fmt.Errorf("dump: %v", r.Header)
}

func status(code int, h http.Header, text string) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		for k, v := range h {
			w.Header()[k] = v
		}
		w.WriteHeader(code)
		_, _ = io.WriteString(w, text)
	}
}
