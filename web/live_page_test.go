package web_test

import (
	"context"
	"encoding/json"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"stylesprint/internal/testkit/browser"
	"stylesprint/web"
	"stylesprint/web/webtest"
)

func TestLivePage(t *testing.T) {
	t.Parallel()
	h, _ := desk(t)
	body := get(h, "/live").Body.String()
	for _, want := range []string{
		"Target hosted-primary is cut off; five requests wait for room", "open: not asked", "3.6/s, n 214", "3, 1.4 %", "820 ms", "2.40 s", "61 tokens/s", "not measured", "none asked",
		"5 of two keys", "640 ms", "5,120 of 8,192 tokens", "1.49 USD, 18,204 requests since 00:00 UTC", "17 % answered from it", "52 % of 401,200 tokens", "12 retries left, which may cost 0.0125",
		"20 days", "<caption", `<th scope="row">descriptions<small>hosted-second</small>`, `href="/metrics"`,
	} {
		if !strings.Contains(body, want) {
			t.Errorf("the page lacks %q", want)
		}
	}
	h, _ = desk(t, func(o *web.Options) { o.Live = nil })
	if body := get(h, "/live").Body.String(); !strings.Contains(body, "stylesprint serve") {
		t.Error("without figures the page does not say how to get some")
	}
}

// The title says what a person has to know first.
func TestLiveTitles(t *testing.T) {
	t.Parallel()
	ok := web.LiveTarget{Route: "m", Requests: 120, Breaker: "closed"}
	for want, state := range map[string]web.LiveState{
		"No request to a model since the start":                                           {},
		"Nobody asks at the moment":                                                       {Targets: []web.LiveTarget{{Route: "m"}}},
		"All that was asked answers, 2.0 requests/s":                                      {Targets: []web.LiveTarget{ok}},
		"Target a is cut off":                                                             {Targets: []web.LiveTarget{ok, {Route: "m", Target: "a", Breaker: "half-open"}}},
		"Target m fails for more than one request in twenty":                              {Targets: []web.LiveTarget{{Route: "m", Requests: 50, Errors: 3}}},
		"All that was asked answers, 2.0 requests/s; one request waits for room":          {Targets: []web.LiveTarget{ok}, Queues: []web.LiveQueue{{Waiting: 1}}},
		"Targets a and b are cut off; target c fails for more than one request in twenty": {Targets: []web.LiveTarget{{Target: "a", Breaker: "open"}, {Target: "b", Breaker: "open"}, {Target: "c", Requests: 10, Errors: 9}}},
	} {
		state.Window = time.Minute
		h, _ := desk(t, func(o *web.Options) { o.Live = func(context.Context) (web.LiveState, error) { return state, nil } })
		if body := get(h, "/live").Body.String(); !strings.Contains(body, "<h1>"+want+"</h1>") {
			t.Errorf("no title %q", want)
		}
	}
}

// moving is a state that a test changes.
type moving struct {
	mu    sync.Mutex
	state web.LiveState
}

func newMoving() *moving {
	s, _ := webtest.Live(context.Background())
	return &moving{state: s}
}

func (m *moving) live(context.Context) (web.LiveState, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.state, nil
}

func (m *moving) change(f func(*web.LiveState)) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.state.Targets, m.state.Queues = slices.Clone(m.state.Targets), slices.Clone(m.state.Queues) // pages may still read the old ones
	f(&m.state)
}

// An event comes at once and for each change, until the server stops.
func TestLiveEvents(t *testing.T) {
	t.Parallel()
	m, closing := newMoving(), make(chan struct{})
	h, _ := desk(t, func(o *web.Options) { o.Live, o.Poll, o.Closing = m.live, time.Millisecond, closing })
	srv := httptest.NewServer(h)
	defer srv.Close()
	var titles []string
	follow(t, srv.URL+"/live/events", func(event, data string) {
		var u struct {
			Title string
			Shape string
			Cells map[string][2]string
		}
		if err := json.Unmarshal([]byte(data), &u); err != nil || event != "live" || u.Shape == "" {
			t.Fatalf("event %q: %v", event, err)
		}
		titles = append(titles, u.Title)
		switch len(titles) {
		case 1:
			m.change(func(s *web.LiveState) { s.Targets[0].Breaker, s.Queues[0].Waiting = "closed", 0 })
		case 2:
			if c := u.Cells["target-descriptions-hosted-primary-breaker"]; c != [2]string{"closed: asked", ""} {
				t.Errorf("the breaker's cell is %q", c)
			}
			close(closing)
		}
	})
	if len(titles) != 2 || !strings.HasPrefix(titles[1], "All that was asked answers") {
		t.Errorf("titles %q", titles)
	}
}

// In a browser the figures change in their places, a row that comes is shown, and a server
// that is gone is said to be.
func TestLiveInBrowser(t *testing.T) {
	t.Parallel()
	b, _, _ := open(t)
	m, closing := newMoving(), make(chan struct{})
	h, _ := desk(t, func(o *web.Options) { o.Live, o.Poll, o.Closing = m.live, 10*time.Millisecond, closing })
	srv := httptest.NewServer(h)
	defer srv.Close()
	tab := tabOf(t, b)
	must(t, tab.Open(srv.URL+"/live", browser.View{Width: 360, Height: 740, Scheme: "dark"}))
	until := func(what, expression string) {
		t.Helper()
		if err := tab.Wait(expression); err != nil { // the page loads itself anew for a new row
			t.Errorf("%s: %v", what, err)
		}
	}
	place := `document.querySelector("[data-cell='queue-smollm2-135m-instruct-running']").getBoundingClientRect()`
	before := eval[float64](t, tab, place+".top")
	m.change(func(s *web.LiveState) { s.Queues[0].Running = 9 })
	until("the figure", `document.querySelector("[data-cell='queue-smollm2-135m-instruct-running']").textContent === "9"`)
	if after := eval[float64](t, tab, place+".top"); after != before {
		t.Errorf("the figure moved from %g to %g", before, after)
	}
	m.change(func(s *web.LiveState) {
		s.Targets = append(s.Targets, web.LiveTarget{Route: "newcomer", InFlight: -1})
	})
	until("the new row", `document.readyState === "complete" && document.body.textContent.includes("newcomer")`)
	close(closing)
	srv.CloseClientConnections()
	srv.Listener.Close()
	until("the loss", `document.getElementById("live-state").textContent.includes("does not answer")`)
}
