package generate

import (
	"encoding/json"
	"fmt"
	"math"
	"strconv"
	"strings"
	"unicode/utf8"

	"stylesprint"
)

// Defaults of Params.
const (
	DefaultTemperature = 0.7
	DefaultMaxTokens   = 256
)

// ExtraMessages is the field of Request.Extra that holds a conversation in the wire format
// where Message cannot express it: images, tool calls. It takes the place of Messages.
const ExtraMessages = "messages"

// Validate returns the first fault of a request as an invalid_request error that names the
// field in the words of the wire format, or nil.
func (r Request) Validate() error {
	if err := r.validateText(); err != nil {
		return err
	}
	if err := r.Params.Validate(); err != nil {
		return err
	}
	for name, value := range r.Extra {
		if reserved(name) {
			return invalid(name, "%s is a field of its own and may not be an extra one", name)
		}
		if !json.Valid(value) {
			return invalid(name, "%s is not valid JSON", name)
		}
	}
	return nil
}

func (r Request) validateText() error {
	_, raw := r.Extra[ExtraMessages]
	conversation := raw || len(r.Messages) > 0
	switch {
	case conversation && r.Prompt != "":
		return invalid("prompt", "a request holds messages or a prompt, not both")
	case raw:
		if !strings.HasPrefix(strings.TrimSpace(string(r.Extra[ExtraMessages])), "[") {
			return invalid("messages", "messages is not a list")
		}
	case !conversation && strings.TrimSpace(r.Prompt) == "":
		return invalid("prompt", "the prompt is empty")
	case !utf8.ValidString(r.Prompt):
		return invalid("prompt", "the prompt is not valid UTF-8")
	}
	if raw {
		return nil
	}
	for i, m := range r.Messages {
		if err := validateMessage(i, m); err != nil {
			return err
		}
	}
	return nil
}

func validateMessage(i int, m stylesprint.Message) error {
	fault := func(member, format string, args ...any) error {
		field := fmt.Sprintf("messages[%d].%s", i, member)
		return invalid(field, field+" "+format, args...)
	}
	switch m.Role {
	case stylesprint.RoleSystem, stylesprint.RoleUser, stylesprint.RoleAssistant:
	default:
		return fault("role", "is %q; want system, user or assistant", clip(string(m.Role)))
	}
	if !utf8.ValidString(m.Content) {
		return fault("content", "is not valid UTF-8")
	}
	// An assistant's turn may be empty: one that only called a tool is.
	if m.Role != stylesprint.RoleAssistant && strings.TrimSpace(m.Content) == "" {
		return fault("content", "is empty")
	}
	return nil
}

// Validate returns the first parameter that is out of its range, or nil.
func (p Params) Validate() error {
	for _, f := range []struct {
		name  string
		value *float64
		fits  func(v float64) bool
		want  string
	}{
		{"temperature", p.Temperature, func(v float64) bool { return v >= 0 && v <= 2 }, "0 to 2"},
		{"top_p", p.TopP, func(v float64) bool { return v > 0 && v <= 1 }, "more than 0, at most 1"},
		{"min_p", p.MinP, func(v float64) bool { return v >= 0 && v < 1 }, "0 or more, less than 1"},
		{"repetition_penalty", p.RepetitionPenalty, func(v float64) bool { return v > 0 && v <= 10 }, "more than 0, at most 10"},
	} {
		if f.value != nil && (math.IsNaN(*f.value) || !f.fits(*f.value)) {
			return invalid(f.name, "%s is %s; want %s", f.name, strconv.FormatFloat(*f.value, 'g', -1, 64), f.want)
		}
	}
	if p.TopK != nil && *p.TopK < 0 {
		return invalid("top_k", "top_k is %d; want 0 or more", *p.TopK)
	}
	if p.MaxTokens != nil && *p.MaxTokens <= 0 {
		return invalid("max_tokens", "max_tokens is %d; want 1 or more", *p.MaxTokens)
	}
	for i, s := range p.Stop {
		if s == "" || !utf8.ValidString(s) {
			return invalid("stop", "stop[%d] is empty or not valid UTF-8", i)
		}
	}
	return nil
}

// Complete returns the request with every default filled in, as a Driver expects it.
func (r Request) Complete() Request {
	p := &r.Params
	p.Temperature = orDefault(p.Temperature, DefaultTemperature)
	p.TopP = orDefault(p.TopP, 1)
	p.TopK = orDefault(p.TopK, 0)
	p.MinP = orDefault(p.MinP, 0)
	p.RepetitionPenalty = orDefault(p.RepetitionPenalty, 1)
	p.MaxTokens = orDefault(p.MaxTokens, DefaultMaxTokens)
	return r
}

// orDefault never shares the caller's variable, which may change while the
// driver works.
func orDefault[T any](p *T, value T) *T {
	if p != nil {
		value = *p
	}
	return &value
}

func reserved(name string) bool {
	switch name {
	case "model", "prompt", "stream", "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "seed", "max_tokens", "max_completion_tokens", "stop":
		return true
	}
	return false
}

func invalid(field, format string, args ...any) error {
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf(format, args...), Field: field}
}

// clip keeps a caller's text out of messages beyond a word.
func clip(s string) string {
	const most = 32
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
