package tokenize

import (
	"strings"
	"unicode/utf8"
)

const replacement = "\uFFFD"

// subpart measures the start of s: the length of its first character, or, if it
// is not UTF-8, of the maximal subpart that one U+FFFD replaces (Unicode chapter
// 3, "U+FFFD Substitution of Maximal Subparts", which Python follows and Go's
// range does not).
func subpart(s string) (n int, valid bool) {
	if r, n := utf8.DecodeRuneInString(s); r != utf8.RuneError || n > 1 {
		return n, true
	}
	// To utf8 a string is not a full rune while it can still become one.
	for n = 1; n < len(s) && !utf8.FullRuneInString(s[:n+1]); {
		n++
	}
	return n, false
}

// completeLength is the length of b without an unfinished character at its end.
func completeLength(b []byte) int {
	for back := 1; back < utf8.UTFMax && back <= len(b); back++ {
		if utf8.RuneStart(b[len(b)-back]) {
			if !utf8.FullRune(b[len(b)-back:]) {
				return len(b) - back
			}
			break
		}
	}
	return len(b)
}

// replaceInvalid is Python's bytes.decode('utf-8', errors='replace').
func replaceInvalid[T string | []byte](b T) string {
	s := string(b)
	if utf8.ValidString(s) {
		return s
	}
	var out strings.Builder
	out.Grow(len(s) + 8)
	for len(s) > 0 {
		n, valid := subpart(s)
		if valid {
			out.WriteString(s[:n])
		} else {
			out.WriteString(replacement)
		}
		s = s[n:]
	}
	return out.String()
}
