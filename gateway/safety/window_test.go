package safety

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

// everything is a side with all kinds of rules.
func everything(tb testing.TB, a Action) *side {
	tb.Helper()
	s := &side{name: "output"}
	lists := &words{unless: map[string]bool{"not": true}}
	alike := &words{}
	for _, p := range []string{"rival brand", "rival", "bad word list", "假貨", "café"} {
		lists.add(p, folded)
		alike.add(p, lookalike)
	}
	add := func(kind string, l level, m matcher, except ...string) {
		s.rules = append(s.rules, &rule{Rule: Rule{Name: kind, Kind: kind, Action: a, Except: except}, level: l, matcher: m})
	}
	add(KindEmail, folded, email{}, "@ours.example")
	add(KindPhone, folded, phone{})
	add(KindCard, folded, card{})
	add(KindIBAN, folded, iban{})
	add(KindWords, folded, lists)
	add("alike", lookalike, alike)
	return s
}

// inPieces reads a text in pieces and returns what was found and what is left of it.
func inPieces(s *side, pieces []string) (found []string, out string) {
	w := window{side: s}
	at, whole := 0, strings.Join(pieces, "")
	note := func(spans []span, base int) {
		for _, f := range spans {
			found = append(found, fmt.Sprintf("%s[%d:%d]", f.rule.Name, base+f.start, base+f.end))
		}
	}
	var b strings.Builder
	pass := func() {
		b.WriteString(w.rewrite(whole[at:w.decided()], at))
		at = w.decided()
		w.forget(at)
	}
	for _, p := range pieces {
		base := w.base
		note(w.write(p, false), base)
		pass()
	}
	base := w.base
	note(w.write("", true), base)
	pass()
	return found, b.String()
}

// cut makes pieces of whole characters whose lengths follow from a number.
func cut(s string, seed uint64) (out []string) {
	for len(s) > 0 {
		seed = seed*6364136223846793005 + 1442695040888963407
		n := min(1+int(seed>>60), len(s))
		for n < len(s) && !utf8.RuneStart(s[n]) {
			n++
		}
		out, s = append(out, s[:n]), s[n:]
	}
	return out
}

func texts() []string {
	return append(productTexts(),
		"Write to anna@shop.example or help@ours.example, call +49 30 1234567 or 415-555-0132!",
		"Pay 4111 1111 1111 1111 12/27 or DE89 3704 0044 0532 0130 00. Not a rival brand, the rival.",
		"a.b.c.d@e.f.g.h.i.example 0049 30 1 2 3 4 5 6 7 8 9, tel 030 1234567",
		"an\u200bna@sh\u00adop.exam\u2060ple cafe\u0301 e\u0301\u0301\u0301 CAFÉ ri\u0301val rіval",
		"這是假貨嗎？不是假貨，是 RIVAL-BRAND。ﬁne ㎏ ǆ ß",
		"bad word list bad word lists bad  word\nlist rival rival-brand brand",
		strings.Repeat("4", 40)+" "+strings.Repeat("a", 100)+"@b.example "+strings.Repeat("\u0301", 40)+" x",
		"\xff\xfe anna@shop.example \xc3",
	)
}

func compare(tb testing.TB, s *side, whole string, seed uint64) {
	tb.Helper()
	wantFound, want := inPieces(s, []string{whole})
	gotFound, got := inPieces(s, cut(whole, seed))
	if got != want || strings.Join(gotFound, " ") != strings.Join(wantFound, " ") {
		tb.Errorf("%q in pieces of %d:\ngot  %q %v\nwant %q %v", whole, seed, got, gotFound, want, wantFound)
	}
}

// A text in pieces is judged and redacted as the whole text is.
func TestPieces(t *testing.T) {
	t.Parallel()
	s := everything(t, Redact)
	for _, whole := range texts() {
		for seed := range uint64(40) {
			compare(t, s, whole, seed)
		}
	}
	_, out := inPieces(s, cut("Write to anna@shop.example or help@ours.example, card 4111 1111 1111 1111.", 3))
	if out != "Write to [email] or help@ours.example, card [card]." {
		t.Errorf("redacted: %q", out)
	}
}

func FuzzPieces(f *testing.F) {
	for i, s := range texts() {
		f.Add(s, uint64(i))
	}
	s := everything(f, Redact)
	f.Fuzz(func(t *testing.T, whole string, seed uint64) {
		if len(whole) > 2000 {
			return
		}
		compare(t, s, whole, seed)
	})
}

// What is held back is what may still become a match: the last word or number.
func TestHeldBack(t *testing.T) {
	t.Parallel()
	s := everything(t, Redact)
	for _, c := range []struct{ text, held string }{
		{"A linen shirt, cut wide. ", "wide. "},
		{"A linen shirt", "shirt"},
		{"for 39.90 EUR in sizes 36, 38", "38"},
		{"Write to anna@shop", "anna@shop"},
		{"the rival bra", "rival bra"},
		{"Pay 4111 1111 11", "4111 1111 11"},
		{"這是假", "假"},
		{"這是真貨。", ""},
	} {
		w := window{side: s}
		w.write(c.text, false)
		if got := c.text[w.decided():]; got != c.held {
			t.Errorf("%q: holds %q, want %q", c.text, got, c.held)
		}
	}
}

// However a text tries to be held for ever, little of it is.
func TestHeldBackIsBounded(t *testing.T) {
	t.Parallel()
	for name, endless := range map[string]string{
		"letters": "a", "digits": "4", "marks": "\u0301", "joiners": "\u200b", "plus": "+1", "local": "a.", "han": "假", "spaces": " ", "phrase": "rival ",
	} {
		w := window{side: everything(t, Redact)}
		most := 0
		for range 4000 {
			w.write(endless, false)
			most = max(most, len(w.buf))
		}
		if most > 3*maxPending {
			t.Errorf("%s: %d bytes held", name, most)
		}
	}
}

func FuzzLook(f *testing.F) {
	for _, s := range texts() {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		for _, l := range []level{folded, lookalike} {
			for _, final := range []bool{true, false} {
				v := look(s, l, final)
				if v.read > len(s) || final && v.read != len(s) || v.at != nil && len(v.at) != len(v.s)+1 {
					t.Fatalf("%q: read %d of %d, %d places for %d bytes", s, v.read, len(s), len(v.at), len(v.s))
				}
				for i := range v.s {
					if v.source(i) > v.sourceEnd(i+1) || v.index(v.source(i)) > i {
						t.Errorf("%q: byte %d came from %d to %d, index %d", s, i, v.source(i), v.sourceEnd(i+1), v.index(v.source(i)))
					}
				}
			}
		}
	})
}

func BenchmarkOutput(b *testing.B) {
	policy, err := Default()
	if err != nil {
		b.Fatal(err)
	}
	g := guard(b, policy)
	s := g.now.Load().out
	whole := strings.Repeat("A breezy linen shirt with a camp collar, cut wide; 55% linen, 45% viscose, for 39.90 EUR in 36 to 44. ", 11)[:1024]
	b.Run("whole", func(b *testing.B) {
		b.SetBytes(1024)
		b.ReportAllocs()
		for b.Loop() {
			w := window{side: s}
			w.write(whole, true)
		}
	})
	pieces := strings.SplitAfter(whole, " ")
	b.Run("pieces", func(b *testing.B) {
		b.SetBytes(1024)
		b.ReportAllocs()
		for b.Loop() {
			w := window{side: s}
			for _, p := range pieces {
				w.write(p, false)
			}
			w.write("", true)
		}
	})
}
