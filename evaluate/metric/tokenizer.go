package metric

import (
	"strings"
	"unicode/utf8"
)

// Tokenizer names one of sacrebleu's tokenizers.
type Tokenizer string

// The tokenizers.
const (
	TokenizerNone Tokenizer = "none" // white space only
	Tokenizer13a  Tokenizer = "13a"  // mteval-v13a; the default
	TokenizerIntl Tokenizer = "intl" // mteval-v14 with Unicode punctuation and symbols
	TokenizerZh   Tokenizer = "zh"   // Chinese characters one by one, the rest as 13a
	TokenizerChar Tokenizer = "char" // every character
)

// Tokenizers lists all of them.
func Tokenizers() []Tokenizer {
	return []Tokenizer{Tokenizer13a, TokenizerIntl, TokenizerZh, TokenizerChar, TokenizerNone}
}

// tokens is a tokenized line: pieces of one string.
type tokens struct {
	text  string
	spans []span
}

type span struct{ from, to int32 }

func (t *tokens) reset(text string) {
	t.text = text
	t.spans = t.spans[:0]
}

// add appends the token s[from:to] unless it is empty.
func (t *tokens) add(from, to int) {
	if from < to {
		t.spans = append(t.spans, span{int32(from), int32(to)})
	}
}

func (t *tokens) at(i int) string { return t.text[t.spans[i].from:t.spans[i].to] }

// Tokenize returns the tokens of a line, joined by single spaces. The line is
// taken as it is: BLEU lower-cases and strips its end first.
func (k Tokenizer) Tokenize(line string) string {
	var t tokens
	k.split(&t, line)
	parts := make([]string, len(t.spans))
	for i := range parts {
		parts[i] = t.at(i)
	}
	return strings.Join(parts, " ")
}

// split fills t with the tokens of a line. sacrebleu writes its tokenizers as
// substitutions that only ever insert spaces; here each is one pass that finds
// where a space would have been inserted. A rule looks at a character and its
// two neighbours, because the substitutions' matches overlap in no other way.
func (k Tokenizer) split(t *tokens, line string) {
	switch k {
	case Tokenizer13a:
		t.reset(unescape(line))
		split13a(t, true, false)
	case TokenizerZh:
		t.reset(trim(line))
		split13a(t, false, true)
	case TokenizerIntl:
		t.reset(line)
		splitIntl(t)
	case TokenizerChar:
		t.reset(line)
		splitChar(t)
	default:
		t.reset(line)
		splitSpace(t)
	}
}

// unescape is the language-independent part of mteval-v13a.
func unescape(s string) string {
	if strings.Contains(s, "<skipped>") {
		s = strings.ReplaceAll(s, "<skipped>", "")
	}
	if strings.Contains(s, "-\n") {
		s = strings.ReplaceAll(s, "-\n", "")
	}
	if strings.IndexByte(s, '&') >= 0 {
		s = strings.ReplaceAll(s, "&quot;", `"`)
		s = strings.ReplaceAll(s, "&amp;", "&")
		s = strings.ReplaceAll(s, "&lt;", "<")
		s = strings.ReplaceAll(s, "&gt;", ">")
	}
	return s
}

// kind is what 13a makes of an ASCII byte.
type kind uint8

const (
	kindWord  kind = iota
	kindSpace      // ends a token
	kindAlone      // always a token of its own
	kindPoint      // . and , : apart unless between digits
	kindDash       // - : apart after a digit
	kindDigit
	kindWide // first byte of a longer character
)

// kinds13a follows the expressions of sacrebleu's tokenizer_re.
var kinds13a = func() (k [256]kind) {
	for i := range k {
		switch c := byte(i); {
		case c >= utf8.RuneSelf:
			k[i] = kindWide
		case isSpace(rune(c)):
			k[i] = kindSpace
		case '{' <= c && c <= '~', '[' <= c && c <= '`', ' ' < c && c <= '&', '(' <= c && c <= '+', ':' <= c && c <= '@', c == '/':
			k[i] = kindAlone
		case c == '.' || c == ',':
			k[i] = kindPoint
		case c == '-':
			k[i] = kindDash
		case '0' <= c && c <= '9':
			k[i] = kindDigit
		}
	}
	return k
}()

