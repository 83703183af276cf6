package engine

import (
	"fmt"
	"math"
	"time"
)

// Stats says what a language model's scheduler does and has done. Counts only grow.
type Stats struct {
	Waiting       int // requests that wait to be admitted
	WaitingTokens int // that they may come to need
	Tenants       int // with a request that waits
	Running       int // requests in the batch
	Pages         int // of the key-value cache, PageTokens tokens each
	FreePages     int // that no request holds, IdlePages among them
	IdlePages     int // that hold prompts for later requests
	PageTokens    int
	// TokensPerSecond is the measured speed at which requests use up what they asked for,
	// prompts and answers together, over the last half minute of work; 0 until there was any.
	TokensPerSecond float64

	Admitted        uint64
	PromptTokens    uint64 // of admitted requests
	CachedTokens    uint64 // of these, tokens that were not read because their pages were known
	CacheHits       uint64 // admitted requests with a cached token
	AnswerTokens    uint64
	RefusedFull     uint64 // because the queue was full
	RefusedDeadline uint64 // because the wait would have been longer than the request's time
	Left            uint64 // that gave up while they waited
	Waits           Waits  // of admitted requests
}

// WaitBounds are the upper bounds of Waits.Counts in seconds.
func WaitBounds() []float64 {
	return []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60}
}

// Waits counts how long requests waited to be admitted.
type Waits struct {
	Counts [14]uint64 // waits of at most WaitBounds()[i], and longer than the bound before
	Count  uint64     // all, also those beyond the last bound
	Sum    time.Duration
}

func (w *Waits) add(d time.Duration) {
	w.Count++
	w.Sum += d
	for i, bound := range WaitBounds() {
		if d.Seconds() <= bound {
			w.Counts[i]++
			return
		}
	}
}

// OverloadError says that a request was not taken because too many wait.
type OverloadError struct {
	Waiting int // requests that wait
	// RetryAfter is when there should be room, from the speed measured, 1 s to 60 s.
	RetryAfter time.Duration
	// Wait is the estimate where the request's time was too short for it, 0 where the queue was full.
	Wait time.Duration
}

func (e *OverloadError) Error() string {
	if e.Wait > 0 {
		return fmt.Sprintf("the wait for room is about %s, longer than the request's time", e.Wait.Round(100*time.Millisecond))
	}
	return fmt.Sprintf("the queue is full with %d requests", e.Waiting)
}

// pace measures how fast tokens are used up, as a mean that forgets within half a minute of work.
type pace struct{ tokens, seconds float64 }

const paceMemory = 30 // seconds

func (p *pace) add(tokens int, took time.Duration) {
	keep := math.Exp(-took.Seconds() / paceMemory)
	p.tokens = p.tokens*keep + float64(tokens)
	p.seconds = p.seconds*keep + took.Seconds()
}

// perSecond is 0 until something was measured.
func (p *pace) perSecond() float64 {
	if p.seconds == 0 {
		return 0
	}
	return p.tokens / p.seconds
}

// estimate is how long a sequence would wait to be admitted. The lock is held.
func (s *scheduler) estimate(seq *sequence) time.Duration {
	rate := s.shown.TokensPerSecond
	if rate == 0 {
		return 0
	}
	n := s.queue.ahead(seq.tenant, seq.weight, seq.tokens())
	if s.shown.Running < s.limit {
		n -= s.shown.FreePages * s.shown.PageTokens
	}
	return time.Duration(float64(max(0, n)) / rate * float64(time.Second))
}

// refusal decides whether a sequence may wait; where the queue is full it may push out
// another one's last. The lock is held.
func (s *scheduler) refusal(seq *sequence) error {
	wait := s.estimate(seq)
	retry := min(max(wait, time.Second), time.Minute)
	if !seq.deadline.IsZero() {
		if left := time.Until(seq.deadline); wait > left {
			s.shown.RefusedDeadline++
			return &OverloadError{Waiting: s.queue.length, RetryAfter: min(max(wait-left, time.Second), time.Minute), Wait: wait}
		}
	}
	if s.queue.length < s.queueLimit {
		return nil
	}
	s.shown.RefusedFull++
	full := &OverloadError{Waiting: s.queue.length, RetryAfter: retry}
	last := s.queue.shed(seq.tenant, seq.weight)
	if last == nil {
		return full
	}
	last.err = full
	close(last.done)
	return nil
}

// show makes the figures of the scheduler's goroutine visible. The lock is held.
func (s *scheduler) show() {
	w := s.shown
	s.shown = s.stats
	s.shown.RefusedFull, s.shown.RefusedDeadline, s.shown.Left = w.RefusedFull, w.RefusedDeadline, w.Left
	s.shown.Waiting, s.shown.WaitingTokens, s.shown.Tenants = s.queue.length, s.queue.tokens, len(s.queue.ring)
	s.shown.Running = len(s.running)
	s.shown.FreePages, s.shown.IdlePages = s.prefixes.free(), s.prefixes.idle
	s.shown.TokensPerSecond = s.pace.perSecond()
}

// Stats tells what the model does, at most one step old.
func (m *LanguageModel) Stats() Stats {
	m.sched.mu.Lock()
	defer m.sched.mu.Unlock()
	out := m.sched.shown
	out.Waiting, out.WaitingTokens, out.Tenants = m.sched.queue.length, m.sched.queue.tokens, len(m.sched.queue.ring)
	return out
}
