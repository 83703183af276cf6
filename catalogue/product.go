// Package catalogue holds the product records that texts are written from.
//
// Key words: product, family, split.
//
// The usual path is Import, which reads one product a line and reports every
// fault with its line and field, then Product.Fields, the variables that a
// prompt template may use:
//
//	products, err := catalogue.Import(file)
//	messages, err := template.Render(products[0].Fields())
//
// A catalogue with faults is a *stylesprint.Error with code invalid_request
// around the Faults. Values are plain; functions are safe for concurrent use.
package catalogue

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// Product is one record of the catalogue.
type Product struct {
	SKU string `json:"sku"`
	// Family groups the variants of one design: near-duplicates that splits keep together.
	Family       string      `json:"family"`
	Name         string      `json:"name"`
	Category     string      `json:"category"`
	Colour       string      `json:"colour"`
	Materials    []Material  `json:"materials"`
	Fit          string      `json:"fit"`
	Care         []string    `json:"care"`
	Sizes        []SizeStock `json:"sizes"`
	Price        Price       `json:"price"`
	Brand        string      `json:"brand"`
	Features     []string    `json:"features"`
	Images       []string    `json:"images,omitempty"` // paths beside the catalogue file
	Descriptions []string    `json:"descriptions,omitempty"`
	Questions    []Question  `json:"questions,omitempty"`
	Reviews      []Review    `json:"reviews,omitempty"`
	Split        string      `json:"split,omitempty"` // "train", "validation", "test"
	Language     string      `json:"language,omitempty"`
}

// Material is a part of the composition.
type Material struct {
	Fibre   string `json:"fibre"`
	Percent int    `json:"percent"`
}

// SizeStock is a label with the pieces in stock.
type SizeStock struct {
	Size  string `json:"size"`
	Stock int    `json:"stock"`
}

// Price is a decimal amount, kept as written, with its currency (ISO 4217).
type Price struct {
	Amount   string `json:"amount"`
	Currency string `json:"currency"`
}

// Units is the amount as a number.
func (p Price) Units() (float64, error) {
	f, err := strconv.ParseFloat(p.Amount, 64)
	if err != nil {
		return 0, fmt.Errorf("read price %q: %w", p.Amount, err)
	}
	return f, nil
}

// Question has an answer that is a span of one field of the record.
type Question struct {
	Text   string `json:"text"`
	Answer string `json:"answer"`
	Field  string `json:"field"` // a key of Product.Fields
}

// Labelled is a question beside those of a record, and what answers it.
type Labelled struct {
	SKU  string `json:"sku"`
	Text string `json:"text"`
	// Answer is a span of a review or of the care guide; empty where nothing that is known of the product answers.
	Answer string `json:"answer,omitempty"`
	Split  string `json:"split"` // that of the product
}

// Review is what a customer said.
type Review struct {
	Rating int    `json:"rating"` // 1 to 5
	Text   string `json:"text"`
}

// Fields are the record's facts as text: the variables of prompt templates.
func (p Product) Fields() map[string]string {
	materials := make([]string, len(p.Materials))
	for i, m := range p.Materials {
		materials[i] = fmt.Sprintf("%d%% %s", m.Percent, m.Fibre)
	}
	var sizes, stock []string
	for _, s := range p.Sizes {
		stock = append(stock, fmt.Sprintf("%s %d", s.Size, s.Stock))
		if s.Stock > 0 {
			sizes = append(sizes, s.Size)
		}
	}
	return map[string]string{
		"sku": p.SKU, "name": p.Name, "category": p.Category, "colour": p.Colour, "brand": p.Brand, "fit": p.Fit,
		"material": strings.Join(materials, ", "),
		"care":     strings.Join(p.Care, "; "),
		"sizes":    strings.Join(sizes, ", "), // those in stock
		"stock":    strings.Join(stock, ", "), // pieces of each size
		"price":    strings.TrimSpace(p.Price.Amount + " " + p.Price.Currency),
		"features": strings.Join(p.Features, "; "),
	}
}

// priceBand is the width of the price slices, in currency units.
const priceBand = 50

// Slices are the groups that results are broken down by: category, colour,
// language where it is known and, where the price can be read, a band of prices
// such as "50-100 EUR".
func (p Product) Slices() map[string]string {
	out := map[string]string{"category": p.Category, "colour": p.Colour}
	if p.Language != "" {
		out["language"] = p.Language
	}
	if units, err := p.Price.Units(); err == nil {
		low := math.Floor(units/priceBand) * priceBand
		out["price"] = fmt.Sprintf("%.0f-%.0f %s", low, low+priceBand, p.Price.Currency)
	}
	return out
}
