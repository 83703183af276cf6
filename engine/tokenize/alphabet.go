package tokenize

import "unicode/utf8"

// alphabet spells bytes as characters, as GPT-2's byte-level tokens are stored:
// printable Latin-1 as itself, the other bytes as the letters from U+0100 on.
var alphabet = func() (t [256]rune) {
	next := rune(0x100)
	for c := range t {
		if c >= '!' && c <= '~' || c >= 0xA1 && c <= 0xAC || c >= 0xAE {
			t[c] = rune(c)
			continue
		}
		t[c] = next
		next++
	}
	return t
}()

// alphabetByte is the byte that a character of the alphabet stands for, -1 for
// any other.
var alphabetByte = func() (t [0x144]int16) {
	for r := range t {
		t[r] = -1
	}
	for c, r := range alphabet {
		t[r] = int16(c)
	}
	return t
}()

// fromAlphabet turns the spelling of a token into its bytes; false if it has a
// character that is not in the alphabet.
func fromAlphabet(s string) (string, bool) {
	out := make([]byte, 0, len(s))
	for _, r := range s {
		if int(r) >= len(alphabetByte) || alphabetByte[r] < 0 {
			return "", false
		}
		out = append(out, byte(alphabetByte[r]))
	}
	return string(out), true
}

// toAlphabet is the spelling of bytes.
func toAlphabet(s string) string {
	out := make([]byte, 0, 2*len(s))
	for i := range len(s) {
		out = utf8.AppendRune(out, alphabet[s[i]])
	}
	return string(out)
}
