package kernel

import "math"

// Attention describes multi-head attention: softmax(Scale q kᵀ) v for each head.
type Attention struct {
	Heads   int     // query heads
	KVHeads int     // key and value heads; Heads is a multiple (grouped queries). 0 means Heads
	Dim     int     // size of a head
	Scale   float32 // 0 means 1/√Dim
	Causal  bool    // a query sees keys up to its own position only
	BF16    bool    // Attend may round to bfloat16 where the Level multiplies it faster; AttendPages follows the pages' format
}

func (a Attention) withDefaults() Attention {
	if a.KVHeads == 0 {
		a.KVHeads = a.Heads
	}
	if a.Scale == 0 {
		a.Scale = float32(1 / math.Sqrt(float64(a.Dim)))
	}
	return a
}

// Attend computes attention inside each of the sequences that lie one after another in the rows of q,
// k and v: q and out are [rows, Heads*Dim], k and v [rows, KVHeads*Dim], and lengths adds up to rows. out may be q.
func (m *Machine) Attend(out, q, k, v []float32, lengths []int, a Attention, s *Scratch) {
	a = a.withDefaults()
	j := &s.ready(m).attend
	*j = attendJob{m: m, a: a, out: out, q: q, k: k, v: v, lengths: lengths}
	m.pool.run(len(lengths)*a.Heads, j)
	*j = attendJob{}
}

type attendJob struct {
	m            *Machine
	a            Attention
	out, q, k, v []float32
	lengths      []int
	pages        *Pages
	layer        int
	seqs         []Segment
}

func (j *attendJob) run(_, part int) {
	seq, h := part/j.a.Heads, part%j.a.Heads
	a, d := j.a, j.a.Dim
	g := h / (a.Heads / a.KVHeads)
	var start, rows, past int
	if j.pages == nil {
		for _, n := range j.lengths[:seq] {
			start += n
		}
		rows = j.lengths[seq]
	} else {
		for _, s := range j.seqs[:seq] {
			start += s.Rows
		}
		rows, past = j.seqs[seq].Rows, j.seqs[seq].Past
	}
	scores := make([]float32, past+rows)
	out := make([]float32, d)
	row := make([]float32, d)
	for r := range rows {
		q := j.q[(start+r)*a.Heads*d+h*d:][:d]
		n := past + rows
		if a.Causal {
			n = past + r + 1
		}
		for t := range n {
			scores[t] = a.Scale * j.m.Dot(q, j.key(row, seq, start, t, g))
		}
		j.m.SoftmaxRows(scores[:n], n)
		clear(out)
		for t := range n {
			j.m.Axpy(out, scores[t], j.value(row, seq, start, t, g))
		}
		copy(j.out[(start+r)*a.Heads*d+h*d:], out)
	}
}

func (j *attendJob) key(row []float32, seq, start, t, g int) []float32 {
	if j.pages == nil {
		return j.k[(start+t)*j.a.KVHeads*j.a.Dim+g*j.a.Dim:][:j.a.Dim]
	}
	j.pages.key(row, j.layer, int(j.seqs[seq].Pages[t/PageTokens]), g, t%PageTokens)
	return row
}

func (j *attendJob) value(row []float32, seq, start, t, g int) []float32 {
	if j.pages == nil {
		return j.v[(start+t)*j.a.KVHeads*j.a.Dim+g*j.a.Dim:][:j.a.Dim]
	}
	j.pages.value(row, j.layer, int(j.seqs[seq].Pages[t/PageTokens]), g, t%PageTokens)
	return row
}
