package metric

import (
	"math"
	"strings"
)

// Tercom's limits, and sacrebleu's own on the number of candidates.
const (
	terMaxShiftSize  = 10
	terMaxShiftDist  = 50
	terBeamWidth     = 25
	terMaxCandidates = 1000
)

// editOp is a step of an edit path.
type editOp uint8

const (
	opNone   editOp = iota // outside the beam
	opKeep                 // the words are the same
	opChange               // substitution
	opDelete               // a word of the hypothesis has no partner
	opInsert               // a word of the reference has no partner
)

const terInfinity = math.MaxInt32 / 4 // two of them and a text of edits still fit

// cell is the cheapest path to a pair of positions and its last step.
type cell struct {
	cost int32
	op   editOp
}

// editSearch finds the fewest edits between two texts as Tercom does: a greedy
// search takes the shift that helps most until none helps, judging each by an
// edit distance within a beam about the diagonal. It follows sacrebleu's
// lib_ter step by step, ties and limits included. Its buffers are kept, so it
// belongs to one goroutine.
type editSearch struct {
	numbers map[string]int32

	hyp, ref []int32 // words by number
	shifted  []int32 // the candidate at work
	best     []int32 // the best candidate so far

	bounds  []span    // the beam of each row
	starts  []int     // where each row's cells begin in rows and ends
	rows    []cell    // of hyp, each row's beam only: the way from the beginning
	ends    []int32   // the same, the cost of the rest: to the end
	wide    [2][]cell // rows of full width, at work
	trial   [2][]int32
	align   []int32
	hypErrs []int32 // errors before each position of the hypothesis
	refErrs []int32 // errors before each position of the reference
	path    []editOp
}

func newEditSearch() *editSearch { return &editSearch{numbers: map[string]int32{}} }

// read numbers the words of two prepared texts.
func (e *editSearch) read(hypothesis, reference string) {
	clear(e.numbers)
	e.hyp = e.number(e.hyp[:0], hypothesis)
	e.ref = e.number(e.ref[:0], reference)
}

func (e *editSearch) number(dst []int32, text string) []int32 {
	for word := range strings.FieldsFuncSeq(text, isSpace) {
		id, ok := e.numbers[word]
		if !ok {
			id = int32(len(e.numbers))
			e.numbers[word] = id
		}
		dst = append(dst, id)
	}
	return dst
}

// edits is the number of shifts and of edits that remain after them.
func (e *editSearch) edits() int {
	if len(e.ref) == 0 {
		return len(e.hyp)
	}
	e.beam()
	for j := range len(e.ref) + 1 {
		e.rows[j] = cell{int32(j), opInsert}
	}
	e.fill(0)
	shifts, candidates := 0, 0
	for {
		gain := e.shift(&candidates)
		if candidates >= terMaxCandidates || gain <= 0 {
			break
		}
		shifts++
		from := samePrefix(e.hyp, e.best)
		copy(e.hyp, e.best)
		e.fill(from)
	}
	return shifts + e.total()
}

// total is the edit distance of the hypothesis: the last cell of the last row.
func (e *editSearch) total() int { return int(e.rows[len(e.rows)-1].cost) }

func resize[T any](s []T, n int) []T {
	if cap(s) < n {
		return make([]T, n, n+n/2)
	}
	return s[:n]
}

func samePrefix(a, b []int32) int {
	n := 0
	for n < len(a) && a[n] == b[n] {
		n++
	}
	return n
}

// beam sets the columns of each row that are looked at: 25 to either side of
// the line between the corners, more where rows would not overlap otherwise. It
// makes room for them.
func (e *editSearch) beam() {
	width := len(e.ref) + 1
	ratio := 1.0
	if len(e.hyp) > 0 {
		ratio = float64(len(e.ref)) / float64(len(e.hyp))
	}
	beam := terBeamWidth
	if terBeamWidth < ratio/2 {
		beam = int(math.Ceil(ratio/2 + terBeamWidth))
	}
	e.bounds, e.starts = append(e.bounds[:0], span{0, int32(width)}), append(e.starts[:0], 0)
	size := width
	for i := 1; i <= len(e.hyp); i++ {
		diagonal := int(math.Floor(float64(i) * ratio))
		low, high := max(0, diagonal-beam), min(width, diagonal+beam)
		if i == len(e.hyp) {
			high = width
		}
		e.bounds, e.starts = append(e.bounds, span{int32(low), int32(high)}), append(e.starts, size)
		size += high - low
	}
	e.rows, e.ends = resize(e.rows, size), resize(e.ends, size)
	for k := range 2 {
		e.wide[k], e.trial[k] = resize(e.wide[k], width+1), resize(e.trial[k], width+1)
	}
}

