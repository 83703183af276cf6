package route

import (
	"testing"
	"time"
)

// What was earned and spent falls out of the window when its time has passed, and not before.
func TestBudgetWindow(t *testing.T) {
	t.Parallel()
	start := time.Unix(1_800_000_000, 0)
	at := func(s float64) time.Time { return start.Add(time.Duration(s * float64(time.Second))) }
	b := newBudget(Budget{Ratio: 0.2, PerSecond: 0.5, TTL: 10 * time.Second, Cost: 3}, start)
	want := func(s, retries, cost float64) {
		t.Helper()
		if r, c := b.remaining(at(s)); r < retries-1e-9 || r > retries+1e-9 || c != cost {
			t.Errorf("after %v s: %v retries for %v, want %v for %v", s, r, c, retries, cost)
		}
	}
	want(0, 5, 3)
	for range 100 {
		b.request(at(0.5))
	}
	want(0.5, 25, 3)
	for range 4 {
		if now := at(5.5); !b.take(now) || !b.pay(now, 0.5) {
			t.Fatal("refused")
		}
	}
	if b.pay(at(5.6), 1.01) || !b.pay(at(5.6), 1) {
		t.Error("the cost is not bounded by 3")
	}
	want(9.9, 21, 0)
	want(10.1, 1, 0) // the requests are gone, the retries are not
	if !b.take(at(10.2)) || b.take(at(10.2)) {
		t.Error("there is one retry left")
	}
	b.giveBack(at(10.2))
	want(15.9, 5, 3)
	want(9, 5, 3) // a clock that goes back
	want(1000, 5, 3)
}
