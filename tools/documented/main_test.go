package main

import (
	"slices"
	"testing"
)

func TestCommands(t *testing.T) {
	t.Parallel()
	doc := "text\n```sh\n# comment\nstylesprint version\nstylesprint score \\\n  bleu\n```\n```console\nnot run\n```\n```sh\nlast\n```\n"
	want := []string{"stylesprint version", "stylesprint score bleu", "last"}
	if got := commands(doc); !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestLinks(t *testing.T) {
	t.Parallel()
	got := links("../../README.md", "[a](LICENSE) [b](https://example.org/x) [c](no/such.md#part)")
	if len(got) != 1 {
		t.Errorf("got %v, want one fault", got)
	}
}
