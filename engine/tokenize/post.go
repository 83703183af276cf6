package tokenize

import "slices"

// postProcessor cuts texts to length and puts the model's tokens around them.
type postProcessor struct {
	one, two []templatePart // for a text and for a pair
	trim     bool           // offsets leave out white space at the ends of a token
	// keepFirstSpace leaves the one space in that the pre-tokenizer may have added.
	keepFirstSpace bool
	unknown        int32 // the model's token for what it does not know; -1 if it has none
}

// templatePart is a text or some tokens.
type templatePart struct {
	text   int // 0, 1: which text; -1 for tokens
	ids    []int32
	typeID int32
}

func defaultTemplates() (one, two []templatePart) {
	return []templatePart{{text: 0}}, []templatePart{{text: 0}, {text: 1, typeID: 1}}
}

// room is how many tokens the template adds.
func (p *postProcessor) room(addSpecial, pair bool) int {
	parts, n := p.one, 0
	if pair {
		parts = p.two
	}
	for _, part := range parts {
		if addSpecial {
			n += len(part.ids)
		}
	}
	return n
}

func (p *postProcessor) single(w *work, o Options) Encoding {
	keep := len(w.ids)
	if o.MaxTokens > 0 {
		keep = min(keep, max(o.MaxTokens-p.room(o.AddSpecial, false), 0))
	}
	return p.build(p.one, [2]*work{w, nil}, [2]int{keep, 0}, o)
}

func (p *postProcessor) pair(a, b *work, o Options) Encoding {
	keep := [2]int{len(a.ids), len(b.ids)}
	if o.MaxTokens > 0 {
		keep[0], keep[1] = longestFirst(keep[0], keep[1], max(o.MaxTokens-p.room(o.AddSpecial, true), 0))
	}
	e := p.build(p.two, [2]*work{a, b}, keep, o)
	e.TypeIDs = make([]int32, 0, len(e.IDs))
	for _, part := range p.two {
		n := 0
		if part.text >= 0 {
			n = keep[part.text]
		} else if o.AddSpecial {
			n = len(part.ids)
		}
		for range min(n, cap(e.TypeIDs)-len(e.TypeIDs)) {
			e.TypeIDs = append(e.TypeIDs, part.typeID)
		}
	}
	return e
}

func (p *postProcessor) build(parts []templatePart, texts [2]*work, keep [2]int, o Options) Encoding {
	size := p.room(o.AddSpecial, texts[1] != nil) + keep[0] + keep[1]
	e := Encoding{IDs: make([]int32, 0, size), Offsets: make([]Span, 0, size)}
	for _, part := range parts {
		if part.text < 0 {
			if o.AddSpecial {
				e.IDs = append(e.IDs, part.ids...)
				e.Offsets = append(e.Offsets, make([]Span, len(part.ids))...)
			}
			continue
		}
		w, n := texts[part.text], keep[part.text]
		e.IDs = append(e.IDs, w.ids[:n]...)
		e.Offsets = append(e.Offsets, w.spans[:n]...)
		for _, id := range w.ids[:n] {
			if id == p.unknown {
				e.Unknown++
			}
		}
	}
	for i, w := range texts {
		e.Truncated = e.Truncated || w != nil && keep[i] < len(w.ids)
	}
	if o.MaxTokens > 0 && len(e.IDs) > o.MaxTokens { // less room than the template alone takes
		e.IDs, e.Offsets, e.Truncated = slices.Clip(e.IDs[:o.MaxTokens]), slices.Clip(e.Offsets[:o.MaxTokens]), true
	}
	return e
}

// longestFirst says how many tokens two texts of n1 and n2 tokens keep, limit
// together.
func longestFirst(n1, n2, limit int) (int, int) {
	if n1+n2 <= limit {
		return n1, n2
	}
	short := min(n1, n2)
	long := short
	if short <= limit {
		long = max(short, limit-short)
	}
	if short+long > limit {
		short = limit / 2
		long = short + limit%2
	}
	if n1 > n2 {
		return long, short
	}
	return short, long
}
