package metric

import (
	"context"
	"fmt"
	"strings"

	"stylesprint"
)

// rougeVersion is the release whose numbers these are.
const rougeVersion = "rouge_score-0.1.2"

// ROUGEVariant is what is compared.
type ROUGEVariant string

// The variants of Lin 2004 (https://aclanthology.org/W04-1013).
const (
	ROUGE1    ROUGEVariant = "rouge1"    // words
	ROUGE2    ROUGEVariant = "rouge2"    // pairs of words
	ROUGEL    ROUGEVariant = "rougeL"    // longest common subsequence of words
	ROUGELsum ROUGEVariant = "rougeLsum" // the same of each line of a reference with all lines of the text
)

// ROUGEVariants lists all of them.
func ROUGEVariants() []ROUGEVariant { return []ROUGEVariant{ROUGE1, ROUGE2, ROUGEL, ROUGELsum} }

// name is the variant's key in Infos.
func (v ROUGEVariant) name() string {
	return map[ROUGEVariant]string{ROUGE1: "rouge-1", ROUGE2: "rouge-2", ROUGEL: "rouge-l", ROUGELsum: "rouge-lsum"}[v]
}

// ROUGEOptions set a ROUGE up.
type ROUGEOptions struct {
	Variant ROUGEVariant
	// Stem compares the words' stems (Porter's, with NLTK's extensions) where they
	// have more than three letters.
	Stem bool
}

// PRF is precision, recall and their harmonic mean, each 0..1.
type PRF struct {
	Precision float64 `json:"precision"`
	Recall    float64 `json:"recall"`
	F1        float64 `json:"f1"`
}

// ROUGE is the mean of the samples' F scores on 0..1, as Google's rouge_score
// computes them. Its words are runs of a-z and 0-9 after lower-casing: other
// letters separate words, so that "décolleté" is two and a Chinese text has
// none. Of several references the one of best F counts.
type ROUGE struct {
	mean
	o ROUGEOptions
}

// NewROUGE checks the options.
func NewROUGE(o ROUGEOptions) (*ROUGE, error) {
	if o.Variant.name() == "" {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "variant",
			Message: fmt.Sprintf("unknown ROUGE variant %q", string(o.Variant)), Hint: "use one of rouge1, rouge2, rougeL, rougeLsum"}
	}
	return &ROUGE{mean: mean{describe(o.Variant.name())}, o: o}, nil
}

// Options returns the options.
func (m *ROUGE) Options() ROUGEOptions { return m.o }

// Signature names the variant, the stemmer and the release.
func (m *ROUGE) Signature(refs int) string {
	split := ""
	if m.o.Variant == ROUGELsum {
		split = "split:newline|"
	}
	return fmt.Sprintf("%s|measure:f1|nrefs:%s|refs:best-f1|tok:a-z0-9|case:lc|stem:%s|%sscale:0-1|version:%s|%s", m.o.Variant, formatRefs(refs),
		choose(m.o.Stem, "porter-nltk", "no"), split, rougeVersion, aggregateMean)
}

// Scores returns each sample's precision, recall and F against its best reference.
func (m *ROUGE) Scores(ctx context.Context, samples []Sample) ([]PRF, []Measurement, error) {
	if err := needReferences(m.info.Name, samples); err != nil {
		return nil, nil, err
	}
	scores, out := make([]PRF, len(samples)), make([]Measurement, len(samples))
	err := parallel(ctx, len(samples), newROUGECounter, func(c *rougeCounter, i int) {
		scores[i] = c.score(m.o, &samples[i])
		out[i] = meanOf(scores[i].F1)
		out[i].Refs = len(samples[i].References)
	})
	if err != nil {
		return nil, nil, scoring(m.info.Name, err)
	}
	return scores, out, nil
}

// Measure scores samples, in parallel; Score is F.
func (m *ROUGE) Measure(ctx context.Context, samples []Sample) ([]Measurement, error) {
	_, out, err := m.Scores(ctx, samples)
	return out, err
}

// prf makes the measures of hits among ref words of the reference and hyp of the text.
func prf(hits, ref, hyp int) PRF {
	s := PRF{Precision: float64(hits) / float64(max(1, hyp)), Recall: float64(hits) / float64(max(1, ref))}
	s.F1 = harmonic(s.Precision, s.Recall)
	return s
}

// tokenizeROUGE fills t with a text's words: one text, and where lines is not
// nil the number of words before the end of each line.
func tokenizeROUGE(t *tokens, lines *[]int, text string, stemmed bool) {
	text = lower(text)
	var b strings.Builder
	if stemmed {
		b.Grow(len(text))
	}
	t.reset(text)
	if lines != nil {
		*lines = (*lines)[:0]
	}
	for i := 0; i < len(text); {
		if !alphanumeric(text[i]) {
			if lines != nil && text[i] == '\n' {
				*lines = append(*lines, len(t.spans))
			}
			i++
			continue
		}
		from := i
		for i < len(text) && alphanumeric(text[i]) {
			i++
		}
		if !stemmed {
			t.add(from, i)
			continue
		}
		begin := b.Len()
		if word := text[from:i]; len(word) > 3 {
			b.Write(stem([]byte(word)))
		} else {
			b.WriteString(word)
		}
		t.add(begin, b.Len())
	}
	if lines != nil {
		*lines = append(*lines, len(t.spans))
	}
	if stemmed {
		t.text = b.String()
	}
}

func alphanumeric(b byte) bool { return 'a' <= b && b <= 'z' || '0' <= b && b <= '9' }
