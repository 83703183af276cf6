package review

import (
	"crypto/sha256"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"time"
)

// generator is a seeded source for one purpose and one rater: what a rater sees
// depends on nothing else.
func generator(seed uint64, purpose, rater string) *rand.Rand {
	var b [8]byte
	binary.BigEndian.PutUint64(b[:], seed)
	sum := sha256.Sum256([]byte(string(b[:]) + purpose + "\x00" + rater))
	return rand.New(rand.NewPCG(binary.BigEndian.Uint64(sum[:8]), binary.BigEndian.Uint64(sum[8:16])))
}

// minGap is how many other pairs lie between a pair and its repeat, where there are as many.
const minGap = 5

// ledger is a Book with its votes sorted out, seen by one rater at one moment.
type ledger struct {
	Book
	now   time.Time
	rater Rater
	mine  []Vote                 // the rater's standing votes, oldest first
	voted map[judgement]struct{} // standing votes of everybody
	seats map[int][]Seat         // first judgements, by pair
}

type judgement struct {
	pair   int
	rater  string
	repeat bool
}

func newLedger(b Book, rater Rater, now time.Time) *ledger {
	l := &ledger{Book: b, rater: rater, now: now, voted: map[judgement]struct{}{}, seats: map[int][]Seat{}}
	for _, v := range standing(b.Votes) {
		if v.Model {
			continue
		}
		l.voted[judgement{v.Pair, v.Rater, v.Repeat}] = struct{}{}
		if v.Rater == rater.ID {
			l.mine = append(l.mine, v)
		}
	}
	for _, s := range b.Seats {
		if !s.Repeat {
			l.seats[s.Pair] = append(l.seats[s.Pair], s)
		}
	}
	return l
}

func (l *ledger) done(s Seat) bool {
	_, ok := l.voted[judgement{s.Pair, s.Rater, s.Repeat}]
	return ok
}

// current is the seat that the rater sits on without having voted, the one
// leased last; nil if there is none.
func (l *ledger) current() *Seat {
	var out *Seat
	for i, s := range l.Seats {
		if s.Rater == l.rater.ID && !l.done(s) && (out == nil || s.Expires.After(out.Expires)) {
			out = &l.Seats[i]
		}
	}
	return out
}

// free is a seat of a pair that the rater may take, and how many are taken; ok
// is false if all are, or if the rater has judged the pair.
func (l *ledger) free(pair int) (seat, taken int, ok bool) {
	used := make([]bool, l.Task.Raters)
	for _, s := range l.seats[pair] {
		if s.Rater == l.rater.ID {
			return 0, 0, false // judged, or current finds it
		}
		if l.done(s) || s.Expires.After(l.now) {
			used[s.Seat] = true
			taken++
		}
	}
	for i, u := range used {
		if !u {
			return i, taken, true
		}
	}
	return 0, taken, false
}

// next chooses what the rater judges next: what is before them already, a repeat
// that is due, or a new pair. ok is false if nothing is left.
func (l *ledger) next(lease time.Duration) (Seat, bool) {
	s, ok := l.choose()
	s.Expires = l.now.Add(lease)
	return s, ok
}

func (l *ledger) choose() (Seat, bool) {
	if s := l.current(); s != nil {
		return *s, true
	}
	firsts, repeats := l.progress()
	if repeats < int(float64(firsts)*l.Task.Repeats) {
		if s, ok := l.repeat(minGap); ok {
			return s, true
		}
	}
	if s, ok := l.fresh(); ok {
		return s, true
	}
	// Nothing new is left: the repeats that are still due come now, close as they may be.
	if repeats < l.due(firsts) {
		if s, ok := l.repeat(minGap); ok {
			return s, true
		}
		return l.repeat(1)
	}
	return Seat{}, false
}

// progress is how many first judgements and repeats the rater has made.
func (l *ledger) progress() (firsts, repeats int) {
	for _, v := range l.mine {
		if v.Repeat {
			repeats++
		} else {
			firsts++
		}
	}
	return firsts, repeats
}

// due is how many repeats a rater of so many pairs is shown in the end. One alone cannot be repeated.
func (l *ledger) due(firsts int) int {
	if firsts < 2 {
		return 0
	}
	return int(math.Ceil(float64(firsts) * l.Task.Repeats))
}

// fresh takes a seat at a pair that the rater has not seen. Pairs that others have
// judged come first, because agreement is measured where judgements overlap;
// among equals the rater's own shuffled order decides.
func (l *ledger) fresh() (Seat, bool) {
	best, most := Seat{}, -1
	for _, i := range generator(l.Task.Seed, "order", l.rater.ID).Perm(l.Task.Pairs) {
		seat, taken, ok := l.free(i + 1)
		if ok && taken > most {
			best, most = Seat{Pair: i + 1, Seat: seat, Rater: l.rater.ID}, taken
		}
	}
	if most < 0 {
		return Seat{}, false
	}
	best.LowLeft = lowLeft(l.Task, l.rater.ID, best.Pair)
	return best, true
}

// lowLeft says on which side a rater sees the candidate of the lower place: left for
// exactly half of all pairs, or one more.
func lowLeft(t Task, rater string, pair int) bool {
	draw := generator(t.Seed, "sides", rater)
	begin := draw.IntN(2)
	for place, i := range draw.Perm(t.Pairs) {
		if i+1 == pair {
			return (place+begin)%2 == 0
		}
	}
	return false
}

// repeat takes up a pair that the rater judged at least gap judgements ago, with
// the sides swapped.
func (l *ledger) repeat(gap int) (Seat, bool) {
	again := map[int]bool{}
	n := 0
	for _, v := range l.mine {
		if v.Repeat {
			again[v.Pair] = true
			n++
		}
	}
	var choices []Seat
	for i, v := range l.mine {
		if v.Repeat || again[v.Pair] || len(l.mine)-i <= gap {
			continue
		}
		for _, s := range l.seats[v.Pair] {
			if s.Rater == l.rater.ID {
				choices = append(choices, Seat{Pair: v.Pair, Seat: l.Task.Raters + l.rater.Number, Rater: l.rater.ID, Repeat: true, LowLeft: !s.LowLeft})
			}
		}
	}
	if len(choices) == 0 {
		return Seat{}, false
	}
	draw := generator(l.Task.Seed, "repeats", l.rater.ID)
	at := 0
	for range n + 1 {
		at = draw.IntN(len(choices))
	}
	return choices[at], true
}

// left is how many judgements the rater can still be asked for, repeats included.
func (l *ledger) left() int {
	firsts, repeats := l.progress()
	for pair := 1; pair <= l.Task.Pairs; pair++ {
		if _, _, ok := l.free(pair); ok {
			firsts++
		}
	}
	for _, s := range l.Seats { // what is before the rater, or waits for them
		if s.Rater == l.rater.ID && !s.Repeat && !l.done(s) {
			firsts++
		}
	}
	return firsts + max(l.due(firsts), repeats) - len(l.mine)
}
