package gateway_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
	"stylesprint/embedding"
	"stylesprint/gateway"
	"stylesprint/generate"
	"stylesprint/generate/fake"
	"stylesprint/internal/httpserver"
)

// TestMain fails if goroutines of ours are left when all tests have run.
func TestMain(m *testing.M) {
	code := m.Run()
	if code == 0 {
		if left := leaked(5 * time.Second); left != "" {
			_, _ = io.WriteString(os.Stderr, "goroutines left behind:\n"+left+"\n")
			code = 1
		}
	}
	os.Exit(code)
}

func leaked(wait time.Duration) string {
	end := time.Now().Add(wait)
	for {
		buf := make([]byte, 1<<20)
		var left []string
		for i, g := range strings.Split(string(buf[:runtime.Stack(buf, true)]), "\n\n") {
			if i > 0 && strings.Contains(g, "stylesprint/") {
				left = append(left, g)
			}
		}
		if len(left) == 0 || time.Now().After(end) {
			return strings.Join(left, "\n\n")
		}
		http.DefaultClient.CloseIdleConnections()
		time.Sleep(20 * time.Millisecond)
	}
}

// server is a gateway behind a real listener.
type server struct {
	ends     sync.Map     // of requests by name: a channel that is closed when the handler has returned
	requests atomic.Int64 // named so far
	*gateway.Gateway
	url     string
	addr    string
	client  *http.Client
	log     *buffer
	metrics *prometheus.Registry
	ready   *httpserver.Readiness
	// shut begins the drain; done gives its outcome.
	shut context.CancelFunc
	done chan error
}

type setup struct {
	o      gateway.Options
	server httpserver.Options
}

// serve starts a gateway and stops it when the test ends.
func serve(t testing.TB, s setup) *server {
	t.Helper()
	out := &server{log: &buffer{}, metrics: prometheus.NewRegistry(), ready: new(httpserver.Readiness), done: make(chan error, 1)}
	s.o.Metrics = out.metrics
	if s.o.Log == nil {
		s.o.Log = slog.New(slog.NewJSONHandler(out.log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	}
	s.o.Ready = out.ready.Ready
	g, err := gateway.New(s.o)
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	g.Mount(mux)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	s.server.Handler, s.server.Listener, s.server.Readiness = httpserver.Chain(mux, out.noteEnds, httpserver.LocalOnly()), l, out.ready
	srv, err := httpserver.New(s.server)
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	out.Gateway, out.shut, out.addr, out.url = g, cancel, l.Addr().String(), "http://"+l.Addr().String()
	transport := &http.Transport{MaxIdleConnsPerHost: 64}
	out.client = &http.Client{Transport: newValidator(t, g, transport)}
	stopped := make(chan struct{})
	go func() {
		defer close(stopped)
		out.done <- srv.Run(ctx)
	}()
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		<-stopped
		if err := g.Close(context.Background()); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	for end := time.Now().Add(5 * time.Second); !out.ready.Ready(); {
		if time.Now().After(end) {
			t.Fatal("the server does not get ready")
		}
		time.Sleep(time.Millisecond)
	}
	return out
}

// text is a model named "fake" that plays a script.
func text(s fake.Script) gateway.Model {
	return gateway.Model{Name: "fake", Generate: generate.New(fake.New(s), generate.Options{
		Price: stylesprint.Price{InputPerMillion: 1, OutputPerMillion: 2},
	})}
}

// vectors is a model named "vec" whose vectors have three dimensions.
func vectors() gateway.Model {
	return gateway.Model{Name: "vec", Embed: embedding.New(letters{}, embedding.Options{})}
}

// letters counts vowels, consonants and the rest.
type letters struct{}

func (letters) Embed(_ context.Context, texts []string) ([]embedding.Vector, error) {
	out := make([]embedding.Vector, len(texts))
	for i, t := range texts {
		v := make([]float32, 3)
		for _, c := range t {
			switch {
			case strings.ContainsRune("aeiou", c):
				v[0]++
			case c >= 'a' && c <= 'z':
				v[1]++
			default:
				v[2]++
			}
		}
		out[i] = embedding.Vector{Values: v, Tokens: len(strings.Fields(t))}
	}
	return out, nil
}

func (letters) Info(context.Context) (embedding.Info, error) {
	return embedding.Info{Ref: stylesprint.ModelRef{Provider: "test", Name: "vec"}, Dimensions: 3}, nil
}

func (letters) Close() error { return nil }

// driver is a generate.Driver made of one function.
type driver func(ctx context.Context, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error)

func (d driver) Generate(ctx context.Context, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
	return d(ctx, req, emit)
}
func (driver) Models(context.Context) ([]generate.ModelInfo, error) { return nil, nil }
func (driver) Close() error                                         { return nil }

// made is a model named "fake" on a function.
func made(d driver) gateway.Model {
	return gateway.Model{Name: "fake", Generate: generate.New(d, generate.Options{})}
}

// answer is what came back.
type answer struct {
	status int
	header http.Header
	body   string
}

func (a answer) json(t testing.TB) map[string]any {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(a.body), &m); err != nil {
		t.Fatalf("body %q: %v", a.body, err)
	}
	return m
}

// headerTest names a request, so that its client can wait until its handler has returned: the
// answer goes out before metrics and log know of it.
const headerTest = "X-Test-Request"

// noteEnds tells when handlers return.
func (s *server) noteEnds(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		defer func() {
			if c, ok := s.ends.Load(r.Header.Get(headerTest)); ok {
				close(c.(chan struct{}))
			}
		}()
		next.ServeHTTP(w, r)
	})
}

