package embeddingtest

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"io"
	"math"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"

	"stylesprint"
	"stylesprint/embedding"
)

// Server is a server on this machine with an OpenAI-compatible /embeddings whose
// vectors come from an embedding.Driver, the fake one as a rule.
type Server struct {
	*httptest.Server
	driver embedding.Driver
	model  string

	mu    sync.Mutex
	seen  []Recorded
	key   string
	fault func(Recorded) http.HandlerFunc
}

// Recorded is a request that a Server got.
type Recorded struct {
	Path   string
	Header http.Header
	Body   []byte
}

// NewServer starts a server over a driver; the test's end stops it.
func NewServer(t testing.TB, d embedding.Driver) *Server {
	t.Helper()
	info, err := d.Info(t.Context())
	if err != nil {
		t.Fatalf("describe the server's driver: %v", err)
	}
	s := &Server{driver: d, model: info.Ref.Name}
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
	rec := Recorded{Path: r.URL.Path, Header: r.Header.Clone(), Body: body}
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
	switch {
	case key != "" && r.Header.Get("Authorization") != "Bearer "+key:
		writeError(w, http.StatusUnauthorized, "Incorrect API key provided: "+r.Header.Get("Authorization"))
	case r.Method != http.MethodPost || r.URL.Path != "/v1/embeddings":
		writeError(w, http.StatusNotFound, "no such path")
	default:
		s.embed(w, r, body)
	}
}

func (s *Server) embed(w http.ResponseWriter, r *http.Request, body []byte) {
	var req struct {
		Model  string   `json:"model"`
		Input  []string `json:"input"`
		Format string   `json:"encoding_format"`
	}
	if err := json.Unmarshal(body, &req); err != nil || len(req.Input) == 0 {
		writeError(w, http.StatusBadRequest, "the body cannot be read or holds no input")
		return
	}
	if req.Model != s.model {
		writeError(w, http.StatusNotFound, "no such model")
		return
	}
	vectors, err := s.driver.Embed(r.Context(), req.Input)
	if err != nil {
		status := http.StatusInternalServerError
		if stylesprint.CodeOf(err) == stylesprint.CodeRateLimited {
			status = http.StatusTooManyRequests
		}
		writeError(w, status, err.Error())
		return
	}
	tokens := 0
	data := make([]any, 0, len(vectors))
	// Backwards: a client has to go by the index.
	for i, v := range slices.Backward(vectors) {
		tokens += v.Tokens
		var numbers any = v.Values
		if req.Format == "base64" {
			numbers = encode(v.Values)
		}
		data = append(data, map[string]any{"object": "embedding", "index": i, "embedding": numbers})
	}
	w.Header().Set("Content-Type", "application/json")
	_ = json.NewEncoder(w).Encode(map[string]any{ // the client may be gone
		"object": "list", "data": data, "model": req.Model, "usage": map[string]int{"prompt_tokens": tokens, "total_tokens": tokens},
	})
}

func encode(values []float32) string {
	b := make([]byte, 0, 4*len(values))
	for _, x := range values {
		b = binary.LittleEndian.AppendUint32(b, math.Float32bits(x))
	}
	return base64.StdEncoding.EncodeToString(b)
}

func writeError(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]string{"message": message, "type": "invalid_request_error"}})
}
