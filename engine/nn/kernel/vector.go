package kernel

import "math"

// Exp writes e^x to dst, which may be x.
func (m *Machine) Exp(dst, x []float32) { expRow(dst[:len(x)], x) }

// Add adds x to y.
func (m *Machine) Add(y, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += v
	}
}

// Mul multiplies y by x, element by element.
func (m *Machine) Mul(y, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] *= v
	}
}

// MulAdd adds a times b, element by element, to y.
func (m *Machine) MulAdd(y, a, b []float32) {
	y, b = y[:len(a)], b[:len(a)]
	for i, v := range a {
		y[i] += v * b[i]
	}
}

// Scale multiplies y by a.
func (m *Machine) Scale(y []float32, a float32) {
	for i := range y {
		y[i] *= a
	}
}

// Axpy adds a times x to y.
func (m *Machine) Axpy(y []float32, a float32, x []float32) {
	y = y[:len(x)]
	for i, v := range x {
		y[i] += a * v
	}
}

// Dot is the inner product of x and y, which have the same length.
func (m *Machine) Dot(x, y []float32) float32 {
	y = y[:len(x)]
	var s [4]float32
	for i, v := range x {
		s[i&3] += v * y[i]
	}
	return s[0] + s[1] + s[2] + s[3]
}

// Sum adds up x.
func (m *Machine) Sum(x []float32) float32 {
	var s [4]float32
	for i, v := range x {
		s[i&3] += v
	}
	return s[0] + s[1] + s[2] + s[3]
}

// Max is the largest element of x, or -Inf if x is empty. NaNs are passed over.
func (m *Machine) Max(x []float32) float32 {
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
	for i, v := range x {
		if v == top {
			return i
		}
	}
	return -1
}

// LogSumExp is log Σ e^x, in float64 steps that neither overflow nor lose small terms.
func (m *Machine) LogSumExp(x []float32) float64 {
	top := m.Max(x)
	if math.IsInf(float64(top), 0) {
		return float64(top)
	}
	return float64(top) + math.Log(m.sumExp(x, top))
}

// sumExp is Σ e^(x-top).
func (m *Machine) sumExp(x []float32, top float32) float64 {
	var s float64
	for _, v := range x {
		s += float64(exp32(v - top))
	}
	return s
}

// exp32 is e^x with a relative error below 2e-7; it saturates to 0 and +Inf.
func exp32(x float32) float32 {
	switch {
	case x != x:
		return x
	case x > 88.72283:
		return float32(math.Inf(1))
	case x < -103.97:
		return 0
	}
	const (
		log2e = 1.44269504088896341
		ln2Hi = 0.693359375
		ln2Lo = -2.12194440e-4
	)
	n := float32(math.RoundToEven(float64(x * log2e)))
	r := x - n*ln2Hi
	r -= n * ln2Lo
	p := float32(1.0 / 5040)
	p = p*r + 1.0/720
	p = p*r + 1.0/120
	p = p*r + 1.0/24
	p = p*r + 1.0/6
	p = p*r + 0.5
	p = p*r + 1
	p = p*r + 1
	return float32(math.Ldexp(float64(p), int(n)))
}

func expRow(dst, x []float32) {
	for i, v := range x {
		dst[i] = exp32(v)
	}
}
