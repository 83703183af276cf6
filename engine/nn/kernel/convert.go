package kernel

import (
	"math"
	"unsafe"
)

// convertArgs is the operand list of the kernels that convert activations.
type convertArgs struct {
	dst, src unsafe.Pointer
	n        int // blocks to quantise, values to narrow; at least 1
}

// tiny keeps the inverse of a block's largest magnitude finite. Values below it vanish.
const tiny = 1e-30

// quantiseRow is symmetric: the largest magnitude of a block becomes 127.
func quantiseRow(dst []record, x []float32) {
	for b := range len(x) / block {
		v := (*[block]float32)(unsafe.Pointer(&x[b*block]))
		var top float32
		for _, f := range v {
			top = max(top, float32(math.Abs(float64(f))))
		}
		rec := &dst[b]
		rec.scale = top / 127
		inv := 127 / max(top, tiny)
		var sum int32
		for i, f := range v {
			q := int32(math.RoundToEven(float64(f * inv)))
			rec.q[i] = int8(q)
			sum += q
		}
		rec.sum = rec.scale * float32(sum)
		rec.shift = -128 * sum
	}
}

func narrowRow(dst []uint16, x []float32) {
	dst = dst[:len(x)]
	for i, v := range x {
		dst[i] = bfloat(v)
	}
}

// pairRow writes pairs of bfloat16, element i of low and element i of high; a nil high means zeros.
func pairRow(dst []uint16, low, high []float32) {
	dst = dst[:2*len(low)]
	for i, v := range low {
		dst[2*i] = bfloat(v)
		if high == nil {
			dst[2*i+1] = 0
		} else {
			dst[2*i+1] = bfloat(high[i])
		}
	}
}

// transposeArgs is the operand list of the kernels that transpose 32-bit elements.
type transposeArgs struct {
	dst, src   unsafe.Pointer
	ldd, lds   int // bytes between rows
	rows, cols int // of src
}

// scalar transposes the columns from c.
func (t *transposeArgs) scalar(c int) {
	for ; c < t.cols; c++ {
		d := unsafe.Slice((*uint32)(at(t.dst, c*t.ldd)), t.rows)
		for r := range d {
			d[r] = *(*uint32)(at(t.src, r*t.lds+4*c))
		}
	}
}
