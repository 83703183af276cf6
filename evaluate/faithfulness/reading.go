package faithfulness

// scope is what holds for a token because of what stands before it.
type scope uint8

const (
	inNegation    scope = 1 << iota // "not waterproof"
	inHedge                         // "drapes like silk"
	inCompanion                     // "wear it with white trainers"
	inAlternative                   // "also available in navy"
	inSale                          // "was 79 euros"
)

// How far, in tokens, what a phrase says of the following reaches at most.
const (
	negationReach  = 7
	hedgeReach     = 5
	companionReach = 7 // of "under" and "over"; "wear it with" reaches to the end of the sentence
	saleReach      = 4
)

// reading is the work on one text; it is used again and again.
type reading struct {
	checker   *Checker
	tokenizer tokenizer
	toks      []token
	ms        []match
	// accepting steers which meanings count: those of texts, or those of a record's field.
	inRecord bool
	field    section

	text     string
	record   *Record
	out      []Finding
	named    bool // the category was named
	coloured bool // the colour was mentioned
	clothed  bool // the principal material was mentioned
}

// scan cuts and matches a text.
func (r *reading) scan(text string) {
	r.text = text
	r.toks = r.tokenizer.cut(r.toks[:0], text)
	r.ms = r.checker.trie.find(r.ms[:0], r.toks, r.accept)
	r.scopes()
}

func (r *reading) accept(t int32, first *token) bool {
	x := &r.checker.terms[t]
	if x.record {
		s := r.checker.concepts[x.concept].section
		return r.inRecord && (s == r.field || s == sectionClaim || s == sectionPattern && r.field == sectionColour)
	}
	return !x.cased || first.upper
}

// term is the meaning of a match.
func (r *reading) term(m int32) *term { return &r.checker.terms[r.ms[m].term] }

// at is the meaning of the phrase that covers token i, or nil.
func (r *reading) at(i int32) *term {
	if i < 0 || int(i) >= len(r.toks) || r.toks[i].match < 0 {
		return nil
	}
	return r.term(r.toks[i].match)
}

// opsAt is what the phrase that covers token i does.
func (r *reading) opsAt(i int32) ops {
	if t := r.at(i); t != nil {
		return t.ops
	}
	return 0
}

// conceptAt is the concept that token i belongs to, or nil.
func (r *reading) conceptAt(i int32) *concept {
	if t := r.at(i); t != nil && t.concept >= 0 {
		return &r.checker.concepts[t.concept]
	}
	return nil
}

// brkAt says how much token i parts; the ends of the text part hard.
func (r *reading) brkAt(i int32) breakKind {
	if i < 0 || int(i) >= len(r.toks) {
		return hardBreak
	}
	if r.toks[i].match >= 0 {
		return noBreak // a mark inside a phrase, such as a decimal point
	}
	return r.toks[i].brk
}

// scopes notes in every token what holds for it.
func (r *reading) scopes() {
	var negation, hedge, near, sale int32 // tokens at which they end
	companion, alternative, careOnly := false, false, false
	for i := int32(0); int(i) < len(r.toks); i++ {
		switch r.brkAt(i) {
		case hardBreak:
			negation, hedge, near, sale = i, i, i, i
			companion, alternative, careOnly = false, false, false
			continue
		case softBreak:
			negation, hedge, sale = i, i, i
			if companion && !r.listGoesOn(i+1) {
				companion = false
			}
			if near > i && !r.listGoesOn(i+1) {
				near = i
			}
			continue
		}
		m := r.toks[i].match
		if m >= 0 && r.ms[m].from == i {
			o, to := r.term(m).ops, r.ms[m].to
			if o.has(opNegationEnds) {
				negation, hedge = i, i
			}
			if o.has(opResume) {
				companion, near = false, i
			}
			if o.has(opNegation) {
				negation, careOnly = to+negationReach, false
			}
			if o.has(opHedge) {
				hedge = to + hedgeReach
			}
			if o.has(opCompanion) {
				companion = true
			}
			if o.has(opCompanionNear) && !r.amount(to) { // not "under 200 euros"
				near = to + companionReach
			}
			if o.has(opAlternative) {
				alternative = true
			}
			if o.has(opFormer) {
				sale = to + saleReach
			}
		}
		k := r.conceptAt(i)
		care := k != nil && k.section == sectionCare
		careOnly = careOnly || care // "never tumble dry or bleach wool" does not deny the wool
		s := scope(0)
		for _, x := range [...]struct {
			on bool
			s  scope
		}{{i < negation && (care || !careOnly), inNegation}, {i < hedge, inHedge}, {companion || i < near, inCompanion}, {alternative, inAlternative}, {i < sale, inSale}} {
			if x.on {
				s |= x.s
			}
		}
		r.toks[i].scope = s
	}
}

// amount says that a number or a currency stands at token i.
func (r *reading) amount(i int32) bool {
	if int(i) >= len(r.toks) {
		return false
	}
	t := r.at(i)
	return r.toks[i].number || t != nil && (t.value > 0 || t.currency != "")
}

