package prompt

import (
	"encoding/json"
	"fmt"
	"maps"
	"math/big"
	"slices"
	"strings"
)

// Schema is the part of JSON Schema that answers are checked with: type, properties,
// required, items and enum. ParseSchema refuses any other keyword but
// title, description and $schema, so that none is silently not checked.
type Schema struct {
	Type       string            // object, array, string, number, integer, boolean, null; empty is any
	Properties map[string]Schema // of an object; others are allowed
	Required   []string
	Items      *Schema // of an array
	Enum       []any   // decoded with json.Number
}

// ParseSchema reads a JSON schema.
func ParseSchema(text []byte) (*Schema, error) {
	if len(text) > maxJSONBytes || depth(text) > maxJSONDepth {
		return nil, fmt.Errorf("read schema: it is longer than %d bytes or nested deeper than %d levels", maxJSONBytes, maxJSONDepth)
	}
	v, err := decodeAny(text)
	if err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	s, err := parseSchema(v, "$")
	if err != nil {
		return nil, fmt.Errorf("read schema: %w", err)
	}
	return &s, nil
}

func parseSchema(v any, path string) (Schema, error) {
	var s Schema
	object, ok := v.(map[string]any)
	if !ok {
		return s, fmt.Errorf("%s: want an object", path)
	}
	for _, key := range slices.Sorted(maps.Keys(object)) {
		value := object[key]
		var err error
		switch key {
		case "type":
			err = s.parseType(value)
		case "properties":
			err = s.parseProperties(value, path)
		case "required":
			err = s.parseRequired(value)
		case "items":
			var items Schema
			items, err = parseSchema(value, path+".items")
			s.Items = &items
			if err != nil {
				return s, err
			}
		case "enum":
			if s.Enum, ok = value.([]any); !ok || len(s.Enum) == 0 {
				err = fmt.Errorf("enum: want a list with values")
			}
		case "title", "description", "$schema":
		default:
			err = fmt.Errorf("keyword %q is not supported; use type, properties, required, items and enum", clip(key))
		}
		if err != nil {
			return s, fmt.Errorf("%s: %w", path, err)
		}
	}
	return s, nil
}

func (s *Schema) parseType(v any) error {
	name, _ := v.(string)
	if !slices.Contains([]string{"object", "array", "string", "number", "integer", "boolean", "null"}, name) {
		return fmt.Errorf("type: want the name of one JSON type")
	}
	s.Type = name
	return nil
}

func (s *Schema) parseProperties(v any, path string) error {
	object, ok := v.(map[string]any)
	if !ok {
		return fmt.Errorf("properties: want an object")
	}
	s.Properties = map[string]Schema{}
	for _, name := range slices.Sorted(maps.Keys(object)) {
		p, err := parseSchema(object[name], path+".properties."+clip(name))
		if err != nil {
			return err
		}
		s.Properties[name] = p
	}
	return nil
}

func (s *Schema) parseRequired(v any) error {
	list, ok := v.([]any)
	for _, entry := range list {
		name, isText := entry.(string)
		ok = ok && isText
		s.Required = append(s.Required, name)
	}
	if !ok {
		return fmt.Errorf("required: want a list of names")
	}
	return nil
}

// Check returns the first fault of a value that was decoded with json.Number, as a *ParseError, or nil.
func (s *Schema) Check(v any) error { return s.check(v, "") }

func (s *Schema) check(v any, path string) error {
	fault := func(format string, args ...any) error {
		return &ParseError{Path: path, Message: fmt.Sprintf(format, args...)}
	}
	if s.Type != "" && !hasType(v, s.Type) {
		return fault("want %s, got %s", s.Type, typeOf(v))
	}
	if len(s.Enum) > 0 && !slices.ContainsFunc(s.Enum, func(e any) bool { return equal(e, v) }) {
		return fault("want one of %s", listOf(s.Enum))
	}
	switch v := v.(type) {
	case map[string]any:
		for _, name := range s.Required {
			if _, ok := v[name]; !ok {
				return fault("the field %q is missing", name)
			}
		}
		for _, name := range slices.Sorted(maps.Keys(s.Properties)) {
			p := s.Properties[name]
			if value, ok := v[name]; ok {
				if err := p.check(value, join(path, name)); err != nil {
					return err
				}
			}
		}
	case []any:
		if s.Items == nil {
			return nil
		}
		for i, value := range v {
			if err := s.Items.check(value, fmt.Sprintf("%s[%d]", path, i)); err != nil {
				return err
			}
		}
	}
	return nil
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func hasType(v any, name string) bool {
	if n, ok := v.(json.Number); ok {
		return name == "number" || name == "integer" && isInteger(n)
	}
	return typeOf(v) == name
}

func typeOf(v any) string {
	switch v.(type) {
	case map[string]any:
		return "object"
	case []any:
		return "array"
	case string:
		return "string"
	case json.Number:
		return "number"
	case bool:
		return "boolean"
	}
	return "null"
}

// number reads a JSON number exactly; absurd exponents, which would need as
// many digits, are not read.
func number(n json.Number) (*big.Rat, bool) {
	if f, err := n.Float64(); err != nil || len(n) > 64 || f != 0 && (f > 1e60 || f < -1e60 || f > -1e-60 && f < 1e-60) {
		return nil, false
	}
	if _, exponent, ok := strings.Cut(strings.ToLower(string(n)), "e"); ok && len(strings.TrimLeft(exponent, "+-0")) > 3 {
		return nil, false
	}
	return new(big.Rat).SetString(string(n))
}

// isInteger also takes 2.0, as JSON Schema does.
func isInteger(n json.Number) bool {
	r, ok := number(n)
	return ok && r.IsInt()
}

func equal(a, b any) bool {
	x, isNumber := a.(json.Number)
	y, both := b.(json.Number)
	if isNumber && both {
		p, ok1 := number(x)
		q, ok2 := number(y)
		if ok1 && ok2 {
			return p.Cmp(q) == 0
		}
		return x == y
	}
	p, err1 := json.Marshal(a)
	q, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(p) == string(q)
}

func listOf(values []any) string {
	parts := make([]string, len(values))
	for i, v := range values {
		b, _ := json.Marshal(v) // it came from JSON
		parts[i] = string(b)
	}
	return clip(strings.Join(parts, ", "))
}
