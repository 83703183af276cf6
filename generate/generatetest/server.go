package generatetest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"stylesprint"
	"stylesprint/generate"
)

// Server is an OpenAI-compatible server on this machine whose answers come from
// a generate.Driver, the fake one as a rule. It knows /models, /chat/completions
// and /completions, plain and streamed.
type Server struct {
	*httptest.Server
	client *generate.Client
	models []string

	mu    sync.Mutex
	seen  []Recorded
	key   string
	fault func(Recorded) http.HandlerFunc
}

// Recorded is a request that a Server got.
type Recorded struct {
	Method, Path string
	Header       http.Header
	Body         []byte
}

// NewServer starts a server over a driver; the test's end stops it.
func NewServer(t testing.TB, d generate.Driver) *Server {
	t.Helper()
	s := &Server{client: generate.New(d, generate.Options{})}
	models, err := s.client.Models(t.Context())
	if err != nil {
		t.Fatalf("list the models of the server's driver: %v", err)
	}
	for _, m := range models {
		s.models = append(s.models, m.Ref.Name)
	}
	s.Server = httptest.NewServer(s)
	t.Cleanup(s.Server.Close)
	return s
}

// BaseURL is what a client is set up with: the server's URL with /v1.
func (s *Server) BaseURL() string { return s.URL + "/v1" }

// RequireKey has requests without this key answered 401.
func (s *Server) RequireKey(key string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.key = key
}

// Fault has requests for which f returns a handler answered by it. A nil f ends this.
func (s *Server) Fault(f func(Recorded) http.HandlerFunc) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = f
}

// Seen are the requests so far.
func (s *Server) Seen() []Recorded {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

// ServeHTTP implements http.Handler.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the client is gone
	}
	rec := Recorded{Method: r.Method, Path: r.URL.Path, Header: r.Header.Clone(), Body: body}
	s.mu.Lock()
	s.seen = append(s.seen, rec)
	fault, key := s.fault, s.key
	s.mu.Unlock()
	if fault != nil {
		if h := fault(rec); h != nil {
			h(w, r)
			return
		}
	}
	if key != "" && r.Header.Get("Authorization") != "Bearer "+key {
		writeError(w, http.StatusUnauthorized, wireError{Message: "Incorrect API key provided: " + r.Header.Get("Authorization"), Type: "invalid_request_error", Code: "invalid_api_key"})
		return
	}
	switch r.Method + " " + r.URL.Path {
	case "GET /v1/models":
		s.list(w)
	case "POST /v1/chat/completions", "POST /v1/completions":
		s.complete(w, r, body)
	default:
		writeError(w, http.StatusNotFound, wireError{Message: "no such path", Type: "invalid_request_error"})
	}
}

func (s *Server) list(w http.ResponseWriter) {
	type entry struct {
		ID     string `json:"id"`
		Object string `json:"object"`
	}
	data := []entry{}
	for _, name := range s.models {
		data = append(data, entry{ID: name, Object: "model"})
	}
	writeJSON(w, http.StatusOK, map[string]any{"object": "list", "data": data})
}

func (s *Server) complete(w http.ResponseWriter, r *http.Request, body []byte) {
	req, options, err := decode(body)
	if err != nil {
		writeError(w, http.StatusBadRequest, wireError{Message: err.Error(), Type: "invalid_request_error"})
		return
	}
	if !slices.Contains(s.models, req.Model) {
		writeError(w, http.StatusNotFound, wireError{Message: "The model does not exist", Type: "invalid_request_error", Code: "model_not_found"})
		return
	}
	if options.stream {
		s.stream(w, r, req, options)
		return
	}
	reply, err := s.client.Generate(r.Context(), req)
	if err != nil {
		status, e := wireErrorOf(err)
		writeError(w, status, e)
		return
	}
	choice := map[string]any{"index": 0, "finish_reason": reply.FinishReason, "logprobs": nil}
	object := "text_completion"
	if req.Prompt != "" {
		choice["text"] = reply.Text
	} else {
		object = "chat.completion"
		choice["message"] = map[string]any{"role": "assistant", "content": reply.Text, "refusal": nil}
	}
	writeJSON(w, http.StatusOK, map[string]any{
		"id": "cmpl-1", "object": object, "created": 1700000000, "model": req.Model,
		"choices": []any{choice}, "usage": usageOf(reply.Usage), "system_fingerprint": "fp_test",
	})
}

