package demo

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"stylesprint/catalogue"
)

// The Chinese slice says the same facts as the English records, in its own words.
func TestChineseSlice(t *testing.T) {
	t.Parallel()
	zh, err := ProductsIn(TraditionalChinese)
	if err != nil {
		t.Fatal(err)
	}
	english := map[string]catalogue.Product{}
	for _, p := range products(t) {
		english[p.SKU] = p
	}
	categories := map[string]bool{}
	for _, p := range zh {
		e, ok := english[strings.TrimSuffix(p.SKU, "-ZH")]
		switch {
		case !ok || e.SKU == p.SKU:
			t.Errorf("%s: no English record", p.SKU)
		case p.Family != e.Family || p.Split != "test" || e.Split != "test" || p.Language != "zh-Hant" || p.Price != e.Price || p.Brand != e.Brand:
			t.Errorf("%s differs from %s beyond its language", p.SKU, e.SKU)
		case !slices.Equal(p.Sizes, e.Sizes) || !slices.Equal(p.Images, e.Images) || len(p.Care) != len(e.Care) || len(p.Features) != len(e.Features):
			t.Errorf("%s: sizes, pictures, care or features differ from %s", p.SKU, e.SKU)
		}
		if !slices.EqualFunc(p.Materials, e.Materials, func(a, b catalogue.Material) bool { return a.Percent == b.Percent }) {
			t.Errorf("%s: materials %v, in English %v", p.SKU, p.Materials, e.Materials)
		}
		categories[p.Category] = true
		for k, v := range p.Fields() {
			if slices.Contains([]string{"name", "category", "colour", "material", "fit", "care", "features"}, k) && !strings.ContainsFunc(v, isHan) {
				t.Errorf("%s: %s is not Chinese: %q", p.SKU, k, v)
			}
		}
		if len(p.Descriptions) != 2 {
			t.Errorf("%s: %d descriptions", p.SKU, len(p.Descriptions))
		}
		for i, d := range p.Descriptions {
			if n := utf8.RuneCountInString(d); n < 40 || n > 110 {
				t.Errorf("%s: description %d has %d characters", p.SKU, i, n)
			}
			if strings.ContainsAny(d, ",;:!?") {
				t.Errorf("%s: description %d has Western punctuation", p.SKU, i)
			}
		}
	}
	if len(zh) != 20 || len(categories) != 8 {
		t.Errorf("%d products in %d categories", len(zh), len(categories))
	}
	if _, err := ProductsIn("fr"); err == nil {
		t.Error("a language that is not there was found")
	}
}

func isHan(r rune) bool { return unicode.Is(unicode.Han, r) }

// Chinese has no spaces, so its near-duplicates are counted in runs of three characters.
func TestChineseDescriptionsAreNotAlike(t *testing.T) {
	t.Parallel()
	const bound = 0.10
	zh, err := ProductsIn(TraditionalChinese)
	if err != nil {
		t.Fatal(err)
	}
	spaced := slices.Clone(zh)
	for i, p := range spaced {
		spaced[i].Descriptions = nil
		for _, d := range p.Descriptions {
			spaced[i].Descriptions = append(spaced[i].Descriptions, strings.Join(strings.Split(d, ""), " "))
		}
	}
	for _, p := range catalogue.NearDuplicates(spaced, bound) {
		t.Errorf("alike beyond %.2f: %+v", bound, p)
	}
}

// A simplified character would be a slip: these have another form in Taiwan.
func TestChineseIsTraditional(t *testing.T) {
	t.Parallel()
	const simplified = "们这个来时说为国会长体头发页颜红绿蓝黄线织绒纱领裤衬围带间边东车门见贝张双号圆细纽"
	zh, err := ProductsIn(TraditionalChinese)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range zh {
		texts := append(slices.Collect(maps.Values(p.Fields())), p.Descriptions...)
		for _, r := range strings.Join(texts, "") {
			if strings.ContainsRune(simplified, r) {
				t.Errorf("%s: %c is the simplified form", p.SKU, r)
			}
		}
	}
}
