package route

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/failsafe-go/failsafe-go/bulkhead"
	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"stylesprint"
)

// target is a Target with its state, which outlives a change of the configuration that leaves
// Breaker and MaxConcurrent as they are.
type target struct {
	Target
	*state
}

type state struct {
	breaker circuitbreaker.CircuitBreaker[any]
	slots   bulkhead.Bulkhead[any] // nil: no bound
	// breakerOf and slotsOf are what they were made of.
	breakerOf Breaker
	slotsOf   int

	resting  atomic.Int64 // Unix nanoseconds until which it is left alone
	barred   atomic.Int64 // the same, since its probes fail
	inFlight atomic.Int32
	attempts atomic.Int64
	faults   atomic.Int64
	lastUsed atomic.Int64 // Unix nanoseconds of the last attempt's begin

	mu          sync.Mutex // guards what follows
	lastFault   stylesprint.Code
	lastFaultAt time.Time
	probe       probe
}

// newState makes the state of a target; changed is told of its breaker's transitions.
func newState(t Target, changed func(from, to circuitbreaker.State)) *state {
	b := t.Breaker.withDefaults()
	s := &state{breakerOf: b, slotsOf: t.MaxConcurrent}
	s.breaker = circuitbreaker.NewBuilder[any]().
		WithFailureRateThreshold(b.ErrorRatio, uint(b.MinRequests), b.Window).
		WithDelay(b.Open).
		WithSuccessThreshold(uint(b.Trials)).
		OnStateChanged(func(e circuitbreaker.StateChangedEvent) { changed(e.OldState, e.NewState) }).
		Build()
	if t.MaxConcurrent > 0 {
		s.slots = bulkhead.New[any](uint(t.MaxConcurrent))
	}
	return s
}

// fits says whether a state can go on under a new definition.
func (s *state) fits(t Target) bool {
	return s.breakerOf == t.Breaker.withDefaults() && s.slotsOf == t.MaxConcurrent
}

// refusal is why a target may not be asked now.
type refusal string

const (
	free    refusal = ""
	resting refusal = "resting" // it asked to be left alone
	full    refusal = "full"
	out     refusal = "open" // its breaker, or its probes fail
)

// acquire takes a place in the target; the caller gives it back by release. trial says that
// the call decides about a half-open breaker.
func (s *state) acquire(now time.Time) (why refusal, trial bool) {
	if now.UnixNano() < s.resting.Load() {
		return resting, false
	}
	if now.UnixNano() < s.barred.Load() {
		return out, false
	}
	if s.slots != nil && !s.slots.TryAcquirePermit() {
		return full, false
	}
	if !s.breaker.TryAcquirePermit() {
		if s.slots != nil {
			s.slots.ReleasePermit()
		}
		return out, false
	}
	s.inFlight.Add(1)
	return free, s.breaker.IsHalfOpen()
}

func (s *state) release() {
	s.inFlight.Add(-1)
	if s.slots != nil {
		s.slots.ReleasePermit()
	}
}

// rest leaves the target alone for a while.
func (s *state) rest(now time.Time, d time.Duration) {
	if d <= 0 {
		return
	}
	until := now.Add(d).UnixNano()
	for {
		have := s.resting.Load()
		if have >= until || s.resting.CompareAndSwap(have, until) {
			return
		}
	}
}

// back is how long the target will not be asked; zero where it may be now, or where only a
// call's end can tell.
func (s *state) back(now time.Time) time.Duration {
	d := time.Duration(max(s.resting.Load(), s.barred.Load()) - now.UnixNano())
	return max(d, s.breaker.RemainingDelay(), 0)
}

func (s *state) fault(now time.Time, code stylesprint.Code) {
	s.faults.Add(1)
	s.mu.Lock()
	s.lastFault, s.lastFaultAt = code, now
	s.mu.Unlock()
	s.breaker.RecordFailure()
}

// undecided gives the permit of a trial back that ended without telling anything: the breaker
// knows no other way than a new half-open state.
func (s *state) undecided(trial bool) {
	if trial && s.breaker.IsHalfOpen() {
		s.breaker.Open()
		s.breaker.HalfOpen()
	}
}
