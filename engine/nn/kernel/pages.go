package kernel

import (
	"fmt"
	"unsafe"
)

// PageTokens is how many tokens one page of keys and values holds.
const PageTokens = panel

// PagesOptions is the shape of a key-value cache.
type PagesOptions struct {
	Layers int
	Heads  int // key and value heads
	Dim    int // size of a head; even
	Pages  int // pages in all; each holds PageTokens tokens of every layer
	Format Format
}

// PageBytes is the memory that one page takes.
func (o PagesOptions) PageBytes() int {
	n := o.Layers * o.Heads * o.Dim * PageTokens * 2
	if o.Format == BF16 {
		return 2 * n
	}
	return 4 * n
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

// Options tells the shape.
func (p *Pages) Options() PagesOptions { return p.o }

// Segment is the share of one sequence in a batch of rows; segments follow one another in the rows.
type Segment struct {
	Rows  int     // new tokens, in order; 1 for a decode step, 0 is allowed
	Past  int     // tokens stored before them
	Pages []int32 // the sequence's pages, enough for Past+Rows tokens
}

// check panics unless the segment's pages hold its tokens.
func (p *Pages) check(layer int, s *Segment) {
	n := ceilDiv(s.Past+s.Rows, PageTokens)
	if s.Rows < 0 || s.Past < 0 || n > len(s.Pages) || layer < 0 || layer >= p.o.Layers {
		panic(fmt.Sprintf("kernel: layer %d, %d pages for %d and %d tokens", layer, len(s.Pages), s.Past, s.Rows))
	}
	for _, page := range s.Pages[:n] {
		if !p.written(int(page)) {
			panic(fmt.Sprintf("kernel: page %d is read before it is written", page))
		}
	}
}

func (p *Pages) written(page int) bool {
	return p.o.Format == F32 && p.f32[page] != nil || p.o.Format == BF16 && p.bf16[page] != nil
}

// Reserve gives pages their memory ahead of the first write, so that StorePages takes none.
func (p *Pages) Reserve(pages []int32) {
	for _, page := range pages {
		p.touch(int(page))
	}
}

// touch gives a page its memory, and a panel more: kernels read whole panels.
func (p *Pages) touch(page int) {
	switch {
	case p.written(page):
	case p.o.Format == F32:
		p.f32[page] = aligned[float32](p.o.PageBytes()/4 + panel)
	default:
		p.bf16[page] = aligned[uint16](p.o.PageBytes()/2 + 2*panel)
	}
}

// offset of the keys (part 0) or values (part 1) of a head inside a page, in elements.
func (p *Pages) offset(layer, head, part int) int {
	return ((layer*p.o.Heads+head)*2 + part) * p.o.Dim * PageTokens
}

func (p *Pages) address(page, layer, head, part int) unsafe.Pointer {
	i := p.offset(layer, head, part)
	if p.o.Format == F32 {
		return unsafe.Pointer(&p.f32[page][i])
	}
	return unsafe.Pointer(&p.bf16[page][i])
}

// StorePages writes the keys and values of new tokens, k and v [rows, Heads*Dim], to their pages.
func (m *Machine) StorePages(p *Pages, layer int, k, v []float32, seqs []Segment, s *Scratch) {
	s = s.ready(m)
	j := &s.pages
	j.m, j.p, j.layer, j.k, j.v, j.ws = m, p, layer, k, v, s.workers
	j.runs = j.runs[:0]
	row := 0
	for i := range seqs {
		seq := &seqs[i]
		for done := 0; done < seq.Rows; {
			t := seq.Past + done
			page := int(seq.Pages[t/PageTokens])
			p.touch(page)
			n := min(seq.Rows-done, PageTokens-t%PageTokens)
			j.runs = append(j.runs, pageRun{page: page, from: t % PageTokens, row: row + done, n: n})
			done += n
		}
		p.check(layer, seq)
		row += seq.Rows
	}
	width := p.o.Heads * p.o.Dim
	j.k, j.v = k[:row*width], v[:row*width]
	for i := range j.ws {
		j.ws[i].stage = grow(j.ws[i].stage, PageTokens*p.o.Dim)
	}
	if row*width < parallelFrom {
		for i := range j.runs {
			j.run(0, i)
		}
	} else {
		m.pool.run(len(j.runs), j)
	}
	j.k, j.v, j.p = nil, nil, nil
}

// pagesJob stores runs of tokens, each inside one page.
type pagesJob struct {
	m     *Machine
	p     *Pages
	layer int
	k, v  []float32
	runs  []pageRun
	ws    []workspace
}

type pageRun struct {
	page, from, n int // tokens from..from+n of the page
	row           int // where they are in k and v
}

func (j *pagesJob) run(worker, part int) {
	r := j.runs[part]
	d, width := j.p.o.Dim, j.p.o.Heads*j.p.o.Dim
	for h := range j.p.o.Heads {
		src := r.row*width + h*d
		rows := rowsOf{j.k[src:], width, r.n, d}
		keys, values := j.p.offset(j.layer, h, 0), j.p.offset(j.layer, h, 1)
		if j.p.o.Format == F32 {
			page := j.p.f32[r.page]
			j.keys(page[keys:][:d*PageTokens], r.from, rows)
			for t := range r.n {
				copy(page[values+(r.from+t)*d:][:d], j.v[src+t*width:])
			}
			continue
		}
		page := j.p.bf16[r.page]
		j.keys16(page[keys:][:d*PageTokens], r.from, rows, j.ws[worker].stage)
		j.values16(page[values:][:d*PageTokens], r.from, rowsOf{j.v[src:], width, r.n, d})
	}
}

// transposeFrom is the fewest tokens that are worth the transposing kernel, which may write up to 16 columns.
const transposeFrom = 16

// keys stores tokens from..from+n of a panel [d][32].
func (j *pagesJob) keys(dst []float32, from int, k rowsOf) {
	if from%transposeFrom == 0 && k.rows >= transposeFrom/2 {
		j.m.packPanel(dst[from:], k)
		return
	}
	for t := range k.rows {
		for i, x := range k.x[t*k.stride:][:k.cols] {
			dst[i*PageTokens+from+t] = x
		}
	}
}

// keys16 stores tokens from..from+n of a panel [d/2][32][2].
func (j *pagesJob) keys16(dst []uint16, from int, k rowsOf, stage []float32) {
	if from%transposeFrom == 0 && k.rows >= transposeFrom/2 {
		packPanel16(j.m, dst[2*from:], stage, k)
		return
	}
	for t := range k.rows {
		for i, x := range k.x[t*k.stride:][:k.cols] {
			dst[i/2*2*PageTokens+2*(from+t)+i&1] = bfloat(x)
		}
	}
}

// values16 stores tokens from..from+n as [16][d][2]. Where a token is the first of its pair the second becomes zero,
// because the product reads it.
func (j *pagesJob) values16(dst []uint16, from int, v rowsOf) {
	if from%2 == 1 {
		for i, x := range v.x[:v.cols] {
			dst[from/2*2*v.cols+2*i+1] = bfloat(x)
		}
		if v.rows == 1 {
			return
		}
		from, v.rows, v.x = from+1, v.rows-1, v.x[v.stride:]
	}
	j.m.pairsOf(dst[from*v.cols:], 2*v.cols, v)
}
