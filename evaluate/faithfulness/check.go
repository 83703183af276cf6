package faithfulness

import (
	"cmp"
	"slices"
	"strings"
)

// Check judges a text against a record and returns the findings in order of
// span (an outer one before what it holds), omissions last.
func (c *Checker) Check(rec *Record, text string) []Finding { return c.Append(nil, rec, text) }

// Append is Check into a slice that the caller reuses; it allocates nothing more.
func (c *Checker) Append(dst []Finding, rec *Record, text string) []Finding {
	r := c.pool.Get().(*reading)
	r.record, r.out = rec, dst
	r.named, r.coloured, r.clothed = false, false, false
	n := len(dst)
	r.scan(text)
	r.judge()
	out := r.out
	sortFindings(out[n:])
	for _, f := range rec.must {
		if !r.mentioned(f) {
			out = append(out, Finding{Kind: Omission, Field: f, Record: rec.show(f)})
		}
	}
	r.record, r.out, r.text = nil, nil, ""
	c.pool.Put(r)
	return out
}

func sortFindings(fs []Finding) {
	slices.SortStableFunc(fs, func(a, b Finding) int {
		return cmp.Or(a.Start-b.Start, b.End-a.End)
	})
}

// mentioned says that the text names a must-mention fact. A fact that no rule
// understands is mentioned when its own words stand in the text.
func (r *reading) mentioned(f Field) bool {
	rec := r.record
	switch f {
	case Colour:
		known := len(rec.colours)+len(rec.patterns) > 0
		return r.coloured || !known && containsFold(r.text, rec.fields[string(f)])
	case Material:
		best, ok := rec.principal()
		known := ok && best.concept >= 0
		return r.clothed || !known && containsFold(r.text, cmp.Or(best.name, rec.fields[string(f)]))
	}
	known := len(rec.own)+len(rec.kind) > 0
	return r.named || !known && containsFold(r.text, strings.TrimSuffix(rec.fields[string(f)], "s"))
}

// judge goes over the text once.
func (r *reading) judge() {
	for i := int32(0); int(i) < len(r.toks); {
		to := i + 1
		if r.toks[i].upper {
			if n := r.judgeOwnBrand(i); n > i {
				i = n
				continue
			}
		}
		if m := r.toks[i].match; m >= 0 {
			to = r.ms[m].to
			if k := r.term(m).concept; k >= 0 {
				to = max(to, r.judgeConcept(r.ms[m], k))
			} else if !r.term(m).skip {
				to = max(to, r.judgeOperator(r.ms[m], r.term(m)))
			}
		}
		if n := r.judgeSizes(i); n > 0 {
			to = max(to, n)
		}
		if r.toks[i].number && r.toks[i].match < 0 || r.numberWord(i) {
			to = max(to, r.judgeNumber(i))
		}
		i = to
	}
}

func (r *reading) numberWord(i int32) bool {
	t := r.at(i)
	return t != nil && t.value > 0
}

// judgeConcept judges a phrase that names a concept, and returns the token after
// what it used.
func (r *reading) judgeConcept(m match, k int32) int32 {
	s := r.toks[m.from].scope
	if s&(inHedge|inCompanion) != 0 || r.likened(m.to) {
		return m.to
	}
	not := s&inNegation != 0 || r.opsAt(m.to).has(opNegationAfter)
	switch r.checker.concepts[k].section {
	case sectionColour:
		r.judgeColour(m, k, not)
	case sectionPattern:
		r.judgePattern(m, k, not)
	case sectionMaterial:
		return r.judgeMaterial(m, k, not)
	case sectionFit:
		if n, ok := r.head(m.to); ok && r.foreignGarment(n) {
			return m.to
		}
		r.judgeStance(statement{field: Fit, from: m.from, to: m.to}, k, not)
	case sectionCare:
		r.judgeStance(statement{field: Care, from: m.from, to: m.to}, k, not)
	case sectionClaim:
		return r.judgeClaim(m, k, not)
	case sectionBrand:
		r.judgeBrand(m, k, not)
	case sectionGarment:
		r.judgeGarment(m, k, not)
	}
	return m.to
}

// judgeOperator judges what some operators say by themselves.
func (r *reading) judgeOperator(m match, t *term) int32 {
	if r.toks[m.from].scope&(inHedge|inCompanion) != 0 {
		return m.to
	}
	switch {
	case t.ops.has(opByline):
		return r.judgeByline(m)
	case t.ops.has(opAllSizes), t.ops.has(opOneSize), t.ops.has(opSoldOut), t.ops.has(opInStock):
		r.judgeStock(m, t.ops)
	}
	return m.to
}

// foreignGarment says that a noun is another garment than the product.
func (r *reading) foreignGarment(n int32) bool {
	c := r.checker
	if c.concepts[n].section != sectionGarment || slices.Contains(r.record.belongs, n) {
		return false
	}
	return !r.ownGarment(n)
}

// ownGarment says that a noun can mean the product: what its name says, or
// something more general or more special; without a garment in the name, what its category says.
func (r *reading) ownGarment(n int32) bool {
	c, rec := r.checker, r.record
	for _, o := range rec.own {
		if c.related(n, o) || c.like(n, o) {
			return true
		}
	}
	for _, k := range rec.kind {
		if n == k || len(rec.own) == 0 && c.related(n, k) {
			return true
		}
	}
	category := c.concepts[n].category
	return len(rec.own) == 0 && len(rec.kind) == 0 && category != "" && strings.EqualFold(category, rec.fields["category"])
}

