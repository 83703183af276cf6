// Package archtest holds the table of which room may import what, and checks
// the source tree against it.
//
// Key words: room, rule, fault.
//
// The check is a test of this package; it reads import clauses only and runs in
// well under a second. A fault reads "X may not import Y; do Z". The table is
// changed together with a decision record in docs/decisions, never alone.
package archtest

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"path"
	"path/filepath"
	"sort"
	"strconv"
	"strings"
)

// Module is the path that every import of our own begins with.
const Module = "stylesprint"

// rule says what the packages below Room may import of ours. An entry of Allow
// is a folder with everything below it, or "." for the root package alone.
type rule struct {
	Room  string
	Allow []string
	Do    string // what to do instead
}

var domain = []string{".", "access", "audit", "catalogue", "embedding", "evaluate", "generate", "internal", "prompt", "release", "speakup", "tune", "watch"}

// rules is ordered: the first room that is a prefix of the importing package wins.
func rules() []rule {
	return []rule{
		{"cmd", []string{"*"}, ""},
		{"tools", []string{"*"}, ""},
		{"internal", []string{".", "internal"}, "internal parts serve every room, so they know none of them"},
		{"gateway", append([]string{"gateway"}, domain...), "declare the interface you need in gateway and let cmd join the parts"},
		{"web", append([]string{"web"}, domain...), "declare the interface you need in web and let cmd join the parts"},
		{"store", append([]string{"store"}, domain...), "adapters do not know one another; let cmd join the parts"},
		{"job", []string{".", "job", "internal"}, "declare the interface you need in job and let cmd join the parts"},
		{"release", []string{"."}, "pass the value in from cmd"},
		{"prompt", []string{"."}, "declare a small interface in prompt and let the caller satisfy it"},
		{"catalogue", []string{".", "prompt", "generate", "catalogue"}, "declare a small interface in catalogue"},
		{"evaluate/metric", []string{".", "catalogue", "prompt", "generate", "embedding", "release", "evaluate", "engine"}, "declare a small interface in evaluate"},
		{"evaluate", []string{".", "catalogue", "prompt", "generate", "embedding", "release", "evaluate"}, "declare a small interface in evaluate"},
		{"audit", []string{".", "catalogue", "prompt", "generate", "embedding", "release", "evaluate", "audit"}, "declare a small interface in audit"},
		{"tune", []string{".", "engine", "evaluate", "catalogue", "tune"}, "declare a small interface in tune"},
		{"watch", []string{".", "watch"}, "pass the value in from cmd"},
		{"speakup", []string{".", "speakup", "internal"}, "pass the value in from cmd"},
		{"access", []string{".", "access"}, "pass the value in from cmd"},
		{"generate/local", []string{".", "generate", "engine"}, ""},
		{"embedding/local", []string{".", "embedding", "engine"}, ""},
		{"embedding/openai", []string{".", "embedding", "generate/openai/wire"}, "the wire format's transport is generate/openai/wire"},
		{"generate/openai/wire", []string{".", "generate", "internal/alarm"}, "declare a small interface in generate"},
		{"generate", []string{".", "generate"}, "declare a small interface in generate"},
		{"embedding", []string{".", "embedding"}, "declare a small interface in embedding"},
		{"engine/nn", []string{"engine/nn"}, "the numerical rooms know numbers only; engine joins them with files and text"},
		{"engine/hub", []string{"engine/hub"}, "engine joins hub with the rest"},
		{"engine/tokenize", []string{"engine/tokenize"}, "engine joins tokenize with the rest"},
		{"engine", []string{"engine"}, "engine has types of its own; generate/local translates"},
		{"", nil, "the root package holds nouns on the standard library only"},
	}
}

// confined lists foreign modules that only some rooms may import.
func confined() []rule {
	return []rule{
		{"modernc.org/sqlite", []string{"store/sqlite", "job"}, "go through a store interface"},
		{"github.com/jackc/pgx", []string{"store/postgres", "job"}, "go through a store interface"},
		{"github.com/failsafe-go", []string{"gateway/route", "access"}, "let the route do it"},
		{"github.com/coreos/go-oidc", []string{"access"}, "go through access"},
		{"golang.org/x/oauth2", []string{"access"}, "go through access"},
		{"go.opentelemetry.io/otel/sdk", []string{"watch"}, "use the API; watch/telemetry holds the SDK"},
		{"go.opentelemetry.io/otel/exporters", []string{"watch"}, "use the API; watch/telemetry holds the exporters"},
		{"database/sql", []string{"store", "job"}, "go through a store interface"},
		{"github.com/riverqueue", []string{"job"}, "go through the queue interface in job"},
		{"html/template", []string{"web", "speakup"}, "render pages in web"},
		{"k8s.io", []string{"watch/remedy"}, "plan the act in watch/remedy"},
		{"github.com/spf13/cobra", []string{"cmd"}, "commands live in cmd/stylesprint"},
		{"github.com/nikolalohinski/gonja", []string{"engine"}, "render chat templates through engine"},
		{"github.com/prometheus/client_golang", []string{"cmd", "gateway", "web", "watch", "store", "generate", "embedding", "evaluate", "job", "access", "internal"}, "rooms below measure nothing"},
		{"github.com/prometheus/prometheus", []string{"watch"}, "ask watch"},
		{"github.com/chromedp", []string{"tools", "internal/testkit"}, "a browser is for tests and pictures"},
		{"os/exec", []string{"cmd", "tools", "engine/hub", "watch/remedy", "tune", "internal/testkit", "internal/deploytest"}, "child processes are started in few, visible places"},
	}
}

