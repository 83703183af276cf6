package answer

import (
	"fmt"
	"strings"

	"stylesprint/catalogue"
)

// Passage is a piece of what is known of a product, small enough to be quoted.
type Passage struct {
	Field string `json:"field"` // "care", "features", "stock", "review.2", "care_guide.linen"
	Text  string `json:"text"`
}

// Names of fields with several passages or of their own treatment.
const (
	fieldMaterial = "material"
	fieldCare     = "care"
	fieldPrice    = "price"
	fieldStock    = "stock"
	fieldSizes    = "sizes"
	fieldColour   = "colour"
	fieldFeatures = "features"
	fieldFit      = "fit"
	reviewPrefix  = "review."
	guidePrefix   = "care_guide."
)

// fromStranger says whether a passage was written by a customer: it may be quoted as such and
// is never shown to a model.
func (p Passage) fromStranger() bool { return strings.HasPrefix(p.Field, reviewPrefix) }

// Passages are what questions about a product may be answered from: the fields of its record but its name
// and category, which say little and match much, a passage for each entry of a list; the care guide's sentences about its fibres; and the quotable
// sentences of its reviews, those of one review together. What is suspect (see the package comment) is left
// out, whatever field it stands in.
func Passages(p catalogue.Product, guide []catalogue.CareAdvice) []Passage {
	var out []Passage
	add := func(field, text string) {
		if suspect(text) != "" || field != fieldPrice && money.MatchString(plain(text)) {
			return
		}
		if text = visible(text); text != "" {
			out = append(out, Passage{field, text})
		}
	}
	fields := p.Fields()
	add(fieldColour, p.Colour)
	add(fieldMaterial, fields[fieldMaterial])
	for part := range strings.SplitSeq(p.Fit, ", ") {
		add(fieldFit, part)
	}
	for _, c := range p.Care {
		add(fieldCare, c)
	}
	for _, f := range p.Features {
		add(fieldFeatures, f)
	}
	for _, s := range p.Sizes {
		add(fieldStock, fmt.Sprintf("%s %d", s.Size, s.Stock))
	}
	add(fieldPrice, fields[fieldPrice])
	for _, a := range guide {
		for _, text := range a.Text {
			if a.About(p) {
				add(guidePrefix+strings.ReplaceAll(a.Fibre, " ", "_"), text)
			}
		}
	}
	for i, r := range p.Reviews {
		if hidden(r.Text) {
			continue
		}
		if text := strings.Join(statements(r.Text), " "); text != "" {
			out = append(out, Passage{fmt.Sprintf("%s%d", reviewPrefix, i+1), text})
		}
	}
	return out
}

// labels are how fields are called where a passage stands alone, for vectors.
func label(field string) string {
	switch {
	case strings.HasPrefix(field, reviewPrefix):
		return "customer review"
	case strings.HasPrefix(field, guidePrefix):
		return "care of " + strings.ReplaceAll(strings.TrimPrefix(field, guidePrefix), "_", " ")
	case field == fieldFit:
		return "fit and length"
	case field == fieldCare:
		return "care"
	case field == fieldFeatures:
		return "detail"
	}
	return field
}
