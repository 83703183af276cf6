package kernel

import "math"

// GELU writes x Φ(x), by the error function to an absolute error of 1e-6 |x|, to dst, which may be x.
func (m *Machine) GELU(dst, x []float32) { m.overRows(rowsJob{op: rowsGELU, dst: dst[:len(x)], x: x}) }

func (m *Machine) gelu(dst, x []float32) {
	if m.vector(opGELU, &vectorArgs{dst: data(dst), x: data(x), n: len(x)}) {
		return
	}
	for i, v := range x {
		dst[i] = v / 2 * float32(math.Erfc(-float64(v)/math.Sqrt2))
	}
}

// GELUTanh writes the tanh approximation of GELU to dst, which may be x.
func (m *Machine) GELUTanh(dst, x []float32) {
	m.overRows(rowsJob{op: rowsGELUTanh, dst: dst[:len(x)], x: x})
}

func (m *Machine) geluTanh(dst, x []float32) {
	if m.vector(opGELUTanh, &vectorArgs{dst: data(dst), x: data(x), n: len(x)}) {
		return
	}
	const c = 0.79788456080286535588 // √(2/π)
	for i, v := range x {
		dst[i] = v / (1 + exp32(-2*c*(v+0.044715*v*v*v)))
	}
}

// SiLU writes x σ(x) to dst, which may be x.
func (m *Machine) SiLU(dst, x []float32) { m.overRows(rowsJob{op: rowsSiLU, dst: dst[:len(x)], x: x}) }

func (m *Machine) silu(dst, x []float32) {
	if m.vector(opSiLU, &vectorArgs{dst: data(dst), x: data(x), n: len(x)}) {
		return
	}
	for i, v := range x {
		dst[i] = v / (1 + exp32(-v))
	}
}

// SiLUMul writes gate σ(gate) up to dst, which may be either: the gated unit of llama's feed-forward layer.
func (m *Machine) SiLUMul(dst, gate, up []float32) {
	m.overRows(rowsJob{op: rowsSiLUMul, dst: dst[:len(gate)], x: gate, y: up[:len(gate)]})
}

func (m *Machine) siluMul(dst, gate, up []float32) {
	if m.vector(opSiLUMul, &vectorArgs{dst: data(dst), x: data(gate), y: data(up), n: len(gate)}) {
		return
	}
	for i, v := range gate {
		dst[i] = v / (1 + exp32(-v)) * up[i]
	}
}

// QuickGELU writes x σ(1.702 x) to dst, which may be x: GELU as CLIP's own models were trained with
// (Hendrycks and Gimpel, arXiv 1606.08415, section 2).
func (m *Machine) QuickGELU(dst, x []float32) {
	m.overRows(rowsJob{op: rowsQuickGELU, dst: dst[:len(x)], x: x})
}

func (m *Machine) quickGELU(dst, x []float32) {
	if m.vector(opQuickGELU, &vectorArgs{dst: data(dst), x: data(x), n: len(x)}) {
		return
	}
	for i, v := range x {
		dst[i] = v / (1 + exp32(-1.702*v))
	}
}

// activate applies a to x in place.
func (m *Machine) activate(x []float32, a Activation) {
	switch a {
	case GELU:
		m.gelu(x, x)
	case GELUTanh:
		m.geluTanh(x, x)
	case SiLU:
		m.silu(x, x)
	case QuickGELU:
		m.quickGELU(x, x)
	}
}
