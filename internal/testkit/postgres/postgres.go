// Package postgres starts private Postgres servers for tests.
//
// Key words: server, database, outage, standby.
//
// A test package shares one server, and each test has a database of its own:
//
//	var shared postgres.Shared
//
//	func TestMain(m *testing.M) { os.Exit(shared.Main(m)) }
//
//	func TestX(t *testing.T) { dsn := shared.Database(t) ... }
//
// A test that takes a server away from under its users starts one for itself:
//
//	s := postgres.Start(t, postgres.Options{})
//	dsn := s.Database(t)
//	s.Stop(t)  // in order: running statements end with SQLSTATE 57P01
//	s.Start(t) // the same data, the same port
//	s.Kill(t)  // as in a crash
//	second := s.Standby(t)
//	second.Promote(t)
//
// The server listens on a free port of 127.0.0.1, trusts everybody unless told a
// password, waits for no disk, and is gone with its files when the test ends, or with
// the test's process when that is killed. Where the programs are missing, tests are skipped and
// say so, or fail if STYLESPRINT_REQUIRE names postgres. As root, the server runs as the
// user postgres or nobody, because it refuses root. Its default collation is English
// where the programs can do that, so that a query that forgets to ask for bytewise order is noticed.
// Methods that take t fail it and are for its goroutine; a Server's others are safe for concurrent use.
package postgres

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"
)

// ErrAbsent says that the programs of a Postgres server were not found.
var ErrAbsent = errors.New("no postgres was found")

// patience is how long a server may take to start or stop.
const patience = 60 * time.Second

// Find returns the folder of the newest programs, or ErrAbsent.
func Find() (string, error) {
	dirs, err := filepath.Glob("/usr/lib/postgresql/*/bin")
	if err != nil {
		return "", fmt.Errorf("find postgres: %w", err)
	}
	version := func(dir string) int {
		n, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir))) // 0 for what is no number
		return n
	}
	slices.SortFunc(dirs, func(a, b string) int { return version(b) - version(a) })
	if p, err := exec.LookPath("initdb"); err == nil {
		dirs = append(dirs, filepath.Dir(p))
	}
	for _, dir := range dirs {
		if complete(dir) {
			return dir, nil
		}
	}
	return "", ErrAbsent
}

func complete(dir string) bool {
	for _, name := range []string{"initdb", "postgres", "createdb", "pg_ctl", "pg_basebackup"} {
		if _, err := exec.LookPath(filepath.Join(dir, name)); err != nil {
			return false
		}
	}
	return true
}

// Need returns the programs' folder, or skips the test, or fails it if postgres is required.
func Need(t testing.TB) string {
	t.Helper()
	dir, err := Find()
	if err != nil {
		if strings.Contains(os.Getenv("STYLESPRINT_REQUIRE"), "postgres") {
			t.Fatal("no postgres was found, and STYLESPRINT_REQUIRE asks for it")
		}
		t.Skip("no postgres was found")
	}
	return dir
}

// Options configure a server. The zero value is good.
type Options struct {
	Password string            // that clients must know; empty: everybody is trusted
	Settings map[string]string // of postgresql.conf, over this package's
}

// Server is one server with its data.
type Server struct {
	programs string
	dir      string // holds data and the socket
	port     int
	password string
	settings map[string]string
	names    atomic.Int64

	mu   sync.Mutex
	cmd  *exec.Cmd // nil: not running
	log  bytes.Buffer
	done chan error // of cmd
}

// Start makes a server and starts it; it is removed when the test ends.
func Start(t testing.TB, o Options) *Server {
	t.Helper()
	s, err := open(t.Context(), Need(t), o)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := s.Close(); err != nil {
			t.Error(err)
		}
	})
	return s
}

func open(ctx context.Context, programs string, o Options) (*Server, error) {
	s := &Server{programs: programs, password: o.Password, settings: o.Settings}
	err := s.makeFolder()
	if err == nil {
		err = s.initialise(ctx)
	}
	if err == nil {
		err = s.start()
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("start postgres: %w", err), s.Close())
	}
	return s, nil
}

func (s *Server) makeFolder() error {
	var err error
	if s.dir, err = os.MkdirTemp("", "stylesprint-postgres-"); err != nil {
		return err
	}
	if err := give(s.dir); err != nil {
		return err
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	s.port = l.Addr().(*net.TCPAddr).Port
	return l.Close()
}

func (s *Server) data() string { return filepath.Join(s.dir, "data") }

// run runs one of the programs to its end.
func (s *Server) run(ctx context.Context, name string, args ...string) error {
	cmd := exec.CommandContext(ctx, filepath.Join(s.programs, name), args...)
	cmd.Dir = s.dir
	cmd.Env = []string{"LC_ALL=C", "PGPASSWORD=" + s.password, "TZ=UTC"}
	if err := confine(cmd); err != nil {
		return err
	}
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("%s: %w: %s", name, err, bytes.TrimSpace(out))
	}
	return nil
}

func (s *Server) initialise(ctx context.Context) error {
	args := []string{"-D", s.data(), "-U", owner, "-E", "UTF8", "--no-sync", "--no-instructions", "--locale=C.UTF-8"}
	if s.password == "" {
		args = append(args, "-A", "trust")
	} else {
		file := filepath.Join(s.dir, "password")
		if err := os.WriteFile(file, []byte(s.password+"\n"), 0o644); err != nil { // read by another user, in a folder that is theirs
			return err
		}
		args = append(args, "-A", "scram-sha-256", "--pwfile", file)
	}
	if s.run(ctx, "initdb", append(args, "--locale-provider=icu", "--icu-locale=en")...) == nil {
		return nil
	}
	if err := os.RemoveAll(s.data()); err != nil {
		return err
	}
	return s.run(ctx, "initdb", args...)
}

