package metric

import (
	"strings"
	"unicode/utf8"
)

// chrfCounter counts the character and word n-grams of texts for chrF. It
// numbers the reference's n-grams by prefix and last symbol, order after order,
// so that a text's n-gram whose beginning is not in the reference is not looked
// up. Once its tables have grown, nothing is allocated. It belongs to one goroutine.
type chrfCounter struct {
	m     *CHRF
	words *counter

	chars  []int32 // of the hypothesis
	others []int32 // of the reference at work
	chain  []int32 // number of the n-gram that starts at each position
	ascii  [utf8.RuneSelf]int32
	grams  gramTable
	limit  []int32   // occurrences in the reference, by number
	used   []int32   // occurrences in the hypothesis that have been matched
	stats  []float64 // of the reference at work
}

// noPrefix is the prefix of an n-gram of one symbol.
const noPrefix int32 = -1

func newCHRFCounter(m *CHRF) *chrfCounter {
	return &chrfCounter{m: m, words: newOrderCounter(max(1, m.o.WordOrder)), grams: newGramTable(), stats: make([]float64, m.Info().Width)}
}

// measure writes the statistics against the best reference to v and returns
// their score.
func (c *chrfCounter) measure(s *Sample, v []float64) float64 {
	hypothesis := c.prepare(s.text())
	c.chars = c.characters(c.chars[:0], hypothesis)
	best := -1.0
	for _, ref := range s.References {
		ref = c.prepare(ref)
		c.others = c.characters(c.others[:0], ref)
		c.matchChars()
		if c.m.o.WordOrder > 0 {
			c.matchWords(hypothesis, ref)
		}
		if score := c.m.Value(c.stats); score > best {
			best = score
			copy(v, c.stats)
		}
	}
	return max(best, 0)
}

func (c *chrfCounter) prepare(text string) string {
	if c.m.o.Lowercase {
		return lower(text)
	}
	return text
}

// characters appends a text's code points, without white space unless it counts.
func (c *chrfCounter) characters(dst []int32, text string) []int32 {
	whitespace := c.m.o.Whitespace
	for i := 0; i < len(text); {
		if b := text[i]; b < utf8.RuneSelf {
			i++
			if whitespace || !isSpace(rune(b)) {
				dst = append(dst, int32(b))
			}
			continue
		}
		r, n := utf8.DecodeRuneInString(text[i:])
		i += n
		if whitespace || !isSpace(r) {
			dst = append(dst, r)
		}
	}
	return dst
}

// matchChars fills the statistics of the character orders.
func (c *chrfCounter) matchChars() {
	ref, hyp := c.others, c.chars
	c.grams.begin()
	c.grams.reserve(c.m.o.CharOrder * len(ref))
	for i := range c.ascii {
		c.ascii[i] = -1
	}
	c.limit, c.chain = c.limit[:0], c.chain[:0]
	for _, r := range ref {
		id := c.unigram(r)
		if id < 0 {
			id = c.newID()
			if r < utf8.RuneSelf {
				c.ascii[r] = id
			} else {
				c.grams.put(gramKey(noPrefix, r), id)
			}
		}
		c.limit[id]++
		c.chain = append(c.chain, id)
	}
	for n := 2; n <= c.m.o.CharOrder; n++ {
		for i := 0; i+n <= len(ref); i++ {
			next := int32(len(c.limit))
			id := c.grams.put(gramKey(c.chain[i], ref[i+n-1]), next)
			if id == next {
				c.newID()
			}
			c.limit[id]++
			c.chain[i] = id
		}
	}
	c.used = append(c.used[:0], c.limit...)
	c.chain = c.chain[:0]
	both := 0
	for _, r := range hyp {
		id := c.unigram(r)
		c.chain = append(c.chain, id)
		both += c.use(id)
	}
	c.put(0, len(hyp), len(ref), both)
	for n := 2; n <= c.m.o.CharOrder; n++ {
		both = 0
		for i := 0; i+n <= len(hyp); i++ {
			id := c.chain[i]
			if id < 0 {
				continue
			}
			id = c.grams.find(gramKey(id, hyp[i+n-1]))
			c.chain[i] = id
			both += c.use(id)
		}
		c.put(n-1, len(hyp)-n+1, len(ref)-n+1, both)
	}
}

// unigram is the number of a character of the reference, or -1.
func (c *chrfCounter) unigram(r int32) int32 {
	if r < utf8.RuneSelf {
		return c.ascii[r]
	}
	return c.grams.find(gramKey(noPrefix, r))
}

func (c *chrfCounter) newID() int32 {
	c.limit = append(c.limit, 0)
	return int32(len(c.limit) - 1)
}

// use counts one occurrence in the hypothesis: 1 while the reference allows more.
func (c *chrfCounter) use(id int32) int {
	if id < 0 || c.used[id] == 0 {
		return 0
	}
	c.used[id]--
	return 1
}

// put stores an order's counts. A text's n-grams do not count against a
// reference that has none of that order.
func (c *chrfCounter) put(order, hyp, ref, both int) {
	hyp, ref = max(0, hyp), max(0, ref)
	if ref == 0 {
		hyp = 0
	}
	s := c.stats[3*order:]
	s[0], s[1], s[2] = float64(hyp), float64(ref), float64(both)
}

// matchWords fills the statistics of the word orders.
func (c *chrfCounter) matchWords(hypothesis, ref string) {
	w := c.words
	w.begin()
	splitEnds(&w.toks, ref)
	words := len(w.toks.spans)
	w.addReference(0)
	splitEnds(&w.toks, hypothesis)
	s := w.match()
	for n := range c.m.o.WordOrder {
		c.put(c.m.o.CharOrder+n, s.SysLen-n, words-n, s.Correct[n])
	}
}

// splitEnds splits a text into words, and takes one ASCII punctuation character
// off a word's end, or else off its beginning, as chrF++ does ("(hi)" gives
// "(hi" and ")").
func splitEnds(t *tokens, text string) {
	t.reset(text)
	begin := -1
	for i := 0; i < len(text); {
		r, n := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, n = utf8.DecodeRuneInString(text[i:])
		}
		switch space := isSpace(r); {
		case space && begin >= 0:
			addWord(t, begin, i)
			begin = -1
		case !space && begin < 0:
			begin = i
		}
		i += n
	}
	if begin >= 0 {
		addWord(t, begin, len(text))
	}
}

func addWord(t *tokens, from, to int) {
	word := t.text[from:to]
	_, first := utf8.DecodeRuneInString(word)
	switch {
	case first == len(word):
		t.add(from, to)
	case isPunctuation(word[len(word)-1]):
		t.add(from, to-1)
		t.add(to-1, to)
	case isPunctuation(word[0]):
		t.add(from, from+1)
		t.add(from+1, to)
	default:
		t.add(from, to)
	}
}

// isPunctuation is Python's string.punctuation.
func isPunctuation(b byte) bool {
	return strings.IndexByte("!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~", b) >= 0
}
