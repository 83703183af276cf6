package nn

import "math"

// bfloat16 rounds to the nearest, ties to even.
func bfloat16(x float32) uint16 {
	u := math.Float32bits(x)
	if u&0x7fffffff > 0x7f800000 {
		return uint16(u>>16) | 0x40 // keep a NaN a NaN
	}
	return uint16((u + 0x7fff + (u>>16)&1) >> 16)
}

func widen(h uint16) float32 { return math.Float32frombits(uint32(h) << 16) }
