package kernel

import (
	"fmt"
	"math"
	"unsafe"
)

// Attention describes multi-head attention: softmax(Scale q kᵀ) v for each head.
type Attention struct {
	Heads   int     // query heads
	KVHeads int     // key and value heads; Heads is a multiple (grouped queries). 0 means Heads
	Dim     int     // size of a head
	Scale   float32 // positive; 0 means 1/√Dim
	Causal  bool    // a query sees keys up to its own position only
	Window  int     // and of these the last so many (sliding window, local attention); 0 is all. Needs Causal
	BF16    bool    // Attend may round to bfloat16 where the Level multiplies it faster; AttendPages follows the pages' format
}

func (a Attention) complete() Attention {
	if a.KVHeads == 0 {
		a.KVHeads = a.Heads
	}
	if a.Heads <= 0 || a.Dim <= 0 || a.KVHeads < 0 || a.Heads%a.KVHeads != 0 {
		panic(fmt.Sprintf("kernel: attention of %d heads of %d over %d key heads", a.Heads, a.Dim, a.KVHeads))
	}
	if a.Window < 0 || a.Window > 0 && !a.Causal {
		panic(fmt.Sprintf("kernel: a window of %d keys, causal %t", a.Window, a.Causal))
	}
	if a.Scale == 0 {
		a.Scale = float32(1 / math.Sqrt(float64(a.Dim)))
	}
	return a
}

// Attention works on tiles: a block of query rows meets the keys in chunks, with a running softmax
// (Milakov and Gimelshein, arXiv 1805.02867), so that no more than attendRows x attendKeys scores exist for a worker.
const (
	attendRows   = 48
	attendKeys   = 256             // a multiple of PageTokens
	scoresStride = attendKeys + 16 // attendKeys >= attendRows + panel: see hide
)

// Attend computes attention inside each of the sequences that lie one after another in the rows of q,
// k and v: q and out are [rows, Heads*Dim], k and v [rows, KVHeads*Dim], and lengths adds up to rows. out may be q.
func (m *Machine) Attend(out, q, k, v []float32, lengths []int, a Attention, s *Scratch) {
	a = a.complete()
	s = s.ready(m)
	j := &s.attend
	j.begin(m, a, s.workers)
	rows, longest, parts := 0, 0, 0
	for _, n := range lengths {
		if n < 0 {
			panic("kernel: a sequence of negative length")
		}
		j.plan = append(j.plan, attendPlan{first: parts, start: rows, rows: n})
		rows += n
		longest = max(longest, n)
		parts += ceilDiv(n, attendRows) * a.Heads
	}
	j.out, j.q = out[:rows*a.Heads*a.Dim], q[:rows*a.Heads*a.Dim]
	j.k, j.v = k[:rows*a.KVHeads*a.Dim], v[:rows*a.KVHeads*a.Dim]
	j.narrow = a.BF16 && a.Dim%2 == 0 && m.narrowActivations()
	j.half = j.narrow
	j.reserve(longest)
	m.pool.run(parts, j)
	j.end()
}

// AttendPages computes attention of new tokens, whose keys and values StorePages has already written, to
// everything in their sequences: q and out are [rows, Heads*Dim]. A query at position t (Past plus its index) sees keys 0..t
// if a.Causal is set (of these the last a.Window), else all. Prompts and decode steps may be mixed in one call. a's KVHeads and Dim come from p. out may be q.
func (m *Machine) AttendPages(out, q []float32, p *Pages, layer int, seqs []Segment, a Attention, s *Scratch) {
	a.KVHeads, a.Dim = p.o.Heads, p.o.Dim
	a = a.complete()
	s = s.ready(m)
	j := &s.attend
	j.begin(m, a, s.workers)
	rows, parts := 0, 0
	for i := range seqs {
		seq := &seqs[i]
		p.check(layer, seq)
		across := seq.Rows > 0 && seq.Rows < 4
		plan := attendPlan{first: parts, start: rows, rows: seq.Rows, past: seq.Past, pages: seq.Pages, across: across}
		j.plan = append(j.plan, plan)
		rows += seq.Rows
		if across {
			parts += a.KVHeads * seq.Rows
		} else {
			parts += ceilDiv(seq.Rows, attendRows) * a.Heads
		}
	}
	j.out, j.q = out[:rows*a.Heads*a.Dim], q[:rows*a.Heads*a.Dim]
	j.pages, j.layer = p, layer
	j.half = p.o.Format == BF16
	j.narrow = j.half && m.narrowActivations()
	j.reserve(0)
	m.pool.run(parts, j)
	j.end()
}

