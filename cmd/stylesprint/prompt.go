package main

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"sort"
	"strings"

	"github.com/spf13/cobra"

	"stylesprint"
	"stylesprint/catalogue/demo"
	"stylesprint/prompt"
)

func (a *app) promptCommand() *cobra.Command {
	return group("prompt", "List, show and try prompt templates", a.promptListCommand(), a.promptShowCommand(), a.promptTestCommand())
}

// template finds a built-in template by name, or reads one from a file.
func template(name string) (prompt.Template, error) {
	set, err := prompt.Builtin()
	if err != nil {
		return prompt.Template{}, err
	}
	if t, err := set.Find(name); err == nil {
		return t, nil
	}
	b, err := os.ReadFile(name)
	if errors.Is(err, fs.ErrNotExist) {
		var known []string
		for _, t := range set {
			known = append(known, t.Name)
		}
		return prompt.Template{}, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: fmt.Sprintf("there is no prompt %q, nor a file of that name; built in are %s", name, strings.Join(known, ", ")), Hint: "stylesprint prompt list"}
	}
	if err != nil {
		return prompt.Template{}, fmt.Errorf("read prompt: %w", err)
	}
	t, err := prompt.Parse(b)
	if err != nil {
		return t, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf("the prompt %q cannot be used", name), Hint: "mend the line named above, then stylesprint prompt test " + name, Err: err}
	}
	return t, nil
}

func (a *app) promptListCommand() *cobra.Command {
	return &cobra.Command{
		Use: "list", Short: "List the built-in templates", Example: "  stylesprint prompt list", Args: cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			set, err := prompt.Builtin()
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(set)
			}
			var rows [][]string
			for _, t := range set {
				rows = append(rows, []string{t.Name, t.ShortHash(), t.Description})
			}
			table(a.stdout, []string{"PROMPT", "VERSION", "WHAT FOR"}, rows)
			return nil
		},
	}
}

func (a *app) promptShowCommand() *cobra.Command {
	return &cobra.Command{
		Use: "show PROMPT", Short: "Show a template, its variables and its version", Example: "  stylesprint prompt show brand-voice", Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			t, err := template(args[0])
			if err != nil {
				return err
			}
			if a.json {
				return a.printJSON(t)
			}
			fmt.Fprintf(a.stdout, "%s  version %s\n%s\n\nvariables:\n", t.Name, t.ShortHash(), t.Description)
			for _, v := range t.Variables {
				need := "optional"
				if v.Required {
					need = "required"
				}
				fmt.Fprintf(a.stdout, "  %-12s %s  %s\n", v.Name, need, v.Description)
			}
			for _, m := range t.Messages {
				fmt.Fprintf(a.stdout, "\n[%s]\n%s\n", m.Role, m.Text)
			}
			return nil
		},
	}
}

func (a *app) promptTestCommand() *cobra.Command {
	var sku string
	var set []string
	cmd := &cobra.Command{
		Use: "test PROMPT", Short: "Render a template with a demo product or with values of your own",
		Example: "  stylesprint prompt test brand-voice --sku SS-DR-101\n  stylesprint prompt test my.prompt --set name=\"Mira Dress\" --set colour=green",
		Args:    cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			t, err := template(args[0])
			if err != nil {
				return err
			}
			values, err := promptValues(sku, set)
			if err != nil {
				return err
			}
			messages, err := t.Render(values)
			if err != nil {
				return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "the prompt does not render", Hint: "give the missing value with --set NAME=VALUE", Err: err}
			}
			if a.json {
				return a.printJSON(messages)
			}
			for _, m := range messages {
				fmt.Fprintf(a.stdout, "[%s]\n%s\n\n", m.Role, m.Content)
			}
			return nil
		},
	}
	cmd.Flags().StringVar(&sku, "sku", "", "take the values from this product of the demo catalogue")
	cmd.Flags().StringArrayVar(&set, "set", nil, "a value as NAME=VALUE; repeat it for several")
	return cmd
}

// promptValues are the fields of a demo product, or of the first one where no
// values are given, with those on the command line over them.
func promptValues(sku string, set []string) (map[string]string, error) {
	values := map[string]string{}
	if sku != "" || len(set) == 0 {
		products, err := demo.Products()
		if err != nil {
			return nil, err
		}
		found := false
		for _, p := range products {
			if p.SKU == sku || sku == "" {
				values, found = p.Fields(), true
				break
			}
		}
		if !found {
			return nil, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: fmt.Sprintf("the demo catalogue has no product %q", sku), Hint: "SKUs run from SS-DR-101 to SS-AC-819, see catalogue/demo/products.jsonl"}
		}
	}
	sort.Strings(set)
	for _, s := range set {
		k, v, ok := strings.Cut(s, "=")
		if !ok || k == "" {
			return nil, usagef("--set: want NAME=VALUE, got %q", s)
		}
		values[k] = v
	}
	return values, nil
}
