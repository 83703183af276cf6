package kernel

import "math"

// rowsOp is an operation that treats rows, or elements, one by one.
type rowsOp int

const (
	rowsExp rowsOp = iota
	rowsAdd
	rowsGELU
	rowsGELUTanh
	rowsSiLU
	rowsSiLUMul
	rowsQuickGELU
	rowsRMSNorm
	rowsLayerNorm
	rowsSoftmax
	rowsRotate
)

// rowsJob is a rowsOp over many rows, in parallel if they are worth it.
type rowsJob struct {
	op           rowsOp
	m            *Machine
	dst, x, y, z []float32
	cols         int // size of a row; 0 if elements are independent
	step         int // values of a part, whole rows
	eps          float32
	rotary       *Rotary
	heads        int
	positions    []int32
}

const (
	parallelFrom = 32 << 10 // values that are worth waking the workers
	elementRun   = 8 << 10  // values of a part where elements are independent
)

// overRows does the job on x. While the pool is busy, perhaps with a part that is calling us, it stays on the caller.
func (m *Machine) overRows(j rowsJob) {
	j.m = m
	p := &m.pool
	if len(j.x) < parallelFrom || p.threads == 1 || !p.turn.TryLock() {
		j.step = len(j.x)
		j.run(0, 0)
		return
	}
	defer p.turn.Unlock()
	j.step = elementRun
	if j.cols > 0 {
		j.step = max(1, elementRun/j.cols) * j.cols
	}
	p.rows = j
	p.dispatch(ceilDiv(len(j.x), j.step), &p.rows)
	p.rows = rowsJob{}
}

func (j *rowsJob) run(_, part int) {
	from, to := part*j.step, min((part+1)*j.step, len(j.x))
	if from >= to {
		return
	}
	m, x, dst := j.m, j.x[from:to], j.x[from:to]
	if j.dst != nil {
		dst = j.dst[from:to]
	}
	switch j.op {
	case rowsExp:
		m.exp(dst, x)
	case rowsAdd:
		m.add(dst, x)
	case rowsGELU:
		m.gelu(dst, x)
	case rowsGELUTanh:
		m.geluTanh(dst, x)
	case rowsSiLU:
		m.silu(dst, x)
	case rowsSiLUMul:
		m.siluMul(dst, x, j.y[from:to])
	case rowsQuickGELU:
		m.quickGELU(dst, x)
	case rowsRotate:
		m.rotate(x, j.heads, j.positions[from/j.cols:to/j.cols], j.rotary)
	default:
		for ; len(x) > 0; x, dst = x[j.cols:], dst[j.cols:] {
			j.row(dst[:j.cols], x[:j.cols])
		}
	}
}

func (j *rowsJob) row(dst, x []float32) {
	switch j.op {
	case rowsRMSNorm:
		j.m.rmsNorm(dst, x, j.y, j.eps)
	case rowsLayerNorm:
		j.m.layerNorm(dst, x, j)
	case rowsSoftmax:
		j.m.Scale(x, 1/j.m.expSum(x, x, 1, j.m.Max(x)))
	}
}

// RMSNormRows writes x / √(mean(x²)+eps) * gain for each row of len(gain) to dst, which may be x.
func (m *Machine) RMSNormRows(dst, x, gain []float32, eps float32) {
	if n := len(gain); n > 0 {
		x = x[:len(x)/n*n]
		m.overRows(rowsJob{op: rowsRMSNorm, dst: dst[:len(x)], x: x, y: gain, cols: n, eps: eps})
	}
}

func (m *Machine) rmsNorm(dst, x, gain []float32, eps float32) {
	f := float32(1 / math.Sqrt(float64(m.Dot(x, x))/float64(len(x))+float64(eps)))
	if m.vector(opScaleMul, &vectorArgs{dst: data(dst), x: data(x), y: data(gain), n: len(x), a: f}) {
		return
	}
	for i, v := range x {
		dst[i] = v * f * gain[i]
	}
}

// LayerNormRows writes (x-mean) / √(variance+eps) * gain + bias for each row of len(gain) to dst, which may be x.
func (m *Machine) LayerNormRows(dst, x, gain, bias []float32, eps float32) {
	if n := len(gain); n > 0 {
		x = x[:len(x)/n*n]
		m.overRows(rowsJob{op: rowsLayerNorm, dst: dst[:len(x)], x: x, y: gain, z: bias[:n], cols: n, eps: eps})
	}
}

func (m *Machine) layerNorm(dst, x []float32, j *rowsJob) {
	n := float64(len(x))
	mean := float32(float64(m.Sum(x)) / n)
	f := float32(1 / math.Sqrt(float64(m.squareDeviation(x, mean))/n+float64(j.eps)))
	if m.vector(opNormalise, &vectorArgs{dst: data(dst), x: data(x), y: data(j.y), z: data(j.z), n: len(x), a: mean, b: f}) {
		return
	}
	for i, v := range x {
		dst[i] = (v-mean)*f*j.y[i] + j.z[i]
	}
}

// SoftmaxRows replaces each row of cols values by its softmax.
func (m *Machine) SoftmaxRows(x []float32, cols int) {
	if cols > 0 {
		m.overRows(rowsJob{op: rowsSoftmax, x: x[:len(x)/cols*cols], cols: cols})
	}
}
