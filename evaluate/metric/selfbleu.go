package metric

import (
	"context"
	"fmt"
	"math/rand/v2"
)

// Self-BLEU's others.
const (
	selfBLEUOthers = 200
	selfBLEUSeed   = 12345
)

// SelfBLEU is the mean BLEU, on 0..100, of each text against other texts of the
// same catalogue as its references (Zhu et al. 2018, "Texygen",
// https://arxiv.org/abs/1802.01886): high where descriptions are made from one
// mould. All texts have the same references, at most 200 drawn with a fixed
// seed, less itself, so that the effort grows with the catalogue and not with its
// square. A text that is missing or blank is no reference and has no share in the
// mean: a candidate does not gain by failing.
type SelfBLEU struct{ bleu *BLEU }

// NewSelfBLEU makes the metric.
func NewSelfBLEU() (*SelfBLEU, error) {
	b, err := NewBLEU(BLEUOptions{Tokenizer: TokenizerZh, EffectiveOrder: true})
	return &SelfBLEU{b}, err
}

// Info describes the metric. Its statistics are the sum of scores and their number.
func (m *SelfBLEU) Info() Info { return describe("self-bleu") }

// Signature names BLEU's settings, the number of others and the seed.
func (m *SelfBLEU) Signature(int) string {
	return fmt.Sprintf("self-bleu|corpus:whole|others:%d|seed:%d|case:mixed|eff:yes|tok:%s|smooth:exp|scale:0-100|version:1", selfBLEUOthers, selfBLEUSeed, TokenizerZh)
}

// Measure scores all samples together; references play no part.
func (m *SelfBLEU) Measure(ctx context.Context, samples []Sample) ([]Measurement, error) {
	pool := newSelfPool(samples)
	out := make([]Measurement, len(samples))
	err := parallel(ctx, len(samples), pool.reader, func(r *selfReader, i int) {
		stats := make([]float64, 2)
		if text := samples[i].text(); !IsBlank(text) {
			if s, ok := r.measure(text, i); ok {
				stats[0], stats[1] = m.bleu.Sentence(s).Score, 1
			}
		}
		out[i] = Measurement{Score: stats[0], Stats: stats}
	})
	if err != nil {
		return nil, scoring("self-bleu", err)
	}
	return out, nil
}

// Value is the mean.
func (m *SelfBLEU) Value(sum []float64) float64 { return share(sum) }

// selfPool are the references that all texts share. Once made it is only read.
type selfPool struct {
	counter *counter
	members map[int]int // number of a sample to its place in the pool
	lens    []int       // tokens of each member
	limits  []poolLimit // by n-gram number
}

// poolLimit is how often an n-gram occurs in one member at most, and at most
// in the others if that one is left out.
type poolLimit struct{ most, owner, second int32 }

func newSelfPool(samples []Sample) *selfPool {
	p := &selfPool{counter: newCounter(), members: map[int]int{}}
	p.counter.begin()
	rng := rand.New(rand.NewPCG(selfBLEUSeed, uint64(len(samples))))
	chosen := rng.Perm(len(samples))
	for _, i := range chosen[:min(len(chosen), selfBLEUOthers)] {
		if text := samples[i].text(); !IsBlank(text) {
			p.add(i, text)
		}
	}
	return p
}

func (p *selfPool) add(sample int, text string) {
	place := int32(len(p.lens))
	c := p.counter
	TokenizerZh.split(&c.toks, trimRight(text))
	p.members[sample] = len(p.lens)
	p.lens = append(p.lens, len(c.toks.spans))
	var all []int32
	for n := 1; n <= maxOrder; n++ {
		all = c.number(all, n)
	}
	for len(p.limits) < len(c.tally) {
		p.limits = append(p.limits, poolLimit{owner: -1})
	}
	count := map[int32]int32{}
	for _, id := range all {
		count[id]++
	}
	for id, n := range count {
		switch l := &p.limits[id]; {
		case n > l.most:
			l.second, l.most, l.owner = l.most, n, place
		case n > l.second:
			l.second = n
		}
	}
}

// selfReader matches texts with a pool; it belongs to one goroutine.
type selfReader struct {
	pool  *selfPool
	toks  tokens
	ids   []int32
	chain []int32
	used  []int32 // by n-gram number
	lens  []int
}

func (p *selfPool) reader() *selfReader {
	return &selfReader{pool: p, used: make([]int32, len(p.limits))}
}

// measure returns BLEU's statistics of a text against the pool without itself;
// ok is false if that leaves nothing.
func (r *selfReader) measure(text string, sample int) (s Stats, ok bool) {
	p := r.pool
	self := int32(-2)
	r.lens = append(r.lens[:0], p.lens...)
	if place, member := p.members[sample]; member {
		self = int32(place)
		r.lens = append(r.lens[:place], p.lens[place+1:]...)
	}
	if len(r.lens) == 0 {
		return s, false
	}
	TokenizerZh.split(&r.toks, trimRight(text))
	n := len(r.toks.spans)
	s.SysLen, s.RefLen = n, closest(n, r.lens)
	r.ids = r.ids[:0]
	for i := range n {
		r.ids = append(r.ids, p.counter.wordID(r.toks.at(i), false))
	}
	r.chain = append(r.chain[:0], r.ids...)
	clear(r.used)
	for order := 1; order <= maxOrder; order++ {
		s.Total[order-1] = max(0, n-order+1)
		for i := 0; i+order <= n; i++ {
			if order > 1 && r.chain[i] >= 0 {
				r.chain[i] = p.counter.gramID(r.chain[i], r.ids[i+order-1], false)
			}
			id := r.chain[i]
			if id < 0 {
				continue
			}
			limit := p.limits[id].most
			if p.limits[id].owner == self {
				limit = p.limits[id].second
			}
			if r.used[id] < limit {
				r.used[id]++
				s.Correct[order-1]++
			}
		}
	}
	return s, true
}
