package metric

// rougeCounter compares one text with its references for ROUGE. It belongs to
// one goroutine.
type rougeCounter struct {
	grams *counter

	lines, refLines []int   // words before the end of each line
	ids, refIDs     []int32 // word numbers; -1 is not in the reference
	table           []int32 // of longest common subsequences
	union           []bool  // words of a line of the reference that are in some line's subsequence
	left, refLeft   []int32 // occurrences that have not been used up, by word number
}

func newROUGECounter() *rougeCounter { return &rougeCounter{grams: newOrderCounter(2)} }

func (c *rougeCounter) score(o ROUGEOptions, s *Sample) PRF {
	best := PRF{F1: -1}
	for _, ref := range s.References {
		if one := c.against(o, s.text(), ref); one.F1 > best.F1 {
			best = one
		}
	}
	return best
}

// against scores a text with one reference.
func (c *rougeCounter) against(o ROUGEOptions, hypothesis, reference string) PRF {
	g := c.grams
	g.begin()
	tokenizeROUGE(&g.toks, &c.refLines, reference, o.Stem)
	g.addReference(0)
	c.refIDs = append(c.refIDs[:0], g.ids...)
	tokenizeROUGE(&g.toks, &c.lines, hypothesis, o.Stem)
	s := g.match()
	c.ids = append(c.ids[:0], g.ids...)
	hyp, ref := len(c.ids), len(c.refIDs)
	switch o.Variant {
	case ROUGE1:
		return prf(s.Correct[0], ref, hyp)
	case ROUGE2:
		return prf(s.Correct[1], max(0, ref-1), max(0, hyp-1))
	case ROUGEL:
		c.fill(c.refIDs, c.ids)
		return prf(int(c.table[len(c.table)-1]), ref, hyp)
	}
	return prf(c.summary(), ref, hyp)
}

// fill computes the table of longest common subsequences of every pair of
// beginnings, (len(ref)+1) x (len(can)+1).
func (c *rougeCounter) fill(ref, can []int32) {
	width := len(can) + 1
	c.table = resize(c.table, (len(ref)+1)*width)
	clear(c.table[:width])
	for i, w := range ref {
		above, row := c.table[i*width:(i+1)*width], c.table[(i+1)*width:(i+2)*width]
		row[0] = 0
		for j, v := range can {
			if v == w {
				row[j+1] = above[j] + 1
			} else {
				row[j+1] = max(above[j+1], row[j])
			}
		}
	}
}

// summary is the number of hits of the summary-level variant (Lin 2004, section
// 3.2): for each line of the reference the union of its common subsequences
// with all lines of the text, each occurrence of a word counting once.
func (c *rougeCounter) summary() int {
	n := len(c.grams.tally)
	c.left, c.refLeft = resize(c.left, n), resize(c.refLeft, n)
	clear(c.left)
	clear(c.refLeft)
	for _, id := range c.refIDs {
		c.refLeft[id]++
	}
	for _, id := range c.ids {
		if id >= 0 {
			c.left[id]++
		}
	}
	hits, from := 0, 0
	for _, to := range c.refLines {
		line := c.refIDs[from:to]
		from = to
		c.union = resize(c.union, len(line))
		clear(c.union)
		begin := 0
		for _, end := range c.lines {
			c.mark(line, c.ids[begin:end])
			begin = end
		}
		for i, id := range line {
			if c.union[i] && c.left[id] > 0 && c.refLeft[id] > 0 {
				hits++
				c.left[id]--
				c.refLeft[id]--
			}
		}
	}
	return hits
}

// mark reads one longest common subsequence back, rouge_score's among equals.
func (c *rougeCounter) mark(ref, can []int32) {
	if len(ref) == 0 || len(can) == 0 {
		return
	}
	c.fill(ref, can)
	width := len(can) + 1
	for i, j := len(ref), len(can); i > 0 && j > 0; {
		switch {
		case ref[i-1] == can[j-1]:
			c.union[i-1] = true
			i--
			j--
		case c.table[i*width+j-1] > c.table[(i-1)*width+j]:
			j--
		default:
			i--
		}
	}
}
