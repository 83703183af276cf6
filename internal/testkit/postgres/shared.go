package postgres

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
)

// Shared is a server that the tests of a package share. It starts when the first one asks.
type Shared struct {
	mu     sync.Mutex
	server *Server
	err    error
}

// Main runs the tests and then ends the server; it returns the exit status.
func (s *Shared) Main(m *testing.M) int {
	code := m.Run()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server != nil {
		if err := s.server.Close(); err != nil {
			fmt.Fprintln(os.Stderr, err)
			code = max(code, 1)
		}
	}
	return code
}

// Database makes an empty database for a test and returns its DSN.
func (s *Shared) Database(t testing.TB) string {
	t.Helper()
	return s.Server(t).Database(t)
}

// Server is the shared server, which nobody may stop.
func (s *Shared) Server(t testing.TB) *Server {
	t.Helper()
	programs := Need(t)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.server == nil && s.err == nil {
		s.server, s.err = open(context.Background(), programs, Options{})
	}
	if s.err != nil {
		t.Fatal(s.err)
	}
	return s.server
}
