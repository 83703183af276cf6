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
	j := &s.ready(m).gemm
	p.defaults()
	p.check(c, a, b)
	*j = gemmJob{m: m, p: p, a: a, b: b, c: c}
	m.pool.run(p.M, j)
	j.a, j.b, j.c = nil, nil, nil
}

func (p *Product) defaults() {
	set := func(d *int, trans bool, rows, cols int) {
		if *d == 0 {
			*d = cols
			if trans {
				*d = rows
			}
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
		if rows > 0 && cols > 0 {
			_ = v[:(rows-1)*ld+cols]
		}
		if ld < cols {
			panic("kernel: rows of a matrix overlap")
		}
	}
	need(a, p.TransA, p.LDA, p.M, p.K)
	need(b, p.TransB, p.LDB, p.K, p.N)
	need(c, false, p.LDC, p.M, p.N)
}

type gemmJob struct {
	m       *Machine
	p       Product
	a, b, c []float32
}

func (j *gemmJob) run(_, i int) {
	p := &j.p
	row := j.c[i*p.LDC:][:p.N]
	if !p.Add {
		clear(row)
	}
	for k := range p.K {
		v := j.a[i*p.LDA*(1-bit(p.TransA))+k*bit(p.TransA)*p.LDA+k*(1-bit(p.TransA))+i*bit(p.TransA)]
		if !p.TransB {
			j.m.Axpy(row, v, j.b[k*p.LDB:][:p.N])
			continue
		}
		for n := range row {
			row[n] += v * j.b[n*p.LDB+k]
		}
	}
}

func bit(b bool) int {
	if b {
		return 1
	}
	return 0
}
