package picture

import "math"

// precision is the binary places of coefficients: 32 less 8 of a pixel less 2 for overshoot.
const precision = 32 - 8 - 2

// rect is a part of a picture.
type rect struct{ x, y, width, height int }

// resize is the resize of Pillow 13 with BICUBIC (Resample.c: a = -0.5, support grown by the factor of
// reduction, coefficients rounded to 22 bits, rounded to bytes between the passes), of which only a
// window of the result is computed.
func (im *Image) resize(width, height int, window rect) *Image {
	h := coefficients(im.Width, width, window.x, window.width)
	v := coefficients(im.Height, height, window.y, window.height)
	left, right := extent(h)
	top, bottom := extent(v)
	// Pillow before 13 always begins with the columns.
	if width != im.Width && height < im.Height && im.Height-height > 2*(im.Width-width) {
		return im.rows(v, left, right).columns(h, 0, len(v), left)
	}
	return im.columns(h, top, bottom, 0).rows(shifted(v, top), 0, len(h))
}

// extent is the range of pixels that taps read.
func extent(taps []taps) (first, last int) {
	first = taps[0].first
	for _, t := range taps {
		first, last = min(first, t.first), max(last, t.first+len(t.factors))
	}
	return first, last
}

// shifted are taps on a picture that lacks its first n pixels.
func shifted(all []taps, n int) []taps {
	for i := range all {
		all[i].first -= n
	}
	return all
}

// taps are what one pixel of a result is made of.
type taps struct {
	first   int // pixel
	factors []int32
}

// coefficients are the taps of pixels [from, from+n) of size, made of all of source.
func coefficients(source, size, from, n int) []taps {
	out := make([]taps, n)
	if source == size { // Pillow leaves out a pass that changes nothing
		for i := range out {
			out[i] = taps{from + i, []int32{1 << precision}}
		}
		return out
	}
	scale := float64(source) / float64(size)
	grown := max(scale, 1)
	support := 2 * grown
	inverse := 1 / grown
	weights := make([]float64, 0, int(math.Ceil(support))*2+1)
	for i := range out {
		center := float64((float64(from+i) + 0.5) * scale)
		low := max(int(center-support+0.5), 0)
		high := min(int(center+support+0.5), source)
		weights = weights[:0]
		sum := 0.0
		for x := low; x < high; x++ {
			w := bicubic(float64((float64(x) - center + 0.5) * inverse))
			weights = append(weights, w)
			sum += w
		}
		t := taps{low, make([]int32, len(weights))}
		for k, w := range weights {
			if sum != 0 {
				w /= sum
			}
			t.factors[k] = int32(float64(w*(1<<precision)) + math.Copysign(0.5, w))
		}
		out[i] = t
	}
	return out
}

// bicubic is the cubic convolution kernel with a = -0.5 (Keys 1981, eq. 15).
// The conversions keep compilers from fusing, so that every machine rounds alike.
func bicubic(x float64) float64 {
	const a = -0.5
	x = math.Abs(x)
	switch {
	case x < 1:
		return float64(float64((float64((a+2)*x)-(a+3))*x)*x) + 1
	case x < 2:
		return float64((float64((float64((x-5)*x)+8)*x) - 4) * a)
	}
	return 0
}

// columns is the pass along the rows [first, last); the picture lacks the first offset columns of the
// one that h is about.
func (im *Image) columns(h []taps, first, last, offset int) *Image {
	out := &Image{Width: len(h), Height: last - first, Pix: make([]uint8, 3*len(h)*(last-first))}
	i := 0
	for y := first; y < last; y++ {
		row := im.Pix[3*y*im.Width:][:3*im.Width]
		for k := range h {
			r, g, b := int32(1<<(precision-1)), int32(1<<(precision-1)), int32(1<<(precision-1))
			src := row[3*(h[k].first-offset):][:3*len(h[k].factors)]
			for _, f := range h[k].factors {
				r += int32(src[0]) * f
				g += int32(src[1]) * f
				b += int32(src[2]) * f
				src = src[3:]
			}
			out.Pix[i], out.Pix[i+1], out.Pix[i+2] = clip8(int(r>>precision)), clip8(int(g>>precision)), clip8(int(b>>precision))
			i += 3
		}
	}
	return out
}

// rows is the pass down the columns [left, right).
func (im *Image) rows(v []taps, left, right int) *Image {
	stride := 3 * (right - left)
	out := &Image{Width: right - left, Height: len(v), Pix: make([]uint8, stride*len(v))}
	sums := make([]int32, stride)
	for y := range v {
		for i := range sums {
			sums[i] = 1 << (precision - 1)
		}
		for k, f := range v[y].factors {
			row := im.Pix[3*((v[y].first+k)*im.Width+left):][:stride]
			for i, p := range row {
				sums[i] += int32(p) * f
			}
		}
		dst := out.Pix[y*stride:][:stride]
		for i, s := range sums {
			dst[i] = clip8(int(s >> precision))
		}
	}
	return out
}
