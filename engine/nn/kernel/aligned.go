package kernel

import "unsafe"

// Alignment of the buffers below, in bytes: one cache line, one vector.
const Alignment = 64

// Float32s returns n zeroed values, the first at a multiple of Alignment.
func Float32s(n int) []float32 { return aligned[float32](n) }

// aligned is Float32s for any type; one whose size does not divide Alignment is left as it comes.
func aligned[T any](n int) []T {
	var t T
	size := int(unsafe.Sizeof(t))
	if n == 0 {
		return nil
	}
	if Alignment%size != 0 {
		return make([]T, n)
	}
	b := make([]T, n+Alignment/size)
	skip := 0
	for uintptr(unsafe.Pointer(&b[skip]))%Alignment != 0 {
		skip++
	}
	return b[skip : skip+n : skip+n]
}

// grow returns a buffer of n values, b itself if it is large enough. The values are not kept.
func grow[T any](b []T, n int) []T {
	if cap(b) >= n {
		return b[:n]
	}
	return aligned[T](n + n/4)[:n]
}
