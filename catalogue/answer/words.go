package answer

import (
	"strings"
	"unicode"

	"golang.org/x/text/unicode/norm"
)

// plain is a text for reading by rules: compatibility forms folded (ｉｇｎｏｒｅ reads ignore), lower
// case, characters that nobody sees dropped, spaces joined.
func plain(text string) string {
	return strings.ToLower(visible(norm.NFKC.String(text)))
}

// visible drops characters that nobody sees (controls, zero-width and direction marks, Unicode
// tags, variation selectors) and joins white space.
func visible(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Variation_Selector), r == unicode.ReplacementChar, r == '\u034f', r == '\u3164', r == '\u115f', r == '\u1160', r == '\uffa0':
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}

// hidden says whether a text holds characters that visible drops, other than line breaks.
func hidden(text string) bool {
	return strings.Join(strings.Fields(text), " ") != visible(text)
}

// words are the words and numbers of a text, in order, in lower case.
func words(text string) []string {
	return strings.FieldsFunc(strings.NewReplacer("’", "'", "n't", " not", "'s ", " ").Replace(plain(text)+" "), func(r rune) bool {
		return !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r)
	})
}

// contents are the stems of the words that say something: no stop words.
func contents(text string) []string {
	var out []string
	for _, w := range words(text) {
		if !strings.Contains(stopWords, " "+w+" ") {
			out = append(out, stem(w))
		}
	}
	return out
}

// stem takes English endings off, roughly: it only has to be the same for question and record.
func stem(w string) string {
	cut := func(end, with string) bool {
		if rest, ok := strings.CutSuffix(w, end); ok && len(rest) >= 3 && strings.ContainsAny(rest, "aeiouy") {
			w = rest + with
			return true
		}
		return false
	}
	switch {
	case strings.HasSuffix(w, "ss"):
	case cut("ies", "y"), cut("sses", "ss"), cut("ches", "ch"), cut("shes", "sh"), cut("xes", "x"):
	case cut("s", ""):
	}
	if cut("ing", "") || cut("ed", "") || cut("able", "") {
		if n := len(w); n > 3 && w[n-1] == w[n-2] && !strings.ContainsRune("ls", rune(w[n-1])) {
			w = w[:n-1]
		}
	}
	if len(w) > 3 {
		w = strings.TrimSuffix(w, "e")
	}
	return w
}

// stopWords say nothing about a product, each between spaces.
const stopWords = ` a an the this that these those it its they them their he she his her we us our you your yours i me my mine one ones
 is are was were be been being am do does did done doing has have had having can could may might must shall should will would
 and or but if then than so as at by for from in into of off on onto out over to up with within without about after before between
 what which who whom whose when where why how there here any some all both each other such very too also just only even still
 please tell know yes no not nor never s t d ll m re ve get got come comes go goes made make makes there's let lets much many long
 kind sort type thing piece item product need want like feel use used really actually exactly customer customers record details
`

// glue are words beside stopWords that an answer may use without a passage that has them: they
// claim nothing about a product.
const glue = ` according above below based say says listed note notes note: find found see look here's well sure certainly happy help
 question answer hope thanks thank please simply easily keep kept give gives given take taken wear wears wearing worn put
`

// negations turn a sentence around.
const negations = ` no not never none nor neither without cannot nothing free lacks lack lacking isn aren doesn don avoid except instead false untrue
`

func isGlue(w string) bool {
	return strings.Contains(stopWords, " "+w+" ") || strings.Contains(glue, " "+w+" ")
}

func negated(text string) bool {
	for _, w := range words(text) {
		if strings.Contains(negations, " "+w+" ") {
			return true
		}
	}
	return false
}
