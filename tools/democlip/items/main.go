// Command items writes an evaluation dataset of invented products, a garment in
// a colour each, for which a model then writes the copy that the demo's small
// CLIP is trained with beside its grammar of captions.
//
// Key words: item, garment, colour.
//
//	go run ./tools/democlip/items -count 1500 >items.jsonl
//
// The items are none of the demo catalogue's. The same arguments give the same items.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"strings"

	"stylesprint/tools/drawgarments/draw"
)

// item is a line of the dataset; see docs/formats/dataset.md.
type item struct {
	ID         string            `json:"id"`
	Fields     map[string]string `json:"fields"`
	References []string          `json:"references"`
}

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "Error:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	fs := flag.NewFlagSet("items", flag.ContinueOnError)
	count := fs.Int("count", 1500, "items")
	if err := fs.Parse(args); err != nil {
		return err
	}
	rng := rand.New(rand.NewPCG(3, 0))
	pick := func(list []string) string { return list[rng.IntN(len(list))] }
	types, colours := draw.Types(), draw.Colours()
	lines := json.NewEncoder(os.Stdout)
	for i := range *count {
		kind, colour := pick(types), pick(colours)
		fields := map[string]string{
			"sku": fmt.Sprintf("T-%04d", i), "name": strings.ToUpper(kind[:1]) + kind[1:], "category": kind, "colour": colour, "brand": "StyleSprint",
			"material": pick([]string{"100% cotton", "55% linen, 45% viscose", "100% wool", "80% wool, 20% polyamide", "100% leather", "98% cotton, 2% elastane", "100% recycled polyester"}),
			"fit":      pick([]string{"relaxed", "true to size", "slim", "boxy", "straight"}),
			"care":     pick([]string{"machine wash at 30 °C", "hand wash cold", "wipe clean", "dry clean"}),
			"sizes":    pick([]string{"S, M, L", "XS, S, M, L, XL", "36, 37, 38, 39, 40", "one size"}),
			"price":    fmt.Sprintf("%d.00 EUR", 19+10*rng.IntN(20)),
			"features": pick([]string{"two side pockets", "fully lined", "hidden zip", "adjustable strap", "horn buttons", "hand-finished hem", "water-repellent finish"}),
		}
		if err := lines.Encode(item{ID: fmt.Sprintf("%s/%s/%d", kind, colour, i), Fields: fields, References: []string{}}); err != nil {
			return fmt.Errorf("write item: %w", err)
		}
	}
	return nil
}
