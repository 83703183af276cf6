// Package stylesprint holds the nouns that every room of the program shares:
// messages and replies of a language model, token usage and money, model
// references, scores, request records and error codes.
//
// Key words: message, reply, usage, price, score, code.
//
// The package depends on the standard library only, keeps no state, and all of
// its types are plain values that are safe to copy. Errors that cross a room's
// edge are *Error values; everything else is wrapped with the failed act.
package stylesprint

import "time"

// Role says who speaks in a conversation.
type Role string

// The roles that every provider understands.
const (
	RoleSystem    Role = "system"
	RoleUser      Role = "user"
	RoleAssistant Role = "assistant"
)

// Message is one turn of a conversation.
type Message struct {
	Role    Role   `json:"role"`
	Content string `json:"content"`
}

// FinishReason says why a model stopped.
type FinishReason string

// Reasons, in the words of the OpenAI wire format.
const (
	FinishStop          FinishReason = "stop"           // end of sequence or a stop string
	FinishLength        FinishReason = "length"         // the token limit was reached
	FinishContentFilter FinishReason = "content_filter" // the provider withheld text
)

// Reply is a model's whole answer to one request.
type Reply struct {
	Text         string       `json:"text"`
	Model        string       `json:"model"` // the model that answered, which may be more exact than the one asked for
	FinishReason FinishReason `json:"finish_reason"`
	Usage        Usage        `json:"usage"`
	Cost         Money        `json:"cost"`
	// Latency is the time from sending the request to its last byte.
	Latency time.Duration `json:"latency_ns"`
	// FirstToken is the time from sending the request to its first text; zero
	// where the reply was not streamed and the driver cannot know.
	FirstToken time.Duration `json:"first_token_ns,omitempty"`
	// Release, Target and Attempts say who served the answer where a route chose: the
	// release's id, the target's name, and how many targets were asked. Billed is the cost of
	// all attempts, which exceeds Cost where one failed after the provider had counted tokens.
	Release  string `json:"release,omitempty"`
	Target   string `json:"target,omitempty"`
	Attempts int    `json:"attempts,omitempty"`
	Billed   Money  `json:"billed,omitempty"`
	// Raw is the provider's own answer, byte for byte, where there is one.
	Raw []byte `json:"-"`
}
