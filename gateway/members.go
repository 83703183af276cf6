package gateway

import (
	"bytes"
	"encoding/json"
	"errors"
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

// elements splits a list; ok is false for anything else.
func elements(raw []byte) (items []json.RawMessage, ok bool) {
	if len(raw) == 0 || raw[0] != '[' || !gjson.ValidBytes(raw) {
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
func absent(value []byte) bool {
	v := bytes.TrimSpace(value)
	return len(v) == 0 || string(v) == "null" || string(v) == `""`
}

// member is one member of an object that rewrite adds.
type member struct {
	name  string
	value []byte // JSON
}

// rewrite writes a valid object anew: what it lacks, or has as null or "", is taken from
// fill; members named in drop are left out. Everything else stays as it is, byte for byte
// and in its order.
func rewrite(raw []byte, fill []member, drop string) []byte {
	out := make([]byte, 0, len(raw)+256)
	out = append(out, '{')
	var seen uint64 // bits of fill
	add := func(name, value []byte) {
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
		for i := range fill {
			if fill[i].name != name {
				continue
			}
			if seen&(1<<i) != 0 {
				return true // twice in raw: the first one is there already
			}
			seen |= 1 << i
			if absent([]byte(v.Raw)) {
				add([]byte(k.Raw), fill[i].value)
				return true
			}
		}
		add([]byte(k.Raw), []byte(v.Raw))
		return true
	})
	for i, m := range fill {
		if seen&(1<<i) == 0 && m.value != nil {
			add(strconv.AppendQuote(nil, m.name), m.value)
		}
	}
	return append(out, '}')
}

// quoted is a text as JSON.
func quoted(s string) []byte {
	b, err := encode(s)
	if err != nil { // cannot be: it is a string
		return []byte(`""`)
	}
	return b
}
