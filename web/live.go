package web

import (
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
	"time"

	"stylesprint"
	"stylesprint/web/show"
)

// LiveState is how the server does at one moment. Rates, times and counts are of the last Window.
type LiveState struct {
	At       time.Time
	Window   time.Duration // a minute, less just after a start
	Targets  []LiveTarget  // in order of route and target
	Queues   []LiveQueue   // of local models
	Totals   LiveTotals
	Retries  *LiveRetries   // nil where no route retries
	Retiring []LiveRetiring // soonest first
}

// LiveTarget is one target of a route, or a model that no route stands before.
type LiveTarget struct {
	Route, Target string // Target is empty where no route chose
	Requests      int
	Errors        int
	// Median, P95 and FirstToken, a median, are estimates from buckets; 0 where nothing was measured.
	Median, P95, FirstToken time.Duration
	Breaker                 string // "closed", "half-open", "open"; empty: none
	InFlight                int    // -1: not counted by target
	TokensPerSecond         float64
}

// LiveQueue is what waits for a local model.
type LiveQueue struct {
	Model           string
	Running         int
	Waiting         int
	Keys            int // with a request that waits
	Wait            time.Duration
	Refused         int
	TokensPerSecond float64
	UsedTokens      int // of the key-value cache, held by requests
	AllTokens       int
	KeptTokens      int // prompts kept for later requests
}

// LiveTotals are sums since Since, which is today's midnight UTC or the server's start.
type LiveTotals struct {
	Since             time.Time
	Requests          int
	PromptTokens      int
	CompletionTokens  int
	Cost              stylesprint.Money
	CacheHits         int
	CacheAsked        int // 0: there is no answer cache
	PrefixTokensSaved int
	PrefixTokens      int // of prompts that local models read
}

// LiveRetries is what is left of the budget that all routes share.
type LiveRetries struct {
	Left     float64
	CostLeft float64 // in currency units; negative: not bounded
}

// LiveRetiring is a target whose model the provider withdraws.
type LiveRetiring struct {
	Target string
	At     time.Time
}

// liveBody is the page: tables of cells with ids, so that each can be put in place alone.
type liveBody struct {
	Tables []liveTable
	Facts  []liveRow
	Shape  string // changes when rows come or go
}

type liveTable struct {
	ID, Title, Caption, Empty string
	Head                      []string
	Rows                      []liveRow
}

type liveRow struct {
	Name, Small string
	Cells       []liveCell
}

// liveCell is one figure. Its class is "harm", "quiet" or nothing.
type liveCell struct{ ID, Text, Class string }

// live shows how the server does.
func (s *site) live(w http.ResponseWriter, r *http.Request) error {
	if s.o.Live == nil {
		return s.render(w, "live", page{Here: "live", Title: "Nothing is measured here", Document: "Live", Body: liveBody{}})
	}
	state, err := s.o.Live(r.Context())
	if err != nil {
		return err
	}
	return s.render(w, "live", page{Here: "live", Title: liveTitle(state), Document: "Live", Eyebrow: "Live", Body: newLiveBody(state)})
}

// liveUpdate is the data of an event.
type liveUpdate struct {
	Title string               `json:"title"`
	Shape string               `json:"shape"`
	Cells map[string][2]string `json:"cells"` // text and class by id
}

// liveEvents streams the page's figures: an event "live" whenever one has changed.
func (s *site) liveEvents(w http.ResponseWriter, r *http.Request) error {
	if s.o.Live == nil {
		return &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: "Nothing is measured here"}
	}
	e, stop := s.stream(w)
	defer stop()
	last := ""
	for {
		state, err := s.o.Live(r.Context())
		if err != nil {
			return fmt.Errorf("%w: %w", errGone, err) // the browser connects anew
		}
		b, err := json.Marshal(updateOf(state))
		if err != nil {
			return fmt.Errorf("encode event: %w", err)
		}
		if string(b) != last {
			last = string(b)
			if err := e.write("event: live\ndata: " + last + "\n\n"); err != nil {
				return err
			}
		}
		if !e.next(r) {
			return nil
		}
	}
}

func updateOf(state LiveState) liveUpdate {
	b := newLiveBody(state)
	u := liveUpdate{Title: liveTitle(state), Shape: b.Shape, Cells: map[string][2]string{}}
	add := func(rows []liveRow) {
		for _, row := range rows {
			for _, c := range row.Cells {
				u.Cells[c.ID] = [2]string{c.Text, c.Class}
			}
		}
	}
	add(b.Facts)
	for _, t := range b.Tables {
		add(t.Rows)
	}
	return u
}

