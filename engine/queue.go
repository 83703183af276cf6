package engine

import "slices"

// quantum is how many tokens a tenant of weight 1 gains at each of its turns.
const quantum = 512

// overtakes is how often a sequence that waits for room may be passed by smaller ones
// of other tenants. After that nobody is admitted before it.
const overtakes = 4

// queue holds the sequences that wait and says who comes next: deficit round robin over
// the tenants by tokens, weighted, and in order of arrival within a tenant. A tenant is
// forgotten when nothing of it waits. A queue belongs to whoever holds the scheduler's lock.
type queue struct {
	tenants map[string]*tenant
	ring    []*tenant // in the order of their turns
	turn    int       // index in ring
	length  int       // sequences
	tokens  int       // that they may come to hold
	round   int       // number of the current search for candidates

	reserved *tenant // whose first sequence comes next, as soon as there is room
	passed   int     // how often it was overtaken
}

// tenant is the queue of one key.
type tenant struct {
	name    string
	weight  int
	waiting []*sequence
	tokens  int  // of waiting
	deficit int  // tokens that it may still use in this turn
	granted bool // it has its quantum of this turn
	round   int  // of the last search in which its first sequence found no room
}

// push appends a sequence to its tenant's queue.
func (q *queue) push(s *sequence) {
	t := q.tenants[s.tenant]
	if t == nil {
		if q.tenants == nil {
			q.tenants = map[string]*tenant{}
		}
		t = &tenant{name: s.tenant}
		q.tenants[s.tenant] = t
		q.ring = slices.Insert(q.ring, q.turn, t) // the last to have its turn
		if len(q.ring) > 1 {
			q.turn = (q.turn + 1) % len(q.ring)
		}
	}
	t.weight = max(1, s.weight)
	t.waiting = append(t.waiting, s)
	t.tokens += s.tokens()
	q.length++
	q.tokens += s.tokens()
	s.queued = true
}

// search begins a new search for candidates.
func (q *queue) search() { q.round++ }

// candidate is the sequence whose turn it is, or nil where there is none. The caller
// admits it with pop, or says with full that there is no room for it.
func (q *queue) candidate() *sequence {
	if t := q.reserved; t != nil {
		if t.round != q.round {
			return t.waiting[0]
		}
		if q.passed >= overtakes {
			return nil
		}
	}
	if !slices.ContainsFunc(q.ring, func(t *tenant) bool { return t.round != q.round }) {
		return nil
	}
	for {
		t := q.ring[q.turn]
		if t.round != q.round {
			if !t.granted {
				t.granted = true
				t.deficit += quantum * t.weight
			}
			if t.waiting[0].tokens() <= t.deficit {
				return t.waiting[0]
			}
			t.granted = false
		}
		q.turn = (q.turn + 1) % len(q.ring)
	}
}

// full says that there is no room for the candidate. The first one to hear that has a
// reservation from then on.
func (q *queue) full(s *sequence) {
	t := q.tenants[s.tenant]
	t.round = q.round
	if q.reserved == nil {
		q.reserved, q.passed = t, 0
	}
}

// pop takes the candidate out and charges its tenant.
func (q *queue) pop(s *sequence) {
	t := q.tenants[s.tenant]
	switch {
	case q.reserved == t:
		q.reserved = nil
	case q.reserved != nil:
		q.passed++
	}
	t.deficit -= s.tokens()
	q.cut(t, 0)
}

// refund gives a tenant tokens back that a sequence did not use.
func (q *queue) refund(name string, tokens int) {
	if t := q.tenants[name]; t != nil {
		t.deficit += tokens
	}
}

// remove takes a sequence out that does not want to wait any more.
func (q *queue) remove(s *sequence) {
	t := q.tenants[s.tenant]
	i := slices.Index(t.waiting, s)
	if i == 0 && q.reserved == t {
		q.reserved = nil
	}
	q.cut(t, i)
}

// cut removes the i-th sequence of a tenant, and the tenant with its last one.
func (q *queue) cut(t *tenant, i int) {
	s := t.waiting[i]
	s.queued = false
	t.waiting = slices.Delete(t.waiting, i, i+1)
	t.tokens -= s.tokens()
	q.length--
	q.tokens -= s.tokens()
	if len(t.waiting) > 0 {
		return
	}
	delete(q.tenants, t.name)
	at := slices.Index(q.ring, t)
	q.ring = slices.Delete(q.ring, at, at+1)
	if at < q.turn {
		q.turn--
	}
	if q.turn >= len(q.ring) {
		q.turn = 0
	}
}

// shed takes out, of a full queue, the last sequence of the tenant with the most waiting
// by weight, if a sequence of another tenant still has fewer. It returns nil otherwise.
func (q *queue) shed(name string, weight int) *sequence {
	var longest *tenant
	for _, t := range q.ring {
		if longest == nil || len(t.waiting)*longest.weight > len(longest.waiting)*t.weight {
			longest = t
		}
	}
	own := 1
	if t := q.tenants[name]; t != nil {
		own += len(t.waiting)
	}
	if longest == nil || longest.name == name || own*longest.weight >= len(longest.waiting)*max(1, weight) {
		return nil
	}
	last := longest.waiting[len(longest.waiting)-1]
	q.remove(last)
	return last
}

// ahead is how many tokens are admitted until a sequence of so many tokens would be,
// its own included: of every other tenant no more than its share beside this one.
func (q *queue) ahead(name string, weight, tokens int) int {
	weight = max(1, weight)
	own := tokens
	if t := q.tenants[name]; t != nil {
		own += t.tokens
	}
	n := own
	for _, t := range q.ring {
		if t.name != name {
			n += min(t.tokens, own*t.weight/weight)
		}
	}
	return n
}
