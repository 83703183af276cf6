package main

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/metrics"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/engine"
	"stylesprint/gateway"
	"stylesprint/generate"
	generatelocal "stylesprint/generate/local"
	"stylesprint/internal/httpserver"
)

// soak is a server of one local model under load of several keys.
type soak struct {
	model  *engine.LanguageModel
	url    string
	http   *http.Client
	words  int // of the system prompt that all requests share
	prompt int // words beside those, at most
	most   int // tokens of an answer
}

// keys takes whatever key it is shown as the tenant's name.
type keys struct{}

func (keys) Authenticate(_ *http.Request, key stylesprint.Secret) (gateway.Caller, error) {
	return gateway.Caller{KeyID: key.Reveal(), Class: "soak"}, nil
}

// load is what one tenant asked for and got.
type load struct {
	tenant  string
	rate    float64 // share of the capacity that it asks for
	mu      sync.Mutex
	asked   int // requests
	served  int
	refused int
	offered float64 // tokens
	got     float64
	waits   []float64 // seconds to the first text
	faults  []string
}

// newSoak opens a model and serves it as the serve command does.
func newSoak(t *testing.T, path string, o engine.Options) *soak {
	t.Helper()
	m, err := engine.OpenLanguageModel(t.Context(), path, o)
	if err != nil {
		t.Fatal(err)
	}
	client := generate.New(generatelocal.New(m, "soak"), generate.Options{})
	ready := new(httpserver.Readiness)
	g, err := gateway.New(gateway.Options{
		Models: []gateway.Model{{Name: "soak", Generate: client}}, Auth: keys{}, Ready: ready.Ready,
		Log: slog.New(slog.DiscardHandler), MaxInFlight: 1000, Timeout: 2 * time.Minute,
	})
	if err != nil {
		t.Fatal(err)
	}
	mux := http.NewServeMux()
	g.Mount(mux)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	srv, err := httpserver.New(httpserver.Options{Handler: mux, Listener: listener, Readiness: ready})
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan error, 1)
	go func() { ended <- srv.Run(ctx) }()
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		cancel()
		if err := <-ended; err != nil {
			t.Errorf("serve: %v", err)
		}
		if err := g.Close(context.Background()); err != nil {
			t.Error(err)
		}
		if err := client.Close(); err != nil {
			t.Error(err)
		}
	})
	return &soak{model: m, url: "http://" + listener.Addr().String(), http: &http.Client{Transport: transport}}
}

// ask sends one request and notes what came of it.
func (s *soak) ask(ctx context.Context, l *load, prompt, answer int) {
	system := strings.TrimSpace(strings.Repeat("the house style is plain and exact ", s.words/7+1))
	body, _ := json.Marshal(map[string]any{
		"model": "soak", "max_tokens": answer, "stream": true, "temperature": 1,
		"messages": []map[string]string{{"role": "system", "content": system}, {"role": "user", "content": strings.Repeat("linen ", prompt)}},
	})
	cost := float64(s.words + prompt + answer)
	l.note(func() { l.asked++; l.offered += cost })
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, s.url+"/v1/chat/completions", bytes.NewReader(body))
	if err != nil {
		l.fault("%v", err)
		return
	}
	req.Header.Set("Authorization", "Bearer "+l.tenant)
	start := time.Now()
	res, err := s.http.Do(req)
	if err != nil {
		if ctx.Err() == nil {
			l.fault("%v", err)
		}
		return
	}
	defer res.Body.Close()
	switch res.StatusCode {
	case http.StatusOK:
		first, done, err := readStream(res.Body, start)
		switch {
		case ctx.Err() != nil: // the soak is over
		case err != nil || !done:
			l.fault("a stream ended early: %v", err)
		default:
			l.note(func() { l.served++; l.got += cost; l.waits = append(l.waits, first) })
		}
	case http.StatusTooManyRequests:
		_, _ = io.Copy(io.Discard, res.Body)
		if after := res.Header.Get("Retry-After"); after == "" || after == "0" {
			l.fault("429 with Retry-After %q", after)
		}
		l.note(func() { l.refused++ })
	default:
		b, _ := io.ReadAll(res.Body)
		l.fault("%s: %s", res.Status, b)
	}
}

