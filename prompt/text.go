package prompt

import "path"

// BuiltinText is the file of a built-in template, for whoever keeps a template with what
// was made of it. ok is false where there is none of that name.
func BuiltinText(name string) (text string, ok bool) {
	if !named(name) {
		return "", false
	}
	b, err := builtin.ReadFile(path.Join("builtin", name+extension))
	return string(b), err == nil
}
