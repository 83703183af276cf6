// Command pairs draws the training pictures of the demo's small CLIP: seeded
// variations of every garment in every colour, and of the catalogue's training
// products. The captions are made by tools/democlip/train.py.
//
// Key words: picture, seed, training split.
//
//	go run ./tools/democlip/pairs -count 9000 -out pairs
//
// The folder holds NNNNN.png and pairs.jsonl, one object a line: image, shape,
// colour and, for a product of the training split, sku. The same arguments
// give the same files.
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"image/png"
	"math/rand/v2"
	"os"
	"path/filepath"

	"stylesprint/catalogue/demo"
	"stylesprint/tools/drawgarments/draw"
)

// pair is one line of pairs.jsonl.
type pair struct {
	Image  string `json:"image"`
	Shape  string `json:"shape"`
	Colour string `json:"colour"`
	SKU    string `json:"sku,omitempty"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	fs := flag.NewFlagSet("pairs", flag.ContinueOnError)
	count := fs.Int("count", 9000, "pictures")
	out := fs.String("out", "pairs", "folder to write")
	share := fs.Float64("products", 0.35, "share of the pictures that show a product of the training split")
	if err := fs.Parse(args); err != nil {
		return err
	}
	products, err := demo.Split("train")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(*out, 0o755); err != nil {
		return fmt.Errorf("create folder: %w", err)
	}
	f, err := os.Create(filepath.Join(*out, "pairs.jsonl"))
	if err != nil {
		return fmt.Errorf("create list: %w", err)
	}
	lines := json.NewEncoder(f)
	rng := rand.New(rand.NewPCG(1, 0))
	types, colours := draw.Types(), draw.Colours()
	for i := range *count {
		p := pair{Image: fmt.Sprintf("%05d.png", i), Shape: types[rng.IntN(len(types))], Colour: colours[rng.IntN(len(colours))]}
		if rng.Float64() < *share {
			product := products[rng.IntN(len(products))]
			if p.Shape, err = draw.TypeOf(product.Name); err != nil {
				return errors.Join(err, f.Close())
			}
			p.Colour, p.SKU = product.Colour, product.SKU
		}
		if err := picture(filepath.Join(*out, p.Image), p, uint64(i+1)); err != nil {
			return errors.Join(err, f.Close())
		}
		if err := lines.Encode(p); err != nil {
			return errors.Join(err, f.Close())
		}
	}
	return f.Close()
}

func picture(path string, p pair, seed uint64) error {
	img, err := draw.Garment(p.Shape, p.Colour, seed)
	if err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return fmt.Errorf("create picture: %w", err)
	}
	e := png.Encoder{CompressionLevel: png.BestSpeed}
	if err := e.Encode(f, img); err != nil {
		return errors.Join(fmt.Errorf("encode %s: %w", path, err), f.Close())
	}
	return f.Close()
}
