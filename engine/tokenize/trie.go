package tokenize

import (
	"bytes"
	"slices"
	"strings"
)

// trie finds the tokens that a text begins with. The children of a node lie side by side, in order of
// their bytes, so that one look over a few neighbouring bytes finds the next node.
type trie struct {
	labels []byte // of node i: the byte that leads to it
	nodes  []trieNode
}

type trieNode struct {
	first int32  // of its children
	count uint16 // of them
	id    int32  // of the token that ends here, or -1
}

// newTrie builds a trie of tokens, by spelling.
func newTrie(tokens map[string]int32) *trie {
	sorted := make([]string, 0, len(tokens))
	for s := range tokens {
		if s != "" {
			sorted = append(sorted, s)
		}
	}
	slices.Sort(sorted)
	t := &trie{labels: []byte{0}, nodes: []trieNode{{id: -1}}}
	// Breadth first: sorted[low:high] are those that begin as node n does. level holds them for the nodes of one depth.
	type span struct {
		low, high int
	}
	level, below := []span{{0, len(sorted)}}, []span(nil)
	for n, depth := 0, 0; len(level) > 0; depth++ {
		below = below[:0]
		for _, s := range level {
			if s.low < s.high && len(sorted[s.low]) == depth {
				t.nodes[n].id = tokens[sorted[s.low]]
				s.low++
			}
			t.nodes[n].first = int32(len(t.nodes))
			for s.low < s.high {
				c := sorted[s.low][depth]
				end := s.low + 1
				for end < s.high && sorted[end][depth] == c {
					end++
				}
				t.nodes[n].count++
				t.labels = append(t.labels, c)
				t.nodes = append(t.nodes, trieNode{id: -1})
				below = append(below, span{s.low, end})
				s.low = end
			}
			n++
		}
		level, below = below, level
	}
	return t
}

// next goes from node n along a byte; 0, the root, means that there is no such way.
func (t *trie) next(n int32, c byte) int32 {
	node := &t.nodes[n]
	i := bytes.IndexByte(t.labels[node.first:int(node.first)+int(node.count)], c)
	if i < 0 {
		return 0
	}
	return node.first + int32(i)
}

// find is the token spelled s.
func (t *trie) find(s []byte) (int32, bool) {
	n := int32(0)
	for _, c := range s {
		if n = t.next(n, c); n == 0 {
			return 0, false
		}
	}
	id := t.nodes[n].id
	return id, id >= 0 && len(s) > 0
}

// findString is find.
func (t *trie) findString(s string) (int32, bool) {
	n := int32(0)
	for i := range len(s) {
		if n = t.next(n, s[i]); n == 0 {
			return 0, false
		}
	}
	id := t.nodes[n].id
	return id, id >= 0 && s != ""
}

// metaspaceDecoder joins tokens and turns the character that stands for spaces back into these. Those of the
// first token are dropped, unless no space was put before the text.
type metaspaceDecoder struct {
	tokens []string
	space  string
	keep   bool // no space was put before
}

func (d *metaspaceDecoder) appendToken(dst []byte, id int32, first bool) ([]byte, bool) {
	if id < 0 || int(id) >= len(d.tokens) || d.tokens[id] == "" {
		return dst, false
	}
	replacement := " "
	if first && !d.keep {
		replacement = ""
	}
	return append(dst, strings.ReplaceAll(d.tokens[id], d.space, replacement)...), true
}
