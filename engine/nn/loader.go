package nn

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"

	"stylesprint/engine/nn/kernel"
)

// Tensor is a weight as a file holds it.
type Tensor struct {
	Shape []int  // outermost first; a linear layer's weight is {out, in}
	Type  string // "F32", "BF16", "Q4_1": the format's own name
	Data  []byte // as stored, row by row
	// Float32 converts rows [from, to) into dst, growing it where needed; a vector
	// has one row.
	Float32 func(dst []float32, from, to int) ([]float32, error)
}

// Source is an open model file.
type Source interface {
	// Tensor finds a tensor by name.
	Tensor(name string) (Tensor, bool)
	// Names lists all tensors.
	Names() []string
}

// LoaderOptions say how to keep weights.
type LoaderOptions struct {
	// Exact keeps every weight in float32. Otherwise Q4_0, Q4_1 and Q8_0 stay as
	// they are and everything else becomes bfloat16, except vectors.
	Exact bool
}

// Loader reads tensors into layers and remembers which it has read. After the
// first fault its methods return empty layers; Finish tells the fault.
type Loader struct {
	m          *kernel.Machine
	src        Source
	o          LoaderOptions
	used       map[string]bool
	parameters int64
	buffer     []float32
	err        error
}

// NewLoader starts reading from src.
func NewLoader(m *kernel.Machine, src Source, o LoaderOptions) *Loader {
	return &Loader{m: m, src: src, o: o, used: map[string]bool{}}
}

// Has tells whether the source has a tensor.
func (l *Loader) Has(name string) bool {
	_, ok := l.src.Tensor(name)
	return ok
}

// Ignore marks tensors that the architecture knows and does not need.
func (l *Loader) Ignore(names ...string) {
	for _, n := range names {
		l.used[n] = true
	}
}

// Exact tells whether every weight is kept in float32.
func (l *Loader) Exact() bool { return l.o.Exact }

// Err is the first fault so far.
func (l *Loader) Err() error { return l.err }

// Parameters is how many numbers have been read.
func (l *Loader) Parameters() int64 { return l.parameters }

// Finish returns the first fault, or names the tensors that nothing has asked for.
func (l *Loader) Finish() error {
	l.buffer = nil
	if l.err != nil {
		return l.err
	}
	var left []string
	for _, n := range l.src.Names() {
		if !l.used[n] {
			left = append(left, n)
		}
	}
	if len(left) == 0 {
		return nil
	}
	slices.Sort(left)
	const most = 5
	more := ""
	if len(left) > most {
		more = fmt.Sprintf(" and %d more", len(left)-most)
		left = left[:most]
	}
	return fmt.Errorf("tensors that this architecture has no place for: %s%s", strings.Join(left, ", "), more)
}

func (l *Loader) fail(err error) {
	if l.err == nil {
		l.err = err
	}
}

// take finds a tensor and checks its shape.
func (l *Loader) take(name string, shape ...int) (Tensor, bool) {
	if l.err != nil {
		return Tensor{}, false
	}
	t, ok := l.src.Tensor(name)
	if !ok {
		l.fail(fmt.Errorf("tensor %s is missing", name))
		return t, false
	}
	l.used[name] = true
	if !slices.Equal(t.Shape, shape) {
		l.fail(fmt.Errorf("tensor %s has the shape %v, want %v", name, t.Shape, shape))
		return t, false
	}
	n := int64(1)
	for _, d := range shape {
		n *= int64(d)
	}
	l.parameters += n
	return t, true
}

// Vector reads n float32 values.
func (l *Loader) Vector(name string, n int) []float32 {
	t, ok := l.take(name, n)
	if !ok {
		return nil
	}
	v, err := t.Float32(nil, 0, 1)
	if err != nil {
		l.fail(fmt.Errorf("tensor %s: %w", name, err))
	}
	return v
}

// Table reads a small matrix as float32 values, row by row.
func (l *Loader) Table(name string, rows, columns int) []float32 {
	t, ok := l.take(name, rows, columns)
	if !ok {
		return nil
	}
	v, err := t.Float32(nil, 0, rows)
	if err != nil {
		l.fail(fmt.Errorf("tensor %s: %w", name, err))
	}
	return v
}

// Scalar reads a single value, of no dimension.
func (l *Loader) Scalar(name string) float32 {
	t, ok := l.take(name)
	if !ok {
		return 0
	}
	v, err := t.Float32(nil, 0, 1)
	if err != nil {
		l.fail(fmt.Errorf("tensor %s: %w", name, err))
		return 0
	}
	return v[0]
}

// Convolution reads the weight {out, in...} of a convolution whose windows do not
// overlap as that of a linear layer over windows laid out as the file has them.
func (l *Loader) Convolution(name string, out int, in ...int) *kernel.Weights {
	t, ok := l.take(name, append([]int{out}, in...)...)
	if !ok {
		return nil
	}
	columns, inner := 1, 1
	for i, d := range in {
		columns *= d
		if i < len(in)-1 {
			inner *= d // rows of the file for each output
		}
	}
	rows := t.Float32
	t.Shape = []int{out, columns}
	t.Float32 = func(dst []float32, from, to int) ([]float32, error) { return rows(dst, from*inner, to*inner) }
	pack := l.m.PackBF16
	if l.o.Exact {
		pack = l.m.PackF32
	}
	w, err := l.packFloats(t, nil, pack)
	if err != nil {
		l.fail(fmt.Errorf("tensor %s: %w", name, err))
	}
	return w
}

