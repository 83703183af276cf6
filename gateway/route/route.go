// Package route answers one public model name from several targets: it
// chooses a release and a target, asks again where that can help, and leaves
// alone what is out of order.
//
// Key words: route, share, target, attempt, breaker, budget.
//
// A Router holds all routes and the state of all targets. The usual path is
//
//	r, err := route.New(route.Options{Targets: targets, Routes: routes, Metrics: registry})
//	go r.Run(ctx)                                   // probes of targets that nobody asks
//	model := gateway.Model{Name: "writer", Generate: r.Generator("writer")}
//	...
//	err = r.Update(targets, routes)                 // a new configuration; calls in flight end as they began
//
// Retries happen here and nowhere else: clients of targets must not retry.
// A failure before the first piece of an answer is made good by another attempt
// if the policy, the deadline and the budget allow one; after it the error goes
// to the caller, who must not take what came for a whole answer. Requests that
// are at fault themselves, and callers that leave, never count against a target.
// Errors are *stylesprint.Error values. A Router is safe for concurrent use.
package route

import (
	"context"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/generate"
)

// Options describe all routes of a server.
type Options struct {
	Targets []Target
	Routes  []Route
	Budget  Budget // one for all routes; the zero value is DefaultBudget

	// ProbeInterval is the time between two health probes of a target that is
	// out or that nobody asked meanwhile; they list models, which costs no tokens. Negative is
	// none; default 10 s. ProbeTimeout bounds one; default 5 s.
	ProbeInterval time.Duration
	ProbeTimeout  time.Duration

	Log     *slog.Logger          // nil drops
	Metrics prometheus.Registerer // nil: none
	// Now is the clock and Random draws from [0, 1), for back-off and for requests without an
	// id. Sleep waits between attempts and ends early with ctx's error.
	Now    func() time.Time
	Random func() float64
	Sleep  func(ctx context.Context, d time.Duration) error
}

// Target is one model of one provider. Its state is shared by all routes that name it.
type Target struct {
	Name   string            // unique; in metrics, logs and records
	Client gateway.Generator // must not retry; where it is a Prober it is probed
	Model  string            // what Client's driver calls the model; empty leaves the request's
	// Price of its tokens; where it is zero the cost that Client reports counts.
	Price stylesprint.Price
	// MaxConcurrent bounds the calls in flight; a full target is passed over. 0 is no bound.
	MaxConcurrent int
	// Queues says that Client has a queue which divides its room among callers: where it refuses
	// one of them as rate_limited, that says nothing of the others, and the target is not left alone.
	Queues bool
	// ContextTokens is the longest prompt and answer together; 0 is unknown. See
	// Policy.LargerContext.
	ContextTokens int
	// Retires is when the provider withdraws the model; zero is unknown. Where the
	// provider's model list tells a date, and this is zero, that date counts.
	Retires time.Time
	Breaker Breaker // the zero value is DefaultBreaker
}

// Prober is a Client that can be asked whether it is there. *generate.Client is one.
type Prober interface {
	// Models lists what can be asked for. It must not cost tokens.
	Models(ctx context.Context) ([]generate.ModelInfo, error)
}

// Route is one public name.
type Route struct {
	Name   string
	Shares []Share // of the traffic; their percentages add up to 100
	// Sticky gives all requests of one key the same share; else each request is drawn by its
	// id. Either way the same id always falls to the same share.
	Sticky bool
	Policy Policy // the zero value of each field is that of DefaultPolicy
}

// Share is a part of a route's traffic that one release serves.
type Share struct {
	Release string  // id; may be empty
	Percent float64 // 0 to 100, in steps of 0.01
	// Targets are asked in order of Priority; among those of one priority a request draws by
	// Weight.
	Targets []Choice
	// Prepare, where set, makes the release's request of the caller's: its prompt, its
	// parameters. It must not change what the request points to. An error ends the call.
	Prepare func(generate.Request) (generate.Request, error)
}

// Choice is a target's place in a share.
type Choice struct {
	Target   string
	Priority int // the lowest is asked first
	Weight   int // among targets of one priority; 0 means 1
}

// Policy says how a route goes on after a failure.
type Policy struct {
	// Attempts is how many calls one request may cost at most. Default 3.
	Attempts int
	Backoff  Backoff
	// ShortWait is the longest Retry-After of a target that is waited for; after a longer one the
	// next target is asked. Where there is no other, up to Backoff.Max is waited for. Default 500 ms.
	ShortWait time.Duration
	// FirstToken bounds an attempt's silence before the first token of a stream. Default 10 s.
	FirstToken time.Duration
	// Idle bounds the silence between two pieces of a stream. Default 15 s.
	Idle time.Duration
	// Whole bounds an attempt whose answer is not streamed. Default 60 s.
	Whole time.Duration
	// Deadline bounds all attempts and waits together. Default 2 min.
	Deadline time.Duration
	// CostCap is the most that one request may cost with all its attempts, in currency units: a further attempt is
	// made only if what was billed and the longest answer at the target's price stay
	// within it. It never refuses a first attempt. 0 is no cap.
	CostCap float64
	// LargerContext asks the next target with a larger ContextTokens where a request is too
	// long for one. It is not an error of the target.
	LargerContext bool
}

// Backoff is the wait before a target is asked a second time for the same request: Min,
// doubled with each further attempt up to Max, less a random part of up to Jitter.
type Backoff struct {
	Min    time.Duration // default 100 ms
	Max    time.Duration // default 2 s
	Jitter float64       // 0 to 1, of the wait; default 0.5; negative is none
}

// Breaker takes a target out when too much of what it was asked failed.
type Breaker struct {
	Window      time.Duration // that is looked at; default 30 s
	MinRequests int           // fewer within the window decide nothing; default 10
	ErrorRatio  float64       // (0, 1]; default 0.5
	Open        time.Duration // before a request may try the target again; default 15 s
	Trials      int           // requests in a row that must succeed then; default 1
}

// Budget bounds the retries of all routes together, so that retries do not multiply the load
// on providers that are in trouble: within TTL there may be Ratio retries for each request and
// PerSecond more for each second.
type Budget struct {
	Ratio     float64       // 0 to 1; default 0.2; negative is none
	PerSecond float64       // default 1; negative is none
	TTL       time.Duration // default 10 s
	// Cost bounds what the retries within TTL may cost, in currency units, at the longest
	// answer. 0 is no bound.
	Cost float64
}

// DefaultPolicy returns what the zero values of a Policy mean.
func DefaultPolicy() Policy {
	return Policy{
		Attempts: 3, Backoff: Backoff{Min: 100 * time.Millisecond, Max: 2 * time.Second, Jitter: 0.5}, ShortWait: 500 * time.Millisecond,
		FirstToken: 10 * time.Second, Idle: 15 * time.Second, Whole: time.Minute, Deadline: 2 * time.Minute,
	}
}

// DefaultBreaker returns what the zero values of a Breaker mean.
func DefaultBreaker() Breaker {
	return Breaker{Window: 30 * time.Second, MinRequests: 10, ErrorRatio: 0.5, Open: 15 * time.Second, Trials: 1}
}

// DefaultBudget returns what the zero values of a Budget mean.
func DefaultBudget() Budget { return Budget{Ratio: 0.2, PerSecond: 1, TTL: 10 * time.Second} }
