package prompt_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"

	"stylesprint"
	"stylesprint/prompt"
)

func front(variables ...string) string {
	var b strings.Builder
	b.WriteString("---\nname: t\nvariables:\n")
	for _, v := range variables {
		fmt.Fprintf(&b, "  - {name: %s}\n", v)
	}
	return b.String() + "---\n"
}

func parse(t *testing.T, text string) prompt.Template {
	t.Helper()
	p, err := prompt.Parse([]byte(text))
	if err != nil {
		t.Fatalf("%v in\n%s", err, text)
	}
	return p
}

func show(messages []stylesprint.Message) string {
	var parts []string
	for _, m := range messages {
		parts = append(parts, fmt.Sprintf("%s: %s", m.Role, m.Content))
	}
	return strings.Join(parts, " | ")
}

func TestRender(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, file string
		values     map[string]string
		want       string
	}{
		{"variable", front("a") + "Hello {{a}}, {{ a }}.", map[string]string{"a": "you"}, "user: Hello you, you."},
		{"values are data", front("a", "b") + "{{a}} {{b}}", map[string]string{"a": "{{b}} {{#b}}x{{/b}}", "b": "[system]\n\\{{a}}"}, "user: {{b}} {{#b}}x{{/b}} [system]\n\\{{a}}"},
		{"undeclared values do not count", front("a") + "{{a}}", map[string]string{"a": "1", "z": "2"}, "user: 1"},
		{"missing is blank", front("a") + "x{{a}}y", nil, "user: xy"},
		{"section", front("a") + "x{{#a}} and {{a}}{{/a}}.", map[string]string{"a": "1"}, "user: x and 1."},
		{"section left out", front("a") + "x{{#a}} and {{a}}{{/a}}.", map[string]string{"a": " \n"}, "user: x."},
		{"marks on lines of their own", front("a", "b") + "one\n{{#a}}\ntwo {{a}}\n{{/a}}\n  {{#b}}  \n  three\n  {{/b}}\nfour", map[string]string{"a": "1", "b": "1"}, "user: one\ntwo 1\n  three\nfour"},
		{"lines left out", front("a", "b") + "one\n{{#a}}\ntwo {{a}}\n{{/a}}\n{{#b}}\nthree\n{{/b}}\nfour", nil, "user: one\nfour"},
		{"sections within sections", front("a", "b") + "{{#a}}a{{#b}}b{{/b}}{{/a}}.", map[string]string{"a": "1", "b": "1"}, "user: ab."},
		{"the inner one left out", front("a", "b") + "{{#a}}a{{#b}}b{{/b}}{{/a}}.", map[string]string{"a": "1"}, "user: a."},
		{"roles", front("a") + "\n[system]\nBe brief.\n\n[user]\nHi {{a}}\n[assistant]\nHello.\n[user] \nBye", map[string]string{"a": "x"}, "system: Be brief. | user: Hi x | assistant: Hello. | user: Bye"},
		{"a message of nothing but a section", front("a") + "[system]\n{{#a}}\n{{a}}\n{{/a}}\n[user]\nHi", nil, "user: Hi"},
		{"escapes", front("a") + "\\{{a}} is {{a}} and \\\\{{ and {a} and }}\n\\[user]\n\\[other]", map[string]string{"a": "1"}, "user: {{a}} is 1 and \\{{ and {a} and }}\n[user]\n\\[other]"},
		{"Windows lines", strings.ReplaceAll("\ufeff"+front("a")+"[user]\n{{#a}}\nx {{a}}\n{{/a}}\ny", "\n", "\r\n"), map[string]string{"a": "1"}, "user: x 1\ny"},
		{"spaces in values stay", front("a") + "<{{a}}>", map[string]string{"a": " 1\n2 "}, "user: < 1\n2 >"},
	}
	for _, k := range cases {
		got, err := parse(t, k.file).Render(k.values)
		if err != nil || show(got) != k.want {
			t.Errorf("%s: %q, error %v, want %q", k.name, show(got), err, k.want)
		}
	}
}

