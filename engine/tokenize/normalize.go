package tokenize

import (
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// bertNormalizer is the normaliser of BERT: clean up, space out ideographs,
// strip accents, lower-case, in this order.
type bertNormalizer struct {
	clean, ideographs, accents, lower bool
}

// normalized is text after normalisation. Byte i of text stands for bytes
// from[i] to to[i] of the original; if plain, for byte start+i alone.
type normalized struct {
	text  []byte
	plain bool
	start int
	base  int // where the whole text began
	from  []int
	to    []int

	// For NFD: characters since the last starter, and the spans of the characters
	// that they came from.
	pending []decomposed
	spans   []Span
	last    Span
}

// decomposed is a character of a decomposition.
type decomposed struct {
	r     rune
	order uint8 // combining class
	added bool  // not the first one of its decomposition
}

func (n *normalized) size() int {
	return cap(n.text) + 16*cap(n.from) + 12*cap(n.pending)
}

// span is the original place of bytes start to end of the normalised text.
func (n *normalized) span(start, end int) Span {
	if n.plain {
		return Span{n.start + start, n.start + end}
	}
	return Span{n.from[start], n.to[end-1]}
}

// run normalises s, which lies at base of the original.
func (b bertNormalizer) run(n *normalized, base int, s string) {
	n.text, n.from, n.to = n.text[:0], n.from[:0], n.to[:0]
	n.plain, n.start = true, base
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf || b.clean && asciiClass[c].is(control) {
			n.text, n.plain = n.text[:0], false
			break
		}
		if b.lower && c >= 'A' && c <= 'Z' {
			c += 'a' - 'A'
		}
		n.text = append(n.text, c)
	}
	if !n.plain {
		b.runes(n, base, s)
	}
}

func (b bertNormalizer) runes(n *normalized, base int, s string) {
	n.pending, n.spans, n.last = n.pending[:0], n.spans[:0], Span{}
	for i := 0; i < len(s); {
		r, size := utf8.DecodeRuneInString(s[i:])
		c := classOf(r)
		at := Span{base + i, base + i + size}
		rest := s[i:]
		i += size
		if b.clean {
			if c.is(control) {
				continue
			}
			if c.is(space) {
				r, c, rest = ' ', asciiClass[' '], " "
			}
		}
		if b.ideographs && c.is(ideograph) {
			b.decompose(n, ' ', asciiClass[' '], " ", at)
			b.decompose(n, r, c, rest, at)
			b.decompose(n, ' ', asciiClass[' '], " ", at)
			continue
		}
		b.decompose(n, r, c, rest, at)
	}
	b.flush(n)
}

// Hangul syllables decompose by arithmetic (Unicode chapter 3.12).
const (
	hangulFirst, hangulLast          = 0xAC00, 0xD7A3
	leadBase, vowelBase, trailBase   = 0x1100, 0x1161, 0x11A7
	syllablesPerLead, trailsPerVowel = 588, 28
)

// decompose is NFD of one character, which begins rest.
func (b bertNormalizer) decompose(n *normalized, r rune, c class, rest string, at Span) {
	if !b.accents {
		b.lowered(n, r, at)
		return
	}
	n.spans = append(n.spans, at)
	switch {
	case r >= hangulFirst && r <= hangulLast:
		i := r - hangulFirst
		b.starter(n, leadBase+i/syllablesPerLead, false)
		b.starter(n, vowelBase+i%syllablesPerLead/trailsPerVowel, true)
		if t := i % trailsPerVowel; t != 0 {
			b.starter(n, trailBase+t, true)
		}
	case c.is(composed):
		parts := norm.NFD.PropertiesString(rest).Decomposition()
		for first := true; len(parts) > 0; first = false {
			part, size := utf8.DecodeRune(parts)
			if order := norm.NFD.Properties(parts).CCC(); order != 0 {
				n.pending = append(n.pending, decomposed{part, order, !first})
			} else {
				b.starter(n, part, !first)
			}
			parts = parts[size:]
		}
	case c.is(combining):
		n.pending = append(n.pending, decomposed{r, norm.NFD.PropertiesString(rest).CCC(), false})
	default:
		b.starter(n, r, false)
	}
}

// starter adds a character of combining class 0, before which everything is in
// order.
func (b bertNormalizer) starter(n *normalized, r rune, added bool) {
	b.flush(n)
	n.pending = append(n.pending, decomposed{r, 0, added})
}

// flush puts pending characters in order. Characters that were first in a
// decomposition take up the original characters one by one, in the new order,
// which is how the reference counts.
func (b bertNormalizer) flush(n *normalized) {
	if len(n.pending) > 2 || len(n.pending) == 2 && n.pending[0].order > n.pending[1].order {
		slices.SortStableFunc(n.pending, func(x, y decomposed) int { return int(x.order) - int(y.order) })
	}
	used := 0
	for _, d := range n.pending {
		if !d.added {
			n.last = n.spans[used]
			used++
		}
		if !classOf(d.r).is(mark) {
			b.lowered(n, d.r, n.last)
		}
	}
	n.pending = n.pending[:0]
	n.spans = append(n.spans[:0], n.spans[used:]...)
}

func (b bertNormalizer) lowered(n *normalized, r rune, at Span) {
	if !b.lower {
		n.add(r, at)
		return
	}
	if r == 'İ' {
		n.add('i', at)
		n.add('\u0307', at)
		return
	}
	n.add(lowerCase(r), at)
}

func (n *normalized) add(r rune, at Span) {
	before := len(n.text)
	n.text = utf8.AppendRune(n.text, r)
	for range len(n.text) - before {
		n.from = append(n.from, at.Start)
		n.to = append(n.to, at.End)
	}
}
