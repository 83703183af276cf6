package openai

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	"stylesprint"
	"stylesprint/generate"
	"stylesprint/generate/openai/wire"
)

// reply is what we read of an answer or of a chunk of one.
type reply struct {
	Model   string   `json:"model"`
	Choices []choice `json:"choices"`
	Usage   *usage   `json:"usage"`
}

type choice struct {
	Index        int     `json:"index"`
	Text         string  `json:"text"` // of /completions
	Message      content `json:"message"`
	Delta        content `json:"delta"`
	FinishReason string  `json:"finish_reason"`
}

type content struct {
	Content text   `json:"content"`
	Refusal string `json:"refusal"`
}

// text is a string, null, or a list of parts, of which those of type text count.
type text string

// UnmarshalJSON implements json.Unmarshaler.
func (t *text) UnmarshalJSON(b []byte) error {
	if bytes.HasPrefix(b, []byte("[")) {
		var parts []struct {
			Type string `json:"type"`
			Text string `json:"text"`
		}
		if err := json.Unmarshal(b, &parts); err != nil {
			return err
		}
		for _, p := range parts {
			if p.Type == "text" {
				*t += text(p.Text)
			}
		}
		return nil
	}
	return json.Unmarshal(b, (*string)(t))
}

type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Details    struct {
		Cached int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

// tokens keeps a server's strange figures from making a negative price.
func (u usage) tokens() stylesprint.Usage {
	prompt := max(u.Prompt, 0)
	return stylesprint.Usage{PromptTokens: prompt, CompletionTokens: max(u.Completion, 0), CachedTokens: min(max(u.Details.Cached, 0), prompt)}
}

// answer collects one reply.
type answer struct {
	wire  *wire.Client
	model string
	emit  func(generate.Delta) error

	text    strings.Builder
	refusal strings.Builder
	raw     bytes.Buffer
	out     stylesprint.Reply
	choices bool // a choice was seen
	done    bool // [DONE] was seen
}

func (a *answer) whole(ctx context.Context, path string, body []byte) (stylesprint.Reply, error) {
	b, err := a.wire.Post(ctx, path, body)
	if err != nil {
		return stylesprint.Reply{}, err
	}
	if err := a.wire.EventError(wire.Event{Data: b}); err != nil {
		return stylesprint.Reply{Raw: b}, err
	}
	r, err := parse(b)
	if err != nil {
		return stylesprint.Reply{Raw: b}, wire.Unusable(a.wire.Host()+" answered with something that cannot be read", err)
	}
	a.take(r)
	a.out.Raw = b
	return a.finish(true)
}

func (a *answer) stream(ctx context.Context, path string, body []byte) (stylesprint.Reply, error) {
	err := a.wire.Stream(ctx, path, body, func(e wire.Event) (bool, error) {
		data := bytes.TrimSpace(e.Data)
		if string(data) == "[DONE]" {
			a.done = true
			return true, nil
		}
		if len(data) == 0 {
			return false, nil
		}
		if err := a.wire.EventError(wire.Event{Type: e.Type, Data: data}); err != nil {
			return false, err
		}
		r, err := parse(data)
		if err != nil {
			return false, wire.Unusable(a.wire.Host()+" sent a piece that cannot be read", err)
		}
		a.raw.Write(data)
		a.raw.WriteByte('\n')
		// The event's bytes are the reader's; the caller may keep its own.
		return false, a.emit(generate.Delta{Text: a.take(r), Raw: bytes.Clone(data)})
	})
	a.out.Raw = a.raw.Bytes()
	if err != nil {
		a.out.Text = a.text.String()
		return a.out, err
	}
	return a.finish(a.done)
}

// take adds an answer or a chunk and returns its new text: that of the first choice. The
// others, if more than one was asked for, are in Raw alone.
func (a *answer) take(r reply) string {
	if r.Model != "" {
		a.out.Model = r.Model
	}
	if r.Usage != nil {
		a.out.Usage = r.Usage.tokens()
	}
	var fresh string
	for _, c := range r.Choices {
		if c.Index != 0 {
			continue
		}
		a.choices = true
		fresh += c.Text + string(c.Message.Content) + string(c.Delta.Content)
		a.refusal.WriteString(c.Message.Refusal + c.Delta.Refusal)
		if c.FinishReason != "" {
			a.out.FinishReason = stylesprint.FinishReason(c.FinishReason)
		}
	}
	a.text.WriteString(fresh)
	return fresh
}

// Reasons by which OpenRouter and vLLM say that an answer is none.
const (
	finishError stylesprint.FinishReason = "error"
	finishAbort stylesprint.FinishReason = "abort"
)

// finish checks a reply that has come to its end; ended says that the server said so.
func (a *answer) finish(ended bool) (stylesprint.Reply, error) {
	a.out.Text = a.text.String()
	if a.out.Model == "" {
		a.out.Model = a.model
	}
	host := a.wire.Host()
	switch {
	case !a.choices && !ended:
		return a.out, wire.Unusable(host+" ended its answer before it began", nil)
	case !a.choices:
		return a.out, wire.Unusable(host+" answered without a choice", nil)
	case a.out.FinishReason == "" && !ended:
		return a.out, wire.Unusable(host+" broke off its answer", nil)
	case a.out.FinishReason == finishError || a.out.FinishReason == finishAbort:
		return a.out, wire.Unusable(host+" says that it failed in the middle of its answer", nil)
	case a.out.FinishReason == stylesprint.FinishContentFilter || a.refusal.Len() > 0:
		return a.out, &stylesprint.Error{
			Code: stylesprint.CodeRefused, Message: host + " declined to answer",
			Hint: "change the prompt; the model or the provider's safety system withheld the answer",
			Err:  &wire.StatusError{Status: http.StatusOK, Code: "content_filter"},
		}
	case a.out.FinishReason == "":
		a.out.FinishReason = stylesprint.FinishStop // [DONE] alone says as much
	}
	return a.out, nil
}
