package local

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"

	"stylesprint"
)

// checkExtra refuses fields that ask for what the engine cannot do.
func checkExtra(extra map[string]json.RawMessage) error {
	names := make([]string, 0, len(extra))
	for name := range extra {
		names = append(names, name)
	}
	slices.Sort(names) // the same request names the same field every time
	for _, name := range names {
		if !harmless(name, extra[name]) {
			return &stylesprint.Error{
				Code: stylesprint.CodeUnsupported, Field: name,
				Message: "the local engine does not support " + clip(name),
				Hint:    "leave " + clip(name) + " out, or ask another model",
			}
		}
	}
	return nil
}

// harmless says whether a field does not change what the model answers:
// because of what it is, or because its value is the default or switches it off.
func harmless(name string, value json.RawMessage) bool {
	switch name {
	case "user", "metadata", "stream_options", "store", "service_tier", "safety_identifier", "prompt_cache_key", "parallel_tool_calls":
		return true
	case "n", "best_of":
		return is(value, "1")
	case "response_format":
		var f struct {
			Type string `json:"type"`
		}
		return is(value) || json.Unmarshal(value, &f) == nil && f.Type == "text"
	case "modalities":
		return is(value, `["text"]`)
	case "tool_choice", "function_call":
		return is(value, `"none"`, `"auto"`)
	}
	return is(value, "false", "0", "0.0", `""`, "[]", "{}")
}

// is says whether a value is null or one of the given, spaces apart.
func is(value json.RawMessage, these ...string) bool {
	var b bytes.Buffer
	if json.Compact(&b, value) != nil {
		return false
	}
	return b.String() == "null" || slices.Contains(these, b.String())
}

func clip(name string) string {
	const most = 48
	if len(name) > most {
		return strings.ToValidUTF8(name[:most], "") + "..."
	}
	return name
}
