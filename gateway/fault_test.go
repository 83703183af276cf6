package gateway_test

import (
	"bytes"
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/gateway/route"
	"stylesprint/gateway/route/faulttest"
	"stylesprint/generate"
	"stylesprint/generate/openai"
)

var update = flag.Bool("update", false, "write the table of faults of this run as the expected one")

// provider makes a client of an upstream.
func provider(t *testing.T, o openai.Options) *generate.Client {
	t.Helper()
	if o.MaxReplyBytes == 0 {
		o.MaxReplyBytes = 64 << 10
	}
	o.Model = "m"
	d, err := openai.New(o)
	if err != nil {
		t.Fatal(err)
	}
	c := generate.New(d, generate.Options{})
	t.Cleanup(func() {
		if err := c.Close(); err != nil {
			t.Error(err)
		}
	})
	return c
}

// faulty is a gateway with a route "writer" over two upstreams.
type faulty struct {
	*server
	router *route.Router
	counts *server // for the router's metrics
	log    *ledger
	ups    [2]*faulttest.Upstream
}

func newFaulty(t *testing.T, s scenario, changes ...func(*route.Options)) *faulty {
	t.Helper()
	if s.first == nil {
		s.first = faulttest.Answer(first, 5)
	}
	if s.second == nil {
		s.second = faulttest.Answer(second, 5)
	}
	f := &faulty{log: &ledger{}, counts: &server{metrics: prometheus.NewRegistry()}, ups: [2]*faulttest.Upstream{faulttest.New(t, s.first), faulttest.New(t, s.second)}}
	one, two := openai.Options{BaseURL: f.ups[0].BaseURL()}, openai.Options{BaseURL: f.ups[1].BaseURL()}
	if s.remote != nil {
		s.remote(t, &one)
	}
	s.policy.Backoff = route.Backoff{Min: time.Millisecond, Max: 20 * time.Millisecond}
	s.policy.ShortWait = 30 * time.Millisecond
	o := route.Options{
		Targets: []route.Target{
			{Name: "first", Client: provider(t, one), Price: stylesprint.Price{InputPerMillion: 1, OutputPerMillion: 2}},
			{Name: "second", Client: provider(t, two), Price: stylesprint.Price{InputPerMillion: 10, OutputPerMillion: 20}},
		},
		Routes:  []route.Route{{Name: "writer", Policy: s.policy, Shares: []route.Share{{Release: "r1", Percent: 100, Targets: []route.Choice{{Target: "first"}, {Target: "second", Priority: 1}}}}}},
		Budget:  route.Budget{PerSecond: 10},
		Metrics: f.counts.metrics,
	}
	for _, c := range changes {
		c(&o)
	}
	var err error
	if f.router, err = route.New(o); err != nil {
		t.Fatal(err)
	}
	f.server = serve(t, setup{o: gateway.Options{Requests: f.log, Models: []gateway.Model{{Name: "writer", Generate: f.router.Generator("writer")}}}})
	return f
}

// ask sends one request and says what its client sees. pieces is told of each piece of text.
func (f *faulty) ask(ctx context.Context, t *testing.T, how form, pieces func(n int)) string {
	t.Helper()
	path, body := "/generate/", fmt.Sprintf(`{"prompt":"Describe a linen shirt.","stream":%v}`, how.stream)
	if how.v1 {
		path, body = "/v1/chat/completions", fmt.Sprintf(`{"messages":[{"role":"user","content":"Describe a linen shirt."}],"stream":%v}`, how.stream)
	}
	req, err := http.NewRequestWithContext(ctx, "POST", f.url+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("Content-Type", "application/json")
	resp, err := f.client.Do(req)
	if err != nil {
		return "left"
	}
	defer resp.Body.Close()
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return seenStream(t, resp, pieces)
	}
	b, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return seenWhole(t, resp, b)
}

