package postgres

import (
	"net"
	"strings"
	"testing"
)

func dials(s *Server) bool {
	c, err := net.Dial("tcp", s.Host())
	if err != nil {
		return false
	}
	return c.Close() == nil
}

// A server keeps its data and its port over an orderly stop and over a crash.
func TestOutage(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{Password: "p w/'"})
	name, err := s.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	for _, stop := range []func(testing.TB){s.Stop, s.Kill} {
		stop(t)
		if dials(s) {
			t.Error("a stopped server listens")
		}
		s.Start(t)
		if !dials(s) {
			t.Error("a started server does not listen")
		}
		if err := s.run(t.Context(), "createdb", "-h", s.dir, "-p", s.Host()[strings.LastIndex(s.Host(), ":")+1:], "-U", owner, name); err == nil || !strings.Contains(err.Error(), "already exists") {
			t.Errorf("the database is gone: %v", err)
		}
	}
	if want := "postgres://stylesprint:p%20w%2F%27@" + s.Host() + "/" + name + "?sslmode=disable"; s.DSN(name) != want {
		t.Errorf("DSN %s, want %s", s.DSN(name), want)
	}
}

func TestStandby(t *testing.T) {
	t.Parallel()
	s := Start(t, Options{})
	second := s.Standby(t)
	if want := "postgres://stylesprint@" + s.Host() + "," + second.Host() + "/x?sslmode=disable"; s.DSN("x", second) != want {
		t.Errorf("DSN %s, want %s", s.DSN("x", second), want)
	}
	if _, err := second.CreateDatabase(t.Context()); err == nil {
		t.Error("a standby took a write")
	}
	s.Kill(t)
	second.Promote(t)
	if _, err := second.CreateDatabase(t.Context()); err != nil {
		t.Error(err)
	}
}
