package route

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"stylesprint"
	"stylesprint/generate"
	"stylesprint/internal/alarm"
)

// maxHeld bounds the pieces without content that are held back at the start of a stream.
const maxHeld = 16

// Why an attempt was ended from here.
var (
	errFirstToken = errors.New("no first token in time")
	errIdle       = errors.New("no further piece in time")
	errWhole      = errors.New("no answer in time")
	errDeadline   = errors.New("the deadline of all attempts has passed")
)

// attempt is one call to one target. A stream's pieces are held until the first that says
// something: until then nobody has seen anything of the attempt, and another can take its place.
type attempt struct {
	*call
	place *place
	trial bool
	// credited says that the breaker has been told of the success already.
	credited bool

	start     time.Time
	cancel    context.CancelCauseFunc
	limit     *alarm.Alarm
	firstBy   time.Time
	begun     atomic.Bool // something was passed on
	held      []generate.Delta
	emitErr   error
	firstTook time.Duration
}

// run makes the attempt. Where it did not decide the call, the verdict says how to go on.
func (a *attempt) run() (done bool, v verdict) {
	a.start = a.r.o.Now()
	p := a.place
	p.lastUsed.Store(a.start.UnixNano())
	p.attempts.Add(1)
	ctx, cancel := context.WithCancelCause(a.ctx)
	a.cancel = cancel
	settled := false
	defer func() { // also where the client panics
		a.limit.Stop()
		cancel(nil)
		p.release()
		if !settled {
			p.undecided(a.trial)
		}
	}()
	reply, err := a.ask(ctx)
	a.limit.Stop()
	ended := context.Cause(ctx)
	if err == nil && !a.begun.Load() && a.emit != nil { // an answer without content
		err = a.flush()
	}
	a.account(&reply, err)
	v, outcome := a.conclude(&err, ended)
	settled = true
	took := a.r.o.Now().Sub(a.start)
	p.attempted(outcome, took, a.firstTook)
	a.call.last, a.call.err = reply, err
	return err == nil || a.begun.Load() || !(v.again || v.larger && a.line.policy.LargerContext), v
}

func (a *attempt) ask(ctx context.Context) (stylesprint.Reply, error) {
	req := a.req
	if m := a.place.Model; m != "" {
		req.Model = m
	}
	first := a.line.policy.FirstToken
	if a.emit == nil {
		first = a.line.policy.Whole
	}
	a.firstBy = a.start.Add(first)
	a.limit = a.r.limits.Start(a.within(a.start, a.firstBy), a.expire)
	if a.emit == nil {
		return a.place.Client.Generate(ctx, req)
	}
	return a.place.Client.Stream(ctx, req, a.pass)
}

// within is the time until a moment, or until the call's deadline where that is earlier.
func (a *attempt) within(now, by time.Time) time.Duration {
	if a.end.Before(by) {
		by = a.end
	}
	return by.Sub(now)
}

// expire ends the attempt. It runs in the clock's goroutine.
func (a *attempt) expire() {
	switch {
	case !a.r.o.Now().Before(a.end):
		a.cancel(errDeadline)
	case a.emit == nil:
		a.cancel(errWhole)
	case a.begun.Load():
		a.cancel(errIdle)
	default:
		a.cancel(errFirstToken)
	}
}

// pass takes a piece from the client. Time that the caller needs for it is no silence of the target.
func (a *attempt) pass(d generate.Delta) error {
	a.limit.Hold()
	if !a.begun.Load() {
		if len(a.held) < maxHeld && !says(d) {
			a.held = append(a.held, d)
			a.limit.Set(a.within(a.r.o.Now(), a.firstBy))
			return nil
		}
		a.firstTook = max(a.r.o.Now().Sub(a.start), 1)
		if err := a.flush(); err != nil {
			return err
		}
		if a.trial { // a long answer need not end before others are let in
			a.trial, a.credited = false, true
			a.place.breaker.RecordSuccess()
		}
	}
	if err := a.send(d); err != nil {
		return err
	}
	now := a.r.o.Now()
	a.limit.Set(a.within(now, now.Add(a.line.policy.Idle)))
	return nil
}

