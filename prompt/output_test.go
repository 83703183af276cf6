package prompt_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"stylesprint/prompt"
)

func TestText(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		" A dress.\n":        "A dress.",
		"A dress.<|im_end|>": "A dress.",
		"<|im_start|>assistant: A dress.<|im_end|>\n<|endoftext|>": "A dress.",
		"Assistant: A dress.":                                         "A dress.",
		"**Description:** A dress.":                                   "A dress.",
		"Sure! Here's a short description:\n\nA dress.":               "A dress.",
		"Certainly.\nHere is the description:\n\n\"A dress.\"":        "A dress.",
		"Here is the product description: \"A dress.\"":               "A dress.",
		"Of course, I can help with that.\n\nA dress.":                "A dress.",
		"```\nA dress.\n```":                                          "A dress.",
		"```text\nA dress.\n```\n":                                    "A dress.",
		"\"A dress.\"":                                                "A dress.",
		"“A dress.”":                                                  "A dress.",
		"\"A dress\" and \"a skirt\"":                                 "\"A dress\" and \"a skirt\"",
		"Here is a dress that does one thing: it moves.":              "Here is a dress that does one thing: it moves.",
		"Sure of itself, this dress hangs straight.\nIt has pockets.": "It has pockets.",
		"Great for layering!\n\nWarm too.":                            "Great for layering!\n\nWarm too.",
		"Answer:":                                                     "Answer:",
		"Two ``` fences\n``` here":                                    "Two ``` fences\n``` here",
		"One.\n\nTwo.":                                                "One.\n\nTwo.",
	} {
		if got, err := prompt.Text(in); err != nil || got != want {
			t.Errorf("%q: %q, error %v, want %q", in, got, err, want)
		}
	}
	for _, in := range []string{"", " \n", "<|im_end|>"} {
		var fault *prompt.ParseError
		if _, err := prompt.Text(in); !errors.As(err, &fault) {
			t.Errorf("%q: %v", in, err)
		}
	}
}

func TestList(t *testing.T) {
	t.Parallel()
	for in, want := range map[string]string{
		"- a\n- b\n":                           `["a" "b"]`,
		"Here are three:\n\n1. a\n2) b\n(3) c": `["a" "b" "c"]`,
		"* a\n• b\n– c d":                      `["a" "b" "c d"]`,
		"a\nb\n\nc":                            `["a" "b" "c"]`,
		"Items:\na\nb":                         `["a" "b"]`,
		"a, b, and c.":                         `["a" "b" "c"]`,
		"one only":                             `["one only"]`,
		"- \n- b":                              `["b"]`,
		"- 30 °C, gentle\n  and slow":          `["30 °C, gentle"]`,
		"<|im_start|>- a<|im_end|>":            `["a"]`,
	} {
		if got, err := prompt.List(in); err != nil || fmt.Sprintf("%q", got) != want {
			t.Errorf("%q: %q, error %v, want %s", in, got, err, want)
		}
	}
	for _, in := range []string{"", "Items:", ", ,"} {
		var fault *prompt.ParseError
		if got, err := prompt.List(in); !errors.As(err, &fault) {
			t.Errorf("%q: %q %v", in, got, err)
		}
	}
}

const productSchema = `{
	"type": "object", "required": ["name", "sizes"],
	"properties": {
		"name": {"type": "string", "description": "of the product"},
		"fit": {"enum": ["slim", "loose", 3, null]},
		"sizes": {"type": "array", "items": {"type": "object", "required": ["stock"], "properties": {"stock": {"type": "integer"}, "open": {"type": "boolean"}}}},
		"price": {"type": "number"}
	}
}`

type product struct {
	Name  string
	Fit   any
	Sizes []struct{ Stock int }
	Price float64
}

