package main

import (
	"stylesprint/catalogue/demo"
	"stylesprint/web"
)

// samples are demo products that the playground fills a template with.
func samples(n int) ([]web.Sample, error) {
	products, err := demo.Products()
	if err != nil {
		return nil, err
	}
	out := make([]web.Sample, 0, n)
	for _, p := range products[:min(n, len(products))] {
		fields := p.Fields()
		fields["question"] = p.Questions[0].Text
		out = append(out, web.Sample{Name: p.SKU + ", " + p.Name + ", " + p.Colour, Values: fields})
	}
	return out, nil
}
