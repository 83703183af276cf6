package demo

import (
	"image/png"
	"maps"
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
	categories, splits, cells := map[string]int{}, map[string]int{}, map[[2]string]int{}
	for _, p := range ps {
		categories[p.Category]++
		splits[p.Split]++
		cells[[2]string{p.Category, p.Split}]++
		if p.Language != "en" {
			t.Errorf("%s: language %q", p.SKU, p.Language)
		}
	}
	want := map[string]int{"train": 90, "validation": 20, "test": 40}
	if len(ps) != 150 || len(categories) != 8 || !maps.Equal(splits, want) {
		t.Errorf("%d products, categories %v, splits %v", len(ps), categories, splits)
	}
	for c, n := range categories {
		if n < 18 || n > 19 {
			t.Errorf("%s: %d products", c, n)
		}
		if tests, validation := cells[[2]string{c, "test"}], cells[[2]string{c, "validation"}]; tests != 5 || validation < 2 || validation > 3 {
			t.Errorf("%s: %d test products, %d for validation", c, tests, validation)
		}
	}
	for name, n := range want {
		if got, err := Split(name); err != nil || len(got) != n {
			t.Errorf("split %s has %d products, %v", name, len(got), err)
		}
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
		for i, d := range p.Descriptions {
			if n := len(strings.Fields(d)); n < 21 || n > 60 {
				t.Errorf("%s: description %d has %d words", p.SKU, i, n)
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

// Descriptions are written one by one: no two are alike by more than a tenth.
func TestDescriptionsAreNotAlike(t *testing.T) {
	t.Parallel()
	const bound = 0.10
	for _, p := range catalogue.NearDuplicates(products(t), bound) {
		t.Errorf("alike beyond %.2f: %+v", bound, p)
	}
}
