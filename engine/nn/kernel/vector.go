package kernel

import (
	"math"
	"unsafe"
)

// vectorOp names an assembly kernel over vectors.
type vectorOp int

const (
	opAdd             vectorOp = iota // dst = x + y
	opMul                             // dst = x y
	opMulAdd                          // dst += x y
	opScale                           // dst = a x
	opAxpy                            // dst += a x
	opExp                             // dst = e^x
	opSiLU                            // dst = x σ(x)
	opSiLUMul                         // dst = x σ(x) y
	opGELU                            // dst = x Φ(x)
	opGELUTanh                        // its tanh approximation
	opQuickGELU                       // dst = x σ(1.702 x)
	opScaleMul                        // dst = a x y
	opNormalise                       // dst = (x-a) b y + z
	opExpSum                          // dst = e^(a x - b), out = Σ dst
	opDot                             // out = Σ x y
	opSum                             // out = Σ x
	opSquareDeviation                 // out = Σ (x-a)²
	opMax                             // out = max x, NaNs passed over
	opFind                            // index = the first x that equals a, or -1
	opRotateHalf                      // (dst, x) turned by cosines y and sines z
	opRotatePairs                     // pairs in dst turned by cosines y and sines z
)

// vectorArgs is the operand list of the vector kernels; the assembly reads it by offset.
type vectorArgs struct {
	dst, x, y, z unsafe.Pointer
	n            int
	a, b         float32
	out          float32
	_            int32
	index        int
}

func data(x []float32) unsafe.Pointer { return unsafe.Pointer(unsafe.SliceData(x)) }

// Exp writes e^x to dst, which may be x. The relative error is below 3e-7; results saturate to 0 and +Inf.
func (m *Machine) Exp(dst, x []float32) { m.overRows(rowsJob{op: rowsExp, dst: dst[:len(x)], x: x}) }

func (m *Machine) exp(dst, x []float32) {
	if m.vector(opExp, &vectorArgs{dst: data(dst), x: data(x), n: len(x)}) {
		return
	}
	for i, v := range x {
		dst[i] = exp32(v)
	}
}

// expSum writes e^(a x - b) to dst, which may be x, and returns the sum.
func (m *Machine) expSum(dst, x []float32, a, b float32) float32 {
	t := vectorArgs{dst: data(dst[:len(x)]), x: data(x), n: len(x), a: a, b: b}
	if m.vector(opExpSum, &t) {
		return t.out
	}
	var s float32
	for i, v := range x {
		e := exp32(a*v - b)
		dst[i] = e
		s += e
	}
	return s
}

// Add adds x to y.
func (m *Machine) Add(y, x []float32) { m.overRows(rowsJob{op: rowsAdd, dst: y[:len(x)], x: x}) }

func (m *Machine) add(y, x []float32) {
	y = y[:len(x)]
	if m.vector(opAdd, &vectorArgs{dst: data(y), x: data(x), y: data(y), n: len(x)}) {
		return
	}
	for i, v := range x {
		y[i] += v
	}
}

// Mul multiplies y by x, element by element.
func (m *Machine) Mul(y, x []float32) {
	y = y[:len(x)]
	if m.vector(opMul, &vectorArgs{dst: data(y), x: data(x), y: data(y), n: len(x)}) {
		return
	}
	for i, v := range x {
		y[i] *= v
	}
}

// MulAdd adds a times b, element by element, to y.
func (m *Machine) MulAdd(y, a, b []float32) {
	y, b = y[:len(a)], b[:len(a)]
	if m.vector(opMulAdd, &vectorArgs{dst: data(y), x: data(a), y: data(b), n: len(a)}) {
		return
	}
	for i, v := range a {
		y[i] += v * b[i]
	}
}

// Scale multiplies y by a.
func (m *Machine) Scale(y []float32, a float32) {
	if m.vector(opScale, &vectorArgs{dst: data(y), x: data(y), n: len(y), a: a}) {
		return
	}
	for i := range y {
		y[i] *= a
	}
}