// liveTitle says how things stand: what is cut off first, then who waits, then the traffic.
func liveTitle(s LiveState) string {
	var cut, failing []string
	requests := 0
	for _, t := range s.Targets {
		requests += t.Requests
		switch {
		case t.Breaker == "open" || t.Breaker == "half-open":
			cut = append(cut, nameOf(t))
		case t.Errors*20 > t.Requests && t.Errors > 2: // more than one in twenty
			failing = append(failing, nameOf(t))
		}
	}
	waiting := 0
	for _, q := range s.Queues {
		waiting += q.Waiting
	}
	var parts []string
	if len(cut) > 0 {
		parts = append(parts, verb(len(cut), "target ", "targets ")+show.List(cut)+" "+isAre(len(cut))+" cut off")
	}
	if len(failing) > 0 {
		parts = append(parts, verb(len(failing), "target ", "targets ")+show.List(failing)+" "+verb(len(failing), "fails", "fail")+" for more than one request in twenty")
	}
	switch {
	case len(s.Targets) == 0 && requests == 0:
		parts = append(parts, "no request to a model since the start")
	case len(parts) == 0 && requests == 0:
		parts = append(parts, "nobody asks at the moment")
	case len(parts) == 0:
		parts = append(parts, "all that was asked answers, "+perSecond(requests, s.Window))
	}
	if waiting > 0 {
		parts = append(parts, number(waiting, "request")+" "+verb(waiting, "waits", "wait")+" for room")
	}
	return show.Sentence(strings.Join(parts, "; "))
}

func isAre(n int) string { return verb(n, "is", "are") }

func verb(n int, one, more string) string {
	if n == 1 {
		return one
	}
	return more
}

func nameOf(t LiveTarget) string {
	if t.Target != "" {
		return t.Target
	}
	return t.Route
}

func perSecond(n int, window time.Duration) string { return rate(n, window) + " requests/s" }

// rate is a number for each second, written so that it keeps its width.
func rate(n int, window time.Duration) string {
	if window <= 0 {
		return "0.0"
	}
	return fmt.Sprintf("%.1f", float64(n)/window.Seconds())
}

func newLiveBody(s LiveState) liveBody {
	b := liveBody{Facts: facts(s)}
	window := "the last minute"
	if s.Window < time.Minute {
		window = fmt.Sprintf("the %d s since the start", int(s.Window.Seconds()))
	}
	targets := liveTable{ID: "targets", Title: "Routes and targets", Empty: "No model has been asked since the start.",
		Caption: "Requests of " + window + "; times are estimated from the histogram's buckets",
		Head:    []string{"Target", "Requests", "Errors", "Median", "95 % within", "First token", "Speed", "Breaker", "In flight"}}
	for _, t := range s.Targets {
		targets.Rows = append(targets.Rows, targetRow(t, s.Window))
	}
	queues := liveTable{ID: "queues", Title: "Local models", Empty: "No local model is open.",
		Caption: "Requests that run, wait for room and were refused, and what the key-value cache holds",
		Head:    []string{"Model", "Running", "Waiting", "Mean wait", "Refused", "Speed", "Cache in use", "Prompts kept"}}
	for _, q := range s.Queues {
		queues.Rows = append(queues.Rows, queueRow(q))
	}
	b.Tables = []liveTable{targets, queues}
	if len(s.Retiring) > 0 {
		t := liveTable{ID: "retiring", Title: "Models that their providers withdraw", Caption: "Move the traffic before the day", Head: []string{"Target", "Last day", "Time left"}}
		for _, r := range s.Retiring {
			left, class := "withdrawn", "harm"
			if d := r.At.Sub(s.At); d > 0 {
				left, class = show.Count(int(d.Hours()/24))+" days", ""
				if d < 30*24*time.Hour {
					class = "harm"
				}
			}
			t.Rows = append(t.Rows, liveRow{Name: r.Target, Cells: []liveCell{
				{"retires-" + r.Target, r.At.UTC().Format("2 January 2006"), ""}, {"left-" + r.Target, left, class},
			}})
		}
		b.Tables = append(b.Tables, t)
	}
	var shape strings.Builder
	for _, t := range b.Tables {
		for _, row := range t.Rows {
			fmt.Fprintf(&shape, "%s/%s/%s;", t.ID, row.Name, row.Small)
		}
	}
	for _, f := range b.Facts {
		shape.WriteString(f.Name + ";")
	}
	b.Shape = shape.String()
	return b
}

