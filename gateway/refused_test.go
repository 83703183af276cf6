package gateway_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/generate"
	"stylesprint/generate/fake"
)

// hand is a clock that is set by hand.
type hand struct{ at atomic.Int64 }

func newHand() *hand {
	h := &hand{}
	h.at.Store(time.Date(2026, 5, 15, 12, 0, 0, 0, time.UTC).UnixNano())
	return h
}

func (h *hand) Now() time.Time          { return time.Unix(0, h.at.Load()) }
func (h *hand) Advance(d time.Duration) { h.at.Add(int64(d)) }

// readable knows every key that begins with "k", by its own text, and nobody else.
type readable struct{}

func (readable) Authenticate(_ *http.Request, key stylesprint.Secret) (gateway.Caller, error) {
	if !strings.HasPrefix(key.Reveal(), "k") {
		return gateway.Caller{}, &stylesprint.Error{Code: stylesprint.CodeUnauthorized, Message: "The key is not known here"}
	}
	return gateway.Caller{KeyID: key.Reveal(), Models: []string{"fake", "fails"}}, nil
}

// exhausted refuses every request of keys that end with "0".
type exhausted struct{}

func (exhausted) Reserve(_ context.Context, c gateway.Caller, _ int) (func(stylesprint.Usage, stylesprint.Money), error) {
	if strings.HasSuffix(c.KeyID, "0") {
		return nil, &stylesprint.Error{Code: stylesprint.CodeRateLimited, RetryAfter: time.Minute, Message: "enough for now"}
	}
	return func(stylesprint.Usage, stylesprint.Money) {}, nil
}

// asks sends a request that is made in this process, and returns its status.
func asks(s *server, path, key, body string) int {
	r := httptest.NewRequest("POST", path, strings.NewReader(body))
	r.RemoteAddr = "203.0.113.9:4711"
	if key != "" {
		r.Header.Set("Authorization", "Bearer "+key)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w.Code
}

// rows counts records by key and status once so many are there.
func rows(t *testing.T, l *ledger, n int) map[string]int {
	t.Helper()
	out := map[string]int{}
	for _, r := range l.wait(t, n) {
		out[fmt.Sprint(r.KeyID, " ", r.Status)]++
	}
	return out
}

// flooded is a server whose clock stands still.
func flooded(t *testing.T) (*server, *ledger, *hand) {
	t.Helper()
	log, clock := &ledger{}, newHand()
	fails := made(func(context.Context, generate.Request, func(generate.Delta) error) (stylesprint.Reply, error) {
		return stylesprint.Reply{}, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "the provider does not like this"}
	})
	fails.Name = "fails"
	return serve(t, setup{o: gateway.Options{Auth: readable{}, Limits: exhausted{}, Requests: log, Now: clock.Now, Models: []gateway.Model{text(fake.Script{}), fails}}}), log, clock
}

