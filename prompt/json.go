package prompt

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
)

// JSON returns the Parser for JSON of a schema into a T. It finds the first object or list in a text,
// within a code fence or among words, and checks it against the schema before
// it decodes it. A nil schema checks nothing.
func JSON[T any](schema *Schema) Parser[T] {
	return func(text string) (T, error) {
		var out T
		raw, err := findJSON(text)
		if err != nil {
			return out, err
		}
		if schema != nil {
			value, err := decodeAny(raw)
			if err != nil {
				return out, &ParseError{Message: "the JSON cannot be read"}
			}
			if err := schema.Check(value); err != nil {
				return out, err
			}
		}
		if err := json.Unmarshal(raw, &out); err != nil {
			var kind *json.UnmarshalTypeError
			if errors.As(err, &kind) {
				return out, &ParseError{Path: kind.Field, Message: fmt.Sprintf("want %s, got %s", kind.Type, kind.Value)}
			}
			return out, &ParseError{Message: "the JSON cannot be read: " + clip(err.Error())}
		}
		return out, nil
	}
}

const (
	maxJSONBytes = 1 << 20
	maxJSONDepth = 64
)

// findJSON returns the first complete object or list of a text.
func findJSON(text string) (json.RawMessage, error) {
	if len(text) > maxJSONBytes {
		return nil, &ParseError{Message: "the answer is too long"}
	}
	found := false
	for i := 0; ; {
		next := strings.IndexAny(text[i:], "{[")
		if next < 0 {
			break
		}
		i += next
		found = true
		var raw json.RawMessage
		err := json.NewDecoder(strings.NewReader(text[i:])).Decode(&raw)
		var syntax *json.SyntaxError
		switch {
		case err == nil && depth(raw) > maxJSONDepth:
			return nil, &ParseError{Message: fmt.Sprintf("the JSON is nested deeper than %d levels", maxJSONDepth)}
		case err == nil:
			return raw, nil
		case !errors.As(err, &syntax):
			return nil, &ParseError{Message: "the JSON breaks off before its end"}
		}
		// What stands before the fault belongs to a broken value: no part of it is the answer.
		i += max(int(syntax.Offset)-1, 1)
	}
	if !found {
		return nil, &ParseError{Message: "there is no JSON in the answer; write JSON and nothing else"}
	}
	return nil, &ParseError{Message: "the JSON in the answer is not valid"}
}

// depth is how deep brackets are nested, those in strings apart.
func depth(raw []byte) int {
	deepest, now, inString := 0, 0, false
	for i := 0; i < len(raw); i++ {
		switch c := raw[i]; {
		case inString && c == '\\':
			i++
		case c == '"':
			inString = !inString
		case inString:
		case c == '{' || c == '[':
			now++
			deepest = max(deepest, now)
		case c == '}' || c == ']':
			now--
		}
	}
	return deepest
}

func decodeAny(raw []byte) (any, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("text follows the value")
	}
	return v, nil
}
