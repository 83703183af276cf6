package route

import (
	"sync"
	"time"
)

// parts is how many slices a window has; the oldest falls out as a whole.
const parts = 10

// budget counts requests and retries within a window that moves by slices. failsafe-go's
// budget bounds the part that retries are of what runs at this moment, which a storm of quick
// failures passes; this one bounds what is sent.
type budget struct {
	o     Budget
	slice time.Duration
	epoch time.Time

	mu     sync.Mutex
	at     int64 // number of the newest slice
	window [parts]spent
}

type spent struct {
	requests, retries int
	cost              float64
}

func newBudget(o Budget, now time.Time) *budget {
	return &budget{o: o, slice: max(o.TTL/parts, 1), epoch: now}
}

// request counts one request.
func (b *budget) request(now time.Time) {
	b.mu.Lock()
	b.newest(now).requests++
	b.mu.Unlock()
}

// take counts a retry if there may be one.
func (b *budget) take(now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.newest(now)
	if b.left() < 1 {
		return false
	}
	p.retries++
	return true
}

// giveBack takes back a retry that was not made.
func (b *budget) giveBack(now time.Time) {
	b.mu.Lock()
	b.newest(now).retries--
	b.mu.Unlock()
}

// pay counts what a retry may cost, if the bound allows it.
func (b *budget) pay(now time.Time, cost float64) bool {
	if b.o.Cost == 0 {
		return true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	p := b.newest(now)
	sum := cost
	for _, s := range b.window {
		sum += s.cost
	}
	if sum > b.o.Cost {
		return false
	}
	p.cost += cost
	return true
}

// remaining is how many retries there may be now, and what they may cost.
func (b *budget) remaining(now time.Time) (retries, cost float64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.newest(now)
	cost = b.o.Cost
	for _, s := range b.window {
		cost -= s.cost
	}
	return max(b.left(), 0), max(cost, 0)
}

// left is what requests have earned within the window less the retries in it.
func (b *budget) left() float64 {
	left := b.o.PerSecond * b.o.TTL.Seconds()
	for _, s := range b.window {
		left += b.o.Ratio*float64(s.requests) - float64(s.retries)
	}
	return left
}

// newest returns the slice of a moment and empties those that fell out. A clock that goes back stays in the newest.
func (b *budget) newest(now time.Time) *spent {
	n := int64(now.Sub(b.epoch) / b.slice)
	if n > b.at {
		for i := max(b.at+1, n-parts+1); i <= n; i++ {
			b.window[i%parts] = spent{}
		}
		b.at = n
	}
	return &b.window[b.at%parts]
}
