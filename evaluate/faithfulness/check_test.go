package faithfulness

import (
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"
)

func facts() map[string]string {
	return map[string]string{"name": "Mira Linen Midi Dress", "category": "Dresses", "colour": "sage green", "material": "55% linen, 45% viscose",
		"fit": "relaxed, falls to mid-calf", "care": "hand wash cold; dry flat; warm iron", "stock": "S 2, M 0, L 4", "sizes": "S, L",
		"price": "49.90 EUR", "brand": "StyleSprint", "features": "coconut-shell buttons; detachable tie belt; white contrast stitching"}
}

func recordOf(t testing.TB, c *Checker, fields map[string]string) *Record {
	t.Helper()
	rec, absent := c.Record(fields)
	if absent != "" {
		t.Fatal(absent)
	}
	return rec
}

// short lists findings, omissions left out: "-colour:navy".
func short(found []Finding) string {
	var out []string
	sign := map[Kind]string{Supported: "+", Contradiction: "-", Unsupported: "?"}
	for _, f := range found {
		if f.Kind != Omission {
			out = append(out, fmt.Sprintf("%s%s:%s", sign[f.Kind], f.Field, f.Text))
		}
	}
	return strings.Join(out, " | ")
}

func TestCheck(t *testing.T) {
	t.Parallel()
	c := compiled(t)
	rec := recordOf(t, c, facts())
	for text, want := range map[string]string{
		"":     "",
		"Sage": "+colour:Sage",
		// colour: families, shades, other things, parts, other meanings
		"A green midi":                        "+colour:green | +fit:midi",
		"Emerald green, or bottle green.":     "-colour:Emerald green | -colour:bottle green",
		"Wear it with navy trousers.":         "",
		"Under a blue sky, with ice cream.":   "",
		"White stitching, red stitching.":     "+colour:White | -colour:red",
		"Black buttons.":                      "?colour:Black",
		"Buttons in black.":                   "?colour:black",
		"Pairs with white boots, and is red.": "-colour:red",
		"Not navy, but sage.":                 "+colour:sage",
		"Also available in navy.":             "?colour:navy",
		// material: shares, blends, likenesses, negation
		"55 % linen":                     "+material:55 % linen",
		"55.0% linen":                    "+material:55.0% linen",
		"60% linen":                      "-material:60% linen",
		"linen 55%, viscose (45 %)":      "+material:linen 55% | +material:viscose (45 %",
		"pure linen":                     "-material:pure linen",
		"fifty-five reasons, no silk":    "",
		"silky, silk-like, like silk":    "",
		"A linen blend of rayon.":        "+material:linen blend | +material:rayon",
		"forty-five percent viscose":     "+material:forty-five percent viscose",
		"free of polyester, cotton-free": "",
		"without linen":                  "-material:linen",
		"Merino":                         "-material:Merino",
		"Recycled viscose":               "?claim:Recycled | +material:viscose",
		"100% recycled linen":            "-material:100% recycled linen | ?claim:recycled",
		// care
		"Machine wash at 40 °C.":         "-care:Machine wash | -care:40 °C",
		"Hand wash, do not tumble dry.":  "+care:Hand wash | +care:tumble dry",
		"Cool iron.":                     "-care:Cool iron",
		"It is 30 degrees in the shade.": "",
		// size and stock
		"Sizes S and L":            "+size:S | +size:L",
		"Sizes S to L":             "-size:S to L",
		"M is sold out.":           "+size:M",
		"XL":                       "-size:XL",
		"The model wears size XL.": "",
		"Only 2 left in S.":        "+stock:2 left | +size:S",
		// price
		"EUR 49.90":                  "+price:EUR 49.90",
		"€49,90 or $49.90":           "+price:€49,90 | -price:$49.90",
		"under 50 euros":             "+price:50 euros",
		"It costs 59.":               "-price:59",
		"It costs 59 hours of work.": "",
		// brand
		"By StyleSprint.":      "+brand:StyleSprint",
		"By Nordvik.":          "-brand:Nordvik",
		"By hand, by Friday.":  "",
		"A mango is no Mango.": "",
		// claims
		"organic shapes, made to last": "",
		"Waterproof and handmade":      "?claim:Waterproof | ?claim:handmade",
		"Made in Portugal":             "?claim:Made in Portugal",
		// category
		"This skirt":       "-category:skirt",
		"A dress, a dress": "+category:dress",
	} {
		if got := short(c.Check(rec, text)); got != want {
			t.Errorf("%q\n got %s\nwant %s", text, got, want)
		}
	}
}

func TestOmissions(t *testing.T) {
	t.Parallel()
	c := compiled(t)
	omitted := func(fields map[string]string, text string) string {
		var out []string
		for _, f := range c.Check(recordOf(t, c, fields), text) {
			if f.Kind == Omission {
				out = append(out, string(f.Field))
			}
		}
		return strings.Join(out, " ")
	}
	for text, want := range map[string]string{
		"":                                   "colour material category",
		"A sage dress in linen.":             "",
		"A sage dress in viscose.":           "material", // not the principal fibre
		"A green gown with white stitching.": "material",
		"White stitching.":                   "colour material category", // the colour of a part
		"Not a dress.":                       "colour material category",
	} {
		if got := omitted(facts(), text); got != want {
			t.Errorf("%q: %q, want %q", text, got, want)
		}
	}
	// words that no rule knows count as they are written; what the record lacks is no omission
	odd := map[string]string{"colour": "quincy", "material": "100% unobtanium", "category": "Ponchos"}
	if got := omitted(odd, "A Quincy poncho of unobtanium."); got != "" {
		t.Error(got)
	}
	if got := omitted(odd, "A thing."); got != "colour material category" {
		t.Error(got)
	}
	if got := omitted(map[string]string{"name": "x", "colour": " "}, ""); got != "" {
		t.Error(got)
	}
}

