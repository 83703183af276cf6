package access_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/access"
)

func limiter(t testing.TB, s *shaky, c *clock) *access.Limiter {
	t.Helper()
	l, err := access.NewLimiter(s, access.LimiterOptions{Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// spend reserves and settles at once; ok is false for a refusal with the given code.
func spend(t testing.TB, l *access.Limiter, k *access.Key, tokens int, cost stylesprint.Money, code stylesprint.Code) (ok bool) {
	t.Helper()
	settle, err := l.Reserve(context.Background(), k, tokens)
	if err != nil {
		wantCode(t, "refused", err, code)
		return false
	}
	settle(stylesprint.Usage{PromptTokens: tokens}, cost)
	return true
}

func waitOf(err error) time.Duration {
	var e *stylesprint.Error
	if !errors.As(err, &e) {
		return -1
	}
	return e.RetryAfter
}

func TestNoLimits(t *testing.T) {
	t.Parallel()
	s, c := open(t), newClock(noon())
	l := limiter(t, s, c)
	k, _ := create(t, s, c.Now, access.Draft{})
	for range 1000 {
		if !spend(t, l, &k, 1e6, stylesprint.MoneyOf(1), "") {
			t.Fatal("a key without limits was refused")
		}
	}
	if n := s.leases.Load(); n != 0 {
		t.Errorf("%d leases for a key without limits", n)
	}
}

func TestRequestsAMinute(t *testing.T) {
	t.Parallel()
	s, c := open(t), newClock(noon().Add(12*time.Second+345*time.Millisecond))
	l := limiter(t, s, c)
	k, _ := create(t, s, c.Now, access.Draft{RequestsPerMinute: 100})
	for i := range 100 {
		if !spend(t, l, &k, 10, 0, "") {
			t.Fatalf("request %d was refused", i)
		}
	}
	leases := s.leases.Load()
	if leases != 20 {
		t.Errorf("%d writes for 100 requests, want 20: a lease is a twentieth", leases)
	}
	for range 50 {
		_, err := l.Reserve(t.Context(), &k, 10)
		wantCode(t, "one too many", err, stylesprint.CodeRateLimited)
		if got, want := waitOf(err), 47655*time.Millisecond; got != want {
			t.Errorf("wait %v, want %v: the rest of the minute", got, want)
		}
	}
	if n := s.leases.Load() - leases; n != 0 {
		t.Errorf("refusals cost %d writes", n)
	}
	c.Advance(47655 * time.Millisecond)
	if !spend(t, l, &k, 10, 0, "") {
		t.Error("refused in the next minute")
	}
}

func TestTokensAMinute(t *testing.T) {
	t.Parallel()
	s, c := open(t), newClock(noon())
	l := limiter(t, s, c)
	k, _ := create(t, s, c.Now, access.Draft{TokensPerMinute: 1000})
	_, err := l.Reserve(t.Context(), &k, 1001)
	wantCode(t, "more than a minute holds", err, stylesprint.CodeInvalid)
	settle, err := l.Reserve(t.Context(), &k, 800)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Reserve(t.Context(), &k, 300); waitOf(err) != time.Minute {
		t.Errorf("800 and 300 of 1,000: %v", err)
	}
	settle(stylesprint.Usage{PromptTokens: 60, CompletionTokens: 40}, 0)
	settle(stylesprint.Usage{PromptTokens: 1e6}, 0) // counts once
	if !spend(t, l, &k, 300, 0, stylesprint.CodeRateLimited) {
		t.Error("what was reserved and not used did not come back")
	}
	// What turns out to be more than was reserved counts, too, and in the next minute where
	// this one is over.
	if settle, err = l.Reserve(t.Context(), &k, 10); err != nil {
		t.Fatal(err)
	}
	c.Advance(time.Minute)
	settle(stylesprint.Usage{CompletionTokens: 960}, 0)
	if spend(t, l, &k, 51, 0, stylesprint.CodeRateLimited) {
		t.Error("950 tokens of an answer that came a minute later were forgotten")
	}
	if !spend(t, l, &k, 50, 0, stylesprint.CodeRateLimited) {
		t.Error("the last 50 tokens were refused")
	}
}

func TestBudget(t *testing.T) {
	t.Parallel()
	s, c := open(t), newClock(noon())
	l := limiter(t, s, c)
	k, _ := create(t, s, c.Now, access.Draft{MonthlyBudget: stylesprint.MoneyOf(1)})
	spent := 0
	for spend(t, l, &k, 100, stylesprint.MoneyOf(.03), stylesprint.CodeForbidden) {
		spent++
	}
	if spent != 33 {
		t.Errorf("%d requests of 0.03 for a budget of 1, want 33", spent)
	}
	_, err := l.Reserve(t.Context(), &k, 100)
	if end := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC); waitOf(err) != end.Sub(noon()) {
		t.Errorf("wait %v, want until June", waitOf(err))
	}
	if err := l.Flush(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	usage, err := access.NewRing(s, access.RingOptions{Now: c.Now}).Usage(t.Context())
	if err != nil || usage[k.ID].Spent != stylesprint.MoneyOf(.99) || !usage[k.ID].LastUsed.Equal(noon()) {
		t.Errorf("use %+v, %v", usage, err)
	}
	c.Advance(17 * 24 * time.Hour)
	if !spend(t, l, &k, 100, 0, "") {
		t.Error("refused in June")
	}
}

// Answers from a cache say nothing of what the next request may cost.
func TestHitsDoNotLowerThePrice(t *testing.T) {
	t.Parallel()
	s, c := open(t), newClock(noon())
	l := limiter(t, s, c)
	k, _ := create(t, s, c.Now, access.Draft{MonthlyBudget: stylesprint.MoneyOf(1)})
	spend(t, l, &k, 100, stylesprint.MoneyOf(.3), "")
	for range 100 { // answers from a cache have tokens and cost nothing
		spend(t, l, &k, 100, 0, "")
	}
	inFlight := 0
	for ; inFlight < 10; inFlight++ {
		if _, err := l.Reserve(t.Context(), &k, 100); err != nil {
			break
		}
	}
	if inFlight != 2 {
		t.Errorf("%d requests of about 0.3 in flight beside 0.3 spent of 1, want 2", inFlight)
	}
}

// However many replicas and callers there are, the limit holds.
func TestReplicas(t *testing.T) {
	t.Parallel()
	s, c := open(t), newClock(noon())
	k, _ := create(t, s, c.Now, access.Draft{RequestsPerMinute: 300, TokensPerMinute: 100_000})
	var passed, tokens atomic.Int64
	var wg sync.WaitGroup
	for range 3 {
		l := limiter(t, s, c)
		for range 4 {
			wg.Go(func() {
				for range 200 {
					if settle, err := l.Reserve(context.Background(), &k, 400); err == nil {
						passed.Add(1)
						tokens.Add(100)
						settle(stylesprint.Usage{CompletionTokens: 100}, 0)
					} else if stylesprint.CodeOf(err) != stylesprint.CodeRateLimited {
						t.Error(err)
					}
				}
			})
		}
	}
	wg.Wait()
	if n := passed.Load(); n > 300 || n < 300-2*15 {
		t.Errorf("%d requests passed for a limit of 300 in leases of 15", n)
	}
	if n := tokens.Load(); n > 100_000 {
		t.Errorf("%d tokens for a limit of 100,000", n)
	}
	if n := s.leases.Load(); n > 200 {
		t.Errorf("%d writes for 2,400 requests", n)
	}
}

// Without the store each replica goes on with what it has, takes one lease more, and stops.
func TestStoreAway(t *testing.T) {
	t.Parallel()
	s, c := open(t), newClock(noon())
	k, _ := create(t, s, c.Now, access.Draft{RequestsPerMinute: 100})
	replicas := []*access.Limiter{limiter(t, s, c), limiter(t, s, c), limiter(t, s, c)}
	for _, l := range replicas {
		spend(t, l, &k, 1, 0, "")
	}
	s.away.Store(true)
	before := s.leases.Load()
	for i, l := range replicas {
		n := 0
		for spend(t, l, &k, 1, 0, stylesprint.CodeRateLimited) {
			n++
		}
		if n != 4+5 {
			t.Errorf("replica %d served %d more, want 4 of its lease and 5 of another", i, n)
		}
		if _, err := l.Reserve(t.Context(), &k, 1); waitOf(err) != time.Minute {
			t.Errorf("replica %d: %v", i, err)
		}
	}
	if n := s.leases.Load() - before; n > 6 {
		t.Errorf("an absent store was asked %d times", n)
	}
	s.away.Store(false)
	c.Advance(2 * time.Second)
	total := 30
	for _, l := range replicas {
		for spend(t, l, &k, 1, 0, stylesprint.CodeRateLimited) {
			total++
		}
	}
	if total < 100 || total > 100+3*5 {
		t.Errorf("%d served in the minute, want 100 and at most one lease of 5 more for each replica", total)
	}
	s.away.Store(true)
	c.Advance(time.Minute)
	budget, _ := create(t, s, c.Now, access.Draft{MonthlyBudget: 1000})
	n := 0
	for spend(t, replicas[0], &budget, 1, 10, stylesprint.CodeUnavailable) {
		n++
	}
	if n != 5 {
		t.Errorf("%d requests of 10 from a guessed lease of 50", n)
	}
}

// A share of a budget goes back when it is not used, when the replica stops, and lapses when
// the replica dies.
func TestSharesReturn(t *testing.T) {
	t.Parallel()
	ends := map[string]func(t *testing.T, l *access.Limiter, c *clock){
		"idle": func(t *testing.T, l *access.Limiter, c *clock) {
			c.Advance(time.Minute)
			if err := l.Flush(t.Context(), false); err != nil {
				t.Error(err)
			}
		},
		"stopped": func(t *testing.T, l *access.Limiter, _ *clock) {
			ctx, stop := context.WithCancel(t.Context())
			stop()
			l.Run(ctx)
		},
		"dead": func(_ *testing.T, _ *access.Limiter, c *clock) { c.Advance(3 * time.Minute) },
	}
	for name, end := range ends {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, c := open(t), newClock(noon())
			k, _ := create(t, s, c.Now, access.Draft{MonthlyBudget: 1000})
			first, second := limiter(t, s, c), limiter(t, s, c)
			spend(t, first, &k, 1, 10, "")
			end(t, first, c)
			n := 1
			for spend(t, second, &k, 1, 10, stylesprint.CodeForbidden) {
				n++
			}
			want := 100
			if name == "dead" { // it had not yet said that it used 10
				want = 101
			}
			if n < want-1 || n > want {
				t.Errorf("%d requests of 10 for a budget of 1,000, want %d", n, want)
			}
		})
	}
}

// Requests of one key that need a lease wait for one that asks; others do not wait.
func TestCancelledWait(t *testing.T) {
	t.Parallel()
	s, c := open(t), newClock(noon())
	l := limiter(t, s, c)
	k, _ := create(t, s, c.Now, access.Draft{RequestsPerMinute: 1})
	ctx, stop := context.WithCancel(t.Context())
	stop()
	// The lease is taken for the key, not for this caller.
	for i := range 50 {
		if _, err := l.Reserve(ctx, &k, 1); err != nil && i == 0 && !errors.Is(err, context.Canceled) {
			t.Error(err)
		}
	}
	_, err := l.Reserve(t.Context(), &k, 1)
	if err != nil {
		wantCode(t, "after a cancelled caller", err, stylesprint.CodeRateLimited)
	}
}

func BenchmarkReserve(b *testing.B) {
	s, c := open(b), newClock(noon())
	l := limiter(b, s, c)
	k, _ := create(b, s, c.Now, access.Draft{RequestsPerMinute: 1 << 39, TokensPerMinute: 1 << 39, MonthlyBudget: 1 << 60})
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			settle, err := l.Reserve(context.Background(), &k, 100)
			if err != nil {
				panic(fmt.Sprint(err))
			}
			settle(stylesprint.Usage{CompletionTokens: 10}, 5)
		}
	})
}
