package generate

import (
	"context"
	"errors"
	"time"

	"stylesprint"
)

// Retry says whether the client asks again after a failure that may pass:
// rate_limited, unavailable, upstream_error and the driver's own timeout. It
// never does after the first piece of a streamed answer, nor where the error's cause
// says that it is Permanent() (a spent quota).
type Retry struct {
	// Attempts is how often to ask at most. 0 and 1 never retry.
	Attempts int
	// MinDelay is the wait before the second attempt; it doubles with each one
	// after. Each wait is drawn from its upper half. Defaults to 500ms.
	MinDelay time.Duration
	// MaxDelay bounds a wait. A provider that asks for a longer one is not
	// asked again. Defaults to 30s.
	MaxDelay time.Duration
}

func (r Retry) withDefaults() Retry {
	if r.MinDelay <= 0 {
		r.MinDelay = 500 * time.Millisecond
	}
	if r.MaxDelay <= 0 {
		r.MaxDelay = 30 * time.Second
	}
	return r
}

// retry waits and returns true if there is to be another attempt.
func (c *Client) retry(ctx context.Context, attempt int, err error) bool {
	r := c.options.Retry
	if attempt >= r.Attempts || !passing(err) {
		return false
	}
	var coded *stylesprint.Error
	errors.As(err, &coded)
	if coded.RetryAfter > r.MaxDelay {
		return false
	}
	delay := max(r.delay(attempt, c.options.Random()), coded.RetryAfter)
	if deadline, ok := ctx.Deadline(); ok && deadline.Sub(c.options.Now()) <= delay {
		return false
	}
	return c.options.Sleep(ctx, delay) == nil
}

// delay is the wait after an attempt, counted from 1.
func (r Retry) delay(attempt int, random float64) time.Duration {
	d := r.MinDelay
	for i := 1; i < attempt && d < r.MaxDelay; i++ {
		d *= 2
	}
	d = min(d, r.MaxDelay)
	return d/2 + time.Duration(random*float64(d/2))
}

// passing says whether the same request may succeed later.
func passing(err error) bool {
	var p interface{ Permanent() bool }
	if errors.As(err, &p) && p.Permanent() {
		return false
	}
	switch stylesprint.CodeOf(err) {
	case stylesprint.CodeRateLimited, stylesprint.CodeUnavailable, stylesprint.CodeUpstream, stylesprint.CodeTimeout:
		return true
	}
	return false
}
