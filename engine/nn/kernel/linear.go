package kernel

import (
	"fmt"
	"unsafe"
)

// Activation is a function applied to every element.
type Activation int

// The activations.
const (
	None      Activation = iota
	GELU                 // x Φ(x), by the error function
	GELUTanh             // its tanh approximation
	SiLU                 // x σ(x)
	QuickGELU            // x σ(1.702 x), CLIP's approximation of GELU
)

// Epilogue is what Linear does to a result before it leaves the cache:
// y = Act([y +] x Wᵀ [+ Bias]).
type Epilogue struct {
	Bias []float32  // one for each output; nil for none
	Add  bool       // add to what y holds: a residual
	Act  Activation // applied last
}

// Output is one of the results of LinearMany.
type Output struct {
	Y []float32 // [rows, W.Out]
	W *Weights
	Epilogue
}

// Linear computes y[rows, Out] = x[rows, In] Wᵀ with an epilogue. Rows may be 1 (decoding) to
// thousands. Activations are converted as the format of w asks: none for F32, bfloat16 for BF16 where the
// Level has it, int8 with a scale for each 32 for Q4 and Q8. y must not overlap x.
func (m *Machine) Linear(y, x []float32, rows int, w *Weights, s *Scratch, e Epilogue) {
	s = s.ready(m)
	s.linear.outs = append(s.linear.outs[:0], Output{y, w, e})
	m.runLinear(x, rows, s)
}

// LinearMany is Linear for several weights on the same x (query, key and value; gate and up): x is
// converted once and the workers are called once. All weights have the same In.
func (m *Machine) LinearMany(x []float32, rows int, s *Scratch, outs ...Output) {
	s = s.ready(m)
	s.linear.outs = append(s.linear.outs[:0], outs...)
	m.runLinear(x, rows, s)
}

// linearJob cuts a call into parts: for each block of rows, for each output, a run of its columns.
type linearJob struct {
	m       *Machine
	outs    []Output
	x       []float32
	ldx     int  // elements between rows of x
	ldy     int  // elements between rows of y; 0 means its Out
	transX  bool // x is stored [In, rows], ldx between inputs
	rows    int
	rowStep int   // rows of a block
	colStep []int // columns of a part, for each output
	first   []int // first part of each output within a block of rows, and the end
	ws      []workspace
}

func (m *Machine) runLinear(x []float32, rows int, s *Scratch) {
	j := &s.linear
	if rows <= 0 || len(j.outs) == 0 {
		return
	}
	j.check(x, rows)
	j.m, j.x, j.rows, j.ws = m, x, rows, s.workers
	j.ldx, j.ldy, j.transX = j.outs[0].W.In, 0, false
	j.launch()
}

// launch runs the job and drops what belongs to the caller.
func (j *linearJob) launch() {
	parts := j.cut()
	j.reserve()
	j.m.pool.run(parts, j)
	clear(j.outs)
	j.x = nil
}

func (j *linearJob) check(x []float32, rows int) {
	in := j.outs[0].W.In
	_ = x[:rows*in]
	for i := range j.outs {
		o := &j.outs[i]
		if o.W.In != in {
			panic(fmt.Sprintf("kernel: weights with %d and %d inputs on the same x", in, o.W.In))
		}
		_ = o.Y[:rows*o.W.Out]
		if o.Bias != nil {
			_ = o.Bias[:o.W.Out]
		}
	}
}

// partProducts is about how many products a part of a large call has: few enough that workers end together.
const partProducts = 16 << 20

