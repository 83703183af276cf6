package draw

import (
	"cmp"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"maps"
	"math"
	"slices"
)

// The most colours that an encoded picture has, and how many of them are the
// commonest of the picture: its flat parts.
const (
	tones     = 96
	flatTones = 32
)

// Encode writes a picture as a PNG of at most 96 colours: the commonest, then one
// by one the colour that is farthest from those taken. What is left, on edges,
// takes the nearest.
func Encode(w io.Writer, img *image.RGBA) error {
	counts := map[color.RGBA]int{}
	b := img.Bounds()
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x, n := b.Min.X, 0; x < b.Max.X; x += n { // flat parts are long runs
			n = run(img, x, y)
			counts[img.RGBAAt(x, y)] += n
		}
	}
	byCount := slices.SortedFunc(maps.Keys(counts), func(a, b color.RGBA) int {
		return cmp.Or(cmp.Compare(counts[b], counts[a]), cmp.Compare(key(a), key(b)))
	})
	palette := choose(byCount)
	index := make(map[color.RGBA]uint8, len(counts))
	for c := range counts {
		index[c] = uint8(palette.Index(c))
	}
	out := image.NewPaletted(b, palette)
	for y := b.Min.Y; y < b.Max.Y; y++ {
		for x := b.Min.X; x < b.Max.X; {
			i := index[img.RGBAAt(x, y)]
			for range run(img, x, y) {
				out.SetColorIndex(x, y, i)
				x++
			}
		}
	}
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	if err := enc.Encode(w, out); err != nil {
		return fmt.Errorf("encode picture: %w", err)
	}
	return nil
}

// run is the number of pixels of one colour from x on in a line.
func run(img *image.RGBA, x, y int) int {
	c, n := img.RGBAAt(x, y), 1
	for x+n < img.Bounds().Max.X && img.RGBAAt(x+n, y) == c {
		n++
	}
	return n
}

// choose takes the palette from colours in order of count.
func choose(byCount []color.RGBA) color.Palette {
	palette := make(color.Palette, 0, tones)
	distance := make([]int, len(byCount)) // squared, to the nearest taken
	for i := range distance {
		distance[i] = math.MaxInt
	}
	for n := range min(tones, len(byCount)) {
		next := n
		if n >= flatTones {
			for i, d := range distance {
				if d > distance[next] {
					next = i
				}
			}
		}
		taken := byCount[next]
		palette = append(palette, taken)
		for i, c := range byCount {
			distance[i] = min(distance[i], squares(c, taken))
		}
	}
	return palette
}

func squares(a, b color.RGBA) int {
	r, g, l := int(a.R)-int(b.R), int(a.G)-int(b.G), int(a.B)-int(b.B)
	return r*r + g*g + l*l
}

func key(c color.RGBA) uint32 {
	return uint32(c.R)<<16 | uint32(c.G)<<8 | uint32(c.B)
}
