package safety

import "strings"

// phone finds telephone numbers: international ones (+49 30 1234567, 0049 30 1234567), North
// American ones as they are written there, and others only after a word that says so
// ("Tel.", "call"): bare groups of digits in product texts are sizes, prices and article numbers.
type phone struct{}

const (
	minDigits, maxDigits = 8, 15 // of an international number, with its country (E.164)
	minLocal, maxLocalNo = 7, 12 // of a number after a word
	behindPhone          = 28    // bytes before a number in which such a word counts
)

// skip implements skipper.
func (phone) skip(t text, i int) int {
	return nextByte(t.s, i, func(c byte) bool { return c == '+' || c == '(' || digit(c) })
}

func (phone) match(t text, i int) (int, verdict) {
	c := t.s[i]
	if c != '+' && c != '(' && !digit(c) {
		return i + 1, no
	}
	if c == '+' || c == '(' {
		if r := before(t.s, i); r == '+' || wordRune(r) {
			return i + 1, no
		}
	} else if !numberStart(t.s, i) {
		return i + 1, no
	}
	if few(t, i, minLocal) {
		return i + 1, no
	}
	n := readNumber(t, i)
	if n.undecided {
		return i, more
	}
	if len(n.groups) == 0 || len(n.digits) < minLocal || article(t.s, i) {
		return max(n.first, i+1), no
	}
	switch {
	case c == '+':
		if country(n.digits) > 0 {
			if end := n.longest(minDigits, maxDigits); end > 0 {
				return end, yes
			}
		}
	case strings.HasPrefix(n.digits, "00") && len(n.digits) > 3 && n.digits[2] != '0':
		// Only with the country in a group of its own: other numbers begin with zeros too.
		if k := country(n.digits[2:]); k > 0 && n.groups[0] == 2+k {
			if end := n.longest(2+minDigits, 2+maxDigits); end > 0 {
				return end, yes
			}
		}
	case n.american(t.s[i:]):
		return n.americanEnd(), yes
	}
	if c != '+' && spoken(t.s, i) {
		if end := n.longest(minLocal, maxLocalNo); end > 0 {
			return end, yes
		}
	}
	return max(n.first, i+1), no
}

// few is true where fewer digits than least follow in one stretch of digits and separators,
// so that nothing need be read closer.
func few(t text, i, least int) bool {
	digits := 0
	for j := i; j < len(t.s); j++ {
		switch c := t.s[j]; {
		case digit(c):
			if digits++; digits >= least {
				return false
			}
		case !separator(c) && c != '+':
			return true
		}
	}
	return t.final
}

// number is what may be a telephone number: groups of digits with separators between.
type number struct {
	digits    string
	groups    []int    // digits in each
	ends      []int    // where each ends
	between   []string // what stands after each group
	first     int      // the end of the first group
	undecided bool
}

// most bounds the digits that are read.
const most = 20

func readNumber(t text, i int) number {
	var n number
	var digits []byte
	j := i
	if t.s[j] == '+' {
		j++
	}
	for {
		start := j
		for j < len(t.s) && separator(t.s[j]) && j-start < 3 {
			j++
		}
		if t.ends(j) {
			n.undecided = true
			return n
		}
		if j == len(t.s) || !digit(t.s[j]) || len(digits) >= most {
			break
		}
		if len(n.groups) > 0 {
			n.between = append(n.between, t.s[start:j])
		}
		group := j
		for j < len(t.s) && digit(t.s[j]) && len(digits) < most {
			digits = append(digits, t.s[j])
			j++
		}
		if t.ends(j) {
			n.undecided = true
			return n
		}
		n.groups, n.ends = append(n.groups, j-group), append(n.ends, j)
		if n.first == 0 {
			n.first = j
		}
		if j < len(t.s) && digit(t.s[j]) { // the run goes on beyond most
			n.groups, n.ends = n.groups[:len(n.groups)-1], n.ends[:len(n.ends)-1]
			break
		}
		if wordRune(after(t.s, j)) { // 12cm: the last group is no part of a number
			n.groups, n.ends = n.groups[:len(n.groups)-1], n.ends[:len(n.ends)-1]
			break
		}
	}
	n.digits = string(digits)
	return n
}

