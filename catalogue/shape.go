package catalogue

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
)

// checkShape compares a decoded record with Product's own fields.
func checkShape(v any) Faults {
	var s shape
	s.check(v, reflect.TypeFor[Product](), "")
	return s.faults
}

type shape struct{ faults Faults }

func (s *shape) fault(path, format string, args ...any) {
	s.faults = append(s.faults, Fault{Field: path, Message: fmt.Sprintf(format, args...)})
}

func (s *shape) check(v any, t reflect.Type, path string) {
	switch t.Kind() {
	case reflect.Struct:
		object, ok := v.(map[string]any)
		if !ok {
			s.fault(path, "want an object, got %s", kind(v))
			return
		}
		s.checkObject(object, t, path)
	case reflect.Slice:
		list, ok := v.([]any)
		if !ok {
			s.fault(path, "want a list, got %s", kind(v))
			return
		}
		for i, entry := range list {
			s.check(entry, t.Elem(), fmt.Sprintf("%s[%d]", path, i))
		}
	case reflect.Int:
		n, ok := v.(json.Number)
		if !ok {
			s.fault(path, "want a whole number, got %s", kind(v))
		} else if _, err := strconv.ParseInt(string(n), 10, 32); err != nil {
			s.fault(path, "want a whole number, got %s", clip(string(n)))
		}
	case reflect.String:
		if _, ok := v.(string); !ok {
			s.fault(path, "want text, got %s", kind(v))
		}
	}
}

func (s *shape) checkObject(object map[string]any, t reflect.Type, path string) {
	fields := map[string]reflect.Type{}
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		fields[name] = f.Type
	}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		below := name
		if path != "" {
			below = path + "." + name
		}
		if t, ok := fields[name]; ok {
			s.check(object[name], t, below)
		} else {
			s.fault(clip(below), "there is no such field; there are %s", strings.Join(slices.Sorted(maps.Keys(fields)), ", "))
		}
	}
}

func kind(v any) string {
	switch v.(type) {
	case map[string]any:
		return "an object"
	case []any:
		return "a list"
	case string:
		return "text"
	case json.Number:
		return "a number"
	case bool:
		return "true or false"
	}
	return "null"
}
