package metric

import "hash/maphash"

// maxOrder is the longest n-gram of BLEU.
const maxOrder = 4

// counter counts the n-grams that a hypothesis shares with its references. It
// numbers the references' words and n-grams (an n-gram is the number of its
// first n-1 words and its last word), so that nothing is built as a string and,
// once its tables have grown, nothing is allocated. Matches are exact: the
// hash only finds the slot. A counter belongs to one goroutine.
type counter struct {
	seed maphash.Seed
	toks tokens // the line at work

	stamp uint32 // of this sample; slots with another stamp are empty
	words []wordSlot
	grams gramTable
	texts []string // by word number
	order int      // the longest n-gram that is counted

	tally []tally // by n-gram number; words are n-grams too

	ids   []int32 // word numbers of the line at work
	chain []int32 // n-gram that starts at each position
	lens  []int   // tokens of each reference
}

// tally is what is known about one n-gram.
type tally struct {
	limit int32 // the largest count in one reference
	count int32 // in the reference at work
	owner int32 // the reference that count is for
	used  int32 // matches so far
}

type wordSlot struct {
	stamp uint32
	hash  uint32
	id    int32
}

func newCounter() *counter { return newOrderCounter(maxOrder) }

// newOrderCounter counts n-grams of up to order words, at most maxOrder.
func newOrderCounter(order int) *counter {
	return &counter{seed: maphash.MakeSeed(), words: make([]wordSlot, 256), grams: newGramTable(), order: order}
}

// measure returns the statistics of one hypothesis under the tokenizer. The
// lines have been lower-cased and stripped.
func (c *counter) measure(k Tokenizer, hypothesis string, references []string, prepare func(string) string) Stats {
	c.begin()
	for r, ref := range references {
		k.split(&c.toks, prepare(ref))
		c.addReference(int32(r))
	}
	k.split(&c.toks, prepare(hypothesis))
	return c.match()
}

func (c *counter) begin() {
	c.stamp++
	if c.stamp == 0 { // the stamps have wrapped: old slots would look fresh
		clear(c.words)
		c.stamp = 1
	}
	c.grams.begin()
	c.texts, c.tally, c.lens = c.texts[:0], c.tally[:0], c.lens[:0]
}

func (c *counter) addReference(r int32) {
	n := len(c.toks.spans)
	c.lens = append(c.lens, n)
	c.reserve(n)
	c.ids, c.chain = c.ids[:0], c.chain[:0]
	for i := range n {
		c.ids = append(c.ids, c.wordID(c.toks.at(i), true))
	}
	for _, id := range c.ids {
		c.count(id, r)
	}
	c.chain = append(c.chain, c.ids...)
	for order := 2; order <= c.order; order++ {
		for i := 0; i+order <= n; i++ {
			id := c.gramID(c.chain[i], c.ids[i+order-1], true)
			c.chain[i] = id
			c.count(id, r)
		}
	}
}

func (c *counter) count(id, r int32) {
	t := &c.tally[id]
	if t.owner != r {
		t.owner, t.count = r, 0
	}
	t.count++
	t.limit = max(t.limit, t.count)
}

func (c *counter) match() Stats {
	n := len(c.toks.spans)
	s := Stats{SysLen: n, RefLen: closest(n, c.lens)}
	c.ids, c.chain = c.ids[:0], c.chain[:0]
	for i := range n {
		id := c.wordID(c.toks.at(i), false)
		c.ids = append(c.ids, id)
		s.Correct[0] += c.use(id)
	}
	s.Total[0] = n
	c.chain = append(c.chain, c.ids...)
	for order := 2; order <= c.order; order++ {
		for i := 0; i+order <= n; i++ {
			id := c.chain[i]
			if id >= 0 {
				id = c.gramID(id, c.ids[i+order-1], false)
				c.chain[i] = id
				s.Correct[order-1] += c.use(id)
			}
		}
		s.Total[order-1] = max(0, n-order+1)
	}
	return s
}

// use counts one occurrence in the hypothesis: 1 while the references allow more.
func (c *counter) use(id int32) int {
	if id < 0 {
		return 0
	}
	t := &c.tally[id]
	if t.used >= t.limit {
		return 0
	}
	t.used++
	return 1
}

// newID numbers an n-gram.
func (c *counter) newID() int32 {
	c.tally = append(c.tally, tally{owner: -1})
	return int32(len(c.tally) - 1)
}

// wordID finds the number of a word, or -1; with add it gives it one.
func (c *counter) wordID(word string, add bool) int32 {
	h := uint32(maphash.String(c.seed, word))
	mask := uint32(len(c.words) - 1)
	for i := h & mask; ; i = (i + 1) & mask {
		slot := &c.words[i]
		if slot.stamp != c.stamp {
			if !add {
				return -1
			}
			id := c.newID()
			for len(c.texts) <= int(id) { // n-grams of an earlier reference have numbers too, but no text
				c.texts = append(c.texts, "")
			}
			c.texts[id] = word
			*slot = wordSlot{stamp: c.stamp, hash: h, id: id}
			return id
		}
		if slot.hash == h && c.texts[slot.id] == word {
			return slot.id
		}
	}
}

// gramID finds the number of the n-gram that prolongs prefix by a word, or -1.
func (c *counter) gramID(prefix, word int32, add bool) int32 {
	if word < 0 {
		return -1
	}
	key := gramKey(prefix, word)
	if !add {
		return c.grams.find(key)
	}
	next := int32(len(c.tally))
	id := c.grams.put(key, next)
	if id == next {
		c.newID()
	}
	return id
}

// reserve makes room for the words and n-grams of a reference of n tokens, so
// that the tables stay at most half full.
func (c *counter) reserve(n int) {
	all := len(c.tally) + maxOrder*n // more than there will be words, and more than n-grams
	if 2*(len(c.texts)+n) > len(c.words) {
		old := c.words
		c.words = make([]wordSlot, tableSize(2*(len(c.texts)+n)))
		mask := uint32(len(c.words) - 1)
		for _, slot := range old {
			if slot.stamp != c.stamp {
				continue
			}
			i := slot.hash & mask
			for c.words[i].stamp == c.stamp {
				i = (i + 1) & mask
			}
			c.words[i] = slot
		}
	}
	c.grams.reserve(all)
}

func tableSize(n int) int {
	size := 1024
	for size < n {
		size *= 2
	}
	return size
}

// closest is the reference length nearest to n, the shorter one of two.
func closest(n int, lens []int) int {
	best, found := 0, false
	for _, l := range lens {
		d, b := abs(n-l), abs(n-best)
		if !found || d < b || d == b && l < best {
			best, found = l, true
		}
	}
	return best
}

func abs(n int) int {
	if n < 0 {
		return -n
	}
	return n
}
