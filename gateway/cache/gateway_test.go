package cache_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/gateway/cache"
	"stylesprint/generate"
	"stylesprint/generate/fake"
)

// book is a request log in memory.
type book struct {
	mu   sync.Mutex
	rows []stylesprint.RequestRecord
}

func (b *book) AppendRequests(_ context.Context, records []stylesprint.RequestRecord) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.rows = append(b.rows, records...)
	return nil
}

// Over HTTP: the same answer twice, the second one free, in the header and in the request log.
func TestOverHTTP(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct{ path, body string }{
		"whole":       {"/generate/", `{"prompt":"x","temperature":0}`},
		"stream":      {"/generate/", `{"prompt":"x","temperature":0,"stream":true}`},
		"chat":        {"/v1/chat/completions", `{"temperature":0,"messages":[{"role":"user","content":"x"}]}`},
		"chat stream": {"/v1/chat/completions", `{"temperature":0,"stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"x"}]}`},
		"completion":  {"/v1/completions", `{"temperature":0,"prompt":"x"}`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			kept, err := cache.New(cache.Options{})
			if err != nil {
				t.Fatal(err)
			}
			log := &book{}
			answers := []fake.Answer{{Text: "A dress of linen."}, {Text: "Another one."}}
			g, err := gateway.New(gateway.Options{Requests: log, Stages: []gateway.Stage{kept.Stage}, Models: []gateway.Model{
				{Name: "fake", Generate: generate.New(fake.New(fake.Script{Answers: answers}), generate.Options{Price: stylesprint.Price{InputPerMillion: 1000, OutputPerMillion: 1000}})},
			}})
			if err != nil {
				t.Fatal(err)
			}
			srv := httptest.NewServer(g)
			var texts []string
			for _, want := range []string{"miss", "hit"} {
				req, err := http.NewRequest("POST", srv.URL+c.path, strings.NewReader(c.body))
				if err != nil {
					t.Fatal(err)
				}
				req.Header.Set("X-Request-ID", "same")
				resp, err := srv.Client().Do(req)
				if err != nil {
					t.Fatal(err)
				}
				b, err := io.ReadAll(resp.Body)
				resp.Body.Close()
				if err != nil || resp.StatusCode != 200 || resp.Header.Get("X-Cache") != want {
					t.Errorf("%d, %v, %q, want %s", resp.StatusCode, err, resp.Header.Get("X-Cache"), want)
				}
				texts = append(texts, alike(string(b)))
			}
			if texts[0] != texts[1] || !strings.Contains(texts[0], "dress") {
				t.Errorf("\n%s\n%s", texts[0], texts[1])
			}
			srv.Close()
			if err := g.Close(t.Context()); err != nil {
				t.Fatal(err)
			}
			if len(log.rows) != 2 {
				t.Fatalf("%d rows", len(log.rows))
			}
			first, second := log.rows[0], log.rows[1]
			if first.Cache != "miss" || second.Cache != "hit" || first.Cost == 0 || second.Cost != 0 || second.Billed != 0 || second.Usage.CompletionTokens != first.Usage.CompletionTokens ||
				second.Usage.CachedTokens != first.Usage.PromptTokens {
				t.Errorf("%+v\n%+v", first, second)
			}
		})
	}
}

// tally notes what requests used, as a limiter does.
type tally struct {
	mu   sync.Mutex
	used []int
	cost stylesprint.Money
}

func (l *tally) Reserve(context.Context, gateway.Caller, int) (func(stylesprint.Usage, stylesprint.Money), error) {
	return func(u stylesprint.Usage, cost stylesprint.Money) {
		l.mu.Lock()
		defer l.mu.Unlock()
		l.used, l.cost = append(l.used, u.Total()), l.cost+cost
	}, nil
}

