package picture

import (
	"encoding/json"
	"fmt"
	"math"
)

// Fit says how a picture that is not square becomes square.
type Fit struct {
	// Pad fills it up to a square with Colour, so that all of it is seen. Otherwise
	// the middle is cut out, as CLIP's own processor does: of a 3:4 portrait, a
	// quarter is lost.
	Pad    bool
	Colour [3]uint8
}

// String is "crop", or "pad-" with the colour in hexadecimal; it belongs in a score's signature.
func (f Fit) String() string {
	if !f.Pad {
		return "crop"
	}
	return fmt.Sprintf("pad-%02x%02x%02x", f.Colour[0], f.Colour[1], f.Colour[2])
}

// Processor makes pixel values of pictures.
type Processor struct {
	Edge  int        // the shorter side is resized to it
	Side  int        // of the square that is cut out
	Scale float64    // of a byte, before Mean and Std
	Mean  [3]float32 // of red, green and blue
	Std   [3]float32
}

// CLIP is the processor that CLIP models were trained with, for pictures of side pixels.
func CLIP(side int) Processor {
	return Processor{
		Edge: side, Side: side, Scale: 1. / 255,
		Mean: [3]float32{0.48145466, 0.4578275, 0.40821073}, Std: [3]float32{0.26862954, 0.26130258, 0.27577711},
	}
}

// sizeJSON is a number, or an object with one of the edges or both.
type sizeJSON struct {
	Shortest, Height, Width int
}

func (s *sizeJSON) UnmarshalJSON(data []byte) error {
	if len(data) > 0 && data[0] != '{' {
		var n int
		err := json.Unmarshal(data, &n)
		*s = sizeJSON{n, n, n}
		return err
	}
	var o struct {
		Shortest int `json:"shortest_edge"`
		Height   int `json:"height"`
		Width    int `json:"width"`
	}
	err := json.Unmarshal(data, &o)
	*s = sizeJSON{o.Shortest, o.Height, o.Width}
	return err
}

// ParseProcessor reads a preprocessor_config.json over the defaults of CLIP(side).
// What it asks for and this package does not do is refused.
func ParseProcessor(data []byte, side int) (Processor, error) {
	p := CLIP(side)
	const bicubicFilter = 3 // Pillow's number
	j := struct {
		Resize, Crop, Rescale, Normalize bool
		Size                             *sizeJSON
		CropSize                         *sizeJSON
		Resample                         int
		Factor                           float64
		Mean, Std                        []float32
	}{true, true, true, true, nil, nil, bicubicFilter, p.Scale, p.Mean[:], p.Std[:]}
	fields := map[string]any{
		"do_resize": &j.Resize, "do_center_crop": &j.Crop, "do_rescale": &j.Rescale, "do_normalize": &j.Normalize, "size": &j.Size,
		"crop_size": &j.CropSize, "resample": &j.Resample, "rescale_factor": &j.Factor, "image_mean": &j.Mean, "image_std": &j.Std,
	}
	var raw map[string]json.RawMessage
	if err := json.Unmarshal(data, &raw); err != nil {
		return p, fmt.Errorf("read image processor: %w", err)
	}
	for name, target := range fields {
		if v, ok := raw[name]; ok && string(v) != "null" {
			if err := json.Unmarshal(v, target); err != nil {
				return p, fmt.Errorf("read image processor: %s: %w", name, err)
			}
		}
	}
	if j.Size != nil {
		if p.Edge = j.Size.Shortest; p.Edge == 0 {
			return p, fmt.Errorf("read image processor: size: only shortest_edge is supported")
		}
	}
	if j.CropSize != nil {
		if p.Side = j.CropSize.Height; j.CropSize.Height != j.CropSize.Width {
			return p, fmt.Errorf("read image processor: crop_size is %d x %d; only squares are supported", j.CropSize.Width, j.CropSize.Height)
		}
	}
	p.Scale = j.Factor
	for _, f := range []struct {
		name string
		ok   bool
	}{
		{"do_resize, do_center_crop, do_rescale or do_normalize is false", j.Resize && j.Crop && j.Rescale && j.Normalize},
		{fmt.Sprintf("resample is %d; only %d, bicubic, is supported", j.Resample, bicubicFilter), j.Resample == bicubicFilter},
		{"image_mean and image_std need three values each, of std more than 0", len(j.Mean) == 3 && len(j.Std) == 3 && min(j.Std[0], j.Std[1], j.Std[2]) > 0},
		{fmt.Sprintf("size %d and crop_size %d do not fit a model of %d pixels", p.Edge, p.Side, side), p.Side == side && p.Edge >= side && p.Edge <= 1<<14},
	} {
		if !f.ok {
			return p, fmt.Errorf("read image processor: %s", f.name)
		}
	}
	copy(p.Mean[:], j.Mean)
	copy(p.Std[:], j.Std)
	return p, nil
}

// Pixels writes the values of a picture to dst, [3, Side, Side], red first: the
// shorter side resized to Edge, the middle cut out (or all of it, padded to a
// square), scaled and normalised.
func (p Processor) Pixels(dst []float32, im *Image, fit Fit) {
	sq := p.Square(im, fit)
	n := p.Side * p.Side
	dst = dst[:3*n]
	for c := range 3 {
		var table [256]float32
		for v := range table {
			table[v] = (float32(float64(v)*p.Scale) - p.Mean[c]) / p.Std[c]
		}
		plane := dst[c*n : (c+1)*n]
		for i := range plane {
			plane[i] = table[sq.Pix[3*i+c]]
		}
	}
}

// Square is the picture as the model sees it: Side by Side.
func (p Processor) Square(im *Image, fit Fit) *Image {
	if fit.Pad {
		return im.padded(p.Side, fit.Colour)
	}
	width, height := p.Edge, p.Edge
	switch {
	case im.Width < im.Height:
		height = longer(p.Edge, im.Height, im.Width)
	case im.Height < im.Width:
		width = longer(p.Edge, im.Width, im.Height)
	}
	return im.resize(width, height, rect{(width - p.Side) / 2, (height - p.Side) / 2, p.Side, p.Side})
}

// longer is the longer side of a picture whose shorter one becomes edge, as transformers computes it.
func longer(edge, long, short int) int { return int(float64(edge*long) / float64(short)) }

// padded is the picture in the middle of a square: Pillow's ImageOps.pad.
func (im *Image) padded(side int, colour [3]uint8) *Image {
	shorter := func(short, long int) int {
		return max(1, int(math.RoundToEven(float64(short)/float64(long)*float64(side))))
	}
	width, height := side, side
	switch {
	case im.Width < im.Height:
		width = shorter(im.Width, im.Height)
	case im.Height < im.Width:
		height = shorter(im.Height, im.Width)
	}
	im = im.resize(width, height, rect{0, 0, width, height})
	middle := func(n int) int { return int(math.RoundToEven(float64(side-n) / 2)) }
	left, top := middle(width), middle(height)
	out := &Image{Width: side, Height: side, Pix: make([]uint8, 3*side*side)}
	out.each(func(dst []uint8, x, y int) {
		if x -= left; x < 0 || x >= width || y < top || y >= top+height {
			copy(dst, colour[:])
			return
		}
		copy(dst, im.Pix[3*((y-top)*width+x):][:3])
	})
	return out
}