func TestFindingsHaveSpansAndRecords(t *testing.T) {
	t.Parallel()
	c := compiled(t)
	text := "Café: a navy dress in 100 % silk, €59, machine wash, waterproof."
	found := c.Check(recordOf(t, c, facts()), text)
	hard := 0
	for i, f := range found {
		if f.Kind == Omission {
			continue
		}
		if text[f.Start:f.End] != f.Text {
			t.Errorf("%+v", f)
		}
		if i > 0 && found[i-1].Start > f.Start {
			t.Errorf("out of order: %+v", found)
		}
		if f.Hard {
			hard++
		}
	}
	if hard != 4 {
		t.Errorf("%d hard findings in %s", hard, short(found))
	}
	counts := Count(found, 3)
	if want := (Counts{Supported: 1, Contradicted: 4, Unsupported: 1, Must: 3, Mentioned: 1, Hard: 4}); counts != want {
		t.Errorf("%+v, want %+v", counts, want)
	}
	if found[0].Record != "sage green" || !strings.Contains(found[0].String(), `contradiction colour "navy" (record: sage green)`) {
		t.Error(found[0].String())
	}
}

func TestSegments(t *testing.T) {
	t.Parallel()
	text := "In 100% recycled linen, red."
	c := compiled(t)
	found := c.Check(recordOf(t, c, facts()), text)
	var got []string
	joined := ""
	for _, s := range Segments(text, found) {
		joined += s.Text
		if s.Finding == nil {
			got = append(got, "_"+s.Text)
		} else {
			got = append(got, string(s.Finding.Field)+":"+s.Text)
		}
	}
	if want := "_In |material:100% |claim:recycled|material: linen|_, |colour:red|_."; strings.Join(got, "|") != want || joined != text {
		t.Errorf("%s", strings.Join(got, "|"))
	}
	if got := Segments("", nil); len(got) != 0 {
		t.Error(got)
	}
}

func TestAbsent(t *testing.T) {
	t.Parallel()
	c := compiled(t)
	for _, x := range []struct {
		fields map[string]string
		want   string
	}{
		{nil, "no facts"},
		{map[string]string{"language": "de-AT", "colour": "rot"}, `no rules for the language "de"`},
		{map[string]string{"colour": "красный", "name": "платье"}, "Cyrillic script"},
		{map[string]string{"colour": "赤い", "name": "ワンピース"}, "Kana script"},
		{map[string]string{"colour": "黑色", "name": "上衣"}, ""},
		{map[string]string{"language": "zh-Hant", "colour": "black"}, ""},
		{map[string]string{"language": "en-GB", "colour": "black"}, ""},
		{map[string]string{"colour": "noir"}, ""},
	} {
		if _, why := c.Record(x.fields); x.want == "" != (why == "") || !strings.Contains(why, x.want) {
			t.Errorf("%v: %q", x.fields, why)
		}
	}
}

// The Chinese texts of an English record are held against the same concepts.
func TestAcrossLanguages(t *testing.T) {
	t.Parallel()
	c := compiled(t)
	got := short(c.Check(recordOf(t, c, facts()), "鼠尾草綠的亞麻洋裝，不是海軍藍。售價€59。"))
	if want := "+colour:鼠尾草綠 | +material:亞麻 | +category:洋裝 | -price:€59"; got != want {
		t.Errorf("got %s\nwant %s", got, want)
	}
}

func FuzzCheck(f *testing.F) {
	c := compiled(f)
	rec := recordOf(f, c, facts())
	f.Add("Sizes S–XXL, 55% linen (45 %", "sage; 50 % wool")
	f.Add("１００％ silk’s °C 1.2.3,4 €", "S 1, M x")
	f.Add("by By S/M/L to", "\xff")
	f.Fuzz(func(t *testing.T, text, field string) {
		if len(text) > 1<<12 {
			return
		}
		found := c.Check(rec, text)
		joined := ""
		for _, s := range Segments(text, found) {
			joined += s.Text
		}
		if joined != text {
			t.Fatalf("segments make %q of %q", joined, text)
		}
		for i, x := range found {
			if x.Kind != Omission && (x.Text == "" || x.Text != text[x.Start:x.End]) || i > 0 && x.Kind != Omission && x.Start < found[i-1].Start {
				t.Fatalf("%+v", x)
			}
			if utf8.ValidString(text) && !utf8.ValidString(x.Text) {
				t.Fatalf("%q is cut inside a character", x.Text)
			}
		}
		fields := map[string]string{}
		for _, key := range []string{"name", "category", "colour", "material", "fit", "care", "stock", "sizes", "price", "brand", "features"} {
			fields[key] = field
		}
		if other, absent := c.Record(fields); absent == "" {
			c.Check(other, text)
		}
	})
}
