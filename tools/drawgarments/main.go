// Command drawgarments draws one PNG for each product of a catalogue file: a
// flat garment in the product's shape, colour and pattern on a plain ground.
//
// Key words: catalogue, picture, folder.
//
//	go run ./tools/drawgarments -products catalogue/demo/products.jsonl -out catalogue/demo/images
//
// The same file gives the same pictures, byte for byte. Pictures are 384 by 512
// pixels. A product whose garment or colour is not known is an error that names
// it. What draws is package draw, which other tools may use.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"stylesprint/tools/drawgarments/draw"
)

// product is the part of a catalogue record that can be seen.
type product struct {
	SKU    string `json:"sku"`
	Name   string `json:"name"`
	Colour string `json:"colour"`
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
		picture, err := render(p)
		if err != nil {
			return fmt.Errorf("draw %s: %w", p.SKU, err)
		}
		if err := os.WriteFile(filepath.Join(*out, p.SKU+".png"), picture, 0o644); err != nil {
			return fmt.Errorf("write picture: %w", err)
		}
	}
}

// render is a product's picture as a PNG.
func render(p product) ([]byte, error) {
	kind, err := draw.TypeOf(p.Name)
	if err != nil {
		return nil, err
	}
	img, err := draw.Garment(kind, p.Colour, 0)
	if err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	if err := draw.Encode(&buf, img); err != nil {
		return nil, err
	}
	return buf.Bytes(), nil
}
