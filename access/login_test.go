package access_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"stylesprint"
	"stylesprint/access"
)

// recorded is what a request log says of people's spending.
type recorded struct {
	by    map[string]stylesprint.Money
	since time.Time
	err   error
}

func (r *recorded) spent(_ context.Context, id string, since time.Time) (stylesprint.Money, error) {
	r.since = since
	return r.by[id], r.err
}

func TestLoginID(t *testing.T) {
	t.Parallel()
	one, other := access.LoginID("dana@shop.example"), access.LoginID("kim@shop.example")
	if one == other || one != access.LoginID("dana@shop.example") || len(one) != len("login-")+12 || strings.Contains(one, "dana") || !access.IsLogin(one) || access.IsLogin("key-abcdefghijkl") {
		t.Errorf("%q, %q", one, other)
	}
}

// People who logged in without a key have limits of their own, of which no row is kept.
func TestLoginLimits(t *testing.T) {
	t.Parallel()
	s, c := open(t), newClock(noon())
	log := &recorded{by: map[string]stylesprint.Money{}}
	l, err := access.NewLimiter(access.NewLoginQuotas(s, log.spent), access.LimiterOptions{Now: c.Now})
	if err != nil {
		t.Fatal(err)
	}
	limits := access.LoginLimits{RequestsPerMinute: 60, TokensPerMinute: 1000}
	dana, kim := limits.Key(access.LoginID("dana@shop.example")), limits.Key(access.LoginID("kim@shop.example"))
	for i := range 60 {
		if !spend(t, l, dana, 10, 0, "") {
			t.Fatalf("request %d was refused", i)
		}
	}
	_, err = l.Reserve(t.Context(), dana, 10)
	if wantCode(t, "one too many", err, stylesprint.CodeRateLimited); waitOf(err) != time.Minute || !strings.Contains(err.Error(), "The login's limit of 60 requests") {
		t.Errorf("%v", err)
	}
	if !spend(t, l, kim, 900, 0, "") {
		t.Error("another person was refused")
	}
	_, err = l.Reserve(t.Context(), kim, 101)
	wantCode(t, "tokens", err, stylesprint.CodeRateLimited)
	_, err = l.Reserve(t.Context(), kim, 1001)
	wantCode(t, "more than a minute holds", err, stylesprint.CodeInvalid)
	c.Advance(time.Minute)
	if !spend(t, l, dana, 10, 0, "") || !spend(t, l, kim, 101, 0, "") {
		t.Error("refused in the next minute")
	}
	if s.leases.Load() != 0 {
		t.Errorf("%d leases of the store", s.leases.Load())
	}
	free := access.LoginLimits{}.Key(dana.ID + "x")
	for range 1000 {
		if !spend(t, l, free, 1e6, stylesprint.MoneyOf(1), "") {
			t.Fatal("refused without limits")
		}
	}
	// Keys and people are noted side by side.
	k, _ := create(t, s, c.Now, access.Draft{})
	if !spend(t, l, &k, 1, stylesprint.MoneyOf(.5), "") {
		t.Error("a key was refused")
	}
	if err := l.Flush(t.Context(), true); err != nil {
		t.Error(err)
	}
	usage, err := s.KeyUsage(t.Context(), noon().AddDate(0, 0, -20))
	if err != nil || len(usage) != 1 || usage[0].KeyID != k.ID || usage[0].Spent != stylesprint.MoneyOf(.5) {
		t.Errorf("%+v, %v", usage, err)
	}
}

// A person's budget is what the request log leaves of it: of this process, of those before it
// and of other replicas.
func TestLoginBudget(t *testing.T) {
	t.Parallel()
	s, c := open(t), newClock(noon())
	log := &recorded{by: map[string]stylesprint.Money{}}
	replica := func() *access.Limiter {
		l, err := access.NewLimiter(access.NewLoginQuotas(s, log.spent), access.LimiterOptions{Now: c.Now, Again: time.Nanosecond})
		if err != nil {
			t.Fatal(err)
		}
		return l
	}
	k := access.LoginLimits{MonthlyBudget: stylesprint.MoneyOf(1)}.Key(access.LoginID("dana@shop.example"))
	pay := func(l *access.Limiter) bool {
		c.Advance(time.Second)
		if !spend(t, l, k, 10, stylesprint.MoneyOf(.03), stylesprint.CodeForbidden) {
			return false
		}
		log.by[k.ID] += stylesprint.MoneyOf(.03) // recorded at once
		return true
	}
	log.by[k.ID] = stylesprint.MoneyOf(.4) // before this process began
	first, spent := replica(), 0
	for range 10 {
		if !pay(first) {
			t.Fatalf("refused after %d", spent)
		}
		spent++
	}
	if want := time.Date(2026, 5, 1, 0, 0, 0, 0, time.UTC); !log.since.Equal(want) {
		t.Errorf("spending since %v, want %v", log.since, want)
	}
	second := replica()
	for pay(second) {
		spent++
	}
	for pay(first) {
		spent++
	}
	// 0.6 are left for 20 requests of 0.03; each replica knows the other's only at a lease of 0.05.
	if spent < 20 || spent > 22 {
		t.Errorf("%d requests of 0.03 for what 0.4 leave of 1", spent)
	}
	_, err := second.Reserve(t.Context(), k, 10)
	if wantCode(t, "spent", err, stylesprint.CodeForbidden); !strings.Contains(err.Error(), "The login's budget of 1 ") {
		t.Errorf("%v", err)
	}
	c.Advance(31 * 24 * time.Hour)
	log.by[k.ID] = 0
	if !pay(second) {
		t.Error("refused in another month")
	}
	log.err = errAway
	if err := second.Flush(t.Context(), true); err == nil {
		t.Error("a request log that is away was not told")
	}
	third := replica()
	if !pay(third) {
		t.Error("without the request log there is one lease")
	}
	if got := fmt.Sprint(k); strings.Contains(got, "dana") {
		t.Errorf("%s", got)
	}
}
