package gateway

import (
	"context"
	"encoding/json"
	"strings"

	"stylesprint"
	"stylesprint/generate"
)

// Describer makes the question to a model of a product.
type Describer interface {
	// Describe renders the prompt that belongs to a public model name with a product.
	// Errors are *stylesprint.Error values whose Field is "sku", "product", "product.NAME"
	// or "model".
	Describe(ctx context.Context, model string, s Subject) (Description, error)
}

// Subject is a product: exactly one field is set.
type Subject struct {
	SKU     string          // of a catalogue that the server has
	Product json.RawMessage // a whole record
}

// Description is the question of a product.
type Description struct {
	Messages []stylesprint.Message
	Params   generate.Params // that stand where the client gives none
	// Generate, if not nil, answers in place of the model: the release that the messages
	// were made for.
	Generate Generator
	// Release is the id of that release, if there is one.
	Release string
}

// subject takes what a request of /generate/ is about beside a prompt; nil where it has neither.
func subject(f *fields) *Subject {
	s := Subject{SKU: f.text("sku"), Product: f.take("product")}
	if s.SKU == "" && s.Product == nil {
		return nil
	}
	return &s
}

// asks checks that a request of /generate/ holds exactly one question.
func (g *Gateway) asks(prompt string, s *Subject) error {
	switch {
	case s == nil && strings.TrimSpace(prompt) == "":
		return invalid("prompt", promptRequired)
	case s == nil:
		return nil
	case g.o.Describe == nil:
		return unsupported(s.field(), "This server takes prompts, not products", "send \"prompt\"")
	case prompt != "":
		return invalid(s.field(), "Send either \"prompt\" or \""+s.field()+"\", not both")
	case s.SKU != "" && s.Product != nil:
		return invalid("product", "Send either \"sku\" or \"product\", not both")
	}
	return nil
}

func (s Subject) field() string {
	if s.SKU != "" {
		return "sku"
	}
	return "product"
}

// describeProduct completes a question about a product.
func (g *Gateway) describeProduct(ctx context.Context, c *call, s Subject) error {
	d, err := g.o.Describe.Describe(ctx, c.model.Name, s)
	if err != nil {
		return err
	}
	c.release, c.field = d.Release, s.field()
	c.req.Messages, c.req.Params = d.Messages, c.req.Params.Or(d.Params)
	if d.Generate != nil {
		m := *c.model
		m.Generate = d.Generate
		c.model = &m
	}
	return nil
}
