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

const terInfinity = math.MaxInt32 / 2

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

	rows    []cell // (len(hyp)+1) x (len(ref)+1), of hyp
	trial   []cell // the same of shifted, from row same on
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
	size := (len(e.hyp) + 1) * (len(e.ref) + 1)
	e.rows, e.trial = resize(e.rows, size), resize(e.trial, size)
	for j := range len(e.ref) + 1 {
		e.rows[j] = cell{int32(j), opInsert}
	}
	e.fill(e.rows, e.hyp, 0)
	shifts, candidates := 0, 0
	for {
		gain := e.shift(&candidates)
		if candidates >= terMaxCandidates || gain <= 0 {
			break
		}
		shifts++
		from := samePrefix(e.hyp, e.best)
		copy(e.hyp, e.best)
		e.fill(e.rows, e.hyp, from)
	}
	return shifts + int(e.rows[size-1].cost)
}

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

// fill computes the rows of words after row from; those up to it are there.
func (e *editSearch) fill(rows []cell, words []int32, from int) {
	width := len(e.ref) + 1
	ratio := 1.0
	if len(words) > 0 {
		ratio = float64(len(e.ref)) / float64(len(words))
	}
	beam := terBeamWidth
	if terBeamWidth < ratio/2 { // rows must overlap
		beam = int(math.Ceil(ratio/2 + terBeamWidth))
	}
	for i := from + 1; i <= len(words); i++ {
		diagonal := int(math.Floor(float64(i) * ratio))
		low, high := max(0, diagonal-beam), min(width, diagonal+beam)
		if i == len(words) {
			high = width
		}
		before, row := rows[(i-1)*width:i*width], rows[i*width:(i+1)*width]
		for j := range row[:low] {
			row[j] = cell{terInfinity, opNone}
		}
		for j := range row[high:] {
			row[high+j] = cell{terInfinity, opNone}
		}
		fillRow(row, before, e.ref, words[i-1], low, high)
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
	pre := int(e.rows[len(e.hyp)*(len(e.ref)+1)+len(e.ref)].cost)
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

// distance is the edit distance of the candidate. Rows before the first moved
// word are those of the hypothesis.
func (e *editSearch) distance() int {
	width := len(e.ref) + 1
	same := samePrefix(e.hyp, e.shifted)
	copy(e.trial[same*width:(same+1)*width], e.rows[same*width:(same+1)*width])
	e.fill(e.trial, e.shifted, same)
	return int(e.trial[len(e.hyp)*width+len(e.ref)].cost)
}

// trace reads the cheapest path back: where each word of the reference is in
// the hypothesis (-1: before its beginning), and which words are wrong.
func (e *editSearch) trace() {
	width := len(e.ref) + 1
	e.path = e.path[:0]
	for i, j := len(e.hyp), len(e.ref); i > 0 || j > 0; {
		op := e.rows[i*width+j].op
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
