package openai_test

import (
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/generate"
	"stylesprint/generate/openai"
	"stylesprint/generate/openai/wire"
)

func TestStatusCodes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 5, 4, 10, 0, 0, 0, time.UTC)
	header := func(name, value string) http.Header { return http.Header{name: {value}} }
	cases := []struct {
		name   string
		status int
		header http.Header
		body   string
		code   stylesprint.Code
		wait   time.Duration
		field  string
		hint   string
	}{
		{"key", 401, nil, `{"error":{"message":"bad key","code":"invalid_api_key"}}`, stylesprint.CodeUnauthorized, 0, "", "OPENAI_API_KEY"},
		{"forbidden", 403, nil, `{"error":{"message":"no","code":"unsupported_country_region_territory"}}`, stylesprint.CodeForbidden, 0, "", "key"},
		{"model", 404, nil, `{"error":{"message":"no model","code":"model_not_found","param":"model"}}`, stylesprint.CodeNotFound, 0, "model", "/v1"},
		{"page not found", 404, nil, `<html>nginx</html>`, stylesprint.CodeNotFound, 0, "", "/v1"},
		{"parameter", 400, nil, `{"error":{"message":"x","type":"invalid_request_error","param":"temperature","code":null}}`, stylesprint.CodeInvalid, 0, "temperature", ""},
		{"unsupported", 400, nil, `{"error":{"message":"Use 'max_completion_tokens' instead.","param":"max_tokens","code":"unsupported_parameter"}}`, stylesprint.CodeUnsupported, 0, "max_tokens", "max_completion_tokens"},
		{"FastAPI", 422, nil, `{"detail":[{"loc":["body"]}]}`, stylesprint.CodeInvalid, 0, "", ""},
		{"context, OpenAI", 400, nil, `{"error":{"message":"x","code":"context_length_exceeded","param":"messages"}}`, stylesprint.CodeContextTooLong, 0, "messages", "shorten"},
		{"context, vLLM", 400, nil, `{"object":"error","message":"This model's maximum context length is 4096 tokens.","code":400}`, stylesprint.CodeContextTooLong, 0, "", "shorten"},
		{"context, llama-server", 400, nil, `{"error":{"code":400,"message":"the request exceeds the available context size","type":"exceed_context_size_error"}}`, stylesprint.CodeContextTooLong, 0, "", "shorten"},
		{"filter", 400, nil, `{"error":{"message":"x","code":"content_filter"}}`, stylesprint.CodeRefused, 0, "", "prompt"},
		{"policy", 400, nil, `{"error":{"message":"x","code":"content_policy_violation"}}`, stylesprint.CodeRefused, 0, "", "prompt"},
		{"conflict", 409, nil, ``, stylesprint.CodeConflict, 0, "", ""},
		{"large", 413, nil, ``, stylesprint.CodeTooLarge, 0, "", "shorten"},
		{"rate, seconds", 429, header("Retry-After", "7"), `{"error":{"message":"slow down","code":"rate_limit_exceeded"}}`, stylesprint.CodeRateLimited, 7 * time.Second, "", "wait"},
		{"rate, fraction", 429, header("Retry-After", "0.25"), ``, stylesprint.CodeRateLimited, 250 * time.Millisecond, "", "wait"},
		{"rate, date", 429, header("Retry-After", "Mon, 04 May 2026 10:01:30 GMT"), ``, stylesprint.CodeRateLimited, 90 * time.Second, "", "wait"},
		{"rate, past date", 429, header("Retry-After", "Mon, 04 May 2026 09:00:00 GMT"), ``, stylesprint.CodeRateLimited, 0, "", "wait"},
		{"rate, milliseconds", 429, http.Header{"Retry-After": {"1"}, "Retry-After-Ms": {"180"}}, ``, stylesprint.CodeRateLimited, 180 * time.Millisecond, "", "wait"},
		{"rate, nonsense", 429, header("Retry-After", "soon"), ``, stylesprint.CodeRateLimited, 0, "", "wait"},
		{"rate, not a number", 429, header("Retry-After", "NaN"), ``, stylesprint.CodeRateLimited, 0, "", "wait"},
		{"rate, for ever", 429, header("Retry-After", "1e300"), ``, stylesprint.CodeRateLimited, 24 * time.Hour, "", "wait"},
		{"rate about context", 429, nil, `{"error":{"message":"maximum context length tokens per minute"}}`, stylesprint.CodeRateLimited, 0, "", "wait"},
		{"quota", 429, nil, `{"error":{"message":"You exceeded your current quota","type":"insufficient_quota","code":"insufficient_quota"}}`, stylesprint.CodeRateLimited, 0, "", "waiting does not help"},
		{"failure", 500, nil, `{"error":"text"}`, stylesprint.CodeUpstream, 0, "", ""},
		{"bad gateway", 502, nil, ``, stylesprint.CodeUnavailable, 0, "", ""},
		{"unavailable", 503, header("Retry-After", "2"), ``, stylesprint.CodeUnavailable, 2 * time.Second, "", ""},
		{"gateway timeout", 504, nil, ``, stylesprint.CodeTimeout, 0, "", ""},
		{"overloaded", 529, nil, ``, stylesprint.CodeUnavailable, 0, "", ""},
		{"teapot", 418, nil, ``, stylesprint.CodeInvalid, 0, "", ""},
		{"redirect", 308, header("Location", "/elsewhere"), ``, stylesprint.CodeUpstream, 0, "", "base URL"},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			s := httptest.NewServer(status(k.status, k.header, k.body))
			t.Cleanup(s.Close)
			d := open(t, openai.Options{BaseURL: s.URL, Model: "m", Now: func() time.Time { return now }})
			for _, emit := range []func(generate.Delta) error{nil, func(generate.Delta) error { return nil }} {
				_, err := generate.New(d, generate.Options{}).Stream(t.Context(), ask(), emit)
				var e *stylesprint.Error
				if !errors.As(err, &e) || e.Code != k.code || e.RetryAfter != k.wait || e.Field != k.field || !strings.Contains(e.Hint, k.hint) {
					t.Fatalf("got %+v, want %s after %v, field %q, hint %q", e, k.code, k.wait, k.field, k.hint)
				}
				var cause *wire.StatusError
				if !errors.As(err, &cause) || cause.Status != k.status {
					t.Errorf("cause %+v", cause)
				}
			}
		})
	}
}

// A spent quota has the code of a rate limit, but asking again does not help.
func TestQuotaIsNotRetried(t *testing.T) {
	t.Parallel()
	calls := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		calls++
		status(429, nil, `{"error":{"code":"insufficient_quota"}}`)(w, r)
	}))
	t.Cleanup(s.Close)
	retrying := generate.New(open(t, openai.Options{BaseURL: s.URL, Model: "m"}), generate.Options{Retry: generate.Retry{Attempts: 5, MinDelay: time.Nanosecond}})
	_, err := retrying.Generate(t.Context(), ask())
	if stylesprint.CodeOf(err) != stylesprint.CodeRateLimited || calls != 1 {
		t.Errorf("%d calls, error %v", calls, err)
	}
}
