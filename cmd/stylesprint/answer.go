package main

import (
	"context"
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/catalogue"
	"stylesprint/catalogue/answer"
	"stylesprint/catalogue/demo"
	"stylesprint/cmd/stylesprint/config"
	"stylesprint/embedding"
)

func (a *app) answerCommand() *cobra.Command {
	var m modelFlags
	var quote bool
	cmd := &cobra.Command{
		Use:   "answer SKU QUESTION",
		Short: "Answer a customer's question about a product, from its record",
		Long: `Answer a question about a product from its record, care guide and reviews, with what the answer rests on.

Products are those of the configuration (catalogue: products), or the demo catalogue. Price, stock, sizes, composition and
care are stated by the record; for the rest a model words what was found, and its text is used only if the
passages that it cites bear it out. --quote asks no model.`,
		Example: "  stylesprint answer SS-DR-101 \"Is size M in stock?\"\n  stylesprint answer --json SS-DR-101 \"Does it have pockets?\"\n  stylesprint answer calibrate --check\n  stylesprint answer attack",
		Args:    cobra.ExactArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			return a.answer(cmd.Context(), m, quote, answer.Question{SKU: args[0], Text: args[1]})
		},
	}
	m.flags(cmd)
	cmd.Flags().BoolVar(&quote, "quote", false, "quote the record; no model words the answer")
	cmd.AddCommand(a.calibrateCommand(), a.attackCommand())
	return cmd
}

func (a *app) answer(ctx context.Context, m modelFlags, quote bool, q answer.Question) error {
	c, err := a.config()
	if err != nil {
		return err
	}
	o, closing, err := a.answerOptions(ctx, c)
	if err != nil {
		return err
	}
	defer closing.Close()
	if !quote {
		conf, err := m.resolve(c)
		if err != nil {
			return err
		}
		client, info, err := a.openGenerator(ctx, c, conf)
		if err != nil {
			return err
		}
		closing.add(client)
		o.Generator, q.Model = client, info.Ref.Name
	}
	room, err := answer.New(o)
	if err != nil {
		return err
	}
	out, err := room.Answer(ctx, q)
	if err != nil {
		return err
	}
	if a.json {
		return a.printJSON(out)
	}
	fmt.Fprintln(a.stdout, out.Text)
	for _, x := range out.Citations {
		fmt.Fprintf(a.stdout, "  [%s] %s\n", x.Field, x.Text)
	}
	if !a.quiet {
		by := "the record's own words"
		if out.GeneratedBy != "" {
			by = "worded by " + out.GeneratedBy
		}
		if out.Withheld != "" {
			by += ", as the model's text failed the check of " + string(out.Withheld)
		}
		fmt.Fprintf(a.stderr, "confidence %.2f, %s\n", out.Confidence, by)
	}
	return nil
}

// answerOptions are the answers' options without a generator: products, care guide, and the configured encoder where
// answers are calibrated for it, which is closed with what is returned. Without one, passages are
// ranked by words in common: the threshold of another encoder means nothing.
func (a *app) answerOptions(ctx context.Context, c config.Config) (answer.Options, *closers, error) {
	closing := new(closers)
	find, guide, err := answerProducts(c)
	if err != nil {
		return answer.Options{}, closing, err
	}
	o := answer.Options{Products: find, Guide: guide}
	e := encoder(c)
	calibrated, err := answer.Calibrated()
	if err != nil {
		return o, closing, err
	}
	if _, ok := calibrated.Encoders[e.Model]; !ok {
		return o, closing, nil
	}
	client, err := a.openEmbedder(ctx, c, e, string(stylesprint.Exact))
	if err != nil {
		return o, closing, err
	}
	closing.add(client)
	o.Embed, o.Encoder = embedWith(client), e.Model
	return o, closing, nil
}

func embedWith(client *embedding.Client) answer.Embedder {
	return func(ctx context.Context, texts []string) ([][]float32, error) {
		r, err := client.Embed(ctx, texts)
		if err != nil {
			return nil, err
		}
		out := make([][]float32, len(r.Vectors))
		for i, v := range r.Vectors {
			out[i] = v.Values
		}
		return out, nil
	}
}

// answerProducts are the products and the care guide that answers are about.
func answerProducts(c config.Config) (answer.Products, []catalogue.CareAdvice, error) {
	if c.Catalogue.Products == "" {
		products, err := demo.Products()
		if err != nil {
			return nil, nil, err
		}
		guide, err := demo.CareGuide()
		return productsOf(products), guide, err
	}
	f, err := os.Open(c.Catalogue.Products)
	if err != nil {
		return nil, nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "the catalogue cannot be read", Field: "catalogue.products", Hint: "name a file with one product a line", Err: err}
	}
	defer f.Close()
	products, err := catalogue.Import(f)
	if err != nil {
		return nil, nil, err
	}
	var guide []catalogue.CareAdvice
	if c.Catalogue.CareGuide != "" {
		g, err := os.Open(c.Catalogue.CareGuide)
		if err != nil {
			return nil, nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "the care guide cannot be read", Field: "catalogue.care_guide", Hint: "name a file with one fibre a line", Err: err}
		}
		defer g.Close()
		if guide, err = catalogue.ImportCareGuide(g); err != nil {
			return nil, nil, err
		}
	}
	return productsOf(products), guide, nil
}

func productsOf(products []catalogue.Product) answer.Products {
	at := make(map[string]catalogue.Product, len(products))
	for _, p := range products {
		at[p.SKU] = p
	}
	return func(_ context.Context, sku string) (catalogue.Product, error) {
		p, ok := at[strings.TrimSpace(sku)]
		if !ok {
			return p, &stylesprint.Error{Code: stylesprint.CodeNotFound, Field: "sku", Message: "there is no product with this SKU", Hint: fmt.Sprintf("name one of the %d products of the catalogue, such as %s", len(products), products[0].SKU)}
		}
		return p, nil
	}
}
