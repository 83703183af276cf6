package metric

import (
	"context"
	"fmt"

	"stylesprint"
)

// Distinct is distinct-n of Li et al. 2016 (https://aclanthology.org/N16-1014):
// the share of different n-grams among all n-grams of a catalogue, on 0..1. It
// says how much the texts repeat one another and themselves, and falls as a
// catalogue grows, so that only equally many texts are comparable. Each n-gram's
// one difference is shared out among its occurrences: a sample has the sum of
// 1/occurrences over its n-grams, and the sums of all samples make distinct/total
// exactly.
type Distinct struct{ n int }

// maxDistinct is the longest n-gram of Distinct.
const maxDistinct = 3

// NewDistinct makes the metric for n-grams of 1 to 3 words.
func NewDistinct(n int) (*Distinct, error) {
	if n < 1 || n > maxDistinct {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "n", Message: fmt.Sprintf("distinct-%d: want 1 to %d", n, maxDistinct)}
	}
	return &Distinct{n}, nil
}

// Info describes the metric. Its statistics are shares and n-grams.
func (m *Distinct) Info() Info { return describe(fmt.Sprintf("distinct-%d", m.n)) }

// Signature names the tokenizer: that of zh sets Chinese characters and
// typographic quotes apart and treats the rest as 13a.
func (m *Distinct) Signature(int) string {
	return fmt.Sprintf("distinct-%d|corpus:whole|tok:%s|case:lc|scale:0-1|version:1", m.n, TokenizerZh)
}

// Measure counts the n-grams of all samples together; references play no part.
func (m *Distinct) Measure(ctx context.Context, samples []Sample) ([]Measurement, error) {
	c := newOrderCounter(m.n)
	c.begin()
	var occurrences []int32 // by n-gram number
	grams := make([]int32, 0, 64*len(samples))
	ends := make([]int, len(samples))
	for i := range samples {
		if i%parallelChunk == 0 && ctx.Err() != nil {
			return nil, scoring(m.Info().Name, ctx.Err())
		}
		TokenizerZh.split(&c.toks, trimRight(lower(samples[i].text())))
		from := len(grams)
		grams = c.number(grams, m.n)
		for len(occurrences) < len(c.tally) {
			occurrences = append(occurrences, 0)
		}
		for _, id := range grams[from:] {
			occurrences[id]++
		}
		ends[i] = len(grams)
	}
	out := make([]Measurement, len(samples))
	from := 0
	for i, to := range ends {
		stats := []float64{0, float64(to - from)}
		for _, id := range grams[from:to] {
			stats[0] += 1 / float64(occurrences[id])
		}
		from = to
		out[i] = Measurement{Score: m.Value(stats), Stats: stats}
	}
	return out, nil
}

// number appends the numbers of the line's n-grams of n words.
func (c *counter) number(dst []int32, n int) []int32 {
	words := len(c.toks.spans)
	c.reserve(words)
	c.ids = c.ids[:0]
	for i := range words {
		c.ids = append(c.ids, c.wordID(c.toks.at(i), true))
	}
	for i := 0; i+n <= words; i++ {
		id := c.ids[i]
		for _, next := range c.ids[i+1 : i+n] {
			id = c.gramID(id, next, true)
		}
		dst = append(dst, id)
	}
	return dst
}

// Value is the share of the catalogue; one without n-grams has 0.
func (m *Distinct) Value(sum []float64) float64 { return share(sum) }

func share(sum []float64) float64 {
	if len(sum) < 2 || sum[1] == 0 {
		return 0
	}
	return sum[0] / sum[1]
}
