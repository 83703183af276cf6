package faithfulness

import "strings"

// label is a size in a text.
type label struct {
	text     string
	to       int32
	clear    bool // cannot be anything but a size: "XL"
	alphabet bool // letters, not digits
}

// labelAt reads a size that begins at token i.
func (r *reading) labelAt(i int32) (label, bool) {
	if i < 0 || int(i) >= len(r.toks) {
		return label{}, false
	}
	t, w := &r.toks[i], r.word(i)
	if t.number && t.match < 0 {
		next := i + 1
		if int(next) < len(r.toks) && r.toks[next].glued && strings.EqualFold(r.word(next), "XL") {
			return label{r.text[t.start:r.toks[next].end], next + 1, true, true}, true
		}
		if int(next) < len(r.toks) && (r.toks[next].glued && !r.toks[next].dash && r.brkAt(next) == noBreak || r.unit(next)) {
			return label{}, false
		}
		return label{w, next, false, false}, true
	}
	switch w {
	case "S", "M", "L":
		return label{w, i + 1, false, true}, true
	case "XXS", "XS", "XL", "XXL", "XXXL":
		return label{w, i + 1, true, true}, true
	}
	if x := r.at(i); x != nil && x.size != "" && r.ms[t.match].from == i {
		return label{x.size, r.ms[t.match].to, false, true}, true
	}
	return label{}, false
}

// unit says that a token makes a number something else than a size.
func (r *reading) unit(i int32) bool {
	t := r.at(i)
	return t != nil && (t.currency != "" || t.ops.has(opPercent|opDegree|opUnit|opLeft))
}

// run is a list or range of sizes: "XS, S and M", "S to XL".
type run struct {
	from, to         int32
	count            int
	clear, alphabet  bool
	first, last      label
	ranged, sizeWord bool
}

// sizeRun reads the longest run of sizes that begins at token i and hands its
// statements to each, if that is not nil: single sizes, or a whole range.
func (r *reading) sizeRun(i int32, each func(from, to int32, a, b label)) (run, bool) {
	l, ok := r.labelAt(i)
	if !ok {
		return run{}, false
	}
	out := run{from: i, first: l, last: l, count: 1, clear: l.clear, alphabet: l.alphabet, to: l.to}
	at, start := l, i
	flush := func(last label, to int32) {
		if each != nil {
			each(start, to, at, last)
		}
	}
	for {
		next, ranged := r.separator(out.to)
		l, ok := r.labelAt(next)
		if next == out.to && !ranged || !ok || l.alphabet != out.alphabet {
			break
		}
		out.count++
		out.clear = out.clear || l.clear
		out.last = l
		if ranged {
			out.ranged = true
			flush(l, l.to)
			out.to = l.to
			return out, true
		}
		flush(at, out.to)
		at, start, out.to = l, next, l.to
	}
	flush(at, out.to)
	return out, true
}

// separator passes over what stands between two sizes; ranged: it makes a range of them.
func (r *reading) separator(i int32) (next int32, ranged bool) {
	if int(i) < len(r.toks) && r.toks[i].dash {
		return i, true
	}
	if r.opsAt(i).has(opSize) && r.opsAt(i+1).has(opRange) { // "size S to size XL" and "S sizes to"
		i++
	}
	if r.opsAt(i).has(opRange) || int(i) < len(r.toks) && (r.word(i) == "-" || r.word(i) == "–") {
		next = i + 1
		if r.opsAt(next).has(opSize) {
			next++
		}
		return next, true
	}
	next = i
	if r.brkAt(next) == softBreak || int(next) < len(r.toks) && r.word(next) == "/" {
		next++
	}
	if r.opsAt(next).has(opList) {
		next++
	}
	if next > i && r.opsAt(next).has(opSize) {
		next++
	}
	return next, false
}

// judgeSizes judges the sizes that begin at token i, and returns the token after
// them; 0 if what stands there is no size.
func (r *reading) judgeSizes(i int32) int32 {
	if _, ok := r.labelAt(i); !ok {
		return 0
	}
	x, _ := r.sizeRun(i, nil)
	if !r.meant(&x) {
		return 0
	}
	if r.toks[i].scope&(inHedge|inCompanion) != 0 || r.sentenceHas(i, opOtherSize) {
		return x.to
	}
	sold := r.toks[i].scope&inNegation != 0 || r.clause(x.from, x.to, opSoldOut)
	r.sizeRun(i, func(from, to int32, a, b label) {
		s := statement{field: Size, from: from, to: to, value: a.text}
		if a != b {
			s.value = "" // a range; the text is the value
		}
		s.kind = r.record.sizesKind(a.text, b.text, sold)
		r.add(s)
	})
	return x.to
}

