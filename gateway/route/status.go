package route

import (
	"time"

	"github.com/failsafe-go/failsafe-go/circuitbreaker"

	"stylesprint"
)

// Status is the state of all routes at one moment, for people.
type Status struct {
	Time    time.Time
	Routes  []RouteStatus
	Targets []TargetStatus
	// RetriesLeft is how many retries the budget allows now; CostLeft what they may cost, in
	// currency units, where Budget.Cost bounds it.
	RetriesLeft float64
	CostLeft    float64
}

// RouteStatus is a route as it is configured.
type RouteStatus struct {
	Name   string
	Sticky bool
	Shares []ShareStatus
}

// ShareStatus is a share as it is configured, its targets in order of priority.
type ShareStatus struct {
	Release string
	Percent float64
	Targets []Choice
}

// TargetStatus is the state of a target.
type TargetStatus struct {
	Name          string
	Model         string
	State         string        // "closed", "half-open", "open": its breaker, or "open" where probes fail
	OpenFor       time.Duration // until a request may try it again
	RestingUntil  time.Time     // it asked to be left alone; zero: it may be asked
	InFlight      int
	MaxConcurrent int     // 0: no bound
	ErrorRatio    float64 // 0 to 1, within the breaker's window
	Attempts      int64   // since the start
	Faults        int64   // of these, those that counted against it
	LastFault     stylesprint.Code
	LastFaultAt   time.Time
	ProbedAt      time.Time // zero: not probed
	ProbeOK       bool
	Unlisted      bool      // the provider's model list does not name the model
	Retires       time.Time // zero: unknown
	Price         stylesprint.Price
}

// Status returns the state of everything.
func (r *Router) Status() Status {
	t, now := r.table.Load(), r.o.Now()
	out := Status{Time: now}
	out.RetriesLeft, out.CostLeft = r.budget.remaining(now)
	for _, l := range t.order {
		rs := RouteStatus{Name: l.Name, Sticky: l.Sticky}
		for _, s := range l.shares {
			ss := ShareStatus{Release: s.Release, Percent: s.Percent}
			for _, p := range s.places {
				ss.Targets = append(ss.Targets, p.choice)
			}
			rs.Shares = append(rs.Shares, ss)
		}
		out.Routes = append(out.Routes, rs)
	}
	for _, one := range t.targets {
		out.Targets = append(out.Targets, one.status(now))
	}
	return out
}

func (t *target) status(now time.Time) TargetStatus {
	s := TargetStatus{
		Name: t.Name, Model: t.Model, State: t.breaker.State().String(), OpenFor: t.outFor(now),
		InFlight: int(t.inFlight.Load()), MaxConcurrent: t.MaxConcurrent, ErrorRatio: t.breaker.Metrics().FailureRate(),
		Attempts: t.attempts.Load(), Faults: t.faults.Load(), Retires: t.retires(), Price: t.Price,
	}
	if s.OpenFor > 0 {
		s.State = circuitbreaker.OpenState.String()
	}
	if until := t.resting.Load(); until > now.UnixNano() {
		s.RestingUntil = time.Unix(0, until)
	}
	p := t.lastProbe()
	s.ProbedAt, s.ProbeOK, s.Unlisted = p.at, !p.at.IsZero() && p.err == nil, !p.at.IsZero() && p.err == nil && !p.listed
	t.mu.Lock()
	s.LastFault, s.LastFaultAt = t.lastFault, t.lastFaultAt
	t.mu.Unlock()
	return s
}

// outFor is how long breaker and probes keep requests away.
func (s *state) outFor(now time.Time) time.Duration {
	return max(s.breaker.RemainingDelay(), time.Duration(s.barred.Load()-now.UnixNano()), 0)
}
