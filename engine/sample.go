package engine

import (
	"math"
	"math/rand/v2"

	"stylesprint/engine/nn/kernel"
)

// sampler draws the tokens of one sequence.
type sampler struct {
	Sampling
	rng  rand.PCG
	seen []uint64 // bit set of tokens in list; nil without a repetition penalty
	list []int32
}

// candidate is a token that may be drawn.
type candidate struct {
	id int32
	p  float32 // a logit or a probability
}

type candidates []candidate

// drawMemory is what samplers share, one call at a time.
type drawMemory struct {
	list candidates
	part [scanBlock]float32
}

// scanBlock is how many values are looked at together when few of them matter.
const scanBlock = 64

// newSampler prepares for a prompt and room more tokens.
func newSampler(s Sampling, vocabulary int, prompt []int32, room int) *sampler {
	p := &sampler{Sampling: s}
	p.rng.Seed(s.Seed, 0x9e3779b97f4a7c15)
	if s.RepetitionPenalty != 0 && s.RepetitionPenalty != 1 {
		p.seen = make([]uint64, (vocabulary+63)/64)
		p.list = make([]int32, 0, min(len(prompt)+room, vocabulary))
		for _, id := range prompt {
			p.accept(id)
		}
	}
	return p
}

// accept makes a token count for the repetition penalty.
func (p *sampler) accept(id int32) {
	if p.seen == nil {
		return
	}
	if bit := uint64(1) << (id & 63); p.seen[id>>6]&bit == 0 {
		p.seen[id>>6] |= bit
		p.list = append(p.list, id)
	}
}

// next draws a token. It overwrites logits.
func (p *sampler) next(m *kernel.Machine, logits []float32, mem *drawMemory) int32 {
	p.penalise(logits)
	const coldest = 1e-6 // below, the scaled logits would overflow
	if p.Temperature < coldest || p.TopK == 1 {
		return int32(max(0, m.Argmax(logits)))
	}
	m.Scale(logits, float32(1/p.Temperature))
	if p.TopK > 0 && p.TopK < len(logits) {
		mem.list = topK(m, logits, p.TopK, mem.list[:0])
		mem.softmax(m)
		return p.draw(p.cut(mem.list))
	}
	m.SoftmaxRows(logits, len(logits))
	nucleus := p.TopP > 0 && p.TopP < 1
	if !nucleus && p.MinP == 0 {
		return p.drawAll(m, logits)
	}
	// Tokens below least weigh less than 1-TopP together, so none is in the nucleus.
	least := p.MinP * float64(m.Max(logits))
	if nucleus {
		least = max(least, (1-p.TopP)/float64(len(logits)))
	}
	if cap(mem.list) < len(logits) {
		mem.list = make(candidates, 0, len(logits))
	}
	mem.list = above(m, logits, float32(least), mem.list[:0])
	return p.draw(p.cut(mem.list))
}

// penalise applies the repetition penalty. arXiv:1909.05858, section 4.1, with
// the sign taken into account as Hugging Face does.
func (p *sampler) penalise(logits []float32) {
	penalty := float32(p.RepetitionPenalty)
	for _, id := range p.list {
		if logits[id] > 0 {
			logits[id] /= penalty
		} else {
			logits[id] *= penalty
		}
	}
}

// above appends the tokens whose value is at least least.
func above(m *kernel.Machine, values []float32, least float32, c candidates) candidates {
	for from := 0; from < len(values); from += scanBlock {
		block := values[from:min(from+scanBlock, len(values))]
		if m.Max(block) < least {
			continue
		}
		for i, v := range block {
			if v >= least {
				c = append(c, candidate{int32(from + i), v})
			}
		}
	}
	return c
}

// topK appends the k largest values, in a heap whose smallest comes first.
func topK(m *kernel.Machine, values []float32, k int, c candidates) candidates {
	for i, v := range values[:k] {
		c = append(c, candidate{int32(i), v})
	}
	for i := k/2 - 1; i >= 0; i-- {
		c.sink(i)
	}
	for from := k; from < len(values); from += scanBlock {
		block := values[from:min(from+scanBlock, len(values))]
		if m.Max(block) <= c[0].p {
			continue
		}
		for i, v := range block {
			if v > c[0].p {
				c[0] = candidate{int32(from + i), v}
				c.sink(0)
			}
		}
	}
	return c
}

// sink restores the heap below i.
func (c candidates) sink(i int) {
	for {
		child := 2*i + 1
		if child >= len(c) {
			return
		}
		if child+1 < len(c) && c[child+1].p < c[child].p {
			child++
		}
		if c[i].p <= c[child].p {
			return
		}
		c[i], c[child] = c[child], c[i]
		i = child
	}
}