// stream sends its headers with the first piece, as real servers do, so that an
// error before it still has a status.
func (s *Server) stream(w http.ResponseWriter, r *http.Request, req generate.Request, options decoded) {
	chat := req.Prompt == ""
	open := false
	send := func(choices []any, usage any) error {
		if !open {
			w.Header().Set("Content-Type", "text/event-stream")
			open = true
		}
		chunk := map[string]any{"id": "cmpl-1", "object": "chat.completion.chunk", "created": 1700000000, "model": req.Model, "choices": choices}
		if options.usage {
			chunk["usage"] = usage
		}
		b, err := json.Marshal(chunk)
		if err != nil {
			return err
		}
		if _, err := fmt.Fprintf(w, "data: %s\n\n", b); err != nil {
			return err
		}
		return http.NewResponseController(w).Flush()
	}
	piece := func(text string, finish any) []any {
		if chat {
			delta := map[string]any{}
			if text != "" {
				delta["content"] = text
			}
			return []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}}
		}
		return []any{map[string]any{"index": 0, "text": text, "finish_reason": finish}}
	}
	reply, err := s.client.Stream(r.Context(), req, func(d generate.Delta) error { return send(piece(d.Text, nil), nil) })
	switch {
	case err != nil && !open:
		status, e := wireErrorOf(err)
		writeError(w, status, e)
		return
	case err != nil:
		_, e := wireErrorOf(err)
		b, _ := json.Marshal(map[string]any{"error": e}) // plain strings cannot fail
		fmt.Fprintf(w, "data: %s\n\n", b)
		return
	}
	// A failure here means that the client is gone.
	_ = send(piece("", reply.FinishReason), nil)
	if options.usage {
		_ = send([]any{}, usageOf(reply.Usage))
	}
	fmt.Fprint(w, "data: [DONE]\n\n")
}

type decoded struct {
	stream, usage bool
}

// decode reads a request; fields it does not know become extra ones.
func decode(body []byte) (generate.Request, decoded, error) {
	var known struct {
		generate.Params
		Model               string                `json:"model"`
		Messages            []stylesprint.Message `json:"messages"`
		Prompt              string                `json:"prompt"`
		Stream              bool                  `json:"stream"`
		MaxCompletionTokens *int                  `json:"max_completion_tokens"`
		StreamOptions       struct {
			IncludeUsage bool `json:"include_usage"`
		} `json:"stream_options"`
	}
	if err := json.Unmarshal(body, &known); err != nil {
		return generate.Request{}, decoded{}, err
	}
	extra := map[string]json.RawMessage{}
	if err := json.Unmarshal(body, &extra); err != nil {
		return generate.Request{}, decoded{}, err
	}
	for _, name := range []string{"model", "messages", "prompt", "stream", "stream_options", "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "seed", "max_tokens", "max_completion_tokens", "stop"} {
		delete(extra, name)
	}
	if known.MaxCompletionTokens != nil {
		known.Params.MaxTokens = known.MaxCompletionTokens
	}
	if known.Stream && len(known.Messages) == 0 && known.Prompt == "" {
		return generate.Request{}, decoded{}, errors.New("there is neither messages nor prompt")
	}
	req := generate.Request{Model: known.Model, Messages: known.Messages, Prompt: known.Prompt, Params: known.Params, Extra: extra}
	return req, decoded{stream: known.Stream, usage: known.StreamOptions.IncludeUsage}, nil
}

type wireError struct {
	Message string `json:"message"`
	Type    string `json:"type"`
	Code    string `json:"code,omitempty"`
	Param   string `json:"param,omitempty"`
}

func wireErrorOf(err error) (int, wireError) {
	e := wireError{Message: err.Error(), Type: "invalid_request_error"}
	var coded *stylesprint.Error
	if errors.As(err, &coded) {
		e.Param = coded.Field
	}
	switch stylesprint.CodeOf(err) {
	case stylesprint.CodeContextTooLong:
		e.Code = "context_length_exceeded"
	case stylesprint.CodeUnsupported:
		e.Code = "unsupported_parameter"
	case stylesprint.CodeRefused:
		e.Code = "content_filter"
	case stylesprint.CodeRateLimited:
		e.Code = "rate_limit_exceeded"
		return http.StatusTooManyRequests, e
	case stylesprint.CodeUnavailable:
		return http.StatusServiceUnavailable, wireError{Message: err.Error(), Type: "server_error"}
	case stylesprint.CodeInvalid:
	default:
		return http.StatusInternalServerError, wireError{Message: err.Error(), Type: "server_error"}
	}
	return http.StatusBadRequest, e
}

func usageOf(u stylesprint.Usage) map[string]any {
	return map[string]any{
		"prompt_tokens": u.PromptTokens, "completion_tokens": u.CompletionTokens, "total_tokens": u.Total(),
		"prompt_tokens_details": map[string]any{"cached_tokens": u.CachedTokens},
	}
}

func writeError(w http.ResponseWriter, status int, e wireError) {
	writeJSON(w, status, map[string]any{"error": e})
}

func writeJSON(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(v) // the client may be gone
}
