package metric

import (
	"strings"
	"unicode"
)

// syllables estimates the syllables of an English word, at least one. The rules
// ("rules-1" in signatures) for each run of letters: a group of vowels (a, e, i,
// o, u, y, accents dropped) is one; an e that is not spoken counts none (at the
// end, in -ed and -es, before -ly, -ful, -less, -ness and -ment); vowels that
// mostly are spoken apart count one more (ia, io, iu, eo, uou, uo, ual, and ie in -ier,
// -iest, -iet) except in -cia-, -tia-, -tio-, -sio- and the like. Each digit counts one.
func syllables(word string) int {
	n := 0
	var run []byte
	flush := func() {
		if len(run) > 0 {
			n += runSyllables(run)
			run = run[:0]
		}
	}
	for _, r := range word {
		switch l := plainLetter(unicode.ToLower(r)); {
		case l != 0:
			run = append(run, l)
		case r == '\'' || r == '’' || unicode.Is(unicode.Mn, r): // it's, and accents that stand alone
		default:
			flush()
			if unicode.IsDigit(r) {
				n++
			}
		}
	}
	flush()
	return max(1, n)
}

// plainLetter drops the accents of common letters; 0 is no letter.
func plainLetter(r rune) byte {
	if 'a' <= r && r <= 'z' {
		return byte(r)
	}
	if r < 0xdf || r > 0x24f {
		return 0
	}
	for i, group := range [...]string{"àáâãäåæāăą", "çćč", "èéêëēėę", "ìíîïīį", "ñńň", "òóôõöøōőœ", "ùúûüūůű", "ýÿ", "ßśš", "žźż", "ł"} {
		if strings.ContainsRune(group, r) {
			return "aceinouyszl"[i]
		}
	}
	return 'x' // some consonant
}

func vowel(b byte) bool { return strings.IndexByte("aeiouy", b) >= 0 }

func runSyllables(w []byte) int {
	s := string(w)
	n := 0
	for i := range w {
		if vowel(w[i]) && (i == 0 || !vowel(w[i-1])) {
			n++
		}
	}
	n += spokenApart(s)
	if silentEnd(s) {
		n--
	}
	for _, suffix := range []string{"ly", "ful", "fully", "less", "ness", "ment", "ments"} {
		if stem, ok := strings.CutSuffix(s, suffix); ok && len(stem) > 2 && silentE(stem) {
			n--
			break
		}
	}
	return max(1, n)
}

// silentE says that a word ends in a consonant and an e that is not spoken; the
// e of -le after a consonant is.
func silentE(s string) bool {
	n := len(s)
	if n < 3 || s[n-1] != 'e' || vowel(s[n-2]) {
		return false
	}
	return s[n-2] != 'l' || vowel(s[n-3])
}

func silentEnd(s string) bool {
	n := len(s)
	switch {
	case silentE(s):
		return true
	case n >= 4 && strings.HasSuffix(s, "ed"):
		c := s[n-3]
		return !vowel(c) && c != 't' && c != 'd' && !(c == 'l' && !vowel(s[n-4]))
	case n >= 4 && strings.HasSuffix(s, "es"):
		c := s[n-3]
		return !vowel(c) && strings.IndexByte("sxzcg", c) < 0 && !strings.HasSuffix(s, "shes") && !strings.HasSuffix(s, "ches") && !(c == 'l' && !vowel(s[n-4]))
	}
	return false
}

// spokenApart counts the vowel pairs that are two syllables.
func spokenApart(s string) int {
	n := 0
	for i := 0; i+1 < len(s); i++ {
		before := byte(' ')
		if i > 0 {
			before = s[i-1]
		}
		rest := s[i+2:]
		switch s[i : i+2] {
		case "ia":
			if before != 'c' && before != 't' && before != 's' && before != 'g' || before == 't' && i >= 2 && s[i-2] == 's' {
				n++
			}
		case "io":
			if before != 'c' && before != 't' && before != 's' && before != 'g' && before != 'x' && before != 'h' {
				n++
			}
		case "iu", "eo":
			if before != 'g' && !strings.HasPrefix(rest, "p") {
				n++
			}
		case "ua", "uo":
			if before != 'q' && before != 'g' && (rest == "l" || strings.HasPrefix(rest, "ll") || strings.HasPrefix(rest, "us")) {
				n++
			}
		case "ie":
			if rest == "r" || rest == "st" || strings.HasPrefix(rest, "t") {
				n++
			}
		case "yi":
			if i > 0 && !vowel(before) {
				n++
			}
		}
	}
	return n
}