// cut chooses the sizes of the parts and returns their number.
func (j *linearJob) cut() int {
	in := j.outs[0].W.In
	j.rowStep = rowBlock(j.rows, in)
	blocks := ceilDiv(j.rows, j.rowStep)
	total := 0
	for i := range j.outs {
		total += j.outs[i].W.Out
	}
	parts := min(64, max(4, j.rows*in*total/partProducts/j.m.pool.threads)) * j.m.pool.threads
	want := max(1, ceilDiv(parts, blocks)) // parts for each block of rows
	step := max(panel, ceilDiv(ceilDiv(total, want), panel)*panel)
	j.colStep, j.first = j.colStep[:0], j.first[:0]
	n := 0
	for i := range j.outs {
		j.first = append(j.first, n)
		j.colStep = append(j.colStep, step)
		n += ceilDiv(j.outs[i].W.Out, step)
	}
	j.first = append(j.first, n)
	return n * blocks
}

// rowBlock is how many rows are converted at a time: their activations stay in the second-level cache.
func rowBlock(rows, in int) int {
	fit := max(2, (384<<10)/(4*in*tileRows)) * tileRows
	n := ceilDiv(rows, fit)
	return ceilDiv(ceilDiv(rows, n), tileRows) * tileRows
}

// reserve grows the workspaces here, so that no worker allocates later.
func (j *linearJob) reserve() {
	in := j.outs[0].W.In
	rows := min(j.rows, j.rowStep)
	for i := range j.ws {
		w := &j.ws[i]
		w.held = -1
		for o := range j.outs {
			switch f := j.outs[o].W.Format; {
			case f == Q4 || f == Q8:
				w.quants = grow(w.quants, rows*in/block)
			case f == BF16 && j.m.narrowActivations():
				w.bf16 = grow(w.bf16, rows*bf16Stride(in))
			default:
				w.f32 = grow(w.f32, rows*f32Stride(in))
			}
			if j.transX { // the transposing kernel writes whole vectors
				w.f32 = grow(w.f32, rows*f32Stride(in)+16)
			}
		}
	}
}

// bf16Stride is the distance of converted rows. Rows a multiple of 512 bytes apart would share few cache sets.
func bf16Stride(in int) int {
	n := ceilDiv(in, panel) * panel
	if n%256 == 0 {
		n += panel
	}
	return n
}

// f32Stride is the same for copied float32 rows.
func f32Stride(in int) int {
	n := ceilDiv(in, 16) * 16
	if n%128 == 0 {
		n += 16
	}
	return n
}

func (j *linearJob) run(worker, part int) {
	per := j.first[len(j.outs)]
	blk, part := part/per, part%per
	i := 0
	for part >= j.first[i+1] {
		i++
	}
	o := &j.outs[i]
	p := span{r0: blk * j.rowStep, ldy: j.ldy}
	if p.ldy == 0 {
		p.ldy = o.W.Out
	}
	p.rows = min(j.rowStep, j.rows-p.r0)
	ws := &j.ws[worker]
	if ws.held != blk {
		j.convert(ws, p.r0, p.rows)
		ws.held = blk
	}
	p.c0 = (part - j.first[i]) * j.colStep[i]
	p.c1 = min(p.c0+j.colStep[i], o.W.Out)
	switch o.W.Format {
	case F32, BF16:
		j.dense(ws, o, p)
	default:
		j.quantised(ws, o, p)
	}
	if o.Bias == nil && o.Act == None {
		return
	}
	for r := p.r0; r < p.r0+p.rows; r++ {
		y := o.Y[r*p.ldy+p.c0 : r*p.ldy+p.c1]
		if o.Bias != nil {
			j.m.add(y, o.Bias[p.c0:p.c1])
		}
		j.m.activate(y, o.Act)
	}
}

// span is a rectangle of a result: rows from r0, columns c0 to c1.
type span struct{ r0, rows, c0, c1, ldy int }

