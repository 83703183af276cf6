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
