package kernel

import (
	"fmt"
	"math"
	"testing"
)

// Tolerances of the vector maths, relative to max(1, |want|) unless a test says otherwise.
const (
	exactTolerance = 1e-6
	sumTolerance   = 2e-6 // of the sum of magnitudes
)

// lengths covers the tails of every vector width and unrolling.
func lengths() []int {
	var n []int
	for i := range 70 {
		n = append(n, i)
	}
	return append(n, 127, 128, 129, 576, 1536)
}

func near(got float32, want, tolerance float64) bool {
	g := float64(got)
	if math.IsNaN(want) || math.IsInf(want, 0) {
		return math.IsNaN(g) == math.IsNaN(want) && (math.IsNaN(want) || g == want)
	}
	return math.Abs(g-want) <= tolerance*max(1, math.Abs(want))
}

func TestElementwise(t *testing.T) {
	t.Parallel()
	sigma := func(x float64) float64 { return 1 / (1 + math.Exp(-x)) }
	cases := []struct {
		name string
		run  func(m *Machine, y, a, b []float32)
		want func(y, a, b float64) float64
	}{
		{"add", func(m *Machine, y, a, _ []float32) { m.Add(y, a) }, func(y, a, _ float64) float64 { return y + a }},
		{"mul", func(m *Machine, y, a, _ []float32) { m.Mul(y, a) }, func(y, a, _ float64) float64 { return y * a }},
		{"muladd", func(m *Machine, y, a, b []float32) { m.MulAdd(y, a, b) }, func(y, a, b float64) float64 { return y + a*b }},
		{"scale", func(m *Machine, y, _, _ []float32) { m.Scale(y, 0.3) }, func(y, _, _ float64) float64 { return y * float64(float32(0.3)) }},
		{"axpy", func(m *Machine, y, a, _ []float32) { m.Axpy(y, -2, a) }, func(y, a, _ float64) float64 { return y - 2*a }},
		{"exp", func(m *Machine, y, a, _ []float32) { m.Exp(y, a) }, func(_, a, _ float64) float64 { return math.Exp(a) }},
		{"silu", func(m *Machine, y, a, _ []float32) { m.SiLU(y, a) }, func(_, a, _ float64) float64 { return a * sigma(a) }},
		{"silumul", func(m *Machine, y, a, b []float32) { m.SiLUMul(y, a, b) }, func(_, a, b float64) float64 { return a * sigma(a) * b }},
		{"gelu", func(m *Machine, y, a, _ []float32) { m.GELU(y, a) }, func(_, a, _ float64) float64 { return a / 2 * math.Erfc(-a/math.Sqrt2) }},
		{"gelutanh", func(m *Machine, y, a, _ []float32) { m.GELUTanh(y, a) }, func(_, a, _ float64) float64 {
			return a / 2 * (1 + math.Tanh(math.Sqrt(2/math.Pi)*(a+0.044715*a*a*a)))
		}},
		{"quickgelu", func(m *Machine, y, a, _ []float32) { m.QuickGELU(y, a) }, func(_, a, _ float64) float64 { return a * sigma(1.702*a) }},
	}
	eachLevel(t, func(t *testing.T, m *Machine) {
		for _, c := range cases {
			for _, n := range append(lengths(), 3*parallelFrom+5) {
				y, a, b := randomFloats(1, n+1), randomFloats(2, n), randomFloats(3, n)
				for i := range a {
					a[i] *= 3
				}
				old := append([]float32(nil), y...)
				c.run(m, y[:n], a, b)
				for i := range n {
					if want := c.want(float64(old[i]), float64(a[i]), float64(b[i])); !near(y[i], want, exactTolerance) {
						t.Fatalf("%s of %d values: number %d is %g, want %g", c.name, n, i, y[i], want)
					}
				}
				if y[n] != old[n] {
					t.Fatalf("%s of %d values wrote beyond them", c.name, n)
				}
			}
		}
	})
}

func TestExpAtTheEdges(t *testing.T) {
	t.Parallel()
	inf := float32(math.Inf(1))
	eachLevel(t, func(t *testing.T, m *Machine) {
		x := []float32{0, -0.5, 1, 88.7, 88.73, 89, 200, inf, -87, -87.4, -95, -104, -1000, -inf, float32(math.NaN()), 1e-30, 3e38}
		y := make([]float32, len(x))
		m.Exp(y, x)
		for i, v := range x {
			want := math.Exp(float64(v))
			if want > math.MaxFloat32 {
				want = math.Inf(1)
			}
			if math.IsNaN(want) != math.IsNaN(float64(y[i])) || math.IsInf(want, 1) != math.IsInf(float64(y[i]), 1) {
				t.Errorf("e^%g is %g, want %g", v, y[i], want)
			} else if !math.IsNaN(want) && !math.IsInf(want, 1) && math.Abs(float64(y[i])-want) > 3e-7*want+2e-45 {
				t.Errorf("e^%g is %g, want %g", v, y[i], want)
			}
		}
	})
}

