package picture

import (
	"bytes"
	"encoding/binary"
	"errors"
	"hash/crc32"
	"image"
	"image/color"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// promises is a PNG whose header says that it is large and that has no pixels.
func promises(width, height uint32) []byte {
	b := []byte(pngHeader)
	header := binary.BigEndian.AppendUint32([]byte("IHDR"), width)
	header = append(binary.BigEndian.AppendUint32(header, height), 8, 2, 0, 0, 0)
	b = append(binary.BigEndian.AppendUint32(b, 13), header...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(header))
}

func TestDecodeNamesFaults(t *testing.T) {
	t.Parallel()
	good, err := os.ReadFile("testdata/rgb.png")
	if err != nil {
		t.Fatal(err)
	}
	for want, data := range map[string][]byte{
		"more than 100 megapixels":     promises(20000, 20000),
		"is not a JPEG, PNG or WebP":   []byte("GIF89a..."),
		"not a JPEG, PNG or WebP":      nil,
		"the PNG file cannot be read":  good[:len(good)/2],
		"the JPEG file cannot be read": []byte("\xff\xd8\xff\xe0\x00\x10JFIF"),
		"the WebP file cannot be read": []byte("RIFF\x10\x00\x00\x00WEBPVP8 "),
	} {
		_, err := Decode(data, "images/a.png")
		var e *Error
		if !errors.As(err, &e) || e.Name != "images/a.png" || e.Hint() == "" {
			t.Errorf("%.20q: %v, want an *Error with the name", data, err)
			continue
		}
		if !strings.Contains(err.Error(), want) {
			t.Errorf("error %q, want one with %q", err, want)
		}
	}
}

// Of 16-bit colours the upper byte counts.
func TestSixteenBits(t *testing.T) {
	t.Parallel()
	grey, colour := image.NewGray16(image.Rect(0, 0, 2, 1)), image.NewNRGBA64(image.Rect(0, 0, 2, 1))
	grey.SetGray16(1, 0, color.Gray16{Y: 0xABCD})
	colour.SetNRGBA64(1, 0, color.NRGBA64{R: 0x12FF, G: 0x34FF, B: 0x5600, A: 0x8000})
	for i, im := range []image.Image{grey, colour} {
		var b bytes.Buffer
		if err := png.Encode(&b, im); err != nil {
			t.Fatal(err)
		}
		got, err := Decode(b.Bytes(), "x")
		if err != nil {
			t.Fatal(err)
		}
		want := [][]uint8{{0, 0, 0, 0xAB, 0xAB, 0xAB}, {0, 0, 0, 0x12, 0x34, 0x56}}[i]
		if !bytes.Equal(got.Pix, want) {
			t.Errorf("got %x, want %x", got.Pix, want)
		}
	}
}

// A sliver becomes a square without the memory that a whole resize would take.
func TestSlivers(t *testing.T) {
	t.Parallel()
	for _, im := range []*Image{
		{Width: 1, Height: 200_000, Pix: make([]uint8, 600_000)}, {Width: 200_000, Height: 1, Pix: make([]uint8, 600_000)},
	} {
		for _, fit := range []Fit{{}, {Pad: true, Colour: [3]uint8{255, 255, 255}}} {
			if sq := CLIP(224).Square(im, fit); sq.Width != 224 || sq.Height != 224 || len(sq.Pix) != 3*224*224 {
				t.Errorf("%d x %d, %s: %d x %d", im.Width, im.Height, fit, sq.Width, sq.Height)
			}
		}
	}
}

func TestFitNames(t *testing.T) {
	t.Parallel()
	if s := (Fit{}).String(); s != "crop" {
		t.Error(s)
	}
	if s := (Fit{Pad: true, Colour: [3]uint8{255, 0, 10}}).String(); s != "pad-ff000a" {
		t.Error(s)
	}
}

func TestParseProcessor(t *testing.T) {
	t.Parallel()
	// As openai/clip-vit-base-patch32 has it.
	p, err := ParseProcessor([]byte(`{"crop_size": 224, "do_center_crop": true, "do_normalize": true, "do_resize": true, "feature_extractor_type": "CLIPFeatureExtractor",
		"image_mean": [0.48145466, 0.4578275, 0.40821073], "image_std": [0.26862954, 0.26130258, 0.27577711], "resample": 3, "size": 224}`), 224)
	if err != nil || p != CLIP(224) {
		t.Errorf("got %+v, %v, want %+v", p, err, CLIP(224))
	}
	p, err = ParseProcessor([]byte(`{"size": {"shortest_edge": 256}, "crop_size": {"height": 224, "width": 224}, "image_mean": [0, 0, 0], "image_std": [1, 1, 1]}`), 224)
	if err != nil || p.Edge != 256 || p.Side != 224 || p.Std != [3]float32{1, 1, 1} {
		t.Errorf("got %+v, %v", p, err)
	}
	for _, bad := range []string{
		`[`, `{"resample": 2}`, `{"do_resize": false}`, `{"size": {"height": 224, "width": 224}}`, `{"crop_size": {"height": 224, "width": 200}}`,
		`{"image_mean": [1]}`, `{"image_std": [1, 0, 1]}`, `{"crop_size": 200}`, `{"size": 100}`, `{"size": "big"}`,
	} {
		if _, err := ParseProcessor([]byte(bad), 224); err == nil || !strings.Contains(err.Error(), "read image processor: ") {
			t.Errorf("%s: error %v", bad, err)
		}
	}
}

func FuzzDecode(f *testing.F) {
	names, err := filepath.Glob("testdata/*.*")
	if err != nil {
		f.Fatal(err)
	}
	for _, name := range names {
		data, err := os.ReadFile(name)
		if err != nil {
			f.Fatal(err)
		}
		if len(data) < 20_000 {
			f.Add(data)
		}
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		if fm, ok := formatOf(data); ok { // what is slow is not what is looked for
			if c, err := fm.config(data); err != nil || c.Width*c.Height > 1<<20 {
				return
			}
		}
		im, err := Decode(data, "x")
		if err != nil {
			return
		}
		if len(im.Pix) != 3*im.Width*im.Height || im.Width < 1 || im.Height < 1 {
			t.Fatalf("%d bytes of %d x %d pixels", len(im.Pix), im.Width, im.Height)
		}
		if sq := CLIP(8).Square(im, Fit{}); len(sq.Pix) != 3*8*8 {
			t.Fatalf("a square of %d bytes", len(sq.Pix))
		}
	})
}

func FuzzOrientation(f *testing.F) {
	f.Add([]byte("II*\x00\x08\x00\x00\x00\x01\x00\x12\x01\x03\x00\x01\x00\x00\x00\x06\x00\x00\x00"))
	f.Add([]byte("MM\x00*\xff\xff\xff\xff"))
	f.Fuzz(func(t *testing.T, tiff []byte) {
		chunk := binary.BigEndian.AppendUint32(nil, uint32(len(tiff)))
		for _, o := range []int{
			tiffOrientation(tiff),
			jpegOrientation(append([]byte("\xff\xd8\xff\xe1\x00\x40Exif\x00\x00"), tiff...)),
			jpegOrientation(append([]byte("\xff\xd8"), tiff...)),
			pngOrientation(append(append([]byte(pngHeader), chunk...), append([]byte("eXIf"), tiff...)...)),
			pngOrientation(append([]byte(pngHeader), tiff...)),
			webpOrientation(append([]byte("RIFF\x00\x00\x00\x00WEBP"), tiff...)),
		} {
			if o < 1 || o > 8 {
				t.Fatalf("orientation %d", o)
			}
		}
	})
}
