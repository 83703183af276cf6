package gateway

import (
	"time"

	"stylesprint"
)

// shape is what differs between the answers of /v1/chat/completions and
// /v1/completions.
type shape struct {
	prefix string // of ids
	object string
	chunk  string // the object's name in a stream
	// member is what a choice of a provider's own answer must have to be passed
	// on; piece is the same in a stream.
	member, piece string
	choice        func(text string, finish stylesprint.FinishReason) any
	delta         func(text string, finish *stylesprint.FinishReason, first bool) any
}

type completionObject struct {
	ID      string     `json:"id"`
	Object  string     `json:"object"`
	Created int64      `json:"created"`
	Model   string     `json:"model"`
	Choices []any      `json:"choices"`
	Usage   *wireUsage `json:"usage,omitempty"`
	// GeneratedBy is our own member, of whole answers and of the last chunk of a stream.
	GeneratedBy *generatedBy `json:"generated_by,omitempty"`
}

type chatChoice struct {
	Index        int                      `json:"index"`
	Message      chatMessage              `json:"message"`
	Logprobs     *struct{}                `json:"logprobs"`
	FinishReason stylesprint.FinishReason `json:"finish_reason"`
}

type chatMessage struct {
	Role    stylesprint.Role `json:"role"`
	Content string           `json:"content"`
	Refusal *string          `json:"refusal"`
}

type chatDelta struct {
	Index        int                       `json:"index"`
	Delta        chatPiece                 `json:"delta"`
	Logprobs     *struct{}                 `json:"logprobs"`
	FinishReason *stylesprint.FinishReason `json:"finish_reason"`
}

type chatPiece struct {
	Role    stylesprint.Role `json:"role,omitempty"`
	Content *string          `json:"content,omitempty"`
}

type textChoice struct {
	Index        int                       `json:"index"`
	Text         string                    `json:"text"`
	Logprobs     *struct{}                 `json:"logprobs"`
	FinishReason *stylesprint.FinishReason `json:"finish_reason"`
}

func chatShape() shape {
	return shape{
		prefix: "chatcmpl-", object: "chat.completion", chunk: "chat.completion.chunk", member: "message", piece: "delta",
		choice: func(text string, finish stylesprint.FinishReason) any {
			return chatChoice{Message: chatMessage{Role: stylesprint.RoleAssistant, Content: text}, FinishReason: finish}
		},
		delta: func(text string, finish *stylesprint.FinishReason, first bool) any {
			d := chatDelta{FinishReason: finish}
			if first {
				d.Delta.Role = stylesprint.RoleAssistant
			}
			if finish == nil {
				d.Delta.Content = &text
			}
			return d
		},
	}
}

func textShape() shape {
	return shape{
		prefix: "cmpl-", object: "text_completion", chunk: "text_completion", member: "text", piece: "text",
		choice: func(text string, finish stylesprint.FinishReason) any {
			return textChoice{Text: text, FinishReason: &finish}
		},
		delta: func(text string, finish *stylesprint.FinishReason, _ bool) any {
			return textChoice{Text: text, FinishReason: finish}
		},
	}
}

// whole is the answer to an unstreamed request.
func (s shape) whole(c call, reply stylesprint.Reply) completionObject {
	usage := usageOf(reply.Usage)
	return completionObject{
		ID: s.prefix + c.x.id, Object: s.object, Created: time.Now().Unix(), Model: answeredBy(reply, c.model),
		Choices: []any{s.choice(reply.Text, finishOf(reply))}, Usage: &usage,
	}
}
