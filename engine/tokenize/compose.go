package tokenize

import "unicode/utf8"

// spacesPattern is what spaceJoiner replaces by one space.
const spacesPattern = `\s+`

// canonical is NFC, in the Unicode version of the reference.
type canonical struct{}

func (canonical) run(w *work, n *normalized) {
	if isPlainNFKC(n.text) {
		return
	}
	w.edits = composeEdits(w, decomposeEdits(w, n.text, false))
	n.apply(w.edits, &w.spare)
}

// spaceJoiner makes every run of white space one space, which stands for the last
// character of the run.
type spaceJoiner struct{}

func (spaceJoiner) run(w *work, n *normalized) {
	same := true
	for i, c := range n.text {
		blank := c < utf8.RuneSelf && asciiClass[c].is(space)
		if c >= utf8.RuneSelf || blank && (c != ' ' || i > 0 && n.text[i-1] == ' ') {
			same = false
			break
		}
	}
	if same {
		return
	}
	out := w.spare
	out.text, out.from, out.to, out.plain, out.base = out.text[:0], out.from[:0], out.to[:0], false, n.base
	blank := false
	for i := 0; i < len(n.text); {
		r, size := utf8.DecodeRune(n.text[i:])
		at := n.place(i)
		i += size
		switch {
		case !classOf(r).is(space):
			out.add(r, at)
			blank = false
		case blank:
			last := len(out.text) - 1
			out.from[last], out.to[last] = at.Start, at.End
		default:
			out.add(' ', at)
			blank = true
		}
	}
	w.spare, *n = *n, out
}

// lowerCaser lower-cases character by character, as Rust's char::to_lowercase.
type lowerCaser struct{}

func (lowerCaser) run(w *work, n *normalized) {
	if isPlainNFKC(n.text) {
		for i, c := range n.text {
			if c >= 'A' && c <= 'Z' {
				n.text[i] = c + 'a' - 'A'
			}
		}
		return
	}
	out := w.spare
	out.text, out.from, out.to, out.plain, out.base = out.text[:0], out.from[:0], out.to[:0], false, n.base
	for i := 0; i < len(n.text); {
		r, size := utf8.DecodeRune(n.text[i:])
		if at := n.place(i); r == 'İ' {
			out.add('i', at)
			out.add('\u0307', at)
		} else {
			out.add(lowerCase(r), at)
		}
		i += size
	}
	w.spare, *n = *n, out
}