func schema(t testing.TB, text string) *prompt.Schema {
	t.Helper()
	s, err := prompt.ParseSchema([]byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestJSON(t *testing.T) {
	t.Parallel()
	read := prompt.JSON[product](schema(t, productSchema))
	for _, in := range []string{
		`{"name":"Mira","sizes":[{"stock":3}],"price":89.5,"fit":"slim","more":1}`,
		"Sure! Here is the JSON you asked for {as text}:\n```json\n{\"name\":\"Mira\",\"sizes\":[{\"stock\":3.0e0}],\"price\":89.5,\"fit\":\"slim\"}\n```\nDo you need more?",
		`{"name":"Mira","sizes":[{"stock":3,"open":true}],"price":89.5,"fit":"slim"} {"name":1}`,
	} {
		got, err := read(in)
		if strings.Contains(in, "3.0e0") {
			// The schema takes it as an integer; Go does not decode it into one.
			if err == nil {
				t.Errorf("%s: want a fault", in)
			}
			continue
		}
		if err != nil || got.Name != "Mira" || got.Price != 89.5 || len(got.Sizes) != 1 || got.Sizes[0].Stock != 3 || got.Fit != "slim" {
			t.Errorf("%s: %+v %v", in, got, err)
		}
	}
	cases := []struct{ in, path, text string }{
		{``, "", "no JSON"},
		{`a dress`, "", "no JSON"},
		{`{"name": "Mira", "sizes": [{"stock": 1}]`, "", "breaks off"},
		{`{"name": "Mira", "sizes": [{"stock": 1}], oops}`, "", "not valid"},
		{`{'name': 'Mira'}`, "", "not valid"},
		{`[1]`, "", "want object, got array"},
		{`{"sizes":[]}`, "", `the field "name" is missing`},
		{`{"name":4,"sizes":[]}`, "name", "want string, got number"},
		{`{"name":"a","sizes":{}}`, "sizes", "want array, got object"},
		{`{"name":"a","sizes":[{"stock":1},{"stock":1.5}]}`, "sizes[1].stock", "want integer, got number"},
		{`{"name":"a","sizes":[{"stock":1,"open":"yes"}]}`, "sizes[0].open", "want boolean, got string"},
		{`{"name":"a","sizes":[{}]}`, "sizes[0]", `"stock" is missing`},
		{`{"name":"a","sizes":[],"fit":"wide"}`, "fit", `want one of "slim", "loose", 3, null`},
		{`{"name":"a","sizes":[],"price":null}`, "price", "want number, got null"},
		{strings.Repeat("[", 5000) + strings.Repeat("]", 5000), "", "nested deeper"},
		{strings.Repeat(" ", 1<<21), "", "too long"},
	}
	for _, k := range cases {
		_, err := read(k.in)
		var fault *prompt.ParseError
		if !errors.As(err, &fault) || fault.Path != k.path || !strings.Contains(fault.Message, k.text) {
			t.Errorf("%.60s: %v, want %q at %q", k.in, err, k.text, k.path)
		}
	}
	if _, err := read(`{"name":"a","sizes":[],"fit":3.0}`); err != nil {
		t.Errorf("numbers are compared as numbers: %v", err)
	}
	if n, err := prompt.JSON[[]int](nil)("The numbers are [1, 2]."); err != nil || fmt.Sprint(n) != "[1 2]" {
		t.Errorf("%v %v", n, err)
	}
	var fault *prompt.ParseError
	if _, err := prompt.JSON[product](nil)(`{"sizes":[{"stock":"x"}]}`); !errors.As(err, &fault) || !strings.Contains(fault.Message, "want int") {
		t.Errorf("without a schema Go's own types check: %v", err)
	}
}

func TestParseSchema(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		`{"type":"text"}`:                                "$: type",
		`{"type":["string","null"]}`:                     "$: type",
		`{"minimum":3}`:                                  `keyword "minimum" is not supported`,
		`{"properties":{"a":{"items":{"pattern":"x"}}}}`: `$.properties.a.items: keyword "pattern"`,
		`{"properties":[]}`:                              "properties: want an object",
		`{"required":"a"}`:                               "required: want a list",
		`{"required":[1]}`:                               "required: want a list",
		`{"enum":[]}`:                                    "enum: want a list",
		`[]`:                                             "$: want an object",
		`{`:                                              "read schema",
		`{} {}`:                                          "text follows",
		strings.Repeat(`{"items":`, 100) + "{}" + strings.Repeat("}", 100): "nested deeper",
	} {
		if _, err := prompt.ParseSchema([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%.60s: %v, want %q", text, err, want)
		}
	}
	if err := schema(t, `{"title":"x","$schema":"y","description":"z"}`).Check(nil); err != nil {
		t.Errorf("an empty schema: %v", err)
	}
}

func FuzzJSON(f *testing.F) {
	s := schema(f, productSchema)
	for _, in := range []string{`{"name":"a","sizes":[{"stock":1e999999999}]}`, "x {y} [1,{\"a\":\"]\\\"\"}]", `{"name":"a","sizes":[{"stock":1}],"fit":3e0}`, "[[[[", `{"a":[1],`} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if _, err := prompt.JSON[product](s)(in); err != nil {
			var fault *prompt.ParseError
			if !errors.As(err, &fault) {
				t.Fatalf("%T %v", err, err)
			}
		}
		raw, err := prompt.JSON[json.RawMessage](nil)(in)
		if err == nil && !strings.Contains(in, string(raw)) {
			t.Fatalf("%q is no part of %q", raw, in)
		}
	})
}

func FuzzSchema(f *testing.F) {
	for _, in := range []string{productSchema, `{"enum":[1,2.0,{"a":[null]}]}`, `{"required":["a"],"type":"object"}`} {
		f.Add(in, `{"a":[1,{"b":null}]}`)
	}
	f.Fuzz(func(t *testing.T, text, value string) {
		s, err := prompt.ParseSchema([]byte(text))
		if err != nil {
			return
		}
		_, _ = prompt.JSON[any](s)(value)
	})
}

func FuzzText(f *testing.F) {
	for _, in := range []string{"Sure! Here is:\n```\n\"a\"\n```", "- a\n- b", "<|im_end|>", "a, and b."} {
		f.Add(in)
	}
	f.Fuzz(func(t *testing.T, in string) {
		if text, err := prompt.Text(in); err == nil && (text == "" || text != strings.TrimSpace(text)) {
			t.Fatalf("%q", text)
		}
		if items, err := prompt.List(in); err == nil {
			for _, item := range items {
				if strings.TrimSpace(item) == "" {
					t.Fatalf("%q of %q", items, in)
				}
			}
		}
	})
}
