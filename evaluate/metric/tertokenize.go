package metric

import (
	"strings"
	"unicode/utf8"
)

// prepare is Tercom's tokenizer as sacrebleu 2.6.0 has it: it returns a text
// whose words are separated by white space.
func (o TEROptions) prepare(text string) string {
	text = trimRight(text)
	if !o.CaseSensitive {
		text = lower(text)
	}
	if text == "" {
		return ""
	}
	if o.Normalized {
		text = normalizeTER(text, o.AsianSupport)
	}
	if o.NoPunctuation {
		text = strings.Map(func(r rune) rune {
			if isTERPunctuation(r) || o.AsianSupport && isAsianPunctuation(r) {
				return -1
			}
			return r
		}, text)
	}
	return text
}

// normalizeTER splits punctuation off as Tercom's Normalizer does. Its
// expressions are mteval-v13a's with one more for 's, so that the tokens are
// those of 13a; with asian, CJK characters stand alone. Sacrebleu's further
// expressions for runs of kana never match: they are anchored to the beginning
// of the text, which by then is a space.
func normalizeTER(text string, asian bool) string {
	text = strings.ReplaceAll(text, "\n-", "")
	text = strings.ReplaceAll(text, "\n", " ")
	text = strings.ReplaceAll(text, "&quot;", `"`)
	text = strings.ReplaceAll(text, "&amp;", "&")
	text = strings.ReplaceAll(text, "&lt;", "<")
	text = strings.ReplaceAll(text, "&gt;", ">")
	var t tokens
	t.reset(setPossessivesApart(text))
	split13a(&t, true, false)
	var b strings.Builder
	b.Grow(len(text) + len(t.spans))
	for i := range t.spans {
		if i > 0 {
			b.WriteByte(' ')
		}
		if !asian {
			b.WriteString(t.at(i))
			continue
		}
		for _, r := range t.at(i) {
			if isAsian(r) {
				b.WriteByte(' ')
				b.WriteRune(r)
				b.WriteByte(' ')
			} else {
				b.WriteRune(r)
			}
		}
	}
	return b.String()
}

// setPossessivesApart puts a space before an 's that ends a word: before a
// space, before what 13a always sets apart, or at the end.
func setPossessivesApart(text string) string {
	if !strings.Contains(text, "'s") {
		return text
	}
	var b strings.Builder
	from := 0
	for i := 0; i+2 <= len(text); i++ {
		if text[i] != '\'' || text[i+1] != 's' {
			continue
		}
		if next := i + 2; next == len(text) || text[next] == ' ' || kinds13a[text[next]] == kindAlone {
			b.WriteString(text[from:i])
			b.WriteByte(' ')
			from = i
		}
	}
	b.WriteString(text[from:])
	return b.String()
}

func isTERPunctuation(r rune) bool {
	return r < utf8.RuneSelf && strings.IndexByte(`.,?:;!"()`, byte(r)) >= 0
}

// isAsianPunctuation follows sacrebleu's ranges for CJK and full-width marks.
func isAsianPunctuation(r rune) bool {
	switch {
	case r == 0x3001 || r == 0x3002 || r == 0x30fb:
		return true
	case 0x3008 <= r && r <= 0x3011, 0x3014 <= r && r <= 0x301f, 0xff61 <= r && r <= 0xff65:
		return true
	}
	switch r {
	case 0xff0e, 0xff0c, 0xff1f, 0xff1a, 0xff1b, 0xff01, 0xff02, 0xff08, 0xff09:
		return true
	}
	return false
}

// isAsian follows sacrebleu's ranges. That of enclosed letters ends, by a
// transposition of digits in sacrebleu, at U+3F22.
func isAsian(r rune) bool {
	switch {
	case r < 0x2e80:
		return false
	case r <= 0x2eff, 0x31c0 <= r && r <= 0x31ef, 0x3200 <= r && r <= 0x4dbf, 0x4e00 <= r && r <= 0x9fff, 0xf900 <= r && r <= 0xfaff, 0xfe30 <= r && r <= 0xfe4f:
		return true
	}
	return isAsianPunctuation(r)
}
