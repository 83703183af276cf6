package draw

import (
	"image/color"
	"math"
	"math/rand/v2"
)

// look is how one picture differs from another of the same type and colour.
type look struct {
	ground       color.NRGBA
	shade, light uint8 // opacity of folds and highlights
	move         mover
	tone         [3]float64 // factors on red, green, blue
	patternScale float64
	patternX     int // pixels
	patternY     int
}

func plain() look {
	return look{ground: color.NRGBA{246, 243, 237, 255}, shade: 34, light: 60}
}

// varied draws a look from a seed. Bounds keep type and colour readable: the
// garment stays within the picture and upright, the ground pale, the tone near its name.
func varied(seed uint64) look {
	rng := rand.New(rand.NewPCG(seed, 0x6761726d656e7473))
	between := func(low, high float64) float64 { return low + (high-low)*rng.Float64() }
	v := look{shade: uint8(between(22, 58)), light: uint8(between(40, 90)), patternScale: between(0.75, 1.35), patternX: rng.IntN(64), patternY: rng.IntN(64)}

	level, warmth := between(222, 254), between(-7, 7)
	channel := func(x float64) uint8 { return uint8(min(255, max(0, x))) }
	v.ground = color.NRGBA{channel(level + warmth), channel(level + between(-2, 2)), channel(level - warmth), 255}

	bright := between(0.9, 1.1)
	for i := range v.tone {
		v.tone[i] = bright * between(0.97, 1.03)
	}

	// Around the middle of the box: flare, shear, scale, turn, mirror, then shift.
	const midX, midY = 37.5, 50
	flare, shear := between(-0.1, 0.1), between(-0.03, 0.03)
	scaleX, scaleY := between(0.8, 1), between(0.84, 1)
	sin, cos := math.Sincos(between(-4, 4) * math.Pi / 180)
	shiftX, shiftY := between(-3, 3), between(-3, 3)
	if rng.IntN(2) == 1 {
		scaleX = -scaleX
	}
	v.move = func(x, y float64) (float64, float64) {
		x, y = x-midX, y-midY
		x = x*(1+flare*y/midY) + shear*y
		x, y = x*scaleX, y*scaleY
		return midX + x*cos - y*sin + shiftX, midY + x*sin + y*cos + shiftY
	}
	return v
}

// dye changes a cloth's tones and pattern as the look has them.
func (v look) dye(c cloth) cloth {
	mul := func(x uint8, f float64) uint8 { return uint8(math.Min(255, float64(x)*f)) }
	c.base = color.NRGBA{mul(c.base.R, v.tone[0]), mul(c.base.G, v.tone[1]), mul(c.base.B, v.tone[2]), 255}
	c.second = color.NRGBA{mul(c.second.R, v.tone[0]), mul(c.second.G, v.tone[1]), mul(c.second.B, v.tone[2]), 255}
	if p := c.pattern; p != nil {
		scale, dx, dy := v.patternScale, v.patternX, v.patternY
		c.pattern = func(x, y int) bool {
			return p(int(float64(x+dx)*scale), int(float64(y+dy)*scale))
		}
	}
	return c
}
