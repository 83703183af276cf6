package faithfulness

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"unicode"
)

// Record is a product's record as texts are held against it. It is read-only.
type Record struct {
	fields map[string]string
	must   []Field

	colours  []int32 // of the colour field and of features that no part owns
	patterns []int32
	fibres   []fibre // of the material field
	others   []int32 // fibres and fabrics that other fields name
	parts    []part  // features that name a part: "white contrast stitching"
	fit      []stance
	care     []stance
	claims   []stance
	degrees  []float64 // washing temperatures
	sizes    []sizeStock
	own      []int32 // garments that the name says
	kind     []int32 // garments that the category says
	belongs  []int32 // garments that features name: a belt of the dress
	brand    []string
	name     []string // words of the name, in lower case
	price    float64  // 0: unknown
	currency string
	all      string // every field, in lower case
}

// fibre is one entry of the composition.
type fibre struct {
	concept int32  // -1: no rule knows it
	name    string // as written
	percent float64
	claims  []int32 // "recycled"
}

// part is what the record says of a part.
type part struct{ noun, colours, fibres []int32 }

// stance is a concept with whether the record denies it ("do not tumble dry").
type stance struct {
	concept int32
	not     bool
}

// sizeStock is a size with its pieces; known is false where only its name is.
type sizeStock struct {
	label string
	stock int
	known bool
}

// Record reads the facts of a product; the keys are those of catalogue.Product.Fields,
// and "language" for facts in another language than English. absent says why
// the product cannot be checked, and is empty where it can.
func (c *Checker) Record(fields map[string]string) (rec *Record, absent string) {
	if len(fields) == 0 {
		return nil, "the item has no facts"
	}
	if why := c.foreign(fields); why != "" {
		return nil, why
	}
	rec = &Record{fields: fields}
	r := c.pool.Get().(*reading)
	defer c.pool.Put(r)
	r.inRecord = true
	defer func() { r.inRecord = false }()
	rec.readName(r)
	rec.readMaterial(r)
	rec.readColour(r)
	rec.readFeatures(r)
	rec.fit = rec.stances(r, sectionFit, "fit")
	rec.care = rec.stances(r, sectionCare, "care")
	rec.readDegrees(r)
	rec.readSizes()
	rec.readPrice(r)
	rec.brand = strings.Fields(fields["brand"])
	var all strings.Builder
	for _, key := range []string{"name", "category", "colour", "material", "fit", "care", "features", "brand"} {
		all.WriteString(strings.ToLower(fields[key]))
		all.WriteByte('\n')
	}
	rec.all = all.String()
	for _, f := range c.must {
		if strings.TrimSpace(fields[string(f)]) != "" {
			rec.must = append(rec.must, f)
		}
	}
	return rec, ""
}

// Must is the number of must-mention facts that the record has.
func (rec *Record) Must() int { return len(rec.must) }

// foreign says why the record's language is beyond the rules. Without the
// key "language" the script decides: Han is Chinese, Latin is taken for English.
func (c *Checker) foreign(fields map[string]string) string {
	tag, _, _ := strings.Cut(strings.ToLower(strings.TrimSpace(fields["language"])), "-")
	if tag == "" {
		switch script := scriptOf(fields["name"] + " " + fields["category"] + " " + fields["colour"] + " " + fields["material"]); script {
		case "Latin", "":
			tag = "en"
		case "Han":
			tag = "zh"
		default:
			return fmt.Sprintf("the record is in %s script, for which there are no rules", script)
		}
	}
	if !slices.Contains(c.languages, tag) {
		return fmt.Sprintf("there are no rules for the language %q; they know %s", tag, strings.Join(c.languages, ", "))
	}
	return ""
}

