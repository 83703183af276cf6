package picture

import "image"

// Chroma is stored at half the resolution by most JPEG and by lossy WebP files.
// Pillow's decoders interpolate it, each in its own way; so does this file, in
// integers, to the same values.

// fromYCbCr converts a JPEG's planes (JFIF, full range), or a lossy WebP's (BT.601, narrow range).
func (im *Image) fromYCbCr(s *image.YCbCr, narrow bool) {
	cw := (im.Width + 1) / 2
	switch s.SubsampleRatio {
	case image.YCbCrSubsampleRatio444, image.YCbCrSubsampleRatio440:
		cw = im.Width
	case image.YCbCrSubsampleRatio411, image.YCbCrSubsampleRatio410:
		cw = (im.Width + 3) / 4
	}
	c := chroma{s: s, width: im.Width, height: im.Height, cw: cw, sums: make([]int, cw)}
	cb, cr := make([]uint8, im.Width+1), make([]uint8, im.Width+1)
	for y := range im.Height {
		luma := s.Y[y*s.YStride:][:im.Width]
		dst := im.Pix[3*y*im.Width:][:3*im.Width]
		if narrow {
			c.rowWebP(cb, s.Cb, y)
			c.rowWebP(cr, s.Cr, y)
			convertNarrow(dst, luma, cb, cr)
			continue
		}
		c.row(cb, s.Cb, y)
		c.row(cr, s.Cr, y)
		convertFull(dst, luma, cb, cr)
	}
}

// chroma makes rows of chroma at full resolution.
type chroma struct {
	s                 *image.YCbCr
	width, height, cw int
	sums              []int
}

// line is a stored row; beyond the ends, the outermost.
func (c *chroma) line(plane []uint8, y, rows int) []uint8 {
	return plane[min(max(y, 0), rows-1)*c.s.CStride:][:c.cw]
}

// row is what libjpeg-turbo's jdsample.c makes of row y: a triangle filter over neighbours where
// there are half as many samples, repetition where there are fewer.
func (c *chroma) row(dst, plane []uint8, y int) {
	half := (c.height + 1) / 2
	near, far := y/2, y/2-1+2*(y&1)
	switch c.s.SubsampleRatio {
	case image.YCbCrSubsampleRatio444:
		copy(dst, c.line(plane, y, c.height))
	case image.YCbCrSubsampleRatio422:
		c.widen422(dst, c.line(plane, y, c.height))
	case image.YCbCrSubsampleRatio440:
		a, b := c.line(plane, near, half), c.line(plane, far, half)
		for x := range a {
			dst[x] = uint8((3*int(a[x]) + int(b[x]) + 1 + y&1) >> 2)
		}
	case image.YCbCrSubsampleRatio420:
		c.widen420(dst, c.line(plane, near, half), c.line(plane, far, half))
	case image.YCbCrSubsampleRatio411:
		repeat(dst[:c.width], c.line(plane, y, c.height), 4)
	case image.YCbCrSubsampleRatio410:
		repeat(dst[:c.width], c.line(plane, y/2, half), 4)
	}
}

func repeat(dst, src []uint8, times int) {
	for x := range dst {
		dst[x] = src[x/times]
	}
}

// widen422 is h2v1_fancy_upsample; up to two samples are repeated.
func (c *chroma) widen422(dst, src []uint8) {
	if len(src) <= 2 {
		repeat(dst[:c.width], src, 2)
		return
	}
	last := len(src) - 1
	for x := range src {
		v, left, right := 3*int(src[x]), src[max(x-1, 0)], src[min(x+1, last)]
		dst[2*x] = uint8((v + int(left) + 1) >> 2)
		if 2*x+1 < len(dst) {
			dst[2*x+1] = uint8((v + int(right) + 2) >> 2)
		}
	}
	dst[0] = src[0]
	if 2*last+1 < len(dst) {
		dst[2*last+1] = src[last]
	}
}

// widen420 is h2v2_fancy_upsample.
func (c *chroma) widen420(dst, near, far []uint8) {
	if len(near) <= 2 { // libjpeg repeats
		repeat(dst[:c.width], near, 2)
		return
	}
	for x := range near {
		c.sums[x] = 3*int(near[x]) + int(far[x])
	}
	last := len(near) - 1
	for x, v := range c.sums {
		left, right := c.sums[max(x-1, 0)], c.sums[min(x+1, last)]
		dst[2*x] = uint8((3*v + left + 8) >> 4)
		if 2*x+1 < len(dst) {
			dst[2*x+1] = uint8((3*v + right + 7) >> 4)
		}
	}
}

// rowWebP is what libwebp's fancy upsampler makes of row y of 4:2:0.
func (c *chroma) rowWebP(dst, plane []uint8, y int) {
	half := (c.height + 1) / 2
	near, far := y/2, y/2-1+2*(y&1)
	a, b := c.line(plane, near, half), c.line(plane, far, half)
	dst[0] = uint8((3*int(a[0]) + int(b[0]) + 2) >> 2)
	for x := 1; x < len(a); x++ {
		n0, n1, f0, f1 := int(a[x-1]), int(a[x]), int(b[x-1]), int(b[x])
		avg := n0 + n1 + f0 + f1 + 8
		dst[2*x-1] = uint8(((avg+2*(n1+f0))>>3 + n0) >> 1)
		dst[2*x] = uint8(((avg+2*(n0+f1))>>3 + n1) >> 1)
	}
	if c.width%2 == 0 {
		last := len(a) - 1
		dst[c.width-1] = uint8((3*int(a[last]) + int(b[last]) + 2) >> 2)
	}
}

func clip8(v int) uint8 { return uint8(min(max(v, 0), 255)) }

// convertFull is libjpeg's ycc_rgb_convert: factors in 16 bits.
func convertFull(dst, y, cb, cr []uint8) {
	const half = 1 << 15
	for x, v := range y {
		l, b, r := int(v), int(cb[x])-128, int(cr[x])-128
		d := dst[3*x : 3*x+3 : 3*x+3]
		d[0] = clip8(l + (91881*r+half)>>16)
		d[1] = clip8(l + (-22554*b-46802*r+half)>>16)
		d[2] = clip8(l + (116130*b+half)>>16)
	}
}

// convertNarrow is libwebp's VP8YuvToRgb: factors in 14 bits, sums in 6.
func convertNarrow(dst, y, cb, cr []uint8) {
	high := func(v uint8, factor int) int { return int(v) * factor >> 8 }
	for x, v := range y {
		l := high(v, 19077)
		d := dst[3*x : 3*x+3 : 3*x+3]
		d[0] = clip8((l + high(cr[x], 26149) - 14234) >> 6)
		d[1] = clip8((l - high(cb[x], 6419) - high(cr[x], 13320) + 8708) >> 6)
		d[2] = clip8((l + high(cb[x], 33050) - 17685) >> 6)
	}
}
