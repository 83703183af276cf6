package tokenize

import (
	"strings"
	"unicode/utf8"
)

const replacement = "\uFFFD"

// subpart measures the start of b: the length of its first character, or, if it
// is not UTF-8, of the maximal subpart that one U+FFFD replaces (Unicode chapter
// 3, "U+FFFD Substitution of Maximal Subparts", which Python follows and Go's
// range does not). unfinished says that more bytes could make it a character.
func subpart[T string | []byte](b T) (n int, valid, unfinished bool) {
	c := b[0]
	low, high, need := byte(0x80), byte(0xBF), 0
	switch {
	case c < 0x80:
		return 1, true, false
	case c >= 0xC2 && c <= 0xDF:
		need = 2
	case c >= 0xE0 && c <= 0xEF:
		need = 3
		if c == 0xE0 {
			low = 0xA0
		} else if c == 0xED {
			high = 0x9F
		}
	case c >= 0xF0 && c <= 0xF4:
		need = 4
		if c == 0xF0 {
			low = 0x90
		} else if c == 0xF4 {
			high = 0x8F
		}
	default:
		return 1, false, false
	}
	for n = 1; n < need; n++ {
		if n == len(b) {
			return n, false, true
		}
		if b[n] < low || b[n] > high {
			return n, false, false
		}
		low, high = 0x80, 0xBF
	}
	return need, true, false
}

// completeLength is the length of b without an unfinished character at its end.
func completeLength(b []byte) int {
	for back := 1; back <= 3 && back <= len(b); back++ {
		if utf8.RuneStart(b[len(b)-back]) {
			if n, _, unfinished := subpart(b[len(b)-back:]); unfinished && n == back {
				return len(b) - back
			}
			break
		}
	}
	return len(b)
}

// replaceInvalid is Python's bytes.decode('utf-8', errors='replace').
func replaceInvalid[T string | []byte](b T) string {
	if utf8.ValidString(string(b)) {
		return string(b)
	}
	var out strings.Builder
	out.Grow(len(b) + 8)
	for len(b) > 0 {
		n, valid, _ := subpart(b)
		if valid {
			out.WriteString(string(b[:n]))
		} else {
			out.WriteString(replacement)
		}
		b = b[n:]
	}
	return out.String()
}
