package demo

import (
	"image/png"
	"strings"
	"testing"

	"stylesprint/catalogue"
)

func products(t *testing.T) []catalogue.Product {
	t.Helper()
	ps, err := Products()
	if err != nil {
		t.Fatal(err)
	}
	return ps
}

func TestCounts(t *testing.T) {
	t.Parallel()
	ps := products(t)
	categories, splits, skus := map[string]int{}, map[string]int{}, map[string]bool{}
	for _, p := range ps {
		categories[p.Category]++
		splits[p.Split]++
		if skus[p.SKU] {
			t.Errorf("SKU %s twice", p.SKU)
		}
		skus[p.SKU] = true
	}
	if len(ps) < 40 || len(categories) != 8 || splits["test"] != 24 {
		t.Errorf("%d products, categories %v, splits %v", len(ps), categories, splits)
	}
	if _, err := Split("tset"); err == nil {
		t.Error("a split that is not there was found")
	}
}

func TestFamiliesStayInOneSplit(t *testing.T) {
	t.Parallel()
	split := map[string]string{}
	for _, p := range products(t) {
		if s, ok := split[p.Family]; ok && s != p.Split {
			t.Errorf("family %s is in %s and %s", p.Family, s, p.Split)
		}
		split[p.Family] = p.Split
	}
}

func TestRecordsAreComplete(t *testing.T) {
	t.Parallel()
	images, err := Images()
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range products(t) {
		fields := p.Fields()
		for k, v := range fields {
			if v == "" {
				t.Errorf("%s: %s is empty", p.SKU, k)
			}
		}
		if len(p.Descriptions) != 2 || len(p.Questions) != 4 || len(p.Reviews) != 2 || len(p.Sizes) == 0 {
			t.Errorf("%s: %d descriptions, %d questions, %d reviews, %d sizes", p.SKU, len(p.Descriptions), len(p.Questions), len(p.Reviews), len(p.Sizes))
		}
		for _, q := range p.Questions {
			if !strings.Contains(fields[q.Field], q.Answer) {
				t.Errorf("%s: %q is not a span of %s: %q", p.SKU, q.Answer, q.Field, fields[q.Field])
			}
		}
		if _, err := p.Price.Units(); err != nil {
			t.Errorf("%s: %v", p.SKU, err)
		}
		f, err := images.Open(p.SKU + ".png")
		if err != nil {
			t.Error(err)
			continue
		}
		if c, err := png.DecodeConfig(f); err != nil || c.Width != 384 || c.Height != 512 {
			t.Errorf("%s: picture %dx%d, %v", p.SKU, c.Width, c.Height, err)
		}
		_ = f.Close()
	}
}

// Descriptions are written one by one: no two may share more than a tenth of
// their three-word shingles.
func TestDescriptionsAreNotAlike(t *testing.T) {
	t.Parallel()
	const bound = 0.10
	type text struct {
		sku      string
		shingles map[string]bool
	}
	var all []text
	for _, p := range products(t) {
		for _, d := range p.Descriptions {
			all = append(all, text{p.SKU, shingles(d)})
		}
	}
	for i := range all {
		for j := range i {
			if a := jaccard(all[i].shingles, all[j].shingles); a > bound {
				t.Errorf("%s and %s share %.2f of their shingles, at most %.2f", all[i].sku, all[j].sku, a, bound)
			}
		}
	}
}

func shingles(s string) map[string]bool {
	words := strings.FieldsFunc(strings.ToLower(s), func(r rune) bool { return !strings.ContainsRune("abcdefghijklmnopqrstuvwxyz0123456789'-", r) })
	out := map[string]bool{}
	for i := 0; i+3 <= len(words); i++ {
		out[strings.Join(words[i:i+3], " ")] = true
	}
	return out
}

func jaccard(a, b map[string]bool) float64 {
	both := 0
	for k := range a {
		if b[k] {
			both++
		}
	}
	return float64(both) / float64(len(a)+len(b)-both)
}