// split13a applies the four substitutions of mteval-v13a. padded says that the
// line counts as having a space on either side; chinese sets Chinese
// characters apart first.
func split13a(t *tokens, padded, chinese bool) {
	s := t.text
	begin := 0
	previous := kindSpace // kind of the character before, across inserted spaces
	taken := false        // the character before was a point that the second substitution took
	if !padded {
		taken = true // nothing stands before the first character, so nothing can match it
	}
	for i := 0; i < len(s); {
		k := kinds13a[s[i]]
		size := 1
		if k == kindWide {
			k, size = wideKind(s[i:], chinese)
		}
		took := false
		switch k {
		case kindSpace:
			t.add(begin, i)
			begin = i + size
		case kindAlone:
			t.add(begin, i)
			t.add(i, i+size)
			begin = i + size
		case kindPoint:
			took = previous != kindDigit && !taken
			next := i + 1
			if took || next == len(s) && padded || next < len(s) && kinds13a[s[next]] != kindDigit {
				t.add(begin, i)
				t.add(i, next)
				begin = next
			}
		case kindDash:
			if previous == kindDigit {
				t.add(begin, i)
				t.add(i, i+1)
				begin = i + 1
			}
		}
		previous, taken = k, took
		i += size
	}
	t.add(begin, len(s))
}

// wideKind looks at a character beyond ASCII at the start of s.
func wideKind(s string, chinese bool) (kind, int) {
	switch c := s[0]; {
	case c == 0xc2 || c == 0xe1 || c == 0xe2 || c == 0xe3 || chinese:
		r, n := utf8.DecodeRuneInString(s)
		switch {
		case isSpace(r):
			return kindSpace, n
		case chinese && isChinese(r):
			return kindAlone, n
		}
		return kindWord, n
	}
	return kindWord, 1 // the bytes that follow are words too
}

// isChinese follows sacrebleu's ranges as Python reads them: two of its range
// literals have five digits, of which Python's \u takes four, so that
// U+2001..U+2A6D count as Chinese and the supplementary planes do not.
func isChinese(r rune) bool {
	switch {
	case r < 0x2001:
		return false
	case r <= 0x2a6d:
		return true
	case r < 0x2e80 || r > 0xffef:
		return false
	}
	return r <= 0x2eff || // radicals
		0x2f00 <= r && r <= 0x2fdf || // Kangxi radicals
		0x2ff0 <= r && r <= 0x303f || // structure, punctuation
		0x3100 <= r && r <= 0x312f || // phonetic symbols
		0x31a0 <= r && r <= 0x31bf || // phonetic symbols
		0x31c0 <= r && r <= 0x31ef || // strokes
		0x3200 <= r && r <= 0x4db5 || // enclosed, compatibility, extension A
		0x4e00 <= r && r <= 0x9fbb || // unified ideographs
		0xf900 <= r && r <= 0xfa2d || 0xfa30 <= r && r <= 0xfa6a || 0xfa70 <= r && r <= 0xfad9 || // compatibility
		0xfe10 <= r && r <= 0xfe1f || 0xfe30 <= r && r <= 0xfe4f || // vertical forms
		0xff00 <= r // full and half width
}

// splitIntl sets punctuation apart unless digits stand on both sides, and
// every symbol. A number with a full stop at the end of the line stays joined,
// as in mteval-v14.
func splitIntl(t *tokens) {
	s := t.text
	begin := 0
	previous := classNumber // nothing stands before the first character, so nothing can match it
	taken := false
	for i := 0; i < len(s); {
		r, n := rune(s[i]), 1
		var c class
		if r < utf8.RuneSelf {
			c = classesASCII[r]
		} else {
			r, n = utf8.DecodeRuneInString(s[i:])
			c = classOf(r)
		}
		took := false
		switch c {
		case classOther:
			if isSpace(r) {
				t.add(begin, i)
				begin = i + n
			}
		case classSymbol:
			t.add(begin, i)
			t.add(i, i+n)
			begin = i + n
		case classPunctuation:
			took = previous != classNumber && !taken
			if took || i+n < len(s) && classAt(s[i+n:]) != classNumber {
				t.add(begin, i)
				t.add(i, i+n)
				begin = i + n
			}
		}
		previous, taken = c, took
		i += n
	}
	t.add(begin, len(s))
}

var classesASCII = func() (c [utf8.RuneSelf]class) {
	for i := range c {
		c[i] = classOf(rune(i))
	}
	return c
}()

func classAt(s string) class {
	if s[0] < utf8.RuneSelf {
		return classesASCII[s[0]]
	}
	r, _ := utf8.DecodeRuneInString(s)
	return classOf(r)
}

func splitChar(t *tokens) {
	for i, r := range t.text {
		if isSpace(r) {
			continue
		}
		_, n := utf8.DecodeRuneInString(t.text[i:])
		t.add(i, i+n)
	}
}

func splitSpace(t *tokens) {
	begin := 0
	for i, r := range t.text {
		if isSpace(r) {
			t.add(begin, i)
			begin = i + utf8.RuneLen(r)
		}
	}
	t.add(begin, len(t.text))
}
