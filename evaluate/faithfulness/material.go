package faithfulness

import (
	"math"
	"strings"
)

func equalFold(a, b string) bool { return strings.EqualFold(a, b) }

// percentSlack is how far a percentage may be off, in points: texts round.
const percentSlack = 0.5

func (r *reading) judgeMaterial(m match, k int32, not bool) int32 {
	c := r.checker
	s := statement{field: Material, from: m.from, to: m.to, value: c.concepts[k].id}
	percent, blend := -1.0, false
	if v, from, ok := r.percentBefore(m.from); ok {
		percent, s.from = v, from
	} else if v, to, ok := r.percentAfter(m.to); ok {
		percent, s.to = v, to
	}
	if r.opsAt(m.to).has(opBlend) {
		blend, s.to = true, r.ms[r.toks[m.to].match].to
	}
	head, ok := r.head(s.to)
	if !ok {
		head, ok = r.owner(s.from)
	}
	if ok && r.foreignGarment(head) {
		return s.to
	}
	onPart := ok && c.concepts[head].section == sectionPart
	switch {
	case onPart:
		s.kind = r.partMaterial(head, k)
	case percent >= 0:
		s.kind = r.percentKind(k, percent)
	case blend:
		s.kind = r.blendKind(k)
	default:
		s.kind = r.fibreKind(k)
	}
	if not {
		if s.kind != Supported || percent >= 0 || onPart {
			return s.to
		}
		s.kind = Contradiction
	}
	if s.kind == Supported && !onPart && r.principal(k) {
		r.clothed = true
	}
	s.hard = s.kind == Contradiction
	r.add(s)
	return s.to
}

// principal says that a fibre is the record's largest, or names it.
func (r *reading) principal(k int32) bool {
	c := r.checker
	best, ok := r.record.principal()
	if !ok || best.concept < 0 {
		return !ok
	}
	if c.related(best.concept, k) || c.like(best.concept, k) {
		return true
	}
	for _, of := range c.concepts[k].of {
		if c.related(best.concept, of) {
			return true
		}
	}
	return false
}

// principal is the largest fibre, the first of several.
func (rec *Record) principal() (fibre, bool) {
	if len(rec.fibres) == 0 {
		return fibre{}, false
	}
	best := rec.fibres[0]
	for _, f := range rec.fibres {
		if f.percent > best.percent {
			best = f
		}
	}
	return best, true
}

// fibreKind judges a fibre or fabric without a share.
func (r *reading) fibreKind(k int32) Kind {
	c, rec := r.checker, r.record
	special, unknown, made := false, len(rec.fibres) == 0, false
	for _, f := range rec.fibres {
		if f.concept < 0 {
			unknown = true
			continue
		}
		if c.isA(f.concept, k) || c.like(f.concept, k) {
			return Supported
		}
		special = special || c.isA(k, f.concept)
		made = made || r.madeOf(k, f.concept)
	}
	for _, o := range rec.others {
		if c.isA(o, k) || c.like(o, k) {
			return Supported
		}
	}
	if special || unknown || made {
		return Unsupported // "merino" of a record that says wool; "denim" of one that says cotton alone
	}
	return Contradiction
}

// madeOf says that a fabric is usually made of a fibre.
func (r *reading) madeOf(fabric, fibre int32) bool {
	for _, of := range r.checker.concepts[fabric].of {
		if r.checker.isA(fibre, of) {
			return true
		}
	}
	return false
}

// percentKind judges a fibre with its share: "55% linen".
func (r *reading) percentKind(k int32, percent float64) Kind {
	c, rec := r.checker, r.record
	sum, unknown, found := 0.0, len(rec.fibres) == 0, false
	for _, f := range rec.fibres {
		switch {
		case f.concept < 0:
			unknown = true
		case c.isA(f.concept, k) || c.like(f.concept, k) || r.madeOf(k, f.concept):
			sum, found = sum+f.percent, true
		}
	}
	switch {
	case found && math.Abs(sum-percent) <= percentSlack:
		if k := r.fibreKind(k); k == Unsupported {
			return k
		}
		return Supported
	case unknown && !found:
		return Unsupported
	}
	return Contradiction
}

// blendKind judges "linen blend": the record has the fibre and another one.
func (r *reading) blendKind(k int32) Kind {
	kind := r.fibreKind(k)
	if kind == Supported && len(r.record.fibres) == 1 {
		return Contradiction
	}
	return kind
}

// partMaterial judges a fibre of a part: "leather lining".
func (r *reading) partMaterial(noun, k int32) Kind {
	kind := r.partKind(noun, k, func(p part) []int32 { return p.fibres }, r.record.others)
	if kind == Unsupported && r.fibreKind(k) == Supported {
		return Supported
	}
	return kind
}

// percentBefore reads the share before a fibre: "55% fine", "pure", "half".
func (r *reading) percentBefore(i int32) (percent float64, from int32, ok bool) {
	unknown := 0
	for j := i - 1; j >= i-4; j-- {
		if r.brkAt(j) != noBreak {
			return 0, 0, false
		}
		t := r.at(j)
		switch {
		case t == nil:
			if unknown++; unknown > 1 || r.toks[j].number {
				return 0, 0, false
			}
		case t.ops.has(opPercent):
			v, from, ok := r.numberBefore(r.ms[r.toks[j].match].from)
			return v, from, ok
		case t.ops.has(opPure):
			return 100, r.ms[r.toks[j].match].from, true
		case t.ops.has(opHalf):
			return 50, r.ms[r.toks[j].match].from, true
		case t.concept >= 0 && (r.checker.concepts[t.concept].section == sectionClaim || r.checker.concepts[t.concept].section == sectionColour):
			j = r.ms[r.toks[j].match].from
		default:
			return 0, 0, false
		}
	}
	return 0, 0, false
}

// percentAfter reads the share after a fibre, as in "cotton 95%" and "cotton (95 %)".
func (r *reading) percentAfter(i int32) (percent float64, to int32, ok bool) {
	if int(i) < len(r.toks) && r.toks[i].match < 0 && r.word(i) == "(" {
		i++
	}
	v, to, ok := r.numberAt(i)
	if !ok || !r.opsAt(to).has(opPercent) {
		return 0, 0, false
	}
	to = r.ms[r.toks[to].match].to
	if k := r.conceptAt(to); k != nil && (k.section == sectionMaterial || k.section == sectionClaim) {
		return 0, 0, false // "wool 20% silk": the share is the next fibre's
	}
	return v, to, true
}
