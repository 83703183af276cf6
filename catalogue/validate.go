package catalogue

import (
	"fmt"
	"io/fs"
	"maps"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// The splits that a product may be in, beside none.
const (
	SplitTrain      = "train"
	SplitValidation = "validation"
	SplitTest       = "test"
)

var (
	amount   = regexp.MustCompile(`^[0-9]{1,9}(\.[0-9]{1,3})?$`)
	currency = regexp.MustCompile(`^[A-Z]{3}$`)
	language = regexp.MustCompile(`^[a-z]{2,3}(-[A-Za-z0-9]{2,8}){0,3}$`)
)

// Validate returns every fault of a record, in order of its fields.
func (p Product) Validate() Faults {
	var c checker
	c.line("sku", p.SKU, true)
	if strings.ContainsFunc(strings.TrimSpace(p.SKU), unicode.IsSpace) {
		c.fault("sku", "%q holds a space", clip(p.SKU))
	}
	c.line("family", p.Family, false)
	c.line("name", p.Name, true)
	c.line("category", p.Category, true)
	c.line("colour", p.Colour, true)
	c.materials(p.Materials)
	c.line("fit", p.Fit, false)
	c.lines("care", p.Care)
	c.sizes(p.Sizes)
	c.price(p.Price)
	c.line("brand", p.Brand, false)
	c.lines("features", p.Features)
	for i, name := range p.Images {
		if !fs.ValidPath(name) || name == "." {
			c.fault(at("images", i), "%q is no path beside the catalogue file", clip(name))
		}
	}
	c.texts("descriptions", p.Descriptions)
	c.questions(p)
	for i, r := range p.Reviews {
		if r.Rating < 1 || r.Rating > 5 {
			c.fault(at("reviews", i)+".rating", "is %d; want 1 to 5", r.Rating)
		}
		c.text(at("reviews", i)+".text", r.Text)
	}
	if p.Split != "" && p.Split != SplitTrain && p.Split != SplitValidation && p.Split != SplitTest {
		c.fault("split", "is %q; want train, validation or test", clip(p.Split))
	}
	if p.Language != "" && !language.MatchString(p.Language) {
		c.fault("language", "%q is no language tag such as en or de-AT", clip(p.Language))
	}
	return c.faults
}

type checker struct{ faults Faults }

func (c *checker) fault(field, format string, args ...any) {
	c.faults = append(c.faults, Fault{Field: field, Message: fmt.Sprintf(format, args...)})
}

func at(field string, i int) string { return fmt.Sprintf("%s[%d]", field, i) }

// line checks text that stands on one line of a prompt.
func (c *checker) line(field, value string, required bool) {
	switch {
	case value == "" && !required:
	case strings.TrimSpace(value) == "":
		c.fault(field, "is empty")
	case strings.TrimSpace(value) != value:
		c.fault(field, "begins or ends with a space")
	case strings.ContainsFunc(value, unicode.IsControl):
		c.fault(field, "holds a line break or a control character")
	}
}

func (c *checker) lines(field string, values []string) {
	for i, v := range values {
		c.line(at(field, i), v, true)
	}
}

// text checks text that may have paragraphs.
func (c *checker) text(field, value string) {
	if strings.TrimSpace(value) == "" {
		c.fault(field, "is empty")
	} else if strings.ContainsFunc(value, func(r rune) bool { return unicode.IsControl(r) && r != '\n' }) {
		c.fault(field, "holds a control character")
	}
}

func (c *checker) texts(field string, values []string) {
	for i, v := range values {
		c.text(at(field, i), v)
		if first := slices.Index(values, v); first < i {
			c.fault(at(field, i), "is the same as %s", at(field, first))
		}
	}
}

func (c *checker) materials(materials []Material) {
	if len(materials) == 0 {
		c.fault("materials", "is empty")
		return
	}
	sum := 0
	for i, m := range materials {
		c.line(at("materials", i)+".fibre", m.Fibre, true)
		if m.Percent < 1 || m.Percent > 100 {
			c.fault(at("materials", i)+".percent", "is %d; want 1 to 100", m.Percent)
		}
		sum += m.Percent
	}
	if sum != 100 {
		c.fault("materials", "add up to %d %%; want 100", sum)
	}
}

func (c *checker) sizes(sizes []SizeStock) {
	if len(sizes) == 0 {
		c.fault("sizes", "is empty")
	}
	seen := map[string]bool{}
	for i, s := range sizes {
		c.line(at("sizes", i)+".size", s.Size, true)
		if seen[s.Size] {
			c.fault(at("sizes", i)+".size", "%q comes twice", clip(s.Size))
		}
		seen[s.Size] = true
		if s.Stock < 0 {
			c.fault(at("sizes", i)+".stock", "is %d; want 0 or more", s.Stock)
		}
	}
}

func (c *checker) price(p Price) {
	if !amount.MatchString(p.Amount) {
		c.fault("price.amount", "%q is no amount such as 89.00", clip(p.Amount))
	}
	if !currency.MatchString(p.Currency) {
		c.fault("price.currency", "%q is no currency code such as EUR", clip(p.Currency))
	}
}

func (c *checker) questions(p Product) {
	fields := p.Fields()
	for i, q := range p.Questions {
		path := at("questions", i)
		c.line(path+".text", q.Text, true)
		value, known := fields[q.Field]
		switch {
		case !known:
			c.fault(path+".field", "%q is none of %s", clip(q.Field), strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		case strings.TrimSpace(q.Answer) == "":
			c.fault(path+".answer", "is empty")
		case !strings.Contains(value, q.Answer):
			c.fault(path+".answer", "%q is no span of %s: %q", clip(q.Answer), q.Field, clip(value))
		}
	}
}
