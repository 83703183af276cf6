package config

import (
	"encoding"
	"fmt"
	"maps"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"stylesprint"
)

// maxNodes bounds what aliases can blow a file up to.
const maxNodes = 100_000

// decoder puts a tree of YAML into structs and reports all that does not fit.
type decoder struct {
	source *source
	getenv func(string) string
	nodes  int
	faults Faults
}

func (d *decoder) fault(n *yaml.Node, path, format string, a ...any) {
	d.faults = append(d.faults, Fault{File: d.source.file, Line: n.Line, Path: path, Message: fmt.Sprintf(format, a...)})
}

// value decodes a node into v, which keeps what it has where the node is null or faulty.
func (d *decoder) value(n *yaml.Node, v reflect.Value, path string) {
	if n.Kind == yaml.AliasNode {
		n = n.Alias
	}
	if d.nodes++; d.nodes > maxNodes {
		if d.nodes == maxNodes+1 {
			d.fault(n, path, "the file has more than %d values, those that aliases repeat included", maxNodes)
		}
		return
	}
	if path != "" && d.source.lines[path] == 0 {
		d.source.lines[path] = n.Line
	}
	if n.Kind == yaml.ScalarNode {
		d.scalar(n, v, path)
		return
	}
	switch k := v.Kind(); {
	case n.Kind == yaml.MappingNode && k == reflect.Pointer:
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		d.value(n, v.Elem(), path)
	case n.Kind == yaml.MappingNode && k == reflect.Struct && v.Type() != reflect.TypeFor[stylesprint.Secret]():
		d.object(n, v, path)
	case n.Kind == yaml.MappingNode && k == reflect.Map && v.Type().Key().Kind() == reflect.String:
		d.table(n, v, path)
	case n.Kind == yaml.SequenceNode && k == reflect.Slice:
		list := reflect.MakeSlice(v.Type(), len(n.Content), len(n.Content))
		for i, item := range n.Content {
			at := fmt.Sprintf("%s[%d]", path, i)
			if isNull(item) {
				d.fault(item, at, "is empty")
				continue
			}
			d.value(item, list.Index(i), at)
		}
		v.Set(list)
	default:
		d.fault(n, path, "want %s, got %s", wanted(v.Type()), found(n))
	}
}

func isNull(n *yaml.Node) bool { return n.Kind == yaml.ScalarNode && n.Tag == "!!null" }

func found(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a group of keys"
	case yaml.SequenceNode:
		return "a list"
	}
	return "a single value"
}

// wanted says what a type takes.
func wanted(t reflect.Type) string {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return "a duration such as 30s or 2m"
	case reflect.TypeFor[stylesprint.Secret]():
		return "a text"
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return "a text"
	}
	switch t.Kind() {
	case reflect.String:
		return "a text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float64:
		return "a number"
	case reflect.Struct, reflect.Map:
		return "a group of keys"
	case reflect.Slice:
		return "a list"
	case reflect.Pointer:
		return wanted(t.Elem())
	}
	return "a whole number"
}

// object decodes a mapping into a struct.
func (d *decoder) object(n *yaml.Node, v reflect.Value, path string) {
	fields := fieldsOf(v.Type())
	d.pairs(n, path, func(key string, keyNode, value *yaml.Node, at string) {
		i, ok := fields[key]
		if !ok {
			d.fault(keyNode, at, "is not a key here; there are %s", strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
			return
		}
		d.value(value, v.FieldByIndex(i), at)
	})
}

// table decodes a mapping into a map with keys of one's own.
func (d *decoder) table(n *yaml.Node, v reflect.Value, path string) {
	out := reflect.MakeMap(v.Type())
	d.pairs(n, path, func(key string, _, value *yaml.Node, at string) {
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(value, item, at)
		out.SetMapIndex(reflect.ValueOf(key).Convert(v.Type().Key()), item)
	})
	v.Set(out)
}

// pairs calls yield for each key of a mapping, and refuses those that come twice.
func (d *decoder) pairs(n *yaml.Node, path string, yield func(key string, keyNode, value *yaml.Node, at string)) {
	seen := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, value := n.Content[i], n.Content[i+1]
		at := join(path, key.Value)
		switch {
		case key.Kind != yaml.ScalarNode:
			d.fault(key, path, "want a text as key, got %s", found(key))
			continue
		case key.Tag == "!!merge":
			d.fault(key, path, "<< is not read here; write the keys out")
			continue
		case seen[key.Value] > 0:
			d.fault(key, at, "is there already, in line %d", seen[key.Value])
			continue
		}
		seen[key.Value] = key.Line
		d.source.lines[at] = key.Line
		yield(key.Value, key, value, at)
	}
}

func join(path, key string) string {
	if len(key) > 64 {
		key = strings.ToValidUTF8(key[:64], "") + "..."
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

// fieldsOf finds the fields of a struct by their keys in the file; those of a struct that is
// tagged ",inline" count as its own.
func fieldsOf(t reflect.Type) map[string][]int {
	out := map[string][]int{}
	for i := range t.NumField() {
		f := t.Field(i)
		key, option, _ := strings.Cut(f.Tag.Get("yaml"), ",")
		switch {
		case !f.IsExported() || key == "-":
		case option == "inline":
			for k, at := range fieldsOf(f.Type) {
				out[k] = append([]int{i}, at...)
			}
		case key != "":
			out[key] = []int{i}
		}
	}
	return out
}

// scalar decodes a single value, with the environment put in.
func (d *decoder) scalar(n *yaml.Node, v reflect.Value, path string) {
	if isNull(n) {
		return
	}
	text, referred, err := expand(n.Value, d.getenv)
	if err != nil {
		d.fault(n, path, "%v", err)
		return
	}
	if referred {
		d.source.env[path] = reference{n.Value, text}
	}
	if err := setText(v, text); err != nil {
		d.fault(n, path, "%v, got %q", err, clip(n.Value))
	}
}

func clip(s string) string {
	if len(s) > 80 {
		return strings.ToValidUTF8(s[:80], "") + "..."
	}
	return s
}

// setText sets a value that is written as one text; the error says what it wants.
func setText(v reflect.Value, text string) error {
	want := func() error { return fmt.Errorf("want %s", wanted(v.Type())) }
	switch to := v.Addr().Interface().(type) {
	case *time.Duration:
		t, err := time.ParseDuration(text)
		if err != nil {
			return want()
		}
		*to = t
		return nil
	case *stylesprint.Secret:
		*to = stylesprint.NewSecret(text)
		return nil
	case encoding.TextUnmarshaler:
		return to.UnmarshalText([]byte(text))
	}
	var err error
	switch v.Kind() {
	case reflect.Pointer:
		item := reflect.New(v.Type().Elem())
		if err := setText(item.Elem(), text); err != nil {
			return err
		}
		v.Set(item)
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		if text != "true" && text != "false" {
			return want()
		}
		v.SetBool(text == "true")
	case reflect.Int, reflect.Int64, reflect.Int32:
		var i int64
		if i, err = strconv.ParseInt(text, 10, v.Type().Bits()); err == nil {
			v.SetInt(i)
		}
	case reflect.Float64:
		var f float64
		if f, err = strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(f) && !math.IsInf(f, 0) {
			v.SetFloat(f)
			return nil
		}
		return want()
	default:
		return want()
	}
	if err != nil {
		return want()
	}
	return nil
}
