// Package demo holds the demo catalogue: products of an invented retailer, with
// written descriptions and drawn pictures. All of it is demo data; DATASHEET.md
// says how it was made and what it must not be used for.
//
// Key words: demo data, datasheet, picture.
//
// The usual path is Products. The data are compiled in; functions return fresh
// values and are safe for concurrent use.
package demo

import (
	"bytes"
	"embed"
	"fmt"
	"io/fs"

	"stylesprint/catalogue"
)

//go:embed products.jsonl DATASHEET.md images/*.png
var files embed.FS

// Products returns all products, in the order of the file.
func Products() ([]catalogue.Product, error) {
	b, err := files.ReadFile("products.jsonl")
	if err != nil {
		return nil, fmt.Errorf("read demo catalogue: %w", err)
	}
	products, err := catalogue.Import(bytes.NewReader(b))
	if err != nil {
		return nil, fmt.Errorf("read demo catalogue: %w", err)
	}
	return products, nil
}

// Split returns the products of one split: "train", "validation" or "test".
func Split(name string) ([]catalogue.Product, error) {
	all, err := Products()
	if err != nil {
		return nil, err
	}
	var out []catalogue.Product
	for _, p := range all {
		if p.Split == name {
			out = append(out, p)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("demo catalogue: no split %q; there are train, validation and test", name)
	}
	return out, nil
}

// Folder is what Product.Images are paths in.
func Folder() fs.FS { return files }

// Images is the folder of pictures, SKU.png each, 384 by 512 pixels.
func Images() (fs.FS, error) { return fs.Sub(files, "images") }
