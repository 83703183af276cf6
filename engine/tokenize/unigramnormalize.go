package tokenize

import (
	"bytes"
	"slices"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// A normalizer changes a text and keeps account of where its bytes come from.
type normalizer interface {
	run(w *work, n *normalized)
}

// normalizers are steps one after another.
type normalizers []normalizer

func (s normalizers) run(w *work, n *normalized) {
	for _, step := range s {
		step.run(w, n)
	}
}

// edit is a character of a normalised text: change 0 stands for the next character of the text before, above
// 0 is one more for the character before it, and below 0 takes so many more characters away.
type edit struct {
	r      rune
	change int32
}

// begin makes n the text s as it stands, which lies at base of the original.
func (n *normalized) begin(base int, s string) {
	n.text, n.from, n.to = append(n.text[:0], s...), n.from[:0], n.to[:0]
	n.plain, n.start, n.base = true, base, base
}

// place is where the character that byte i belongs to comes from.
func (n *normalized) place(i int) Span {
	if !n.plain {
		return Span{n.from[i], n.to[i]}
	}
	for i > 0 && !utf8.RuneStart(n.text[i]) {
		i--
	}
	_, size := utf8.DecodeRune(n.text[i:])
	return Span{n.start + i, n.start + i + size}
}

// apply makes the edits, whatever they leave of the text at its end. spare is memory that changes places with n's.
func (n *normalized) apply(edits []edit, spare *normalized) {
	out := *spare
	out.text, out.from, out.to, out.plain, out.base = out.text[:0], out.from[:0], out.to[:0], false, n.base
	at := 0
	take := func() {
		if at < len(n.text) {
			_, size := utf8.DecodeRune(n.text[at:])
			at += size
		}
	}
	for _, e := range edits {
		var from Span
		switch {
		case e.change > 0 && at == 0:
			from = Span{n.base, n.base}
		case e.change > 0:
			from = n.place(at - 1)
		case at < len(n.text):
			from = n.place(at)
		default:
			from = n.place(len(n.text) - 1)
		}
		if e.change <= 0 {
			for range 1 - e.change {
				take()
			}
		}
		out.add(e.r, from)
	}
	*n, *spare = out, *n
}

// replacer replaces a text, or every run of two spaces and more, by another.
type replacer struct {
	old    string // "" for the runs
	change string
}

func (p replacer) run(w *work, n *normalized) {
	at, end := p.find(n.text, 0)
	if at < 0 {
		return
	}
	out := w.spare
	out.text, out.from, out.to, out.plain, out.base = out.text[:0], out.from[:0], out.to[:0], false, n.base
	done := 0
	for at >= 0 {
		out.keep(n, done, at)
		last := n.place(end - 1)
		for _, r := range p.change {
			out.add(r, last)
		}
		done = end
		at, end = p.find(n.text, end)
	}
	out.keep(n, done, len(n.text))
	w.spare, *n = *n, out
}

// find is the next place to replace.
func (p replacer) find(text []byte, from int) (start, end int) {
	if p.old != "" {
		i := bytes.Index(text[from:], []byte(p.old))
		if i < 0 {
			return -1, -1
		}
		return from + i, from + i + len(p.old)
	}
	i := bytes.Index(text[from:], []byte("  "))
	if i < 0 {
		return -1, -1
	}
	start = from + i
	end = start + 2
	for end < len(text) && text[end] == ' ' {
		end++
	}
	return start, end
}

// keep adds bytes start to end of another text as they are.
func (n *normalized) keep(other *normalized, start, end int) {
	for i := start; i < end; {
		r, size := utf8.DecodeRune(other.text[i:])
		n.add(r, other.place(i))
		i += size
	}
}

// stripper takes white space off the ends.
type stripper struct{ left, right bool }

func (s stripper) run(_ *work, n *normalized) {
	start, end := 0, len(n.text)
	for s.left && start < end {
		r, size := utf8.DecodeRune(n.text[start:])
		if !classOf(r).is(space) {
			break
		}
		start += size
	}
	for s.right && end > start {
		r, size := utf8.DecodeLastRune(n.text[:end])
		if !classOf(r).is(space) {
			break
		}
		end -= size
	}
	if n.plain {
		n.start += start
	} else {
		n.from, n.to = slices.Delete(n.from[:end], 0, start), slices.Delete(n.to[:end], 0, start)
	}
	n.text = slices.Delete(n.text[:end], 0, start)
}

// compatibility is NFKC, in the Unicode version of the reference.
type compatibility struct{}

func (compatibility) run(w *work, n *normalized) {
	if isPlainNFKC(n.text) {
		return
	}
	w.edits = composeEdits(w, decomposeEdits(w, n.text, true))
	n.apply(w.edits, &w.spare)
}

// isPlainNFKC tells that no character of the text can change, cheaply.
func isPlainNFKC(text []byte) bool {
	for _, c := range text {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// decomposeEdits is NFKD, or NFD unless compatible.
func decomposeEdits(w *work, text []byte, compatible bool) []edit {
	form, expanded := norm.NFD, func(r rune) bool { return classOf(r).is(composed) }
	if compatible {
		form, expanded = norm.NFKD, func(r rune) bool { return clusterClassOf(r).is(expands) }
	}
	e, pending := w.edits[:0], w.marks[:0]
	flush := func() {
		slices.SortStableFunc(pending, func(a, b markEdit) int { return int(a.order) - int(b.order) })
		for _, p := range pending {
			e = append(e, p.edit)
		}
		pending = pending[:0]
	}
	add := func(r rune, order uint8, change int32) {
		if order == 0 {
			flush()
			e = append(e, edit{r, change})
			return
		}
		pending = append(pending, markEdit{edit{r, change}, order})
	}
	for i := 0; i < len(text); {
		r, size := utf8.DecodeRune(text[i:])
		if isSyllable(r) {
			k := r - hangulFirst
			add(leadBase+k/syllablesPerLead, 0, 0)
			add(vowelBase+k%syllablesPerLead/trailsPerVowel, 0, 1)
			if t := k % trailsPerVowel; t != 0 {
				add(trailBase+t, 0, 1)
			}
		} else if r >= utf8.RuneSelf && expanded(r) {
			parts, change := form.Properties(text[i:]).Decomposition(), int32(0)
			for len(parts) > 0 {
				part, n := utf8.DecodeRune(parts)
				add(part, combiningOrder(part, parts), change)
				parts, change = parts[n:], 1
			}
		} else {
			add(r, combiningOrder(r, text[i:]), 0)
		}
		i += size
	}
	flush()
	w.marks = pending
	return e
}

// markEdit is a character that waits for its place among the marks.
type markEdit struct {
	edit
	order uint8 // combining class
}

func combiningOrder(r rune, s []byte) uint8 {
	if r < 0x300 || !classOf(r).is(combining) {
		return 0
	}
	return norm.NFD.Properties(s).CCC()
}

// composeEdits joins what NFKD has taken apart, in place.
func composeEdits(w *work, e []edit) []edit {
	out, starter := 0, -1
	last := uint8(0) // combining class of the character before, 0 right after the starter
	for i := range e {
		c := e[i]
		w.rune = utf8.AppendRune(w.rune[:0], c.r)
		order := combiningOrder(c.r, w.rune)
		if starter >= 0 && (out == starter+1 || last < order && last != 0) {
			if r, ok := compose(w, e[starter].r, c.r); ok {
				e[starter] = edit{r, e[starter].change + c.change - 1}
				continue
			}
		}
		e[out] = c
		if order == 0 {
			starter = out
		}
		last = order
		out++
	}
	return e[:out]
}

// compose is the character that two make, if the reference knows one; w.rune is the second one.
func compose(w *work, a, b rune) (rune, bool) {
	switch {
	case a >= leadBase && a < leadBase+19 && b >= vowelBase && b < vowelBase+21:
		return hangulFirst + (a-leadBase)*syllablesPerLead + (b-vowelBase)*trailsPerVowel, true
	case isSyllable(a) && (a-hangulFirst)%trailsPerVowel == 0 && b > trailBase && b < trailBase+trailsPerVowel:
		return a + b - trailBase, true
	case b < 0x300 || norm.NFC.Properties(w.rune).BoundaryBefore():
		return 0, false
	}
	w.pair = append(utf8.AppendRune(w.pair[:0], a), w.rune...)
	w.both = norm.NFC.Append(w.both[:0], w.pair...)
	r, size := utf8.DecodeRune(w.both)
	if size != len(w.both) || !classOf(r).is(composed) {
		return 0, false
	}
	return r, true
}