// Axpy adds a times x to y.
func (m *Machine) Axpy(y []float32, a float32, x []float32) {
	y = y[:len(x)]
	if m.vector(opAxpy, &vectorArgs{dst: data(y), x: data(x), n: len(x), a: a}) {
		return
	}
	for i, v := range x {
		y[i] += a * v
	}
}

// Dot is the inner product of x and y, which have the same length.
func (m *Machine) Dot(x, y []float32) float32 {
	y = y[:len(x)]
	t := vectorArgs{x: data(x), y: data(y), n: len(x)}
	if m.vector(opDot, &t) {
		return t.out
	}
	var s [8]float32
	for i, v := range x {
		s[i&7] += v * y[i]
	}
	return addUp(&s)
}

func addUp(s *[8]float32) float32 {
	return s[0] + s[4] + (s[1] + s[5]) + (s[2] + s[6] + (s[3] + s[7]))
}

// Sum adds up x.
func (m *Machine) Sum(x []float32) float32 {
	t := vectorArgs{x: data(x), n: len(x)}
	if m.vector(opSum, &t) {
		return t.out
	}
	var s [8]float32
	for i, v := range x {
		s[i&7] += v
	}
	return addUp(&s)
}

// squareDeviation is Σ (x-mean)².
func (m *Machine) squareDeviation(x []float32, mean float32) float32 {
	t := vectorArgs{x: data(x), n: len(x), a: mean}
	if m.vector(opSquareDeviation, &t) {
		return t.out
	}
	var s [8]float32
	for i, v := range x {
		s[i&7] += (v - mean) * (v - mean)
	}
	return addUp(&s)
}

// Max is the largest element of x, or -Inf if x is empty. NaNs are passed over.
func (m *Machine) Max(x []float32) float32 {
	t := vectorArgs{x: data(x), n: len(x)}
	if m.vector(opMax, &t) {
		return t.out
	}
	top := float32(math.Inf(-1))
	for _, v := range x {
		if v > top {
			top = v
		}
	}
	return top
}

// Argmax is the index of the largest element, the first of equals; -1 if x is empty or all NaN.
func (m *Machine) Argmax(x []float32) int {
	top := m.Max(x)
	t := vectorArgs{x: data(x), n: len(x), a: top}
	if m.vector(opFind, &t) {
		return t.index
	}
	for i, v := range x {
		if v == top {
			return i
		}
	}
	return -1
}

// LogSumExp is log Σ e^x, without overflow. The sum is float64 over runs of 1,024, so that long rows of logits lose nothing.
func (m *Machine) LogSumExp(x []float32) float64 {
	top := m.Max(x)
	if math.IsInf(float64(top), 0) {
		return float64(top)
	}
	var buf [1024]float32
	var s float64
	for len(x) > 0 {
		n := min(len(x), len(buf))
		s += float64(m.expSum(buf[:], x[:n], 1, top))
		x = x[n:]
	}
	return float64(top) + math.Log(s)
}

// exp32 is e^x with a relative error below 3e-7; it saturates to 0 and +Inf.
func exp32(x float32) float32 {
	switch {
	case x != x:
		return x
	case x > 88.73:
		return float32(math.Inf(1))
	case x < -103.98:
		return 0
	}
	const (
		ln2High = 0.693359375
		ln2Low  = -2.12194440e-4
	)
	n := float32(math.RoundToEven(float64(x * math.Log2E)))
	r := x - n*ln2High
	r -= n * ln2Low
	p := float32(1.0 / 5040)
	p = p*r + 1.0/720
	p = p*r + 1.0/120
	p = p*r + 1.0/24
	p = p*r + 1.0/6
	p = p*r + 0.5
	p = p*r + 1
	p = p*r + 1
	half := int32(n) >> 1 // two factors, so that subnormals and infinity come out right
	return p * math.Float32frombits(uint32(half+127)<<23) * math.Float32frombits(uint32(int32(n)-half+127)<<23)
}