// attendJob is one call. A part is a block of queries of one head or, where a sequence has few, one
// query of all heads that share a key head.
type attendJob struct {
	m      *Machine
	a      Attention
	out, q []float32
	k, v   []float32 // contiguous keys and values, or
	pages  *Pages
	layer  int
	half   bool // keys and values are bfloat16
	narrow bool // so are queries and probabilities
	plan   []attendPlan
	ws     []workspace
}

// attendPlan is the share of one sequence.
type attendPlan struct {
	first  int // its first part
	start  int // its first row
	rows   int
	past   int
	pages  []int32
	across bool // rows of a tile are heads, not positions
}

func (j *attendJob) begin(m *Machine, a Attention, ws []workspace) {
	j.m, j.a, j.ws, j.plan = m, a, ws, j.plan[:0]
}

// end drops what belongs to the caller.
func (j *attendJob) end() {
	clear(j.plan)
	j.out, j.q, j.k, j.v, j.pages = nil, nil, nil, nil, nil
}

// reserve grows the workspaces; longest is the longest contiguous sequence.
func (j *attendJob) reserve(longest int) {
	d := j.a.Dim
	blocks := ceilDiv(longest, panel)
	for i := range j.ws {
		w := &j.ws[i]
		w.held = -1
		w.scores = grow(w.scores, attendRows*scoresStride)
		w.sums = grow(w.sums, attendRows*d)
		if j.narrow {
			w.bf16 = grow(w.bf16, attendRows*(scoresStride+d))
		}
		if j.half {
			w.packed16 = grow(w.packed16, blocks*panel*2*d+2*panel)
			w.stage = grow(w.stage, panel*(d+1))
		} else {
			w.packed = grow(w.packed, blocks*panel*2*d+panel)
		}
	}
}

// attendTile is the work of one part.
type attendTile struct {
	j      *attendJob
	ws     *workspace
	plan   *attendPlan
	kv     int // key head
	row    int // first query row, in the batch
	head   int // first query head
	rows   int
	stride int // elements between rows of the tile in q and out
	limit  int // keys that the first row sees
	step   int // how many more the next row sees
	from   int // first key that is read: that of a panel
	a      tile
	top    [attendRows]float32 // largest score of each row so far
	sum    [attendRows]float32
}

func (j *attendJob) run(worker, part int) {
	lo, hi := 0, len(j.plan)
	for hi-lo > 1 {
		if mid := (lo + hi) / 2; j.plan[mid].first <= part {
			lo = mid
		} else {
			hi = mid
		}
	}
	p := &j.plan[lo]
	part -= p.first
	group := j.a.Heads / j.a.KVHeads
	t := attendTile{j: j, ws: &j.ws[worker], plan: p}
	if p.across {
		r := part / j.a.KVHeads
		t.kv, t.row, t.stride = part%j.a.KVHeads, p.start+r, j.a.Dim
		t.limit = p.past + p.rows
		if j.a.Causal {
			t.limit = p.past + r + 1
		}
		for h := 0; h < group; h += attendRows {
			t.head, t.rows = t.kv*group+h, min(attendRows, group-h)
			t.attend()
		}
		return
	}
	tiles := ceilDiv(p.rows, attendRows)
	r := 0
	if j.pages == nil { // one head after another: a worker may find its keys packed
		t.head, r = part/tiles, part%tiles
		t.kv = t.head / group
		t.pack(lo)
	} else { // the longest parts first
		t.head, r = part%j.a.Heads, tiles-1-part/j.a.Heads
		t.kv = t.head / group
	}
	r *= attendRows
	t.row, t.rows, t.stride = p.start+r, min(attendRows, p.rows-r), j.a.Heads*j.a.Dim
	t.limit = p.past + p.rows
	if j.a.Causal {
		t.limit, t.step = p.past+r+1, 1
	}
	t.attend()
}