// readStream reads events to the last one, and tells when the first text came.
func readStream(r io.Reader, start time.Time) (first float64, done bool, err error) {
	lines := bufio.NewScanner(r)
	for lines.Scan() {
		if first == 0 && strings.Contains(lines.Text(), `"content"`) {
			first = time.Since(start).Seconds()
		}
		done = done || lines.Text() == "data: [DONE]"
	}
	return cmp.Or(first, time.Since(start).Seconds()), done, lines.Err()
}

func (l *load) note(f func()) {
	l.mu.Lock()
	defer l.mu.Unlock()
	f()
}

func (l *load) fault(format string, a ...any) {
	l.note(func() { l.faults = append(l.faults, fmt.Sprintf(format, a...)) })
}

// capacity is how many requests a second the model answers at most.
func (s *soak) capacity(t *testing.T, d time.Duration) float64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*d)
	defer cancel()
	l := &load{tenant: "warm-up"}
	var wg sync.WaitGroup
	from := time.Now()
	for w := range 16 {
		wg.Go(func() {
			r := rand.New(rand.NewPCG(uint64(w), 1))
			for time.Since(from) < d && ctx.Err() == nil {
				s.ask(ctx, l, 3+r.IntN(s.prompt), s.most/4+r.IntN(s.most*3/4))
			}
		})
	}
	wg.Wait()
	if len(l.faults) > 0 || l.served == 0 {
		t.Fatalf("warm-up: %d served, %v", l.served, l.faults)
	}
	return float64(l.served) / time.Since(from).Seconds()
}

// run lets every tenant ask at its share of a rate, whether answers come or not, as people do.
func (s *soak) run(ctx context.Context, loads []*load, perSecond float64, d time.Duration) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var arrivals, requests sync.WaitGroup
	end := time.Now().Add(d)
	for i, l := range loads {
		arrivals.Go(func() {
			r := rand.New(rand.NewPCG(uint64(i), 2))
			next := time.Now()
			for {
				next = next.Add(time.Duration(r.ExpFloat64() / (l.rate * perSecond) * float64(time.Second)))
				if next.After(end) {
					return
				}
				time.Sleep(time.Until(next))
				prompt, answer := 3+r.IntN(s.prompt), s.most/4+r.IntN(s.most*3/4)
				requests.Go(func() { s.ask(ctx, l, prompt, answer) })
			}
		})
	}
	arrivals.Wait()
	if len(loads) > 0 {
		requests.Wait()
	}
}

// shares divides a total among demands so that nobody who wants more gets less than another (max-min).
func shares(total float64, demands []float64) []float64 {
	out := make([]float64, len(demands))
	order := make([]int, len(demands))
	for i := range order {
		order[i] = i
	}
	slices.SortFunc(order, func(a, b int) int { return cmp.Compare(demands[a], demands[b]) })
	for k, i := range order {
		out[i] = min(demands[i], total/float64(len(order)-k))
		total -= out[i]
	}
	return out
}

func TestShares(t *testing.T) {
	t.Parallel()
	if got := shares(100, []float64{120, 40, 20, 20}); !slices.Equal(got, []float64{30, 30, 20, 20}) {
		t.Errorf("got %v", got)
	}
}

// slope fits a line through samples taken a second apart and returns its rise a minute.
func slope(y []float64) float64 {
	n := float64(len(y))
	var sx, sy, sxx, sxy float64
	for i, v := range y {
		x := float64(i)
		sx, sy, sxx, sxy = sx+x, sy+v, sxx+x*x, sxy+x*v
	}
	return 60 * (n*sxy - sx*sy) / (n*sxx - sx*sx)
}

func quantile(v []float64, q float64) float64 {
	if len(v) == 0 {
		return math.NaN()
	}
	v = slices.Sorted(slices.Values(v))
	return v[int(q*float64(len(v)-1))]
}

