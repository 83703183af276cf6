package main

import (
	"context"
	"fmt"

	"stylesprint"
	"stylesprint/catalogue/demo"
	"stylesprint/gateway"
	"stylesprint/generate"
	"stylesprint/web"
)

// playground answers the dashboard's form with the models that are served.
type playground struct{ models []gateway.Model }

var _ web.Generator = playground{}

func (p playground) Generate(ctx context.Context, req generate.Request) (stylesprint.Reply, error) {
	for _, m := range p.models {
		if req.Model == "" || req.Model == m.Name {
			req.Model = or(m.Target, m.Name)
			reply, err := m.Generate.Generate(ctx, req)
			reply.Model = m.Name
			return reply, err
		}
	}
	return stylesprint.Reply{}, &stylesprint.Error{Code: stylesprint.CodeNotFound, Field: "model", Message: fmt.Sprintf("there is no model %q here", req.Model), Hint: "choose one from the list"}
}

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
