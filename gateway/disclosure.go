package gateway

import (
	"bytes"
	"net/http"
	"strings"

	"stylesprint"
	"stylesprint/generate"
)

// Disclosure is what generated text says of itself.
type Disclosure struct {
	// Program is the first word of X-Generated-By. Defaults to "stylesprint".
	Program string
	// Statement is a sentence for readers, such as "Written by a language model."; empty: none. At
	// most 500 bytes.
	Statement string
}

// Headers of generated text.
const (
	headerGeneratedBy   = "X-Generated-By"
	headerContentPolicy = "X-Content-Policy"
)

const maxStatement = 500 // bytes

func (d Disclosure) validate(fault func(format string, a ...any)) {
	if strings.ContainsFunc(d.Program, func(r rune) bool { return r <= ' ' || r >= 0x7f }) || len(d.Program) > 64 {
		fault("disclosure.program: want at most 64 visible ASCII characters without space, got %q", d.Program)
	}
	if len(d.Statement) > maxStatement || strings.ContainsFunc(d.Statement, func(r rune) bool { return r < ' ' }) {
		fault("disclosure.statement: want at most %d bytes on one line, got %d", maxStatement, len(d.Statement))
	}
}

// generatedBy is the field of answers that says who wrote the text.
type generatedBy struct {
	Program   string `json:"program"`
	Model     string `json:"model"`
	Release   string `json:"release,omitempty"`
	Policy    string `json:"policy,omitempty"`
	Statement string `json:"statement,omitempty"`
}

// generatedBy describes a reply.
func (g *Gateway) generatedBy(x *exchange, m *Model, reply stylesprint.Reply) *generatedBy {
	return &generatedBy{
		Program: g.o.Disclosure.Program, Model: answeredBy(reply, m), Release: reply.Release,
		Policy: x.policy, Statement: g.o.Disclosure.Statement,
	}
}

// disclose sets the headers of generated text. They go out before a stream is whole, so they say
// only what is known by then.
func (g *Gateway) disclose(h http.Header, policy string) {
	h[headerGeneratedBy] = g.generator // shared: nobody adds to it
	if policy != "" {
		h.Set(headerContentPolicy, policy)
	}
}

// disclosing sets the headers before the first piece.
func (g *Gateway) disclosing(c *Call, emit func(generate.Delta) error) func(generate.Delta) error {
	if emit == nil {
		return nil
	}
	begun := false
	return func(d generate.Delta) error {
		if !begun {
			begun = true
			g.disclose(c.Header, c.Policy)
		}
		return emit(d)
	}
}

// memberGeneratedBy is our own member of OpenAI's answers.
const memberGeneratedBy = "generated_by"

// disclosed adds the member to an object of a provider's, in place of one that a gateway
// behind this one wrote.
func disclosed(object []byte, by *generatedBy) []byte {
	if bytes.Contains(object, []byte(memberGeneratedBy)) {
		object = rewrite(object, filling{}, memberGeneratedBy)
	}
	return rewrite(object, filling{[]string{memberGeneratedBy}, func(string) string { return by.json() }}, "")
}

// json is what encode writes.
func (by *generatedBy) json() string {
	b := make([]byte, 0, 128)
	b = appendQuoted(append(b, `{"program":`...), by.Program)
	b = appendQuoted(append(b, `,"model":`...), by.Model)
	for _, m := range [...][2]string{{`,"release":`, by.Release}, {`,"policy":`, by.Policy}, {`,"statement":`, by.Statement}} {
		if m[1] != "" {
			b = appendQuoted(append(b, m[0]...), m[1])
		}
	}
	return string(append(b, '}'))
}
