package metric

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// sentences splits a text: at line breaks; after . ! ? … and what closes behind
// it (quotes, brackets), where white space or the end follows, unless the text
// goes on in lower case ("approx. two"); and after 。！？ at once. White space
// within a sentence becomes one space. Pieces without a letter or digit are none.
func sentences(text string) []string {
	var out []string
	for line := range strings.FieldsFuncSeq(text, func(r rune) bool { return r == '\n' || r == '\r' || r == '\u2028' || r == '\u2029' }) {
		from := 0
		for i, r := range line {
			if end := sentenceEnd(line, i, r); end > from {
				out = appendSentence(out, line[from:end])
				from = end
			}
		}
		out = appendSentence(out, line[from:])
	}
	return out
}

func appendSentence(out []string, piece string) []string {
	if strings.IndexFunc(piece, isWordRune) < 0 {
		return out
	}
	return append(out, strings.Join(strings.FieldsFunc(piece, isSpace), " "))
}

func isWordRune(r rune) bool { return unicode.IsLetter(r) || unicode.IsNumber(r) }

// sentenceEnd is where the sentence ends that the mark r at i closes, or 0.
func sentenceEnd(line string, i int, r rune) int {
	wide := false
	switch r {
	case '.', '!', '?', '…':
	case '。', '！', '？':
		wide = true
	default:
		return 0
	}
	end := i + utf8.RuneLen(r)
	for end < len(line) {
		next, n := utf8.DecodeRuneInString(line[end:])
		if !unicode.In(next, unicode.Pe, unicode.Pf) && next != '"' && next != '\'' {
			break
		}
		end += n
	}
	rest := strings.TrimLeftFunc(line[end:], isSpace)
	if wide || rest == "" {
		return end
	}
	if len(rest) == len(line)-end {
		return 0 // it goes on at once: "2.5", "shop.example"
	}
	if next, _ := utf8.DecodeRuneInString(rest); unicode.IsLower(next) && r != '!' && r != '?' {
		return 0
	}
	return end
}
