package tokenize

import (
	"fmt"
	"math"
	"math/bits"
	"strings"
	"sync/atomic"
	"unicode/utf8"
)

// bpe is byte-level byte pair encoding. Words are text as it stands; the byte
// alphabet appears only in the spelling of tokens.
type bpe struct {
	stages []scanner
	// prefixAt is the stage whose pieces get a space before them if they do not
	// begin with one; -1 if there is none.
	prefixAt int
	// removeAt is the stage whose pieces of white space are left out; -1 if there is none.
	removeAt int

	words        map[string]int32 // text of a token to its number
	ends         map[string]int32 // the same of tokens that end a word, without their suffix
	byteID       [256]int32       // tokens of single bytes, -1 for a byte that has none
	lastID       [256]int32       // the same at the end of a word
	complete     bool             // every byte has a token, or an unknown token stands in
	unknown      int32            // token for such bytes; -1 drops them
	fuseUnknown  bool
	ignoreMerges bool
	pairs        pairTable
	// whole says of each token whether merging its own text yields it alone, which
	// is so of nearly all; found out when the word first occurs, as merging is slow.
	whole []atomic.Uint32
}

// Values of bpe.whole.
const (
	wholeUnknown = iota
	wholeYes
	wholeNo
)

// bpeOptions are what newBPE needs beside the vocabulary.
type bpeOptions struct {
	size   int    // one more than the largest token number
	suffix string // of tokens that end a word; "" if they are as others
}

// newBPE builds the model. spelled maps tokens in the byte alphabet to numbers.
func newBPE(spelled map[string]int32, merges [][2]string, o bpeOptions) (*bpe, error) {
	b := &bpe{
		prefixAt: -1,
		removeAt: -1,
		words:    make(map[string]int32, len(spelled)),
		unknown:  -1,
		complete: true,
		whole:    make([]atomic.Uint32, o.size),
	}
	for s, id := range spelled {
		if raw, ok := fromAlphabet(s); ok {
			b.words[raw] = id
		}
	}
	b.ends = b.words
	if o.suffix != "" {
		b.ends = make(map[string]int32, len(spelled)/2)
		for s, id := range b.words {
			if rest, ok := strings.CutSuffix(s, o.suffix); ok {
				b.ends[rest] = id
			}
		}
	}
	for c := range b.byteID {
		b.byteID[c], b.lastID[c] = -1, -1
		if id, ok := b.words[string([]byte{byte(c)})]; ok {
			b.byteID[c] = id
		}
		if id, ok := b.ends[string([]byte{byte(c)})]; ok {
			b.lastID[c] = id
		}
		b.complete = b.complete && b.byteID[c] >= 0 && b.lastID[c] >= 0
	}
	b.pairs = newPairTable(len(merges))
	var joined []byte
	for rank, m := range merges {
		left, okLeft := spelled[m[0]]
		right, okRight := spelled[m[1]]
		joined = append(append(joined[:0], m[0]...), m[1]...)
		id, ok := spelled[string(joined)]
		if !okLeft || !okRight || !ok {
			return nil, fmt.Errorf("merge %d, %q with %q: a token is not in the vocabulary", rank+1, m[0], m[1])
		}
		b.pairs.put(pairKey(left, right), uint32(rank), id)
	}
	return b, nil
}

// encode implements model.
func (b *bpe) encode(w *work, base int, s string) {
	b.pieces(w, 0, base, s)
}

// pieces cuts s with the stages from stage on and encodes what comes out.
func (b *bpe) pieces(w *work, stage, base int, s string) {
	if stage == b.prefixAt && s[0] != ' ' {
		b.prefixed(w, stage, base, s)
		return
	}
	if stage == len(b.stages) {
		b.word(w, base, s)
		return
	}
	last := stage == len(b.stages)-1 && b.prefixAt <= stage
	for next := b.stages[stage]; len(s) > 0 && !w.full(); {
		n := next(s)
		if stage == b.removeAt {
			if c, _ := classAtStart(s); c.is(space) {
				base += n
				s = s[n:]
				continue
			}
		}
		if last {
			b.word(w, base, s[:n])
		} else {
			b.pieces(w, stage+1, base, s[:n])
		}
		base += n
		s = s[n:]
	}
}

// prefixed encodes a space and s. The space counts as part of the first
// character.
func (b *bpe) prefixed(w *work, stage, base int, s string) {
	_, first := utf8.DecodeRuneInString(s)
	done, text := len(w.ids), w.text
	w.text = " " + s
	b.pieces(w, stage, 0, w.text)
	w.text = text
	for i := done; i < len(w.spans); i++ {
		span := &w.spans[i]
		span.Start = base + max(span.Start-1, 0)
		if span.End == 1 {
			span.End += first
		}
		span.End += base - 1
	}
}

