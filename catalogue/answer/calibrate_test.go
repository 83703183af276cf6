package answer

import (
	"testing"

	"stylesprint/catalogue/demo"
)

func demoExamples(t *testing.T) []Example {
	t.Helper()
	products, err := demo.Products()
	if err != nil {
		t.Fatal(err)
	}
	open, err := demo.UnansweredQuestions()
	if err != nil {
		t.Fatal(err)
	}
	out, err := Examples(products, open)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestExplore(t *testing.T) {
	guide, _ := demo.CareGuide()
	f, err := Fit(t.Context(), Options{Guide: guide, Encoder: Lexical}, demoExamples(t), 0.1, 0.95)
	if err != nil {
		t.Fatal(err)
	}
	t.Logf("%+v", f)
	a := &Answerer{o: Options{Guide: guide, Encoder: Lexical, Index: NewMemory(0), Passages: 4}, fitted: f}
	for _, e := range demoExamples(t) {
		if e.Split == "test" {
			continue
		}
		r, err := a.read(t.Context(), e.Product, e.Text)
		if err != nil {
			t.Fatal(err)
		}
		if e.Span == "" && r.confidence > 0.3 {
			t.Logf("FALSE %v %s: %s -> %s (%.2f)", r.stated, e.Product.SKU, e.Text, r.text, r.confidence)
		}
		if e.Span != "" && r.stated && !holds(r.citations, e.Span) {
			t.Logf("WRONG STATED: %s %s (%s) -> %s", e.Product.SKU, e.Text, e.Span, r.text)
		}
	}
	for _, p := range demoExamples(t) {
		full := 0
		for _, x := range Passages(p.Product, guide) {
			if x.fromStranger() {
				full++
			}
		}
		if full != len(p.Product.Reviews) {
			t.Logf("review lost %s %v", p.Product.SKU, p.Product.Reviews)
		}
	}
}