// visible is the end of the keys that row r sees.
func (t *attendTile) visible(r int) int { return t.limit + r*t.step }

func (t *attendTile) attend() {
	j, d := t.j, t.j.a.Dim
	q := (t.row*j.a.Heads + t.head) * d
	t.a = tile{a: unsafe.Pointer(&j.q[q]), rs: 4 * t.stride, cs: 4, k: d}
	switch {
	case j.narrow:
		half := t.ws.bf16[attendRows*scoresStride:]
		j.m.narrowRows(&tileRowsArgs{dst: unsafe.Pointer(&half[0]), src: t.a.a, ldd: 2 * d, lds: t.a.rs, rows: t.rows, cols: d})
		t.a = tile{a: unsafe.Pointer(&half[0]), rs: 2 * d, cs: 4, k: d / 2}
	case j.half:
		t.a.cs, t.a.k = 8, d/2
	}
	for r := range t.rows {
		t.top[r], t.sum[r] = float32(math.Inf(-1)), 0
	}
	keys := t.visible(t.rows - 1)
	t.from = 0
	if w := j.a.Window; w > 0 {
		t.from = max(0, t.limit-w) / panel * panel
	}
	for k0 := t.from; k0 < keys; k0 += attendKeys {
		n := min(attendKeys, keys-k0)
		t.scores(k0, n)
		if k0 == t.from && j.a.Window > 0 {
			t.hide(n)
		}
		t.softmax(k0, n)
		t.values(k0, n)
	}
	j.m.divideRows(&tileRowsArgs{dst: unsafe.Pointer(&j.out[q]), src: data(t.ws.sums), ldd: 4 * t.stride, lds: 4 * d,
		rows: t.rows, cols: d, factor: unsafe.Pointer(&t.sum)})
}

// scores multiplies the queries by n keys from k0.
func (t *attendTile) scores(k0, n int) {
	c := t.a
	c.ldb, c.ldc = 4*panel, 4*scoresStride
	for k := 0; k < n; k += panel {
		c.b, c.cols = t.keys((k0+k)/panel), min(panel, n-k)
		for r := 0; r < t.rows; r += tileRows {
			c.rows = min(tileRows, t.rows-r)
			if t.visible(r+c.rows-1) <= k0+k {
				continue
			}
			c.a = at(t.a.a, r*c.rs)
			c.c = unsafe.Pointer(&t.ws.scores[r*scoresStride+k])
			t.multiply(&c)
		}
	}
}

// hide takes the scores before each row's window out. They all lie in the first of the chunks, of n keys, and each row sees
// some key of that chunk: the last row's window begins less than panel+rows keys after the chunk does.
func (t *attendTile) hide(n int) {
	for r := range t.rows {
		before := min(n, t.visible(r)-t.j.a.Window-t.from)
		for i := range before {
			t.ws.scores[r*scoresStride+i] = float32(math.Inf(-1))
		}
	}
}

func (t *attendTile) multiply(c *tile) {
	if t.j.half {
		t.j.m.bf16(c)
	} else {
		t.j.m.f32(c)
	}
}

// softmax turns the scores into probabilities, up to the factor that the end divides by.
func (t *attendTile) softmax(k0, n int) {
	m, d := t.j.m, t.j.a.Dim
	before := t.top
	var sum [attendRows]float32
	c := softmaxArgs{x: data(t.ws.scores), ldx: 4 * scoresStride, rows: t.rows, n: n, limit: t.limit - k0, step: t.step,
		top: unsafe.Pointer(&t.top), sum: unsafe.Pointer(&sum), scale: t.j.a.Scale}
	if t.j.narrow {
		c.half, c.ldHalf = unsafe.Pointer(&t.ws.bf16[0]), 2*scoresStride
	}
	m.softmaxTile(&c)
	if k0 == t.from {
		t.sum = sum
		return
	}
	for r := range t.rows {
		if t.top[r] > before[r] {
			f := exp32(before[r] - t.top[r])
			t.sum[r] *= f
			m.Scale(t.ws.sums[r*d:][:d], f)
		}
		t.sum[r] += sum[r]
	}
}

