package gateway

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"stylesprint"
	"stylesprint/generate"
)

// chat answers POST /v1/chat/completions.
func (g *Gateway) chat(w http.ResponseWriter, r *http.Request, x *exchange) error {
	f, err := decode(r)
	if err != nil {
		return err
	}
	raw := f.rest["messages"]
	talk := f.conversation("messages")
	f.belongs("prompt", "/v1/completions")
	c := f.completion()
	if f.err != nil {
		return f.err
	}
	m, err := x.live.models.generator(c.model, x)
	if err != nil {
		return err
	}
	req := generate.Request{Model: m.target(), Messages: talk.messages, Params: c.params, Extra: c.extra}
	if talk.inexpressible != "" {
		req.Messages, req.Extra[generate.ExtraMessages] = nil, raw
	}
	g.notePrompt(x, string(raw))
	return g.answerCompletion(w, r, call{x: x, model: m, req: req, field: "messages"}, completionOptions{
		shape: chatShape(), stream: c.stream, includeUsage: c.includeUsage, inexpressible: talk.inexpressible,
	})
}

// complete answers POST /v1/completions: text is continued as it stands.
func (g *Gateway) complete(w http.ResponseWriter, r *http.Request, x *exchange) error {
	f, err := decode(r)
	if err != nil {
		return err
	}
	prompt := f.onePrompt("prompt")
	f.belongs("messages", "/v1/chat/completions")
	c := f.completion()
	if f.err != nil {
		return f.err
	}
	m, err := x.live.models.generator(c.model, x)
	if err != nil {
		return err
	}
	g.notePrompt(x, prompt)
	req := generate.Request{Model: m.target(), Prompt: prompt, Params: c.params, Extra: c.extra}
	return g.answerCompletion(w, r, call{x: x, model: m, req: req, field: "prompt"}, completionOptions{
		shape: textShape(), stream: c.stream, includeUsage: c.includeUsage,
	})
}

// onePrompt takes a string, or a list that holds one.
func (f *fields) onePrompt(name string) string {
	raw := f.rest[name]
	if tokens(raw) {
		f.refuse(name, name+" holds token numbers; send text")
	}
	texts := f.texts(name)
	switch {
	case f.err != nil:
		return ""
	case len(texts) > 1:
		f.refuse(name, fmt.Sprintf("%s holds %d texts; send one at a time", name, len(texts)))
		return ""
	case len(texts) == 0 || strings.TrimSpace(texts[0]) == "":
		f.err = invalid(name, promptRequired)
		return ""
	}
	return texts[0]
}

// belongs refuses a field of another route.
func (f *fields) belongs(name, path string) {
	if f.take(name) != nil && f.err == nil {
		f.err = &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: f.path + name, Message: name + " belongs to " + path, Hint: "leave it out, or send the request to " + path}
	}
}

// refuse keeps a fault of something well-formed that is not served.
func (f *fields) refuse(name, message string) {
	if f.err == nil {
		f.err = unsupported(f.path+name, message, "")
	}
}

// tokens is true for a list of numbers or of lists of numbers.
func tokens(raw json.RawMessage) bool {
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil || len(items) == 0 {
		return false
	}
	var n float64
	var list []float64
	return json.Unmarshal(items[0], &n) == nil && string(items[0]) != "null" || json.Unmarshal(items[0], &list) == nil && list != nil
}

// conversation is what the messages of a chat hold.
type conversation struct {
	messages []stylesprint.Message
	// inexpressible is the path of the first thing that stylesprint.Message
	// cannot hold. The messages then go to the driver as they came.
	inexpressible string
}

func (c *conversation) cannotHold(path string) {
	if c.inexpressible == "" {
		c.inexpressible = path
	}
}

// conversation takes the messages of a chat.
func (f *fields) conversation(name string) conversation {
	var c conversation
	items, ok := f.list(name)
	if f.err != nil {
		return c
	}
	c.messages = make([]stylesprint.Message, 0, len(items))
	blank := true
	for i, raw := range items {
		if m, ok := plainMessage(raw); ok {
			blank = blank && strings.TrimSpace(m.Content) == ""
			c.messages = append(c.messages, m)
			continue
		}
		m := object(name+"["+strconv.Itoa(i)+"]", raw)
		role := m.role(&c)
		content := m.content(&c)
		for member, v := range m.rest { // refusal, tool_calls, name ...
			if s := strings.TrimSpace(string(v)); s != "null" && s != "[]" && s != `""` && s != "{}" {
				c.cannotHold(m.path + member)
			}
		}
		if m.err != nil {
			f.err = m.err
			return c
		}
		blank = blank && strings.TrimSpace(content) == ""
		c.messages = append(c.messages, stylesprint.Message{Role: role, Content: content})
	}
	if !ok || blank && c.inexpressible == "" {
		f.err = invalid(name, promptRequired+": "+name+" holds no text")
	}
	return c
}

// plainMessage reads a message that has a known role, a text and nothing else, as most do.
func plainMessage(raw []byte) (m stylesprint.Message, ok bool) {
	role, content, other := 0, 0, 0 // how often they are there
	object := each(raw, func(name string, value []byte) {
		switch name {
		case "role":
			role++
			switch string(value) {
			case `"system"`:
				m.Role = stylesprint.RoleSystem
			case `"user"`:
				m.Role = stylesprint.RoleUser
			case `"assistant"`:
				m.Role = stylesprint.RoleAssistant
			}
		case "content":
			content++
			m.Content, ok = textOf(value)
		default:
			other++
		}
	})
	return m, object && ok && m.Role != "" && role == 1 && content == 1 && other == 0
}

func (f *fields) role(c *conversation) stylesprint.Role {
	switch role := f.text("role"); role {
	case "system", "developer":
		return stylesprint.RoleSystem
	case "user":
		return stylesprint.RoleUser
	case "assistant":
		return stylesprint.RoleAssistant
	case "tool", "function":
		c.cannotHold(f.path + "role")
		return ""
	default:
		f.fault("role", "system, developer, user, assistant or tool")
		return ""
	}
}

// content takes a message's text: a string, or parts of type text, which are
// joined by line breaks.
func (f *fields) content(c *conversation) string {
	raw := f.rest["content"]
	if len(raw) > 0 && raw[0] == '[' {
		parts, _ := f.list("content")
		texts := make([]string, 0, len(parts))
		for i, raw := range parts {
			path := f.path + "content[" + strconv.Itoa(i) + "]"
			part := object(path, raw)
			if kind := part.text("type"); kind != "text" && part.err == nil {
				c.cannotHold(path + "." + clip(kind))
				continue
			}
			texts = append(texts, part.text("text"))
			if part.err != nil && f.err == nil {
				f.err = part.err
			}
		}
		return strings.Join(texts, "\n")
	}
	return f.text("content")
}
