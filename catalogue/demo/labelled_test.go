package demo_test

import (
	"strings"
	"testing"

	"stylesprint/catalogue/demo"
)

// Every labelled question is about a product, in its split; an answer is a span of a review or of the care guide.
func TestLabelledQuestions(t *testing.T) {
	t.Parallel()
	products, err := demo.Products()
	if err != nil {
		t.Fatal(err)
	}
	guide, err := demo.CareGuide()
	if err != nil {
		t.Fatal(err)
	}
	questions, err := demo.LabelledQuestions()
	if err != nil {
		t.Fatal(err)
	}
	open, texts := map[string]int{}, map[string]bool{}
	for _, q := range questions {
		known := ""
		found := false
		for _, p := range products {
			if p.SKU != q.SKU {
				continue
			}
			found = true
			if p.Split != q.Split {
				t.Errorf("%q: split %s, its product's is %s", q.Text, q.Split, p.Split)
			}
			for _, r := range p.Reviews {
				known += r.Text + "\n"
			}
			known += strings.Join(p.Care, "\n") + "\n" + p.Fit + "\n"
			for _, a := range guide {
				if a.About(p) {
					known += strings.Join(a.Text, "\n") + "\n"
				}
			}
		}
		switch {
		case !found || texts[q.Text] || !strings.HasSuffix(q.Text, "?"):
			t.Errorf("%q: no product %s, there twice, or no question", q.Text, q.SKU)
		case q.Answer == "":
			open[q.Split]++
		case !strings.Contains(known, q.Answer):
			t.Errorf("%q: %q stands nowhere", q.Text, q.Answer)
		}
		texts[q.Text] = true
	}
	if open["train"] < 40 || open["validation"] < 60 || open["test"] < 60 {
		t.Errorf("unanswerable: %v", open)
	}
}
