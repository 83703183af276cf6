package safety

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/gateway"
)

func TestDefaultPolicy(t *testing.T) {
	t.Parallel()
	p, err := Default()
	if err != nil {
		t.Fatal(err)
	}
	g := guard(t, p)
	for _, c := range []struct{ text, flags, refused string }{
		{"A linen shirt, 39.90 EUR, sizes 36 to 44, EAN 4006381333931.", "", ""},
		{"Made of organic cotton, certified; mail a@b.example.", "claims,email", ""},
		{"It is not waterproof.", "", ""},
		{"Pay to 4111 1111 1111 1111.", "card-out", "card-out"},
		{"Pay to DE89370400440532013000.", "iban-out", "iban-out"},
	} {
		out := run(t, g, gateway.Call{}, true, plainPieces(c.text)...)
		seen := map[string]bool{}
		for _, f := range out.call.Flags {
			seen[f] = true
		}
		for _, f := range strings.Split(c.flags, ",") {
			if f != "" && !seen[f] {
				t.Errorf("%q: flags %v, want %q", c.text, out.call.Flags, c.flags)
			}
		}
		if c.flags == "" && len(seen) > 0 || (out.err != nil) != (c.refused != "") {
			t.Errorf("%q: flags %v, %v", c.text, out.call.Flags, out.err)
		}
	}
}

func TestPolicyFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write := func(name, s string) string {
		p := filepath.Join(dir, name)
		if err := os.WriteFile(p, []byte(s), 0o600); err != nil {
			t.Fatal(err)
		}
		return p
	}
	write("rivals.txt", "\ufeff# rivals\nRival Brand\n\n  other one \n")
	path := write("p.yaml", "format: 1\nname: shop\nrules:\n- {name: rivals, on: output, kind: words, file: rivals.txt, words: [third], action: redact, mark: '***'}\n- {name: health, on: output, kind: claims, categories: [health], action: block}\n")
	p, err := Load(path)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(p.Version(), "shop@") || len(p.Version()) != len("shop@")+12 {
		t.Errorf("version %q", p.Version())
	}
	out := run(t, guard(t, p), gateway.Call{}, true, plainPieces("Better than rival brand, OTHER ONE and the third; organic.")...)
	if out.reply.Text != "Better than ***, *** and the ***; organic." {
		t.Errorf("%q %v", out.reply.Text, out.err)
	}
	if out = run(t, guard(t, p), gateway.Call{}, true, plainPieces("A hypoallergenic shirt")...); stylesprint.CodeOf(out.err) != stylesprint.CodeRefused {
		t.Errorf("%v", out.err)
	}
	was := p.Version()
	write("rivals.txt", "Rival Brand\n")
	if p, err = Load(path); err != nil || p.Version() == was {
		t.Errorf("a changed list left the version %s, %v", was, err)
	}
}

// Every fault of a policy is told at once, by its place.
func TestPolicyFaults(t *testing.T) {
	t.Parallel()
	_, err := Parse("p.yaml", []byte(`format: 2
name: No Name
rules:
- {name: A, on: there, kind: thing, action: stop}
- {name: x, on: input, kind: length, action: redact, words: [a]}
- {name: x, on: input, kind: words, words: ["--"], action: flag, level: deep}
- {name: y, on: input, kind: words, file: f, action: flag}
- {name: z, on: output, kind: claims, categories: [magic], action: flag, mark: x}
- {name: w, on: output, kind: email, min: 3, action: flag}
- {name: v, on: output, kind: length, min: 5, max: 3, action: flag}
- {name: u, on: output, kind: words, action: flag}
`), nil)
	if stylesprint.CodeOf(err) != stylesprint.CodeInvalid || stylesprint.HintOf(err) == "" {
		t.Fatalf("%v", err)
	}
	for _, want := range []string{
		"format: want 1, got 2", `name: want 1 to 32`, `rules[0].name`, `rules[0].on: want input, output or both, got "there"`, "rules[0].kind", "rules[0].action",
		"rules[1].min, max", "rules[1].action: a length cannot be redacted", "rules[1].words: has no meaning for kind length",
		`rules[2].name: "x" is there twice`, "rules[2].level", "rules[2]: phrase 1", "rules[3]: file: a policy without", "rules[4]: categories", "rules[4].mark", "rules[5].min", "rules[6].min, max", "rules[7]: want 1 to",
	} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no fault %q in\n%v", want, err)
		}
	}
	for name, s := range map[string]string{"unknown key": "format: 1\nname: a\nrulez: []\n", "no YAML": "{", "empty": ""} {
		if _, err := Parse("p", []byte(s), nil); stylesprint.CodeOf(err) != stylesprint.CodeInvalid {
			t.Errorf("%s: %v", name, err)
		}
	}
	var e *stylesprint.Error
	if _, err := Load("no/such/file"); !errors.As(err, &e) || e.Hint == "" {
		t.Errorf("missing file: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add([]byte("format: 1\nname: a\nrules:\n- {name: x, on: both, kind: words, words: [a b], action: block}\n"))
	f.Add(defaultPolicy)
	f.Fuzz(func(t *testing.T, b []byte) {
		p, err := Parse("fuzz", b, func(string) ([]byte, error) { return []byte("a\nb"), nil })
		if err != nil {
			if stylesprint.CodeOf(err) != stylesprint.CodeInvalid {
				t.Errorf("%v", err)
			}
			return
		}
		guard(t, p).Clean("anna@shop.example a b")
	})
}
