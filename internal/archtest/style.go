package archtest

import (
	"fmt"
	"go/ast"
	"go/token"
	"path"
	"sort"
	"strings"
)

// Limits of the style sheet. Generated files and the exceptions are not held to them.
const (
	maxFileLines     = 500
	maxFunctionLines = 80
)

// exceptions are files that may be longer, with the reason.
func exceptions() map[string]string {
	return map[string]string{}
}

// Style returns faults against the style sheet: long files and functions, init
// functions, packages without a comment, and folder names that say nothing.
func Style(root string) ([]string, error) {
	var faults []string
	commented := map[string]bool{}
	err := eachFile(root, func(dir, name string, f *ast.File, fset *token.FileSet) error {
		full := path.Join(dir, name)
		commented[dir] = commented[dir] || (f.Doc != nil && len(f.Doc.Text()) > 40)
		if base := path.Base(dir); base == "util" || base == "utils" || base == "common" || base == "helpers" {
			faults = append(faults, fmt.Sprintf("%s: a folder named %s says nothing; name it after what it does", full, base))
		}
		if ast.IsGenerated(f) {
			return nil
		}
		if n := fset.File(f.Pos()).LineCount(); n > maxFileLines && exceptions()[full] == "" {
			faults = append(faults, fmt.Sprintf("%s: %d lines; split it by what it is about", full, n))
		}
		for _, d := range f.Decls {
			if fn, ok := d.(*ast.FuncDecl); ok {
				faults = append(faults, functionFaults(full, fn, fset)...)
			}
		}
		return nil
	})
	for dir, ok := range commented {
		if !ok {
			faults = append(faults, dir+": no package comment; say what it is for")
		}
	}
	sort.Strings(faults)
	return faults, err
}

func functionFaults(file string, fn *ast.FuncDecl, fset *token.FileSet) []string {
	var out []string
	if fn.Recv == nil && fn.Name.Name == "init" {
		out = append(out, file+": init function; build the value where it is needed")
	}
	lines := fset.Position(fn.End()).Line - fset.Position(fn.Pos()).Line
	if lines > maxFunctionLines && exceptions()[file+":"+fn.Name.Name] == "" && !strings.HasSuffix(file, "_gen.go") {
		out = append(out, fmt.Sprintf("%s: function %s has %d lines; split it", file, fn.Name.Name, lines))
	}
	return out
}
