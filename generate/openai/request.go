package openai

import (
	"encoding/json"
	"math"
	"strconv"

	"github.com/tidwall/gjson"

	"stylesprint"
	"stylesprint/generate"
)

// encode writes a request, with the extra fields put in as they stand. Fields beyond OpenAI's own
// are sent only where they differ from off, since its servers refuse unknown ones.
func (d *Driver) encode(req generate.Request, stream bool) ([]byte, error) {
	model := d.model(req)
	if model == "" {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "model", Message: "the request names no model"}
	}
	extra := map[string]json.RawMessage{}
	for name, value := range req.Extra {
		extra[name] = value
	}
	if err := d.streamOptions(extra, stream); err != nil {
		return nil, err
	}
	p := req.Params
	w := writer{b: make([]byte, 0, sizeOf(req))}
	w.text("model", model)
	if _, raw := extra[generate.ExtraMessages]; !raw && len(req.Messages) > 0 {
		w.messages(req.Messages)
	}
	if req.Prompt != "" {
		w.text("prompt", req.Prompt)
	}
	w.number("temperature", p.Temperature)
	w.number("top_p", unless(p.TopP, 1))
	w.whole("top_k", unless(p.TopK, 0))
	w.number("min_p", unless(p.MinP, 0))
	w.number("repetition_penalty", unless(p.RepetitionPenalty, 1))
	if p.Seed != nil {
		w.b = strconv.AppendUint(w.name("seed"), *p.Seed, 10)
	}
	if d.options.MaxTokensField == "max_completion_tokens" && req.Prompt == "" {
		w.whole("max_completion_tokens", p.MaxTokens)
	} else {
		w.whole("max_tokens", p.MaxTokens)
	}
	w.texts("stop", p.Stop)
	if stream {
		w.b = append(w.name("stream"), "true"...)
	}
	return w.finish(extra)
}

// sizeOf is about how long a request will be.
func sizeOf(req generate.Request) int {
	n := 256 + len(req.Prompt)
	for _, m := range req.Messages {
		n += len(m.Content) + 40
	}
	for name, value := range req.Extra {
		n += len(name) + len(value) + 4
	}
	return n
}

// writer writes the members of an object.
type writer struct {
	b   []byte
	err error
}

// name begins a member.
func (w *writer) name(name string) []byte {
	begin := byte(',')
	if len(w.b) == 0 {
		begin = '{'
	}
	return append(gjson.AppendJSONString(append(w.b, begin), name), ':')
}

func (w *writer) text(name, value string) { w.b = gjson.AppendJSONString(w.name(name), value) }

func (w *writer) texts(name string, values []string) {
	if len(values) == 0 {
		return
	}
	w.b = w.name(name)
	begin := byte('[')
	for _, v := range values {
		w.b = gjson.AppendJSONString(append(w.b, begin), v)
		begin = ','
	}
	w.b = append(w.b, ']')
}

func (w *writer) messages(all []stylesprint.Message) {
	w.b = w.name("messages")
	begin := byte('[')
	for _, m := range all {
		w.b = gjson.AppendJSONString(append(append(w.b, begin), `{"role":`...), string(m.Role))
		w.b = gjson.AppendJSONString(append(w.b, `,"content":`...), m.Content)
		w.b = append(w.b, '}')
		begin = ','
	}
	w.b = append(w.b, ']')
}

func (w *writer) whole(name string, n *int) {
	if n != nil {
		w.b = strconv.AppendInt(w.name(name), int64(*n), 10)
	}
}

func (w *writer) number(name string, v *float64) {
	if v == nil {
		return
	}
	if math.IsNaN(*v) || math.IsInf(*v, 0) {
		w.err = &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: name, Message: name + " is not a number"}
		return
	}
	w.b = strconv.AppendFloat(w.name(name), *v, 'g', -1, 64)
}

// finish adds the extra fields, none of which was written before.
func (w *writer) finish(extra map[string]json.RawMessage) ([]byte, error) {
	if w.err != nil {
		return nil, w.err
	}
	if len(extra) == 0 {
		return append(w.b, '}'), nil
	}
	rest, err := json.Marshal(extra)
	if err != nil {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "an extra field is not valid JSON", Err: err}
	}
	return append(append(w.b, ','), rest[1:]...), nil
}

// streamOptions asks for usage, which a stream else leaves out, beside the
// caller's own options.
func (d *Driver) streamOptions(extra map[string]json.RawMessage, stream bool) error {
	const name = "stream_options"
	if !stream || d.options.NoStreamOptions {
		delete(extra, name) // servers refuse it without stream
		return nil
	}
	options := map[string]json.RawMessage{}
	if given, ok := extra[name]; ok {
		if err := json.Unmarshal(given, &options); err != nil {
			return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: name, Message: name + " is not an object", Err: err}
		}
		if options == nil { // it was null
			options = map[string]json.RawMessage{}
		}
	}
	options["include_usage"] = json.RawMessage("true")
	b, err := json.Marshal(options)
	if err != nil {
		return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: name, Message: name + " is not valid JSON", Err: err}
	}
	extra[name] = b
	return nil
}

// unless is nil where a value is off.
func unless[T comparable](p *T, off T) *T {
	if p == nil || *p == off {
		return nil
	}
	return p
}
