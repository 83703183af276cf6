package safety

import (
	"strings"
	"unicode/utf8"
)

// words finds phrases of a list. Between the words of a phrase any white space, hyphens and
// apostrophes may stand; before and after it no letter, except in scripts without spaces.
type words struct {
	root node
	// unless are words that deny what follows them, such as "not": a match with one of
	// them among the two words before is none.
	unless map[string]bool
	// begins is root.next of the ASCII characters.
	begins [utf8.RuneSelf]*node
}

// node is a place in the tree of phrases.
type node struct {
	next map[rune]*node // ' ' stands for what separates words
	ends bool           // a phrase ends here
}

const (
	maxPhrase = 128 // bytes of a normalised phrase
	maxGap    = 8   // bytes between two words
)

// add puts a phrase into the tree. It returns false for one without a letter or digit.
func (w *words) add(phrase string, l level) bool {
	s := look(phrase, l, true).s
	at, gap, any := &w.root, false, false
	for _, r := range s {
		if gapRune(r) {
			gap = true
			continue
		}
		if gap && any {
			at = at.step(' ')
		}
		begins := !any
		at, gap, any = at.step(r), false, true
		if begins && r < utf8.RuneSelf {
			w.begins[r] = at
		}
	}
	if any {
		at.ends = true
	}
	return any
}

func (n *node) step(r rune) *node {
	if n.next == nil {
		n.next = map[rune]*node{}
	}
	if n.next[r] == nil {
		n.next[r] = &node{}
	}
	return n.next[r]
}

func gapRune(r rune) bool {
	switch r {
	case ' ', '\t', '\n', '\r', '\v', '\f', '-', '\'', '’', '‘', '_', '·', '‐', '‑', '–':
		return true
	}
	return false
}

// skip implements skipper.
func (w *words) skip(t text, i int) int {
	s := t.s
	for i < len(s) && s[i] < utf8.RuneSelf && (w.begins[s[i]] == nil || alnum(s[i]) && i > 0 && alnum(s[i-1])) {
		i++
	}
	return i
}

func (w *words) match(t text, i int) (int, verdict) {
	first, size := utf8.DecodeRuneInString(t.s[i:])
	var at *node
	if first < utf8.RuneSelf {
		at = w.begins[first]
	} else {
		at = w.root.next[first]
	}
	if at == nil || wordRune(first) && !boundary(before(t.s, i), first) {
		return i + size, no
	}
	end, j, last := 0, i+size, first
	for {
		if at.ends {
			if t.ends(j) {
				return i, more
			}
			if !wordRune(last) || boundary(last, after(t.s, j)) {
				end = j
			}
		}
		if at.next == nil {
			break
		}
		k, ok := w.gap(t, j, at)
		if !ok {
			return i, more
		}
		if k > j && at.next[' '] != nil {
			at, j = at.next[' '], k
		}
		r, n := utf8.DecodeRuneInString(t.s[j:])
		if n == 0 || at.next[r] == nil {
			break
		}
		at, j, last = at.next[r], j+n, r
	}
	if end == 0 || len(w.unless) > 0 && w.denied(t.s[:i]) {
		return i + size, no
	}
	return end, yes
}

// gap skips what separates words; ok is false where that may go on.
func (w *words) gap(t text, j int, at *node) (end int, ok bool) {
	from := j
	for j < len(t.s) {
		r, n := utf8.DecodeRuneInString(t.s[j:])
		if !gapRune(r) || j+n-from > maxGap {
			return j, true
		}
		j += n
	}
	return j, t.final
}

// boundary is true if one word may end and another begin between two characters.
func boundary(a, b rune) bool {
	return !wordRune(a) || !wordRune(b) || unspaced(a) || unspaced(b)
}

// denied looks at the two words before a place.
func (w *words) denied(s string) bool {
	s = s[max(0, len(s)-maxBehind/2):]
	for range 2 {
		s = strings.TrimRight(s, " \t\n\"“‘(-")
		k := len(s)
		for k > 0 {
			r, n := utf8.DecodeLastRuneInString(s[:k])
			if !wordRune(r) && r != '\'' && r != '’' {
				break
			}
			k -= n
		}
		if k == len(s) {
			return false
		}
		if w.unless[strings.ReplaceAll(s[k:], "’", "'")] {
			return true
		}
		s = s[:k]
	}
	return false
}