func separator(c byte) bool {
	return c == ' ' || c == '-' || c == '.' || c == '/' || c == '(' || c == ')'
}

// longest is the end of the last group with so many digits up to there; 0 if there is none.
func (n number) longest(least, atMost int) int {
	end, sum := 0, 0
	for k, g := range n.groups {
		if sum += g; sum > atMost {
			break
		}
		if sum >= least {
			end = n.ends[k]
		}
	}
	return end
}

// american is true for (NXX) NXX-XXXX, NXX-NXX-XXXX and NXX.NXX.XXXX, also with 1- in front.
func (n number) american(s string) bool {
	g, between, d := n.groups, n.between, n.digits
	if len(g) > 3 && g[0] == 1 && d[0] == '1' && len(between) > 0 {
		if b := between[0]; b != "-" && b != " (" && b != "." {
			return false
		}
		g, between, d = g[1:], between[1:], d[1:]
	}
	if len(g) < 3 || g[0] != 3 || g[1] != 3 || g[2] != 4 || d[0] < '2' || d[3] < '2' {
		return false
	}
	if s[0] == '(' || len(n.groups) > len(g) && n.between[0] == " (" {
		return (between[0] == ") " || between[0] == ")") && (between[1] == "-" || between[1] == " ")
	}
	return (between[0] == "-" || between[0] == ".") && between[1] == between[0]
}

func (n number) americanEnd() int {
	if n.groups[0] == 1 {
		return n.ends[3]
	}
	return n.ends[2]
}

// spoken is true where a word just before a number says that one can call it.
func spoken(s string, i int) bool {
	return cue(s, i, "tel", "tel.", "telephone", "telefon", "telefono", "phone", "mobile", "mobil", "cell", "call", "fax", "whatsapp", "sms", "handy", "hotline", "ring", "text me", "reach me", "电话", "電話")
}

// article is true where a word just before a number says that it is an article's.
func article(s string, i int) bool {
	return cue(s, i, "sku", "ean", "gtin", "upc", "isbn", "article", "artikel", "art", "art.", "item", "style", "ref", "ref.", "code", "order", "model", "barcode")
}

// cue looks for one of the words shortly before byte i, with no digit and no line between.
func cue(s string, i int, words ...string) bool {
	from := max(0, i-behindPhone)
	near := s[from:i]
	if k := strings.LastIndexAny(near, "0123456789\n"); k >= 0 {
		near, from = near[k+1:], from+k+1
	}
	for _, w := range words {
		k := strings.LastIndex(near, w)
		if k < 0 {
			continue
		}
		whole := w[0] >= 0x80 || !wordRune(before(s, from+k)) && !wordRune(after(s, from+k+len(w)))
		if whole {
			return true
		}
	}
	return false
}

// country is how many digits the calling code at the beginning of a number has; 0 if
// there is no such code (ITU-T E.164).
func country(d string) int {
	if d == "" {
		return 0
	}
	switch d[0] {
	case '1', '7':
		return 1
	}
	const two = " 20 27 30 31 32 33 34 36 39 40 41 43 44 45 46 47 48 49 51 52 53 54 55 56 57 58 60 61 62 63 64 65 66 81 82 84 86 90 91 92 93 94 95 98 "
	const three = " 21 22 23 24 25 26 29 35 37 38 42 50 59 67 68 69 80 85 87 88 96 97 99 "
	switch {
	case len(d) > 2 && strings.Contains(two, " "+d[:2]+" "):
		return 2
	case len(d) > 3 && strings.Contains(three, " "+d[:2]+" "):
		return 3
	}
	return 0
}