// scriptOf is the script of most letters.
func scriptOf(text string) string {
	tables := []struct {
		name  string
		table *unicode.RangeTable
	}{{"Latin", unicode.Latin}, {"Han", unicode.Han}, {"Kana", unicode.Hiragana}, {"Kana", unicode.Katakana}, {"Hangul", unicode.Hangul},
		{"Cyrillic", unicode.Cyrillic}, {"Greek", unicode.Greek}, {"Arabic", unicode.Arabic}, {"Hebrew", unicode.Hebrew}, {"Thai", unicode.Thai}, {"Devanagari", unicode.Devanagari}}
	var counts [16]int
	for _, r := range text {
		if !unicode.IsLetter(r) {
			continue
		}
		for i := range tables {
			if unicode.Is(tables[i].table, r) {
				counts[i]++
				break
			}
		}
	}
	best := ""
	most := 0
	for i := range tables {
		if counts[i] > most {
			best, most = tables[i].name, counts[i]
		}
	}
	if counts[2]+counts[3] > 0 { // Japanese writes Han too
		return "Kana"
	}
	return best
}

// show is what a page puts beside a finding.
func (rec *Record) show(f Field) string {
	switch f {
	case Size:
		return rec.fields["sizes"]
	case Claim:
		return ""
	}
	return rec.fields[string(f)]
}

// each scans a field and hands its concepts on, with the number of the entry (between ; or ,) they stand in.
func (rec *Record) each(r *reading, as section, field string, do func(entry int, m match, k *concept, not bool)) {
	r.field = as
	r.scan(rec.fields[field])
	entry := 0
	for i := int32(0); int(i) < len(r.toks); i++ {
		if r.brkAt(i) != noBreak {
			entry++
			continue
		}
		m := r.toks[i].match
		if m < 0 || r.ms[m].from != i || r.term(m).concept < 0 || r.likened(r.ms[m].to) {
			continue
		}
		do(entry, r.ms[m], &r.checker.concepts[r.term(m).concept], r.toks[i].scope&inNegation != 0)
	}
}

func (rec *Record) note(r *reading, m match, k *concept, not bool) {
	n := r.checker.terms[m.term].concept
	switch k.section {
	case sectionClaim:
		rec.claims = append(rec.claims, stance{n, not})
	case sectionPattern:
		rec.patterns = appendNew(rec.patterns, n)
	case sectionMaterial:
		rec.others = appendNew(rec.others, n)
	}
}

func (rec *Record) readName(r *reading) {
	rec.each(r, sectionGarment, "name", func(_ int, m match, k *concept, not bool) {
		if k.section == sectionGarment {
			rec.own = appendNew(rec.own, r.checker.terms[m.term].concept)
		}
		rec.note(r, m, k, not)
	})
	for i := range r.toks {
		rec.name = append(rec.name, strings.ToLower(r.word(int32(i))))
	}
	rec.each(r, sectionGarment, "category", func(_ int, m match, k *concept, _ bool) {
		if k.section == sectionGarment {
			rec.kind = appendNew(rec.kind, r.checker.terms[m.term].concept)
		}
	})
}

func (rec *Record) readMaterial(r *reading) {
	r.field = sectionMaterial
	r.scan(rec.fields["material"])
	f, begun := fibre{concept: -1}, int32(0)
	flush := func(end int32) {
		if f.percent > 0 || f.concept >= 0 {
			if begun < end {
				f.name = r.text[r.toks[begun].start:r.toks[end-1].end]
			}
			rec.fibres = append(rec.fibres, f)
		}
		f, begun = fibre{concept: -1}, end+1
	}
	for i := int32(0); int(i) < len(r.toks); i++ {
		if r.brkAt(i) != noBreak {
			flush(i)
			continue
		}
		if v, _, ok := r.numberAt(i); ok && r.opsAt(i+1).has(opPercent) {
			f.percent = v
			begun = r.ms[r.toks[i+1].match].to
			continue
		}
		m := r.toks[i].match
		if m < 0 || r.ms[m].from != i {
			continue
		}
		n := r.term(m).concept
		if n < 0 {
			continue
		}
		switch r.checker.concepts[n].section {
		case sectionMaterial:
			if f.concept < 0 || r.checker.isA(n, f.concept) {
				f.concept = n
			} else {
				rec.others = appendNew(rec.others, n) // "cotton canvas": the fabric beside its fibre
			}
		case sectionClaim:
			f.claims = append(f.claims, n)
			rec.claims = append(rec.claims, stance{n, false})
		}
	}
	flush(int32(len(r.toks)))
}

