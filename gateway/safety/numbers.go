package safety

import "strings"

// card finds numbers of payment cards: 14 to 19 digits of a known network's range and
// length whose check digit (Luhn) is right, in one piece or grouped as cards are. Article
// numbers (EAN-8, UPC-A, EAN-13) are shorter; a GTIN-14 in one piece is never one.
type card struct{}

// skip implements skipper: a number begins with a digit.
func (card) skip(t text, i int) int { return nextByte(t.s, i, digit) }

// nextByte is the first byte from i on that passes, or the text's length.
func nextByte(s string, i int, pass func(byte) bool) int {
	for i < len(s) && !pass(s[i]) {
		i++
	}
	return i
}

func (card) match(t text, i int) (int, verdict) {
	if !numberStart(t.s, i) {
		return i + 1, no
	}
	if few(t, i, minCard) {
		return i + 1, no
	}
	g := readGroups(t, i)
	if g.undecided {
		return i, more
	}
	for _, shape := range cardShapes() {
		if end, ok := g.fits(t.s, shape); ok {
			return end, yes
		}
	}
	return g.ends[0], no
}

// minCard is the number of digits of the shortest shape: 4, 6 and 4.
const minCard = 14

// cardShapes are the groups in which numbers of cards are written, longest first.
func cardShapes() [][]int {
	return [][]int{{4, 4, 4, 4, 3}, {4, 4, 4, 4}, {4, 6, 5}, {4, 6, 4}, {19}, {18}, {16}, {15}}
}

// numberStart is true for a digit that begins a number.
func numberStart(s string, i int) bool {
	if !digit(s[i]) {
		return false
	}
	switch r := before(s, i); {
	case r == 0:
		return true
	case r == '-' || r == '.' || r == ',':
		return i < 2 || !alnum(s[i-2])
	default:
		return !wordRune(r)
	}
}

// groups are runs of digits with single separators of one kind between them.
type groups struct {
	lengths, ends []int
	undecided     bool
}

const (
	maxGroups = 5
	maxRun    = 20 // digits; a longer run is no number of interest
)

func readGroups(t text, i int) groups {
	var g groups
	var sep byte
	for len(g.lengths) < maxGroups {
		j := i
		for j < len(t.s) && digit(t.s[j]) && j-i < maxRun {
			j++
		}
		if t.ends(j) {
			g.undecided = true
			return g
		}
		g.lengths, g.ends = append(g.lengths, j-i), append(g.ends, j)
		if j == len(t.s) || t.s[j] != ' ' && t.s[j] != '-' || sep != 0 && t.s[j] != sep {
			break
		}
		if t.ends(j + 1) {
			g.undecided = true
			return g
		}
		if j+1 == len(t.s) || !digit(t.s[j+1]) {
			break
		}
		sep, i = t.s[j], j+1
	}
	return g
}

// fits is true if the first groups have a card's shape and make a card's number.
func (g groups) fits(s string, shape []int) (end int, ok bool) {
	if len(g.lengths) < len(shape) {
		return 0, false
	}
	for k, n := range shape {
		if g.lengths[k] != n {
			return 0, false
		}
	}
	end = g.ends[len(shape)-1]
	if wordRune(after(s, end)) {
		return 0, false
	}
	sum := 0
	for _, n := range shape {
		sum += n
	}
	start := end - sum - (len(shape) - 1)
	digits := onlyDigits(s[start:end])
	return end, network(digits) && luhn(digits)
}

func onlyDigits(s string) string {
	return strings.Map(func(r rune) rune {
		if '0' <= r && r <= '9' {
			return r
		}
		return -1
	}, s)
}