// softmax turns the logits of the list into probabilities.
func (mem *drawMemory) softmax(m *kernel.Machine) {
	c, buf := mem.list, &mem.part
	top := c[0].p
	for _, x := range c {
		top = max(top, x.p)
	}
	var sum float64
	for from := 0; from < len(c); from += len(buf) {
		block := c[from:min(from+len(buf), len(c))]
		for i, x := range block {
			buf[i] = x.p - top
		}
		m.Exp(buf[:len(block)], buf[:len(block)])
		for i := range block {
			block[i].p = buf[i]
			sum += float64(buf[i])
		}
	}
	for i := range c {
		c[i].p = float32(float64(c[i].p) / sum)
	}
}

// cut keeps the tokens that TopP and MinP leave: both keep the likeliest ones.
func (p *sampler) cut(c candidates) candidates {
	if p.TopP > 0 && p.TopP < 1 {
		c = c[:coarseNucleus(c, p.TopP)]
	}
	if p.MinP == 0 {
		return c
	}
	var top float32
	for _, x := range c {
		top = max(top, x.p)
	}
	least := float32(p.MinP) * top
	n := 0
	for _, x := range c {
		if x.p >= least {
			c[n] = x
			n++
		}
	}
	return c[:n]
}

// coarseNucleus is nucleus for many candidates: it first adds up the mass in
// bins of a quarter of an octave, and partitions only the bin with the boundary.
func coarseNucleus(c candidates, target float64) int {
	const few = 256
	if len(c) <= few {
		return nucleus(c, target)
	}
	const shift = 21 // leaves the exponent and two bits: 0 to 508 for numbers up to 1
	var mass [512]float64
	for _, x := range c {
		mass[(math.Float32bits(x.p)>>shift)&511] += float64(x.p)
	}
	edge := uint32(len(mass) - 1)
	for ; edge > 0 && mass[edge] < target; edge-- {
		target -= mass[edge]
	}
	in, tied := 0, 0 // larger | of the edge's bin | smaller
	for k, x := range c {
		bin := math.Float32bits(x.p) >> shift
		if bin < edge {
			continue
		}
		c[k], c[tied] = c[tied], x
		if bin > edge {
			c[tied], c[in] = c[in], c[tied]
			in++
		}
		tied++
	}
	return in + nucleus(c[in:tied], target)
}

// nucleus moves the fewest likeliest tokens that together reach the
// probability target to the front and returns their number, at least 1. It
// partitions as quickselect does, by mass instead of by rank.
func nucleus(c candidates, target float64) int {
	if len(c) == 0 {
		return 0
	}
	lo, hi := 0, len(c) // the boundary lies in c[lo:hi]; what is before lo is in
	for hi-lo > 1 {
		pivot := median(c[lo].p, c[(lo+hi)/2].p, c[hi-1].p)
		var mass float64
		i, j, k := lo, lo, hi // larger | equal | unseen | smaller
		for j < k {
			switch {
			case c[j].p > pivot:
				mass += float64(c[j].p)
				c[i], c[j] = c[j], c[i]
				i++
				j++
			case c[j].p < pivot:
				k--
				c[j], c[k] = c[k], c[j]
			default:
				j++
			}
		}
		if mass >= target {
			hi = i
			continue
		}
		target -= mass
		for i < j { // the equal ones, one after another
			target -= float64(pivot)
			i++
			if target <= 0 {
				return i
			}
		}
		lo = j
	}
	return max(1, hi)
}

func median(a, b, c float32) float32 { return max(min(a, b), min(max(a, b), c)) }

// draw takes one of the tokens, in proportion to p.
func (p *sampler) draw(c candidates) int32 {
	var sum float64
	for _, x := range c {
		sum += float64(x.p)
	}
	at := p.uniform() * sum
	for _, x := range c {
		if at -= float64(x.p); at < 0 {
			return x.id
		}
	}
	return c[len(c)-1].id
}

// drawAll is draw over the whole vocabulary.
func (p *sampler) drawAll(m *kernel.Machine, probabilities []float32) int32 {
	at := p.uniform()
	last := int32(0)
	for from := 0; from < len(probabilities); from += scanBlock {
		block := probabilities[from:min(from+scanBlock, len(probabilities))]
		sum := float64(m.Sum(block))
		if at >= sum {
			at -= sum
			continue
		}
		for i, v := range block {
			if v > 0 {
				last = int32(from + i)
			}
			if at -= float64(v); at < 0 {
				return last
			}
		}
		return last
	}
	if last == 0 { // rounding left a little more than everything
		return int32(max(0, m.Argmax(probabilities)))
	}
	return last
}

// uniform is a number in [0, 1).
func (p *sampler) uniform() float64 { return float64(p.rng.Uint64()>>11) / (1 << 53) }
