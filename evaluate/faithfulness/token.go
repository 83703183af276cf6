package faithfulness

import (
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// breakKind says how much a token parts what stands before it from what follows.
type breakKind uint8

const (
	noBreak   breakKind = iota
	softBreak           // a comma
	hardBreak           // the end of a sentence or of a clause
)

// token is a word, a number, a Chinese character or a punctuation mark.
type token struct {
	start, end int32
	id         int32   // of the word in the vocabulary; -1: in no rule
	match      int32   // index of the match that begins here or covers it; -1: none
	value      float64 // of a number
	number     bool
	upper      bool // begins with a capital letter
	dash       bool // a dash or hyphen stands right before it
	glued      bool // nothing stands between it and the token before
	brk        breakKind
	scope      scope
}

// maxWord is the longest word that a rule can hold, in bytes.
const maxWord = 64

// tokenizer cuts texts into tokens and looks their words up.
type tokenizer struct {
	vocab map[string]int32
	buf   [maxWord]byte
}

// cut appends the tokens of text to dst.
func (t *tokenizer) cut(dst []token, text string) []token {
	dash, glued := false, false
	for i := 0; i < len(text); {
		r, size := rune(text[i]), 1
		if r >= utf8.RuneSelf {
			r, size = utf8.DecodeRuneInString(text[i:])
		}
		r = narrow(r)
		end := i + size
		switch {
		case r == '\n':
			dst = append(dst, token{start: int32(i), end: int32(end), id: -1, match: -1, brk: hardBreak})
			glued, dash = false, false
		case unicode.IsSpace(r):
			glued, dash = false, false
		case r >= '0' && r <= '9':
			end = numberEnd(text, i)
			n := len(dst)
			dst = append(dst, token{start: int32(i), end: int32(end), number: true, match: -1, dash: dash, glued: glued})
			dst[n].value = number(text[i:end])
			dst[n].id = t.lookup(text[i:end])
			glued, dash = true, false
		case isHan(r):
			dst = append(dst, token{start: int32(i), end: int32(end), id: t.lookup(text[i:end]), match: -1, dash: dash, glued: glued})
			glued, dash = true, false
		case unicode.IsLetter(r):
			end = wordEnd(text, i)
			dst = append(dst, token{start: int32(i), end: int32(end), id: t.lookup(text[i:end]), match: -1, upper: unicode.IsUpper(r), dash: dash, glued: glued})
			glued, dash = true, false
		case isHyphen(r) && glued && followsWord(text, end):
			dash = true // joins two words; it is no token
		default:
			dst = append(dst, token{start: int32(i), end: int32(end), id: t.lookup(text[i:end]), match: -1, glued: glued, brk: breakOf(r, glued)})
			glued, dash = true, false
		}
		i = end
	}
	return dst
}

// narrow turns a full-width form (U+FF01..FF5E) into its ASCII twin and typographic marks into plain ones.
func narrow(r rune) rune {
	switch {
	case r >= 0xff01 && r <= 0xff5e:
		return r - 0xff01 + '!'
	case r == '’' || r == '‘' || r == 'ʼ':
		return '\''
	}
	return r
}

func isHan(r rune) bool { return r >= 0x2e80 && unicode.Is(unicode.Han, r) }

func isHyphen(r rune) bool { return r == '-' || r == '‐' || r == '‑' || r == '–' || r == '~' }

// followsWord says that a letter or digit stands at i.
func followsWord(text string, i int) bool {
	r, _ := utf8.DecodeRuneInString(text[i:])
	r = narrow(r)
	return unicode.IsLetter(r) || unicode.IsDigit(r)
}

// breakOf knows a hyphen with a space before it as a dash.
func breakOf(r rune, glued bool) breakKind {
	switch r {
	case '-':
		if glued {
			return noBreak
		}
		return hardBreak
	case '.', '!', '?', ';', ':', '—', '–', '(', ')', '。', '；', '：', '…', '|', '•':
		return hardBreak
	case ',', '，', '、':
		return softBreak
	}
	return noBreak
}

// numberEnd passes over digits with . and , between them.
func numberEnd(text string, i int) int {
	for i < len(text) {
		r, size := utf8.DecodeRuneInString(text[i:])
		r = narrow(r)
		if r >= '0' && r <= '9' {
			i += size
			continue
		}
		if r == '.' || r == ',' {
			next, _ := utf8.DecodeRuneInString(text[i+size:])
			if next = narrow(next); next >= '0' && next <= '9' && size == 1 {
				i += size
				continue
			}
		}
		return i
	}
	return i
}

// wordEnd passes over letters, marks and apostrophes inside a word.
func wordEnd(text string, i int) int {
	for i < len(text) {
		if c := text[i] | 0x20; 'a' <= c && c <= 'z' { // most are
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case (unicode.IsLetter(r) && !isHan(r)) || unicode.IsMark(r):
		case narrow(r) == '\'' && i+size < len(text):
			if next, _ := utf8.DecodeRuneInString(text[i+size:]); !unicode.IsLetter(next) {
				return i
			}
		default:
			return i
		}
		i += size
	}
	return i
}

// number reads 1,290 and 1.290 as thousands, 49.90 and 49,90 as decimals: a mark
// followed by exactly three digits groups, any other parts the decimals.
func number(s string) float64 {
	var digits [maxWord]byte
	n := 0
	at := strings.LastIndexAny(s, ".,")
	decimal := at >= 0 && len(s)-at-1 != 3
	for i, r := range s {
		r = narrow(r)
		switch {
		case n == len(digits):
			return 0
		case r >= '0' && r <= '9':
			digits[n] = byte(r)
			n++
		case i == at && decimal:
			digits[n] = '.'
			n++
		}
	}
	v, err := strconv.ParseFloat(string(digits[:n]), 64)
	if err != nil {
		return 0
	}
	return v
}

// lookup finds a word's id, in lower case and without a possessive ending; -1 if no rule has it.
func (t *tokenizer) lookup(word string) int32 {
	n := t.fold(word)
	if n == 0 {
		return -1
	}
	if id, ok := t.vocab[string(t.buf[:n])]; ok {
		return id
	}
	return -1
}

// fold writes the normal form of a word to buf and returns its length; 0 if it is too long.
func (t *tokenizer) fold(word string) int {
	n := 0
	for i := 0; i < len(word); {
		if n+utf8.UTFMax > len(t.buf) {
			return 0
		}
		c := word[i]
		if c < utf8.RuneSelf {
			if 'A' <= c && c <= 'Z' {
				c += 'a' - 'A'
			}
			t.buf[n] = c
			n++
			i++
			continue
		}
		r, size := utf8.DecodeRuneInString(word[i:])
		n += utf8.EncodeRune(t.buf[n:], unicode.ToLower(narrow(r)))
		i += size
	}
	if n > 2 && t.buf[n-1] == 's' && t.buf[n-2] == '\'' {
		n -= 2
	}
	return n
}