// convert brings a block of rows into the forms that the outputs need.
func (j *linearJob) convert(ws *workspace, r0, rows int) {
	in := j.outs[0].W.In
	var quants, wide, half bool
	for i := range j.outs {
		switch f := j.outs[i].W.Format; {
		case f == Q4 || f == Q8:
			quants = true
		case f == BF16 && j.m.narrowActivations():
			half = true
		default:
			wide = true
		}
	}
	if j.transX {
		j.convertColumns(ws, r0, rows)
		wide = false
	}
	for r := range rows {
		x := ws.f32
		if j.transX {
			x = x[r*f32Stride(in):][:in]
		} else {
			x = j.x[(r0+r)*j.ldx:][:in]
		}
		if quants {
			j.m.quantise(ws.quants[r*in/block:], x)
		}
		if half {
			d := ws.bf16[r*bf16Stride(in):][:bf16Stride(in)]
			j.m.narrow(d, x)
			clear(d[in:])
		}
		if wide {
			d := ws.f32[r*f32Stride(in):][:f32Stride(in)]
			copy(d, x)
			clear(d[in:])
		}
	}
}

// convertColumns transposes a block of x [In, rows] to rows of float32.
func (j *linearJob) convertColumns(ws *workspace, r0, rows int) {
	in, ld := j.outs[0].W.In, f32Stride(j.outs[0].W.In)
	j.m.transpose(transposeArgs{dst: data(ws.f32), src: data(j.x[r0:]), ldd: 4 * ld, lds: 4 * j.ldx, rows: in, cols: rows})
	for r := range rows {
		clear(ws.f32[r*ld+in : (r+1)*ld])
	}
}

// inputRun is how many inputs are multiplied before the next panel of weights, so that panel and activations stay close.
const inputRun = 2048

func (j *linearJob) dense(ws *workspace, o *Output, p span) {
	w := o.W
	half := w.Format == BF16
	in, pair := w.In, 1
	t := tile{ldc: 4 * p.ldy, ldb: 4 * panel}
	var a, b unsafe.Pointer
	switch {
	case half && j.m.narrowActivations():
		a, t.rs, t.cs = unsafe.Pointer(&ws.bf16[0]), 2*bf16Stride(in), 4
	case half:
		a, t.rs, t.cs = unsafe.Pointer(&ws.f32[0]), 4*f32Stride(in), 8
	default:
		a, t.rs, t.cs = unsafe.Pointer(&ws.f32[0]), 4*f32Stride(in), 4
	}
	if half {
		b, pair = unsafe.Pointer(&w.bf16[0]), 2
	} else {
		b = unsafe.Pointer(&w.f32[0])
	}
	steps := ceilDiv(in, pair)
	for k := 0; k < steps; k += inputRun / pair {
		t.k = min(inputRun/pair, steps-k)
		t.add = bit(o.Add || k > 0)
		for c := p.c0; c < p.c1; c += panel {
			t.b, t.cols = at(b, (c/panel*steps+k)*4*panel), min(panel, p.c1-c)
			for r := 0; r < p.rows; r += tileRows {
				t.rows = min(tileRows, p.rows-r)
				t.a = at(a, r*t.rs+k*t.cs)
				t.c = unsafe.Pointer(&o.Y[(p.r0+r)*p.ldy+c])
				if half {
					j.m.bf16(&t)
				} else {
					j.m.f32(&t)
				}
			}
		}
	}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}

func (j *linearJob) quantised(ws *workspace, o *Output, p span) {
	w := o.W
	nb := w.blocks()
	quants, scales := group*block/2, 2*group // of one block
	if w.Format == Q8 {
		quants, scales = group*block, group
	}
	t := quantTile{blocks: nb, lda: nb * recordBytes, ldc: 4 * p.ldy, groups: 1, add: bit(o.Add)}
	for c := p.c0; c < p.c1; c += group {
		g := c / group
		t.q = unsafe.Pointer(&w.quants[g*nb*quants])
		t.s = unsafe.Pointer(&w.scales[g*nb*scales])
		t.cols = min(group, p.c1-c)
		for r := 0; r < p.rows; r += quantTileRows {
			t.rows = min(quantTileRows, p.rows-r)
			t.a = unsafe.Pointer(&ws.quants[r*nb])
			t.c = unsafe.Pointer(&o.Y[(p.r0+r)*p.ldy+c])
			if w.Format == Q4 {
				j.m.q4(&t)
			} else {
				j.m.q8(&t)
			}
		}
	}
}
