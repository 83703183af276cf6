// Package picture turns a picture file into the pixel values that a vision model
// reads, equal to what Pillow and transformers' CLIPImageProcessor make of it.
//
// Key words: image, decode, resize, fit, processor.
//
//	im, err := picture.Decode(data, "images/SS-1042.jpg")
//	p := picture.CLIP(224)
//	p.Pixels(values, im, picture.Fit{}) // [3, 224, 224]
//
// JPEG, PNG and WebP are read. A file that cannot be is an *Error that names it. PNG
// and WebP give the same bytes as Pillow; JPEG differs by a few units in places, since
// decoders may round as they like. Everything is safe for concurrent use.
package picture

import "fmt"

// Image is a picture of red, green and blue, eight bits each, row by row from the top.
type Image struct {
	Width, Height int
	Pix           []uint8 // 3*Width*Height
}

// MaxPixels is the largest picture that is read: what a file promises in a few
// bytes must not fill the memory.
const MaxPixels = 100_000_000

// Error says why a picture cannot be used.
type Error struct {
	Name   string // the file
	Reason string
	Advice string
	Err    error // the cause; may be nil
}

func (e *Error) Error() string { return fmt.Sprintf("picture %s: %s", e.Name, e.Reason) }

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.Err }

// Hint is what to do.
func (e *Error) Hint() string { return e.Advice }
