package faithfulness

import "strings"

// judgeBrand judges a brand that the rules know.
func (r *reading) judgeBrand(m match, k int32, not bool) {
	if not || r.inName(m) {
		return
	}
	s := statement{kind: Contradiction, field: Brand, from: m.from, to: m.to, value: r.checker.concepts[k].id}
	switch {
	case strings.EqualFold(s.value, r.record.fields["brand"]):
		s.kind = Supported
	case len(r.record.brand) == 0:
		s.kind = Unsupported
	}
	r.add(s)
}

// brandAt reads the record's own brand at token i and returns the token after it;
// i where it does not stand there.
func (r *reading) brandAt(i int32) int32 {
	j := i
	for _, w := range r.record.brand {
		for len(w) > 0 { // "H&M" is several tokens
			if int(j) >= len(r.toks) {
				return i
			}
			t := r.word(j)
			if len(t) > len(w) && strings.HasSuffix(t, "'s") {
				t = t[:len(t)-2]
			}
			if len(t) > len(w) || !strings.EqualFold(w[:len(t)], t) {
				return i
			}
			w = w[len(t):]
			j++
		}
	}
	return j
}

// judgeOwnBrand finds the record's brand where no rule knows it.
func (r *reading) judgeOwnBrand(i int32) int32 {
	j := r.brandAt(i)
	if j == i || r.toks[i].scope&(inHedge|inCompanion|inNegation) != 0 {
		return j
	}
	if r.inName(match{from: i, to: j}) && !r.opsAt(i-1).has(opByline) {
		return j // the product is called after the brand
	}
	r.add(statement{kind: Supported, field: Brand, from: i, to: j, value: r.record.fields["brand"]})
	return j
}

// judgeByline judges a name that no rule knows after "by": "a dress by Nordvik".
func (r *reading) judgeByline(m match) int32 {
	i := m.to
	j := r.nameAfter(i)
	if j == i || r.brandAt(i) > i || r.at(i) != nil || r.inName(match{from: i, to: i + 1}) {
		return i
	}
	s := statement{kind: Contradiction, field: Brand, from: i, to: j}
	if len(r.record.brand) == 0 {
		s.kind = Unsupported
	}
	r.add(s)
	return j
}
