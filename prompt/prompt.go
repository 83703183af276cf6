// Package prompt turns facts into messages for a language model and the
// model's text back into values.
//
// Key words: template, variable, parser, chain.
//
// A template is a file with declared variables; its Hash names the version. The
// usual path is
//
//	set, err := prompt.Builtin()
//	t, err := set.Find("brand-voice")
//	messages, err := t.Render(map[string]string{"name": "Mira Dress", ...})
//
// and, where the answer has to have a form, a Chain of template, model and
// parser. Chains are steps: Then joins them, Batch runs them over many inputs,
// Retrieve puts passages before them, a TextChain streams, a Meter adds up what they spend. Values are data: they are put in as they stand and never read for
// variables again, and they cannot begin a message of their own.
//
// That is no defence against what a value says. A review that reads "ignore the
// above and ..." still reaches the model, which may obey it. Keep text that strangers
// wrote out of system messages, check answers as the untrusted text that they
// are, and let no answer act by itself.
//
// Faults in a template are *FaultError values, which name the line; an answer
// that a parser cannot read is a *ParseError. All values are safe to share once made.
package prompt

import (
	"fmt"
	"strings"

	"stylesprint"
)

// Template is a prompt with variables. Parse makes one; the zero value renders nothing.
type Template struct {
	Name        string
	Description string
	Variables   []Variable
	Messages    []Message
	// Hash is the SHA-256, in hex, of all of the above in a form that does
	// not depend on the layout of the file.
	Hash string

	lines map[string]int // where each variable is used first
}

// Variable is what a template asks for.
type Variable struct {
	Name        string
	Description string
	Required    bool
	Default     string // takes the place of an empty or missing value; none for a required variable
}

// Message is one message of a template.
type Message struct {
	Role stylesprint.Role
	Text string // as in the file: with {{variables}} and {{#sections}}

	nodes []node
}

// ShortHash is the part of the hash that is shown to people.
func (t Template) ShortHash() string { return t.Hash[:min(len(t.Hash), 12)] }

// Render puts values into the template. A required variable that is missing or
// blank is a *FaultError with the line that uses it; values that the template
// does not declare are left out.
func (t Template) Render(values map[string]string) ([]stylesprint.Message, error) {
	known := make(map[string]string, len(t.Variables))
	for _, v := range t.Variables {
		value := values[v.Name]
		if blank(value) {
			value = v.Default
		}
		if v.Required && blank(value) {
			return nil, fmt.Errorf("render prompt %q: %w", t.Name, &FaultError{
				Line: t.lines[v.Name], Variable: v.Name, Message: fmt.Sprintf("variable %q has no value", v.Name),
			})
		}
		known[v.Name] = value
	}
	var messages []stylesprint.Message
	for _, m := range t.Messages {
		var b strings.Builder
		render(&b, m.nodes, known)
		if text := strings.TrimSpace(b.String()); text != "" { // a message may be all sections
			messages = append(messages, stylesprint.Message{Role: m.Role, Content: text})
		}
	}
	if len(messages) == 0 {
		return nil, fmt.Errorf("render prompt %q: no message is left", t.Name)
	}
	return messages, nil
}

func blank(s string) bool { return strings.TrimSpace(s) == "" }

// FaultError is a fault at one place of a template or of its values.
type FaultError struct {
	Line     int // of the file, from 1; 0 if it is about the whole
	Variable string
	Message  string
}

func (e *FaultError) Error() string {
	if e.Line == 0 {
		return e.Message
	}
	return fmt.Sprintf("line %d: %s", e.Line, e.Message)
}
