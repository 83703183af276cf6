package hub

import (
	"encoding/binary"
	"math"
)

// expand converts whole blocks of src to len(dst) numbers. The lengths match; the
// caller has checked them. The block layouts are those of ggml-quants.c, and
// each is held to the values of the gguf package for Python by the tests.
func expand(dst []float32, src []byte, typ Type) {
	switch typ {
	case F64, F32, F16, BF16, I64, I32, I16, I8, U8, Bool:
		expandPlain(dst, src, typ)
		return
	}
	l := typ.layout()
	block := blockExpander(typ)
	for len(src) >= l.nbytes {
		block(dst[:l.block], src[:l.nbytes])
		dst, src = dst[l.block:], src[l.nbytes:]
	}
}

func expandPlain(dst []float32, src []byte, typ Type) {
	le := binary.LittleEndian
	switch typ {
	case F64:
		for i := range dst {
			dst[i] = float32(math.Float64frombits(le.Uint64(src[8*i:])))
		}
	case F32:
		for i := range dst {
			dst[i] = math.Float32frombits(le.Uint32(src[4*i:]))
		}
	case F16:
		for i := range dst {
			dst[i] = half(src[2*i:])
		}
	case BF16:
		for i := range dst {
			dst[i] = math.Float32frombits(uint32(le.Uint16(src[2*i:])) << 16)
		}
	case I64:
		for i := range dst {
			dst[i] = float32(int64(le.Uint64(src[8*i:])))
		}
	case I32:
		for i := range dst {
			dst[i] = float32(int32(le.Uint32(src[4*i:])))
		}
	case I16:
		for i := range dst {
			dst[i] = float32(int16(le.Uint16(src[2*i:])))
		}
	case I8:
		for i := range dst {
			dst[i] = float32(int8(src[i]))
		}
	case U8, Bool:
		for i := range dst {
			dst[i] = float32(src[i])
		}
	}
}

// half reads an IEEE 754 half-precision number.
func half(b []byte) float32 {
	h := uint32(binary.LittleEndian.Uint16(b))
	sign, exp, frac := h>>15<<31, h>>10&31, h&1023
	switch exp {
	case 0: // zero or subnormal: frac x 2^-24, exact in float32
		return math.Float32frombits(sign | math.Float32bits(float32(frac)*0x1p-24))
	case 31:
		return math.Float32frombits(sign | 0x7f800000 | frac<<13)
	}
	return math.Float32frombits(sign | (exp+112)<<23 | frac<<13)
}

func blockExpander(typ Type) func(dst []float32, b []byte) {
	switch typ {
	case Q4_0:
		return expandQ4_0
	case Q4_1:
		return expandQ4_1
	case Q5_0:
		return expandQ5_0
	case Q5_1:
		return expandQ5_1
	case Q8_0:
		return expandQ8_0
	case Q2_K:
		return expandQ2_K
	case Q3_K:
		return expandQ3_K
	case Q4_K:
		return expandQ4_K
	case Q5_K:
		return expandQ5_K
	case Q6_K:
		return expandQ6_K
	case IQ4_NL:
		return expandIQ4_NL
	case IQ4_XS:
		return expandIQ4_XS
	}
	return expandMXFP4
}

func expandQ4_0(dst []float32, b []byte) {
	d := half(b)
	for i, q := range b[2:18] {
		dst[i] = d * float32(int(q&15)-8)
		dst[i+16] = d * float32(int(q>>4)-8)
	}
}

func expandQ4_1(dst []float32, b []byte) {
	d, m := half(b), half(b[2:])
	for i, q := range b[4:20] {
		dst[i] = float32(d*float32(q&15)) + m
		dst[i+16] = float32(d*float32(q>>4)) + m
	}
}

func expandQ5_0(dst []float32, b []byte) {
	d, high := half(b), binary.LittleEndian.Uint32(b[2:])
	for i, q := range b[6:22] {
		dst[i] = d * float32(int(uint32(q&15)|high>>i&1<<4)-16)
		dst[i+16] = d * float32(int(uint32(q>>4)|high>>(i+16)&1<<4)-16)
	}
}

func expandQ5_1(dst []float32, b []byte) {
	d, m, high := half(b), half(b[2:]), binary.LittleEndian.Uint32(b[4:])
	for i, q := range b[8:24] {
		dst[i] = float32(d*float32(uint32(q&15)|high>>i&1<<4)) + m
		dst[i+16] = float32(d*float32(uint32(q>>4)|high>>(i+16)&1<<4)) + m
	}
}

func expandQ8_0(dst []float32, b []byte) {
	d := half(b)
	for i, q := range b[2:34] {
		dst[i] = d * float32(int8(q))
	}
}

