package kernel

import (
	"math"
	"testing"
)

func TestGemm(t *testing.T) {
	t.Parallel()
	shapes := []Product{
		{M: 1, N: 1, K: 1}, {M: 5, N: 33, K: 7}, {M: 17, N: 64, K: 31}, {M: 30, N: 20, K: 65}, {M: 5, N: 9, K: 2100},
		{M: 3, N: 4, K: 5, LDA: 9, LDB: 11, LDC: 13}, {M: 2, N: 3, K: 0},
	}
	eachLevel(t, func(t *testing.T, m *Machine) {
		var s Scratch
		for _, p := range shapes {
			for flags := range 16 {
				p.TransA, p.TransB, p.Add, p.BF16 = flags&1 > 0, flags&2 > 0, flags&4 > 0, flags&8 > 0
				checkGemm(t, m, p, &s)
			}
		}
	})
}

func checkGemm(t *testing.T, m *Machine, p Product, s *Scratch) {
	t.Helper()
	full := p
	full.complete()
	a := randomFloats(1, full.LDA*max(p.M, p.K))
	b := randomFloats(2, full.LDB*max(p.N, p.K))
	c := randomFloats(3, full.LDC*p.M)
	old := append([]float32(nil), c...)
	m.Gemm(c, a, b, p, s)
	round := func(x float32) float64 {
		if p.BF16 && m.narrowActivations() {
			x = widen(bfloat(x))
		}
		return float64(x)
	}
	for i := range c {
		r, n := i/full.LDC, i%full.LDC
		want, size := float64(old[i]), 1.0
		if n < p.N {
			if !p.Add {
				want = 0
			}
			for k := range p.K {
				x, y := r*full.LDA+k, k*full.LDB+n
				if p.TransA {
					x = k*full.LDA + r
				}
				if p.TransB {
					y = n*full.LDB + k
				}
				v := round(a[x]) * round(b[y])
				want += v
				size += math.Abs(v)
			}
		}
		if !(math.Abs(float64(c[i])-want) <= linearTolerance*size) {
			t.Fatalf("%+v: element (%d, %d) is %g, want %g", p, r, n, c[i], want)
		}
	}
}
