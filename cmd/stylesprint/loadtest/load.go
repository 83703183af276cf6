package loadtest

import (
	"context"
	"slices"
	"sync"
	"time"
)

// Load sends one request again and again to one server.
type Load struct {
	Addr    string
	Request []byte
}

// Result is what a load came to.
type Result struct {
	Answers   int             // with status 200
	Failed    int             // with another status, or none
	Elapsed   time.Duration   // from the first request to the last answer
	Latencies []time.Duration // of answers, sorted
	Err       error           // of a connection: the first one
	Status    int             // of a failed answer: the first one
}

// Rate is answers per second.
func (r Result) Rate() float64 { return float64(r.Answers) / r.Elapsed.Seconds() }

// Quantile is the least latency that a share of q did not exceed; 0 of none.
func (r Result) Quantile(q float64) time.Duration {
	if len(r.Latencies) == 0 {
		return 0
	}
	return r.Latencies[min(int(q*float64(len(r.Latencies))), len(r.Latencies)-1)]
}

// tally collects what the connections of a load saw.
type tally struct {
	mu sync.Mutex
	Result
}

func (t *tally) add(latencies []time.Duration, failed, status int, err error) {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.Latencies = append(t.Latencies, latencies...)
	t.Answers += len(latencies)
	t.Failed += failed
	if t.Err == nil {
		t.Err = err
	}
	if t.Status == 0 {
		t.Status = status
	}
}

func (t *tally) end(start time.Time) Result {
	t.Elapsed = time.Since(start)
	slices.Sort(t.Latencies)
	return t.Result
}

// Closed keeps so many requests in flight for a time: each connection asks again as soon as
// it has its answer.
func (l Load) Closed(ctx context.Context, connections int, during time.Duration) Result {
	return l.drive(ctx, connections, func(start time.Time, _ int) time.Time {
		if now := time.Now(); now.Sub(start) < during {
			return now
		}
		return time.Time{}
	})
}

// Open sends requests at a constant rate for a time, whatever the answers do, and measures
// each from the moment at which it was released: waiting for a free connection counts. There
// are enough connections that a server which keeps up never makes one wait. The timer's
// coarseness releases a few requests together, and delays none further.
func (l Load) Open(ctx context.Context, rate float64, during time.Duration) Result {
	total := int(rate * during.Seconds())
	released := make(chan time.Time, total)
	var pacer sync.WaitGroup
	var begin sync.Once
	pace := func(start time.Time) {
		defer close(released)
		for n := range total {
			due := start.Add(time.Duration(float64(n) * float64(time.Second) / rate))
			if wait := time.Until(due); wait > 0 {
				time.Sleep(wait)
			}
			if ctx.Err() != nil {
				return
			}
			released <- time.Now()
		}
	}
	r := l.drive(ctx, max(16, min(512, int(rate/10))), func(start time.Time, _ int) time.Time {
		begin.Do(func() { pacer.Go(func() { pace(start) }) })
		return <-released // the zero time when it is closed
	})
	pacer.Wait()
	return r
}

// drive asks on so many connections; due says when the next request of one is due, waits
// for it, and returns the zero time at the end.
func (l Load) drive(ctx context.Context, connections int, due func(start time.Time, connection int) time.Time) Result {
	var t tally
	conns := make([]*conn, connections)
	for i := range conns {
		c, err := dial(l.Addr)
		if err != nil {
			t.add(nil, 1, 0, err)
			return t.end(time.Now())
		}
		defer c.Close()
		conns[i] = c
	}
	start := time.Now()
	var all sync.WaitGroup
	for i, c := range conns {
		all.Go(func() {
			latencies := make([]time.Duration, 0, 4096)
			failed, wrong := 0, 0
			for ctx.Err() == nil {
				at := due(start, i)
				if at.IsZero() {
					break
				}
				status, err := c.ask(l.Request)
				if err != nil {
					t.add(latencies, failed+1, wrong, err)
					return
				}
				if status != 200 {
					failed, wrong = failed+1, status
					continue
				}
				latencies = append(latencies, time.Since(at))
			}
			t.add(latencies, failed, wrong, nil)
		})
	}
	all.Wait()
	return t.end(start)
}
