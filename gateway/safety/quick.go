package safety

import "github.com/tidwall/gjson"

// simple is true for a provider's answer, or chunk of one, that holds a single choice whose only text
// is the one given: by far the most. It need not be taken apart unless that text is changed.
// ended says that the choice ends here. Members that come twice make it not simple.
func simple(raw []byte, text string) (ok, ended bool) {
	if !gjson.ValidBytes(raw) {
		return false, false
	}
	choices, ok := once(gjson.ParseBytes(raw), "choices")
	if !ok || !choices.IsArray() {
		return false, false
	}
	list := choices.Array()
	switch {
	case len(list) == 0:
		return text == "", false
	case len(list) > 1 || !list[0].IsObject():
		return false, false
	}
	seen := map[string]bool{}
	ok = true
	list[0].ForEach(func(k, v gjson.Result) bool {
		name := k.String()
		switch ok = ok && !seen[name]; name {
		case "index":
			ok = ok && v.Raw == "0"
		case "finish_reason":
			ended = v.Type == gjson.String && v.Str != ""
		case "logprobs":
			ok = ok && v.Type == gjson.Null
		case "text":
			ok = ok && v.Type == gjson.String && v.Str == text
		case "message", "delta":
			ok = ok && onlyContent(v, text)
		}
		seen[name] = true
		return ok
	})
	return ok && (seen["text"] || seen["message"] || seen["delta"]), ended
}

// onlyContent is true for a message whose only text is its content.
func onlyContent(m gjson.Result, text string) bool {
	if !m.IsObject() {
		return false
	}
	ok, content := true, false
	m.ForEach(func(k, v gjson.Result) bool {
		switch name := k.String(); {
		case name == "content" && !content:
			content = true
			ok = v.Type == gjson.String && v.Str == text || v.Type == gjson.Null && text == ""
		case name == "role" && v.Type == gjson.String:
		default:
			ok = name != "content" && (v.Type == gjson.Null || v.Raw == `""` || v.Raw == "[]")
		}
		return ok
	})
	return ok && (content || text == "")
}

// once finds a member that is there exactly once.
func once(object gjson.Result, name string) (value gjson.Result, ok bool) {
	n := 0
	if object.IsObject() {
		object.ForEach(func(k, v gjson.Result) bool {
			if k.String() == name {
				value = v
				n++
			}
			return n < 2
		})
	}
	return value, n == 1
}
