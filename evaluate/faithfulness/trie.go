package faithfulness

import "slices"

// trie finds the longest phrase of words that begins at a token.
type trie struct {
	first []int32 // node after a first word, by its id; 0: none
	nodes []node  // nodes[0] is not used
}

type node struct {
	edges []edge  // in order of words
	terms []int32 // what the phrase that ends here means; empty: it is only a beginning
}

type edge struct{ word, node int32 }

func (t *trie) add(words []int32, term int32) {
	if len(t.nodes) == 0 {
		t.nodes = make([]node, 1)
	}
	for int(words[0]) >= len(t.first) {
		t.first = append(t.first, 0)
	}
	at := t.first[words[0]]
	if at == 0 {
		at = t.node()
		t.first[words[0]] = at
	}
	for _, w := range words[1:] {
		i, ok := slices.BinarySearchFunc(t.nodes[at].edges, w, func(e edge, w int32) int { return int(e.word) - int(w) })
		if !ok {
			next := t.node()
			t.nodes[at].edges = slices.Insert(t.nodes[at].edges, i, edge{w, next})
		}
		at = t.nodes[at].edges[i].node
	}
	t.nodes[at].terms = append(t.nodes[at].terms, term)
}

func (t *trie) node() int32 {
	t.nodes = append(t.nodes, node{})
	return int32(len(t.nodes) - 1)
}

func (t *trie) next(at, word int32) int32 {
	edges := t.nodes[at].edges
	for i := range edges { // few, as a rule
		if edges[i].word == word {
			return edges[i].node
		}
	}
	return 0
}

// match is a phrase of the rules in a text.
type match struct {
	from, to int32 // tokens
	term     int32
}

// find appends the matches of toks to dst, longest first from the left, without
// overlap, and notes them in the tokens. accept chooses among the meanings of a phrase.
func (t *trie) find(dst []match, toks []token, accept func(term int32, first *token) bool) []match {
	for i := 0; i < len(toks); {
		best := match{from: int32(i), term: -1}
		at := int32(0)
		if id := toks[i].id; id >= 0 && int(id) < len(t.first) {
			at = t.first[id]
		}
		for j := i; at != 0; {
			for _, term := range t.nodes[at].terms {
				if accept(term, &toks[i]) {
					best.to, best.term = int32(j+1), term
					break
				}
			}
			if j++; j == len(toks) || toks[j].id < 0 {
				break
			}
			at = t.next(at, toks[j].id)
		}
		if best.term < 0 {
			i++
			continue
		}
		for j := best.from; j < best.to; j++ {
			toks[j].match = int32(len(dst))
		}
		dst = append(dst, best)
		i = int(best.to)
	}
	return dst
}

// exact is the first meaning of exactly these tokens; -1: they are no phrase.
func (t *trie) exact(toks []token) int32 {
	if id := toks[0].id; id < 0 || int(id) >= len(t.first) {
		return -1
	}
	at := t.first[toks[0].id]
	for i := 1; i < len(toks) && at != 0; i++ {
		at = t.next(at, toks[i].id)
	}
	if at == 0 || len(t.nodes[at].terms) == 0 {
		return -1
	}
	return t.nodes[at].terms[0]
}