// flush passes on what was held.
func (a *attempt) flush() error {
	a.begun.Store(true)
	for _, d := range a.held {
		if err := a.send(d); err != nil {
			return err
		}
	}
	a.held = nil
	return nil
}

func (a *attempt) send(d generate.Delta) error {
	if err := a.emit(d); err != nil {
		a.emitErr = err
	}
	return a.emitErr
}

// conclude says what the end of an attempt means, tells the target's breaker, and puts an
// error into words. ended is why the attempt's context is over.
func (a *attempt) conclude(err *error, ended error) (v verdict, outcome string) {
	p, now := a.place, a.r.o.Now()
	switch {
	case a.emitErr != nil:
		*err = a.emitErr
		p.undecided(a.trial)
		return verdict{}, string(stylesprint.CodeCancelled)
	case *err == nil:
		if !a.credited {
			p.breaker.RecordSuccess()
		}
		return verdict{}, outcomeOK
	case a.ctx.Err() != nil:
		*err = withCode(*err)
		if errors.Is(a.ctx.Err(), context.DeadlineExceeded) && !a.begun.Load() {
			p.fault(now, stylesprint.CodeTimeout)
			return verdict{}, string(stylesprint.CodeTimeout)
		}
		p.undecided(a.trial)
		return verdict{}, string(stylesprint.CodeCancelled)
	}
	if late := a.late(ended); late != nil {
		*err = late
		p.fault(now, stylesprint.CodeTimeout)
		return verdict{fault: true, again: ended != errDeadline}, string(stylesprint.CodeTimeout)
	}
	*err = withCode(*err)
	v = judge(*err)
	code := stylesprint.CodeOf(*err)
	switch {
	case v.fault:
		p.fault(now, code)
	case a.trial && v.again:
		p.undecided(true)
	case a.trial: // it refused the request, so it is there
		p.breaker.RecordSuccess()
	}
	rest := v.rest
	if v.again && v.other && rest == 0 && !v.fault { // a spent quota
		rest = p.breakerOf.Open
	}
	if p.Queues && code == stylesprint.CodeRateLimited {
		v.other = true // this caller need not ask again
	} else {
		p.rest(now, rest)
	}
	return v, string(code)
}

// late is the error of an attempt that was ended from here, or nil.
func (a *attempt) late(ended error) error {
	say := func(format string, limit time.Duration) error {
		return &stylesprint.Error{Code: stylesprint.CodeTimeout, Message: fmt.Sprintf(format, a.line.Name, limit), Hint: "try again", Err: ended}
	}
	switch ended {
	case errFirstToken:
		return say("the model %q began no answer within %v", a.line.policy.FirstToken)
	case errWhole:
		return say("the model %q did not answer within %v", a.line.policy.Whole)
	case errIdle:
		return say("the model %q fell silent for %v in the middle of its answer", a.line.policy.Idle)
	case errDeadline:
		return say("the model %q did not answer within %v, all attempts together", a.line.policy.Deadline)
	}
	return nil
}

// says is true for a piece that holds more than who speaks.
func says(d generate.Delta) bool {
	if d.Text != "" || len(d.Raw) == 0 {
		return d.Text != ""
	}
	var chunk struct {
		Choices []struct {
			Delta        map[string]json.RawMessage `json:"delta"`
			FinishReason json.RawMessage            `json:"finish_reason"`
		} `json:"choices"`
	}
	if json.Unmarshal(d.Raw, &chunk) != nil {
		return false // in a format that is not known here, text alone counts
	}
	for _, c := range chunk.Choices {
		if r := string(c.FinishReason); r != "" && r != "null" {
			return true
		}
		for name, v := range c.Delta {
			if s := strings.TrimSpace(string(v)); name != "role" && s != "null" && s != `""` && s != "[]" && s != "{}" {
				return true
			}
		}
	}
	return false
}
