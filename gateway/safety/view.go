package safety

import (
	"sort"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"
)

// view is a text as the rules read it: normalised, with the way back to the bytes that
// each part came from.
type view struct {
	s string
	// at[i] is where the segment that byte i came from begins in the source; one entry more
	// than s has bytes. nil: i itself.
	at []int32
	// read is how many bytes of the source the view covers: all, or all but a last segment
	// that more text may still change.
	read int
}

// level is how far a view is normalised.
type level int

const (
	// folded: compatibility forms (NFKC: full width, ligatures), letters without case, and
	// without characters that are not seen.
	folded level = iota
	// lookalike: folded, and without accents, and letters of other scripts that look like
	// Latin ones are those.
	lookalike
)

// look makes a view. Where more text may follow, the last segment (a character with its
// combining marks) is left out. Where the source begins must be a segment's beginning.
func look(source string, l level, final bool) view {
	if ascii(source) {
		n := len(source)
		if !final && n > 0 {
			n--
		}
		if s := source[:n]; !hasControl(s) {
			return view{s: strings.ToLower(s), read: n}
		}
	}
	b := make([]byte, 0, len(source)+8)
	at := make([]int32, 0, len(source)+8)
	i := 0
	for i < len(source) {
		n := segment(source[i:], final)
		if n < 0 {
			break
		}
		was := len(b)
		b = appendSegment(b, source[i:i+n], l)
		for range len(b) - was {
			at = append(at, int32(i))
		}
		i += n
	}
	return view{s: string(b), at: append(at, int32(i)), read: i}
}

// segment is the length of the first segment, or -1 where that is not known yet.
func segment(s string, final bool) int {
	if s[0] < utf8.RuneSelf && len(s) > 1 && s[1] < utf8.RuneSelf {
		return 1
	}
	if r, n := utf8.DecodeRuneInString(s); r == utf8.RuneError && n == 1 {
		if !final && !utf8.FullRuneInString(s) {
			return -1
		}
		return 1 // not UTF-8
	}
	return norm.NFKC.NextBoundaryInString(s, final)
}

func appendSegment(b []byte, seg string, l level) []byte {
	if len(seg) == 1 && seg[0] < utf8.RuneSelf {
		c := seg[0]
		switch {
		case 'A' <= c && c <= 'Z':
			c += 'a' - 'A'
		case unseen(rune(c)):
			return b
		}
		return append(b, c)
	}
	if l == folded {
		seg = norm.NFKC.String(seg)
	} else {
		seg = norm.NFKD.String(seg)
	}
	for _, r := range seg {
		if unseen(r) {
			continue
		}
		if l == lookalike {
			if unicode.Is(unicode.Mn, r) {
				continue
			}
			if to, ok := latin(r); ok {
				b = append(b, to...)
				continue
			}
		}
		switch r = unicode.ToLower(r); r {
		case 'ß':
			b = append(b, "ss"...)
		case 'ς':
			b = utf8.AppendRune(b, 'σ')
		default:
			if l == lookalike {
				if to, ok := latin(r); ok {
					b = append(b, to...)
					continue
				}
			}
			b = utf8.AppendRune(b, r)
		}
	}
	return b
}

// source is where byte i of the view begins in the source.
func (v view) source(i int) int {
	if v.at == nil {
		return i
	}
	return int(v.at[i])
}

// sourceEnd is where what ends at byte i of the view ends in the source.
func (v view) sourceEnd(i int) int {
	if v.at == nil || i == 0 {
		return i
	}
	last := v.at[i-1]
	for v.at[i] == last && i < len(v.s) {
		i++
	}
	return int(v.at[i])
}

// index is the first byte of the view that came from the source at or after p.
func (v view) index(p int) int {
	if v.at == nil {
		return min(p, len(v.s))
	}
	return min(sort.Search(len(v.at), func(i int) bool { return int(v.at[i]) >= p }), len(v.s))
}

func ascii(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

func hasControl(s string) bool {
	for i := 0; i < len(s); i++ {
		if unseen(rune(s[i])) {
			return true
		}
	}
	return false
}

// unseen is true for characters that leave no mark: controls, joiners, marks of
// direction, fillers, variation selectors and tags (Unicode's Default_Ignorable_Code_Point).
func unseen(r rune) bool {
	switch {
	case r < 0x20:
		return r != '\t' && r != '\n' && r != '\r' && r != '\v' && r != '\f'
	case r < 0x7f:
		return false
	case r < 0xa0:
		return r != 0x85
	case r < 0x300:
		return r == 0xad
	}
	switch r {
	case 0x34f, 0x61c, 0x115f, 0x1160, 0x17b4, 0x17b5, 0x3164, 0xfeff, 0xffa0:
		return true
	}
	return between(r, 0x180b, 0x180f) || between(r, 0x200b, 0x200f) || between(r, 0x202a, 0x202e) || between(r, 0x2060, 0x206f) ||
		between(r, 0xfe00, 0xfe0f) || between(r, 0xfff0, 0xfff8) || between(r, 0x1bca0, 0x1bca3) || between(r, 0x1d173, 0x1d17a) ||
		between(r, 0xe0000, 0xe0fff)
}

func between(r, from, to rune) bool { return from <= r && r <= to }

// latin is what a letter looks like in Latin. It knows the letters of Cyrillic, Greek,
// Armenian and Cherokee, and Latin's own variants, that common fonts draw alike.
func latin(r rune) (string, bool) {
	if r < 0x80 {
		return "", false
	}
	i := sort.Search(len(alike), func(i int) bool { return alike[i].from >= r })
	if i < len(alike) && alike[i].from == r {
		return alike[i].to, true
	}
	return "", false
}

// wordRune is true for what words are made of.
func wordRune(r rune) bool {
	if r < utf8.RuneSelf {
		return alnum(byte(r))
	}
	return unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.IsMark(r)
}

// unspaced is true for scripts that put no spaces between words.
func unspaced(r rune) bool {
	return r >= 0xe00 && unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Thai, unicode.Lao, unicode.Khmer, unicode.Myanmar)
}

func alnum(c byte) bool { return letter(c) || digit(c) }
func letter(c byte) bool {
	return 'a' <= c && c <= 'z'
}
func digit(c byte) bool { return '0' <= c && c <= '9' }

// before and after are the characters beside a place; 0 where there is none.
func before(s string, i int) rune {
	if i <= 0 {
		return 0
	}
	r, _ := utf8.DecodeLastRuneInString(s[:i])
	return r
}

func after(s string, i int) rune {
	if i >= len(s) {
		return 0
	}
	r, _ := utf8.DecodeRuneInString(s[i:])
	return r
}