// row is the beam of row i: from column low on.
func (e *editSearch) row(i int) (cells []cell, low int) {
	b := e.bounds[i]
	return e.rows[e.starts[i] : e.starts[i]+int(b.to-b.from)], int(b.from)
}

// fill computes the rows of the hypothesis after row from; those up to it are there.
func (e *editSearch) fill(from int) {
	before, now := e.wide[0], e.wide[1]
	cells, low := e.row(from)
	copy(before[low:], cells)
	for i := from + 1; i <= len(e.hyp); i++ {
		was, is := e.bounds[i-1], e.bounds[i]
		if was.from > 0 { // what lies beside the beam is never reached
			before[was.from-1] = cell{terInfinity, opNone}
		}
		for j := was.to; j < is.to; j++ {
			before[j] = cell{terInfinity, opNone}
		}
		fillRow(now, before, e.ref, e.hyp[i-1], int(is.from), int(is.to))
		cells, low = e.row(i)
		copy(cells, now[low:])
		before, now = now, before
	}
}

// fillEnds computes what the rest costs from every pair of positions on. Most of
// a candidate's words are where they were, so that its distance is found where
// the moved words end.
func (e *editSearch) fillEnds() {
	width, n := len(e.ref)+1, len(e.hyp)
	after, now := e.trial[0], e.trial[1]
	for i := n; i > 0; i-- {
		low, high := int(e.bounds[i].from), int(e.bounds[i].to)
		if i == n {
			for j := low; j < high; j++ {
				now[j] = int32(width - 1 - j)
			}
		} else {
			next := e.bounds[i+1]
			for j := low; j < int(next.from); j++ {
				after[j] = terInfinity
			}
			after[next.to] = terInfinity
			e.endRow(now, after, e.hyp[i], low, high)
		}
		copy(e.ends[e.starts[i]:], now[low:high])
		after, now = now, after
	}
}

// endRow computes a row of fillEnds from the one after it.
func (e *editSearch) endRow(row, after []int32, word int32, low, high int) {
	right := int32(terInfinity)
	for j := high - 1; j >= low; j-- {
		c := min(after[j]+1, right+1)
		if j < len(e.ref) {
			d := after[j+1]
			if e.ref[j] != word {
				d++
			}
			c = min(c, d)
		}
		row[j], right = c, c
	}
}

// fillRow computes a row's cells from low to high. Of steps that cost the same
// a kept or changed word comes first, then a deletion, then an insertion.
func fillRow(row, before []cell, ref []int32, word int32, low, high int) {
	left := int32(terInfinity)
	if low == 0 {
		row[0] = cell{before[0].cost + 1, opDelete}
		left = row[0].cost
		low = 1
	}
	for j := low; j < high; j++ {
		c := cell{before[j-1].cost, opKeep}
		if ref[j-1] != word {
			c = cell{c.cost + 1, opChange}
		}
		if c.cost >= terInfinity {
			c = cell{terInfinity, opNone}
		}
		if d := before[j].cost + 1; d < c.cost {
			c = cell{d, opDelete}
		}
		if d := left + 1; d < c.cost {
			c = cell{d, opInsert}
		}
		row[j] = c
		left = c.cost
	}
}

// shift finds the shift that saves most, writes its result to best and returns
// what it saves. It counts the candidates and stops at the limit.
func (e *editSearch) shift(candidates *int) int {
	e.trace()
	e.fillEnds()
	pre := e.total()
	found := false
	var top shiftRank
	for h := range e.hyp {
		for r := max(0, h-terMaxShiftDist); r < min(len(e.ref), h+terMaxShiftDist+1); r++ {
			for length := 1; length <= terMaxShiftSize && h+length <= len(e.hyp) && r+length <= len(e.ref); length++ {
				if e.hyp[h+length-1] != e.ref[r+length-1] {
					break
				}
				if !e.worthwhile(h, r, length) {
					continue
				}
				e.targets(h, r, length, func(target int) {
					*candidates++
					move(e.shifted, e.hyp, h, length, target)
					rank := shiftRank{pre - e.distance(), length, -h, -target}
					if !found || rank.above(top) {
						found, top = true, rank
						copy(e.best, e.shifted)
					}
				})
				if *candidates >= terMaxCandidates {
					return 0
				}
			}
		}
	}
	if !found {
		return 0
	}
	return top.gain
}

// worthwhile says that the block has errors on both sides and is not where it
// belongs already.
func (e *editSearch) worthwhile(h, r, length int) bool {
	if e.hypErrs[h+length] == e.hypErrs[h] || e.refErrs[r+length] == e.refErrs[r] {
		return false
	}
	at := int(e.align[r])
	return at < h || at >= h+length
}

