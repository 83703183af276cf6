package engine

import (
	"slices"

	"stylesprint/engine/nn"
	"stylesprint/engine/nn/kernel"
)

// prefixes remembers the pages of prompts, so that a prompt that begins like an earlier
// one need not be read again. A page is found by its tokens and by the page before it,
// compared in full, so that no two texts are ever taken for one another. Pages that a
// sequence reads stay; of the others the one that was read least recently makes room first,
// and all of them count as free. A full page is never written again, so pages are shared as
// they are. It belongs to the scheduler's goroutine.
type prefixes struct {
	cache *nn.Cache
	limit int // of idle pages; 0 switches everything off
	known map[prefixKey]int32
	nodes []prefixNode // by page

	// The idle pages from the oldest to the newest, linked through nodes. A page comes
	// after all that continue it, because whoever reads those reads it as well.
	oldest, newest int32
	idle           int
}

// prefixKey is what a page holds: its tokens after those of the page before it.
type prefixKey struct {
	scope  string // whose prompts they are; only in the first page of a chain
	before int32  // page, or none
	tokens [kernel.PageTokens]int32
}

type prefixNode struct {
	key          prefixKey
	readers      int32
	older, newer int32 // in the list of idle pages
}

// none is the page before the first one.
const none int32 = -1

func newPrefixes(c *nn.Cache, limit int) *prefixes {
	p := &prefixes{cache: c, limit: limit, oldest: none, newest: none}
	if limit > 0 {
		p.known = map[prefixKey]int32{}
		p.nodes = make([]prefixNode, c.Pages.Options().Pages)
	}
	return p
}

// serves tells whether a sequence's prompt is looked up and remembered. A sequence that is
// scored needs the likelihood of every token, so it reads all of them.
func (p *prefixes) serves(s *sequence) bool { return p.limit > 0 && !s.scored() }

// free is how many pages no sequence holds.
func (p *prefixes) free() int { return p.cache.Free() + p.idle }

// admit gives a sequence all its pages, those that are known first, or reports false.
func (p *prefixes) admit(s *sequence) bool {
	if p.serves(s) {
		for s.shared < readable(s) {
			page, ok := p.find(s)
			if !ok {
				break
			}
			p.hold(page)
			s.pages = append(s.pages, page)
			s.shared++
		}
	}
	pages, ok := p.take(s.pages, s.pagesNeeded()-s.shared)
	if !ok {
		p.release(s)
		return false
	}
	s.pages = pages
	s.past = s.shared * kernel.PageTokens
	s.cached = s.past
	return true
}

// readable is how many pages of a prompt may be taken from elsewhere: its last token is
// always read, because what follows is drawn from it.
func readable(s *sequence) int { return (len(s.prompt) - 1) / kernel.PageTokens }

// find looks for the page after those that the sequence shares.
func (p *prefixes) find(s *sequence) (int32, bool) {
	page, ok := p.known[keyOf(s)]
	return page, ok
}

func keyOf(s *sequence) prefixKey {
	k := prefixKey{scope: s.scope, before: none}
	if s.shared > 0 {
		k.scope, k.before = "", s.pages[s.shared-1]
	}
	copy(k.tokens[:], s.prompt[s.shared*kernel.PageTokens:])
	return k
}

// adopt skips what another sequence has read meanwhile. It returns how many tokens that are.
func (p *prefixes) adopt(s *sequence) int {
	before := s.past
	if !p.serves(s) {
		return 0
	}
	for s.shared == s.past/kernel.PageTokens && s.shared < readable(s) {
		page, ok := p.find(s)
		if !ok {
			break
		}
		p.exchange(s, page)
		s.past = s.shared * kernel.PageTokens
	}
	s.cached += s.past - before
	return s.past - before
}

// publish makes the pages known that a sequence has read to their ends.
func (p *prefixes) publish(s *sequence) {
	if !p.serves(s) {
		return
	}
	for s.shared < min(s.past, len(s.prompt))/kernel.PageTokens {
		k := keyOf(s)
		if page, ok := p.known[k]; ok {
			p.exchange(s, page)
			continue
		}
		page := s.pages[s.shared]
		p.known[k] = page
		p.nodes[page] = prefixNode{key: k, readers: 1, older: none, newer: none}
		s.shared++
	}
}

// exchange puts a known page in the place of the sequence's own with the same content.
func (p *prefixes) exchange(s *sequence, page int32) {
	p.hold(page)
	p.cache.Give(s.pages[s.shared : s.shared+1])
	s.pages[s.shared] = page
	s.shared++
}

// hold adds a reader to a page.
func (p *prefixes) hold(page int32) {
	n := &p.nodes[page]
	if n.readers++; n.readers == 1 {
		p.unlink(page)
	}
}

// release takes all pages back from a sequence.
func (p *prefixes) release(s *sequence) {
	p.cache.Give(s.pages[s.shared:])
	for _, page := range slices.Backward(s.pages[:s.shared]) {
		n := &p.nodes[page]
		if n.readers--; n.readers == 0 {
			p.link(page)
		}
	}
	s.pages, s.shared = s.pages[:0], 0
	for p.idle > p.limit {
		p.evict()
	}
}

// take appends n pages to dst, and for that forgets idle ones as need be. It reports
// false, and forgets nothing, where there are too few.
func (p *prefixes) take(dst []int32, n int) ([]int32, bool) {
	if p.free() < n {
		return dst, false
	}
	for p.cache.Free() < n {
		p.evict()
	}
	return p.cache.Take(dst, n)
}

// evict forgets the oldest idle page.
func (p *prefixes) evict() {
	page := p.oldest
	p.unlink(page)
	delete(p.known, p.nodes[page].key)
	p.cache.Give([]int32{page})
}

func (p *prefixes) link(page int32) {
	n := &p.nodes[page]
	n.older, n.newer = p.newest, none
	if p.newest == none {
		p.oldest = page
	} else {
		p.nodes[p.newest].newer = page
	}
	p.newest = page
	p.idle++
}

func (p *prefixes) unlink(page int32) {
	n := &p.nodes[page]
	if n.older == none {
		p.oldest = n.newer
	} else {
		p.nodes[n.older].newer = n.newer
	}
	if n.newer == none {
		p.newest = n.older
	} else {
		p.nodes[n.newer].older = n.older
	}
	n.older, n.newer = none, none
	p.idle--
}
