package faithfulness

import (
	"slices"
	"strconv"
	"strings"
	"sync"
)

// ops is a set of operators: what a phrase does to the reading of others.
type ops uint64

// has says that any of the operators in o is in the set.
func (s ops) has(o ops) bool { return s&o != 0 }

// The operators, in the order of operators().
const (
	opNegation ops = 1 << iota
	opNegationAfter
	opNegationEnds
	opHedge
	opHedgeAfter
	opHedgeJoined
	opCompanion
	opCompanionNear
	opResume
	opAlternative
	opStop
	opLink
	opThis
	opByline
	opCueBefore
	opCueAfter
	opPure
	opHalf
	opBlend
	opPercent
	opDegree
	opUnit
	opWash
	opPrice
	opLess
	opMore
	opAbout
	opFormer
	opSize
	opRange
	opList
	opAllSizes
	opOneSize
	opOtherSize
	opSoldOut
	opInStock
	opLeft
)

// term is one meaning of a phrase.
type term struct {
	concept  int32 // -1: none
	ops      ops
	value    float64 // of a number word; 0: none
	currency string
	size     string
	record   bool // in records alone
	cased    bool
	skip     bool // the phrase means none of what its words mean
}

// concept is what phrases of one meaning have in common.
type concept struct {
	section   section
	id        string
	up        []int32 // the concept itself and all that are more general
	near      []int32
	of        []int32
	group     string
	category  string
	ambiguous bool
	hard      bool
	qualifies bool
	names     bool
}

// Checker applies rules to texts.
type Checker struct {
	hash      string
	languages []string
	must      []Field
	vocab     map[string]int32
	trie      trie
	terms     []term
	concepts  []concept
	pool      sync.Pool // of *reading
}

// Compile builds the matcher.
func (r *Rules) Compile() *Checker {
	c := &Checker{hash: r.Hash(), languages: r.Languages(), must: r.MustMention(), vocab: map[string]int32{}}
	c.pool.New = func() any { return &reading{checker: c, tokenizer: tokenizer{vocab: c.vocab}} }
	b := builder{c: c, taken: map[string]int{}}
	for _, s := range sections() {
		b.section(s, r.entries[s])
	}
	for _, p := range r.skip {
		b.phrase("skip", p.text, term{concept: -1, skip: true})
	}
	for i, name := range operators() {
		for _, p := range r.words[name] {
			b.operator(p.text, ops(1)<<i)
		}
	}
	for _, kind := range valueKinds() {
		for _, v := range r.values[kind] {
			b.value(kind, v)
		}
	}
	for i, t := range b.texts {
		c.trie.add(b.words(t), int32(i))
	}
	return c
}

// builder gathers terms before they enter the trie.
type builder struct {
	c     *Checker
	texts []string       // the phrase of each term
	taken map[string]int // term of a phrase, by where it must be unique
}

func (b *builder) section(s section, entries map[string]*entry) {
	ids := sortedKeys(entries)
	number := map[string]int32{}
	for _, id := range ids {
		e := entries[id]
		number[id] = int32(len(b.c.concepts))
		b.c.concepts = append(b.c.concepts, concept{section: s, id: id, group: e.group, category: strings.ToLower(e.category),
			ambiguous: e.ambiguous, hard: e.hard, qualifies: e.qualifies, names: e.names})
	}
	resolve := func(list []phrase) []int32 {
		var out []int32
		for _, p := range list {
			if n, ok := number[p.text]; ok {
				out = append(out, n)
			}
		}
		return out
	}
	for _, id := range ids {
		e, k := entries[id], &b.c.concepts[number[id]]
		k.near, k.of = resolve(e.near), resolve(e.of)
		k.up = []int32{number[id]}
		for i := 0; i < len(k.up); i++ {
			for _, n := range resolve(entries[b.c.concepts[k.up[i]].id].is) {
				if !slices.Contains(k.up, n) {
					k.up = append(k.up, n)
				}
			}
		}
		for _, p := range e.say {
			b.phrase(string(s), p.text, term{concept: number[id], cased: e.cased})
		}
		for _, p := range e.record {
			b.phrase(string(s)+" record", p.text, term{concept: number[id], record: true})
		}
	}
}

// phrase adds a term; one that a later file gives another meaning loses the old one.
func (b *builder) phrase(space, text string, t term) int {
	norm, _ := normalise(text)
	key := space + "\x00" + norm
	if i, ok := b.taken[key]; ok {
		b.c.terms[i] = t
		return i
	}
	b.taken[key] = len(b.texts)
	b.texts = append(b.texts, text)
	b.c.terms = append(b.c.terms, t)
	return len(b.texts) - 1
}

func (b *builder) operator(text string, o ops) {
	norm, _ := normalise(text)
	if i, ok := b.taken["words\x00"+norm]; ok {
		b.c.terms[i].ops |= o
		return
	}
	b.phrase("words", text, term{concept: -1, ops: o})
}

func (b *builder) value(kind string, v valued) {
	i := 0
	if norm, _ := normalise(v.text); b.taken["words\x00"+norm] > 0 {
		i = b.taken["words\x00"+norm]
	} else {
		i = b.phrase("words", v.text, term{concept: -1})
	}
	t := &b.c.terms[i]
	switch kind {
	case "numbers":
		t.value, _ = strconv.ParseFloat(v.value, 64)
	case "currencies":
		t.currency = v.value
	case "size-names":
		t.size = v.value
	}
}

// words numbers a phrase's words.
func (b *builder) words(text string) []int32 {
	tk := tokenizer{vocab: b.c.vocab}
	var out []int32
	for _, t := range tk.cut(nil, text) {
		n := tk.fold(text[t.start:t.end])
		id, ok := b.c.vocab[string(tk.buf[:n])]
		if !ok {
			id = int32(len(b.c.vocab))
			b.c.vocab[string(tk.buf[:n])] = id
		}
		out = append(out, id)
	}
	return out
}

// Hash is that of the rules.
func (c *Checker) Hash() string { return c.hash }

// Languages lists the languages that the rules know.
func (c *Checker) Languages() []string { return slices.Clone(c.languages) }

// MustMention lists the facts whose absence from a text is an omission.
func (c *Checker) MustMention() []Field { return slices.Clone(c.must) }

// isA says that concept a is b or lies below it.
func (c *Checker) isA(a, b int32) bool { return slices.Contains(c.concepts[a].up, b) }

// like says that a and b count as the same.
func (c *Checker) like(a, b int32) bool {
	return a == b || slices.Contains(c.concepts[a].near, b) || slices.Contains(c.concepts[b].near, a)
}

// related says that one of the two lies below the other.
func (c *Checker) related(a, b int32) bool { return c.isA(a, b) || c.isA(b, a) }
