package archtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestImports(t *testing.T) {
	t.Parallel()
	faults, err := Check("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		t.Error(f)
	}
}

func TestStyle(t *testing.T) {
	t.Parallel()
	faults, err := Style("../..")
	if err != nil {
		t.Fatal(err)
	}
	for _, f := range faults {
		t.Error(f)
	}
}

// The checks must be able to fail.
func TestCheckFindsFaults(t *testing.T) {
	t.Parallel()
	cases := []struct{ file, src, want string }{
		{"gateway/a.go", `package gateway; import _ "stylesprint/store/sqlite"`, "gateway may not import store/sqlite"},
		{"gateway/a.go", `package gateway; import _ "stylesprint/engine"`, "gateway may not import engine"},
		{"engine/nn/a.go", `package nn; import _ "stylesprint"`, "engine/nn may not import the root package"},
		{"engine/nn/a.go", `package nn; import _ "golang.org/x/text/width"`, "engine/nn may not import golang.org/x/text/width"},
		{"web/a.go", `package web; import _ "database/sql"`, "web may not import database/sql"},
		{"a.go", `package stylesprint; import _ "stylesprint/generate"`, "the root package may not import generate"},
		{"prompt/a.go", `package prompt; import _ "html/template"`, "prompt may not import html/template"},
	}
	for _, c := range cases {
		faults, err := Check(tree(t, c.file, c.src))
		if err != nil {
			t.Fatal(err)
		}
		if len(faults) != 1 || !strings.Contains(faults[0], c.want) {
			t.Errorf("%s: got %q, want one fault with %q", c.file, faults, c.want)
		}
	}
}

func TestStyleFindsFaults(t *testing.T) {
	t.Parallel()
	long := "// Package a is long enough a comment to count as the door of a room.\npackage a\n\nfunc f() {\n" + strings.Repeat("\t_ = 1\n", maxFileLines) + "}\n\nfunc init() {}\n"
	faults, err := Style(tree(t, "util/a.go", long))
	if err != nil {
		t.Fatal(err)
	}
	all := strings.Join(faults, "\n")
	for _, want := range []string{"split it by what it is about", "function f has", "init function", "named util"} {
		if !strings.Contains(all, want) {
			t.Errorf("no fault with %q in:\n%s", want, all)
		}
	}
}

func tree(t *testing.T, file, src string) string {
	t.Helper()
	dir := t.TempDir()
	p := filepath.Join(dir, filepath.FromSlash(file))
	if err := os.MkdirAll(filepath.Dir(p), 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(p, []byte(src), 0o644); err != nil {
		t.Fatal(err)
	}
	return dir
}
