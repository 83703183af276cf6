package kernel

import "unsafe"

// A tile is what one call of a matrix micro-kernel computes: up to tileRows rows
// by up to panel columns of c = a b, or c += a b. The assembly reads these
// structs by offset; a test checks the offsets.

// tileRows is the most rows of a dense tile, at any Level.
const tileRows = 12

// tile is the operand list of a dense micro-kernel. For a BF16 kernel one step
// is a pair of inputs. A kernel may read a whole panel of b, whatever cols is; it writes no more of c than asked.
type tile struct {
	a    unsafe.Pointer // first element of a
	b    unsafe.Pointer // first step of b
	c    unsafe.Pointer // float32
	k    int            // steps, at least 1
	rs   int            // bytes between rows of a
	cs   int            // bytes between steps of a
	ldb  int            // bytes between steps of b
	ldc  int            // bytes between rows of c
	rows int            // 1..tileRows
	cols int            // 1..panel
	add  int            // 1: c += a b
}

// quantTileRows is the most rows of a quantised tile, at any Level.
const quantTileRows = 8

// quantTile is the operand list of a Q4 or Q8 micro-kernel: rows of quantised
// activations times consecutive groups of weights.
type quantTile struct {
	a      unsafe.Pointer // records of the first row
	q      unsafe.Pointer // quants of the first group
	s      unsafe.Pointer // scales of the first group
	c      unsafe.Pointer // float32
	blocks int            // blocks of 32 inputs
	lda    int            // bytes between rows of a
	ldc    int            // bytes between rows of c
	rows   int            // 1..quantTileRows
	groups int            // groups of 16 outputs, at least 1
	cols   int            // outputs in c; the last group may be partial
	add    int            // 1: c += a b
}

// record is one block of 32 quantised activations.
type record struct {
	scale float32
	sum   float32 // scale times the sum of q
	shift int32   // -128 times the sum of q: undoes the offset of Q8 weights
	_     int32
	q     [block]int8
}

const recordBytes = int(unsafe.Sizeof(record{}))

// at moves a pointer by bytes.
func at(p unsafe.Pointer, bytes int) unsafe.Pointer { return unsafe.Add(p, bytes) }

func floats(p unsafe.Pointer, n int) []float32 { return unsafe.Slice((*float32)(p), n) }

// tileF32 is the portable float32 kernel: two rows by four columns in registers.
func tileF32(t *tile) {
	for r := 0; r < t.rows; r += 2 {
		a0 := at(t.a, r*t.rs)
		a1 := a0
		if r+1 < t.rows {
			a1 = at(a0, t.rs)
		}
		for j := 0; j < t.cols; j += 4 {
			var s [8]float32
			for k := range t.k {
				v := (*[4]float32)(at(t.b, k*t.ldb+4*j))
				p, q := *(*float32)(at(a0, k*t.cs)), *(*float32)(at(a1, k*t.cs))
				s[0] += p * v[0]
				s[1] += p * v[1]
				s[2] += p * v[2]
				s[3] += p * v[3]
				s[4] += q * v[0]
				s[5] += q * v[1]
				s[6] += q * v[2]
				s[7] += q * v[3]
			}
			n := min(4, t.cols-j)
			t.put(s[:n], r, j)
			if r+1 < t.rows {
				t.put(s[4:4+n], r+1, j)
			}
		}
	}
}

// put stores sums at (r, j) of c.
func (t *tile) put(s []float32, r, j int) {
	c := floats(at(t.c, r*t.ldc+4*j), len(s))
	for i, v := range s {
		if t.add != 0 {
			v += c[i]
		}
		c[i] = v
	}
}

// tileBF16 is the portable kernel for bfloat16 weights and float32 activations.
func tileBF16(t *tile) {
	for r := range t.rows {
		for j := range t.cols {
			var s float32
			for k := range t.k {
				u := (*[2]uint16)(at(t.b, k*t.ldb+4*j))
				v := (*[2]float32)(at(t.a, r*t.rs+k*t.cs))
				s += v[0]*widen(u[0]) + v[1]*widen(u[1])
			}
			t.put([]float32{s}, r, j)
		}
	}
}

// tileQ4 is the portable Q4 kernel. Integer sums are exact, so every Level agrees up to rounding of the block sums.
func tileQ4(t *quantTile) {
	const size = group * block / 2
	for g := range t.groups {
		for r := range t.rows {
			a := unsafe.Slice((*record)(at(t.a, r*t.lda)), t.blocks)
			var s [group]float32
			for b := range t.blocks {
				w := (*[size]byte)(at(t.q, (g*t.blocks+b)*size))
				d := (*[2 * group]uint16)(at(t.s, (g*t.blocks+b)*4*group))
				rec := &a[b]
				for o := range group {
					s[o] += halfToFloat(d[o])*rec.scale*float32(dotQ4(w, o, &rec.q)) + halfToFloat(d[group+o])*rec.sum
				}
			}
			t.put(&s, r, g)
		}
	}
}

func dotQ4(w *[group * block / 2]byte, o int, a *[block]int8) int32 {
	var s int32
	for q := range 4 {
		for j := range 4 {
			v := w[64*q+4*o+j]
			s += int32(v&15)*int32(a[4*q+j]) + int32(v>>4)*int32(a[16+4*q+j])
		}
	}
	return s
}

// tileQ8 is the portable Q8 kernel.
func tileQ8(t *quantTile) {
	const size = group * block
	for g := range t.groups {
		for r := range t.rows {
			a := unsafe.Slice((*record)(at(t.a, r*t.lda)), t.blocks)
			var s [group]float32
			for b := range t.blocks {
				w := (*[size]byte)(at(t.q, (g*t.blocks+b)*size))
				d := (*[group]uint16)(at(t.s, (g*t.blocks+b)*2*group))
				rec := &a[b]
				for o := range group {
					s[o] += halfToFloat(d[o]) * rec.scale * float32(dotQ8(w, o, &rec.q)+rec.shift)
				}
			}
			t.put(&s, r, g)
		}
	}
}

func dotQ8(w *[group * block]byte, o int, a *[block]int8) int32 {
	var s int32
	for q := range 8 {
		for j := range 4 {
			s += int32(w[64*q+4*o+j]) * int32(a[4*q+j])
		}
	}
	return s
}

func (t *quantTile) put(s *[group]float32, r, g int) {
	n := min(group, t.cols-g*group)
	c := floats(at(t.c, r*t.ldc+4*g*group), n)
	for i := range c {
		v := s[i]
		if t.add != 0 {
			v += c[i]
		}
		c[i] = v
	}
}