func seenWhole(t *testing.T, resp *http.Response, b []byte) string {
	t.Helper()
	var a struct {
		Text    string `json:"generated_text"`
		Code    string `json:"code"`
		Choices []struct {
			Message struct{ Content string } `json:"message"`
		} `json:"choices"`
		Error struct{ Code string } `json:"error"`
	}
	if err := json.Unmarshal(b, &a); err != nil {
		t.Fatalf("%q: %v", b, err)
	}
	if len(a.Choices) > 0 {
		a.Text = a.Choices[0].Message.Content
	}
	out := fmt.Sprint(resp.StatusCode)
	if resp.StatusCode == 200 {
		return out + fmt.Sprintf(" %q", strings.TrimSpace(a.Text))
	}
	out += " " + a.Code + a.Error.Code
	if after := resp.Header.Get("Retry-After"); after != "" {
		out += ", Retry-After " + after
	}
	return out
}

// seenStream reads a stream of either dialect as it comes.
func seenStream(t *testing.T, resp *http.Response, pieces func(n int)) string {
	t.Helper()
	var text strings.Builder
	n, ended, code := 0, false, ""
	var line bytes.Buffer
	one := make([]byte, 1)
	for {
		if _, err := io.ReadFull(resp.Body, one); err != nil {
			return outcome(text.String(), n, ended, code, err)
		}
		if one[0] != '\n' {
			line.WriteByte(one[0])
			continue
		}
		data, isData := strings.CutPrefix(line.String(), "data: ")
		line.Reset()
		if !isData {
			continue
		}
		if data == "[DONE]" {
			ended = true
			continue
		}
		var e struct {
			Text    *string `json:"text"`
			Whole   *string `json:"generated_text"`
			Detail  string  `json:"detail"`
			Code    string  `json:"code"`
			Error   *struct{ Code string }
			Choices []struct {
				Delta struct{ Content string } `json:"delta"`
			} `json:"choices"`
		}
		if err := json.Unmarshal([]byte(data), &e); err != nil {
			t.Fatalf("%q: %v", data, err)
		}
		piece := ""
		switch {
		case e.Error != nil:
			code = e.Error.Code
		case e.Detail != "":
			code = e.Code
		case e.Whole != nil:
			ended = *e.Whole == text.String()
		case e.Text != nil:
			piece = *e.Text
		case len(e.Choices) > 0:
			piece = e.Choices[0].Delta.Content
		}
		if piece != "" {
			text.WriteString(piece)
			n++
			pieces(n)
		}
	}
}

func outcome(text string, n int, ended bool, code string, end error) string {
	switch cut := end != io.EOF; {
	case ended && !cut && code == "":
		return fmt.Sprintf("200 %q", strings.TrimSpace(text))
	case code != "" && cut && !ended:
		return fmt.Sprintf("200, %d pieces, error event %s, cut", n, code)
	default: // nothing of the kind may ever be seen
		return fmt.Sprintf("200, %d pieces, ended %v, error %q, cut %v", n, ended, code, cut)
	}
}

func (f *faulty) state(t *testing.T) string {
	t.Helper()
	s := f.router.Status().Targets[0]
	out := s.State + ", no fault"
	if s.Faults > 0 {
		out = fmt.Sprintf("%s, %d fault%s", s.State, s.Faults, plural(s.Faults))
	}
	if !s.RestingUntil.IsZero() && time.Until(s.RestingUntil) > time.Second {
		out += ", resting"
	}
	if s.InFlight != 0 {
		t.Errorf("%d calls in flight after the last", s.InFlight)
	}
	return out
}

// records ends the server and returns what it has logged.
func (f *faulty) records(t *testing.T, n int) []stylesprint.RequestRecord {
	t.Helper()
	f.shut()
	if err := <-f.done; err != nil {
		t.Error(err)
	}
	if err := f.Close(context.Background()); err != nil {
		t.Error(err)
	}
	all := f.log.all()
	if len(all) != n {
		t.Fatalf("%d records, want %d", len(all), n)
	}
	return all
}

func plural(n int64) string {
	if n == 1 {
		return ""
	}
	return "s"
}

func recorded(r stylesprint.RequestRecord) string {
	out := fmt.Sprint(r.Status)
	if r.Code != "" {
		out += " " + string(r.Code)
	}
	return fmt.Sprintf("%s, %d attempt%s, %s, billed %v", out, r.Attempts, plural(int64(r.Attempts)), r.Target, r.Billed)
}

