package access

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"stylesprint"
)

// LimiterOptions configure a Limiter. The zero value is good.
type LimiterOptions struct {
	Flush    time.Duration         // how often use is noted in the store; default 10 s
	Idle     time.Duration         // after which an unused share of a budget goes back; default 1 min
	Patience time.Duration         // for one lease; default 1 s
	Again    time.Duration         // after which a refused or failed lease is asked for again; default 1 s
	Now      func() time.Time      // default time.Now
	Log      *slog.Logger          // nil drops
	Metrics  prometheus.Registerer // nil: none
}

func (o LimiterOptions) withDefaults() LimiterOptions {
	for _, d := range []struct {
		to *time.Duration
		by time.Duration
	}{{&o.Flush, 10 * time.Second}, {&o.Idle, time.Minute}, {&o.Patience, time.Second}, {&o.Again, time.Second}} {
		if *d.to <= 0 {
			*d.to = d.by
		}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	return o
}

// Limiter holds keys, and with LoginQuotas people, to their limits, across replicas that share
// a store: each takes leases of a twentieth of a limit, or of one request where that is more,
// and writes to the store only for a lease and every ten seconds for each key in use.
//
// While the store answers, all replicas together grant no more than the limit. A replica
// that dies takes what it used since it last wrote with it: at most one lease. While the
// store is away, each goes on with what it holds and takes one further lease for each limit
// and window by its own judgement; then it refuses. A budget is known only when an answer
// has come: requests in flight may exceed it by what they cost more than the key's last
// requests did on average.
//
// What a Limiter keeps grows with the keys in use. Replicas' clocks should agree within a
// second, as windows are those of the clock.
type Limiter struct {
	store    QuotaStore
	o        LimiterOptions
	replica  string
	mu       sync.Mutex
	accounts map[string]*account
	away     atomic.Int64 // until when the store is not asked, in nanoseconds
	metrics  limiterMetrics
}

// account is one key's use in this process.
type account struct {
	id    string
	mu    sync.Mutex
	meter [3]meter
	last  time.Time     // when it was last used
	noted time.Time     // the last use that the store knows of
	price int64         // spending of a request, on average of the last ones; 0 until known
	asks  chan struct{} // holds one token: who has it talks to the store
}

const (
	iRequests = iota
	iTokens
	iSpending
)

// NewLimiter makes a Limiter that is a replica of its own.
func NewLimiter(store QuotaStore, o LimiterOptions) (*Limiter, error) {
	l := &Limiter{store: store, o: o.withDefaults(), replica: rand.Text()[:16], accounts: map[string]*account{}}
	var err error
	l.metrics, err = newLimiterMetrics(o.Metrics)
	return l, err
}

func (l *Limiter) account(id string) *account {
	l.mu.Lock()
	defer l.mu.Unlock()
	a := l.accounts[id]
	if a == nil {
		a = &account{id: id, asks: make(chan struct{}, 1)}
		for i, r := range []Resource{Requests, Tokens, Spending} {
			a.meter[i].resource = r
		}
		l.accounts[id] = a
	}
	return a
}

// Settle says what a request used in the end. It is called once.
type Settle func(stylesprint.Usage, stylesprint.Money)

// Reserve takes one request and about so many tokens out of a key's limits. It refuses with
// rate_limited and the exact wait for the next minute, with forbidden and the wait for the
// next month where the budget is spent, or with invalid_request where the request alone
// exceeds the limit. It waits for the store only where a lease runs out.
func (l *Limiter) Reserve(ctx context.Context, k *Key, tokens int) (Settle, error) {
	a := l.account(k.ID)
	r, short := a.take(l.o.Now(), k, int64(max(0, tokens)))
	if short == none {
		return l.settle(a, r), nil
	}
	select {
	case a.asks <- struct{}{}:
		defer func() { <-a.asks }()
	case <-ctx.Done():
		return nil, fmt.Errorf("wait for a lease of %s: %w", k.ID, ctx.Err())
	}
	if r, short = a.take(l.o.Now(), k, int64(max(0, tokens))); short != none {
		l.lease(ctx, a, r)
		if r, short = a.take(l.o.Now(), k, int64(max(0, tokens))); short != none {
			l.metrics.refused[short].Inc()
			return nil, l.refusal(a, k, short, r)
		}
	}
	return l.settle(a, r), nil
}

// reservation is what a request takes out of each meter.
type reservation struct {
	need   [3]int64
	window [3]time.Time
}

// none means that no meter is short.
const none = -1

// take reserves, or says which meter is short and takes nothing.
func (a *account) take(now time.Time, k *Key, tokens int64) (reservation, int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.last = now
	r := reservation{need: [3]int64{1, tokens, max(1, a.price)}}
	short := none
	for i, limit := range [3]int64{int64(k.RequestsPerMinute), int64(k.TokensPerMinute), int64(k.MonthlyBudget)} {
		m := &a.meter[i]
		m.roll(now, limit)
		r.window[i] = m.window.begin
		if !m.fits(r.need[i]) {
			short = i
		}
	}
	if short != none {
		return r, short
	}
	for i := range a.meter {
		a.meter[i].used += r.need[i]
	}
	return r, none
}

// lease asks the store for what is short; the caller holds a.asks.
func (l *Limiter) lease(ctx context.Context, a *account, r reservation) {
	now := l.o.Now()
	claims, meters := a.claims(now, l.replica, r, l.o.Again)
	if len(claims) == 0 {
		return
	}
	if now.UnixNano() < l.away.Load() {
		l.guess(a, r, meters)
		return
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.o.Patience)
	defer cancel()
	shares, err := l.store.Lease(ctx, claims)
	if err != nil || len(shares) != len(claims) {
		l.metrics.leases[leaseFailed].Inc()
		if l.away.Swap(now.Add(l.o.Again).UnixNano()) < now.Add(-time.Minute).UnixNano() {
			l.o.Log.Warn("no leases of limits: going on with what is here", "error", err)
		}
		l.guess(a, r, meters)
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	for j, i := range meters {
		m := &a.meter[i]
		if !m.window.begin.Equal(claims[j].Window) {
			continue
		}
		m.share = shares[j]
		l.metrics.leases[leaseGranted].Inc()
		if !m.fits(r.need[i]) {
			m.refused = now
		}
	}
	a.noted = a.last
}

// claims are those for the meters that are short and were not refused just now.
func (a *account) claims(now time.Time, replica string, r reservation, again time.Duration) ([]Claim, []int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	var claims []Claim
	var meters []int
	for i := range a.meter {
		m := &a.meter[i]
		if m.fits(r.need[i]) || m.over(r.need[i]) || now.Sub(m.refused) < again && !m.refused.After(now) {
			continue
		}
		claims, meters = append(claims, m.claim(a.id, replica, now, m.want(r.need[i]))), append(meters, i)
	}
	return claims, meters
}

// guess goes on without the store.
func (l *Limiter) guess(a *account, r reservation, meters []int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, i := range meters {
		if a.meter[i].guess(r.need[i]) {
			l.metrics.leases[leaseGuessed].Inc()
		}
	}
}

// settle puts what was really used in the place of what was reserved. What belongs to a
// window that is over is charged to the current one, if it was more than reserved.
func (l *Limiter) settle(a *account, r reservation) Settle {
	var once sync.Once
	return func(u stylesprint.Usage, cost stylesprint.Money) {
		once.Do(func() {
			now := l.o.Now()
			a.mu.Lock()
			defer a.mu.Unlock()
			a.last = now
			for i, actual := range [3]int64{1, int64(u.Total()), int64(cost)} {
				m := &a.meter[i]
				more := actual - r.need[i]
				if m.roll(now, m.limit); m.window.begin.Equal(r.window[i]) || more > 0 {
					m.used = max(0, m.used+more)
				}
			}
			switch {
			case cost == 0: // a failure, or an answer from a cache: they say nothing of the next price
			case a.price == 0:
				a.price = int64(cost)
			default:
				a.price += (int64(cost) - a.price) / 16
			}
		})
	}
}

// refusal says which limit is reached and until when.
func (l *Limiter) refusal(a *account, k *Key, short int, r reservation) error {
	now := l.o.Now()
	a.mu.Lock()
	m := a.meter[short]
	a.mu.Unlock()
	e := &stylesprint.Error{Code: stylesprint.CodeRateLimited, RetryAfter: m.window.end.Sub(now)}
	switch short {
	case iRequests:
		e.Message, e.Hint = fmt.Sprintf("The %s's limit of %d requests a minute is reached", k.holder(), k.RequestsPerMinute), "try again when the minute is over"
	case iTokens:
		if r.need[iTokens] > int64(k.TokensPerMinute) {
			return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "max_tokens",
				Message: fmt.Sprintf("This request may use %d tokens, and the %s may use %d in a minute", r.need[iTokens], k.holder(), k.TokensPerMinute), Hint: "shorten the prompt, or ask for fewer tokens"}
		}
		e.Message, e.Hint = fmt.Sprintf("The %s's limit of %d tokens a minute is reached", k.holder(), k.TokensPerMinute), "try again when the minute is over, or ask for fewer tokens"
	default:
		if until := l.away.Load(); !m.over(r.need[iSpending]) && now.UnixNano() < until {
			return &stylesprint.Error{Code: stylesprint.CodeUnavailable, RetryAfter: time.Duration(until - now.UnixNano()), Message: "The " + k.holder() + "'s budget cannot be checked at the moment", Hint: "try again in a minute"}
		}
		e.Code = stylesprint.CodeForbidden
		e.Message = fmt.Sprintf("The %s's budget of %s for this month is spent", k.holder(), k.MonthlyBudget)
		e.Hint = "it begins anew on " + m.window.end.Format("2 January 2006") + " (UTC); whoever runs this server can give a key, or a login, a larger one"
	}
	return e
}

// Run notes use in the store and gives unused shares back until ctx ends, and then once more
// within Patience.
func (l *Limiter) Run(ctx context.Context) {
	tick := time.NewTicker(l.o.Flush)
	defer tick.Stop()
	var dropped time.Time
	for {
		select {
		case <-ctx.Done():
			last, cancel := context.WithTimeout(context.WithoutCancel(ctx), l.o.Patience)
			defer cancel()
			if err := l.Flush(last, true); err != nil {
				l.o.Log.Warn("the last use of keys could not be noted", "error", err)
			}
			return
		case <-tick.C:
		}
		if err := l.Flush(ctx, false); err != nil {
			continue // it is noted with the next
		}
		if now := l.o.Now(); now.Sub(dropped) > 10*time.Minute {
			dropped = now
			if err := l.store.DropQuotas(ctx, now.Add(-10*time.Minute)); err != nil {
				l.o.Log.Warn("old windows of limits stay in the store", "error", err)
			}
		}
	}
}

// flushBatch is how many keys one transaction notes.
const flushBatch = 100

// Flush notes what keys in use have spent, and gives back the shares of those that are idle,
// or of all.
func (l *Limiter) Flush(ctx context.Context, all bool) error {
	l.mu.Lock()
	accounts := make([]*account, 0, len(l.accounts))
	for _, a := range l.accounts {
		accounts = append(accounts, a)
	}
	l.mu.Unlock()
	slices.SortFunc(accounts, func(a, b *account) int { return strings.Compare(a.id, b.id) })
	for batch := range slices.Chunk(accounts, flushBatch) {
		if err := l.flush(ctx, batch, all); err != nil {
			return err
		}
	}
	return nil
}

func (l *Limiter) flush(ctx context.Context, batch []*account, all bool) error {
	now := l.o.Now()
	var claims []Claim
	var of []*account
	for _, a := range batch {
		select {
		case a.asks <- struct{}{}: // so that no lease is granted meanwhile
		default:
			continue // it is talking to the store now
		}
		c, ok := a.note(now, l.replica, all || now.Sub(a.lastUse()) >= l.o.Idle)
		if !ok {
			<-a.asks
			continue
		}
		claims, of = append(claims, c), append(of, a)
	}
	defer func() {
		for _, a := range of {
			<-a.asks
		}
	}()
	if len(claims) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, l.o.Patience)
	defer cancel()
	shares, err := l.store.Lease(ctx, claims)
	if err != nil {
		return fmt.Errorf("note the use of %d keys: %w", len(claims), err)
	}
	for i, a := range of {
		a.apply(claims[i], shares[i])
	}
	return nil
}

