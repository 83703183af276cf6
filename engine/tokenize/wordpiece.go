package tokenize

import (
	"strings"
	"unicode/utf8"
)

// wordPiece cuts words into the longest pieces that the vocabulary has, from the
// left.
type wordPiece struct {
	normalizer bertNormalizer
	added      *matcher // of added tokens in the normalised text

	initial    map[string]int32 // pieces at the start of a word
	continuing map[string]int32 // pieces further on, without their prefix
	longest    int              // bytes of the longest piece
	unknown    int32
	maxChars   int // a longer word is unknown as a whole
}

// newWordPiece builds the model from tokens; prefix marks pieces that continue a
// word.
func newWordPiece(vocabulary map[string]int32, prefix string) *wordPiece {
	m := &wordPiece{initial: vocabulary, continuing: make(map[string]int32, len(vocabulary)/4)}
	for s, id := range vocabulary {
		m.longest = max(m.longest, len(s))
		if rest, ok := strings.CutPrefix(s, prefix); ok {
			m.continuing[rest] = id
		}
	}
	return m
}

// encode implements model.
func (m *wordPiece) encode(w *work, base int, s string) {
	n := &w.norm
	m.normalizer.run(n, base, s)
	if m.added == nil {
		m.split(w, 0, len(n.text))
		return
	}
	it := matches{m: m.added, s: string(n.text), parseSpecial: w.parseSpecial}
	for !w.full() {
		before := it.covered
		start, end, token, ok := it.next()
		if !ok {
			m.split(w, before, len(n.text))
			return
		}
		m.split(w, before, start)
		span := n.span(start, end)
		w.add(token.ID, span.Start, span.End)
	}
}

// split is BertPreTokenizer: it drops white space and isolates punctuation.
func (m *wordPiece) split(w *work, start, end int) {
	text := w.norm.text
	word, chars := start, 0
	for i := start; i < end && !w.full(); {
		c, size := class(0), 1
		if text[i] < utf8.RuneSelf {
			c = asciiClass[text[i]]
		} else {
			var r rune
			r, size = utf8.DecodeRune(text[i:end])
			c = classOf(r)
		}
		if !c.is(space | punctuation) {
			i += size
			chars++
			continue
		}
		m.word(w, word, i, chars)
		if c.is(punctuation) {
			m.word(w, i, i+size, 1)
		}
		i += size
		word, chars = i, 0
	}
	if !w.full() {
		m.word(w, word, end, chars)
	}
}

// word appends the pieces of the word at text[start:end] of w.norm.
func (m *wordPiece) word(w *work, start, end, chars int) {
	if start == end {
		return
	}
	done := len(w.ids)
	known := chars <= m.maxChars
	pieces := m.initial
	for at := start; known && at < end; {
		id, stop := m.longestPiece(pieces, w.norm.text[at:end])
		if known = stop > 0; known {
			span := w.norm.span(at, at+stop)
			w.add(id, span.Start, span.End)
			at += stop
			pieces = m.continuing
		}
	}
	if !known {
		w.ids, w.spans = w.ids[:done], w.spans[:done]
		span := w.norm.span(start, end)
		w.add(m.unknown, span.Start, span.End)
	}
}

// longestPiece finds the longest start of s among the pieces; 0 bytes if none.
func (m *wordPiece) longestPiece(pieces map[string]int32, s []byte) (int32, int) {
	stop := min(len(s), m.longest)
	for stop > 0 {
		if stop == len(s) || utf8.RuneStart(s[stop]) {
			if id, ok := pieces[string(s[:stop])]; ok {
				return id, stop
			}
		}
		stop--
	}
	return 0, 0
}
