package metric

import "bytes"

// stem is the Porter stemmer (Porter 1980, "An algorithm for suffix stripping",
// Program 14.3) with NLTK's extensions, which rouge_score uses. The word is in
// lower-case ASCII letters and digits; it is changed in place and returned,
// shorter or by at most one byte longer than a shortened form of it.
func stem(w []byte) []byte {
	if s, ok := stemIrregular(w); ok {
		return append(w[:0], s...)
	}
	if len(w) <= 2 {
		return w
	}
	w = stem1a(w)
	w = stem1b(w)
	w = stem1c(w)
	w = stem2(w)
	w = applyRules(w, stemRules3, positiveMeasure)
	w = stem4(w)
	w = stem5a(w)
	if bytes.HasSuffix(w, []byte("ll")) && measureOf(w[:len(w)-1]) > 1 {
		w = w[:len(w)-1]
	}
	return w
}

// stemIrregular are words that the rules get wrong.
func stemIrregular(w []byte) (string, bool) {
	switch string(w) {
	case "sky", "skies":
		return "sky", true
	case "dying":
		return "die", true
	case "lying":
		return "lie", true
	case "tying":
		return "tie", true
	case "innings", "inning":
		return "inning", true
	case "outings", "outing":
		return "outing", true
	case "cannings", "canning":
		return "canning", true
	case "news", "howe", "proceed", "exceed", "succeed":
		return string(w), true
	}
	return "", false
}

// consonant says that the letter at i is one: y is, unless it follows one.
func consonant(w []byte, i int) bool {
	negated := false
	for i > 0 && w[i] == 'y' {
		negated = !negated
		i--
	}
	switch w[i] {
	case 'a', 'e', 'i', 'o', 'u':
		return negated
	}
	return !negated
}

// measureOf is m: how often a consonant follows a vowel.
func measureOf(w []byte) int {
	m := 0
	before := true
	for i, c := range w {
		is := true
		switch c {
		case 'a', 'e', 'i', 'o', 'u':
			is = false
		case 'y':
			is = i == 0 || !before
		}
		if is && !before {
			m++
		}
		before = is
	}
	return m
}

func positiveMeasure(w []byte) bool { return measureOf(w) > 0 }

func containsVowel(w []byte) bool {
	for i := range w {
		if !consonant(w, i) {
			return true
		}
	}
	return false
}

func endsDouble(w []byte) bool {
	n := len(w)
	return n >= 2 && w[n-1] == w[n-2] && consonant(w, n-1)
}

// endsCVC is condition *o: consonant, vowel, consonant other than w, x, y; NLTK
// adds words of a vowel and a consonant.
func endsCVC(w []byte) bool {
	n := len(w)
	if n == 2 {
		return !consonant(w, 0) && consonant(w, 1)
	}
	return n >= 3 && consonant(w, n-3) && !consonant(w, n-2) && consonant(w, n-1) && w[n-1] != 'w' && w[n-1] != 'x' && w[n-1] != 'y'
}

func cut(w []byte, suffix string) ([]byte, bool) {
	if len(w) >= len(suffix) && string(w[len(w)-len(suffix):]) == suffix {
		return w[:len(w)-len(suffix)], true
	}
	return w, false
}

type stemRule struct{ suffix, replacement string }

// applyRules applies the first rule whose suffix fits, if the rest of the word
// fulfils the condition; no later rule is tried.
func applyRules(w []byte, rules []stemRule, condition func([]byte) bool) []byte {
	for _, r := range rules {
		if rest, ok := cut(w, r.suffix); ok {
			if condition(rest) {
				return append(rest, r.replacement...)
			}
			return w
		}
	}
	return w
}

func stem1a(w []byte) []byte {
	if rest, ok := cut(w, "ies"); ok {
		if len(w) == 4 {
			return append(rest, "ie"...)
		}
		return append(rest, 'i')
	}
	if rest, ok := cut(w, "sses"); ok {
		return append(rest, "ss"...)
	}
	if _, ok := cut(w, "ss"); ok {
		return w
	}
	w, _ = cut(w, "s")
	return w
}

func stem1b(w []byte) []byte {
	if rest, ok := cut(w, "ied"); ok {
		if len(w) == 4 {
			return append(rest, "ie"...)
		}
		return append(rest, 'i')
	}
	if rest, ok := cut(w, "eed"); ok {
		if positiveMeasure(rest) {
			return append(rest, "ee"...)
		}
		return w
	}
	rest, ok := cut(w, "ed")
	if !ok || !containsVowel(rest) {
		if rest, ok = cut(w, "ing"); !ok || !containsVowel(rest) {
			return w
		}
	}
	for _, suffix := range []string{"at", "bl", "iz"} {
		if _, ok := cut(rest, suffix); ok {
			return append(rest, 'e')
		}
	}
	if endsDouble(rest) {
		if last := rest[len(rest)-1]; last != 'l' && last != 's' && last != 'z' {
			return rest[:len(rest)-1]
		}
		return rest
	}
	if measureOf(rest) == 1 && endsCVC(rest) {
		return append(rest, 'e')
	}
	return rest
}

// stem1c makes i of y after a consonant that is not the first letter.
func stem1c(w []byte) []byte {
	if rest, ok := cut(w, "y"); ok && len(rest) > 1 && consonant(rest, len(rest)-1) {
		return append(rest, 'i')
	}
	return w
}

var stemRules2 = []stemRule{
	{"ational", "ate"}, {"tional", "tion"}, {"enci", "ence"}, {"anci", "ance"}, {"izer", "ize"}, {"bli", "ble"}, {"alli", "al"}, {"entli", "ent"},
	{"eli", "e"}, {"ousli", "ous"}, {"ization", "ize"}, {"ation", "ate"}, {"ator", "ate"}, {"alism", "al"}, {"iveness", "ive"}, {"fulness", "ful"},
	{"ousness", "ous"}, {"aliti", "al"}, {"iviti", "ive"}, {"biliti", "ble"}, {"fulli", "ful"},
}

func stem2(w []byte) []byte {
	for {
		rest, ok := cut(w, "alli")
		if !ok || !positiveMeasure(rest) {
			break
		}
		w = append(rest, "al"...) // which may fit another rule
	}
	for _, r := range stemRules2 {
		if rest, ok := cut(w, r.suffix); ok {
			if positiveMeasure(rest) {
				return append(rest, r.replacement...)
			}
			return w
		}
	}
	if _, ok := cut(w, "logi"); ok && positiveMeasure(w[:len(w)-3]) { // the l counts with what is before it
		return w[:len(w)-1]
	}
	return w
}

var stemRules3 = []stemRule{{"icate", "ic"}, {"ative", ""}, {"alize", "al"}, {"iciti", "ic"}, {"ical", "ic"}, {"ful", ""}, {"ness", ""}}

func stem4(w []byte) []byte {
	for _, suffix := range []string{
		"al", "ance", "ence", "er", "ic", "able", "ible", "ant", "ement", "ment", "ent", "ion", "ou", "ism", "ate", "iti", "ous", "ive", "ize",
	} {
		rest, ok := cut(w, suffix)
		if !ok {
			continue
		}
		if measureOf(rest) > 1 && (suffix != "ion" || rest[len(rest)-1] == 's' || rest[len(rest)-1] == 't') {
			return rest
		}
		return w
	}
	return w
}

func stem5a(w []byte) []byte {
	if rest, ok := cut(w, "e"); ok {
		if m := measureOf(rest); m > 1 || m == 1 && !endsCVC(rest) {
			return rest
		}
	}
	return w
}
