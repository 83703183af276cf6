// Package draw draws flat garments: a type such as "wrap dress" in a colour such
// as "navy dot" on a plain ground, as a studio picture would show it.
//
// Key words: type, cloth, variation.
//
// The usual path is TypeOf for a product's name, then Garment. Seed 0 is the
// plain picture, the one that the demo catalogue shows; every other seed varies
// proportion, position, tone, shade, pattern and ground a little, so that one
// type in one colour gives as many different pictures as are wanted:
//
//	for seed := range uint64(1000) {
//		img, err := draw.Garment("wrap dress", "navy dot", seed)
//	}
//
// The same arguments give the same picture, byte for byte. Types and Colours
// list what can be drawn; an unknown one is an error that names it. There is no
// state: functions are safe for concurrent use.
package draw

import (
	"fmt"
	"image"
	"image/color"
	"slices"
	"strings"
)

// The size of every picture, in pixels.
const (
	Width  = 384
	Height = 512
)

// Garment draws a type of Types in a colour of Colours, or in a plain one of
// them with " stripe", " dot", " check" or " melange" after it. Seed 0 draws it
// without variation.
func Garment(kind, colour string, seed uint64) (*image.RGBA, error) {
	g, ok := find(kind)
	if !ok {
		return nil, fmt.Errorf("no garment %q; add its shape to tools/drawgarments/draw", kind)
	}
	c, err := clothOf(colour, g.across)
	if err != nil {
		return nil, err
	}
	look := plain()
	if seed != 0 {
		look = varied(seed)
		c = look.dye(c)
	}
	img := image.NewRGBA(image.Rect(0, 0, Width, Height))
	fillAll(img, look.ground)
	for _, l := range g.layers {
		if err := fillPath(img, l.path, look.paint(l.kind, c), look.move); err != nil {
			return nil, fmt.Errorf("draw %s: %w", kind, err)
		}
	}
	return img, nil
}

// paint is what a layer is filled with.
func (v look) paint(k kind, c cloth) image.Image {
	switch k {
	case shade:
		return image.NewUniform(color.NRGBA{0, 0, 0, v.shade})
	case light:
		return image.NewUniform(color.NRGBA{255, 255, 255, v.light})
	case trim:
		return image.NewUniform(c.trim())
	case sole:
		return image.NewUniform(color.NRGBA{70, 60, 52, 255})
	case metal:
		return image.NewUniform(color.NRGBA{201, 164, 76, 255})
	case hole:
		return image.NewUniform(v.ground)
	}
	return c.image()
}

// Types lists the garments that can be drawn, in alphabetical order.
func Types() []string {
	var out []string
	for _, g := range shapes() {
		out = append(out, g.word)
	}
	slices.Sort(out)
	return out
}

// TypeOf is the type that a product's name speaks of: the longest of Types in it.
func TypeOf(name string) (string, error) {
	lower, best := strings.ToLower(name), ""
	for _, g := range shapes() {
		if len(g.word) > len(best) && strings.Contains(lower, g.word) {
			best = g.word
		}
	}
	if best == "" {
		return "", fmt.Errorf("no garment is known for %q; add its shape to tools/drawgarments/draw", name)
	}
	return best, nil
}

func find(kind string) (garment, bool) {
	all := shapes()
	i := slices.IndexFunc(all, func(g garment) bool { return g.word == kind })
	if i < 0 {
		return garment{}, false
	}
	return all[i], true
}
