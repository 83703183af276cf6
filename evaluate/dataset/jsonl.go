package dataset

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
)

// ReadJSONL reads one item a line; blank lines are skipped. The keys are those
// of Item; "reference" may stand for a list of one. Values of fields and slices
// are text, numbers or booleans, which become text as they are written. Unknown
// keys are faults.
func ReadJSONL(r io.Reader, o Options) (Dataset, error) {
	return read(r, o, readJSONL)
}

func readJSONL(r io.Reader, o Options, c *collector) error {
	n := 0
	for line, err := range Lines(r, o.File, o.MaxLine) {
		n++
		if err != nil || c.failed != nil {
			return err
		}
		if strings.TrimSpace(line) == "" {
			continue
		}
		if item, ok := c.parse(line, n); ok {
			c.add(item, n)
		}
	}
	return nil
}

// parse reads one object and notes what is wrong with it.
func (c *collector) parse(line string, n int) (Item, bool) {
	var raw map[string]json.RawMessage
	if err := json.Unmarshal([]byte(line), &raw); err != nil {
		c.fault(n, "", "%s", jsonFault(err))
		return Item{}, false
	}
	before := len(c.faults) + c.more
	var item Item
	for _, key := range slices.Sorted(maps.Keys(raw)) {
		value := raw[key]
		switch key {
		case "id":
			item.ID = c.scalar(value, n, key)
		case "family":
			item.Family = c.scalar(value, n, key)
		case "split":
			item.Split = c.scalar(value, n, key)
		case "fields":
			item.Fields = c.scalars(value, n, key)
		case "slices":
			item.Slices = c.scalars(value, n, key)
		case "images":
			item.Images = c.texts(value, n, key)
		case "references":
			item.References = append(item.References, c.texts(value, n, key)...)
		case "reference":
			item.References = append([]string{c.text(value, n, key)}, item.References...)
		default:
			c.fault(n, key, "is unknown; variables of the prompt belong in fields")
		}
	}
	return item, len(c.faults)+c.more == before
}

// jsonFault puts an error of encoding/json into a sentence with a place.
func jsonFault(err error) string {
	var syntax *json.SyntaxError
	var kind *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("is not JSON: %v, at byte %d", syntax, syntax.Offset)
	case errors.As(err, &kind):
		return "want a JSON object, got " + article(kind.Value)
	}
	return "is not JSON: " + err.Error()
}

func article(kind string) string {
	if strings.HasPrefix(kind, "a") || strings.HasPrefix(kind, "o") {
		return "an " + kind
	}
	return "a " + kind
}

// kindOf names a JSON value for faults.
func kindOf(v json.RawMessage) string {
	switch v = bytes.TrimSpace(v); {
	case len(v) == 0:
		return "nothing"
	case v[0] == '"':
		return "text"
	case v[0] == '{':
		return "an object"
	case v[0] == '[':
		return "a list"
	case v[0] == 't' || v[0] == 'f':
		return "a boolean"
	case v[0] == 'n':
		return "null"
	}
	return "a number"
}

func (c *collector) text(v json.RawMessage, n int, field string) string {
	var s string
	if kindOf(v) != "text" || json.Unmarshal(v, &s) != nil {
		c.fault(n, field, "want text, got %s", kindOf(v))
	}
	return s
}

// scalar reads text, a number or a boolean as text.
func (c *collector) scalar(v json.RawMessage, n int, field string) string {
	switch kindOf(v) {
	case "a number", "a boolean":
		return string(bytes.TrimSpace(v))
	}
	return c.text(v, n, field)
}

func (c *collector) texts(v json.RawMessage, n int, field string) []string {
	var list []json.RawMessage
	if kindOf(v) != "a list" || json.Unmarshal(v, &list) != nil {
		c.fault(n, field, "want a list of texts, got %s", kindOf(v))
		return nil
	}
	out := make([]string, len(list))
	for i, e := range list {
		out[i] = c.text(e, n, fmt.Sprintf("%s[%d]", field, i))
	}
	return out
}

func (c *collector) scalars(v json.RawMessage, n int, field string) map[string]string {
	var object map[string]json.RawMessage
	if kindOf(v) != "an object" || json.Unmarshal(v, &object) != nil {
		c.fault(n, field, "want an object of texts, got %s", kindOf(v))
		return nil
	}
	out := make(map[string]string, len(object))
	for _, key := range slices.Sorted(maps.Keys(object)) {
		out[key] = c.scalar(object[key], n, field+"."+key)
	}
	return out
}
