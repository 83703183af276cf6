package gateway

import (
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/tidwall/gjson"
)

// errNoObject is what members makes of JSON that is no object.
var errNoObject = errors.New("not an object")

// members splits an object without reading its values, which stay parts of raw. The last
// of several members with one name counts. The error of JSON that is malformed says where.
func members(raw []byte) (map[string]json.RawMessage, error) {
	if !gjson.ValidBytes(raw) {
		var o map[string]json.RawMessage
		if err := json.Unmarshal(raw, &o); err != nil {
			return nil, err
		}
		return o, nil // more lenient than the quick reader is
	}
	return membersOf(raw)
}

// membersOf is members for JSON that is known to be valid, as a part of what members read is.
func membersOf(raw []byte) (map[string]json.RawMessage, error) {
	o := make(map[string]json.RawMessage, 8)
	if !each(raw, func(name string, value []byte) { o[name] = value }) {
		return nil, errNoObject
	}
	return o, nil
}

// each calls yield for every member of a valid object, in order; it is false for anything else.
func each(raw []byte, yield func(name string, value []byte)) bool {
	root := gjson.ParseBytes(raw)
	if !root.IsObject() {
		return false
	}
	root.ForEach(func(k, v gjson.Result) bool {
		end := v.Index + len(v.Raw)
		yield(unquote(k.Raw), raw[v.Index:end:end])
		return true
	})
	return true
}

// elements splits a list of valid JSON; ok is false for anything else.
func elements(raw []byte) (items []json.RawMessage, ok bool) {
	if len(raw) == 0 || raw[0] != '[' {
		return nil, false
	}
	items = make([]json.RawMessage, 0, 4)
	gjson.ParseBytes(raw).ForEach(func(_, v gjson.Result) bool {
		items = append(items, raw[v.Index:v.Index+len(v.Raw):v.Index+len(v.Raw)])
		return true
	})
	return items, true
}

// unquote is the text of a JSON string in quotes.
func unquote(quoted string) string {
	if strings.IndexByte(quoted, '\\') < 0 && utf8.ValidString(quoted) {
		return quoted[1 : len(quoted)-1]
	}
	var s string
	_ = json.Unmarshal([]byte(quoted), &s) // a string by its caller's word
	return s
}

// textOf reads a JSON string; ok is false for anything else.
func textOf(raw []byte) (s string, ok bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	return unquote(string(raw)), true
}

// absent is true for a member that says nothing: none, null or "".
func absent(value string) bool {
	v := strings.TrimSpace(value)
	return v == "" || v == "null" || v == `""`
}

// filling are the members that an object must have; only what it lacks is made.
type filling struct {
	names []string                 // at most 64
	value func(name string) string // JSON; "" adds nothing
}

// rewrite writes a valid object anew: what it lacks, or has as null or "", is taken from
// fill; the member named in drop is left out. Everything else stays as it is, byte for byte
// and in its order.
func rewrite(raw []byte, fill filling, drop string) []byte {
	out := make([]byte, 0, len(raw)+256)
	out = append(out, '{')
	var seen uint64 // bits of fill
	add := func(name, value string) {
		if len(out) > 1 {
			out = append(out, ',')
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	gjson.ParseBytes(raw).ForEach(func(k, v gjson.Result) bool {
		name := unquote(k.Raw)
		if name == drop && drop != "" {
			return true
		}
		if i := slices.Index(fill.names, name); i >= 0 {
			if seen&(1<<i) != 0 {
				return true // twice in raw: the first one is there already
			}
			seen |= 1 << i
			if absent(v.Raw) {
				add(k.Raw, fill.value(name))
				return true
			}
		}
		add(k.Raw, v.Raw)
		return true
	})
	for i, name := range fill.names {
		if seen&(1<<i) != 0 {
			continue
		}
		if value := fill.value(name); value != "" {
			add(strconv.Quote(name), value)
		}
	}
	return append(out, '}')
}

// appendQuoted appends a text as JSON, as encode writes it.
func appendQuoted(b []byte, s string) []byte {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			quoted, err := encode(s)
			if err != nil { // cannot be: it is a string
				quoted = []byte(`""`)
			}
			return append(b, quoted...)
		}
	}
	return append(append(append(b, '"'), s...), '"')
}

// quoted is a text as JSON.
func quoted(s string) string { return string(appendQuoted(nil, s)) }