// Whoever has no key leaves no record, and few lines; what is left out is told in one.
func TestStrangersLeaveNoRecord(t *testing.T) {
	t.Parallel()
	s, log, clock := flooded(t)
	for i := range 500 {
		if got := asks(s, []string{"/generate/", "/v1/embeddings"}[i%2], []string{"", "other"}[i%2], `{"prompt":"x"}`); got != 401 {
			t.Fatalf("%d", got)
		}
	}
	lines := strings.Count(s.log.String(), `"status":401`)
	if lines != 20 || strings.Count(s.log.String(), `"remote":"203.0.113.9"`) != lines {
		t.Errorf("%d lines of 500 refusals, want 20 with the address:\n%s", lines, s.log)
	}
	if strings.Contains(s.log.String(), "suppressed") {
		t.Error("summed up before the second was over")
	}
	clock.Advance(time.Second)
	if got := asks(s, "/generate/", "k1", `{"prompt":"x"}`); got != 200 {
		t.Fatalf("a key that is known: %d", got)
	}
	want := `"msg":"refused requests","suppressed":480,"seconds":1,"most_often":[{"caller":"203.0.113.9","requests":480}]`
	if strings.Count(s.log.String(), want) != 1 || strings.Count(s.log.String(), "suppressed") != 1 {
		t.Errorf("the log lacks %s:\n%s", want, s.log)
	}
	if got := rows(t, log, 1); len(got) != 1 || got["k1 200"] != 1 {
		t.Errorf("records: %v", got)
	}
	for name, want := range map[string]float64{"request_log_answers_total": 1, "request_log_ratio": 1, "request_log_omitted_total": 500} {
		if got := s.metric(t, "stylesprint_"+name); got != want {
			t.Errorf("%s is %v, want %v", name, got, want)
		}
	}
	if s.metric(t, "stylesprint_http_requests_total", "status", "401") != 500 || s.metric(t, "stylesprint_request_log_omitted_total", "reason", "unknown_caller") != 500 {
		t.Error("refusals are not counted")
	}
	// Each second has lines of its own, and the end of the server tells the rest.
	for range 30 {
		asks(s, "/v1/completions", "", "")
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if strings.Count(s.log.String(), `"status":401`) != 40 || !strings.Contains(s.log.String(), `"suppressed":10,`) {
		t.Errorf("the last second:\n%s", s.log)
	}
}

// A key that is refused again and again, for whatever reason, leaves ten records a second, and
// takes none of another's. What counts against its limits always leaves one.
func TestRefusalsOfAKeyAreBounded(t *testing.T) {
	t.Parallel()
	s, log, clock := flooded(t)
	for name, c := range map[string]struct {
		key, path, body string
		status          int
	}{
		"over a limit":      {"k10", "/generate/", `{"prompt":"x"}`, 429},
		"malformed":         {"k11", "/v1/completions", `{"prompt":`, 400},
		"a model not there": {"k12", "/generate/", `{"prompt":"x","model":"gone"}`, 404},
	} {
		for range 100 {
			if got := asks(s, c.path, c.key, c.body); got != c.status {
				t.Fatalf("%s: %d, want %d", name, got, c.status)
			}
		}
	}
	for range 50 {
		asks(s, "/generate/", "k13", `{"prompt":"x"}`)
		asks(s, "/generate/", "k13", `{"prompt":"x","model":"fails"}`)
	}
	want := map[string]int{"k10 429": 10, "k11 400": 10, "k12 404": 10, "k13 200": 50, "k13 400": 50}
	if got := rows(t, log, 130); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Errorf("records %v, want %v", got, want)
	}
	if got := s.metric(t, "stylesprint_request_log_omitted_total", "reason", "refused"); got != 270 {
		t.Errorf("%v records left out, want 270", got)
	}
	if n := strings.Count(s.log.String(), `"key_id":"k10"`); n != 10 {
		t.Errorf("%d lines of one key", n)
	}
	clock.Advance(time.Second)
	asks(s, "/generate/", "k10", `{"prompt":"x"}`)
	if got := rows(t, log, 131); got["k10 429"] != 11 {
		t.Errorf("in the next second: %v", got)
	}
	for _, want := range []string{`"suppressed":270,`, `{"caller":"k10","requests":90},{"caller":"k11","requests":90}`} {
		if !strings.Contains(s.log.String(), want) {
			t.Errorf("the log lacks %s:\n%s", want, s.log)
		}
	}
	if s.metric(t, "stylesprint_request_log_ratio") != 1 || s.metric(t, "stylesprint_request_log_answers_total") != 131 {
		t.Error("the share of recorded answers is wrong")
	}
}

// However many keys are refused, what is kept of them is bounded.
func TestRefusalsOfManyKeys(t *testing.T) {
	t.Parallel()
	s, log, _ := flooded(t)
	for i := range 5000 {
		if got := asks(s, "/generate/", fmt.Sprintf("k%d0", i), `{"prompt":"x"}`); got != 429 {
			t.Fatalf("%d", got)
		}
	}
	if err := s.Close(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(log.all()); n != 4096 {
		t.Errorf("%d records of 5,000 keys, want 4,096", n)
	}
	if n := strings.Count(s.log.String(), `{"caller":`) + strings.Count(s.log.String(), `"caller":`); n > 10 {
		t.Errorf("the summary names %d callers", n)
	}
}

// A server that asks for no keys has a record of every answer, refusals included.
func TestRefusalsOfAnOpenServer(t *testing.T) {
	t.Parallel()
	log := &ledger{}
	s := serve(t, setup{o: gateway.Options{Requests: log, Now: newHand().Now, Models: []gateway.Model{text(fake.Script{})}}})
	for range 100 {
		asks(s, "/generate/", "", `{"prompt":`)
	}
	if got := rows(t, log, 100); got[" 400"] != 100 {
		t.Errorf("%v", got)
	}
}
