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

// limit is the patience of the scenarios with silence: it stands for 10 s, so that "20 s" of
// silence are two of it.
const limit = time.Second

// Tokens of the two upstreams: what a client sees tells who answered.
const first, second = "a ", "b "

// form is how a scenario asks.
type form struct {
	name   string
	stream bool
	v1     bool
}

func forms() []form {
	return []form{{"whole", false, false}, {"stream", true, false}, {"whole", false, true}, {"stream", true, true}}
}

// scenario is a fault of the first upstream and what becomes of it; the second is well unless said otherwise.
type scenario struct {
	name   string
	fault  string // in words, for the table
	first  faulttest.Step
	second faulttest.Step // nil answers
	policy route.Policy
	// remote changes the first upstream: its address and the client that asks it.
	remote func(t *testing.T, o *openai.Options)
	whole  want
	stream want // an empty one: the scenario exists whole only
}

// want is the outcome of one form.
type want struct {
	client string // what the client sees
	calls  [2]int // to the upstreams
	target string // the first target's state afterwards
	record string
}

// Outcomes that many scenarios share.
const (
	fromSecond   = `200 "b b b b b"`
	closedFault  = "closed, 1 fault"
	closedClean  = "closed, no fault"
	recordMoved  = "200, 2 attempts, second, billed 0.0002"
	recordSecond = "200, 1 attempt, second, billed 0.0002"
)

// moved is a request that the second target answered instead of the first; calls is how many reached the first.
func moved(calls int) want {
	return want{fromSecond, [2]int{calls, 1}, closedFault, recordMoved}
}

// broken is a stream that ended with an error event after n pieces of text.
func broken(n int, code string, status int, billed string) want {
	return want{fmt.Sprintf("200, %d pieces, error event %s, cut", n, code), [2]int{1, 0}, closedFault, fmt.Sprintf("%d %s, 1 attempt, first, billed %s", status, code, billed)}
}