// values adds the probabilities times n values from k0 to the sums.
func (t *attendTile) values(k0, n int) {
	d := t.j.a.Dim
	c := tile{a: unsafe.Pointer(&t.ws.scores[0]), rs: 4 * scoresStride, cs: 4, ldc: 4 * d}
	pair, size := 1, 4
	if t.j.half {
		pair, c.cs = 2, 8
	}
	if t.j.narrow {
		c.a, c.rs, c.cs, size = unsafe.Pointer(&t.ws.bf16[0]), 2*scoresStride, 4, 2
	}
	a := c.a
	for k, run := 0, 0; k < n; k += run {
		var b unsafe.Pointer
		b, c.ldb, run = t.run(k0+k, n-k)
		c.add = 1
		if k0+k == t.from {
			c.add = 0
		}
		for col := 0; col < d; col += panel {
			c.b, c.cols = at(b, 4*col), min(panel, d-col)
			for r := 0; r < t.rows; r += tileRows {
				c.rows = min(tileRows, t.rows-r)
				seen := min(run, t.visible(r+c.rows-1)-k0-k)
				if seen <= 0 {
					continue
				}
				c.k = ceilDiv(seen, pair)
				c.a = at(a, r*c.rs+k*size)
				c.c = unsafe.Pointer(&t.ws.sums[r*d+col])
				t.multiply(&c)
			}
		}
	}
}

// keys is panel number i of the tile's keys.
func (t *attendTile) keys(i int) unsafe.Pointer {
	j, size := t.j, t.j.a.Dim*panel
	switch {
	case j.pages != nil:
		return j.pages.address(int(t.plan.pages[i]), j.layer, t.kv, 0)
	case j.half:
		return unsafe.Pointer(&t.ws.packed16[i*size])
	}
	return unsafe.Pointer(&t.ws.packed[i*size])
}

// run is where the value of key k lies, the bytes between steps, and how many of the n next keys lie with it.
func (t *attendTile) run(k, n int) (b unsafe.Pointer, ldb, run int) {
	j, d := t.j, t.j.a.Dim
	switch {
	case j.pages != nil:
		return j.pages.address(int(t.plan.pages[k/PageTokens]), j.layer, t.kv, 1), 4 * d, min(n, PageTokens)
	case j.half:
		return unsafe.Pointer(&t.ws.packed16[ceilDiv(t.plan.rows, panel)*panel*d+k*d]), 4 * d, n
	case d%panel != 0:
		return unsafe.Pointer(&t.ws.packed[ceilDiv(t.plan.rows, panel)*panel*d+k*d]), 4 * d, n
	}
	return unsafe.Pointer(&j.v[((t.plan.start+k)*j.a.KVHeads+t.kv)*d]), 4 * d * j.a.KVHeads, n
}

// pack brings contiguous keys of the tile's head into panels, unless the worker has them; values too where they are bfloat16
// or where a kernel, which reads whole panels, would read beyond the caller's.
func (t *attendTile) pack(seq int) {
	j, d := t.j, t.j.a.Dim
	if t.ws.held == seq*j.a.KVHeads+t.kv {
		return
	}
	t.ws.held = seq*j.a.KVHeads + t.kv
	n, stride := t.plan.rows, j.a.KVHeads*d
	from := t.plan.start*stride + t.kv*d
	for r := 0; r < n; r += panel {
		src := j.k[from+r*stride:]
		if j.half {
			packPanel16(j.m, t.ws.packed16[r*d:], t.ws.stage, rowsOf{src, stride, min(panel, n-r), d})
		} else {
			j.m.packPanel(t.ws.packed[r*d:], rowsOf{src, stride, min(panel, n-r), d})
		}
	}
	at := ceilDiv(n, panel) * panel * d
	if !j.half {
		for r := 0; r < n && d%panel != 0; r++ {
			copy(t.ws.packed[at+r*d:], j.v[from+r*stride:][:d])
		}
		return
	}
	j.m.pairsOf(t.ws.packed16[at:], 2*d, rowsOf{j.v[from:], stride, n, d})
}