// named gives a request a name; the returned function waits for the end of its handler, if it
// came as far as that.
func (s *server) named(r *http.Request) (ended func()) {
	name, c := strconv.FormatInt(s.requests.Add(1), 10), make(chan struct{})
	s.ends.Store(name, c)
	r.Header.Set(headerTest, name)
	return func() {
		select {
		case <-c:
		case <-time.After(time.Second):
		}
		s.ends.Delete(name)
	}
}

func (s *server) do(t testing.TB, method, path, body string, header ...string) answer {
	t.Helper()
	req, err := http.NewRequest(method, s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	ended := s.named(req)
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	b, err := io.ReadAll(resp.Body)
	if err != nil && err != io.ErrUnexpectedEOF {
		t.Fatal(err)
	}
	ended()
	return answer{resp.StatusCode, resp.Header, string(b)}
}

func (s *server) post(t testing.TB, path, body string) answer {
	t.Helper()
	return s.do(t, "POST", path, body)
}

// event is one server-sent event.
type event struct{ name, data string }

// events reads a stream to its end; whole is false if the connection was cut.
func events(t testing.TB, r io.Reader) (out []event, comments int, whole bool) {
	t.Helper()
	br := bufio.NewReader(r)
	var e event
	for {
		line, err := br.ReadString('\n')
		if err != nil {
			return out, comments, err == io.EOF
		}
		switch line = strings.TrimSuffix(line, "\n"); {
		case line == "":
			if e.data == "" {
				t.Errorf("an event without data")
			}
			out, e = append(out, e), event{}
		case strings.HasPrefix(line, ":"):
			comments++
		case strings.HasPrefix(line, "event: "):
			e.name = line[len("event: "):]
		case strings.HasPrefix(line, "data: "):
			e.data += line[len("data: "):]
		default:
			t.Errorf("line %q", line)
		}
	}
}

// stream posts and reads events.
func (s *server) stream(t testing.TB, path, body string) (answer, []event, bool) {
	t.Helper()
	req, err := http.NewRequest("POST", s.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	ended := s.named(req)
	resp, err := s.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var kept bytes.Buffer
	got, _, whole := events(t, io.TeeReader(resp.Body, &kept))
	ended()
	return answer{resp.StatusCode, resp.Header, kept.String()}, got, whole
}

// metric sums the samples of a metric whose labels include the given pairs.
func (s *server) metric(t testing.TB, name string, labels ...string) float64 {
	t.Helper()
	families, err := s.metrics.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var sum float64
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	samples:
		for _, m := range f.Metric {
			for i := 0; i+1 < len(labels); i += 2 {
				found := false
				for _, l := range m.Label {
					found = found || l.GetName() == labels[i] && l.GetValue() == labels[i+1]
				}
				if !found {
					continue samples
				}
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue() + float64(m.GetHistogram().GetSampleCount())
		}
	}
	return sum
}

// buffer is a bytes.Buffer for several goroutines.
type buffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.b.String()
}

// ledger is a request log in memory.
type ledger struct {
	mu      sync.Mutex
	records []stylesprint.RequestRecord
	fail    func(attempt int) error // nil never fails
	tries   int
	gate    chan struct{} // if not nil, each append takes one from it
}

func (l *ledger) AppendRequests(ctx context.Context, records []stylesprint.RequestRecord) error {
	if l.gate != nil {
		select {
		case <-l.gate:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tries++
	if l.fail != nil {
		if err := l.fail(l.tries); err != nil {
			return err
		}
	}
	l.records = append(l.records, records...)
	return nil
}

func (l *ledger) all() []stylesprint.RequestRecord {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]stylesprint.RequestRecord(nil), l.records...)
}

// one waits for the n-th record.
func (l *ledger) wait(t testing.TB, n int) []stylesprint.RequestRecord {
	t.Helper()
	for end := time.Now().Add(5 * time.Second); ; time.Sleep(5 * time.Millisecond) {
		if all := l.all(); len(all) >= n {
			return all
		}
		if time.Now().After(end) {
			t.Fatalf("%d records, want %d", len(l.all()), n)
		}
	}
}