// targets calls try for each place that the block may go to.
func (e *editSearch) targets(h, r, length int, try func(target int)) {
	previous := -1
	for offset := -1; offset < length; offset++ {
		target := 0 // before the beginning
		if r+offset >= 0 {
			target = int(e.align[r+offset]) + 1
		}
		if target != previous {
			previous = target
			try(target)
		}
	}
}

// shiftRank orders shifts: what they save, then the longest block, the
// earliest one, the earliest target.
type shiftRank struct{ gain, length, start, target int }

func (a shiftRank) above(b shiftRank) bool {
	switch {
	case a.gain != b.gain:
		return a.gain > b.gain
	case a.length != b.length:
		return a.length > b.length
	case a.start != b.start:
		return a.start > b.start
	}
	return a.target > b.target
}

// move writes words to dst with the block at start moved to target.
func move(dst, words []int32, start, length, target int) {
	end := start + length
	switch {
	case target < start:
		n := copy(dst, words[:target])
		n += copy(dst[n:], words[start:end])
		n += copy(dst[n:], words[target:start])
		copy(dst[n:], words[end:])
	case target > end:
		n := copy(dst, words[:start])
		n += copy(dst[n:], words[end:target])
		n += copy(dst[n:], words[start:end])
		copy(dst[n:], words[target:])
	default: // within itself: by as many words as target lies behind start
		to := min(length+target, len(words))
		n := copy(dst, words[:start])
		n += copy(dst[n:], words[end:to])
		n += copy(dst[n:], words[start:end])
		copy(dst[n:], words[to:])
	}
}

// distance is the edit distance of the candidate: rows before the first moved
// word are those of the hypothesis, and so is the rest after the last.
func (e *editSearch) distance() int {
	same, end := samePrefix(e.hyp, e.shifted), len(e.hyp)
	if same == end { // nothing has moved
		return e.total()
	}
	for e.hyp[end-1] == e.shifted[end-1] {
		end--
	}
	before, row := e.trial[0], e.trial[1]
	cells, low := e.row(same)
	for j, c := range cells {
		before[low+j] = c.cost
	}
	for i := same + 1; i <= end; i++ {
		was, is := e.bounds[i-1], e.bounds[i]
		if was.from > 0 {
			before[was.from-1] = terInfinity
		}
		for j := was.to; j < is.to; j++ {
			before[j] = terInfinity
		}
		low, high := int(is.from), int(is.to)
		costRow(row[low:high], before[max(0, low-1):], e.ref[max(0, low-1):], e.shifted[i-1], low == 0)
		before, row = row, before
	}
	best := int32(terInfinity)
	low, high := int(e.bounds[end].from), int(e.bounds[end].to)
	for j, rest := range e.ends[e.starts[end] : e.starts[end]+high-low] {
		best = min(best, before[low+j]+rest)
	}
	return int(best)
}

// costRow computes the costs of a row within the beam. before and ref begin at
// the column to the left, except in a row that begins with the first column.
func costRow(row, before, ref []int32, word int32, first bool) {
	left := int32(terInfinity)
	if first {
		left = before[0] + 1
		row[0] = left
		row = row[1:]
	}
	ref, before = ref[:len(row)], before[:len(row)+1]
	diagonal := before[0]
	for j := range row {
		c := diagonal
		if ref[j] != word {
			c++
		}
		diagonal = before[j+1]
		c = min(c, diagonal+1, left+1)
		row[j], left = c, c
	}
}

// trace reads the cheapest path back: where each word of the reference is in
// the hypothesis (-1: before its beginning), and which words are wrong.
func (e *editSearch) trace() {
	e.path = e.path[:0]
	for i, j := len(e.hyp), len(e.ref); i > 0 || j > 0; {
		cells, low := e.row(i)
		op := cells[j-low].op
		e.path = append(e.path, op)
		if op != opInsert {
			i--
		}
		if op != opDelete {
			j--
		}
	}
	e.shifted, e.best = resize(e.shifted, len(e.hyp)), resize(e.best, len(e.hyp))
	e.align, e.hypErrs, e.refErrs = e.align[:0], append(e.hypErrs[:0], 0), append(e.refErrs[:0], 0)
	at := int32(-1)
	for k := len(e.path) - 1; k >= 0; k-- {
		op := e.path[k]
		wrong := int32(1)
		if op == opKeep {
			wrong = 0
		}
		if op != opInsert { // a word of the hypothesis is used up
			at++
			e.hypErrs = append(e.hypErrs, e.hypErrs[len(e.hypErrs)-1]+wrong)
		}
		if op != opDelete {
			e.align = append(e.align, at)
			e.refErrs = append(e.refErrs, e.refErrs[len(e.refErrs)-1]+wrong)
		}
	}
}