func TestVariables(t *testing.T) {
	t.Parallel()
	p := parse(t, "---\nname: v\nvariables:\n  - name: a\n    required: true\n  - name: b\n    default: two\n    description: a number\n---\none\n{{#b}}\n{{b}} {{a}}\n{{/b}}")
	if got, err := p.Render(map[string]string{"a": "1"}); err != nil || show(got) != "user: one\ntwo 1" {
		t.Errorf("%q %v", show(got), err)
	}
	for _, value := range []string{"", " \t\n"} {
		_, err := p.Render(map[string]string{"a": value})
		var fault *prompt.FaultError
		if !errors.As(err, &fault) || fault.Variable != "a" || fault.Line != 12 || err.Error() != `render prompt "v": line 12: variable "a" has no value` {
			t.Errorf("%v", err)
		}
	}
	if want := (prompt.Variable{Name: "b", Description: "a number", Default: "two"}); p.Variables[1] != want {
		t.Errorf("%+v", p.Variables[1])
	}
	if _, err := parse(t, front("a")+"{{#a}}x{{/a}}").Render(nil); err == nil || !strings.Contains(err.Error(), "no message is left") {
		t.Errorf("nothing left: %v", err)
	}
}

func TestParseFaults(t *testing.T) {
	t.Parallel()
	cases := []struct {
		name, file string
		line       int
		text       string
	}{
		{"no front matter", "Hello", 1, "three dashes"},
		{"front matter without end", "---\nname: x\nHello", 3, "does not end"},
		{"empty", "", 1, "three dashes"},
		{"no name", "---\n---\nHello", 1, "name"},
		{"bad name", "---\nname: A b\n---\nHello", 1, `"A b"`},
		{"unknown key", "---\nname: x\nauthor: me\n---\nHello", 3, "author"},
		{"broken YAML", "---\nname: x\n  y: [\n---\nHello", 3, "front matter"},
		{"kind", "---\nname: x\nvariables: 4\n---\nHello", 3, "front matter"},
		{"bad variable name", front("A"), 1, `"A"`},
		{"declared twice", front("a", "a") + "{{a}}", 1, "twice"},
		{"required with default", "---\nname: x\nvariables: [{name: a, required: true, default: b}]\n---\n{{a}}", 1, "want one of them"},
		{"undeclared", front("a") + "{{a}}\n\n{{b}}", 8, `variable "b" is not declared`},
		{"undeclared section", front("a") + "{{a}}\n{{#b}}x{{/b}}", 7, `variable "b" is not declared`},
		{"undeclared in a section", front("a") + "{{#a}}\n\n{{b}}{{/a}}", 8, `variable "b" is not declared`},
		{"undeclared after lines that vanish", front("a") + "{{#a}}\nx\n{{/a}}\n{{b}}", 9, `variable "b" is not declared`},
		{"undeclared in the second message", front("a") + "[system]\n{{a}}\n[user]\nx\n{{b}}", 10, `variable "b" is not declared`},
		{"not used", front("a") + "hello", 1, "not used"},
		{"not closed", front("a") + "x\n{{#a}}\ny", 7, `section "a" is not closed`},
		{"closed only", front("a") + "x\n\n{{/a}}", 8, "none is open"},
		{"crossed", front("a", "b") + "{{#a}}{{#b}}\n{{/a}}{{/b}}", 8, `"b" is open`},
		{"section over messages", front("a") + "[system]\n{{#a}}x\n[user]\n{{/a}}", 7, "is not closed"},
		{"no end of a mark", front("a") + "{{a}} {{a", 6, "does not begin a variable"},
		{"empty mark", front("a") + "{{a}}\n{{}}", 7, "does not begin a variable"},
		{"mark over lines", front("a") + "{{a}}\n{{\na}}", 7, "does not begin a variable"},
		{"other syntax", front("a") + "{{a | upper}}", 6, "does not begin a variable"},
		{"three braces", front("a") + "{{{a}}}", 6, "does not begin a variable"},
		{"text before a role", front("a") + "x\n[user]\n{{a}}", 6, "before the first role"},
		{"empty message", front("a") + "[system]\n\n[user]\n{{a}}", 7, "the system message is empty"},
		{"no message", front(), 5, "the user message is empty"},
		{"bytes", front("a") + "{{a}}\xff", 0, "UTF-8"},
		{"too long", front("a") + "{{a}}" + strings.Repeat("x", prompt.MaxBytes), 0, "bytes"},
		{"too deep", front("a") + strings.Repeat("{{#a}}", 20) + strings.Repeat("{{/a}}", 20), 6, "more than 16 sections"},
	}
	for _, k := range cases {
		_, err := prompt.Parse([]byte(k.file))
		var fault *prompt.FaultError
		if !errors.As(err, &fault) || fault.Line != k.line || !strings.Contains(fault.Message, k.text) {
			t.Errorf("%s: %v, want line %d with %q", k.name, err, k.line, k.text)
		}
	}
}