func (r *reading) judgeGarment(m match, k int32, not bool) {
	this := r.opsAt(m.from - 1).has(opThis)
	if not && !this { // "not this dress" does not deny that it is one
		return
	}
	if r.ownGarment(k) {
		if !r.named {
			r.add(statement{kind: Supported, field: Category, from: m.from, to: m.to, value: r.checker.concepts[k].id})
		}
		r.named = true
		return
	}
	known := len(r.record.own)+len(r.record.kind) > 0
	if known && this && !not && !slices.Contains(r.record.belongs, k) {
		r.add(statement{kind: Contradiction, field: Category, from: m.from, to: m.to, value: r.checker.concepts[k].id})
	}
}

// judgeStance judges fit and care: concepts of one group exclude one another.
func (r *reading) judgeStance(s statement, k int32, not bool) {
	c := r.checker
	stances := r.record.fit
	if s.field == Care {
		stances = r.record.care
	}
	s.kind = Unsupported
	excluded := false
	for _, st := range stances {
		same := c.isA(st.concept, k) || c.like(st.concept, k)
		switch {
		case same && st.not == not:
			s.kind = Supported
		case same || st.not && !not && c.isA(k, st.concept): // "do not iron" forbids "cool iron" too
			if s.kind != Supported {
				s.kind = Contradiction
			}
		case !st.not && c.concepts[st.concept].group == c.concepts[k].group && c.concepts[k].group != "" && !c.isA(k, st.concept):
			excluded = true
		}
	}
	if s.kind == Unsupported && excluded {
		s.kind = Contradiction
		if not {
			s.kind = Supported
		}
	}
	if s.field == Fit && not && s.kind == Unsupported {
		return // "not cropped" of a record that is silent
	}
	s.value = c.concepts[k].id
	if s.field == Care && r.said(s) {
		return // "machine wash on a gentle cycle" is one statement
	}
	s.hard = s.field == Care && s.kind == Contradiction
	r.add(s)
}

// said says that the sentence has made this statement right before.
func (r *reading) said(s statement) bool {
	if len(r.out) == 0 {
		return false
	}
	last := &r.out[len(r.out)-1]
	if last.Field != s.field || last.Value != s.value || last.Kind != s.kind {
		return false
	}
	for i := s.from; i >= 0 && int(r.toks[i].start) >= last.End; i-- {
		if r.brkAt(i) == hardBreak {
			return false
		}
	}
	return true
}

func (r *reading) judgeClaim(m match, k int32, not bool) int32 {
	c, rec := r.checker, r.record
	to := m.to
	s := statement{field: Claim, from: m.from, to: to, value: c.concepts[k].id}
	if n := r.conceptAt(to); c.concepts[k].qualifies && n != nil && n.section == sectionMaterial {
		s.kind = r.qualified(k, r.at(to).concept)
	} else {
		if head, ok := r.head(to); ok && c.concepts[k].qualifies && r.foreignGarment(head) {
			return to
		}
		s.kind = Unsupported
		for _, st := range rec.claims {
			if !c.isA(st.concept, k) {
				continue
			}
			if s.kind = Supported; st.not {
				s.kind = Contradiction
			}
		}
	}
	if c.concepts[k].names {
		if s.to = r.nameAfter(to); s.to == to {
			return r.judgeShorter(m)
		}
		s.kind, to = Unsupported, s.to
		if containsFold(rec.all, r.text[r.toks[m.to].start:r.toks[to-1].end]) {
			s.kind = Supported
		}
	}
	if not {
		if s.kind != Supported {
			return to
		}
		s.kind = Contradiction
	}
	s.hard = c.concepts[k].hard && s.kind != Supported
	r.add(s)
	return to
}

// judgeShorter judges the longest concept that a phrase begins with: "handmade" of "handmade in".
func (r *reading) judgeShorter(m match) int32 {
	for n := m.to - 1; n > m.from; n-- {
		if t := r.checker.trie.exact(r.toks[m.from:n]); t >= 0 && r.accept(t, &r.toks[m.from]) && r.checker.terms[t].concept >= 0 {
			return max(m.to, r.judgeConcept(match{m.from, n, t}, r.checker.terms[t].concept))
		}
	}
	return m.to
}

// qualified says whether the record says a claim of one of its fibres: "recycled polyester".
func (r *reading) qualified(claim, material int32) Kind {
	for _, f := range r.record.fibres {
		if f.concept >= 0 && r.checker.related(f.concept, material) {
			for _, n := range f.claims {
				if r.checker.isA(n, claim) {
					return Supported
				}
			}
		}
	}
	return Unsupported
}

// nameAfter passes over words with a capital letter.
func (r *reading) nameAfter(i int32) int32 {
	for n := 0; n < 3 && int(i) < len(r.toks) && r.toks[i].upper; n++ {
		i++
	}
	return i
}

// containsFold looks for part, in any case, in text that is in lower case.
func containsFold(text, part string) bool {
	for i := 0; i+len(part) <= len(text); i++ {
		if strings.EqualFold(text[i:i+len(part)], part) {
			return true
		}
	}
	return false
}
