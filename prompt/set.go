package prompt

import (
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"stylesprint"
)

//go:embed builtin/*.prompt
var builtin embed.FS

// extension of template files.
const extension = ".prompt"

// Set is a list of templates with different names, sorted by name.
type Set []Template

// Builtin returns the templates that come with the program. They ask about a product
// with the variables sku, name, category, colour, material, fit, care, sizes, price and features.
func Builtin() (Set, error) { return Load(builtin, "builtin") }

// Load reads every .prompt file of a folder, not of those below it. It reports all
// files that cannot be read.
func Load(files fs.FS, folder string) (Set, error) {
	entries, err := fs.ReadDir(files, folder)
	if err != nil {
		return nil, fmt.Errorf("read prompt folder: %w", err)
	}
	var set Set
	var faults []error
	from := map[string]string{}
	for _, e := range entries {
		if e.IsDir() || !strings.HasSuffix(e.Name(), extension) {
			continue
		}
		b, err := fs.ReadFile(files, path.Join(folder, e.Name()))
		if err != nil {
			faults = append(faults, fmt.Errorf("read prompt: %w", err))
			continue
		}
		t, err := parse(b)
		switch other := from[t.Name]; {
		case err != nil:
			faults = append(faults, fmt.Errorf("read prompt %s: %w", e.Name(), err))
		case other != "":
			faults = append(faults, fmt.Errorf("read prompt %s: %s has the name %q too", e.Name(), other, t.Name))
		default:
			from[t.Name] = e.Name()
			set = append(set, t)
		}
	}
	set.sort()
	return set, errors.Join(faults...)
}

func (s Set) sort() {
	slices.SortFunc(s, func(a, b Template) int { return strings.Compare(a.Name, b.Name) })
}

// With returns the set with others in it; one of theirs takes the place of one with its name.
func (s Set) With(others Set) Set {
	out := slices.Clone(others)
	for _, t := range s {
		if !slices.ContainsFunc(others, func(o Template) bool { return o.Name == t.Name }) {
			out = append(out, t)
		}
	}
	out.sort()
	return out
}

// Find returns a template by name, or by name and the beginning of its hash:
// "brand-voice@3f2a91". There being none is an error with code not_found.
func (s Set) Find(name string) (Template, error) {
	base, version, _ := strings.Cut(name, "@")
	for _, t := range s {
		if t.Name != base {
			continue
		}
		if strings.HasPrefix(t.Hash, version) {
			return t, nil
		}
		return Template{}, &stylesprint.Error{
			Code: stylesprint.CodeNotFound, Field: "prompt",
			Message: fmt.Sprintf("prompt %q has version %s, not %s", base, t.ShortHash(), clip(version)),
			Hint:    "stylesprint prompt list shows the versions there are",
		}
	}
	names := make([]string, len(s))
	for i, t := range s {
		names[i] = t.Name
	}
	return Template{}, &stylesprint.Error{
		Code: stylesprint.CodeNotFound, Field: "prompt",
		Message: fmt.Sprintf("there is no prompt %q; there are %s", clip(base), strings.Join(names, ", ")),
		Hint:    "stylesprint prompt list",
	}
}
