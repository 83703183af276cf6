package safety

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// text is a view's text, and whether it is whole or more may follow.
type text struct {
	s     string
	final bool
}

// ends is true where more text could change what is decided at byte i.
func (t text) ends(i int) bool { return i >= len(t.s) && !t.final }

// verdict is what a matcher says of a place.
type verdict int

const (
	no   verdict = iota // nothing begins here
	yes                 // a match begins here
	more                // that depends on what follows
)

// matcher finds one kind of thing in a text. It looks at most maxBehind bytes back, and
// what it says of a place does not depend on where the search began, so that a text in
// pieces is judged as the whole text is.
type matcher interface {
	// match judges byte i, where a character begins. With yes, end is where the match ends; with no, it
	// is the next place at which something could begin. more bounds itself: it asks for
	// maxMatch bytes beyond i at the most.
	match(t text, i int) (end int, v verdict)
}

// skipper is a matcher that knows quickly where nothing begins.
type skipper interface {
	// skip is the first place from byte i on, where a character begins, at which match may say
	// anything but no; the text's length if there is none.
	skip(t text, i int) int
}

// Bounds in bytes of normalised text.
const (
	maxBehind = 64
	maxMatch  = 512
)

// scan finds the matches of m from byte i on, and returns the first place that is not
// decided yet, or the text's end.
func scan(t text, i int, m matcher, found func(start, end int)) int {
	quick, _ := m.(skipper)
	for i < len(t.s) {
		if quick != nil {
			if i = quick.skip(t, i); i >= len(t.s) {
				break
			}
		}
		end, v := m.match(t, i)
		switch v {
		case more:
			return i
		case yes:
			found(i, end)
		}
		i = max(end, i+1)
		for i < len(t.s) && !utf8.RuneStart(t.s[i]) {
			i++
		}
	}
	return len(t.s)
}

// afterWord is the end of the run of letters and digits that byte i stands in, or the next character.
func afterWord(s string, i int) int {
	j := i
	for j < len(s) && alnum(s[j]) {
		j++
	}
	return max(j, i+1)
}

// email finds addresses of the form name@domain.tld.
type email struct{}

const (
	maxLocal  = 64
	maxDomain = 120
)

// skip implements skipper: a whole text without the sign has no address.
func (email) skip(t text, i int) int {
	if t.final && strings.IndexByte(t.s[i:], '@') < 0 {
		return len(t.s)
	}
	return i
}

func (email) match(t text, i int) (int, verdict) {
	if !localStart(t.s, i) {
		return i + 1, no
	}
	j := i
	for j < len(t.s) && j-i <= maxLocal {
		r, n := utf8.DecodeRuneInString(t.s[j:])
		if !localRune(r) {
			break
		}
		j += n
	}
	switch {
	case j-i > maxLocal:
		return j, no
	case t.ends(j):
		return i, more
	case j == len(t.s) || t.s[j] != '@':
		return j, no
	case t.s[j-1] == '.':
		return j, no
	}
	end, v := domain(t, j+1)
	if v == no {
		return j, no
	}
	return end, v
}

// localStart is true where a name may begin: a letter or digit with none before it.
func localStart(s string, i int) bool {
	return european(after(s, i)) && !european(before(s, i))
}

func localRune(r rune) bool {
	return european(r) || r == '.' || r == '_' || r == '%' || r == '+' || r == '-'
}

// european is true for letters and digits of the scripts in which addresses are written
// beside plain Latin.
func european(r rune) bool {
	if r < utf8.RuneSelf {
		return r > 0 && alnum(byte(r)) || r == '_'
	}
	return unicode.In(r, unicode.Latin, unicode.Greek, unicode.Cyrillic)
}

// domain reads labels and a top-level domain of letters. Names of picture files such as
// logo@2x.png are none.
func domain(t text, i int) (int, verdict) {
	end, label := 0, i
	for j := i; ; {
		r, n := utf8.DecodeRuneInString(t.s[j:])
		if n > 0 && (european(r) && r != '_' || r == '-') && j-i < maxDomain {
			j += n
			continue
		}
		if j-i >= maxDomain {
			return i, no
		}
		if t.ends(j) {
			return i, more
		}
		if label > i && topLevel(t.s[label:j]) {
			end = j
		}
		if r != '.' || j == label {
			break
		}
		if t.ends(j + 1) {
			return i, more
		}
		j, label = j+1, j+1
	}
	if end == 0 {
		return i, no
	}
	return end, yes
}

func topLevel(s string) bool {
	switch s {
	case "png", "jpg", "jpeg", "gif", "webp", "svg", "avif", "pdf", "css", "js":
		return false
	}
	if len(s) < 2 || len(s) > 24 {
		return false
	}
	if len(s) > 4 && s[:4] == "xn--" {
		return true
	}
	for _, r := range s {
		if r == '-' || r < utf8.RuneSelf && digit(byte(r)) {
			return false
		}
	}
	return true
}
