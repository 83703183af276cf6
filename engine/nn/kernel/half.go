package kernel

import "math"

// halfToFloat widens an IEEE half.
func halfToFloat(h uint16) float32 {
	sign := uint32(h&0x8000) << 16
	exp := uint32(h>>10) & 0x1f
	man := uint32(h & 0x3ff)
	switch exp {
	case 0:
		v := float32(man) * (1.0 / (1 << 24))
		return math.Float32frombits(math.Float32bits(v) | sign)
	case 0x1f:
		return math.Float32frombits(sign | 0x7f800000 | man<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | man<<13)
}

// bfloat rounds to the nearest bfloat16, ties to even.
func bfloat(x float32) uint16 {
	u := math.Float32bits(x)
	if u&0x7fffffff > 0x7f800000 {
		return uint16(u>>16) | 0x40 // keep a NaN a NaN
	}
	return uint16((u + 0x7fff + (u>>16)&1) >> 16)
}

func widen(b uint16) float32 { return math.Float32frombits(uint32(b) << 16) }