// word appends the tokens of one piece, which lies at base of w.text.
func (b *bpe) word(w *work, base int, s string) {
	if id, ok := b.ends[s]; ok {
		if b.ignoreMerges || b.yieldsItself(w, s, id) {
			w.add(id, base, base+len(s))
			return
		}
	}
	b.fill(w, s)
	b.merge(w)
	if len(w.dropped) > 0 {
		b.addDrifted(w, base, s)
		return
	}
	end := base
	for i := range w.symbols {
		sym := &w.symbols[i]
		start := end
		end += int(sym.length)
		from, to := start, end
		for !utf8.RuneStart(w.text[from]) {
			from--
		}
		for to < len(w.text) && !utf8.RuneStart(w.text[to]) {
			to++
		}
		w.add(sym.id, from, to)
	}
}

func (b *bpe) yieldsItself(w *work, s string, id int32) bool {
	switch b.whole[id].Load() {
	case wholeYes:
		return true
	case wholeNo:
		return false
	}
	b.fill(w, s)
	b.merge(w)
	if len(w.symbols) == 1 && w.symbols[0].id == id && len(w.dropped) == 0 {
		b.whole[id].Store(wholeYes)
		return true
	}
	b.whole[id].Store(wholeNo)
	return false
}

// fill makes w.symbols the bytes of s, and w.dropped the places of bytes that
// have no token.
func (b *bpe) fill(w *work, s string) {
	w.symbols, w.dropped = w.symbols[:0], w.dropped[:0]
	if b.complete {
		for i := range len(s) {
			w.symbols = append(w.symbols, symbol{id: b.byteID[s[i]], length: 1})
		}
		w.symbols[len(s)-1].id = b.lastID[s[len(s)-1]]
		return
	}
	fused := false
	for i := range len(s) {
		id := b.byteID[s[i]]
		if i == len(s)-1 {
			id = b.lastID[s[i]]
		}
		switch {
		case id >= 0:
			w.symbols = append(w.symbols, symbol{id: id, length: 1})
			fused = false
		case b.unknown < 0:
			w.dropped = append(w.dropped, i)
		case fused && b.fuseUnknown:
			w.symbols[len(w.symbols)-1].length++
		default:
			w.symbols = append(w.symbols, symbol{id: b.unknown, length: 1})
			fused = true
		}
	}
}

// addDrifted gives tokens of a piece with dropped bytes the offsets that the
// reference gives them: it counts, in the byte alphabet's UTF-8, as if what was
// dropped had stood at the end.
func (b *bpe) addDrifted(w *work, base int, s string) {
	w.places = w.places[:0]
	for i := range len(s) {
		for range utf8.RuneLen(alphabet[s[i]]) {
			w.places = append(w.places, base+i)
		}
	}
	at, raw, skip := 0, 0, w.dropped
	for i := range w.symbols {
		n := 0
		for range w.symbols[i].length {
			for len(skip) > 0 && skip[0] == raw {
				raw, skip = raw+1, skip[1:]
			}
			n += utf8.RuneLen(alphabet[s[raw]])
			raw++
		}
		from, to := w.places[at], w.places[at+n-1]+1
		at += n
		for !utf8.RuneStart(w.text[from]) {
			from--
		}
		for to < len(w.text) && !utf8.RuneStart(w.text[to]) {
			to++
		}
		w.add(w.symbols[i].id, from, to)
	}
}

// shortWord is the number of symbols up to which looking at all of them for the
// best merge beats a heap.
const shortWord = 24

// symbol is a part of a word being merged.
type symbol struct {
	id     int32
	length int32  // bytes
	rank   uint32 // of merging it with the next one; noMerge if that cannot be
	merged int32  // the token that this gives
	// Neighbours, used for long words only; a symbol merged into its left
	// neighbour has length 0.
	prev, next int32
}

const noMerge = math.MaxUint32

// merge applies the merges to w.symbols: always the one of lowest rank, of these
// the leftmost.
func (b *bpe) merge(w *work) {
	n := len(w.symbols)
	if n < 2 {
		return
	}
	for i := range n - 1 {
		b.setPair(&w.symbols[i], w.symbols[i+1].id)
	}
	w.symbols[n-1].rank = noMerge
	if n > shortWord {
		b.mergeLong(w)
	} else {
		b.mergeShort(w)
	}
}