func scenarios(seen func() <-chan struct{}) []scenario {
	silent := route.Policy{FirstToken: limit, Idle: limit, Whole: limit}
	well := want{`200 "a a a a a"`, [2]int{1, 0}, closedClean, "200, 1 attempt, first, billed 0.00002"}
	refused := func(status int, code string) want {
		return want{fmt.Sprintf("%d %s", status, code), [2]int{1, 0}, closedClean, fmt.Sprintf("%d %s, 1 attempt, first, billed 0", status, code)}
	}
	rested := moved(1)
	rested.target = "closed, no fault, resting"
	limitedAll := want{"429 rate_limited, Retry-After 30", [2]int{1, 1}, "closed, no fault, resting", "429 rate_limited, 2 attempts, second, billed 0"}
	patient := want{`200 "a a a a a"`, [2]int{1, 0}, closedClean, "200, 1 attempt, first, billed 0.00002"}
	message := func(s string) string { return `{"error":{"message":"no","code":"` + s + `"}}` }
	return []scenario{
		{name: "none", fault: "none: the first target answers", first: faulttest.Answer(first, 5), whole: well, stream: well},
		{name: "429, long wait", fault: "429, `Retry-After: 30`", first: faulttest.LimitedSeconds(30), whole: rested, stream: rested},
		{name: "429, short wait", fault: "429, wait 20 ms, then well", first: faulttest.Rotate(faulttest.Limited(20*time.Millisecond), faulttest.Answer(first, 5)),
			whole:  want{`200 "a a a a a"`, [2]int{2, 0}, closedClean, "200, 2 attempts, first, billed 0.00002"},
			stream: want{`200 "a a a a a"`, [2]int{2, 0}, closedClean, "200, 2 attempts, first, billed 0.00002"}},
		{name: "429 everywhere", fault: "429, `Retry-After: 30`, of both targets", first: faulttest.LimitedSeconds(30), second: faulttest.LimitedSeconds(30), whole: limitedAll, stream: limitedAll},
		{name: "connection reset", fault: "connection reset in place of an answer", first: faulttest.Reset(), whole: moved(1), stream: moved(1)},
		{name: "reset in the middle", fault: "connection reset after 5 tokens", first: faulttest.ResetAfter(5, seen()), whole: moved(1), stream: broken(5, "upstream_error", 502, "0.000012")},
		{name: "silence", fault: "takes the request and says nothing", first: faulttest.Silence(), policy: silent, whole: moved(1), stream: moved(1)},
		{name: "20 s to the first token", fault: "headers and role at once, no token within the limit (10 s, here 1 s)", first: faulttest.Late(), policy: silent, whole: moved(1), stream: moved(1)},
		{name: "cut at token 40", fault: "connection closed after 40 tokens", first: faulttest.CutAt(40), whole: moved(1), stream: broken(40, "upstream_error", 502, "0.000046")},
		{name: "stall", fault: "silent after 10 tokens (limit 15 s, here 1 s)", first: faulttest.StallAt(10), policy: silent, whole: moved(1), stream: broken(10, "timeout", 504, "0.000016")},
		{name: "malformed first chunk", fault: "the first chunk with text is no JSON", first: faulttest.Malformed(0), whole: moved(1), stream: moved(1)},
		{name: "malformed chunk", fault: "a chunk after 5 tokens is no JSON", first: faulttest.Malformed(5), whole: moved(1), stream: broken(5, "upstream_error", 502, "0.000012")},
		{name: "missing [DONE]", fault: "finish and usage, but no `[DONE]`", first: faulttest.NoDone(5), stream: well},
		{name: "missing finish", fault: "a clean end after 5 tokens, without finish and `[DONE]`", first: faulttest.NoFinish(5), stream: broken(5, "upstream_error", 502, "0.000012")},
		{name: "400", fault: "400", first: faulttest.Status(400, message("invalid_value")), whole: refused(400, "invalid_request"), stream: refused(400, "invalid_request")},
		{name: "400, context", fault: "400, context too long", first: faulttest.Status(400, message("context_length_exceeded")), whole: refused(422, "context_too_long"), stream: refused(422, "context_too_long")},
		{name: "400, refused", fault: "400, declined by the safety system", first: faulttest.Status(400, message("content_filter")), whole: refused(422, "refused"), stream: refused(422, "refused")},
		{name: "401", fault: "401: our key is not accepted", first: faulttest.Status(401, message("invalid_api_key")), whole: moved(1), stream: moved(1)},
		{name: "500", fault: "500", first: faulttest.Status(500, `oops`), whole: moved(1), stream: moved(1)},
		{name: "wrong usage", fault: "a usage of a billion tokens", first: faulttest.AnswerUsage(first, 5, `{"prompt_tokens":1000000000,"completion_tokens":1000000000}`),
			whole: want{well.client, well.calls, closedClean, "200, 1 attempt, first, billed 0.000012"}, stream: want{well.client, well.calls, closedClean, "200, 1 attempt, first, billed 0.000012"}},
		{name: "slow drip", fault: "a token each 20 ms", first: faulttest.Drip(5, 20*time.Millisecond), whole: patient, stream: patient},
		{name: "oversized answer", fault: "more than the 64 KiB allowed here", first: faulttest.Oversized(), whole: moved(1), stream: broken(56, "upstream_error", 502, "0.028678")},
		{name: "TLS failure", fault: "a certificate that is not trusted", remote: untrusted, whole: moved(0), stream: moved(0)},
		{name: "DNS failure", fault: "the name does not exist", remote: unknownHost, whole: moved(0), stream: moved(0)},
		{name: "connection refused", fault: "nothing listens", remote: nobody, whole: moved(0), stream: moved(0)},
		{name: "error in the stream", fault: "an error as an event after 5 tokens (whole: in place of an answer)", first: faulttest.InBand(5), whole: moved(1), stream: broken(5, "upstream_error", 502, "0.000012")},
		{name: "error at once in the stream", fault: "an error as the first event", first: faulttest.InBand(0), whole: moved(1), stream: moved(1)},
		{name: "empty 200", fault: "200 without a body", first: faulttest.Empty(), whole: moved(1), stream: moved(1)},
		{name: "a page", fault: "200 with a page of a proxy", first: faulttest.Page(), whole: moved(1), stream: moved(1)},
		{name: "no HTTP", fault: "something that is no HTTP", first: faulttest.Garbage(), whole: moved(1), stream: moved(1)},
		{name: "redirect", fault: "302, which is not followed", first: faulttest.Status(302, "", "Location", "/v1/elsewhere"), whole: moved(1), stream: moved(1)},
		{name: "all down", fault: "503 of both targets, twice each", first: faulttest.Status(503, `{}`), second: faulttest.Status(503, `{}`), policy: route.Policy{Attempts: 4},
			whole:  want{"503 unavailable", [2]int{2, 2}, "closed, 2 faults", "503 unavailable, 4 attempts, second, billed 0"},
			stream: want{"503 unavailable", [2]int{2, 2}, "closed, 2 faults", "503 unavailable, 4 attempts, second, billed 0"}},
		{name: "deadline", fault: "500; then the second is silent until the deadline of all attempts (2 min, here 2 s)", first: faulttest.Status(500, `{}`), second: faulttest.Silence(), policy: route.Policy{FirstToken: time.Minute, Whole: time.Minute, Deadline: 2 * limit},
			whole:  want{"504 timeout", [2]int{1, 1}, closedFault, "504 timeout, 2 attempts, second, billed 0"},
			stream: want{"504 timeout", [2]int{1, 1}, closedFault, "504 timeout, 2 attempts, second, billed 0"}},
	}
}

func untrusted(t *testing.T, o *openai.Options) {
	o.BaseURL = faulttest.NewTLS(t, faulttest.Answer(first, 5)).BaseURL()
}

func unknownHost(t *testing.T, o *openai.Options) {
	o.BaseURL, o.HTTPClient = "http://model.example.invalid/v1", faulttest.NoSuchHost(t)
}

// nobody is a port that was free a moment ago.
func nobody(t *testing.T, o *openai.Options) {
	gone := faulttest.New(t, faulttest.Answer(first, 5))
	o.BaseURL = gone.BaseURL()
	gone.Stop()
}

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