func TestReductions(t *testing.T) {
	t.Parallel()
	eachLevel(t, func(t *testing.T, m *Machine) {
		for _, n := range append(lengths(), 49152) {
			x, y := randomFloats(4, n), randomFloats(5, n)
			var dot, sum, size, expSum float64
			top, arg := math.Inf(-1), -1
			for i := range x {
				dot += float64(x[i]) * float64(y[i])
				sum += float64(x[i])
				size += math.Abs(float64(x[i])) + math.Abs(float64(x[i])*float64(y[i]))
				expSum += math.Exp(float64(x[i]))
				if float64(x[i]) > top {
					top, arg = float64(x[i]), i
				}
			}
			name := fmt.Sprintf("%d values", n)
			if got := m.Dot(x, y); math.Abs(float64(got)-dot) > sumTolerance*size {
				t.Errorf("%s: dot %g, want %g", name, got, dot)
			}
			if got := m.Sum(x); math.Abs(float64(got)-sum) > sumTolerance*size {
				t.Errorf("%s: sum %g, want %g", name, got, sum)
			}
			if got := m.Max(x); float64(got) != top {
				t.Errorf("%s: max %g, want %g", name, got, top)
			}
			if got := m.Argmax(x); got != arg {
				t.Errorf("%s: argmax %d, want %d", name, got, arg)
			}
			if got := m.LogSumExp(x); n > 0 && math.Abs(got-math.Log(expSum)) > 1e-6 {
				t.Errorf("%s: log-sum-exp %g, want %g", name, got, math.Log(expSum))
			}
		}
	})
}

func TestArgmaxPassesOverNaN(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(1))
	eachLevel(t, func(t *testing.T, m *Machine) {
		for _, c := range []struct {
			x    []float32
			want int
		}{{nil, -1}, {[]float32{nan, nan}, -1}, {[]float32{nan, -1, 2, nan, 2}, 2}, {[]float32{-inf, -inf}, 0}, {[]float32{1, inf, nan}, 1}} {
			if got := m.Argmax(c.x); got != c.want {
				t.Errorf("argmax of %v is %d, want %d", c.x, got, c.want)
			}
		}
	})
}

func TestNorms(t *testing.T) {
	t.Parallel()
	eachLevel(t, func(t *testing.T, m *Machine) {
		for _, cols := range []int{1, 7, 16, 33, 384, 576} {
			for _, rows := range []int{1, 3, 200} {
				x, gain, bias := randomFloats(6, rows*cols), randomFloats(7, cols), randomFloats(8, cols)
				rms, layer, soft := make([]float32, len(x)), make([]float32, len(x)), append([]float32(nil), x...)
				m.RMSNormRows(rms, x, gain, 1e-5)
				m.LayerNormRows(layer, x, gain, bias, 1e-5)
				m.SoftmaxRows(soft, cols)
				for r := range rows {
					row := x[r*cols : (r+1)*cols]
					var mean, sq, dev, exps float64
					for _, v := range row {
						mean += float64(v) / float64(cols)
						sq += float64(v) * float64(v) / float64(cols)
						exps += math.Exp(float64(v))
					}
					for _, v := range row {
						dev += (float64(v) - mean) * (float64(v) - mean) / float64(cols)
					}
					for k, v := range row {
						i := r*cols + k
						if want := float64(v) / math.Sqrt(sq+1e-5) * float64(gain[k]); !near(rms[i], want, exactTolerance) {
							t.Fatalf("rms norm of %d x %d: number %d is %g, want %g", rows, cols, i, rms[i], want)
						}
						if want := (float64(v)-mean)/math.Sqrt(dev+1e-5)*float64(gain[k]) + float64(bias[k]); !near(layer[i], want, 2*exactTolerance) {
							t.Fatalf("layer norm of %d x %d: number %d is %g, want %g", rows, cols, i, layer[i], want)
						}
						if want := math.Exp(float64(v)) / exps; math.Abs(float64(soft[i])-want) > 2*exactTolerance*want {
							t.Fatalf("softmax of %d x %d: number %d is %g, want %g", rows, cols, i, soft[i], want)
						}
					}
				}
			}
		}
	})
}

func TestRotary(t *testing.T) {
	t.Parallel()
	if _, err := NewRotary(RotaryOptions{Dim: 7, Positions: 4}); err == nil {
		t.Error("an odd head size must be refused")
	}
	if _, err := NewRotary(RotaryOptions{Dim: 8, Positions: 4, Frequencies: []float64{1}}); err == nil {
		t.Error("too few frequencies must be refused")
	}
	eachLevel(t, func(t *testing.T, m *Machine) {
		for _, dim := range []int{2, 6, 16, 22, 32, 64, 80, 128} {
			for _, inter := range []bool{false, true} {
				for _, rows := range []int{1, 5, 120} {
					r, err := NewRotary(RotaryOptions{Dim: dim, Positions: 200, Base: 1e4, Interleaved: inter})
					if err != nil {
						t.Fatal(err)
					}
					const heads = 3
					x := randomFloats(9, rows*heads*dim)
					pos := make([]int32, rows)
					for i := range pos {
						pos[i] = int32((i*37 + 199) % 200)
					}
					got := append([]float32(nil), x...)
					m.Rotate(got, heads, pos, r)
					checkRotary(t, got, x, pos, dim, inter)
				}
			}
		}
	})
}

func checkRotary(t *testing.T, got, x []float32, pos []int32, dim int, inter bool) {
	t.Helper()
	heads := len(x) / len(pos) / dim
	for i, p := range pos {
		for h := range heads {
			at := (i*heads + h) * dim
			for k := range dim / 2 {
				s, c := math.Sincos(float64(p) * math.Pow(1e4, -2*float64(k)/float64(dim)))
				a, b := at+k, at+k+dim/2
				if inter {
					a, b = at+2*k, at+2*k+1
				}
				wa := float64(x[a])*c - float64(x[b])*s
				wb := float64(x[a])*s + float64(x[b])*c
				if !near(got[a], wa, exactTolerance) || !near(got[b], wb, exactTolerance) {
					t.Fatalf("dim %d interleaved %v row %d head %d pair %d: %g %g, want %g %g", dim, inter, i, h, k, got[a], got[b], wa, wb)
				}
			}
		}
	}
}