// mergeShort finds each best merge by looking at all of them.
func (b *bpe) mergeShort(w *work) {
	s := w.symbols
	for {
		best, at := uint32(noMerge), 0
		for i := range s {
			if s[i].rank < best {
				best, at = s[i].rank, i
			}
		}
		if best == noMerge {
			break
		}
		s[at].id = s[at].merged
		s[at].length += s[at+1].length
		copy(s[at+1:], s[at+2:])
		s = s[:len(s)-1]
		if at+1 < len(s) {
			b.setPair(&s[at], s[at+1].id)
		} else {
			s[at].rank = noMerge
		}
		if at > 0 {
			b.setPair(&s[at-1], s[at].id)
		}
	}
	w.symbols = s
}

func (b *bpe) setPair(s *symbol, next int32) {
	s.rank, s.merged = b.pairs.get(pairKey(s.id, next))
}

// mergeLong keeps a heap of the possible merges, O(n log n).
func (b *bpe) mergeLong(w *work) {
	s := w.symbols
	w.heap = w.heap[:0]
	for i := range s {
		s[i].prev, s[i].next = int32(i-1), int32(i+1)
		if s[i].rank != noMerge {
			w.heap.push(uint64(s[i].rank)<<32 | uint64(i))
		}
	}
	for len(w.heap) > 0 {
		top := w.heap.pop()
		at := int32(uint32(top))
		left := &s[at]
		if left.length == 0 || left.rank != uint32(top>>32) {
			continue // overtaken by another merge
		}
		right := &s[left.next]
		left.id = left.merged
		left.length += right.length
		left.next = right.next
		right.length = 0
		left.rank = noMerge
		if int(left.next) < len(s) {
			s[left.next].prev = at
			b.setPair(left, s[left.next].id)
			if left.rank != noMerge {
				w.heap.push(uint64(left.rank)<<32 | uint64(at))
			}
		}
		if left.prev >= 0 {
			before := &s[left.prev]
			b.setPair(before, left.id)
			if before.rank != noMerge {
				w.heap.push(uint64(before.rank)<<32 | uint64(left.prev))
			}
		}
	}
	kept := s[:0]
	for i := range s {
		if s[i].length > 0 {
			kept = append(kept, s[i])
		}
	}
	w.symbols = kept
}

// mergeHeap is a binary heap, least first: rank in the upper half, place in the
// lower.
type mergeHeap []uint64

func (h *mergeHeap) push(v uint64) {
	*h = append(*h, v)
	a := *h
	i := len(a) - 1
	for i > 0 {
		up := (i - 1) / 2
		if a[up] <= v {
			break
		}
		a[i] = a[up]
		i = up
	}
	a[i] = v
}

func (h *mergeHeap) pop() uint64 {
	a := *h
	top, v := a[0], a[len(a)-1]
	a = a[:len(a)-1]
	*h = a
	i := 0
	for {
		down := 2*i + 1
		if down >= len(a) {
			break
		}
		if down+1 < len(a) && a[down+1] < a[down] {
			down++
		}
		if a[down] >= v {
			break
		}
		a[i] = a[down]
		i = down
	}
	if len(a) > 0 {
		a[i] = v
	}
	return top
}

// pairTable maps pairs of tokens to the rank and result of their merge: open
// addressing, at most half full.
type pairTable struct {
	slots []pairSlot
	shift uint
}

type pairSlot struct {
	key  uint64
	rank uint32
	id   int32
}

// emptyKey is no pair, as token numbers are not negative.
const emptyKey = math.MaxUint64

func newPairTable(n int) pairTable {
	width := max(bits.Len(uint(n)), 3) + 1
	t := pairTable{slots: make([]pairSlot, 1<<width), shift: uint(64 - width)}
	for i := range t.slots {
		t.slots[i] = pairSlot{key: emptyKey, rank: noMerge}
	}
	return t
}

func pairKey(left, right int32) uint64 { return uint64(uint32(left))<<32 | uint64(uint32(right)) }

func (t *pairTable) slot(key uint64) *pairSlot {
	i := (key * 0x9E3779B97F4A7C15) >> t.shift
	for {
		s := &t.slots[i&uint64(len(t.slots)-1)]
		if s.key == key || s.key == emptyKey {
			return s
		}
		i++
	}
}

func (t *pairTable) put(key uint64, rank uint32, id int32) {
	*t.slot(key) = pairSlot{key: key, rank: rank, id: id}
}

func (t *pairTable) get(key uint64) (rank uint32, id int32) {
	s := t.slot(key)
	return s.rank, s.id
}
