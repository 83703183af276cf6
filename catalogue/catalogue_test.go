package catalogue_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"stylesprint"
	"stylesprint/catalogue"
)

const shirt = `{"sku":"S-1","family":"ola","name":"Ola Shirt","category":"Shirts","colour":"navy","materials":[{"fibre":"linen","percent":60},{"fibre":"cotton","percent":40}],` +
	`"fit":"boxy","care":["wash cold","dry flat"],"sizes":[{"size":"S","stock":2},{"size":"M","stock":0},{"size":"L","stock":1}],"price":{"amount":"49.90","currency":"EUR"},` +
	`"brand":"StyleSprint","features":["two pockets","horn buttons"],"images":["images/S-1.png"],"descriptions":["A linen shirt, cut boxy.","Two pockets.\n\nHorn buttons."],` +
	`"questions":[{"text":"Has it pockets?","answer":"two pockets","field":"features"}],"reviews":[{"rating":5,"text":"Good."}],"split":"test","language":"en"}`

// with changes fields of the shirt; a nil value takes one away.
func with(t *testing.T, changes map[string]any) string {
	t.Helper()
	var m map[string]any
	if err := json.Unmarshal([]byte(shirt), &m); err != nil {
		t.Fatal(err)
	}
	for k, v := range changes {
		if m[k] = v; v == nil {
			delete(m, k)
		}
	}
	b, err := json.Marshal(m)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestImport(t *testing.T) {
	t.Parallel()
	other := with(t, map[string]any{"sku": "S-2", "colour": "rust"})
	products, err := catalogue.Import(strings.NewReader("\ufeff" + shirt + "\r\n\n  \n" + other))
	if err != nil || len(products) != 2 || products[1].Colour != "rust" {
		t.Fatalf("%d products, %v", len(products), err)
	}
	p := products[0]
	want := map[string]string{
		"sku": "S-1", "name": "Ola Shirt", "category": "Shirts", "colour": "navy", "brand": "StyleSprint", "fit": "boxy",
		"material": "60% linen, 40% cotton", "care": "wash cold; dry flat", "sizes": "S, L", "stock": "S 2, M 0, L 1", "price": "49.90 EUR", "features": "two pockets; horn buttons",
	}
	if got := p.Fields(); !maps.Equal(got, want) {
		t.Errorf("fields %v", got)
	}
	if got := p.Slices(); !maps.Equal(got, map[string]string{"category": "Shirts", "colour": "navy", "language": "en", "price": "0-50 EUR"}) {
		t.Errorf("slices %v", got)
	}
	p.Price.Amount = "50"
	if got := p.Slices()["price"]; got != "50-100 EUR" {
		t.Errorf("price band %q", got)
	}
	// What an import reads, an export writes.
	b, err := json.Marshal(products[0])
	if err != nil || string(b) != shirt {
		t.Errorf("written again: %s %v", b, err)
	}
}

func TestFaultsOfARecord(t *testing.T) {
	t.Parallel()
	type m = map[string]any
	cases := []struct {
		name   string
		change m
		want   string
	}{
		{"required", m{"sku": "", "name": nil, "category": " ", "colour": ""}, "sku: is empty|name: is empty|category: is empty|colour: is empty"},
		{"spaces", m{"sku": "S 1", "name": "Ola ", "fit": "a\nb"}, `sku: "S 1" holds a space|name: begins or ends with a space|fit: holds a line break or a control character`},
		{"no materials", m{"materials": []any{}}, "materials: is empty"},
		{"materials", m{"materials": []m{{"fibre": "", "percent": 101}, {"fibre": "silk", "percent": 0}}}, "materials[0].fibre: is empty|materials[0].percent: is 101; want 1 to 100|materials[1].percent: is 0; want 1 to 100|materials: add up to 101 %; want 100"},
		{"lists", m{"care": []any{"wash", ""}, "features": []any{"two pockets", " x"}}, "care[1]: is empty|features[1]: begins or ends with a space"},
		{"no sizes", m{"sizes": []any{}}, "sizes: is empty"},
		{"sizes", m{"sizes": []m{{"size": "S", "stock": -1}, {"size": "S", "stock": 1}, {"size": "", "stock": 1}}}, `sizes[0].stock: is -1; want 0 or more|sizes[1].size: "S" comes twice|sizes[2].size: is empty`},
		{"price", m{"price": m{"amount": "1,50", "currency": "eur"}}, `price.amount: "1,50" is no amount such as 89.00|price.currency: "eur" is no currency code such as EUR`},
		{"negative price", m{"price": m{"amount": "-1", "currency": "EUR"}}, `price.amount: "-1" is no amount such as 89.00`},
		{"images", m{"images": []any{"../x.png", "/x.png", "a/b.png"}}, `images[0]: "../x.png" is no path beside the catalogue file|images[1]: "/x.png" is no path beside the catalogue file`},
		{"descriptions", m{"descriptions": []any{"a", " ", "a", "b\x00"}}, "descriptions[1]: is empty|descriptions[2]: is the same as descriptions[0]|descriptions[3]: holds a control character"},
		{"questions", m{"questions": []m{{"text": "?", "answer": "silk", "field": "material"}, {"text": "", "answer": "x", "field": "season"}, {"text": "?", "answer": "", "field": "fit"}}},
			`questions[0].answer: "silk" is no span of material: "60% linen, 40% cotton"|questions[1].text: is empty|questions[1].field: "season" is none of brand, care, category, colour, features, fit, material, name, price, sizes, sku, stock|questions[2].answer: is empty`},
		{"reviews", m{"reviews": []m{{"rating": 0, "text": ""}, {"rating": 6, "text": "x"}}}, "reviews[0].rating: is 0; want 1 to 5|reviews[0].text: is empty|reviews[1].rating: is 6; want 1 to 5"},
		{"split and language", m{"split": "dev", "language": "English"}, `split: is "dev"; want train, validation or test|language: "English" is no language tag such as en or de-AT`},
		{"kinds", m{"sku": 4, "care": "wash", "price": 49.9, "sizes": []any{m{"size": "S", "stock": 1.5}, "M"}, "fit": nil, "materials": nil, "reviews": []m{{"rating": "5", "text": true}}},
			"care: want a list, got text|price: want an object, got a number|reviews[0].rating: want a whole number, got text|reviews[0].text: want text, got true or false|sizes[0].stock: want a whole number, got 1.5|sizes[1]: want an object, got text|sku: want text, got a number"},
		{"unknown fields", m{"Colour": "x", "sizes": []m{{"size": "S", "stock": 1, "ean": 4}}}, "Colour: there is no such field|sizes[0].ean: there is no such field"},
		{"optional fields", m{"family": nil, "fit": nil, "care": nil, "brand": nil, "features": nil, "images": nil, "descriptions": nil, "questions": nil, "reviews": nil, "split": nil, "language": nil}, ""},
	}
	for _, k := range cases {
		_, err := catalogue.Import(strings.NewReader("\n" + with(t, k.change)))
		var faults catalogue.Faults
		if errors.As(err, &faults) != (k.want != "") {
			t.Errorf("%s: %v", k.name, err)
			continue
		}
		var got []string
		for _, f := range faults {
			if f.Line != 2 {
				t.Errorf("%s: line %d", k.name, f.Line)
			}
			message, _, _ := strings.Cut(f.Message, "; there are")
			got = append(got, f.Field+": "+message)
		}
		if strings.Join(got, "|") != k.want {
			t.Errorf("%s:\n got %s\nwant %s", k.name, strings.Join(got, "|"), k.want)
		}
	}
}

func TestFaultsOfACatalogue(t *testing.T) {
	t.Parallel()
	second := with(t, map[string]any{"sku": "S-2"})
	cases := []struct {
		name, in string
		products int
		want     string // the first fault
	}{
		{"SKU twice", shirt + "\n\n" + shirt, 1, "line 3: S-1: sku: the SKU is that of line 1 too"},
		{"SKU of a faulty line", with(t, map[string]any{"fit": " x"}) + "\n" + shirt, 0, "line 1: S-1: fit: begins or ends with a space"},
		{"leak", shirt + "\n" + with(t, map[string]any{"sku": "S-2", "split": "train"}), 1, `line 2: S-2: split: family "ola" is in split "train" here and in "test" in line 1; keep a family in one split, or its near-duplicates leak into the test`},
		{"leak from none", with(t, map[string]any{"split": nil}) + "\n" + second, 1, `line 2: S-2: split: family "ola" is in split "test" here and in "" in line 1; keep a family in one split, or its near-duplicates leak into the test`},
		{"broken line", shirt + "\n{\"sku\":\n" + second, 2, "line 2: the line is not valid JSON: it breaks off"},
		{"no JSON", "sku,name\n" + shirt, 1, "line 1: the line is not valid JSON: invalid character 's' looking for beginning of value, at byte 1"},
		{"two on a line", shirt + shirt, 0, "line 1: text follows the record"},
		{"list", "[" + shirt + "]", 0, "line 1: want an object, got a list"},
		{"bytes", "{\"sku\":\"\xff\"}", 0, "line 1: the line is not valid UTF-8"},
		{"long line", shirt + "\n" + strings.Repeat(" ", 1<<20) + "\n" + second, 1, "line 2: the line is longer than 1048576 bytes; what follows was not read"},
		{"nothing", " \n\n", 0, "there is no product"},
	}
	for _, k := range cases {
		products, err := catalogue.Import(strings.NewReader(k.in))
		var faults catalogue.Faults
		if stylesprint.CodeOf(err) != stylesprint.CodeInvalid || !errors.As(err, &faults) {
			t.Errorf("%s: %v", k.name, err)
			continue
		}
		if got := faults[0].String(); got != k.want || len(products) != k.products {
			t.Errorf("%s: %d products, %s, want %d, %s", k.name, len(products), got, k.products, k.want)
		}
	}
	_, err := catalogue.Import(strings.NewReader(strings.Repeat("{}\n", 5000)))
	var faults catalogue.Faults
	if !errors.As(err, &faults) || len(faults) > 1001 {
		t.Errorf("%d faults", len(faults))
	}
	if _, err := catalogue.Import(iotest.ErrReader(io.ErrClosedPipe)); !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("a reader's error: %v", err)
	}
}

