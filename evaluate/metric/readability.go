package metric

import (
	"context"
	"fmt"
	"strings"
	"unicode"

	"stylesprint"
)

// ReadabilityFormula names a figure of how hard a text is to read.
type ReadabilityFormula string

// The figures.
const (
	// FleschEase is Flesch 1948, "A new readability yardstick":
	// 206.835 - 1.015 words/sentence - 84.6 syllables/word. Higher is easier; 60 to 70
	// is plain English.
	FleschEase ReadabilityFormula = "flesch"
	// FleschKincaid is the grade of Kincaid et al. 1975:
	// 0.39 words/sentence + 11.8 syllables/word - 15.59, in years of school.
	FleschKincaid ReadabilityFormula = "flesch-kincaid"
	// SentenceLength is words/sentence.
	SentenceLength ReadabilityFormula = "sentence-length"
)

// Readability is one of the formulas over the words, sentences and syllables of
// all texts. It is shown beside the scores and never judged. It is for English:
// items in another language come back Absent. An item's language is
// Sample.Language; where that is empty its references tell by their script.
type Readability struct{ formula ReadabilityFormula }

// NewReadability makes the metric.
func NewReadability(f ReadabilityFormula) (*Readability, error) {
	switch f {
	case FleschEase, FleschKincaid, SentenceLength:
		return &Readability{f}, nil
	}
	return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "formula", Message: fmt.Sprintf("unknown readability formula %q", string(f)),
		Hint: "use one of flesch, flesch-kincaid, sentence-length"}
}

// Info describes the metric. Its statistics are words, sentences and syllables.
func (m *Readability) Info() Info { return describe(string(m.formula)) }

// Signature names the formula and the rules by which is counted.
func (m *Readability) Signature(int) string {
	return fmt.Sprintf("%s|language:en|words:space|syllables:rules-1|version:1", m.formula)
}

// Measure counts samples; of references only the script may play a part.
func (m *Readability) Measure(_ context.Context, samples []Sample) ([]Measurement, error) {
	out := make([]Measurement, len(samples))
	for i := range samples {
		s := &samples[i]
		if !english(s) {
			out[i] = Measurement{Stats: make([]float64, m.Info().Width), Absent: true}
			continue
		}
		words, sents, syls := countReading(s.text())
		stats := []float64{float64(words), float64(sents), float64(syls)}
		out[i] = Measurement{Score: m.Value(stats), Stats: stats}
	}
	return out, nil
}

// Value is the formula over all texts; without any word it is 0.
func (m *Readability) Value(sum []float64) float64 {
	if len(sum) < 3 || sum[0] == 0 || sum[1] == 0 {
		return 0
	}
	length, syllables := sum[0]/sum[1], sum[2]/sum[0]
	switch m.formula {
	case FleschEase:
		return 206.835 - 1.015*length - 84.6*syllables
	case FleschKincaid:
		return 0.39*length + 11.8*syllables - 15.59
	}
	return length
}

// english says that an item is in English, by its language, or else because its
// references are mostly in Latin letters.
func english(s *Sample) bool {
	if l := strings.ToLower(s.Language); l != "" {
		return l == "en" || l == "eng" || l == "english" || strings.HasPrefix(l, "en-") || strings.HasPrefix(l, "en_")
	}
	latin, other := 0, 0
	for _, ref := range s.References {
		for _, r := range ref {
			switch {
			case unicode.Is(unicode.Latin, r):
				latin++
			case unicode.IsLetter(r):
				other++
			}
		}
	}
	return latin >= other
}

// countReading counts what stands between white space and holds a letter or a
// digit, the sentences (at least one if there is a word) and the syllables.
func countReading(text string) (words, sents, syls int) {
	for _, sentence := range sentences(text) {
		before := words
		for word := range strings.FieldsFuncSeq(sentence, isSpace) {
			if strings.IndexFunc(word, isWordRune) < 0 {
				continue
			}
			words++
			syls += syllables(word)
		}
		if words > before {
			sents++
		}
	}
	return words, sents, syls
}
