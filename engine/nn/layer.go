package nn

import (
	"fmt"

	"stylesprint/engine/nn/kernel"
)

// Linear is y = x Wᵀ + b.
type Linear struct {
	Weight *kernel.Weights
	Bias   []float32 // nil for none
}

// Output describes the layer's result y as a part of kernel.LinearMany.
func (l Linear) Output(y []float32) kernel.Output {
	return kernel.Output{Y: y, W: l.Weight, Epilogue: kernel.Epilogue{Bias: l.Bias}}
}

// Forward writes x[rows, In] W ᵀ + b to y[rows, Out].
func (l Linear) Forward(m *kernel.Machine, y, x []float32, rows int, s *kernel.Scratch) {
	m.Linear(y, x, rows, l.Weight, s, kernel.Epilogue{Bias: l.Bias})
}

// ForwardAdd adds the result to y: a residual connection.
func (l Linear) ForwardAdd(m *kernel.Machine, y, x []float32, rows int, s *kernel.Scratch) {
	m.Linear(y, x, rows, l.Weight, s, kernel.Epilogue{Bias: l.Bias, Add: true})
}

// RMSNorm divides a row by its root mean square and multiplies it by Gain. arXiv:1910.07467.
type RMSNorm struct {
	Gain []float32
	Eps  float32 // added to the mean square
}

// Forward writes the normalised rows of x to y, which may be x.
func (n RMSNorm) Forward(m *kernel.Machine, y, x []float32) { m.RMSNormRows(y, x, n.Gain, n.Eps) }

// LayerNorm brings a row to mean 0 and variance 1, multiplies it by Gain and adds Bias.
type LayerNorm struct {
	Gain, Bias []float32
	Eps        float32 // added to the variance
}

// Forward writes the normalised rows of x to y, which may be x.
func (n LayerNorm) Forward(m *kernel.Machine, y, x []float32) {
	m.LayerNormRows(y, x, n.Gain, n.Bias, n.Eps)
}

// Embedding is a table of vectors that are looked up by number, row by row in
// memory. A table that is an output matrix too is read through its kernel.Weights instead.
type Embedding struct {
	Count, Width int
	wide         []float32
	half         []uint16 // bfloat16
}

// Embedding reads a table. Unless the loader is exact it is kept in bfloat16.
func (l *Loader) Embedding(name string, count, width int) *Embedding {
	t, ok := l.take(name, count, width)
	if !ok {
		return nil
	}
	e := &Embedding{Count: count, Width: width}
	var err error
	if l.o.Exact {
		e.wide = make([]float32, count*width)
		err = l.floatsTo(e.wide, t)
	} else {
		err = e.readHalf(t)
	}
	if err != nil {
		l.fail(fmt.Errorf("tensor %s: %w", name, err))
		return nil
	}
	return e
}

// readHalf rounds a table some rows at a time: it may be the largest tensor of a model by far.
func (e *Embedding) readHalf(t Tensor) error {
	const rows = 1024
	e.half = make([]uint16, e.Count*e.Width)
	var part []float32
	for from := 0; from < e.Count; from += rows {
		to := min(from+rows, e.Count)
		var err error
		if part, err = t.Float32(part[:0], from, to); err != nil {
			return err
		}
		if len(part) != (to-from)*e.Width {
			return fmt.Errorf("%d values in %d rows of %d", len(part), to-from, e.Width)
		}
		for i, x := range part {
			e.half[from*e.Width+i] = bfloat16(x)
		}
	}
	return nil
}

// Row writes vector i to dst.
func (e *Embedding) Row(dst []float32, i int) {
	dst = dst[:e.Width]
	if e.wide != nil {
		copy(dst, e.wide[i*e.Width:])
		return
	}
	row := e.half[i*e.Width:][:e.Width]
	for k, h := range row {
		dst[k] = widen(h)
	}
}

// AddRow adds vector i to dst.
func (e *Embedding) AddRow(dst []float32, i int) {
	dst = dst[:e.Width]
	if e.wide != nil {
		row := e.wide[i*e.Width:][:e.Width]
		for k, v := range row {
			dst[k] += v
		}
		return
	}
	row := e.half[i*e.Width:][:e.Width]
	for k, h := range row {
		dst[k] += widen(h)
	}
}