func TestDemoCatalogueHasNoFaults(t *testing.T) {
	t.Parallel()
	f, err := os.Open("demo/products.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	products, err := catalogue.Import(f)
	if err != nil {
		t.Fatal(err)
	}
	if pairs := catalogue.NearDuplicates(products, 0.1); len(pairs) > 0 {
		t.Errorf("near-duplicates: %+v", pairs)
	}
}

func TestAlike(t *testing.T) {
	t.Parallel()
	cases := []struct {
		a, b string
		want float64
	}{
		{"A linen shirt, cut boxy.", "a LINEN shirt cut boxy", 1},
		{"a b c d", "a b c e", 1.0 / 3}, // abc of abc, bcd, bce
		{"a b c", "d e f", 0},
		{"a b", "a b", 1},
		{"a b", "a b c", 0},
		{"", "", 0},
		{"", "a b c", 0},
		{"größe wählt é", "Größe wählt É", 1},
		{"a a a a a", "a a a", 1},
	}
	for _, k := range cases {
		if got := catalogue.Alike(k.a, k.b); math.Abs(got-k.want) > 1e-12 || got != catalogue.Alike(k.b, k.a) {
			t.Errorf("%q and %q: %v, want %v", k.a, k.b, got, k.want)
		}
	}
}

func TestNearDuplicates(t *testing.T) {
	t.Parallel()
	products := []catalogue.Product{
		{SKU: "c", Descriptions: []string{"one two three four five", "something else than that"}},
		{SKU: "a", Descriptions: []string{"one two three four six", "One, two, three, four, five!"}},
		{SKU: "b"},
	}
	var got []string
	for _, p := range catalogue.NearDuplicates(products, 0.4) {
		got = append(got, fmt.Sprintf("%s%d-%s%d %.2f", p.A.SKU, p.A.Description, p.B.SKU, p.B.Description, p.Alike))
	}
	if want := []string{"c0-a1 1.00", "a0-a1 0.50", "c0-a0 0.50"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	if n := len(catalogue.NearDuplicates(products, 0.51)); n != 1 {
		t.Errorf("%d pairs above 0.51", n)
	}
}

func FuzzImport(f *testing.F) {
	f.Add(shirt + "\n" + shirt)
	f.Add(`{"sku":"a","sizes":[{"stock":1e9}],"price":{"amount":"9"}}` + "\n[]\nnull\n1")
	f.Fuzz(func(t *testing.T, in string) {
		products, err := catalogue.Import(strings.NewReader(in))
		for _, p := range products {
			if faults := p.Validate(); len(faults) > 0 {
				t.Fatalf("a product with faults was returned: %v", faults)
			}
			_, _ = p.Fields(), p.Slices()
		}
		if err == nil && len(products) == 0 {
			t.Fatal("neither products nor an error")
		}
	})
}

func ExampleImport() {
	_, err := catalogue.Import(strings.NewReader(`{"sku":"S-1","name":"Ola Shirt","category":"Shirts","colour":"navy","materials":[{"fibre":"linen","percent":90}],"sizes":[{"size":"S","stock":-2}],"price":{"amount":"49.90","currency":"EUR"}}`))
	fmt.Println(err)
	// Output:
	// the catalogue has 2 faults: line 1: S-1: materials: add up to 90 %; want 100
	// line 1: S-1: sizes[0].stock: is -2; want 0 or more
}