// owner is the superuser that owns every database.
const owner = "stylesprint"

// start starts the server and waits until it answers.
func (s *Server) start() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd != nil {
		return errors.New("it is running")
	}
	args := []string{"-D", s.data(), "-k", s.dir, "-p", strconv.Itoa(s.port), "-h", "127.0.0.1"}
	settings := map[string]string{"fsync": "off", "full_page_writes": "off", "shared_buffers": "32MB", "max_connections": "200",
		"autovacuum": "off", "log_min_messages": "fatal", "timezone": "UTC"}
	for name, value := range s.settings {
		settings[name] = value
	}
	for name, value := range settings {
		args = append(args, "-c", name+"="+value)
	}
	cmd := exec.Command(filepath.Join(s.programs, "postgres"), args...)
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, &s.log, &s.log
	cmd.Env = []string{"LC_ALL=C", "TZ=UTC"}
	cmd.WaitDelay = patience
	if err := confine(cmd); err != nil {
		return err
	}
	if err := cmd.Start(); err != nil {
		return err
	}
	s.cmd, s.done = cmd, make(chan error, 1)
	go func() { s.done <- cmd.Wait() }()
	for deadline := time.Now().Add(patience); !s.answers(); time.Sleep(10 * time.Millisecond) {
		select {
		case err := <-s.done:
			s.cmd = nil
			return fmt.Errorf("the server ended: %w: %s", err, bytes.TrimSpace(s.log.Bytes()))
		default:
		}
		if time.Now().After(deadline) {
			return errors.Join(errors.New("it does not answer"), s.end(syscall.SIGQUIT))
		}
	}
	return nil
}

// answers reads the state that a server writes into its lock file.
func (s *Server) answers() bool {
	b, err := os.ReadFile(filepath.Join(s.data(), "postmaster.pid"))
	if err != nil {
		return false
	}
	lines := strings.Split(string(b), "\n")
	if len(lines) < 8 || lines[0] != strconv.Itoa(s.cmd.Process.Pid) {
		return false
	}
	state := strings.TrimSpace(lines[7])
	return state == "ready" || state == "standby"
}

// end sends a signal and waits. s.mu is held.
func (s *Server) end(signal os.Signal) error {
	if s.cmd == nil {
		return nil
	}
	defer func() { s.cmd = nil }()
	if err := s.cmd.Process.Signal(signal); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return err
	}
	select {
	case <-s.done:
		return nil
	case <-time.After(patience):
		return errors.Join(errors.New("stop postgres: it does not end"), s.cmd.Process.Kill())
	}
}

// Close stops the server, if it runs, and removes its files. It may be called twice.
func (s *Server) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return errors.Join(s.end(syscall.SIGQUIT), os.RemoveAll(s.dir))
}

// Stop stops the server in order; running statements are cut off.
func (s *Server) Stop(t testing.TB) { s.must(t, syscall.SIGINT) }

// Kill stops the server at once, as a crash does; the next start recovers.
func (s *Server) Kill(t testing.TB) { s.must(t, syscall.SIGQUIT) }

func (s *Server) must(t testing.TB, signal os.Signal) {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.cmd == nil {
		t.Fatal("postgres is not running")
	}
	if err := s.end(signal); err != nil {
		t.Fatal(err)
	}
}

// Start starts a stopped server on its old port.
func (s *Server) Start(t testing.TB) {
	t.Helper()
	if err := s.start(); err != nil {
		t.Fatalf("start postgres: %v", err)
	}
}

// Host is where the server listens, as host:port.
func (s *Server) Host() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// DSN is the address of a database on the server, which may not be there. others are further
// servers that are asked where this one does not answer or cannot be written to.
func (s *Server) DSN(database string, others ...*Server) string {
	hosts := s.Host()
	for _, o := range others {
		hosts += "," + o.Host()
	}
	who := url.User(owner)
	if s.password != "" {
		who = url.UserPassword(owner, s.password)
	}
	u := url.URL{Scheme: "postgres", User: who, Host: hosts, Path: "/" + database, RawQuery: "sslmode=disable"}
	return u.String()
}

// CreateDatabase makes an empty database and returns its name.
func (s *Server) CreateDatabase(ctx context.Context) (string, error) {
	name := fmt.Sprintf("test_%d", s.names.Add(1))
	err := s.run(ctx, "createdb", "-h", s.dir, "-p", strconv.Itoa(s.port), "-U", owner, name)
	return name, err
}

// Database makes an empty database and returns its DSN.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	name, err := s.CreateDatabase(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return s.DSN(name)
}

// Standby makes a second server that follows this one and can be read.
func (s *Server) Standby(t testing.TB) *Server {
	t.Helper()
	second := &Server{programs: s.programs, password: s.password, settings: s.settings}
	t.Cleanup(func() {
		if err := second.Close(); err != nil {
			t.Error(err)
		}
	})
	err := second.makeFolder()
	if err == nil {
		err = s.run(t.Context(), "pg_basebackup", "-R", "-X", "stream", "-c", "fast", "--no-sync", "-D", second.data(), "-h", s.dir, "-p", strconv.Itoa(s.port), "-U", owner)
	}
	if err == nil {
		err = second.start()
	}
	if err != nil {
		t.Fatalf("start a standby: %v", err)
	}
	return second
}

// Promote makes a standby the server that takes writes.
func (s *Server) Promote(t testing.TB) {
	t.Helper()
	if err := s.run(t.Context(), "pg_ctl", "promote", "-w", "-D", s.data()); err != nil {
		t.Fatal(err)
	}
}