// TestFaults plays every scenario whole and streamed, in both dialects, through the HTTP
// server, and writes what came of it as a table.
func TestFaults(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	rows := map[string]string{}
	var order []string
	slots := make(chan struct{}, 12)
	t.Run("all", func(t *testing.T) {
		var all sync.WaitGroup
		for _, how := range forms() {
			seen := map[int]chan struct{}{}
			n := 0
			list := scenarios(func() <-chan struct{} { n++; seen[n] = make(chan struct{}); return seen[n] })
			tell := sync.OnceFunc(func() {
				for _, c := range seen {
					close(c)
				}
			})
			for _, s := range list {
				w := s.whole
				if how.stream {
					w = s.stream
				}
				if w == (want{}) {
					continue
				}
				key := s.name + how.name
				if !how.v1 {
					order = append(order, key)
				}
				all.Go(func() {
					slots <- struct{}{} // most of the scenarios wait, so more run than there are processors
					defer func() { <-slots }()
					t.Run(fmt.Sprintf("%s/%s/v1=%v", s.name, how.name, how.v1), func(t *testing.T) {
						got := play(t, s, how, tell)
						if how.v1 {
							w.client, w.record = inV1(w.client), inV1Record(w.record)
						}
						if got != w {
							t.Errorf("\ngot  %+v\nwant %+v", got, w)
						}
						mu.Lock()
						defer mu.Unlock()
						if !how.v1 {
							rows[key] = fmt.Sprintf("| %s | %s | %s | %d + %d | %s | %s |\n", s.fault, how.name, got.client, got.calls[0], got.calls[1], got.target, got.record)
						}
					})
				})
			}
		}
		all.Wait()
	})
	var b strings.Builder
	for _, key := range order {
		b.WriteString(rows[key])
	}
	checkTable(t, b.String(), len(order))
}

// play runs one scenario.
func play(t *testing.T, s scenario, how form, tell func()) want {
	t.Helper()
	f := newFaulty(t, s)
	var got want
	got.client = f.ask(t.Context(), t, how, func(n int) {
		if n == 5 && s.name == "reset in the middle" {
			tell()
		}
	})
	r := f.records(t, 1)[0]
	got.record, got.target = recorded(r), f.state(t)
	got.calls = [2]int{f.ups[0].Calls(), f.ups[1].Calls()}
	if r.Release != "r1" || r.Stream != how.stream {
		t.Errorf("%+v", r)
	}
	if n := f.counts.metric(t, "stylesprint_route_attempts_total"); int(n) != r.Attempts {
		t.Errorf("%v attempts counted, %d recorded", n, r.Attempts)
	}
	if n := f.counts.metric(t, "stylesprint_route_usage_doubts_total"); n != 0 != (s.name == "wrong usage") {
		t.Errorf("%v usages doubted", n)
	}
	return got
}

// inV1 is what a client of OpenAI's sees instead.
func inV1(client string) string {
	return strings.NewReplacer("422 context_too_long", "400 context_length_exceeded", "422 refused", "400 content_filter", "rate_limited", "rate_limit_exceeded").Replace(client)
}

func inV1Record(record string) string {
	return strings.NewReplacer("422", "400").Replace(record)
}

const tableHead = `# What becomes of a provider's faults

Written by ` + "`go test ./gateway -run TestFaults -update`" + `; the same test fails where an outcome differs. A route asks a first target and then a second, which is well unless the first column says
otherwise; every row is a real HTTP server that misbehaves, the gateway before it, and a client. Limits of 10 and 15 s are shortened to 1 s. "Calls" are requests that
reached the two providers. Prices: first 1 and 2, second 10 and 20 per million tokens of prompt and answer. Under ` + "`/v1`" + ` the same is checked; codes and statuses there are OpenAI's.

| fault of the first target | answer | the client sees | calls | first target afterwards | request log |
|---|---|---|---|---|---|
`

func checkTable(t *testing.T, rows string, n int) {
	t.Helper()
	t.Logf("%d scenarios\n%s", n, rows)
	name := filepath.Join("..", "docs", "benchmarks", "faults.md")
	if *update {
		if err := os.WriteFile(name, []byte(tableHead+rows), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	b, err := os.ReadFile(name)
	if err != nil {
		t.Fatal(err)
	}
	if string(b) != tableHead+rows {
		t.Errorf("%s is not what this run gave; run go test ./gateway -run TestFaults -update", name)
	}
}
