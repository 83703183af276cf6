package faithfulness

import (
	"math"
	"strings"
)

// judgeNumber judges a number that is a price, a washing temperature or a count
// of pieces, and returns the token after what it used.
func (r *reading) judgeNumber(i int32) int32 {
	v, to, ok := r.numberAt(i)
	if !ok || r.toks[i].scope&(inHedge|inCompanion) != 0 {
		return i + 1
	}
	switch {
	case r.opsAt(to).has(opDegree):
		to = r.ms[r.toks[to].match].to
		r.judgeDegrees(i, to, v)
		return to
	case r.opsAt(to).has(opLeft):
		to = r.ms[r.toks[to].match].to
		r.judgeLeft(i, to, v)
		return to
	case r.opsAt(to).has(opPercent):
		return to
	}
	from, currency := i, ""
	if t := r.at(i - 1); t != nil && t.currency != "" {
		from, currency = r.ms[r.toks[i-1].match].from, t.currency
	}
	if t := r.at(to); currency == "" && t != nil && t.currency != "" {
		to, currency = r.ms[r.toks[to].match].to, t.currency
	}
	if currency == "" && !(r.opsAt(i-1).has(opPrice) && (r.brkAt(to) != noBreak || r.opsAt(to)&^opUnit != 0)) {
		return i + 1
	}
	r.judgePrice(statement{field: Price, from: from, to: to}, v, currency)
	return to
}

// How far a price may be off, in currency units, and relatively after "about".
const (
	priceSlack = 0.005
	aboutSlack = 0.05
)

func (r *reading) judgePrice(s statement, v float64, currency string) {
	rec := r.record
	sc := r.toks[s.from].scope
	if sc&inNegation != 0 {
		return
	}
	before := r.opsAt(s.from - 1)
	yes := false
	switch {
	case before.has(opLess):
		yes = rec.price < v
	case before.has(opMore):
		yes = rec.price > v
	case before.has(opAbout):
		yes = math.Abs(rec.price-v) <= aboutSlack*rec.price
	default:
		yes = math.Abs(rec.price-v) < priceSlack
	}
	if currency != "" && rec.currency != "" && currency != rec.currency {
		yes = false
	}
	switch {
	case rec.price == 0 || sc&inSale != 0:
		s.kind = Unsupported
	case yes:
		s.kind = Supported
	default:
		s.kind = Contradiction
	}
	s.hard = s.kind == Contradiction
	r.add(s)
}

// judgeDegrees judges a washing temperature; degrees of another kind (of the
// weather) have no word of washing in their sentence.
func (r *reading) judgeDegrees(from, to int32, v float64) {
	if !r.washing(from) || r.toks[from].scope&inNegation != 0 {
		return
	}
	s := statement{kind: Unsupported, field: Care, from: from, to: to}
	if strings.TrimSpace(r.record.fields["care"]) != "" {
		s.kind = Contradiction
	}
	for _, d := range r.record.degrees {
		if d == v {
			s.kind = Supported
		}
	}
	s.hard = s.kind == Contradiction
	r.add(s)
}

// washing says that the sentence of token i speaks of care.
func (r *reading) washing(i int32) bool {
	if r.sentenceHas(i, opWash) {
		return true
	}
	from, to := r.sentence(i)
	for j := from; j < to; j++ {
		if k := r.conceptAt(j); k != nil && k.section == sectionCare {
			return true
		}
	}
	return false
}