// Check walks the tree below root and returns the faults, sorted. Test files,
// testdata and nested modules are not looked at.
func Check(root string) ([]string, error) {
	var faults []string
	err := eachFile(root, func(dir string, name string, f *ast.File, fset *token.FileSet) error {
		for _, imp := range f.Imports {
			p, err := strconv.Unquote(imp.Path.Value)
			if err != nil {
				return fmt.Errorf("read import in %s: %w", name, err)
			}
			if why := fault(dir, p); why != "" {
				faults = append(faults, fmt.Sprintf("%s: %s", path.Join(dir, name), why))
			}
		}
		return nil
	})
	sort.Strings(faults)
	return faults, err
}

func fault(dir, imported string) string {
	if imported == Module || strings.HasPrefix(imported, Module+"/") {
		room := strings.TrimPrefix(strings.TrimPrefix(imported, Module), "/")
		if room == "" {
			room = "."
		}
		r := ruleFor(dir)
		if r.Room != "cmd" && r.Room != "tools" && !allowed(r.Allow, room) {
			return fmt.Sprintf("%s may not import %s; %s", display(dir), display(room), r.Do)
		}
		if within(dir, "gateway") && within(room, "engine") {
			return "gateway may not import engine; serve a generate.Client"
		}
		return ""
	}
	for _, r := range confined() {
		if (imported == r.Room || strings.HasPrefix(imported, r.Room+"/")) && !allowed(r.Allow, dir) {
			return fmt.Sprintf("%s may not import %s; %s", display(dir), imported, r.Do)
		}
	}
	if within(dir, "engine/nn") && strings.Contains(strings.Split(imported, "/")[0], ".") && imported != "golang.org/x/sys/cpu" {
		return fmt.Sprintf("%s may not import %s; engine/nn stands on the standard library and x/sys/cpu", dir, imported)
	}
	if dir == "." && strings.Contains(strings.Split(imported, "/")[0], ".") {
		return fmt.Sprintf("the root package may not import %s; %s", imported, "it stands on the standard library")
	}
	return ""
}

func display(room string) string {
	if room == "." {
		return "the root package"
	}
	return room
}

func ruleFor(dir string) rule {
	for _, r := range rules() {
		if r.Room == "" || within(dir, r.Room) {
			return r
		}
	}
	return rule{}
}

func within(dir, room string) bool { return dir == room || strings.HasPrefix(dir, room+"/") }

func allowed(rooms []string, room string) bool {
	for _, a := range rooms {
		if a == "*" || a == room || (a != "." && within(room, a)) {
			return true
		}
	}
	return false
}

// eachFile calls yield for every non-test Go file of the module, with its folder relative to root.
func eachFile(root string, yield func(dir, name string, f *ast.File, fset *token.FileSet) error) error {
	return filepath.WalkDir(root, func(p string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		rel, err := filepath.Rel(root, p)
		if err != nil {
			return err
		}
		rel = filepath.ToSlash(rel)
		if d.IsDir() {
			return skipDir(root, rel, d.Name())
		}
		if !strings.HasSuffix(rel, ".go") || strings.HasSuffix(rel, "_test.go") {
			return nil
		}
		fset := token.NewFileSet()
		f, err := parser.ParseFile(fset, p, nil, parser.ParseComments|parser.SkipObjectResolution)
		if err != nil {
			return fmt.Errorf("parse %s: %w", rel, err)
		}
		return yield(path.Dir(rel), path.Base(rel), f, fset)
	})
}

func skipDir(root, rel, name string) error {
	if rel == "." {
		return nil
	}
	if strings.HasPrefix(name, ".") || name == "testdata" || name == "dist" {
		return filepath.SkipDir
	}
	if m, _ := filepath.Glob(filepath.Join(root, filepath.FromSlash(rel), "go.mod")); len(m) > 0 {
		return filepath.SkipDir // a nested module
	}
	return nil
}
