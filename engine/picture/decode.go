package picture

import (
	"bytes"
	"fmt"
	"image"
	"image/jpeg"
	"image/png"

	"golang.org/x/image/webp"
)

// format is a kind of file.
type format struct {
	name        string
	config      func(data []byte) (image.Config, error)
	decode      func(data []byte) (image.Image, error)
	orientation func(data []byte) int
}

// formatOf tells the format by its first bytes.
func formatOf(data []byte) (format, bool) {
	reads := func(config func(r *bytes.Reader) (image.Config, error)) func([]byte) (image.Config, error) {
		return func(data []byte) (image.Config, error) { return config(bytes.NewReader(data)) }
	}
	decodes := func(decode func(r *bytes.Reader) (image.Image, error)) func([]byte) (image.Image, error) {
		return func(data []byte) (image.Image, error) { return decode(bytes.NewReader(data)) }
	}
	switch {
	case bytes.HasPrefix(data, []byte("\xff\xd8\xff")):
		return format{"JPEG",
			reads(func(r *bytes.Reader) (image.Config, error) { return jpeg.DecodeConfig(r) }),
			decodes(func(r *bytes.Reader) (image.Image, error) { return jpeg.Decode(r) }), jpegOrientation}, true
	case bytes.HasPrefix(data, []byte(pngHeader)):
		return format{"PNG",
			reads(func(r *bytes.Reader) (image.Config, error) { return png.DecodeConfig(r) }),
			decodes(func(r *bytes.Reader) (image.Image, error) { return png.Decode(r) }), pngOrientation}, true
	case len(data) >= 12 && string(data[:4]) == "RIFF" && string(data[8:12]) == "WEBP":
		return format{"WebP",
			reads(func(r *bytes.Reader) (image.Config, error) { return webp.DecodeConfig(r) }),
			decodes(func(r *bytes.Reader) (image.Image, error) { return webp.Decode(r) }), webpOrientation}, true
	}
	return format{}, false
}

// Decode reads a JPEG, PNG or WebP file, turns it upright as its EXIF orientation
// says, and converts it as Pillow's convert("RGB") does: transparency is dropped, not
// blended. (One exception: of 16-bit grey the upper byte is taken, where Pillow
// makes nearly everything white.) name is for errors.
func Decode(data []byte, name string) (*Image, error) {
	f, ok := formatOf(data)
	if !ok {
		return nil, &Error{Name: name, Reason: "the file is not a JPEG, PNG or WebP picture", Advice: "convert it to one of these formats"}
	}
	damaged := func(err error) error {
		return &Error{Name: name, Reason: fmt.Sprintf("the %s file cannot be read: %v", f.name, err), Advice: "open it in an image viewer; save it again as JPEG or PNG if it shows", Err: err}
	}
	config, err := f.config(data)
	if err != nil {
		return nil, damaged(err)
	}
	if config.Width < 1 || config.Height < 1 {
		return nil, damaged(fmt.Errorf("it is %d x %d pixels", config.Width, config.Height))
	}
	if config.Width > MaxPixels/config.Height {
		return nil, &Error{Name: name, Reason: fmt.Sprintf("it is %d x %d pixels, more than %d megapixels", config.Width, config.Height, MaxPixels/1_000_000),
			Advice: "make it smaller; vision models read a few hundred pixels a side"}
	}
	src, err := f.decode(data)
	if err != nil {
		return nil, damaged(err)
	}
	if b := src.Bounds(); b.Dx() != config.Width || b.Dy() != config.Height {
		return nil, damaged(fmt.Errorf("it promised %d x %d pixels and has %d x %d", config.Width, config.Height, b.Dx(), b.Dy()))
	}
	im, err := convert(src, f.name)
	if err != nil {
		return nil, damaged(err)
	}
	return im.upright(f.orientation(data)), nil
}
