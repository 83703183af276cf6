package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"slices"
	"strings"

	"stylesprint"
	"stylesprint/catalogue"
	"stylesprint/catalogue/demo"
	"stylesprint/gateway"
	"stylesprint/gateway/route"
	"stylesprint/prompt"
)

// productSet finds the products of a catalogue by their SKU.
type productSet map[string]catalogue.Product

// openProducts reads a catalogue: the demo's where name is empty, or a file with a product a line.
func openProducts(name string) (productSet, error) {
	products, err := demo.Products()
	if name != "" {
		f, openErr := os.Open(name)
		if openErr != nil {
			return nil, fmt.Errorf("read catalogue: %w", openErr)
		}
		defer f.Close()
		products, err = catalogue.Import(f)
	}
	if err != nil {
		return nil, fmt.Errorf("read catalogue %s: %w", name, err)
	}
	set := make(productSet, len(products))
	for _, p := range products {
		set[p.SKU] = p
	}
	return set, nil
}

// describer makes the question of a product from the prompt of the release that answers.
type describer struct{ s *server }

var _ gateway.Describer = describer{}

// Describe implements gateway.Describer.
func (d describer) Describe(ctx context.Context, model string, about gateway.Subject) (gateway.Description, error) {
	p := d.s.plan.Load()
	product, err := d.product(about)
	if err != nil {
		return gateway.Description{}, err
	}
	id := d.draw(ctx, p, model)
	served, ok := p.releases[id]
	if !ok || served.template == nil {
		return gateway.Description{}, &stylesprint.Error{Code: stylesprint.CodeUnsupported, Field: "model",
			Message: fmt.Sprintf("The model %q has no release with a prompt, so it cannot write about a product", model),
			Hint:    "send \"prompt\" in its place, or ask whoever runs this server for a release with a prompt"}
	}
	messages, err := served.template.Render(product.Fields())
	if err != nil {
		return gateway.Description{}, cannotRender(err)
	}
	return gateway.Description{Messages: messages, Params: served.params(), Release: id, Generate: d.s.router.Generator(pinned(model, id))}, nil
}

// draw is the release of a plan that a request falls to, by the same draw as that of prompts.
func (d describer) draw(ctx context.Context, p *plan, model string) string {
	at := slices.IndexFunc(p.routes, func(r route.Route) bool { return r.Name == model })
	if at < 0 {
		return ""
	}
	return d.s.router.Draw(ctx, p.routes[at]).Release
}

func cannotRender(err error) error {
	e := &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "product", Message: "The product cannot be put into the release's prompt",
		Hint: "send a record with the fields that the prompt needs, or \"prompt\" in its place", Err: err}
	var fault *prompt.FaultError
	if errors.As(err, &fault) && fault.Variable != "" {
		e.Field, e.Message, e.Err = "product."+fault.Variable, fmt.Sprintf("The release's prompt needs the product's %q, which is empty", fault.Variable), nil
		e.Hint = "send the record as \"product\", with that field in it"
	}
	return e
}

// product finds or reads the product of a request. A record of the request need not be
// complete: the prompt says what it needs.
func (d describer) product(about gateway.Subject) (catalogue.Product, error) {
	if about.SKU != "" {
		p, ok := (*d.s.products.Load())[about.SKU]
		if !ok {
			return p, &stylesprint.Error{Code: stylesprint.CodeNotFound, Field: "sku", Message: "The catalogue has no product with this SKU", Hint: "send the record itself as \"product\""}
		}
		return p, nil
	}
	var p catalogue.Product
	dec := json.NewDecoder(strings.NewReader(string(about.Product)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&p); err != nil {
		return p, productFault(err)
	}
	return p, nil
}

const exampleProduct = `{"sku": "SS-DR-101", "name": "Mira Dress", "category": "Dresses"}`

// productFault names the field that is wrong, without quoting the record.
func productFault(err error) error {
	e := &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "product", Message: "product must be a record of the catalogue", Hint: "send one such as " + exampleProduct}
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &kind) && kind.Field != "":
		e.Field = "product." + kind.Field
		e.Message = fmt.Sprintf("%s must not be a JSON %s", e.Field, kind.Value)
	case strings.HasPrefix(err.Error(), "json: unknown field "):
		name := strings.Trim(strings.TrimPrefix(err.Error(), "json: unknown field "), `"`)
		if len(name) <= 64 {
			e.Field, e.Message = "product."+name, fmt.Sprintf("A product has no field %q", name)
		}
	}
	return e
}
