package tokenize

import (
	"math"
	"unicode/utf8"
)

// unigram cuts a text into the tokens whose scores, logarithms of probabilities, have the greatest sum (Kudo,
// arXiv:1804.10959, as SentencePiece does it), by Viterbi's algorithm over a trie of the tokens.
type unigram struct {
	normalizer normalizers
	added      *matcher // of added tokens in the normalised text
	space      metaspace

	trie    *trie
	scores  []float64 // by token
	unknown int32
	// unknownScore is that of a character that no token begins with: unknownPenalty below the least of all.
	unknownScore float64
	byteFallback bool
	byteID       [256]int32 // tokens <0x00> to <0xFF>; -1 for one that is missing
}

const unknownPenalty = 10

// pathNode is the best way to cut a piece up to some byte.
type pathNode struct {
	score float64
	start int32 // of its last token; -1 if nothing leads here
	id    int32
}

// metaspace is the pre-tokenizer: spaces become a visible character, with which pieces begin.
type metaspace struct {
	words  bool   // cut at white space first, and drop it
	mark   string // stands for a space
	prefix prefixScheme
	split  bool // cut before each mark
}

// prefixScheme says which texts get a mark before them if they have none.
type prefixScheme int

const (
	prefixAlways prefixScheme = iota // every stretch between added tokens, every word where words are cut
	prefixFirst                      // that at the start of the whole text
	prefixNever
)

// spacedText is a piece with marks for spaces.
type spacedText struct {
	text []byte
	at   []int32 // for each byte, the byte of the normalised text that it stands for
}

func (w *work) unigramSize() int {
	return w.spare.size() + 8*cap(w.edits) + cap(w.spaced.text) + 4*cap(w.spaced.at) + 16*cap(w.nodes) + 4*cap(w.path)
}

// encode implements model.
func (m *unigram) encode(w *work, base int, s string) {
	n := &w.norm
	n.begin(base, s)
	m.normalizer.run(w, n)
	if m.added == nil {
		m.stretch(w, 0, len(n.text))
		return
	}
	it := matches{m: m.added, s: string(n.text), parseSpecial: w.parseSpecial}
	for !w.full() {
		before := it.covered
		start, end, token, ok := it.next()
		if !ok {
			m.stretch(w, before, len(n.text))
			return
		}
		m.stretch(w, before, start)
		first, last := n.place(start), n.place(end-1)
		w.add(token.ID, first.Start, last.End)
	}
}

// stretch encodes bytes start to end of the normalised text, in which there is no added token.
func (m *unigram) stretch(w *work, start, end int) {
	if !m.space.words {
		m.spaced(w, start, end)
		return
	}
	text := w.norm.text
	for start < end && !w.full() {
		n := runWithoutBytes(text[start:end], space)
		if n > 0 {
			m.spaced(w, start, start+n)
		}
		start += n
		for start < end {
			r, size := utf8.DecodeRune(text[start:end])
			if !classOf(r).is(space) {
				break
			}
			start += size
		}
	}
}

// runWithoutBytes is how many bytes of text come before a character of some class.
func runWithoutBytes(text []byte, any class) int {
	i := 0
	for i < len(text) {
		if c := text[i]; c < utf8.RuneSelf {
			if asciiClass[c].is(any) {
				break
			}
			i++
			continue
		}
		r, size := utf8.DecodeRune(text[i:])
		if classOf(r).is(any) {
			break
		}
		i += size
	}
	return i
}

// spaced puts marks into bytes start to end of the normalised text and encodes the pieces.
func (m *unigram) spaced(w *work, start, end int) {
	if start == end {
		return
	}
	text, mark := w.norm.text[start:end], m.space.mark
	s := &w.spaced
	s.text, s.at = s.text[:0], s.at[:0]
	marked := text[0] == ' ' || string(text[:min(len(mark), len(text))]) == mark
	if !marked && (m.space.prefix == prefixAlways || m.space.prefix == prefixFirst && w.norm.place(start).Start == 0) {
		s.add(mark, start)
	}
	piece := 0
	for i := 0; i < len(text) && !w.full(); {
		size := 1
		switch c := text[i]; {
		case c == ' ':
			piece = m.next(w, piece)
			s.add(mark, start+i)
		case c < utf8.RuneSelf:
			s.text, s.at = append(s.text, c), append(s.at, int32(start+i))
		default:
			_, size = utf8.DecodeRune(text[i:])
			if string(text[i:i+size]) == mark {
				piece = m.next(w, piece)
			}
			s.text = append(s.text, text[i:i+size]...)
			for range size {
				s.at = append(s.at, int32(start+i))
			}
		}
		i += size
	}
	if !w.full() {
		m.piece(w, piece, len(s.text))
	}
}