// meant says that a run is about sizes: it has a label that is nothing else, a
// word such as "size" beside it, or several letters.
func (r *reading) meant(x *run) bool {
	for j, steps := x.from-1, 0; j >= 0 && steps < 3; j, steps = j-1, steps+1 {
		if r.brkAt(j) == hardBreak && r.word(j) != ":" {
			break
		}
		if r.opsAt(j).has(opSize) {
			x.sizeWord = true
		}
	}
	x.sizeWord = x.sizeWord || r.opsAt(x.to).has(opSize)
	if x.clear && x.alphabet || x.sizeWord {
		return true
	}
	if !x.alphabet { // a bare number, if the record has that size: "44 is sold out"
		return r.record.find(x.first.text) >= 0 && r.clause(x.from, x.to, opSoldOut|opInStock)
	}
	cue := r.opsAt(x.from - 1).has(opCueBefore)
	if single := r.toks[x.from].end-r.toks[x.from].start == 1; !single {
		return x.count > 1 && cue // "in small, medium and large"
	}
	return x.count > 1 || cue || r.clause(x.from, x.to, opSoldOut|opInStock|opLeft)
}

// sentenceReach bounds how far a sentence is looked through, in tokens either way,
// so that the work grows with the text's length and not with its square.
const sentenceReach = 100

// sentence returns the tokens [from, to) of the sentence of token i, as far as it is looked through.
func (r *reading) sentence(i int32) (from, to int32) {
	for from = i; from > i-sentenceReach && r.brkAt(from-1) != hardBreak; from-- {
	}
	for to = i + 1; to < i+sentenceReach && r.brkAt(to) != hardBreak; to++ {
	}
	return from, to
}

// sentenceHas says that an operator stands in the sentence of token i.
func (r *reading) sentenceHas(i int32, o ops) bool {
	from, to := r.sentence(i)
	for j := from; j < to; j++ {
		if r.opsAt(j).has(o) {
			return true
		}
	}
	return false
}

// clause says that an operator stands beside the sizes [from, to): up to a contrast
// ("sold out in S, but M is there") and to other sizes.
func (r *reading) clause(from, to int32, o ops) bool {
	ends := func(j int32) bool {
		x := r.opsAt(j)
		return r.brkAt(j) == hardBreak || j < from-sentenceReach || j > to+sentenceReach || x.has(opNegationEnds) && !x.has(opList)
	}
	for j := from - 1; !ends(j); j-- {
		if r.opsAt(j).has(o) {
			return true
		}
		if _, ok := r.labelAt(j); ok {
			break
		}
	}
	for j := to; !ends(j); j++ {
		if r.opsAt(j).has(o) {
			return true
		}
		if _, ok := r.labelAt(j); ok {
			break
		}
	}
	return false
}

// find is the index of a size; -1: the record has none of that name.
func (rec *Record) find(label string) int {
	for i := range rec.sizes {
		if strings.EqualFold(rec.sizes[i].label, label) {
			return i
		}
	}
	return -1
}

// sizesKind judges sizes a to b (the same for a single one), offered or said to be sold out.
func (rec *Record) sizesKind(a, b string, sold bool) Kind {
	if len(rec.sizes) == 0 {
		return Unsupported
	}
	i, j := rec.find(a), rec.find(b)
	if i < 0 || j < 0 {
		if sold {
			return Unsupported
		}
		return Contradiction
	}
	for n := min(i, j); n <= max(i, j); n++ {
		if (rec.sizes[n].stock == 0) != sold {
			return Contradiction
		}
	}
	return Supported
}

// judgeStock judges what is said of all sizes at once.
func (r *reading) judgeStock(m match, o ops) {
	rec := r.record
	s := statement{kind: Unsupported, field: Size, from: m.from, to: m.to}
	out, all := 0, len(rec.sizes)
	for i := range rec.sizes {
		if rec.sizes[i].stock == 0 {
			out++
		}
	}
	yes := false
	switch {
	case o.has(opAllSizes):
		yes = out == 0
	case o.has(opOneSize):
		yes = all == 1
	default:
		s.field = Stock
		if r.sizesNear(m) {
			return // said of those sizes
		}
		if yes = out < all; o.has(opSoldOut) {
			yes = out == all
		}
	}
	if r.toks[m.from].scope&inNegation != 0 {
		yes = !yes
	}
	if all > 0 {
		if s.kind = Contradiction; yes {
			s.kind = Supported
		}
	}
	r.add(s)
}

// sizesNear says that the sentence names sizes.
func (r *reading) sizesNear(m match) bool {
	from, to := r.sentence(m.from)
	for j := from; j < to; j++ {
		if _, ok := r.labelAt(j); !ok {
			continue
		}
		if x, _ := r.sizeRun(j, nil); r.meant(&x) {
			return true
		}
	}
	return false
}

// judgeLeft judges "only 2 left in S": the pieces of the one size that the sentence
// names, else of all together.
func (r *reading) judgeLeft(from, to int32, pieces float64) {
	rec := r.record
	s := statement{kind: Unsupported, field: Stock, from: from, to: to}
	total, known := 0, len(rec.sizes) > 0
	for i := range rec.sizes {
		total += rec.sizes[i].stock
		known = known && rec.sizes[i].known
	}
	_, end := r.sentence(from)
	for j := to; j < end; j++ {
		if l, ok := r.labelAt(j); ok && l.alphabet {
			if n := rec.find(l.text); n >= 0 {
				total = rec.sizes[n].stock
			}
			break
		}
	}
	if known {
		if s.kind = Contradiction; float64(total) == pieces {
			s.kind = Supported
		}
	}
	r.add(s)
}
