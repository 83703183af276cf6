package picture

import (
	"fmt"
	"image"
	"image/color"
)

// convert brings a decoded picture to RGB.
func convert(src image.Image, format string) (*Image, error) {
	b := src.Bounds()
	im := &Image{Width: b.Dx(), Height: b.Dy()}
	im.Pix = make([]uint8, 3*im.Width*im.Height)
	switch s := src.(type) {
	case *image.YCbCr:
		im.fromYCbCr(s, format == "WebP")
	case *image.NYCbCrA:
		im.fromYCbCr(&s.YCbCr, format == "WebP")
	case *image.Gray:
		im.each(func(dst []uint8, x, y int) { v := s.Pix[y*s.Stride+x]; dst[0], dst[1], dst[2] = v, v, v })
	case *image.Gray16:
		im.each(func(dst []uint8, x, y int) { v := s.Pix[y*s.Stride+2*x]; dst[0], dst[1], dst[2] = v, v, v })
	case *image.NRGBA:
		im.each(func(dst []uint8, x, y int) { copy(dst[:3], s.Pix[y*s.Stride+4*x:]) })
	case *image.RGBA: // of decoders, opaque
		im.each(func(dst []uint8, x, y int) { copy(dst[:3], s.Pix[y*s.Stride+4*x:]) })
	case *image.NRGBA64:
		im.each(func(dst []uint8, x, y int) { upper(dst, s.Pix[y*s.Stride+8*x:]) })
	case *image.RGBA64:
		im.each(func(dst []uint8, x, y int) { upper(dst, s.Pix[y*s.Stride+8*x:]) })
	case *image.CMYK:
		im.each(func(dst []uint8, x, y int) { fromCMYK(dst, s.Pix[y*s.Stride+4*x:]) })
	case *image.Paletted:
		return im, im.fromPalette(s)
	default:
		return nil, fmt.Errorf("colour model %T is not supported", src)
	}
	return im, nil
}

// each calls set for every pixel.
func (im *Image) each(set func(dst []uint8, x, y int)) {
	i := 0
	for y := range im.Height {
		for x := range im.Width {
			set(im.Pix[i:i+3:i+3], x, y)
			i += 3
		}
	}
}

// upper takes the upper bytes of three 16-bit values.
func upper(dst, src []uint8) { dst[0], dst[1], dst[2] = src[0], src[2], src[4] }

// fromCMYK is Pillow's cmyk2rgb: (1-k)(1-c), rounded.
func fromCMYK(dst, src []uint8) {
	k := 255 - uint32(src[3])
	for i := range dst {
		t := uint32(src[i])*k + 128
		dst[i] = uint8(k - ((t>>8)+t)>>8)
	}
}

func (im *Image) fromPalette(s *image.Paletted) error {
	table := make([][3]uint8, len(s.Palette))
	for i, c := range s.Palette {
		n, ok := c.(color.NRGBA)
		if !ok {
			r, ok := c.(color.RGBA)
			if !ok || r.A != 255 {
				return fmt.Errorf("palette of %T is not supported", c)
			}
			n = color.NRGBA(r)
		}
		table[i] = [3]uint8{n.R, n.G, n.B}
	}
	for y := range im.Height {
		row := s.Pix[y*s.Stride:][:im.Width]
		for x, index := range row {
			if int(index) >= len(table) {
				return fmt.Errorf("a pixel has colour %d of a palette of %d", index, len(table))
			}
			copy(im.Pix[3*(y*im.Width+x):], table[index][:])
		}
	}
	return nil
}

// upright turns the picture as an EXIF orientation of 1 to 8 says.
func (im *Image) upright(orientation int) *Image {
	w, h := im.Width, im.Height
	// from gives, for a pixel of the result, the pixel of im.
	var from func(x, y int) (int, int)
	switch orientation {
	case 2:
		from = func(x, y int) (int, int) { return w - 1 - x, y }
	case 3:
		from = func(x, y int) (int, int) { return w - 1 - x, h - 1 - y }
	case 4:
		from = func(x, y int) (int, int) { return x, h - 1 - y }
	case 5:
		from = func(x, y int) (int, int) { return y, x }
	case 6:
		from = func(x, y int) (int, int) { return y, h - 1 - x }
	case 7:
		from = func(x, y int) (int, int) { return w - 1 - y, h - 1 - x }
	case 8:
		from = func(x, y int) (int, int) { return w - 1 - y, x }
	default:
		return im
	}
	out := &Image{Width: w, Height: h, Pix: make([]uint8, len(im.Pix))}
	if orientation >= 5 {
		out.Width, out.Height = h, w
	}
	out.each(func(dst []uint8, x, y int) {
		fx, fy := from(x, y)
		copy(dst, im.Pix[3*(fy*w+fx):][:3])
	})
	return out
}
