package report

import (
	"bytes"
	"encoding/base64"
	"html/template"
	"image"
	"image/color"
	_ "image/gif" // pictures of items
	"image/jpeg"
	_ "image/png" // likewise
	"io"
	"io/fs"

	"stylesprint/evaluate/compare"
)

// Sizes of the pictures in a file.
const (
	thumbWidth   = 120       // CSS pixels
	thumbQuality = 70        // of JPEG
	maxThumbs    = 1_000_000 // bytes of all pictures of a file
	maxSource    = 20 << 20  // bytes of a picture that is read
	maxPixels    = 40_000_000
)

// Thumbnails makes Input.Picture for a file: small JPEG copies of the items' first
// pictures, inside the file, until together they reach a megabyte. A picture that
// cannot be read, is in another format than PNG, JPEG and GIF, or comes after that is
// left out; nothing else fails. It returns nil for nil images.
func Thumbnails(images fs.FS) func(compare.Row) template.URL {
	if images == nil {
		return nil
	}
	spent := 0
	return func(r compare.Row) template.URL {
		if len(r.Images) == 0 || spent >= maxThumbs {
			return ""
		}
		b, ok := thumbnail(images, r.Images[0])
		if !ok {
			return ""
		}
		spent += len(b)
		return template.URL("data:image/jpeg;base64," + base64.StdEncoding.EncodeToString(b)) // base64 holds no markup
	}
}

func thumbnail(images fs.FS, name string) (b []byte, ok bool) {
	f, err := images.Open(name)
	if err != nil {
		return nil, false
	}
	defer f.Close()
	text, err := io.ReadAll(io.LimitReader(f, maxSource+1))
	if err != nil || len(text) > maxSource {
		return nil, false
	}
	head, _, err := image.DecodeConfig(bytes.NewReader(text))
	if err != nil || head.Width <= 0 || head.Height <= 0 || head.Width > maxPixels/head.Height {
		return nil, false
	}
	img, _, err := image.Decode(bytes.NewReader(text))
	if err != nil {
		return nil, false
	}
	var out bytes.Buffer
	if err := jpeg.Encode(&out, shrink(img, thumbWidth), &jpeg.Options{Quality: thumbQuality}); err != nil {
		return nil, false
	}
	return out.Bytes(), true
}

// shrink makes img at most so wide, each pixel the mean of those that it stands
// for, on white where it is transparent.
func shrink(img image.Image, width int) image.Image {
	from := img.Bounds()
	width = min(width, from.Dx())
	height := max(1, from.Dy()*width/from.Dx())
	out := image.NewRGBA(image.Rect(0, 0, width, height))
	for y := range height {
		for x := range width {
			var sum [3]uint64
			var n uint64
			for v := from.Min.Y + y*from.Dy()/height; v < from.Min.Y+max((y+1)*from.Dy()/height, y*from.Dy()/height+1); v++ {
				for u := from.Min.X + x*from.Dx()/width; u < from.Min.X+max((x+1)*from.Dx()/width, x*from.Dx()/width+1); u++ {
					r, g, b, a := img.At(u, v).RGBA()
					rest := uint64(0xffff - a)
					sum[0], sum[1], sum[2], n = sum[0]+uint64(r)+rest, sum[1]+uint64(g)+rest, sum[2]+uint64(b)+rest, n+1
				}
			}
			out.SetRGBA(x, y, color.RGBA{uint8(sum[0] / n >> 8), uint8(sum[1] / n >> 8), uint8(sum[2] / n >> 8), 0xff})
		}
	}
	return out
}