func (rec *Record) readColour(r *reading) {
	rec.each(r, sectionColour, "colour", func(_ int, m match, k *concept, not bool) {
		if k.section == sectionColour {
			rec.colours = appendNew(rec.colours, r.checker.terms[m.term].concept)
		}
		rec.note(r, m, k, not)
	})
}

func (rec *Record) readFeatures(r *reading) {
	var p part
	at := 0
	flush := func() {
		if len(p.noun) > 0 {
			rec.parts = append(rec.parts, p)
		} else {
			for _, n := range p.colours {
				rec.colours = appendNew(rec.colours, n)
			}
		}
		p = part{}
	}
	rec.each(r, sectionPart, "features", func(entry int, m match, k *concept, not bool) {
		if entry != at {
			flush()
			at = entry
		}
		n := r.checker.terms[m.term].concept
		switch k.section {
		case sectionPart:
			p.noun = append(p.noun, n)
		case sectionGarment:
			rec.belongs = appendNew(rec.belongs, n)
			p.noun = append(p.noun, n)
		case sectionColour:
			p.colours = append(p.colours, n)
		case sectionMaterial:
			p.fibres = append(p.fibres, n)
		case sectionFit:
			rec.fit = append(rec.fit, stance{n, not})
		}
		rec.note(r, m, k, not)
	})
	flush()
}

// stances reads fit or care: from its own field, and fit from name and features too.
func (rec *Record) stances(r *reading, s section, field string) []stance {
	var out []stance
	if s == sectionFit {
		out = rec.fit
		rec.each(r, sectionGarment, "name", func(_ int, m match, k *concept, not bool) {
			if k.section == s {
				out = append(out, stance{r.checker.terms[m.term].concept, not})
			}
		})
	}
	rec.each(r, s, field, func(_ int, m match, k *concept, not bool) {
		if k.section == s {
			out = append(out, stance{r.checker.terms[m.term].concept, not})
		} else {
			rec.note(r, m, k, not)
		}
	})
	return out
}

func (rec *Record) readDegrees(r *reading) {
	r.field = sectionCare
	r.scan(rec.fields["care"])
	for i := int32(0); int(i) < len(r.toks); i++ {
		if v, to, ok := r.numberAt(i); ok && r.opsAt(to).has(opDegree) {
			rec.degrees = append(rec.degrees, v)
		}
	}
}

// readSizes takes every size with its pieces from "stock" ("S 2, M 0"); without it,
// those in stock from "sizes".
func (rec *Record) readSizes() {
	for _, entry := range splitList(rec.fields["stock"]) {
		at := strings.LastIndexByte(entry, ' ')
		if at < 0 {
			continue
		}
		n, err := strconv.Atoi(entry[at+1:])
		if err == nil {
			rec.sizes = append(rec.sizes, sizeStock{strings.TrimSpace(entry[:at]), n, true})
		}
	}
	if len(rec.sizes) > 0 {
		return
	}
	for _, label := range splitList(rec.fields["sizes"]) {
		rec.sizes = append(rec.sizes, sizeStock{label, 1, false})
	}
}

func splitList(s string) []string {
	var out []string
	for part := range strings.FieldsFuncSeq(s, func(r rune) bool { return r == ',' || r == '、' || r == ';' }) {
		if part = strings.TrimSpace(part); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func (rec *Record) readPrice(r *reading) {
	r.field = ""
	r.scan(rec.fields["price"])
	for i := range r.toks {
		if r.toks[i].number && rec.price == 0 {
			rec.price = r.toks[i].value
		}
		if t := r.at(int32(i)); t != nil && t.currency != "" {
			rec.currency = t.currency
		}
	}
}

func appendNew(list []int32, n int32) []int32 {
	if slices.Contains(list, n) {
		return list
	}
	return append(list, n)
}