// An answer from memory counts as a request against its key's limits, and not by its tokens.
func TestHitsUseNoTokens(t *testing.T) {
	t.Parallel()
	for name, body := range map[string]string{"whole": `{"prompt":"x","temperature":0}`, "stream": `{"prompt":"x","temperature":0,"stream":true}`} {
		kept, err := cache.New(cache.Options{})
		if err != nil {
			t.Fatal(err)
		}
		limits := &tally{}
		g, err := gateway.New(gateway.Options{Limits: limits, Stages: []gateway.Stage{kept.Stage}, Models: []gateway.Model{
			{Name: "fake", Generate: generate.New(fake.New(fake.Script{Answers: []fake.Answer{{Text: "A dress of linen.", Usage: &stylesprint.Usage{PromptTokens: 30, CompletionTokens: 12}}}}), generate.Options{Price: stylesprint.Price{OutputPerMillion: 1e6}})},
		}})
		if err != nil {
			t.Fatal(err)
		}
		for range 3 {
			w := httptest.NewRecorder()
			g.ServeHTTP(w, httptest.NewRequest("POST", "/generate/", strings.NewReader(body)))
			if w.Code != 200 {
				t.Fatalf("%s: %d %s", name, w.Code, w.Body)
			}
		}
		if fmt.Sprint(limits.used) != "[42 0 0]" || limits.cost != stylesprint.MoneyOf(12) {
			t.Errorf("%s: used %v for %s", name, limits.used, limits.cost)
		}
		if err := g.Close(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
}

// alike drops what two equal answers differ in: when they were made, and the tokens that
// came from the cache.
func alike(body string) string {
	for _, field := range []string{`"created":`, `,"prompt_tokens_details":{"cached_tokens":`} {
		for {
			before, after, found := strings.Cut(body, field)
			if !found {
				break
			}
			body = before + strings.TrimPrefix(strings.TrimLeft(after, "0123456789"), "}")
		}
	}
	return body
}

func Example() {
	kept, err := cache.New(cache.Options{MaxBytes: 16 << 20})
	if err != nil {
		fmt.Println(err)
		return
	}
	model := func(context.Context, *gateway.Call, func(generate.Delta) error) (stylesprint.Reply, error) {
		return stylesprint.Reply{Text: "A dress.", Cost: 5}, nil
	}
	ask := kept.Stage(model)
	greedy := new(float64)
	for range 2 {
		call := &gateway.Call{Header: http.Header{}, Request: generate.Request{Prompt: "Describe it", Params: generate.Params{Temperature: greedy}}}
		reply, err := ask(context.Background(), call, nil)
		if err != nil {
			fmt.Println(err)
			return
		}
		fmt.Println(call.Cache, reply.Text, int64(reply.Cost))
	}
	// Output:
	// miss A dress. 5
	// hit A dress. 0
}

// drawing draws one release after another for the same words.
type drawing struct {
	n     *atomic.Int64
	model *counting
}

func (d drawing) Describe(context.Context, string, gateway.Subject) (gateway.Description, error) {
	id := fmt.Sprintf("r%d", d.n.Add(1)%2+1)
	return gateway.Description{Release: id, Generate: counting{id, d.model.calls}, Params: generate.Params{Temperature: new(float64)}, Messages: []stylesprint.Message{{Role: stylesprint.RoleUser, Content: "x"}}}, nil
}

// counting is a release that answers with its id.
type counting struct {
	id    string
	calls *atomic.Int64
}

func (c counting) Generate(context.Context, generate.Request) (stylesprint.Reply, error) {
	c.calls.Add(1)
	return stylesprint.Reply{Text: c.id, Release: c.id}, nil
}

func (c counting) Stream(ctx context.Context, r generate.Request, _ func(generate.Delta) error) (stylesprint.Reply, error) {
	return c.Generate(ctx, r)
}

// Two releases that share a route share no answers, where the same words go to both: the first
// one would answer for the other, whatever its share.
func TestReleasesKeepTheirShares(t *testing.T) {
	t.Parallel()
	c, err := cache.New(cache.Options{})
	if err != nil {
		t.Fatal(err)
	}
	all := counting{"", new(atomic.Int64)}
	g, err := gateway.New(gateway.Options{Describe: drawing{new(atomic.Int64), &all}, Stages: []gateway.Stage{c.Stage}, Models: []gateway.Model{{Name: "writer", Generate: all}}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = g.Close(context.Background()) })
	for i := range 6 {
		w := httptest.NewRecorder()
		g.ServeHTTP(w, httptest.NewRequest("POST", "/generate/", strings.NewReader(`{"sku":"A-1"}`)))
		if want := fmt.Sprintf("r%d", (i+1)%2+1); w.Code != 200 || !strings.Contains(w.Body.String(), `"generated_text":"`+want+`"`) {
			t.Errorf("%d: %s, want %s", i, w.Body, want)
		}
	}
	if all.calls.Load() != 2 {
		t.Errorf("%d calls, want one for each release", all.calls.Load())
	}
}
