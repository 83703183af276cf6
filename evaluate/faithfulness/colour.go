package faithfulness

import "slices"

func (r *reading) judgeColour(m match, k int32, not bool) {
	c, rec := r.checker, r.record
	if r.inName(m) && !r.relatedColour(k) {
		return // "Rose" of a dress called Rose
	}
	head, ok := r.head(m.to)
	if !ok {
		head, ok = r.owner(m.from)
	}
	if ok && r.foreignGarment(head) {
		return
	}
	if c.concepts[k].ambiguous && !ok && !r.cued(m) && !slices.Contains(rec.colours, k) {
		return
	}
	s := statement{field: Colour, from: m.from, to: m.to, value: c.concepts[k].id}
	onPart := ok && c.concepts[head].section == sectionPart
	if onPart {
		s.kind = r.partKind(head, k, func(p part) []int32 { return p.colours }, rec.colours)
	} else {
		s.kind = r.colourKind(k)
		if s.kind == Contradiction && r.toks[m.from].scope&inAlternative != 0 {
			s.kind = Unsupported // other colours are not the record's affair
		}
	}
	if not {
		if s.kind != Supported || onPart {
			return
		}
		s.kind = Contradiction
	}
	r.coloured = r.coloured || s.kind == Supported && !onPart
	r.add(s)
}

// colourKind holds a colour against the product's own.
func (r *reading) colourKind(k int32) Kind {
	c := r.checker
	special := false
	for _, own := range r.record.colours {
		if c.isA(own, k) || c.like(own, k) {
			return Supported
		}
		special = special || c.isA(k, own)
	}
	if special || len(r.record.colours) == 0 {
		return Unsupported // "sage" of a record that says green
	}
	return Contradiction
}

func (r *reading) relatedColour(k int32) bool {
	for _, own := range r.record.colours {
		if r.checker.related(own, k) || r.checker.like(own, k) {
			return true
		}
	}
	return false
}

// partKind judges a value of a part: by the features that name the part, else by
// the product's own values, else the record is silent.
func (r *reading) partKind(noun, k int32, values func(part) []int32, own []int32) Kind {
	c := r.checker
	kind := Unsupported
	for _, p := range r.record.parts {
		if !slices.ContainsFunc(p.noun, func(n int32) bool { return c.related(n, noun) }) {
			continue
		}
		for _, v := range values(p) {
			if c.isA(v, k) || c.like(v, k) {
				return Supported
			}
			kind = Contradiction
		}
	}
	if kind == Unsupported && slices.ContainsFunc(own, func(v int32) bool { return c.isA(v, k) || c.like(v, k) }) {
		return Supported
	}
	return kind
}

// cued says that an ambiguous word stands where a colour does: "in stone",
// "stone-coloured", "stone and navy".
func (r *reading) cued(m match) bool {
	if r.opsAt(m.from-1).has(opCueBefore) || r.opsAt(m.to).has(opCueAfter) {
		return true
	}
	for _, i := range [...]int32{m.from - 1, m.from - 2, m.to, m.to + 1} {
		if r.brkAt(i) == hardBreak {
			continue
		}
		if k := r.conceptAt(i); k != nil && k.section == sectionColour {
			return true
		}
	}
	return false
}

func (r *reading) judgePattern(m match, k int32, not bool) {
	c, rec := r.checker, r.record
	if head, ok := r.head(m.to); ok && r.foreignGarment(head) {
		return
	}
	s := statement{kind: Unsupported, field: Colour, from: m.from, to: m.to, value: c.concepts[k].id}
	if len(rec.patterns) > 0 {
		s.kind = Contradiction
	}
	for _, own := range rec.patterns {
		if c.isA(own, k) || c.like(own, k) {
			s.kind = Supported
		}
	}
	if not {
		if s.kind != Supported {
			return
		}
		s.kind = Contradiction
	}
	r.coloured = r.coloured || s.kind == Supported && len(rec.colours) == 0
	r.add(s)
}

// inName says that a phrase is written as a name and stands in the product's.
func (r *reading) inName(m match) bool {
	if !r.toks[m.from].upper {
		return false
	}
	for i := m.from; i < m.to; i++ {
		if !slices.ContainsFunc(r.record.name, func(w string) bool { return equalFold(w, r.word(i)) }) {
			return false
		}
	}
	return true
}