// next ends a piece before a mark and returns where the one after it begins.
func (m *unigram) next(w *work, from int) int {
	to := len(w.spaced.text)
	if !m.space.split {
		return from
	}
	m.piece(w, from, to)
	return to
}

// add appends a character that stands for the one at byte at.
func (s *spacedText) add(r string, at int) {
	s.text = append(s.text, r...)
	for range len(r) {
		s.at = append(s.at, int32(at))
	}
}

// piece encodes bytes from to to of w.spaced.
func (m *unigram) piece(w *work, from, to int) {
	if from == to {
		return
	}
	text := w.spaced.text[from:to]
	m.fill(w, text)
	// The best path, from its end.
	w.path = w.path[:0]
	for end := int32(len(text)); end > 0; {
		w.path = append(w.path, end)
		node := w.nodes[end]
		end = node.start
		for node.id == m.unknown && end > 0 && w.nodes[end].id == m.unknown { // unknown neighbours are one
			node = w.nodes[end]
			end = node.start
		}
	}
	start := int32(0)
	for i := len(w.path) - 1; i >= 0; i-- {
		end := w.path[i]
		id := w.nodes[end].id
		if id == m.unknown {
			m.addUnknown(w, from, int(start), int(end))
		} else {
			w.addSpaced(id, from+int(start), from+int(end))
		}
		start = end
	}
}

// fill finds the best path to every character's end in text.
func (m *unigram) fill(w *work, text []byte) {
	if cap(w.nodes) <= len(text) {
		w.nodes = make([]pathNode, len(text)+len(text)/2+64)
	}
	nodes := w.nodes[:len(text)+1]
	for i := range nodes {
		nodes[i] = pathNode{start: -1}
	}
	for start := 0; start < len(text); {
		before := nodes[start].score
		size := 1
		if text[start] >= utf8.RuneSelf {
			_, size = utf8.DecodeRune(text[start:])
		}
		single := false
		for at, n := start, int32(0); at < len(text); {
			if n = m.trie.next(n, text[at]); n == 0 {
				break
			}
			at++
			if id := m.trie.nodes[n].id; id >= 0 {
				nodes[at].offer(before+m.scores[id], start, id)
				single = single || at-start == size
			}
		}
		if !single {
			nodes[start+size].offer(before+m.unknownScore, start, m.unknown)
		}
		start += size
	}
}

// offer takes a way that is better than the one so far.
func (p *pathNode) offer(score float64, start int, id int32) {
	if p.start < 0 || score > p.score {
		*p = pathNode{score, int32(start), id}
	}
}

// addUnknown adds what stands for unknown text: a token after all, its bytes, or the unknown token.
func (m *unigram) addUnknown(w *work, from, start, end int) {
	text := w.spaced.text[from+start : from+end]
	if id, ok := m.trie.find(text); ok {
		w.addSpaced(id, from+start, from+end)
		return
	}
	if m.byteFallback && m.hasBytes(text) {
		for _, c := range text {
			w.addSpaced(m.byteID[c], from+start, from+end)
		}
		return
	}
	w.addSpaced(m.unknown, from+start, from+end)
}

func (m *unigram) hasBytes(text []byte) bool {
	for _, c := range text {
		if m.byteID[c] < 0 {
			return false
		}
	}
	return true
}

// addSpaced adds the token of bytes start to end of w.spaced.
func (w *work) addSpaced(id int32, start, end int) {
	first, last := w.norm.place(int(w.spaced.at[start])), w.norm.place(int(w.spaced.at[end-1]))
	w.add(id, first.Start, last.End)
}

// setScores takes the tokens' scores, in order of their numbers.
func (m *unigram) setScores(scores []float64) {
	m.scores = scores
	least := math.Inf(1)
	for _, s := range scores {
		least = min(least, s)
	}
	m.unknownScore = least - unknownPenalty
}
