package safety

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// document is a provider's own answer, or a chunk of one, in OpenAI's format, with the
// texts of its choices.
type document struct {
	top     map[string]json.RawMessage
	choices []map[string]json.RawMessage
	pieces  []any // of slots, to be written back
	slots   []*slot
	ended   []string // choices that end here
	same    bool     // encode found nothing changed
}

// slot is one text of an answer.
type slot struct {
	choice  string // which choice
	channel string // which text of it, equal in all chunks of a stream
	text    string
	now     string
	set     func(string)
	piece   int // index in pieces
}

func (s *slot) put(text string) { s.now = text }

// members are the parts of a choice that hold texts.
func members() []string { return []string{"message", "delta", "text"} }

// parse reads an answer; ok is false for anything else.
func parse(raw []byte) (*document, bool) {
	d := &document{}
	if len(raw) == 0 || json.Unmarshal(raw, &d.top) != nil || json.Unmarshal(d.top["choices"], &d.choices) != nil {
		return nil, false
	}
	for i, c := range d.choices {
		name := strings.TrimSpace(string(c["index"]))
		if name == "" {
			name = fmt.Sprint(i)
		}
		if r := strings.TrimSpace(string(c["finish_reason"])); r != "" && r != "null" && r != `""` {
			d.ended = append(d.ended, name)
		}
		for _, m := range members() {
			v, err := decodeAny(c[m])
			if err != nil {
				continue
			}
			n := len(d.pieces)
			d.pieces = append(d.pieces, v)
			at := len(d.slots)
			walk(v, m, func(s string) { d.pieces[n] = s }, func(path, s string, set func(string)) {
				d.slots = append(d.slots, &slot{choice: name, channel: path, text: s, now: s, set: set, piece: n})
			})
			choice := c
			for _, s := range d.slots[at:] {
				set := s.set
				s.set = func(text string) {
					set(text)
					if b, err := json.Marshal(d.pieces[n]); err == nil {
						choice[m] = b
					}
					delete(choice, "logprobs") // repeats the text token by token
				}
			}
		}
	}
	return d, true
}

// encode is the document with the texts that were put; raw itself where none differs.
func (d *document) encode(raw []byte) []byte {
	changed := false
	for _, s := range d.slots {
		if s.now != s.text {
			s.set(s.now)
			changed = true
		}
	}
	if d.same = !changed; d.same {
		return raw
	}
	choices, err := json.Marshal(d.choices)
	if err != nil {
		return nil
	}
	d.top["choices"] = choices
	b, err := json.Marshal(d.top)
	if err != nil {
		return nil
	}
	return b
}

func decodeAny(raw json.RawMessage) (v any, err error) {
	if len(raw) == 0 {
		return nil, fmt.Errorf("nothing there")
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.UseNumber()
	err = d.Decode(&v)
	return v, err
}

// walk visits the texts of a value, each with its path. Names, kinds, ids and data of pictures are none.
func walk(v any, path string, set func(string), visit func(path, s string, set func(string))) {
	switch v := v.(type) {
	case string:
		if v != "" {
			visit(path, v, set)
		}
	case []any:
		for i, e := range v {
			// Chunks number the calls of tools themselves.
			at := fmt.Sprint(i)
			if m, ok := e.(map[string]any); ok {
				if n, ok := m["index"].(json.Number); ok {
					at = n.String()
				}
			}
			walk(e, path+"."+at, func(s string) { v[i] = s }, visit)
		}
	case map[string]any:
		names := make([]string, 0, len(v))
		for name := range v {
			names = append(names, name)
		}
		slices.Sort(names)
		for _, name := range names {
			if noText(name) {
				continue
			}
			walk(v[name], path+"."+name, func(s string) { v[name] = s }, visit)
		}
	}
}

func noText(name string) bool {
	switch name {
	case "role", "type", "id", "url", "data", "b64_json", "file_data", "format", "tool_call_id":
		return true
	}
	return false
}

// mapStrings puts every text of a JSON value through f. What is no JSON stays as it is.
func mapStrings(raw json.RawMessage, f func(string) string) json.RawMessage {
	v, err := decodeAny(raw)
	if err != nil {
		return raw
	}
	changed := false
	walk(v, "", func(s string) { v = s }, func(_, s string, set func(string)) {
		if out := f(s); out != s {
			set(out)
			changed = true
		}
	})
	if !changed {
		return raw
	}
	b, err := json.Marshal(v)
	if err != nil {
		return raw
	}
	return b
}

// replaced is a provider's answer in which one text stands in the place of another; nil, where it holds that text
// in another form.
func replaced(raw []byte, was, now string) []byte {
	doc, ok := parse(raw)
	if !ok {
		return nil
	}
	for _, s := range doc.slots {
		if s.text == was {
			s.put(now)
		}
	}
	if raw = doc.encode(raw); doc.same {
		return nil
	}
	return raw
}
