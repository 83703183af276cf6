// Command drawgarments draws one PNG for each product of a catalogue file: a
// flat garment in the product's shape, colour and pattern on a plain ground.
//
// Key words: shape, cloth, pattern.
//
//	go run ./tools/drawgarments -products catalogue/demo/products.jsonl -out catalogue/demo/images
//
// The same file gives the same pictures, byte for byte. Pictures are 384 by 512
// pixels. A product whose shape is not known is an error that names it.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image"
	"image/color"
	"image/png"
	"io"
	"os"
	"path/filepath"
)

const (
	width  = 384
	height = 512
)

// product is the part of a catalogue record that can be seen.
type product struct {
	SKU      string `json:"sku"`
	Name     string `json:"name"`
	Category string `json:"category"`
	Colour   string `json:"colour"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	fs := flag.NewFlagSet("drawgarments", flag.ContinueOnError)
	products := fs.String("products", "catalogue/demo/products.jsonl", "catalogue file, one product a line")
	out := fs.String("out", "catalogue/demo/images", "folder for SKU.png")
	if err := fs.Parse(args); err != nil {
		return err
	}
	b, err := os.ReadFile(*products)
	if err != nil {
		return fmt.Errorf("read products: %w", err)
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return fmt.Errorf("create folder: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	for {
		var p product
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read %s: %w", *products, err)
		}
		img, err := draw(p)
		if err != nil {
			return fmt.Errorf("draw %s: %w", p.SKU, err)
		}
		if err := write(filepath.Join(*out, p.SKU+".png"), img); err != nil {
			return err
		}
	}
}

func write(path string, img image.Image) error {
	var buf bytes.Buffer
	enc := png.Encoder{CompressionLevel: png.BestCompression}
	if err := enc.Encode(&buf, img); err != nil {
		return fmt.Errorf("encode %s: %w", path, err)
	}
	return os.WriteFile(path, buf.Bytes(), 0o644)
}

// draw renders a product: ground, cloth in its pattern, shading folds, outline details.
func draw(p product) (image.Image, error) {
	shape, err := shapeOf(p)
	if err != nil {
		return nil, err
	}
	cloth, err := clothOf(p.Colour)
	if err != nil {
		return nil, err
	}
	img := image.NewRGBA(image.Rect(0, 0, width, height))
	ground := color.NRGBA{246, 243, 237, 255}
	fillAll(img, ground)
	for _, layer := range shape {
		var paint image.Image
		switch layer.kind {
		case body:
			paint = cloth
		case shade:
			paint = image.NewUniform(color.NRGBA{0, 0, 0, 34})
		case light:
			paint = image.NewUniform(color.NRGBA{255, 255, 255, 60})
		case trim:
			paint = image.NewUniform(cloth.trim())
		case sole:
			paint = image.NewUniform(color.NRGBA{70, 60, 52, 255})
		case metal:
			paint = image.NewUniform(color.NRGBA{201, 164, 76, 255})
		case hole:
			paint = image.NewUniform(ground)
		}
		if err := fillPath(img, layer.path, paint); err != nil {
			return nil, err
		}
	}
	return img, nil
}
