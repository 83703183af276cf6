package main

import (
	"fmt"
	"image"
	"image/color"
	imagedraw "image/draw"
	"math"
	"strconv"
	"strings"

	"golang.org/x/image/vector"
)

// kind says how a layer is painted.
type kind int

const (
	body  kind = iota // the cloth itself
	shade             // a fold, darker
	light             // a highlight
	trim              // button, seam, rib: a darker or lighter tone of the cloth
	sole              // rubber, leather
	metal             // buckle, hoop
	hole              // the ground seen through
)

// layer is a filled path in a box 75 wide and 100 high. Commands are M, L, C
// (absolute, as in SVG) and Z; "O x y r" adds a circle.
type layer struct {
	kind kind
	path string
}

// shapeOf picks the garment by the words of the name, then by category.
func shapeOf(p product) ([]layer, error) {
	name := strings.ToLower(p.Name)
	for _, s := range shapes() {
		if strings.Contains(name, s.word) {
			return s.layers, nil
		}
	}
	return nil, fmt.Errorf("no shape for %q; add one to shapes in tools/drawgarments", p.Name)
}

func fillAll(img imagedraw.Image, c color.Color) {
	imagedraw.Draw(img, img.Bounds(), image.NewUniform(c), image.Point{}, imagedraw.Src)
}

func fillPath(img *image.RGBA, path string, paint image.Image) error {
	r := vector.NewRasterizer(width, height)
	r.DrawOp = imagedraw.Over
	f := strings.Fields(path)
	for i := 0; i < len(f); {
		n, ok := map[string]int{"M": 2, "L": 2, "C": 6, "Z": 0, "O": 3}[f[i]]
		if !ok || i+n >= len(f) {
			return fmt.Errorf("path %q: bad command at word %d", path, i)
		}
		a := make([]float32, n)
		for j := range a {
			v, err := strconv.ParseFloat(f[i+1+j], 32)
			if err != nil {
				return fmt.Errorf("path %q: %w", path, err)
			}
			a[j] = float32(v) * width / 75
		}
		step(r, f[i], a)
		i += n + 1
	}
	r.Draw(img, img.Bounds(), paint, image.Point{})
	return nil
}

func step(r *vector.Rasterizer, cmd string, a []float32) {
	switch cmd {
	case "M":
		r.MoveTo(a[0], a[1])
	case "L":
		r.LineTo(a[0], a[1])
	case "C":
		r.CubeTo(a[0], a[1], a[2], a[3], a[4], a[5])
	case "Z":
		r.ClosePath()
	case "O":
		const k = 0.5522847 // cubic approximation of a quarter circle
		x, y, q := a[0], a[1], a[2]
		r.MoveTo(x+q, y)
		r.CubeTo(x+q, y+k*q, x+k*q, y+q, x, y+q)
		r.CubeTo(x-k*q, y+q, x-q, y+k*q, x-q, y)
		r.CubeTo(x-q, y-k*q, x-k*q, y-q, x, y-q)
		r.CubeTo(x+k*q, y-q, x+q, y-k*q, x+q, y)
		r.ClosePath()
	}
}

// cloth is an endless image of a colour with a pattern.
type cloth struct {
	base, second color.NRGBA
	pattern      func(x, y int) bool
}

func (c cloth) ColorModel() color.Model { return color.NRGBAModel }
func (c cloth) Bounds() image.Rectangle { return image.Rect(-1e6, -1e6, 1e6, 1e6) }
func (c cloth) At(x, y int) color.Color {
	if c.pattern != nil && c.pattern(x, y) {
		return c.second
	}
	return c.base
}

// trim is the cloth's tone for small parts: darker on light cloth, lighter on dark.
func (c cloth) trim() color.NRGBA {
	lum := 0.299*float64(c.base.R) + 0.587*float64(c.base.G) + 0.114*float64(c.base.B)
	f := 0.72
	if lum < 80 {
		f = 1.45
	}
	mul := func(v uint8) uint8 { return uint8(math.Min(255, float64(v)*f+12)) }
	return color.NRGBA{mul(c.base.R), mul(c.base.G), mul(c.base.B), 255}
}

func clothOf(name string) (cloth, error) {
	c, ok := colours()[name]
	if !ok {
		return cloth{}, fmt.Errorf("no colour %q; add it to colours in tools/drawgarments", name)
	}
	out := cloth{base: rgb(c.base), second: rgb(c.second)}
	switch {
	case strings.Contains(name, "dot"):
		out.pattern = func(x, y int) bool {
			row := y / 14
			dx, dy := (x+row%2*8)%16-8, y%14-7
			return dx*dx+dy*dy <= 5
		}
	case strings.Contains(name, "stripe"):
		out.pattern = func(x, _ int) bool { return x%12 < 4 }
	case strings.Contains(name, "check"):
		out.pattern = func(x, y int) bool { return x%36 < 9 != (y%36 < 9) }
	case strings.Contains(name, "palm"):
		out.pattern = func(x, y int) bool {
			u, v := float64((x+y/52%2*26)%52)-26, float64(y%52)-26
			return math.Abs(u) < 20*math.Exp(-math.Abs(v)/9) && math.Sin(math.Abs(u)-v) > -0.4
		}
	case strings.Contains(name, "melange"):
		out.pattern = func(x, y int) bool { return (x*7919+y*104729+x*y*31)%11 < 2 }
	}
	return out, nil
}

func rgb(hex uint32) color.NRGBA {
	return color.NRGBA{uint8(hex >> 16), uint8(hex >> 8), uint8(hex), 255}
}

type tone struct{ base, second uint32 }

func colours() map[string]tone {
	return map[string]tone{
		"sage green": {0x9CAF88, 0}, "terracotta": {0xC2683F, 0}, "navy dot": {0x23304F, 0xF4F1E8}, "black": {0x24211F, 0}, "champagne": {0xE7D3AE, 0},
		"oatmeal": {0xD9CBB3, 0}, "bottle green": {0x1F4537, 0}, "ecru": {0xECE3CE, 0}, "rust": {0xA8502B, 0}, "charcoal": {0x45464A, 0},
		"white": {0xFFFFFF, 0}, "sky stripe": {0xF7FAFC, 0x8FB8DA}, "ivory": {0xFBF6E6, 0}, "mid blue": {0x4F75A8, 0}, "palm print": {0xE4EBD8, 0x4F7F52},
		"stone": {0xBFB5A3, 0}, "dark indigo": {0x28324F, 0}, "olive": {0x6B6B3A, 0}, "ink": {0x27314A, 0}, "tobacco": {0x8A6340, 0},
		"camel": {0xC19A63, 0}, "marigold": {0xEBA31B, 0}, "khaki": {0xB9A77F, 0}, "moss": {0x66724A, 0}, "plum": {0x673352, 0},
		"pewter": {0x8F9396, 0}, "red check": {0xB33A34, 0x5F1F22}, "washed blue": {0x8DA9C9, 0}, "saffron": {0xE8B032, 0}, "aubergine": {0x47283F, 0},
		"dark brown": {0x53382A, 0}, "off-white": {0xF3EEE2, 0}, "tan": {0xBE8A56, 0}, "grey melange": {0x9A9A9C, 0x77777A}, "midnight": {0x1E2438, 0},
		"natural": {0xE6D9BE, 0}, "blue check": {0x6F95C4, 0x35568C}, "fern": {0x5E8D4E, 0}, "gold tone": {0xCDA349, 0},
	}
}
