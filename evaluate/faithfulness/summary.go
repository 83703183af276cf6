package faithfulness

import "stylesprint/evaluate/resample"

// Rate is a share of texts with its exact bounds.
type Rate struct {
	Texts int     `json:"texts"` // that are meant
	Of    int     `json:"of"`    // that were checked
	Rate  float64 `json:"rate"`
	// Low and High are the exact interval at Level; of none, High is the one-sided
	// upper bound and Low 0, of all the other way round.
	Low   float64 `json:"low"`
	High  float64 `json:"high"`
	Level float64 `json:"level"`
	// Sentence says what it means for a catalogue of the size that was asked for.
	Sentence string `json:"sentence"`
}

// RateLevel is the level of the bounds of a Summary.
const RateLevel = 0.95

// NewRate makes a rate of k of n texts; they are taken as independent, so that
// near-duplicates make the bounds too narrow.
func NewRate(k, n, catalogue int) Rate {
	r := Rate{Texts: k, Of: n, Level: RateLevel, Sentence: resample.RateSentence(k, n, RateLevel, catalogue), High: 1}
	if n > 0 {
		r.Rate = float64(k) / float64(n)
	}
	switch {
	case k == 0:
		r.High = resample.UpperBound(k, n, RateLevel)
	case k == n:
		r.Low = resample.LowerBound(k, n, RateLevel)
	default:
		r.Low, r.High = resample.ClopperPearson(k, n, RateLevel)
	}
	return r
}

// Summary is what a set of texts comes to.
type Summary struct {
	Texts   int `json:"texts"`
	Checked int `json:"checked"`
	// Absent counts the texts that could not be checked, by reason.
	Absent         map[string]int `json:"absent,omitempty"`
	Counts         Counts         `json:"counts"`
	Precision      float64        `json:"precision"`
	Recall         float64        `json:"recall"`
	F1             float64        `json:"f1"`
	Contradictions Rate           `json:"contradictions"`
	Unsupported    Rate           `json:"unsupported_claims"`
	HardViolations Rate           `json:"hard_violations"`
	Rules          string         `json:"rules"` // their hash
	Catalogue      int            `json:"catalogue"`
}

// Tally gathers a Summary text by text.
type Tally struct {
	sum                             Counts
	texts, checked                  int
	contradicted, unsupported, hard int
	absent                          map[string]int
}

// Add takes a checked text in.
func (t *Tally) Add(c Counts) {
	t.texts++
	t.checked++
	t.sum = t.sum.Add(c)
	for _, x := range []struct {
		n   int
		sum *int
	}{{c.Contradicted, &t.contradicted}, {c.Unsupported, &t.unsupported}, {c.Hard, &t.hard}} {
		if x.n > 0 {
			*x.sum++
		}
	}
}

// Miss takes in a text that could not be checked.
func (t *Tally) Miss(reason string) {
	if t.absent == nil {
		t.absent = map[string]int{}
	}
	t.texts++
	t.absent[reason]++
}

// Summary sums up; catalogue is the number of products that the sentences speak of.
func (t *Tally) Summary(c *Checker, catalogue int) Summary {
	return Summary{Texts: t.texts, Checked: t.checked, Absent: t.absent, Counts: t.sum,
		Precision: t.sum.Precision(), Recall: t.sum.Recall(), F1: t.sum.F1(),
		Contradictions: NewRate(t.contradicted, t.checked, catalogue), Unsupported: NewRate(t.unsupported, t.checked, catalogue),
		HardViolations: NewRate(t.hard, t.checked, catalogue), Rules: c.Hash(), Catalogue: catalogue}
}
