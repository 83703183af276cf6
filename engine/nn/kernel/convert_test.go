package kernel

import (
	"math"
	"testing"
)

func TestQuantiseIsTheSameAtEveryLevel(t *testing.T) {
	t.Parallel()
	eachLevel(t, func(t *testing.T, m *Machine) {
		for _, n := range []int{32, 64, 96, 576} {
			x := randomFloats(uint64(n), n)
			clear(x[:32]) // a block of zeros
			x[33%n] = 1e-35
			want, got := make([]record, n/block), make([]record, n/block)
			quantiseRow(want, x)
			m.quantise(got, x)
			for i := range want {
				if want[i] != got[i] {
					t.Fatalf("block %d of %d: %+v, want %+v", i, n/block, got[i], want[i])
				}
			}
		}
	})
}

func TestNarrow(t *testing.T) {
	t.Parallel()
	eachLevel(t, func(t *testing.T, m *Machine) {
		for n := range 70 {
			x := randomFloats(uint64(n), n)
			if n > 3 {
				x[1], x[2], x[3] = float32(math.Inf(1)), math.Float32frombits(0x3f808000), math.Float32frombits(0x3f818000) // ties to even
			}
			want, got := make([]uint16, n+1), make([]uint16, n+1)
			want[n], got[n] = 77, 77
			narrowRow(want[:n], x)
			m.narrow(got[:n], x)
			for i := range want {
				if want[i] != got[i] {
					t.Fatalf("%d values: number %d is %#x, want %#x", n, i, got[i], want[i])
				}
			}
		}
	})
}

func TestHalfToFloat(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		half uint16
		want float32
	}{{0x3c00, 1}, {0xc000, -2}, {0x0001, 1.0 / (1 << 24)}, {0x03ff, 1023.0 / (1 << 24)}, {0x7bff, 65504}, {0x7c00, float32(math.Inf(1))}, {0x8000, 0}} {
		if got := halfToFloat(c.half); got != c.want {
			t.Errorf("half %#x is %g, want %g", c.half, got, c.want)
		}
	}
	if !math.IsNaN(float64(halfToFloat(0x7e01))) {
		t.Error("a NaN must stay one")
	}
	for h := range 1 << 16 {
		h := uint16(h)
		want := -8 * halfToFloat(h)
		if got := halfToFloat(minusEight(h)); got != want && math.Abs(float64(want)) < 65520 {
			t.Fatalf("-8 times half %#x is %g, want %g", h, got, want)
		}
	}
}

func TestTranspose(t *testing.T) {
	t.Parallel()
	eachLevel(t, func(t *testing.T, m *Machine) {
		for _, rows := range []int{1, 5, 8, 15, 16, 17, 32} {
			for _, cols := range []int{1, 8, 16, 24, 31, 32, 64, 77} {
				src := randomFloats(1, rows*cols)
				dst := make([]float32, cols*48)
				m.transpose(transposeArgs{dst: data(dst), src: data(src), ldd: 4 * 48, lds: 4 * cols, rows: rows, cols: cols})
				for r := range rows {
					for c := range cols {
						if dst[c*48+r] != src[r*cols+c] {
							t.Fatalf("%d x %d: element (%d, %d) is %g, want %g", rows, cols, c, r, dst[c*48+r], src[r*cols+c])
						}
					}
				}
			}
		}
	})
}

func TestPairs(t *testing.T) {
	t.Parallel()
	eachLevel(t, func(t *testing.T, m *Machine) {
		for _, rows := range []int{1, 2, 5, 8} {
			for cols := 1; cols < 40; cols++ {
				x := randomFloats(1, rows*cols)
				const ldd = 90
				got := make([]uint16, (rows+1)/2*ldd)
				m.pairsOf(got, ldd, rowsOf{x, cols, rows, cols})
				for i := range got {
					r, c := i/ldd*2+i%2, i%ldd/2
					want := uint16(0)
					if r < rows && c < cols {
						want = bfloat(x[r*cols+c])
					}
					if got[i] != want {
						t.Fatalf("%d x %d: number %d is %#x, want %#x", rows, cols, i, got[i], want)
					}
				}
			}
		}
	})
}
