package web

import (
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"stylesprint"
	"stylesprint/evaluate"
)

const (
	maxWatched = 50               // runs that one stream follows
	maxStream  = 10 * time.Minute // then the browser connects anew
)

// events streams the progress of runs: an event "progress" for each change, and
// "end" once none of them is under way.
func (s *site) events(w http.ResponseWriter, r *http.Request) error {
	ids := r.URL.Query()["run"]
	if len(ids) == 0 || len(ids) > maxWatched {
		return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf("Name between 1 and %d runs to follow", maxWatched), Field: "run"}
	}
	e, stop := s.stream(w)
	defer stop()
	for quiet := 0; ; quiet++ {
		going, sent, err := e.look(r, ids)
		if err != nil || !going {
			return err
		}
		if sent {
			quiet = 0
		} else if quiet%15 == 14 { // a sign of life for proxies
			if err := e.write(": still here\n\n"); err != nil {
				return err
			}
		}
		if !e.next(r) {
			return nil
		}
	}
}

// watched is what was last sent of a run, and when it was first seen.
type watched struct {
	progress
	since time.Time
	from  int
}

type eventStream struct {
	w    http.ResponseWriter
	rc   *http.ResponseController
	site *site
	seen map[string]watched
	tick *time.Ticker
	end  *time.Timer
}

// stream begins one; stop ends its clocks.
func (s *site) stream(w http.ResponseWriter) (e *eventStream, stop func()) {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-store")
	h.Set("X-Accel-Buffering", "no")
	e = &eventStream{w: w, rc: http.NewResponseController(w), site: s, seen: map[string]watched{}, tick: time.NewTicker(s.o.Poll), end: time.NewTimer(maxStream)}
	return e, func() { e.tick.Stop(); e.end.Stop() }
}

// next waits until it is time to look again. It returns false where the stream is to end: with
// the server, with its reader, with the reader's session.
func (e *eventStream) next(r *http.Request) bool {
	select {
	case <-e.tick.C:
		return e.site.stays(e.w, r)
	case <-e.end.C:
	case <-e.site.o.Closing: // nil blocks for ever
	case <-r.Context().Done():
	}
	return false
}

// look sends what has changed. It returns false once nothing is under way.
func (e *eventStream) look(r *http.Request, ids []string) (going, sent bool, err error) {
	now := e.site.o.Now()
	for _, id := range ids {
		run, err := e.site.o.Runs.Run(r.Context(), id)
		if err != nil {
			if stylesprint.CodeOf(err) == stylesprint.CodeNotFound {
				continue
			}
			return false, sent, fmt.Errorf("%w: %w", errGone, err) // the browser connects anew
		}
		going = going || run.Status == evaluate.StatusRunning
		last, known := e.seen[id]
		p := progressOf(run, now)
		if !known {
			last = watched{since: now, from: run.Done}
		}
		if spent := now.Sub(last.since).Seconds(); spent > 10 && run.Done > last.from && run.Status == evaluate.StatusRunning {
			p.Words = progressOf(evaluate.Run{Done: run.Done, Total: run.Total, Failed: run.Failed}, now).at(float64(run.Done-last.from) / spent).Words
		}
		if known && last.Done == p.Done && last.Failed == p.Failed && last.Status == p.Status {
			continue
		}
		last.progress = p
		e.seen[id] = last
		if err := e.send("progress", p); err != nil {
			return going, sent, err
		}
		sent = true
	}
	if !going {
		err = e.send("end", struct{}{})
	}
	return going, sent, err
}

func (e *eventStream) send(event string, v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("encode event: %w", err)
	}
	return e.write("event: " + event + "\ndata: " + string(b) + "\n\n")
}

func (e *eventStream) write(s string) error {
	_, err := e.w.Write([]byte(s))
	if err == nil {
		err = e.rc.Flush()
	}
	if err != nil {
		return fmt.Errorf("%w: %w", errGone, err)
	}
	return nil
}
