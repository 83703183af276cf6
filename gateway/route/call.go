package route

import (
	"context"
	"fmt"
	"time"

	"stylesprint"
	"stylesprint/generate"
)

// call is one request on its way through a share's targets. It belongs to one goroutine.
type call struct {
	r     *Router
	line  *line
	share *share
	ctx   context.Context
	req   generate.Request
	emit  func(generate.Delta) error // nil: not streamed
	start time.Time
	end   time.Time // when the policy's deadline falls

	order  []uint8
	buffer [maxPlaces]uint8
	tried  [maxPlaces]uint8 // attempts by place
	ruled  [maxPlaces]bool  // places that may not be asked again

	attempts int
	billed   stylesprint.Money
	last     stylesprint.Reply // of the latest attempt
	err      error             // of the latest attempt
	tooLong  int               // a context that was too short; 0: none
	dear     bool              // a target was passed over for its price
}

// run makes attempts until one decides.
func (c *call) run() (stylesprint.Reply, error) {
	i, trial, err := c.first()
	for err == nil {
		p := &c.share.places[i]
		c.attempts++
		c.tried[i]++
		a := attempt{call: c, place: p, trial: trial}
		done, v := a.run()
		if done {
			if i != int(c.order[0]) && c.err == nil {
				p.failovers.Inc()
			}
			return c.finish(c.err)
		}
		c.ruled[i] = c.ruled[i] || v.other
		if v.larger {
			c.ruled[i] = true
			c.tooLong = max(c.tooLong, p.ContextTokens, 1)
		}
		if c.attempts >= c.line.policy.Attempts {
			return c.finish(c.err)
		}
		i, trial, err = c.next(i, v)
	}
	return c.finish(err)
}

// finish fills what only a route knows.
func (c *call) finish(err error) (stylesprint.Reply, error) {
	reply := c.last
	reply.Release, reply.Attempts, reply.Billed = c.share.Release, c.attempts, c.billed
	if c.attempts > 0 {
		reply.Latency = c.r.o.Now().Sub(c.start)
	}
	return reply, err
}

// first takes the place for the first attempt.
func (c *call) first() (i int, trial bool, err error) {
	i, trial, ok := c.acquire(true)
	if !ok && c.waitForRest() {
		i, trial, ok = c.acquire(true)
	}
	if !ok {
		err = c.nobody()
	}
	return i, trial, err
}

// next takes the place for a further attempt, after that of place i. Its error ends the call.
func (c *call) next(i int, v verdict) (int, bool, error) {
	now := c.r.o.Now()
	if !c.r.budget.take(now) {
		c.line.refusedRetries.Inc()
		return 0, false, c.giveUp()
	}
	stay := v.rest > 0 && v.rest <= c.line.policy.ShortWait && !c.ruled[i] && c.wait(v.rest+time.Millisecond)
	j, trial, ok := c.again(i, stay)
	if !ok {
		c.r.budget.giveBack(now)
		return 0, false, c.giveUp()
	}
	if !c.r.budget.pay(c.r.o.Now(), c.worst(&c.share.places[j])) {
		c.share.places[j].undecided(trial)
		c.share.places[j].release()
		c.r.budget.giveBack(now)
		c.line.refusedCost.Inc()
		return 0, false, c.giveUp()
	}
	c.line.retries.Inc()
	return j, trial, nil
}

// giveUp is the error of a call whose latest attempt was its last.
func (c *call) giveUp() error {
	if c.ctx.Err() != nil { // it ended during a wait
		return &stylesprint.Error{Code: stylesprint.CodeCancelled, Message: "the request was cancelled", Err: c.err}
	}
	return c.err
}

// again takes a place for another attempt: place i where it is to stay, else one that was not
// asked yet, else, after a wait, one that was.
func (c *call) again(i int, stay bool) (int, bool, bool) {
	c.dear = false
	if stay && !c.costs(&c.share.places[i]) {
		if why, trial := c.share.places[i].acquire(c.r.o.Now()); why == free {
			return i, trial, true
		}
	}
	if j, trial, ok := c.acquire(true); ok {
		return j, trial, true
	}
	if c.tooLong == 0 && c.repeatable() && c.wait(c.backoff()) {
		j, trial, ok := c.acquire(false)
		if !ok && c.waitForRest() {
			j, trial, ok = c.acquire(false)
		}
		if ok {
			return j, trial, true
		}
	}
	if c.dear {
		c.line.refusedCost.Inc()
	}
	return 0, false, false
}

