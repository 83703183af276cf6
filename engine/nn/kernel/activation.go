package kernel

import "math"

// GELU writes x Φ(x), with the error function to about 1e-6, to dst, which may be x.
func (m *Machine) GELU(dst, x []float32) {
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] = v / 2 * (1 + float32(math.Erf(float64(v)/math.Sqrt2)))
	}
}

// GELUTanh writes the tanh approximation of GELU to dst, which may be x.
func (m *Machine) GELUTanh(dst, x []float32) {
	const c = 0.79788456080286535588 // √(2/π)
	dst = dst[:len(x)]
	for i, v := range x {
		u := c * (v + 0.044715*v*v*v)
		dst[i] = v / (1 + exp32(-2*u))
	}
}

// SiLU writes x σ(x) to dst, which may be x.
func (m *Machine) SiLU(dst, x []float32) {
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] = v / (1 + exp32(-v))
	}
}

// SiLUMul writes gate σ(gate) up to dst, which may be either. It is the gated
// unit of llama's feed-forward layer.
func (m *Machine) SiLUMul(dst, gate, up []float32) {
	dst, up = dst[:len(gate)], up[:len(gate)]
	for i, v := range gate {
		dst[i] = v / (1 + exp32(-v)) * up[i]
	}
}

// activate applies a to x in place.
func (m *Machine) activate(x []float32, a Activation) {
	switch a {
	case GELU:
		m.GELU(x, x)
	case GELUTanh:
		m.GELUTanh(x, x)
	case SiLU:
		m.SiLU(x, x)
	}
}
