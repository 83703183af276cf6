package generate

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"stylesprint"
)

// Options set up a Client. The zero value prices nothing and never retries.
type Options struct {
	Price stylesprint.Price
	Retry Retry

	// Now is the clock. Defaults to time.Now.
	Now func() time.Time
	// Sleep waits between attempts and ends early with ctx's error. Defaults to a timer.
	Sleep func(ctx context.Context, d time.Duration) error
	// Random returns numbers in [0, 1), for jitter. Defaults to math/rand/v2.
	Random func() float64
}

// Client asks one driver. It is safe for concurrent use.
type Client struct {
	driver  Driver
	options Options

	lifetime lifetime
}

// New returns a Client over a driver, which it owns from now on: Close closes it.
func New(d Driver, o Options) *Client {
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	o.Retry = o.Retry.withDefaults()
	return &Client{driver: d, options: o}
}

// Generate answers a request in one piece.
func (c *Client) Generate(ctx context.Context, req Request) (stylesprint.Reply, error) {
	return c.Stream(ctx, req, nil)
}

// Stream answers a request and calls emit with each piece in order, from this
// goroutine; the reply holds the whole text too. An error of emit ends the
// answer and is returned as it is. Beside an error the reply holds what was
// made until then. A nil emit does not stream.
func (c *Client) Stream(ctx context.Context, req Request, emit func(Delta) error) (stylesprint.Reply, error) {
	if err := req.Validate(); err != nil {
		return stylesprint.Reply{}, err
	}
	if err := c.lifetime.enter(); err != nil {
		return stylesprint.Reply{}, err
	}
	defer c.lifetime.leave()
	req = req.Complete()
	for attempt := 1; ; attempt++ {
		call := call{client: c, emit: emit}
		reply, err := call.do(ctx, req)
		if err == nil || call.emitted {
			return reply, err
		}
		if !c.retry(ctx, attempt, err) {
			return reply, explain(ctx, err) // ctx may have ended during the wait
		}
	}
}

// Models lists what the driver serves. It costs no tokens.
func (c *Client) Models(ctx context.Context) ([]ModelInfo, error) {
	if err := c.lifetime.enter(); err != nil {
		return nil, err
	}
	defer c.lifetime.leave()
	models, err := c.driver.Models(ctx)
	return models, explain(ctx, err)
}

// Price is what the client prices replies with.
func (c *Client) Price() stylesprint.Price { return c.options.Price }

// Close refuses new calls, waits for running ones and closes the driver. It
// may be called twice.
func (c *Client) Close() error {
	if !c.lifetime.end() {
		return nil
	}
	return c.driver.Close()
}

// call is one attempt.
type call struct {
	client  *Client
	emit    func(Delta) error
	emitted bool
	start   time.Time
	first   time.Duration
	failure error // of emit
}

func (a *call) do(ctx context.Context, req Request) (stylesprint.Reply, error) {
	var emit func(Delta) error
	if a.emit != nil {
		emit = a.pass
	}
	now := a.client.options.Now
	a.start = now()
	reply, err := a.client.driver.Generate(ctx, req, emit)
	reply.Latency = now().Sub(a.start)
	if a.first > 0 {
		reply.FirstToken = a.first
	}
	reply.Cost = a.client.options.Price.Cost(reply.Usage)
	if a.failure != nil {
		return reply, a.failure
	}
	return reply, explain(ctx, err)
}

func (a *call) pass(d Delta) error {
	a.emitted = true
	if a.first == 0 && d.Text != "" {
		a.first = max(a.client.options.Now().Sub(a.start), 1)
	}
	a.failure = a.emit(d)
	return a.failure
}

// explain gives every error a code. What happened to ctx explains more than
// what the driver noticed of it.
func explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	cause := err
	if ctx.Err() != nil {
		cause = ctx.Err()
	}
	var coded *stylesprint.Error
	switch {
	case ctx.Err() == nil && errors.As(err, &coded):
		return err
	case errors.Is(cause, context.DeadlineExceeded):
		return &stylesprint.Error{Code: stylesprint.CodeTimeout, Message: "the model did not answer in time", Hint: "allow more time, or ask for fewer tokens", Err: cause}
	case errors.Is(cause, context.Canceled):
		return &stylesprint.Error{Code: stylesprint.CodeCancelled, Message: "the request was cancelled", Err: cause}
	}
	return &stylesprint.Error{Code: stylesprint.CodeInternal, Message: "the model's driver failed", Err: err}
}

func sleep(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