// acquire takes the first place in order that may be asked; fresh ones only, or those that
// were asked least.
func (c *call) acquire(fresh bool) (i int, trial, ok bool) {
	now := c.r.o.Now()
	for tries := uint8(0); tries <= uint8(c.attempts); tries++ {
		for _, n := range c.order {
			i := int(n)
			p := &c.share.places[i]
			if c.ruled[i] || c.tried[i] != tries || c.tooLong > 0 && p.ContextTokens <= c.tooLong {
				continue
			}
			if c.attempts > 0 && c.costs(p) {
				c.dear = true
				continue
			}
			why, trial := p.acquire(now)
			if why == free {
				return i, trial, true
			}
			p.skipped(why)
		}
		if fresh {
			break
		}
	}
	return 0, false, false
}

// repeatable says whether a place that was asked may be asked again within the deadline.
func (c *call) repeatable() bool {
	now := c.r.o.Now()
	for _, n := range c.order {
		if !c.ruled[n] && now.Add(c.share.places[n].back(now)).Before(c.end) && c.share.places[n].back(now) <= c.line.policy.Backoff.Max {
			return true
		}
	}
	return false
}

// costs says whether the longest answer of a place would break the request's cap.
func (c *call) costs(p *place) bool {
	most := c.line.policy.CostCap
	return most > 0 && c.billed.Units()+c.worst(p) > most
}

// worst is the price of the longest answer, in currency units.
func (c *call) worst(p *place) float64 {
	if p.Price == (stylesprint.Price{}) {
		return 0
	}
	return p.Price.Cost(stylesprint.Usage{PromptTokens: promptTokens(c.req), CompletionTokens: maxTokens(c.req)}).Units()
}

// backoff is the wait before the next attempt of a target that has failed.
func (c *call) backoff() time.Duration {
	b := c.line.policy.Backoff
	d := b.Min
	for i := 1; i < c.attempts && d < b.Max; i++ {
		d *= 2
	}
	d = min(d, b.Max)
	return d - time.Duration(b.Jitter*c.r.o.Random()*float64(d))
}

// waitForRest waits for the place that wants to be left alone for the shortest time, if that is
// short, and up to a tenth longer, so that not all who wait come at once.
func (c *call) waitForRest() bool {
	now := c.r.o.Now()
	least := time.Duration(0)
	for _, n := range c.order {
		if c.ruled[n] {
			continue
		}
		if d := time.Duration(c.share.places[n].resting.Load() - now.UnixNano()); d > 0 && (least == 0 || d < least) {
			least = d
		}
	}
	return least > 0 && least <= c.line.policy.Backoff.Max && c.wait(least+time.Duration(c.r.o.Random()*float64(least)/10))
}

// wait is false where the deadline or the caller does not allow it.
func (c *call) wait(d time.Duration) bool {
	now := c.r.o.Now()
	end := c.end
	if outer, ok := c.ctx.Deadline(); ok && outer.Before(end) {
		end = outer
	}
	if !now.Add(d).Before(end) {
		return false
	}
	return c.r.o.Sleep(c.ctx, d) == nil
}

// nobody is the error where no target may be asked.
func (c *call) nobody() error {
	if c.ctx.Err() != nil {
		return &stylesprint.Error{Code: stylesprint.CodeCancelled, Message: "the request was cancelled", Err: c.ctx.Err()}
	}
	now := c.r.o.Now()
	e := &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: fmt.Sprintf("no provider of the model %q can be asked now", c.line.Name), Hint: "try again later"}
	least, busy := time.Duration(-1), false
	for i := range c.share.places {
		p := &c.share.places[i]
		d := p.back(now)
		if d == 0 { // full, or a trial is under way
			d, busy = time.Second, true
		}
		if now.UnixNano() < p.resting.Load() {
			busy = true
		}
		if least < 0 || d < least {
			least = d
		}
	}
	e.RetryAfter = max(least, time.Second)
	if busy {
		e.Code, e.Message = stylesprint.CodeRateLimited, fmt.Sprintf("every provider of the model %q has as many requests as it takes", c.line.Name)
	}
	return e
}
