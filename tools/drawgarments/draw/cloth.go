package draw

import (
	"fmt"
	"image"
	"image/color"
	"maps"
	"math"
	"slices"
	"strings"
)

// cloth is a colour with a pattern.
type cloth struct {
	base, second color.NRGBA
	pattern      func(x, y int) bool
}

// image is the cloth, as large as a picture.
func (c cloth) image() image.Image {
	if c.pattern == nil {
		return image.NewUniform(c.base)
	}
	out := image.NewRGBA(image.Rect(0, 0, Width, Height))
	for y := range Height {
		for x := range Width {
			if c.pattern(x, y) {
				out.Set(x, y, c.second)
			} else {
				out.Set(x, y, c.base)
			}
		}
	}
	return out
}

// trim is the cloth's tone for small parts: darker on light cloth, lighter on dark.
func (c cloth) trim() color.NRGBA {
	f := 0.72
	if luminance(c.base) < 80 {
		f = 1.45
	}
	mul := func(v uint8) uint8 { return uint8(math.Min(255, float64(v)*f+12)) }
	return color.NRGBA{mul(c.base.R), mul(c.base.G), mul(c.base.B), 255}
}

// clothOf reads a colour's name: one of the table, or a plain one of it with a
// pattern after it. Stripes run across where the garment is knitted that way.
func clothOf(name string, across bool) (cloth, error) {
	base, pattern := name, ""
	if i := strings.LastIndexByte(name, ' '); i >= 0 && slices.Contains(patterns(), name[i+1:]) {
		base, pattern = name[:i], name[i+1:]
	}
	if t, ok := colours()[name]; ok {
		return cloth{base: rgb(t.base), second: rgb(t.second), pattern: patternOf(pattern, across)}, nil
	}
	t, ok := colours()[base]
	if !ok || pattern == "" || t.second != 0 {
		return cloth{}, fmt.Errorf("no colour %q; add it to colours in tools/drawgarments/draw", name)
	}
	out := cloth{base: rgb(t.base), pattern: patternOf(pattern, across)}
	pale := color.NRGBA{0xF7, 0xF5, 0xEE, 255}
	switch {
	case pattern == "stripe" && luminance(out.base) < 200: // coloured lines on a pale ground
		out.base, out.second = pale, out.base
	case pattern == "dot" && luminance(out.base) < 200:
		out.second = pale
	default:
		out.second = out.trim()
	}
	return out, nil
}

func patterns() []string { return []string{"dot", "stripe", "check", "print", "melange"} }

// patternOf says where the second tone shows; nil for a plain cloth.
func patternOf(name string, across bool) func(x, y int) bool {
	switch name {
	case "dot":
		return func(x, y int) bool {
			row := y / 14
			dx, dy := (x+row%2*8)%16-8, y%14-7
			return dx*dx+dy*dy <= 5
		}
	case "stripe":
		if across {
			return func(_, y int) bool { return y%18 < 7 }
		}
		return func(x, _ int) bool { return x%12 < 4 }
	case "check":
		return func(x, y int) bool { return x%36 < 9 != (y%36 < 9) }
	case "print": // palm leaves
		return func(x, y int) bool {
			u, v := float64((x+y/52%2*26)%52)-26, float64(y%52)-26
			return math.Abs(u) < 20*math.Exp(-math.Abs(v)/9) && math.Sin(math.Abs(u)-v) > -0.4
		}
	case "melange":
		return func(x, y int) bool { return (x*7919+y*104729+x*y*31)%11 < 2 }
	}
	return nil
}

func rgb(hex uint32) color.NRGBA {
	return color.NRGBA{uint8(hex >> 16), uint8(hex >> 8), uint8(hex), 255}
}

func luminance(c color.NRGBA) float64 {
	return 0.299*float64(c.R) + 0.587*float64(c.G) + 0.114*float64(c.B)
}

// Colours lists the names that have tones of their own, in alphabetical order.
func Colours() []string { return slices.Sorted(maps.Keys(colours())) }

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
		"natural": {0xE6D9BE, 0}, "blue check": {0x6F95C4, 0x35568C}, "fern": {0x5E8D4E, 0}, "gold tone": {0xC9A44C, 0}, "silver tone": {0xB4B8BC, 0},

		"navy": {0x22305A, 0}, "light blue": {0xA9C7E6, 0}, "sky blue": {0x86BCE4, 0}, "cornflower blue": {0x6488D6, 0}, "cobalt blue": {0x1F4FB0, 0},
		"blue": {0x3466B4, 0}, "indigo": {0x34407E, 0}, "teal": {0x1C7478, 0}, "turquoise": {0x3CB8B4, 0}, "mint green": {0xB2DEC4, 0},
		"emerald green": {0x12805C, 0}, "forest green": {0x2B5336, 0}, "dark green": {0x20483A, 0}, "olive green": {0x74793F, 0}, "green": {0x3C8A4A, 0},
		"yellow": {0xF2D13C, 0}, "mustard yellow": {0xC99A25, 0}, "orange": {0xE4772A, 0}, "coral": {0xF08269, 0}, "red": {0xC42F33, 0},
		"burgundy": {0x6E1F33, 0}, "pink": {0xE78FAF, 0}, "pale pink": {0xF3CFD3, 0}, "dusty pink": {0xCB959A, 0}, "lilac": {0xC3AEDB, 0},
		"lavender": {0xB2A7DC, 0}, "purple": {0x6C4192, 0}, "brown": {0x6F4A32, 0}, "chestnut brown": {0x84482B, 0}, "beige": {0xDCC9A6, 0},
		"cream": {0xF5ECD4, 0}, "taupe": {0x9A8A7A, 0}, "grey": {0x92959A, 0}, "slate grey": {0x5F6B77, 0}, "light grey": {0xC9CBCD, 0},
	}
}
