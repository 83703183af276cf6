package draw

import (
	"fmt"
	"image"
	"image/color"
	imagedraw "image/draw"
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

func fillAll(img imagedraw.Image, c color.Color) {
	imagedraw.Draw(img, img.Bounds(), image.NewUniform(c), image.Point{}, imagedraw.Src)
}

// mover puts a point of the box somewhere else; nil leaves it.
type mover func(x, y float64) (float64, float64)

// fillPath fills a path with paint.
func fillPath(img *image.RGBA, path string, paint image.Image, move mover) error {
	r := vector.NewRasterizer(Width, Height)
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
			a[j] = float32(v)
		}
		step(pen{r, move}, f[i], a)
		i += n + 1
	}
	if _, plain := paint.(*image.Uniform); plain {
		r.Draw(img, img.Bounds(), paint, image.Point{})
		return nil
	}
	mask := image.NewAlpha(img.Bounds())
	r.Draw(mask, mask.Bounds(), image.Opaque, image.Point{})
	imagedraw.DrawMask(img, img.Bounds(), paint, image.Point{}, mask, image.Point{}, imagedraw.Over)
	return nil
}

func step(p pen, cmd string, a []float32) {
	switch cmd {
	case "M":
		p.r.MoveTo(p.at(a[0], a[1]))
	case "L":
		p.r.LineTo(p.at(a[0], a[1]))
	case "C":
		p.cube(a[0], a[1], a[2], a[3], a[4], a[5])
	case "Z":
		p.r.ClosePath()
	case "O":
		const k = 0.5522847 // cubic approximation of a quarter circle
		x, y, q := a[0], a[1], a[2]
		p.r.MoveTo(p.at(x+q, y))
		p.cube(x+q, y+k*q, x+k*q, y+q, x, y+q)
		p.cube(x-k*q, y+q, x-q, y+k*q, x-q, y)
		p.cube(x-q, y-k*q, x-k*q, y-q, x, y-q)
		p.cube(x+k*q, y-q, x+q, y-k*q, x+q, y)
		p.r.ClosePath()
	}
}

// pen draws in the box's units.
type pen struct {
	r    *vector.Rasterizer
	move mover
}

// at is a point of the box in pixels.
func (p pen) at(x, y float32) (float32, float32) {
	if p.move != nil {
		mx, my := p.move(float64(x), float64(y))
		x, y = float32(mx), float32(my)
	}
	return x * Width / 75, y * Width / 75
}

func (p pen) cube(x1, y1, x2, y2, x3, y3 float32) {
	ax, ay := p.at(x1, y1)
	bx, by := p.at(x2, y2)
	cx, cy := p.at(x3, y3)
	p.r.CubeTo(ax, ay, bx, by, cx, cy)
}