// luhn checks a number's last digit (ISO/IEC 7812-1).
func luhn(digits string) bool {
	sum := 0
	for k := range len(digits) {
		d := int(digits[len(digits)-1-k] - '0')
		if k%2 == 1 {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum += d
	}
	return sum%10 == 0
}

// network is true for a number in the range of a card network, with a length that it issues.
func network(d string) bool {
	prefix := func(n int) int {
		v := 0
		for _, c := range d[:n] {
			v = v*10 + int(c-'0')
		}
		return v
	}
	two, three, four := prefix(2), prefix(3), prefix(4)
	switch len(d) {
	case 14: // Diners Club
		return 300 <= three && three <= 305 || two == 36 || two == 38 || two == 39
	case 15: // American Express
		return two == 34 || two == 37
	case 16, 18, 19:
		mastercard := 51 <= two && two <= 55 || 2221 <= four && four <= 2720
		visa := d[0] == '4'
		if len(d) == 16 && mastercard || len(d) != 18 && visa {
			return true
		}
		discover := four == 6011 || 644 <= three && three <= 649 || two == 65
		return discover || 3528 <= four && four <= 3589 || two == 62 // JCB, UnionPay
	}
	return false
}

// iban finds international bank account numbers: a country of the registry, its length, and
// the right check digits (ISO 13616), in one piece or in groups of four.
type iban struct{}

// skip implements skipper: a whole text without a digit has no account number.
func (iban) skip(t text, i int) int {
	if t.final && nextByte(t.s, i, digit) == len(t.s) {
		return len(t.s)
	}
	return i
}

func (iban) match(t text, i int) (int, verdict) {
	if !letter(t.s[i]) || wordRune(before(t.s, i)) {
		return afterWord(t.s, i), no
	}
	var code [2]byte
	for k := range code {
		if t.ends(i + k) {
			return i, more
		}
		if i+k == len(t.s) || !letter(t.s[i+k]) {
			return afterWord(t.s, i), no
		}
		code[k] = t.s[i+k]
	}
	if t.ends(i + 2) {
		return i, more
	}
	length := 0
	if i+2 < len(t.s) && digit(t.s[i+2]) {
		length = ibanLength(string(code[:]))
	}
	if length == 0 {
		return afterWord(t.s, i), no
	}
	read := make([]byte, 0, 34)
	j := i
	for len(read) < length {
		switch {
		case t.ends(j):
			return i, more
		case j == len(t.s):
			return afterWord(t.s, i), no
		case alnum(t.s[j]) && !(len(read) >= 2 && len(read) < 4 && letter(t.s[j])):
			read = append(read, t.s[j])
		case len(read)%4 == 0 && len(read) > 0 && (t.s[j] == ' ' || t.s[j] == '-') && alnum(t.s[j-1]):
		default:
			return afterWord(t.s, i), no
		}
		j++
	}
	switch {
	case t.ends(j):
		return i, more
	case wordRune(after(t.s, j)) || !mod97(read):
		return afterWord(t.s, i), no
	}
	return j, yes
}

// mod97 checks an account number's check digits (ISO 7064, MOD 97-10).
func mod97(s []byte) bool {
	rest := 0
	for k := range s {
		switch c := s[(k+4)%len(s)]; {
		case digit(c):
			rest = (rest*10 + int(c-'0')) % 97
		default:
			rest = (rest*100 + int(c-'a') + 10) % 97
		}
	}
	return rest == 1
}

// ibanLength is how long the account numbers of a country are (SWIFT's IBAN registry); 0
// where it has none.
func ibanLength(country string) int {
	const registry = "ad24ae23al28at20az28ba20be16bg22bh22bi27br29by28ch21cr22cy28cz24de22dj27dk18do28ee20eg29es24fi18fk18fo18fr27gb22ge22gi23gl18gr27gt28hn28hr21hu28ie22il23iq23is26it27jo30kw30kz20lb28lc32li21lt20lu20lv21ly25mc27md24me22mk19mn20mr27mt31mu30ni28nl18no15om23pk24pl28ps29pt25qa29ro24rs22ru33sa24sc31sd18se24si19sk24sm27so23st25sv28tl23tn24tr26ua29va22vg24xk20ye30"
	for i := 0; i+4 <= len(registry); i += 4 {
		if registry[i:i+2] == country {
			return int(registry[i+2]-'0')*10 + int(registry[i+3]-'0')
		}
	}
	return 0
}
