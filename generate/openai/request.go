package openai

import (
	"bytes"
	"encoding/json"

	"stylesprint"
	"stylesprint/generate"
)

// request is what we name of the wire format. Fields beyond OpenAI's own are
// sent only where they differ from off, since its servers refuse unknown ones.
type request struct {
	Model               string                `json:"model"`
	Messages            []stylesprint.Message `json:"messages,omitempty"`
	Prompt              string                `json:"prompt,omitempty"`
	Temperature         *float64              `json:"temperature,omitempty"`
	TopP                *float64              `json:"top_p,omitempty"`
	TopK                *int                  `json:"top_k,omitempty"`
	MinP                *float64              `json:"min_p,omitempty"`
	RepetitionPenalty   *float64              `json:"repetition_penalty,omitempty"`
	Seed                *uint64               `json:"seed,omitempty"`
	MaxTokens           *int                  `json:"max_tokens,omitempty"`
	MaxCompletionTokens *int                  `json:"max_completion_tokens,omitempty"`
	Stop                []string              `json:"stop,omitempty"`
	Stream              bool                  `json:"stream,omitempty"`
}

// encode writes a request, with the extra fields put in as they stand.
func (d *Driver) encode(req generate.Request, stream bool) ([]byte, error) {
	p := req.Params
	r := request{
		Model: d.model(req), Messages: req.Messages, Prompt: req.Prompt,
		Temperature: p.Temperature, TopP: unless(p.TopP, 1), TopK: unless(p.TopK, 0), MinP: unless(p.MinP, 0),
		RepetitionPenalty: unless(p.RepetitionPenalty, 1), Seed: p.Seed, MaxTokens: p.MaxTokens, Stop: p.Stop, Stream: stream,
	}
	if r.Model == "" {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "model", Message: "the request names no model"}
	}
	if d.options.MaxTokensField == "max_completion_tokens" && req.Prompt == "" {
		r.MaxTokens, r.MaxCompletionTokens = nil, p.MaxTokens
	}
	extra := map[string]json.RawMessage{}
	for name, value := range req.Extra {
		extra[name] = value
	}
	if _, raw := extra[generate.ExtraMessages]; raw {
		r.Messages = nil
	}
	if err := d.streamOptions(extra, stream); err != nil {
		return nil, err
	}
	return merge(r, extra)
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

func merge(r request, extra map[string]json.RawMessage) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(r); err != nil {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "the request cannot be written as JSON", Err: err}
	}
	if len(extra) == 0 {
		return bytes.TrimSpace(b.Bytes()), nil
	}
	rest, err := json.Marshal(extra)
	if err != nil {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "an extra field is not valid JSON", Err: err}
	}
	// Both are objects, and no name is in both.
	head := bytes.TrimSuffix(bytes.TrimSpace(b.Bytes()), []byte("}"))
	return append(append(head, ','), rest[1:]...), nil
}

// unless is nil where a value is off.
func unless[T comparable](p *T, off T) *T {
	if p == nil || *p == off {
		return nil
	}
	return p
}
