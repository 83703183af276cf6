package faithfulness

import (
	"errors"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/evaluate/dataset"
)

func base(t testing.TB) *Rules {
	t.Helper()
	r, err := Embedded()
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestEmbedded(t *testing.T) {
	t.Parallel()
	r := base(t)
	if got := strings.Join(r.Languages(), " "); got != "en zh" {
		t.Error(got)
	}
	if len(r.Hash()) != 16 || r.Hash() != base(t).Hash() || len(r.MustMention()) != 3 {
		t.Errorf("%s %v", r.Hash(), r.MustMention())
	}
}

func TestOwnRules(t *testing.T) {
	t.Parallel()
	r := base(t)
	own, err := r.With("own.yaml", strings.NewReader(`format: 1
must-mention: [colour]
colour:
  seafoam: {is: [green], near: [sage green], say: [seafoam]}
material: {hemp: {drop: true}}
claim:
  organic: {hard: false}
  luxurious: {hard: true, say: [luxurious, "silk touch"]}
brand:
  Casa Linde: [Casa Linde]
words:
  hedge: [nothing like]
`))
	if err != nil {
		t.Fatal(err)
	}
	if own.Hash() == r.Hash() {
		t.Error("other rules have the same hash")
	}
	c := own.Compile()
	rec := recordOf(t, c, facts())
	for text, want := range map[string]string{
		"Seafoam":           "+colour:Seafoam",
		"hemp":              "",
		"luxurious":         "?claim:luxurious",
		"A silk touch":      "?claim:silk touch",
		"Casa Linde":        "-brand:Casa Linde",
		"nothing like wool": "",
	} {
		if got := short(c.Check(rec, text)); got != want {
			t.Errorf("%q: %s, want %s", text, got, want)
		}
	}
	if found := c.Check(rec, "organic"); found[0].Hard || len(found) != 2 {
		t.Errorf("%+v", found)
	}
	if got := short(r.Compile().Check(rec, "hemp")); got != "-material:hemp" {
		t.Errorf("the embedded rules have changed: %s", got)
	}
}

func TestRuleFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string][]string{
		"":                         {"is empty"},
		"[1]":                      {"line 1: want a mapping, got a list"},
		"a: [":                     {"is not YAML"},
		"colour: {}":               {"line 1, field format: is missing; want 1"},
		"format: 2":                {`field format: is "2"; this program reads format 1`},
		"format: 1\nshape: {}":     {"line 2, field shape: is unknown"},
		"format: 1\nlanguage: EN!": {`"EN!" is no language`},
		"format: 1\ncolour:\n  red: {says: [red]}\n  blue: {say: red}\n  blue: []": {
			"line 3, field colour.red.says: is unknown; a colour has say, record, cased, drop, is, near, ambiguous",
			"line 4, field colour.blue.say: want a list, got text",
			`line 5, field colour: key "blue" is already used on line 4`},
		"format: 1\ncolour:\n  x: {is: [nosuch]}":                           {`line 3, field colour.x.is: there is no colour "nosuch"`},
		"format: 1\ncolour:\n  x: {is: [y]}\n  y: {is: [x]}":                {"field colour.x.is: leads back to itself", "field colour.y.is: leads back to itself"},
		"format: 1\ncolour:\n  x: [aa, b-b]\n  y:\n    - B b\n":             {`line 5, field colour.y: "B b" is already used on line 3`},
		"format: 1\ncolour:\n  x: [a b c d e f g h i, '', [a]]":             {"has 9 words; want 1 to 8", "is empty", "want text, got a list"},
		"format: 1\nwords:\n  maybe: [x]":                                   {"line 3, field words.maybe: is unknown; want one of negation,"},
		"format: 1\nnumbers:\n  x: [y]":                                     {"field numbers.x: is no number"},
		"format: 1\nmust-mention: [price, colour, colour]":                  {`"price" is none of colour, material, category`, `"colour" comes twice`},
		"format: 1\nclaim:\n  x: {hard: maybe}":                             {"field claim.x.hard: want true or false"},
		"format: 1\ncolour: {x: &a [q], y: *a}":                             {"want a mapping, got an alias"},
		"format: 1\nskip: [" + strings.Repeat("x", 80) + "]":                {"has 0 words; want 1 to 8, none longer than 60 bytes"},
		"format: 1\ncolour: {" + strings.Repeat("x", 80) + ": [q]}":         {"is no id"},
		"format: 1\n---\nformat: 1\nskip: [later documents are not read]\n": nil,
	} {
		_, err := base(t).With("own.yaml", strings.NewReader(text))
		if want == nil {
			if err != nil {
				t.Errorf("%q: %v", text, err)
			}
			continue
		}
		var e *stylesprint.Error
		var faults dataset.Faults
		if !errors.As(err, &e) || e.Code != stylesprint.CodeInvalid || e.Hint == "" || !errors.As(err, &faults) {
			t.Errorf("%q: %v", text, err)
			continue
		}
		for _, w := range want {
			if !strings.Contains(err.Error(), w) || !strings.Contains(err.Error(), "own.yaml") {
				t.Errorf("%q:\n%v\nlacks %s", text, err, w)
			}
		}
		if len(faults) != len(want) {
			t.Errorf("%q: %d faults, want %d:\n%v", text, len(faults), len(want), faults)
		}
	}
	if _, err := Open("nosuch.yaml"); stylesprint.CodeOf(err) != stylesprint.CodeNotFound {
		t.Error(err)
	}
	if _, err := base(t).With("big.yaml", strings.NewReader("#"+strings.Repeat("x", maxRules))); err == nil || !strings.Contains(err.Error(), "is longer than") {
		t.Error(err)
	}
}

func FuzzRules(f *testing.F) {
	f.Add("format: 1\ncolour:\n  red: {is: [pink], near: [blue], say: [red, 'deep red'], ambiguous: true}\nskip: [red wine]\n")
	f.Add("format: 1\nwords: {negation: [no]}\nnumbers: {\"1\": [one]}\nmust-mention: [colour]\nclaim: {x: {say: [y], hard: true, names: true}}")
	f.Add("format: 1\nmaterial: {wool: {drop: true}, x: {of: [cotton], record: [x]}}\ncurrencies: {EUR: [e]}\nsize-names: {S: [s]}")
	r := base(f)
	f.Fuzz(func(t *testing.T, text string) {
		own, err := r.With("f.yaml", strings.NewReader(text))
		if err != nil {
			var faults dataset.Faults
			if !errors.As(err, &faults) || len(faults) == 0 {
				t.Fatalf("no faults: %v", err)
			}
			return
		}
		c := own.Compile()
		if rec, absent := c.Record(facts()); absent == "" {
			c.Check(rec, "A navy dress in 100% silk by Nordvik, €59, sizes S to XL. "+text)
		}
	})
}
