package prompt

import (
	"context"
	"fmt"
	"maps"
	"strings"
	"unicode"
)

// Passage is a piece of text that an answer may rest on.
type Passage struct {
	Source string // what answers cite: a field's name, a document's
	Text   string
	Score  float64 // the higher, the better it fits
}

// Retriever finds passages for a question, the best first.
type Retriever func(ctx context.Context, question string) ([]Passage, error)

// Retrieve is a step that looks up the value of one variable and puts the passages, at most so many,
// into another as Quote writes them. Where there are none that variable is empty, so that a
// section of the template around it vanishes.
func Retrieve(find Retriever, question, into string, most int) Step[map[string]string, map[string]string] {
	return func(ctx context.Context, values map[string]string) (map[string]string, error) {
		passages, err := find(ctx, values[question])
		if err != nil {
			return nil, fmt.Errorf("retrieve passages: %w", err)
		}
		out := maps.Clone(values)
		if out == nil {
			out = map[string]string{}
		}
		out[into] = Quote(passages[:min(len(passages), max(most, 0))])
		return out, nil
	}
}

// Quote writes passages for a prompt, one line each: [source] "text". Line breaks become spaces and
// quotation marks single, so that no passage can end its quotation or begin a line of its own; characters
// that nobody sees (controls, zero-width and direction marks, Unicode tags) are dropped.
// What a passage says still reaches the model: see the package comment.
func Quote(passages []Passage) string {
	lines := make([]string, len(passages))
	for i, p := range passages {
		lines[i] = fmt.Sprintf("[%s] \"%s\"", oneLine(p.Source), oneLine(p.Text))
	}
	return strings.Join(lines, "\n")
}

func oneLine(text string) string {
	text = strings.Map(func(r rune) rune {
		switch {
		case unicode.IsSpace(r):
			return ' '
		case strings.ContainsRune("\"“”„‟", r):
			return '\''
		case unicode.In(r, unicode.Cc, unicode.Cf, unicode.Co, unicode.Variation_Selector) || r == unicode.ReplacementChar:
			return -1
		}
		return r
	}, text)
	return strings.Join(strings.Fields(text), " ")
}
