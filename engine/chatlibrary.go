package engine

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// filterJSON is transformers' tojson, Python's json.dumps: {"a": 1, "b": [2, 3]}.
func filterJSON(_ *exec.Evaluator, in *exec.Value, args *exec.VarArgs) *exec.Value {
	if in.IsError() {
		return in
	}
	if len(args.Args)+len(args.KwArgs) > 0 {
		return exec.AsValue(errors.New("tojson: arguments are not supported"))
	}
	out, err := pythonJSON(nil, in.Interface())
	if err != nil {
		return exec.AsValue(err)
	}
	return exec.AsSafeValue(string(out))
}

// pythonJSON appends a value as Python's json.dumps writes it.
func pythonJSON(out []byte, v any) ([]byte, error) {
	var err error
	switch v := v.(type) {
	case turns:
		return pythonJSON(out, []any(v))
	case []any:
		out = append(out, '[')
		for i, x := range v {
			if i > 0 {
				out = append(out, ", "...)
			}
			if out, err = pythonJSON(out, x); err != nil {
				return nil, err
			}
		}
		return append(out, ']'), nil
	case map[string]any:
		keys := slices.Sorted(maps.Keys(v))
		if i := slices.Index(keys, "role"); i > 0 { // the first in a message
			keys = append([]string{"role"}, slices.Delete(keys, i, i+1)...)
		}
		out = append(out, '{')
		for i, k := range keys {
			if i > 0 {
				out = append(out, ", "...)
			}
			out = append(appendJSONString(out, k), ": "...)
			if out, err = pythonJSON(out, v[k]); err != nil {
				return nil, err
			}
		}
		return append(out, '}'), nil
	case string:
		return appendJSONString(out, v), nil
	case nil, bool, int:
		b, err := json.Marshal(v)
		return append(out, b...), err
	}
	return nil, fmt.Errorf("tojson: a value of type %T is not supported", v)
}

// appendJSONString quotes s and leaves all but what JSON demands as it is.
func appendJSONString(out []byte, s string) []byte {
	out = append(out, '"')
	for _, r := range s {
		switch {
		case r == '"' || r == '\\':
			out = append(out, '\\', byte(r))
		case r == '\n':
			out = append(out, `\n`...)
		case r == '\r':
			out = append(out, `\r`...)
		case r == '\t':
			out = append(out, `\t`...)
		case r == '\b':
			out = append(out, `\b`...)
		case r == '\f':
			out = append(out, `\f`...)
		case r < 0x20:
			out = fmt.Appendf(out, `\u%04x`, r)
		default:
			out = utf8.AppendRune(out, r)
		}
	}
	return append(out, '"')
}

// turns is a conversation as a template sees it. The library has no negative
// indices of its own.
type turns []any

// GetItem is called for turns[key].
func (t turns) GetItem(key any) (*exec.Value, bool) {
	i, ok := key.(int)
	if ok && i < 0 {
		i += len(t)
	}
	if !ok || i < 0 || i >= len(t) {
		return exec.AsValue(nil), false
	}
	return exec.AsValue(t[i]), true
}

var _ exec.ItemGetter = turns(nil)

// generationBlock is transformers' {% generation %}, which marks answers for
// training and prints what is inside it.
func generationBlock() map[string]parser.ControlStructureParser {
	return map[string]parser.ControlStructureParser{
		"generation": func(p, args *parser.Parser) (nodes.ControlStructure, error) {
			g := &generation{at: p.Current()}
			wrapper, _, err := p.WrapUntil("endgeneration")
			g.inside = wrapper
			return g, err
		},
	}
}

type generation struct {
	at     *tokens.Token
	inside *nodes.Wrapper
}

func (g *generation) Position() *tokens.Token { return g.at }

func (g *generation) String() string { return "generation" }

func (g *generation) Execute(r *exec.Renderer, _ *nodes.ControlStructureBlock) error {
	return r.ExecuteWrapper(g.inside)
}

var _ exec.ControlStructure = (*generation)(nil)

// templateMethods are the library's methods with those of strings that differ
// from Python's in what templates commonly ask put right.
func templateMethods() exec.Methods {
	all := builtins.Methods
	strs := map[string]exec.Method[string]{}
	for _, name := range strings.Fields(`capitalize casefold count endswith find isalnum isalpha isascii isdecimal isdigit islower isnumeric
		isspace istitle isupper join lower lstrip partition removeprefix removesuffix rfind rpartition rsplit rstrip splitlines
		startswith strip swapcase title upper zfill`) {
		if m, ok := all.Str.Get(name); ok {
			strs[name] = m
		}
	}
	strs["replace"] = func(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
		if len(args.Args) != 2 && len(args.Args) != 3 {
			return nil, errors.New("replace: want two strings and perhaps a count")
		}
		n := -1
		if len(args.Args) == 3 {
			n = args.Args[2].Integer()
		}
		return strings.Replace(self, args.Args[0].String(), args.Args[1].String(), n), nil
	}
	strs["split"] = func(self string, _ *exec.Value, args *exec.VarArgs) (any, error) {
		var parts []string
		switch {
		case len(args.Args) == 0:
			parts = strings.Fields(self)
		case args.Args[0].String() == "":
			return nil, errors.New("split: the separator is empty")
		case len(args.Args) == 2 && args.Args[1].Integer() >= 0:
			parts = strings.SplitN(self, args.Args[0].String(), args.Args[1].Integer()+1)
		default:
			parts = strings.Split(self, args.Args[0].String())
		}
		out := make([]any, len(parts))
		for i, p := range parts {
			out[i] = p
		}
		return out, nil
	}
	all.Str = exec.NewMethodSet(strs)
	return all
}
