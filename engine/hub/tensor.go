package hub

import (
	"fmt"
	"math"
	"slices"
	"strings"
)

// Type is how the numbers of a tensor are stored.
type Type uint8

// The types that can be read. Those with a block of more than one number are
// GGML's: https://github.com/ggml-org/ggml, docs/gguf.md.
const (
	F64 Type = iota + 1
	F32
	F16
	BF16
	I64
	I32
	I16
	I8
	U8
	Bool
	Q4_0
	Q4_1
	Q5_0
	Q5_1
	Q8_0
	Q2_K
	Q3_K
	Q4_K
	Q5_K
	Q6_K
	IQ4_NL
	IQ4_XS
	MXFP4
)

// layout is the size of one block of a type: how many numbers in how many bytes.
type layout struct {
	name          string
	block, nbytes int
}

func (t Type) layout() layout {
	switch t {
	case F64:
		return layout{"F64", 1, 8}
	case F32:
		return layout{"F32", 1, 4}
	case F16:
		return layout{"F16", 1, 2}
	case BF16:
		return layout{"BF16", 1, 2}
	case I64:
		return layout{"I64", 1, 8}
	case I32:
		return layout{"I32", 1, 4}
	case I16:
		return layout{"I16", 1, 2}
	case I8:
		return layout{"I8", 1, 1}
	case U8:
		return layout{"U8", 1, 1}
	case Bool:
		return layout{"BOOL", 1, 1}
	case Q4_0:
		return layout{"Q4_0", 32, 18}
	case Q4_1:
		return layout{"Q4_1", 32, 20}
	case Q5_0:
		return layout{"Q5_0", 32, 22}
	case Q5_1:
		return layout{"Q5_1", 32, 24}
	case Q8_0:
		return layout{"Q8_0", 32, 34}
	case Q2_K:
		return layout{"Q2_K", 256, 84}
	case Q3_K:
		return layout{"Q3_K", 256, 110}
	case Q4_K:
		return layout{"Q4_K", 256, 144}
	case Q5_K:
		return layout{"Q5_K", 256, 176}
	case Q6_K:
		return layout{"Q6_K", 256, 210}
	case IQ4_NL:
		return layout{"IQ4_NL", 32, 18}
	case IQ4_XS:
		return layout{"IQ4_XS", 256, 136}
	case MXFP4:
		return layout{"MXFP4", 32, 17}
	}
	return layout{}
}

// String is the name in the formats' own documents: "F32", "Q4_1".
func (t Type) String() string {
	if l := t.layout(); l.name != "" {
		return l.name
	}
	return fmt.Sprintf("Type(%d)", uint8(t))
}

// Block is how many numbers are stored together; a row is a whole number of blocks.
func (t Type) Block() int { return t.layout().block }

// BlockBytes is the size of one block.
func (t Type) BlockBytes() int { return t.layout().nbytes }

// Tensor is a named array in a model file.
type Tensor struct {
	Name string
	// Shape is in row-major order, outermost first: a linear layer's weight is
	// {out, in}. (GGUF stores the reverse; its reader turns it round.)
	Shape []int
	Type  Type
	// Data is the stored bytes, little-endian, a read-only view of the file that
	// lives until the reader is closed. Its length is always right for Shape and Type.
	Data []byte
}

// Elements is the product of the shape.
func (t Tensor) Elements() int {
	n := 1
	for _, d := range t.Shape {
		n *= d
	}
	return n
}

// Rows is the number of rows: all dimensions but the last, multiplied.
func (t Tensor) Rows() int {
	if len(t.Shape) == 0 {
		return 1
	}
	n := 1
	for _, d := range t.Shape[:len(t.Shape)-1] {
		n *= d
	}
	return n
}

// Columns is the length of a row: the last dimension, or 1 for a scalar.
func (t Tensor) Columns() int {
	if len(t.Shape) == 0 {
		return 1
	}
	return t.Shape[len(t.Shape)-1]
}

// Slice is a view of rows [from, to) as a matrix. It panics, as slicing does, if
// the bounds are outside the tensor.
func (t Tensor) Slice(from, to int) Tensor {
	row := 0
	if n := t.Rows(); n > 0 {
		row = len(t.Data) / n
	}
	return Tensor{Name: t.Name, Shape: []int{to - from, t.Columns()}, Type: t.Type, Data: t.Data[from*row : to*row : to*row]}
}

// Float32 converts every number to float32, in row-major order, into dst, which
// is used if its capacity suffices and replaced if not; nil is fine. Parts of a tensor can be
// converted side by side through Slice.
func (t Tensor) Float32(dst []float32) ([]float32, error) {
	n := t.Elements()
	l := t.Type.layout()
	if l.block == 0 || n < 0 || len(t.Data) != n/l.block*l.nbytes || n%l.block != 0 {
		return nil, formatErrorf("tensor %s: %d bytes do not hold %d numbers of type %s", t.Name, len(t.Data), n, t.Type)
	}
	if cap(dst) < n {
		dst = make([]float32, n)
	}
	dst = dst[:n]
	expand(dst, t.Data, t.Type)
	return dst, nil
}

// FormatError says that a file is not what its format demands, or is of a kind
// that cannot be read. Path is empty inside a parser that has only bytes.
type FormatError struct {
	Path   string
	Reason string
}

func (e *FormatError) Error() string {
	if e.Path == "" {
		return e.Reason
	}
	return "read " + e.Path + ": " + e.Reason
}

// Hint says what usually helps.
func (e *FormatError) Hint() string {
	return "the file is damaged or of an unsupported kind; if it came from the model cache, run: stylesprint models verify"
}

func formatErrorf(format string, args ...any) error {
	return &FormatError{Reason: fmt.Sprintf(format, args...)}
}

// withPath names the file in an error of a parser.
func withPath(path string, err error) error {
	if f, ok := err.(*FormatError); ok && f.Path == "" {
		return &FormatError{Path: path, Reason: f.Reason}
	}
	return fmt.Errorf("read %s: %w", path, err)
}

// Limits on what a header may claim. Real files stay far below.
const (
	maxDimensions  = 8
	maxNameLength  = 4096
	maxTensorCount = 1 << 20
	// maxEmptyDimension bounds loops over the rows of a tensor without numbers.
	maxEmptyDimension = 1 << 20
)

// tensorBytes is the stored size of a shape, or an error if a dimension or the
// product is out of range or rows are not whole blocks.
func tensorBytes(shape []int, typ Type) (int, error) {
	l := typ.layout()
	n := 1
	for _, d := range shape {
		if d < 0 || (d > 0 && n > math.MaxInt/8/d) {
			return 0, formatErrorf("shape %v is out of range", shape)
		}
		n *= d
	}
	if n == 0 && slices.Max(shape) > maxEmptyDimension {
		return 0, formatErrorf("shape %v is out of range for an empty tensor", shape)
	}
	if l.block > 1 && (len(shape) == 0 || shape[len(shape)-1]%l.block != 0) {
		return 0, formatErrorf("rows of shape %v are not whole blocks of %d, as %s needs", shape, l.block, typ)
	}
	return n / l.block * l.nbytes, nil
}

// printable shortens and quotes a name from a file for an error message.
func printable(s string) string {
	if len(s) > 80 {
		s = s[:80] + "..."
	}
	return fmt.Sprintf("%q", strings.ToValidUTF8(s, "?"))
}