func targetRow(t LiveTarget, window time.Duration) liveRow {
	id := "target-" + t.Route + "-" + t.Target + "-"
	row := liveRow{Name: t.Route, Small: t.Target}
	add := func(name, text, class string) {
		row.Cells = append(row.Cells, liveCell{id + name, text, class})
	}
	none := func(d time.Duration) (string, string) {
		if d <= 0 {
			return "not measured", "quiet"
		}
		return show.Duration(d), ""
	}
	add("requests", fmt.Sprintf("%s/s, n %s", rate(t.Requests, window), show.Count(t.Requests)), "")
	switch {
	case t.Requests == 0:
		add("errors", "none asked", "quiet")
	case t.Errors == 0:
		add("errors", "none", "")
	default:
		add("errors", fmt.Sprintf("%s, %.1f %%", show.Count(t.Errors), 100*float64(t.Errors)/float64(t.Requests)), "harm")
	}
	for _, x := range []struct {
		name string
		d    time.Duration
	}{{"median", t.Median}, {"p95", t.P95}, {"first", t.FirstToken}} {
		text, class := none(x.d)
		add(x.name, text, class)
	}
	if t.TokensPerSecond > 0 {
		add("speed", show.Count(int(math.Round(t.TokensPerSecond)))+" tokens/s", "")
	} else {
		add("speed", "not measured", "quiet")
	}
	switch t.Breaker {
	case "":
		add("breaker", "none", "quiet")
	case "closed":
		add("breaker", "closed: asked", "")
	case "half-open":
		add("breaker", "half-open: on trial", "harm")
	default:
		add("breaker", "open: not asked", "harm")
	}
	if t.InFlight < 0 {
		add("flight", "not counted", "quiet")
	} else {
		add("flight", show.Count(t.InFlight), "")
	}
	return row
}

func queueRow(q LiveQueue) liveRow {
	id := "queue-" + q.Model + "-"
	waiting := show.Count(q.Waiting)
	if q.Waiting > 0 {
		waiting += " of " + number(q.Keys, "key")
	}
	wait, waitClass := "nobody came", "quiet"
	if q.Wait >= 0 {
		wait, waitClass = show.Duration(q.Wait), ""
	}
	refused := ""
	if q.Refused > 0 {
		refused = "harm"
	}
	speed, speedClass := "not measured", "quiet"
	if q.TokensPerSecond > 0 {
		speed, speedClass = show.Count(int(math.Round(q.TokensPerSecond)))+" tokens/s", ""
	}
	return liveRow{Name: q.Model, Cells: []liveCell{
		{id + "running", show.Count(q.Running), ""}, {id + "waiting", waiting, ""}, {id + "wait", wait, waitClass}, {id + "refused", show.Count(q.Refused), refused},
		{id + "speed", speed, speedClass}, {id + "used", show.Count(q.UsedTokens) + " of " + show.Count(q.AllTokens) + " tokens", ""}, {id + "kept", show.Count(q.KeptTokens) + " tokens", ""},
	}}
}

// facts are the figures that stand alone.
func facts(s LiveState) []liveRow {
	t := s.Totals
	fact := func(name, id, text, class string) liveRow {
		return liveRow{Name: name, Cells: []liveCell{{"fact-" + id, text, class}}}
	}
	since := "since " + t.Since.UTC().Format("15:04 UTC on 2 January")
	out := []liveRow{
		fact("Cost", "cost", show.Money(t.Cost, "")+", "+show.Count(t.Requests)+" requests "+since, ""),
		fact("Tokens", "tokens", show.Count(t.PromptTokens)+" read, "+show.Count(t.CompletionTokens)+" written "+since, ""),
	}
	if t.CacheAsked > 0 {
		out = append(out, fact("Answer cache", "cache", show.Share(t.CacheHits, t.CacheAsked)+" answered from it, "+show.Of(t.CacheAsked, "request"), ""))
	} else {
		out = append(out, fact("Answer cache", "cache", "not asked: there is none, or no request might use it", "quiet"))
	}
	if t.PrefixTokens > 0 {
		out = append(out, fact("Prompts known", "prefix", show.Share(t.PrefixTokensSaved, t.PrefixTokens)+" of "+show.Count(t.PrefixTokens)+" tokens of prompts to local models were not read again", ""))
	}
	if s.Retries != nil {
		text, class := fmt.Sprintf("%.0f retries left", s.Retries.Left), ""
		if s.Retries.Left < 1 {
			text, class = "no retry left: a failed request is not tried again until others succeed", "harm"
		}
		if s.Retries.CostLeft >= 0 {
			text += fmt.Sprintf(", which may cost %.4f", s.Retries.CostLeft)
		}
		out = append(out, fact("Retry budget", "retries", text, class))
	}
	return append(out, fact("Time", "time", s.At.UTC().Format("15:04:05 UTC"), "quiet"))
}