// At twice what the model can do, with a tenant that asks for more than all others together,
// every tenant gets its share, nobody waits forever, the rest is refused with a time to come
// again, and memory stays flat. STYLESPRINT_SLOW=1 runs it with a real model, for ten minutes or as long as STYLESPRINT_SOAK says.
func TestSoak(t *testing.T) {
	if testing.Short() {
		t.Skip("a load test")
	}
	d, warm, slow := 6*time.Second, 2*time.Second, os.Getenv("STYLESPRINT_SLOW") == "1"
	path := filepath.Join("..", "..", "engine", "testdata", "llama-tied")
	o := engine.Options{Threads: 1, CPU: "portable", KVTokens: 1024, MaxSequences: 4, MaxWaiting: 24}
	if slow {
		d, warm = 10*time.Minute, 30*time.Second
		if v, err := time.ParseDuration(os.Getenv("STYLESPRINT_SOAK")); err == nil {
			d = v
		}
		path = filepath.Join(os.Getenv("STYLESPRINT_MODELS"), "models", "smollm2-135m-instruct")
		o = engine.Options{ContextTokens: 4096, KVTokens: 8192}
	}
	s := newSoak(t, path, o)
	s.words, s.prompt, s.most = 14, 8, 80
	if slow {
		s.words, s.prompt, s.most = 70, 40, 100
	}
	perSecond := s.capacity(t, warm)
	loads := []*load{{tenant: "greedy", rate: 1.2}, {tenant: "large", rate: 0.4}, {tenant: "small-1", rate: 0.2}, {tenant: "small-2", rate: 0.2}}
	var rss, live []float64
	sampled := make(chan struct{})
	stop := make(chan struct{})
	go func() {
		defer close(sampled)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			rss, live = append(rss, resident()/(1<<20)), append(live, liveHeap()/(1<<20))
			select {
			case <-tick.C:
			case <-stop:
				return
			}
		}
	}()
	s.run(t.Context(), loads, perSecond, d)
	close(stop)
	<-sampled
	logSoak(t, s, loads, rss, perSecond)
	half := live[len(live)/2:]
	t.Logf("live heap %.1f MiB at the start, %.1f at the end, most %.1f; slope over the second half %+.3f MiB/min", live[0], live[len(live)-1], slices.Max(live), slope(half))
	checkSoak(t, loads, slow, half)
}

func logSoak(t *testing.T, s *soak, loads []*load, rss []float64, perSecond float64) {
	t.Helper()
	half := rss[len(rss)/2:]
	t.Logf("capacity %.2f requests/s; resident memory %.1f MiB at the start, %.1f at the end, most %.1f; slope over the second half %+.3f MiB/min",
		perSecond, rss[0], rss[len(rss)-1], slices.Max(rss), slope(half))
	for _, l := range loads {
		t.Logf("%-8s asked %6d, served %6d, refused %6d; tokens offered %9.0f, got %9.0f; first text p50 %.2f s, p99 %.2f s, most %.2f s",
			l.tenant, l.asked, l.served, l.refused, l.offered, l.got, quantile(l.waits, .5), quantile(l.waits, .99), quantile(l.waits, 1))
	}
	st := s.model.Stats()
	t.Logf("engine: %.0f tokens/s, %d admitted, %d refused (queue), %d refused (deadline), %d of %d prompt tokens known, mean wait %.2f s",
		st.TokensPerSecond, st.Admitted, st.RefusedFull, st.RefusedDeadline, st.CachedTokens, st.PromptTokens, st.Waits.Sum.Seconds()/float64(max(1, st.Waits.Count)))
}

// liveHeap is what the garbage collector found in use when it last ran, in bytes. Resident
// memory is that, what was dropped since and what is kept for reuse, so it takes longer to settle.
func liveHeap() float64 {
	m := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(m)
	return float64(m[0].Value.Uint64())
}

func checkSoak(t *testing.T, loads []*load, slow bool, live []float64) {
	t.Helper()
	var offered []float64
	total, refused := 0.0, 0
	for _, l := range loads {
		offered = append(offered, l.offered)
		total += l.got
		refused += l.refused
		if len(l.faults) > 0 {
			t.Errorf("%s: %d faults, the first: %s", l.tenant, len(l.faults), l.faults[0])
		}
	}
	if refused == 0 {
		t.Error("nobody was refused, so the load was no overload")
	}
	bound := 0.6 // in a few seconds chance decides much
	if slow {
		bound = 0.9
		if rise := slope(live); rise > 1 {
			t.Errorf("live memory rises by %.2f MiB a minute", rise)
		}
	}
	for i, fair := range shares(total, offered) {
		l := loads[i]
		if l.got < bound*fair {
			t.Errorf("%s got %.0f tokens, less than %.0f %% of its share of %.0f", l.tenant, l.got, 100*bound, fair)
		}
		if most := quantile(l.waits, 1); most > 60 {
			t.Errorf("%s waited up to %.1f s", l.tenant, most)
		}
	}
}
