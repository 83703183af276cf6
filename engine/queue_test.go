package engine

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
)

// ask is a sequence of a tenant that may come to hold so many tokens.
func ask(tenant string, tokens int) *sequence {
	return &sequence{tenant: tenant, prompt: make([]int32, 1), room: tokens - 1, done: make(chan struct{})}
}

// serve admits sequences while their tokens fit into room and returns them.
func (q *queue) serve(room int) []*sequence {
	var out []*sequence
	q.search()
	for s := q.candidate(); s != nil; s = q.candidate() {
		if s.tokens() > room {
			q.full(s)
			continue
		}
		room -= s.tokens()
		q.pop(s)
		out = append(out, s)
	}
	return out
}

// Tenants that always wait get tokens by their weights, whatever the size of their requests.
func TestQueueShares(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		sizes   map[string]int
		weights map[string]int
	}{
		{"equal", map[string]int{"a": 100, "b": 100}, nil},
		{"large and small requests", map[string]int{"a": 2000, "b": 50, "c": 700}, nil},
		{"weights", map[string]int{"a": 300, "b": 300, "c": 40}, map[string]int{"a": 1, "b": 3, "c": 2}},
		{"one", map[string]int{"": 123}, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var q queue
			push := func(tenant string) {
				s := ask(tenant, c.sizes[tenant])
				s.weight = c.weights[tenant]
				q.push(s)
			}
			for tenant := range c.sizes {
				for range 3 {
					push(tenant)
				}
			}
			got := map[string]int{}
			total := 0
			for total < 400_000 {
				q.search()
				s := q.candidate()
				q.pop(s)
				got[s.tenant] += s.tokens()
				total += s.tokens()
				push(s.tenant)
			}
			weights := 0
			for tenant := range c.sizes {
				weights += max(1, c.weights[tenant])
			}
			for tenant, size := range c.sizes {
				want := total * max(1, c.weights[tenant]) / weights
				if d := got[tenant] - want; d > 3*quantum+2*size || -d > 3*quantum+2*2000 {
					t.Errorf("tenant %q got %d tokens of %d, want about %d", tenant, got[tenant], total, want)
				}
			}
		})
	}
}

// Within a tenant the order is that of arrival, and one tenant alone is served so.
func TestQueueOrder(t *testing.T) {
	t.Parallel()
	var q queue
	var want []*sequence
	for i := range 20 {
		s := ask("a", 1+i*97%1500)
		want = append(want, s)
		q.push(s)
	}
	var got []*sequence
	for q.length > 0 {
		got = append(got, q.serve(1500)...)
	}
	if !slices.Equal(got, want) {
		t.Error("one tenant's sequences were not served in the order of arrival")
	}
}

// A sequence that needs much room is passed by smaller ones a few times, then it has its turn.
func TestQueueReservation(t *testing.T) {
	t.Parallel()
	var q queue
	big := ask("big", 4000)
	q.push(big)
	for range 1000 {
		q.push(ask("small", 10))
	}
	passed := 0
	for range 50 {
		for _, s := range q.serve(1000) { // there is never room for the big one
			if s == big {
				t.Fatal("the big sequence was admitted without room")
			}
			passed++
		}
	}
	// Before the big one's turn comes for the first time the small ones may use what they gain.
	if most := 8*quantum/10 + overtakes; passed > most || q.length != 1001-passed {
		t.Errorf("%d small sequences passed, want at most %d", passed, most)
	}
	if q.reserved == nil || q.candidate() != nil {
		t.Error("the big sequence has no reservation")
	}
	if got := q.serve(4000); len(got) != 1 || got[0] != big {
		t.Errorf("with room for it %d others came before the big sequence", len(got)-1)
	}
	if got := q.serve(1000); len(got) == 0 {
		t.Error("after the big sequence nobody is served")
	}
}

