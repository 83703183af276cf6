package metric

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// The reference implementations are written in Python, whose idea of white
// space and of lower case differs from Go's. These functions follow Python.

// isSpace is str.isspace for one code point: Unicode white space and U+001C..U+001F.
func isSpace(r rune) bool {
	if r < utf8.RuneSelf {
		return r == ' ' || '\t' <= r && r <= '\r' || 0x1c <= r && r <= 0x1f
	}
	switch {
	case r == 0x85 || r == 0xa0 || r == 0x1680 || r == 0x2028 || r == 0x2029 || r == 0x202f || r == 0x205f || r == 0x3000:
		return true
	}
	return 0x2000 <= r && r <= 0x200a
}

// trimRight is str.rstrip.
func trimRight(s string) string { return strings.TrimRightFunc(s, isSpace) }

// trim is str.strip.
func trim(s string) string { return strings.TrimFunc(s, isSpace) }

// IsBlank says that a text holds nothing but white space.
func IsBlank(s string) bool { return strings.TrimLeftFunc(s, isSpace) == "" }

const (
	capitalSigma = 'Σ'
	smallSigma   = 'σ'
	finalSigma   = 'ς'
	dottedI      = 'İ'
)

// lower is str.lower: the full mapping of İ, and a sigma that ends a word.
func lower(s string) string {
	special := false
	for i := 0; i < len(s); i++ {
		// The first bytes of İ (U+0130) and Σ (U+03A3).
		if s[i] == 0xc4 || s[i] == 0xce {
			special = strings.ContainsRune(s, capitalSigma) || strings.ContainsRune(s, dottedI)
			break
		}
	}
	if !special {
		return strings.ToLower(s)
	}
	var b strings.Builder
	b.Grow(len(s) + 4)
	for i, r := range s {
		switch r {
		case dottedI:
			b.WriteString("i\u0307")
		case capitalSigma:
			if endsWord(s[:i], s[i+len("Σ"):]) {
				b.WriteRune(finalSigma)
			} else {
				b.WriteRune(smallSigma)
			}
		default:
			b.WriteRune(unicode.ToLower(r))
		}
	}
	return b.String()
}

// endsWord is the Final_Sigma condition of the Unicode Standard, table 3-17:
// a cased letter before and none after, case-ignorable characters aside.
func endsWord(before, after string) bool {
	cased := false
	for len(before) > 0 {
		r, n := utf8.DecodeLastRuneInString(before)
		before = before[:len(before)-n]
		if !caseIgnorable(r) {
			cased = isCased(r)
			break
		}
	}
	if !cased {
		return false
	}
	for _, r := range after {
		if !caseIgnorable(r) {
			return !isCased(r)
		}
	}
	return true
}

func isCased(r rune) bool {
	return unicode.In(r, unicode.Ll, unicode.Lu, unicode.Lt, unicode.Other_Lowercase, unicode.Other_Uppercase)
}

func caseIgnorable(r rune) bool {
	switch r {
	case '\'', '.', ':', '·', 0x387, 0x55f, 0x5f4, 0x2018, 0x2019, 0x2024, 0x2027, 0xfe13, 0xfe52, 0xfe55, 0xff07, 0xff0e, 0xff1a:
		return true
	}
	return unicode.In(r, unicode.Mn, unicode.Me, unicode.Cf, unicode.Lm, unicode.Sk)
}
