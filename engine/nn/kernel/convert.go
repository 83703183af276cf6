package kernel

import (
	"math"
	"unsafe"
)

// quantise writes the records of x, whose length is a multiple of block.
func (m *Machine) quantise(dst []record, x []float32) { quantiseRow(dst, x) }

// narrow rounds x to bfloat16.
func (m *Machine) narrow(dst []uint16, x []float32) { narrowRow(dst, x) }

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
		var inv float32
		if top > 0 {
			inv = 127 / top
		}
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