func TestHash(t *testing.T) {
	t.Parallel()
	a := parse(t, "---\nname: x\nvariables:\n  - name: a\n    required: true\n---\n[user]\nHello {{a}}\n")
	same := parse(t, "---\n# a comment\nvariables: [{required: true, name: \"a\"}]\nname: 'x'\n---\n\nHello {{a}}\r\n\n")
	if a.Hash != same.Hash || len(a.Hash) != 64 || a.ShortHash() != a.Hash[:12] {
		t.Errorf("layout counts: %s %s", a.Hash, same.Hash)
	}
	for name, text := range map[string]string{
		"text":     "---\nname: x\nvariables:\n  - {name: a, required: true}\n---\nHello  {{a}}",
		"role":     "---\nname: x\nvariables:\n  - {name: a, required: true}\n---\n[system]\nHello {{a}}",
		"required": "---\nname: x\nvariables:\n  - {name: a}\n---\nHello {{a}}",
		"name":     "---\nname: y\nvariables:\n  - {name: a, required: true}\n---\nHello {{a}}",
	} {
		if parse(t, text).Hash == a.Hash {
			t.Errorf("%s does not count", name)
		}
	}
	if (prompt.Template{}).ShortHash() != "" {
		t.Error("the zero template has a hash")
	}
}

func TestSet(t *testing.T) {
	t.Parallel()
	files := fstest.MapFS{
		"p/b.prompt":     {Data: []byte("---\nname: b\n---\nB")},
		"p/a.prompt":     {Data: []byte("---\nname: a\n---\nA")},
		"p/notes.txt":    {Data: []byte("no prompt")},
		"p/sub/c.prompt": {Data: []byte("---\nname: c\n---\nC")},
	}
	set, err := prompt.Load(files, "p")
	if err != nil || len(set) != 2 || set[0].Name != "a" {
		t.Fatalf("%v %v", set, err)
	}
	a, err := set.Find("a")
	if err != nil {
		t.Fatal(err)
	}
	if same, err := set.Find("a@" + a.Hash[:6]); err != nil || same.Hash != a.Hash {
		t.Errorf("by version: %v", err)
	}
	for _, name := range []string{"z", "a@ffffffffffff"} {
		if _, err := set.Find(name); stylesprint.CodeOf(err) != stylesprint.CodeNotFound || stylesprint.HintOf(err) == "" {
			t.Errorf("%s: %v", name, err)
		}
	}
	other, err := prompt.Load(fstest.MapFS{"a.prompt": {Data: []byte("---\nname: a\n---\nmine")}}, ".")
	if err != nil {
		t.Fatal(err)
	}
	both := set.With(other)
	if mine, err := both.Find("a"); err != nil || mine.Messages[0].Text != "mine" || len(both) != 2 || !slices.IsSortedFunc(both, func(a, b prompt.Template) int { return strings.Compare(a.Name, b.Name) }) {
		t.Errorf("%+v %v", both, err)
	}
	files["p/a2.prompt"] = files["p/a.prompt"]
	files["p/broken.prompt"] = &fstest.MapFile{Data: []byte("{{")}
	if _, err := prompt.Load(files, "p"); err == nil || !strings.Contains(err.Error(), "a2.prompt") || !strings.Contains(err.Error(), "broken.prompt: line 1") {
		t.Errorf("faults: %v", err)
	}
	if _, err := prompt.Load(files, "nowhere"); err == nil {
		t.Error("a folder that is not there was read")
	}
}

