// Package safety holds the texts that go to models and come from them against a policy:
// lengths, addresses and numbers of persons, banned claims, lists of words.
//
// Key words: policy, rule, side, action.
//
// A policy is data (YAML, docs/formats/safety-policy.md): rules for what is asked (input)
// and what is answered (output), each of which lets pass, flags, redacts or blocks what it
// finds. The usual path is
//
//	policy, err := safety.Default() // or safety.Load("policy.yaml")
//	guard, err := safety.New(policy, registry)
//	options.Stages = append(options.Stages, guard.Stage())
//	options.Content = guard // the same rules for /answer where no model is asked
//
// Streams are judged as they run: of each text only what may still become a match is held
// back, a word or a number as a rule, never more than maxPending bytes. A stream in pieces gives the same
// findings as the whole text. What providers add to an answer beside its text (further
// choices, calls of tools, reasoning) is judged and redacted in the same way.
//
// A blocked call ends with an *stylesprint.Error of code refused, which names the rule and
// quotes nothing. Rules see characters, not meaning: what they miss is written in the
// format's page. A Guard is safe for concurrent use, also while its policy is replaced.
package safety

import (
	"cmp"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/prometheus/client_golang/prometheus"
)

// rule is a rule of a policy, ready to search.
type rule struct {
	Rule
	level   level
	matcher matcher // nil for a length
	count   prometheus.Counter
}

// side is the rules for one direction.
type side struct {
	name    string
	rules   []*rule
	lengths []*rule
}

// span is a match in a text, in bytes.
type span struct {
	start, end int
	rule       *rule
}

// active is true where there is anything to look for.
func (s *side) active() bool { return s != nil && len(s.rules)+len(s.lengths) > 0 }

// find returns the matches that begin at or after byte from, by start, and how far the
// source is decided: everything before that place is final, and no match crosses it.
func (s *side) find(source string, from int, final bool) (spans []span, decided int, v view) {
	var views [2]*view
	decided = len(source)
	for _, r := range s.rules {
		seen := views[r.level]
		if seen == nil {
			made := look(source, r.level, final)
			seen = &made
			views[r.level] = seen
		}
		v = *seen
		decided = min(decided, v.read)
		hold := scan(text{v.s, final}, v.index(from), r.matcher, func(start, end int) {
			if !r.allowed(v.s[start:end]) {
				spans = append(spans, span{v.source(start), v.sourceEnd(end), r})
			}
		})
		if hold < len(v.s) {
			decided = min(decided, v.source(hold))
		}
	}
	slices.SortStableFunc(spans, func(a, b span) int { return cmp.Compare(a.start, b.start) })
	for _, f := range slices.Backward(spans) {
		if f.start < decided && f.end > decided {
			decided = f.start
		}
	}
	for k, f := range spans { // a match that ends early may reach over one that began later
		if f.start >= decided {
			return spans[:k], decided, v
		}
	}
	return spans, decided, v
}

// allowed is true for a match that the rule excepts.
func (r *rule) allowed(match string) bool {
	for _, e := range r.Except {
		switch {
		case r.Kind == KindPhone:
			if onlyDigits(match) == onlyDigits(e) {
				return true
			}
		case match == e, strings.HasPrefix(e, "@") && strings.HasSuffix(match, e):
			return true
		}
	}
	return false
}

// edit replaces a part of a text, in bytes from its beginning.
type edit struct {
	start, end int
	mark       string
}

// window reads a text that comes in pieces.
type window struct {
	side *side
	buf  string // what is undecided, and so much before it as rules look at
	base int    // where buf begins in the text
	from int    // in buf: where the undecided part begins
	// runes and long are for the length of the whole text.
	runes int
	long  bool
	edits []edit // redactions, by start
}

// maxPending bounds the bytes that are held back: then the text is cut there.
const maxPending = 1024

// write adds a piece and returns what was found. final says that it was the last one.
func (w *window) write(piece string, final bool) []span {
	w.buf += piece
	w.runes += utf8.RuneCountInString(piece)
	final = final || len(w.buf)-w.from > maxPending
	spans, decided, v := w.side.find(w.buf, w.from, final)
	for _, f := range spans {
		if f.rule.Action == Redact {
			w.redact(edit{w.base + f.start, w.base + f.end, f.rule.mark()})
		}
	}
	w.from = max(w.from, decided)
	if len(w.side.rules) == 0 {
		w.drop(len(w.buf))
	}
	// Keep what rules look back at. It begins where a segment does.
	if keep := v.index(w.from) - maxBehind; keep > 0 {
		cut := v.source(keep)
		w.drop(cut)
	}
	if w.from > maxPending { // nothing but what is not seen
		w.drop(w.from)
	}
	return append(spans, w.lengths()...)
}

func (w *window) drop(n int) { w.buf, w.base, w.from = w.buf[n:], w.base+n, w.from-n }

// lengths looks at the greatest length.
func (w *window) lengths() (out []span) {
	for _, r := range w.side.lengths {
		if r.Max > 0 && w.runes > r.Max && !w.long {
			out = append(out, span{rule: r})
		}
	}
	w.long = w.long || len(out) > 0
	return out
}

// short looks at the least length, when the text is whole.
func (s *side) short(runes int) (out []span) {
	for _, r := range s.lengths {
		if runes < r.Min {
			out = append(out, span{rule: r})
		}
	}
	return out
}

// decided is how far the text is decided.
func (w *window) decided() int { return w.base + w.from }

// redact adds an edit; one that overlaps the last is joined with it.
func (w *window) redact(e edit) {
	if n := len(w.edits); n > 0 && e.start < w.edits[n-1].end {
		w.edits[n-1].end = max(w.edits[n-1].end, e.end)
		return
	}
	w.edits = append(w.edits, e)
}

// rewrite is the part of the text from byte start on, with the edits: a mark stands where
// its match begins.
func (w *window) rewrite(s string, start int) string {
	end, at := start+len(s), start
	var b strings.Builder
	for _, e := range w.edits {
		if e.end <= start || e.start >= end {
			continue
		}
		if e.start >= at {
			b.WriteString(s[at-start : e.start-start])
		}
		if e.start >= start {
			b.WriteString(e.mark)
		}
		at = min(e.end, end)
	}
	if at == start {
		return s
	}
	b.WriteString(s[at-start:])
	return b.String()
}

// forget drops the edits before a place.
func (w *window) forget(before int) {
	for len(w.edits) > 0 && w.edits[0].end <= before {
		w.edits = w.edits[1:]
	}
}