// Linear reads the weight of a linear layer.
func (l *Loader) Linear(name string, out, in int) *kernel.Weights {
	return l.LinearRows(name, out, in, nil)
}

// LinearRows is Linear with output i taken from row order[i] of the file; nil is their own order.
func (l *Loader) LinearRows(name string, out, in int, order []int) *kernel.Weights {
	t, ok := l.take(name, out, in)
	if !ok {
		return nil
	}
	var w *kernel.Weights
	var err error
	switch {
	case l.o.Exact:
		w, err = l.packFloats(t, order, l.m.PackF32)
	case t.Type == "Q4_0":
		w, err = l.m.PackQ4_0(out, in, reorder(t.Data, out, order))
	case t.Type == "Q4_1":
		w, err = l.m.PackQ4_1(out, in, reorder(t.Data, out, order))
	case t.Type == "Q8_0":
		w, err = l.m.PackQ8_0(out, in, reorder(t.Data, out, order))
	default:
		w, err = l.packFloats(t, order, l.m.PackBF16)
	}
	if err != nil {
		l.fail(fmt.Errorf("tensor %s: %w", name, err))
	}
	return w
}

// LinearColumns reads linear layers that a file keeps side by side in one matrix, transposed:
// {in, out[0]+out[1]+...}, the columns of one after another. It returns one for each of out.
func (l *Loader) LinearColumns(name string, in int, out ...int) []*kernel.Weights {
	columns := 0
	for _, n := range out {
		columns += n
	}
	layers := make([]*kernel.Weights, len(out))
	t, ok := l.take(name, in, columns)
	if !ok {
		return layers
	}
	v, err := l.floats(t)
	if err != nil {
		l.fail(fmt.Errorf("tensor %s: %w", name, err))
		return layers
	}
	pack := l.m.PackBF16
	if l.o.Exact {
		pack = l.m.PackF32
	}
	from := 0
	for i, n := range out {
		turned := &transposition{src: v, dst: make([]float32, n*in), in: in, out: n, from: from, stride: columns}
		l.m.Parallel((n+transposeRows-1)/transposeRows, turned)
		layers[i] = pack(n, in, turned.dst)
		from += n
	}
	return layers
}

// transposeRows is how many rows of the result are one part.
const transposeRows = 32

// transposition is the task of turning columns of a matrix into rows.
type transposition struct {
	src, dst              []float32
	in, out, from, stride int
}

func (t *transposition) Run(part int) {
	first, last := part*transposeRows, min((part+1)*transposeRows, t.out)
	for i := range t.in {
		for o, v := range t.src[i*t.stride+t.from+first : i*t.stride+t.from+last] {
			t.dst[(first+o)*t.in+i] = v
		}
	}
}

func (l *Loader) packFloats(t Tensor, order []int, pack func(out, in int, w []float32) *kernel.Weights) (*kernel.Weights, error) {
	if order != nil && len(order) != t.Shape[0] {
		return nil, errors.New("wrong number of rows to put in order")
	}
	v, err := l.floats(t)
	if err != nil {
		return nil, err
	}
	return pack(t.Shape[0], t.Shape[1], reorder(v, t.Shape[0], order)), nil
}

// floats converts a whole matrix, several parts side by side, into the
// loader's own buffer.
func (l *Loader) floats(t Tensor) ([]float32, error) {
	n := t.Shape[0] * t.Shape[1]
	if cap(l.buffer) < n {
		l.buffer = make([]float32, n)
	}
	return l.buffer[:n], l.floatsTo(l.buffer[:n], t)
}

// floatsTo converts a whole matrix into dst.
func (l *Loader) floatsTo(dst []float32, t Tensor) error {
	const part = 1 << 18 // numbers
	rows := max(1, part/max(1, t.Shape[1]))
	c := &conversion{t: t, dst: dst, rows: rows, errs: make([]error, (t.Shape[0]+rows-1)/rows)}
	l.m.Parallel(len(c.errs), c)
	return cmp.Or(c.errs...)
}

// conversion is the task of turning stored rows into float32.
type conversion struct {
	t    Tensor
	dst  []float32
	rows int
	errs []error
}

func (c *conversion) Run(part int) {
	in := c.t.Shape[1]
	from, to := part*c.rows, min((part+1)*c.rows, c.t.Shape[0])
	dst := c.dst[from*in : to*in : to*in]
	got, err := c.t.Float32(dst, from, to)
	if err == nil && len(got) != len(dst) {
		err = fmt.Errorf("%d values in %d rows of %d", len(got), to-from, in)
	}
	if err == nil && len(got) > 0 && &got[0] != &dst[0] {
		copy(dst, got)
	}
	c.errs[part] = err
}

// reorder copies rows into a new order; data is rows of equal length.
func reorder[T any](data []T, rows int, order []int) []T {
	if order == nil || rows == 0 {
		return data
	}
	n := len(data) / rows
	out := make([]T, 0, len(data))
	for _, from := range order {
		out = append(out, data[from*n:(from+1)*n]...)
	}
	return out
}