// likened says that what ends before token i is only likened: "silk-like", "leather look".
func (r *reading) likened(i int32) bool {
	o := r.opsAt(i)
	return o.has(opHedgeAfter) || o.has(opHedgeJoined) && r.toks[i].dash
}

// listGoesOn says that what follows a comma continues a list of colours, fibres and
// garments: "with white trainers, black jeans or a camel coat".
func (r *reading) listGoesOn(i int32) bool {
	for j := i; j < i+3; j++ {
		if r.brkAt(j) != noBreak || r.opsAt(j).has(opResume|opLink) {
			return false
		}
		if k := r.conceptAt(j); k != nil {
			return k.section == sectionColour || k.section == sectionMaterial || k.section == sectionGarment
		}
	}
	return false
}

// head is the noun that the phrase ending before token i belongs to: a garment or a part.
func (r *reading) head(i int32) (concept int32, ok bool) {
	kind := section("") // of the value, as long as nothing else came: "black and white trainers"
	if k := r.conceptAt(i - 1); k != nil {
		kind = k.section
	}
	unknown := 0
	for steps := 0; steps < 8 && r.brkAt(i) != hardBreak; steps++ {
		t := r.at(i)
		switch {
		case r.brkAt(i) == softBreak || t != nil && t.ops.has(opList):
			if k := r.conceptAt(i + 1); k == nil || k.section != kind || kind != sectionColour && r.brkAt(i) == softBreak {
				return -1, false // "cotton canvas, rubber sole" are two statements
			}
			i++
			continue
		case t == nil:
			if unknown++; unknown > 1 || r.toks[i].number {
				return -1, false
			}
			i++
			kind = ""
			continue
		case t.concept < 0:
			return -1, false
		}
		s, next := r.checker.concepts[t.concept].section, r.ms[r.toks[i].match].to
		if s == sectionGarment || s == sectionPart {
			// of "trouser pocket" the last noun counts
			k := r.conceptAt(next)
			if k != nil && s == sectionPart && (k.section == sectionMaterial || k.section == sectionColour) {
				return -1, false // "rubber lined with cotton": the part is the next value's
			}
			if k == nil || k.section != sectionPart && k.section != sectionGarment {
				return t.concept, true
			}
		}
		if s != kind {
			kind = ""
		}
		i = next
	}
	return -1, false
}

// owner is the noun before a value that a linking word ties to it: "buttons in gold".
func (r *reading) owner(i int32) (concept int32, ok bool) {
	linked, unknown := false, 0
	for j := i - 1; j >= i-4; j-- {
		if r.brkAt(j) != noBreak {
			return -1, false
		}
		t := r.at(j)
		switch {
		case t == nil:
			if unknown++; unknown > 1 {
				return -1, false
			}
		case t.ops.has(opLink):
			linked = true
			j = r.ms[r.toks[j].match].from
		case t.concept >= 0:
			s := r.checker.concepts[t.concept].section
			if s == sectionGarment || s == sectionPart {
				return t.concept, linked
			}
			return -1, false
		default:
			return -1, false
		}
	}
	return -1, false
}

// numberBefore reads the number that ends before token i.
func (r *reading) numberBefore(i int32) (value float64, from int32, ok bool) {
	if i <= 0 {
		return 0, 0, false
	}
	if t := &r.toks[i-1]; t.number && t.match < 0 {
		return t.value, i - 1, true
	}
	t := r.at(i - 1)
	if t == nil || t.value == 0 {
		return 0, 0, false
	}
	from = r.ms[r.toks[i-1].match].from
	if tens := r.at(from - 1); tens != nil && r.tens(tens, t, from) {
		return tens.value + t.value, r.ms[r.toks[from-1].match].from, true
	}
	return t.value, from, true
}

// tens says that two number words make one: "forty-five".
func (r *reading) tens(tens, unit *term, at int32) bool {
	return tens.value >= 20 && tens.value < 100 && unit.value > 0 && unit.value < 10 && r.toks[at].dash
}

// numberAt reads the number that begins at token i.
func (r *reading) numberAt(i int32) (value float64, to int32, ok bool) {
	if i < 0 || int(i) >= len(r.toks) {
		return 0, 0, false
	}
	if t := &r.toks[i]; t.number && t.match < 0 {
		return t.value, i + 1, true
	}
	t := r.at(i)
	if t == nil || t.value == 0 {
		return 0, 0, false
	}
	to = r.ms[r.toks[i].match].to
	if unit := r.at(to); unit != nil && r.tens(t, unit, to) {
		return t.value + unit.value, r.ms[r.toks[to].match].to, true
	}
	return t.value, to, true
}

// word is a token's text.
func (r *reading) word(i int32) string { return r.text[r.toks[i].start:r.toks[i].end] }

// statement is what add turns into a finding: the tokens [from, to).
type statement struct {
	kind     Kind
	field    Field
	from, to int32
	value    string
	hard     bool
}

func (r *reading) add(s statement) {
	start, end := int(r.toks[s.from].start), int(r.toks[s.to-1].end)
	r.out = append(r.out, Finding{Kind: s.kind, Field: s.field, Start: start, End: end, Text: r.text[start:end], Value: s.value,
		Record: r.record.show(s.field), Hard: s.hard})
}
