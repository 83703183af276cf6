package kernel

import "fmt"

// PageTokens is how many tokens one page of keys and values holds.
const PageTokens = 32

// PagesOptions is the shape of a key-value cache.
type PagesOptions struct {
	Layers int
	Heads  int // key and value heads
	Dim    int // size of a head; even
	Pages  int // pages in all; each holds PageTokens tokens of every layer
	Format Format
}

// Pages stores keys and values of all layers in pages of PageTokens tokens. Which page belongs to which
// sequence is the caller's affair: page numbers are 0..Pages-1. Memory is taken when a page is first written.
//
// For each layer and head a page keeps the keys as [Dim][32] and the values as [32][Dim] in F32; in BF16 as
// [Dim/2][32][2] and [16][Dim][2], so that both are ready to be the right-hand side of a product.
type Pages struct {
	o    PagesOptions
	f32  [][]float32 // by page
	bf16 [][]uint16
}

// NewPages prepares a cache in F32 or BF16.
func NewPages(o PagesOptions) (*Pages, error) {
	if o.Layers <= 0 || o.Heads <= 0 || o.Dim <= 0 || o.Pages <= 0 || o.Dim%2 != 0 {
		return nil, fmt.Errorf("key-value pages: layers %d, heads %d, pages %d must be positive and the head size %d even", o.Layers, o.Heads, o.Pages, o.Dim)
	}
	p := &Pages{o: o}
	switch o.Format {
	case F32:
		p.f32 = make([][]float32, o.Pages)
	case BF16:
		p.bf16 = make([][]uint16, o.Pages)
	default:
		return nil, fmt.Errorf("key-value pages: format %s is not kept, want f32 or bf16", o.Format)
	}
	return p, nil
}

// PageBytes is the memory that one page takes.
func (o PagesOptions) PageBytes() int {
	n := o.Layers * o.Heads * o.Dim * PageTokens * 2
	if o.Format == BF16 {
		return 2 * n
	}
	return 4 * n
}

// Options tells the shape.
func (p *Pages) Options() PagesOptions { return p.o }

// Segment is the share of one sequence in a batch of rows; segments follow one another in the rows.
type Segment struct {
	Rows  int     // new tokens, in order; 1 for a decode step, 0 is allowed
	Past  int     // tokens stored before them
	Pages []int32 // the sequence's pages, enough for Past+Rows tokens
}

// StorePages writes the keys and values of new tokens, k and v [rows, Heads*Dim], to their pages.
func (m *Machine) StorePages(p *Pages, layer int, k, v []float32, seqs []Segment, s *Scratch) {
	row := 0
	n := p.o.Heads * p.o.Dim
	for _, seq := range seqs {
		for r := range seq.Rows {
			t := seq.Past + r
			for h := range p.o.Heads {
				at := row*n + h*p.o.Dim
				p.put(layer, int(seq.Pages[t/PageTokens]), h, t%PageTokens, k[at:][:p.o.Dim], v[at:][:p.o.Dim])
			}
			row++
		}
	}
}

// AttendPages computes attention of new tokens, whose keys and values StorePages has already written, to
// everything in their sequences: q and out are [rows, Heads*Dim]. A query at position t (Past plus its index) sees keys 0..t
// if a.Causal is set, else all. Prompts and decode steps may be mixed in one call. out may be q.
func (m *Machine) AttendPages(out, q []float32, p *Pages, layer int, seqs []Segment, a Attention, s *Scratch) {
	a.KVHeads, a.Dim = p.o.Heads, p.o.Dim
	a = a.withDefaults()
	j := &s.ready(m).attend
	*j = attendJob{m: m, a: a, out: out, q: q, pages: p, layer: layer, seqs: seqs}
	m.pool.run(len(seqs)*a.Heads, j)
	*j = attendJob{}
}

// offsets of keys and values of a head inside a page, in elements.
func (p *Pages) offset(layer, head int) (k, v int) {
	size := p.o.Dim * PageTokens
	k = (layer*p.o.Heads + head) * 2 * size
	return k, k + size
}

func (p *Pages) put(layer, page, head, t int, key, value []float32) {
	k, v := p.offset(layer, head)
	d := p.o.Dim
	if p.o.Format == F32 {
		if p.f32[page] == nil {
			p.f32[page] = aligned[float32](p.o.PageBytes() / 4)
		}
		b := p.f32[page]
		for i, x := range key {
			b[k+i*PageTokens+t] = x
		}
		copy(b[v+t*d:], value)
		return
	}
	if p.bf16[page] == nil {
		p.bf16[page] = aligned[uint16](p.o.PageBytes() / 2)
	}
	b := p.bf16[page]
	for i, x := range key {
		b[k+i/2*2*PageTokens+2*t+i&1] = bfloat(x)
	}
	for i, x := range value {
		b[v+t/2*2*d+2*i+t&1] = bfloat(x)
	}
}

func (p *Pages) key(dst []float32, layer, page, head, t int) {
	k, _ := p.offset(layer, head)
	for i := range dst {
		if p.o.Format == F32 {
			dst[i] = p.f32[page][k+i*PageTokens+t]
		} else {
			dst[i] = widen(p.bf16[page][k+i/2*2*PageTokens+2*t+i&1])
		}
	}
}

func (p *Pages) value(dst []float32, layer, page, head, t int) {
	_, v := p.offset(layer, head)
	for i := range dst {
		if p.o.Format == F32 {
			dst[i] = p.f32[page][v+t*p.o.Dim+i]
		} else {
			dst[i] = widen(p.bf16[page][v+t/2*2*p.o.Dim+2*i+t&1])
		}
	}
}

type pagesJob struct{}