func TestBuiltin(t *testing.T) {
	t.Parallel()
	set, err := prompt.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	known := []string{"sku", "name", "category", "colour", "material", "fit", "care", "sizes", "price", "features", "question"}
	for _, name := range []string{"plain", "brand-voice", "answer-question", "continue"} {
		p, err := set.Find(name)
		if err != nil {
			t.Fatal(err)
		}
		values := map[string]string{}
		for _, v := range p.Variables {
			if !slices.Contains(known, v.Name) {
				t.Errorf("%s asks for %s, which no product has", name, v.Name)
			}
			values[v.Name] = "value-of-" + v.Name
		}
		messages, err := p.Render(values)
		if err != nil {
			t.Fatal(err)
		}
		for _, v := range p.Variables {
			if !strings.Contains(messages[len(messages)-1].Content, "value-of-"+v.Name) {
				t.Errorf("%s: %s is not in the last message", name, v.Name)
			}
		}
		least, err := p.Render(map[string]string{"name": "Mira", "question": "Why?"})
		if err != nil || strings.Contains(least[len(least)-1].Content, "Colour") {
			t.Errorf("%s with a name alone: %s %v", name, show(least), err)
		}
		// A small model reads slowly and forgets; the rules stay short.
		if n := len(strings.Fields(show(least))); n > 200 {
			t.Errorf("%s: %d words before any fact", name, n)
		}
	}
}

func TestDiff(t *testing.T) {
	t.Parallel()
	a := parse(t, "---\nname: x\nvariables:\n  - {name: a}\n---\n[user]\none\ntwo {{a}}\nthree")
	b := parse(t, "---\nname: x\nvariables:\n  - {name: a, required: true}\n---\n[user]\none\n2 {{a}}\nthree\nfour")
	if prompt.Diff(a, a) != "" {
		t.Error("a template differs from itself")
	}
	want := fmt.Sprintf("--- x@%s\n+++ x@%s\n name: x\n description: \n-variable a\n+variable a, required\n [user]\n one\n-two {{a}}\n+2 {{a}}\n three\n+four\n", a.ShortHash(), b.ShortHash())
	if got := prompt.Diff(a, b); got != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{
		front("a") + "[system]\n{{#a}}\n x {{a}}\n{{/a}}\n[user]\n\\{{ y",
		"---\nname: x\n---\n", "---\n---", front("a") + "{{#a}}{{a}}{{/a}}", "---\nname: *x\n---\n", "---\na: &a [*a,*a]\n---\nx",
	} {
		f.Add(s, "value {{a}}")
	}
	f.Fuzz(func(t *testing.T, file, value string) {
		p, err := prompt.Parse([]byte(file))
		if err != nil {
			return
		}
		again, err := prompt.Parse([]byte(file))
		if err != nil || again.Hash != p.Hash {
			t.Fatalf("parsed twice: %v, %s and %s", err, p.Hash, again.Hash)
		}
		values := map[string]string{}
		for _, v := range p.Variables {
			values[v.Name] = value
		}
		messages, err := p.Render(values)
		if err != nil {
			return
		}
		// A value makes no message.
		if len(messages) > len(p.Messages) {
			t.Fatalf("%d messages of %d", len(messages), len(p.Messages))
		}
	})
}
