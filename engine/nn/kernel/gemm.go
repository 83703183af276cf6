package kernel

// Product describes C[M, N] = op(A) op(B), or C += op(A) op(B).
type Product struct {
	M, N, K        int
	TransA, TransB bool // A is stored [K, M], B is stored [N, K]
	Add            bool // C += instead of =
	BF16           bool // round A and B to bfloat16 where the Level multiplies bfloat16 faster; else stay in float32
	// Distance of rows as stored, in elements. 0 means dense.
	LDA, LDB, LDC int
}

// Gemm multiplies matrices that are not packed: backward passes, one-off products. Weights that are used often belong in Linear.
func (m *Machine) Gemm(c, a, b []float32, p Product, s *Scratch) {
	if p.M <= 0 || p.N <= 0 {
		return
	}
	p.complete()
	p.check(c, a, b)
	if p.K <= 0 {
		for r := 0; r < p.M && !p.Add; r++ {
			clear(c[r*p.LDC:][:p.N])
		}
		return
	}
	s = s.ready(m)
	g := &s.gemm
	g.m, g.p, g.b, g.ws = m, p, b, s.workers
	g.reserve()
	m.pool.run(ceilDiv(p.N, panel), g)
	g.b = nil
	j := &s.linear
	j.outs = append(j.outs[:0], Output{Y: c, W: &g.w, Epilogue: Epilogue{Add: p.Add}})
	j.m, j.x, j.rows, j.ws = m, a, p.M, s.workers
	j.ldx, j.ldy, j.transX = p.LDA, p.LDC, p.TransA
	j.launch()
}

func (p *Product) complete() {
	set := func(ld *int, trans bool, rows, cols int) {
		switch {
		case *ld != 0:
		case trans:
			*ld = rows
		default:
			*ld = cols
		}
	}
	set(&p.LDA, p.TransA, p.M, p.K)
	set(&p.LDB, p.TransB, p.K, p.N)
	set(&p.LDC, false, p.M, p.N)
}

func (p *Product) check(c, a, b []float32) {
	need := func(v []float32, trans bool, ld, rows, cols int) {
		if trans {
			rows, cols = cols, rows
		}
		if ld < cols {
			panic("kernel: rows of a matrix overlap")
		}
		if rows > 0 && cols > 0 {
			_ = v[:(rows-1)*ld+cols]
		}
	}
	need(a, p.TransA, p.LDA, p.M, p.K)
	need(b, p.TransB, p.LDB, p.K, p.N)
	need(c, false, p.LDC, p.M, p.N)
}

// gemmJob packs B as if it were the weights Bᵀ, a panel a part.
type gemmJob struct {
	m  *Machine
	p  Product
	b  []float32
	w  Weights
	ws []workspace
}

func (j *gemmJob) reserve() {
	p := &j.p
	j.w.Out, j.w.In, j.w.Format = p.N, p.K, F32
	if p.BF16 && j.m.narrowActivations() {
		j.w.Format = BF16
		j.w.bf16 = grow(j.w.bf16, ceilDiv(p.N, panel)*j.w.pairs()*2*panel)
		if p.TransB {
			for i := range j.ws {
				j.ws[i].stage = grow(j.ws[i].stage, panel*2*j.w.pairs())
			}
		}
		return
	}
	j.w.f32 = grow(j.w.f32, ceilDiv(p.N, panel)*p.K*panel)
}

func (j *gemmJob) run(worker, part int) {
	p := &j.p
	n0 := part * panel
	n := min(panel, p.N-n0)
	half := j.w.Format == BF16
	if p.TransB {
		src := rowsOf{j.b[n0*p.LDB:], p.LDB, n, p.K}
		if half {
			packPanel16(j.m, j.w.bf16[part*j.w.pairs()*2*panel:], j.ws[worker].stage, src)
		} else {
			j.m.packPanel(j.w.f32[part*p.K*panel:], src)
		}
		return
	}
	if half {
		j.m.pairsOf(j.w.bf16[part*j.w.pairs()*2*panel:], 2*panel, rowsOf{j.b[n0:], p.LDB, p.K, n})
		return
	}
	dst := j.w.f32[part*p.K*panel:]
	for k := range p.K {
		copy(dst[k*panel:], j.b[k*p.LDB+n0:][:n])
	}
}
