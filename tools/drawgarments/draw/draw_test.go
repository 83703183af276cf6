package draw

import (
	"bytes"
	"image"
	"image/png"
	"testing"
)

// Every garment can be drawn in every pattern, plain and varied, and leaves a margin of ground.
func TestEveryTypeIsDrawn(t *testing.T) {
	t.Parallel()
	colours := []string{"red", "navy stripe", "black dot", "green check", "grey melange"}
	for i, kind := range Types() {
		for seed := range uint64(2) {
			colour := colours[(i+int(seed))%len(colours)]
			img, err := Garment(kind, colour, seed)
			if err != nil {
				t.Errorf("%s in %s: %v", kind, colour, err)
				continue
			}
			if share := covered(img); share < 0.01 || share > 0.6 {
				t.Errorf("%s, seed %d, covers %.2f of the picture", kind, seed, share)
			}
		}
		if got, err := TypeOf("Ann " + kind); err != nil || got != kind {
			t.Errorf("TypeOf(%q) is %q, %v", kind, got, err)
		}
	}
	for _, c := range Colours() {
		if _, err := clothOf(c, false); err != nil {
			t.Error(err)
		}
	}
}

// covered is the share of pixels that differ from the corner's.
func covered(img *image.RGBA) float64 {
	n, corner := 0, img.RGBAAt(0, 0)
	for y := range Height {
		for x := range Width {
			if img.RGBAAt(x, y) != corner {
				n++
			}
		}
	}
	return float64(n) / (Width * Height)
}

func TestSeedsVaryAndRepeat(t *testing.T) {
	t.Parallel()
	seen := map[string]uint64{}
	for seed := range uint64(8) {
		a, err := Garment("wrap dress", "navy dot", seed)
		if err != nil {
			t.Fatal(err)
		}
		b, err := Garment("wrap dress", "navy dot", seed)
		if err != nil || !bytes.Equal(a.Pix, b.Pix) {
			t.Errorf("seed %d gives two pictures, %v", seed, err)
		}
		if other, ok := seen[string(a.Pix)]; ok {
			t.Errorf("seeds %d and %d give one picture", seed, other)
		}
		seen[string(a.Pix)] = seed
	}
}

// Encoding keeps flat parts exact and edges near.
func TestEncodeKeepsThePicture(t *testing.T) {
	t.Parallel()
	const most = 24 // of 255, on the few pixels of an edge
	for _, c := range []struct{ kind, colour string }{{"evening dress", "champagne"}, {"scarf", "blue check"}, {"kilt skirt", "red check"}, {"flannel shirt", "green check"}, {"culottes", "ink"}} {
		img, err := Garment(c.kind, c.colour, 0)
		if err != nil {
			t.Fatal(err)
		}
		var buf bytes.Buffer
		if err := Encode(&buf, img); err != nil {
			t.Fatal(err)
		}
		back, err := png.Decode(&buf)
		if err != nil {
			t.Fatal(err)
		}
		changed := 0
		for y := range Height {
			for x := range Width {
				a := img.RGBAAt(x, y)
				r, g, b, _ := back.At(x, y).RGBA()
				d := max(apart(a.R, r), apart(a.G, g), apart(a.B, b))
				if d > most {
					t.Fatalf("%s: pixel %d,%d is off by %d", c.kind, x, y, d)
				}
				if d > 0 {
					changed++
				}
			}
		}
		if share := float64(changed) / (Width * Height); share > 0.02 {
			t.Errorf("%s: %.3f of the pixels changed", c.kind, share)
		}
	}
}

func apart(a uint8, b uint32) int {
	d := int(a) - int(b>>8)
	return max(d, -d)
}

func TestUnknownNames(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ kind, colour string }{{"spacesuit", "red"}, {"blazer", "infrared"}, {"blazer", "navy tartan"}, {"blazer", "sky stripe dot"}} {
		if _, err := Garment(c.kind, c.colour, 0); err == nil {
			t.Errorf("%s in %s was drawn", c.kind, c.colour)
		}
	}
}

func BenchmarkGarment(b *testing.B) {
	for b.Loop() {
		if _, err := Garment("wrap dress", "navy dot", 7); err != nil {
			b.Fatal(err)
		}
	}
}
