package prompt

import (
	"context"
	"errors"
	"fmt"

	"stylesprint"
)

// Model answers a conversation. A closure over generate.Client.Generate is one.
type Model func(ctx context.Context, messages []stylesprint.Message) (stylesprint.Reply, error)

// Chain renders a template, asks a model and parses its answer.
type Chain[T any] struct {
	Template Template
	Model    Model
	Parse    Parser[T]
	// Repair asks the model once more, with its answer and what is wrong with it, where
	// the parser cannot read it. Worth its tokens for JSON, seldom for text.
	Repair bool
}

// Outcome is what a chain made.
type Outcome[T any] struct {
	Value    T
	Messages []stylesprint.Message // that the template rendered
	Replies  []stylesprint.Reply   // one, or two after a repair
	Usage    stylesprint.Usage     // of all replies
	Cost     stylesprint.Money     // of all replies
	Repaired bool
}

// Run answers for one set of values. An error of the model comes as it is; an
// answer that cannot be read is a *stylesprint.Error with code upstream_error around the *ParseError.
// Beside an error the outcome holds what was asked, answered and spent.
func (c Chain[T]) Run(ctx context.Context, values map[string]string) (Outcome[T], error) {
	var out Outcome[T]
	var err error
	if out.Messages, err = c.Template.Render(values); err != nil {
		return out, err
	}
	text, err := c.ask(ctx, &out, out.Messages)
	if err != nil {
		return out, err
	}
	out.Value, err = c.Parse(text)
	var fault *ParseError
	if c.Repair && errors.As(err, &fault) {
		again := append(append([]stylesprint.Message{}, out.Messages...),
			stylesprint.Message{Role: stylesprint.RoleAssistant, Content: text},
			stylesprint.Message{Role: stylesprint.RoleUser, Content: fmt.Sprintf("That cannot be used. %s. Answer again with the corrected answer alone.", fault)},
		)
		if text, err = c.ask(ctx, &out, again); err != nil {
			return out, err
		}
		out.Value, err = c.Parse(text)
		out.Repaired = err == nil
	}
	if err != nil {
		return out, &stylesprint.Error{
			Code: stylesprint.CodeUpstream, Message: fmt.Sprintf("the answer to prompt %q does not have the form that was asked for", c.Template.Name),
			Hint: "try again, lower the temperature or choose a larger model", Err: err,
		}
	}
	return out, nil
}

func (c Chain[T]) ask(ctx context.Context, out *Outcome[T], messages []stylesprint.Message) (string, error) {
	reply, err := c.Model(ctx, messages)
	if err != nil && reply.Usage == (stylesprint.Usage{}) {
		return "", err
	}
	out.Replies = append(out.Replies, reply)
	out.Usage = out.Usage.Add(reply.Usage)
	out.Cost += reply.Cost
	return reply.Text, err
}
