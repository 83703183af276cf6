package prompt_test

import (
	"testing"

	"stylesprint/prompt"
)

// The file of each built-in template is that template.
func TestBuiltinText(t *testing.T) {
	t.Parallel()
	set, err := prompt.Builtin()
	if err != nil {
		t.Fatal(err)
	}
	for _, want := range set {
		text, ok := prompt.BuiltinText(want.Name)
		got, err := prompt.Parse([]byte(text))
		if !ok || err != nil || got.Hash != want.Hash {
			t.Errorf("%s: %t, %v", want.Name, ok, err)
		}
	}
	for _, name := range []string{"", "none", "../builtin/plain", "Plain"} {
		if _, ok := prompt.BuiltinText(name); ok {
			t.Errorf("there is a text of %q", name)
		}
	}
}