// A full queue gives the place of the tenant with the most waiting to one with fewer.
func TestQueueShed(t *testing.T) {
	t.Parallel()
	var q queue
	var last *sequence
	for range 5 {
		last = ask("greedy", 10)
		q.push(last)
	}
	if s := q.shed("greedy", 1); s != nil {
		t.Error("a tenant pushed itself out")
	}
	if s := q.shed("other", 1); s != last || q.length != 4 {
		t.Errorf("got %p, want the last of the greedy tenant %p", s, last)
	}
	for range 3 {
		q.push(ask("other", 10))
	}
	if s := q.shed("other", 1); s != nil {
		t.Error("a tenant with as many waiting pushed another one out")
	}
	if s := q.shed("other", 3); s == nil {
		t.Error("a tenant of three times the weight got no place")
	}
}

// Whatever happens in whatever order, the books agree with what waits, and all are served.
func TestQueueBooks(t *testing.T) {
	t.Parallel()
	for seed := range uint64(200) {
		r := rand.New(rand.NewPCG(seed, 1))
		var q queue
		waiting := map[*sequence]bool{}
		for range 300 {
			switch n := r.IntN(10); {
			case n < 5:
				s := ask(fmt.Sprint("t", r.IntN(6)), 1+r.IntN(3000))
				s.weight = r.IntN(4)
				q.push(s)
				waiting[s] = true
			case n < 7:
				for s := range waiting {
					q.remove(s)
					delete(waiting, s)
					break
				}
			case n < 8:
				if s := q.shed(fmt.Sprint("t", r.IntN(6)), 1); s != nil {
					delete(waiting, s)
				}
			case n < 9:
				q.refund(fmt.Sprint("t", r.IntN(6)), r.IntN(500))
			default:
				for _, s := range q.serve(r.IntN(6000)) {
					delete(waiting, s)
				}
			}
			checkBooks(t, &q, waiting)
		}
		for range 1000 {
			if q.length == 0 {
				break
			}
			if len(q.serve(3000)) == 0 {
				t.Fatalf("seed %d: %d wait, there is room, and nobody is served", seed, q.length)
			}
		}
	}
}

func checkBooks(t *testing.T, q *queue, waiting map[*sequence]bool) {
	t.Helper()
	tokens, length := 0, 0
	for _, tn := range q.ring {
		sum := 0
		for _, s := range tn.waiting {
			if !waiting[s] || !s.queued {
				t.Fatal("a sequence waits that was taken out")
			}
			sum += s.tokens()
		}
		if sum != tn.tokens || len(tn.waiting) == 0 || q.tenants[tn.name] != tn {
			t.Fatalf("tenant %s: %d tokens noted, %d wait in %d sequences", tn.name, tn.tokens, sum, len(tn.waiting))
		}
		tokens += sum
		length += len(tn.waiting)
	}
	if length != len(waiting) || length != q.length || tokens != q.tokens || len(q.ring) != len(q.tenants) {
		t.Fatalf("%d sequences of %d tokens noted, %d of %d wait", q.length, q.tokens, length, tokens)
	}
	if q.reserved != nil && q.tenants[q.reserved.name] != q.reserved {
		t.Fatal("a tenant that is gone has a reservation")
	}
}

// Tokens ahead: of another tenant no more than its share.
func TestQueueAhead(t *testing.T) {
	t.Parallel()
	var q queue
	for range 50 {
		q.push(ask("greedy", 100))
	}
	q.push(ask("small", 30))
	for _, c := range []struct {
		tenant string
		weight int
		want   int
	}{
		{"new", 1, 100 + 100 + 30},
		{"new", 2, 100 + 50 + 30},
		{"small", 1, 130 + 130},
		{"greedy", 1, 5100 + 30},
	} {
		if got := q.ahead(c.tenant, c.weight, 100); got != c.want {
			t.Errorf("ahead of %s with weight %d: %d tokens, want %d", c.tenant, c.weight, got, c.want)
		}
	}
}