// 16 bytes of 4-bit scales and minima, 64 bytes of 2-bit values, scale, minimum.
func expandQ2_K(dst []float32, b []byte) {
	scales, qs := b[:16], b[16:80]
	d, dmin := half(b[80:]), half(b[82:])
	for i := range dst[:256] {
		s := scales[i/16]
		q := qs[i/128*32+i%32] >> (i % 128 / 32 * 2) & 3
		dst[i] = float32(float32(d*float32(s&15))*float32(q)) - float32(dmin*float32(s>>4))
	}
}

// 32 bytes of inverted third bits, 64 bytes of 2-bit values, 12 bytes of 6-bit scales, scale.
func expandQ3_K(dst []float32, b []byte) {
	high, qs, packed := b[:32], b[32:96], b[96:108]
	d := half(b[108:])
	var scales [16]float32
	for i := range scales {
		low := packed[i%8] >> (i / 8 * 4) & 15
		top := packed[8+i%4] >> (i / 4 * 2) & 3
		scales[i] = d * float32(int(low|top<<4)-32)
	}
	for i := range dst[:256] {
		q := int(qs[i/128*32+i%32] >> (i % 128 / 32 * 2) & 3)
		if high[i%32]>>(i/32)&1 == 0 {
			q -= 4
		}
		dst[i] = scales[i/16] * float32(q)
	}
}

// scaleMin unpacks the j-th of eight 6-bit scales and minima from 12 bytes.
func scaleMin(p []byte, j int) (scale, minimum float32) {
	if j < 4 {
		return float32(p[j] & 63), float32(p[j+4] & 63)
	}
	return float32(p[j+4]&15 | p[j-4]>>6<<4), float32(p[j+4]>>4 | p[j]>>6<<4)
}

func expandQ4_K(dst []float32, b []byte) {
	d, dmin := half(b), half(b[2:])
	packed, qs := b[4:16], b[16:144]
	for j := range 8 {
		s, m := scaleMin(packed, j)
		s, m = d*s, dmin*m
		for i, q := range qs[j/2*32 : j/2*32+32] {
			dst[j*32+i] = float32(s*float32(q>>(j%2*4)&15)) - m
		}
	}
}

func expandQ5_K(dst []float32, b []byte) {
	d, dmin := half(b), half(b[2:])
	packed, high, qs := b[4:16], b[16:48], b[48:176]
	for j := range 8 {
		s, m := scaleMin(packed, j)
		s, m = d*s, dmin*m
		for i, q := range qs[j/2*32 : j/2*32+32] {
			v := q>>(j%2*4)&15 | high[i]>>j&1<<4
			dst[j*32+i] = float32(s*float32(v)) - m
		}
	}
}

// 128 bytes of low nibbles, 64 of high pairs, 16 signed scales, scale.
func expandQ6_K(dst []float32, b []byte) {
	low, high, scales := b[:128], b[128:192], b[192:208]
	d := half(b[208:])
	for i := range dst[:256] {
		h, k := i/128, i%128
		q := low[h*64+k%64]>>(k/64*4)&15 | high[h*32+k%32]>>(k/32*2)&3<<4
		dst[i] = float32(d*float32(int8(scales[i/16]))) * float32(int(q)-32)
	}
}

// The sixteen values of the IQ4 types, as signed bytes.
const iq4Values = "\x81\x98\xad\xbf\xcf\xdd\xea\xf6\x01\x0d\x19\x26\x35\x45\x59\x71"

func expandIQ4_NL(dst []float32, b []byte) {
	d := half(b)
	for i, q := range b[2:18] {
		dst[i] = d * float32(int8(iq4Values[q&15]))
		dst[i+16] = d * float32(int8(iq4Values[q>>4]))
	}
}

func expandIQ4_XS(dst []float32, b []byte) {
	d, top := half(b), binary.LittleEndian.Uint16(b[2:])
	low, qs := b[4:8], b[8:136]
	for j := range 8 {
		s := int(low[j/2]>>(j%2*4)&15) | int(top>>(2*j)&3)<<4
		ds := d * float32(s-32)
		for i, q := range qs[j*16 : j*16+16] {
			dst[j*32+i] = ds * float32(int8(iq4Values[q&15]))
			dst[j*32+16+i] = ds * float32(int8(iq4Values[q>>4]))
		}
	}
}

// Twice the values of the 4-bit float E2M1, as signed bytes.
const fp4Values = "\x00\x01\x02\x03\x04\x06\x08\x0c\x00\xff\xfe\xfd\xfc\xfa\xf8\xf4"

func expandMXFP4(dst []float32, b []byte) {
	// Half of 2^(e-127), since the table holds doubled values.
	bits := uint32(0x00200000) << (b[0] & 1)
	if b[0] >= 2 {
		bits = uint32(b[0]-1) << 23
	}
	d := math.Float32frombits(bits)
	for i, q := range b[1:17] {
		dst[i] = d * float32(int8(fp4Values[q&15]))
		dst[i+16] = d * float32(int8(fp4Values[q>>4]))
	}
}
