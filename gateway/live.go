package gateway

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"stylesprint/internal/httpserver"
)

// Settings are the options that a running gateway can be given anew; see Options for each.
type Settings struct {
	Models           []Model
	DefaultModel     string
	DefaultEmbedding string

	MaxBodyBytes int64
	MaxInFlight  int
	Timeout      time.Duration
}

func (o Options) settings() Settings {
	return Settings{
		Models: o.Models, DefaultModel: o.DefaultModel, DefaultEmbedding: o.DefaultEmbedding,
		MaxBodyBytes: o.MaxBodyBytes, MaxInFlight: o.MaxInFlight, Timeout: o.Timeout,
	}
}

func (s Settings) withDefaults() Settings {
	if s.MaxBodyBytes == 0 {
		s.MaxBodyBytes = 2 << 20
	}
	if s.MaxInFlight == 0 {
		s.MaxInFlight = 64
	}
	if s.Timeout == 0 {
		s.Timeout = 5 * time.Minute
	}
	return s
}

// maxModelName bounds a model's name in bytes, in options and in requests.
const maxModelName = 256

// validate reports every fault at once.
func (s Settings) validate() error {
	var faults []error
	fault := func(format string, a ...any) { faults = append(faults, fmt.Errorf(format, a...)) }
	if len(s.Models) == 0 {
		fault("models: none given")
	}
	seen := map[string]bool{}
	for i, m := range s.Models {
		switch {
		case m.Name == "" || strings.TrimSpace(m.Name) != m.Name || len(m.Name) > maxModelName:
			fault("models[%d].name: want 1 to %d bytes without space around them, got %q", i, maxModelName, m.Name)
		case seen[m.Name]:
			fault("models[%d].name: %q is there twice", i, m.Name)
		case m.Generate == nil && m.Embed == nil:
			fault("models[%d]: %q can neither generate nor embed", i, m.Name)
		}
		seen[m.Name] = true
	}
	if s.DefaultModel != "" && !seen[s.DefaultModel] {
		fault("default_model: no model named %q", s.DefaultModel)
	}
	if s.DefaultEmbedding != "" && !seen[s.DefaultEmbedding] {
		fault("default_embedding: no model named %q", s.DefaultEmbedding)
	}
	for name, v := range map[string]int64{"max_body_bytes": s.MaxBodyBytes, "max_in_flight": int64(s.MaxInFlight), "timeout": int64(s.Timeout)} {
		if v < 0 {
			fault("%s: want a positive value, got %d", name, v)
		}
	}
	return errors.Join(faults...)
}

// live is the settings that hold from one Reconfigure to the next. It does not change, and
// counts who uses it.
type live struct {
	Settings
	models *models

	users   atomic.Int64
	retired atomic.Bool
	once    sync.Once
	unused  chan struct{} // closed when it is retired and nobody uses it
}

func newLive(s Settings) *live {
	s = s.withDefaults()
	return &live{Settings: s, models: newModels(s), unused: make(chan struct{})}
}

// acquire returns the settings that hold now, for a user that releases them.
func (g *Gateway) acquire() *live {
	for {
		l := g.live.Load()
		l.users.Add(1)
		if g.live.Load() == l { // counted before it was retired: whoever waits will see it
			return l
		}
		l.release()
	}
}

func (l *live) release() {
	if l.users.Add(-1) == 0 {
		l.settle()
	}
}

// settle closes unused where that is due.
func (l *live) settle() {
	if l.retired.Load() && l.users.Load() == 0 {
		l.once.Do(func() { close(l.unused) })
	}
}

// Reconfigure puts other settings in the place of those that hold, all at once; on an
// error, which names every fault, they stay. Requests that run keep the models and limits
// that they began with, only MaxInFlight counts all requests. The channel is closed when the last of them
// has ended: what the former settings alone named can be closed then.
func (g *Gateway) Reconfigure(s Settings) (unused <-chan struct{}, err error) {
	if err := s.validate(); err != nil {
		return nil, fmt.Errorf("reconfigure gateway: %w", err)
	}
	old := g.live.Swap(newLive(s))
	old.retired.Store(true)
	old.settle()
	return old.unused, nil
}

// hold keeps the settings that a request begins with until it ends.
func (g *Gateway) hold(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		l := g.acquire()
		defer l.release()
		exchangeOf(r).live = l
		next.ServeHTTP(w, r)
	})
}

func timeLimit(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		httpserver.TimeLimit(exchangeOf(r).live.Timeout)(next).ServeHTTP(w, r)
	})
}

func bodyLimit(refuse func(http.ResponseWriter, *http.Request, error)) httpserver.Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			httpserver.BodyLimit(exchangeOf(r).live.MaxBodyBytes, refuse)(next).ServeHTTP(w, r)
		})
	}
}
