package tokenize

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"
)

// addedToken is a token that is looked for in the text before anything else
// happens to it.
type addedToken struct {
	ID         int32  `json:"id"`
	Content    string `json:"content"`
	SingleWord bool   `json:"single_word"` // only where it is not part of a word
	LStrip     bool   `json:"lstrip"`      // takes the white space before it along
	RStrip     bool   `json:"rstrip"`      // and after it
	Normalized bool   `json:"normalized"`  // looked for in the normalised text
	Special    bool   `json:"special"`     // control text; see Options.ParseSpecial
}

// matcher finds added tokens, leftmost and then longest.
type matcher struct {
	tokens  map[string]addedToken
	first   [256]bool
	single  int // the only byte that tokens begin with, or -1
	lengths []int
}

// newMatcher looks for the spellings given; it is nil if there are none.
func newMatcher(tokens map[string]addedToken) *matcher {
	if len(tokens) == 0 {
		return nil
	}
	m := &matcher{tokens: tokens, single: -1}
	firsts := 0
	for s := range tokens {
		if !m.first[s[0]] {
			m.first[s[0]] = true
			m.single = int(s[0])
			firsts++
		}
		if !slices.Contains(m.lengths, len(s)) {
			m.lengths = append(m.lengths, len(s))
		}
	}
	if firsts > 1 {
		m.single = -1
	}
	slices.Sort(m.lengths)
	slices.Reverse(m.lengths)
	return m
}

// find is the first spelling at or after from: its place and token.
func (m *matcher) find(s string, from int) (at, end int, t addedToken, ok bool) {
	for i := from; i < len(s); i++ {
		if m.single >= 0 {
			n := strings.IndexByte(s[i:], byte(m.single))
			if n < 0 {
				break
			}
			i += n
		} else if !m.first[s[i]] {
			continue
		}
		for _, n := range m.lengths {
			if n > len(s)-i {
				continue
			}
			if t, ok := m.tokens[s[i:i+n]]; ok {
				return i, i + n, t, true
			}
		}
	}
	return 0, 0, addedToken{}, false
}

// matches walks over the added tokens of a text.
type matches struct {
	m            *matcher
	s            string
	parseSpecial bool
	pos          int // where to look on
	covered      int // up to where the text is dealt with
}

// next finds the next token that counts. The text between the previous one and
// start is plain.
func (it *matches) next() (start, end int, t addedToken, ok bool) {
	if it.m == nil {
		return 0, 0, addedToken{}, false
	}
	for {
		start, end, t, ok = it.m.find(it.s, it.pos)
		if !ok {
			return 0, 0, addedToken{}, false
		}
		it.pos = end
		if t.Special && !it.parseSpecial {
			continue
		}
		if t.SingleWord && (endsWithWord(it.s[:start]) || startsWithWord(it.s[end:])) {
			continue
		}
		if t.LStrip {
			start = max(len(strings.TrimRightFunc(it.s[:start], unicode.IsSpace)), it.covered)
		}
		if t.RStrip {
			end = len(it.s) - len(strings.TrimLeftFunc(it.s[end:], unicode.IsSpace))
		}
		it.covered = end
		return start, end, t, true
	}
}

func endsWithWord(s string) bool {
	r, n := utf8.DecodeLastRuneInString(s)
	return n > 0 && isWord(r)
}

func startsWithWord(s string) bool {
	r, n := utf8.DecodeRuneInString(s)
	return n > 0 && isWord(r)
}

// isWord is \w of Rust's regex crate.
func isWord(r rune) bool {
	return unicode.In(r, unicode.L, unicode.M, unicode.Nd, unicode.Nl, unicode.Pc, unicode.Other_Alphabetic, unicode.Join_Control)
}
