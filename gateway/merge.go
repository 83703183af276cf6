package gateway

import (
	"bytes"
	"encoding/json"
)

// merge passes a provider's own answer on: all its fields, known to us or not,
// with those of ours that it lacks. Where the provider's answer is none that a
// client of this route could read, ours stands alone. member is what each
// choice must have.
func merge(ours, raw []byte, member string) []byte {
	theirs, ok := completionOf(raw, member)
	if !ok {
		return ours
	}
	var base map[string]json.RawMessage
	if json.Unmarshal(ours, &base) != nil {
		return ours
	}
	fill(theirs, base)
	b, err := encode(theirs)
	if err != nil {
		return ours
	}
	return b
}

// completionOf reads a provider's answer or chunk if it has at least one
// choice and every choice has the member.
func completionOf(raw []byte, member string) (map[string]json.RawMessage, bool) {
	if len(raw) == 0 {
		return nil, false
	}
	var o map[string]json.RawMessage
	var choices []map[string]json.RawMessage
	if json.Unmarshal(raw, &o) != nil || json.Unmarshal(o["choices"], &choices) != nil || len(choices) == 0 {
		return nil, false
	}
	for _, c := range choices {
		if _, ok := c[member]; !ok {
			return nil, false
		}
	}
	return o, true
}

// fill sets what is absent, null or "" in o.
func fill(o, from map[string]json.RawMessage) {
	for name, v := range from {
		if have := bytes.TrimSpace(o[name]); len(have) == 0 || string(have) == "null" || string(have) == `""` {
			o[name] = v
		}
	}
}
