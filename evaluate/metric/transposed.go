package metric

import (
	"fmt"
	"math"
)

// Transposition watches for references that are given the wrong way round: a file
// for each text, whose lines are that text's references, in place of a file for
// each set of references, with a line for each text. Files of unequal lengths are
// refused anyway; where there are as many files as texts only the words can tell.
type Transposition struct {
	files   int
	samples []Sample
	more    bool
}

// transposedMargin is by how many points of chrF the texts must fit better the
// other way round.
const transposedMargin = 10

// Watch passes samples on.
func (w *Transposition) Watch(samples Samples, files int) Samples {
	w.files = files
	if files < 2 {
		return samples
	}
	return func(yield func(Sample, error) bool) {
		for s, err := range samples {
			switch {
			case err != nil || w.more:
			case len(w.samples) == files:
				w.samples, w.more = nil, true
			default:
				w.samples = append(w.samples, s)
			}
			if !yield(s, err) {
				return
			}
		}
	}
}

// Warning is a sentence if the references look transposed, or "".
func (w *Transposition) Warning() string {
	if w.more || w.files < 2 || len(w.samples) != w.files {
		return ""
	}
	m, err := NewCHRF(CHRFOptions{})
	if err != nil {
		return ""
	}
	given, turned := w.fit(m, false), w.fit(m, true)
	if turned < given+transposedMargin {
		return ""
	}
	return fmt.Sprintf("the references look transposed: %d files for %d texts, and the texts fit file by file (chrF %.1f) better than line by line (chrF %.1f); give a file for each set of references, whose line i belongs to text i",
		w.files, len(w.samples), turned, given)
}

// fit is the mean chrF of the texts against the reference that fits each least,
// among its own or those that the transposed table has for it: the right way
// round all references of a text fit it.
func (w *Transposition) fit(m *CHRF, turned bool) float64 {
	c := newCHRFCounter(m)
	v := make([]float64, m.Info().Width)
	sum := 0.0
	for i, s := range w.samples {
		least := math.Inf(1)
		for k := range w.files {
			ref := s.References[k]
			if turned {
				ref = w.samples[k].References[i]
			}
			least = min(least, c.measure(&Sample{Hypothesis: s.Hypothesis, References: []string{ref}}, v))
		}
		sum += least
	}
	return sum / float64(len(w.samples))
}

// lengthHint is the next step where files have different lengths; lengths[0] is
// the number of texts.
func lengthHint(lengths []int) string {
	texts, references := lengths[0], lengths[1:]
	same := true
	for _, n := range references {
		same = same && n == references[0]
	}
	switch {
	case same && len(references) > 1 && len(references) == texts:
		return fmt.Sprintf("the references look transposed: %d files for %d texts; give a file for each set of references, whose line i belongs to text i", len(references), texts)
	case texts == 1 && same && references[0] > 1:
		return "if the lines are references of the one text, put each into a file of its own and repeat --reference"
	}
	return "give files in which the same line belongs to the same item; name several references by repeating --reference"
}