func (a *account) lastUse() time.Time {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.last
}

// note is the claim that tells the store of spending, and keeps or gives back the share. ok
// is false where the store knows.
func (a *account) note(now time.Time, replica string, back bool) (c Claim, ok bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	m := &a.meter[iSpending]
	if m.window.begin.IsZero() || !a.last.After(a.noted) && (m.limit == 0 || m.share <= m.used) {
		return Claim{}, false
	}
	want := max(m.share, m.used)
	if back {
		want = m.used
		m.share = min(m.share, m.used) // from now on, whoever wants more asks
	}
	c = m.claim(a.id, replica, now, want)
	c.Last = a.last
	return c, true
}

func (a *account) apply(c Claim, share int64) {
	a.mu.Lock()
	defer a.mu.Unlock()
	m := &a.meter[iSpending]
	if m.window.begin.Equal(c.Window) && m.limit > 0 {
		m.share = share
	}
	if c.Last.After(a.noted) {
		a.noted = c.Last
	}
}

// Outcomes of leases.
const (
	leaseGranted = iota
	leaseFailed
	leaseGuessed
)

type limiterMetrics struct {
	refused [3]prometheus.Counter
	leases  [3]prometheus.Counter
}

func newLimiterMetrics(registry prometheus.Registerer) (limiterMetrics, error) {
	refused := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "stylesprint", Subsystem: "access", Name: "refused_total", Help: "Requests over a key's limit, by limit."}, []string{"limit"})
	leases := prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "stylesprint", Subsystem: "access", Name: "leases_total", Help: "Shares of limits that were asked of the database, by outcome; guessed ones were taken without it."}, []string{"outcome"})
	var m limiterMetrics
	for i, name := range []string{"requests", "tokens", "spending"} {
		m.refused[i] = refused.WithLabelValues(name)
	}
	for i, name := range []string{"granted", "failed", "guessed"} {
		m.leases[i] = leases.WithLabelValues(name)
	}
	if registry == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{refused, leases} {
		if err := registry.Register(c); err != nil {
			return m, fmt.Errorf("register the limits' metrics: %w", err)
		}
	}
	return m, nil
}
