package prompt

import (
	"fmt"
	"regexp"
	"strings"
)

// Parser makes a value of a model's text. What it cannot read is a *ParseError.
type Parser[T any] func(text string) (T, error)

// ParseError says why a parser could not read an answer, in words that a model understands.
type ParseError struct {
	Path    string // where in the value: "sizes[2].stock"; empty for the whole
	Message string
}

func (e *ParseError) Error() string {
	if e.Path == "" {
		return e.Message
	}
	return e.Path + ": " + e.Message
}

// Text is the Parser for running text. It takes off what chat models put around an
// answer: end-of-turn tokens, a speaker's name, an opening like "Sure, here is
// the description:", a code fence or quotes around everything.
func Text(text string) (string, error) {
	text = clean(text)
	if text == "" {
		return "", &ParseError{Message: "the answer is empty"}
	}
	return text, nil
}

// What models put around an answer. Each but the first is looked for at the very beginning only.
var (
	specialToken = regexp.MustCompile(`<\|[a-z_]{2,20}\|>|</?s>`)
	speaker      = regexp.MustCompile(`(?i)^(?:\*\*)?(?:assistant|answer|response|output|description)(?:\*\*)?\s*:(?:\*\*)?\s*`)
	assent       = regexp.MustCompile(`(?i)^(?:sure|certainly|of course|absolutely|okay|ok)\b[^\n]{0,100}[:!.]\s*\n`)
	opening      = regexp.MustCompile(`(?i)^(?:(?:sure|certainly|of course|absolutely|okay|ok)\b[,!.]?\s+)?here(?:'s|’s| is| are)\b[^\n:]{0,120}:`)
	bullet       = regexp.MustCompile(`^\s*(?:[-*•–]|\(?\d{1,3}[.)])\s+`)
)

func clean(text string) string {
	text = strings.TrimSpace(specialToken.ReplaceAllString(text, ""))
	for range 3 { // an opening may stand before a fence, and a name within it
		before := text
		text = after(text, assent)
		if rest := after(text, opening); rest != text && opens(text[:len(text)-len(rest)], rest) {
			text = rest
		}
		text = unquote(unfence(after(text, speaker)))
		if text == before {
			break
		}
	}
	return text
}

// after is what follows a pattern, or the text where nothing does.
func after(text string, r *regexp.Regexp) string {
	at := r.FindStringIndex(text)
	if at == nil || blank(text[at[1]:]) {
		return text
	}
	return strings.TrimSpace(text[at[1]:])
}

// opens tells "Here is the description:" from a sentence of the answer that
// begins so and has a colon: a new line or a quote follows.
func opens(before, rest string) bool {
	return strings.HasSuffix(strings.TrimRight(before, " \t"), "\n") || strings.HasPrefix(rest, `"`) || strings.HasPrefix(rest, "“")
}

// unfence drops a code fence that is around all of a text.
func unfence(text string) string {
	first, rest, ok := strings.Cut(text, "\n")
	if !ok || !strings.HasPrefix(first, "```") || strings.Contains(first[3:], "`") {
		return text
	}
	inside, ok := strings.CutSuffix(strings.TrimRight(rest, " \t\n"), "```")
	if !ok || strings.Contains(inside, "```") {
		return text
	}
	return strings.TrimSpace(inside)
}

// unquote drops one pair of quotes that is around all of a text.
func unquote(text string) string {
	for _, pair := range [][2]string{{`"`, `"`}, {"“", "”"}, {"‘", "’"}, {"«", "»"}} {
		inside, ok := strings.CutPrefix(text, pair[0])
		if !ok {
			continue
		}
		inside, ok = strings.CutSuffix(inside, pair[1])
		if ok && inside != "" && !strings.Contains(inside, pair[0]) && !strings.Contains(inside, pair[1]) {
			return strings.TrimSpace(inside)
		}
	}
	return text
}

// List is the Parser for lists: one item a line, with bullets or numbers or without, or
// one line with commas. A line before the first bullet that ends in a colon is no item.
func List(text string) ([]string, error) {
	text = clean(text)
	var items, marked []string
	for line := range strings.Lines(text) {
		item := strings.TrimSpace(line)
		if at := bullet.FindStringIndex(line); at != nil {
			if m := strings.TrimSpace(line[at[1]:]); m != "" {
				marked = append(marked, m)
			}
			continue
		}
		if item == "" || strings.HasSuffix(item, ":") && len(items) == 0 {
			continue
		}
		items = append(items, item)
	}
	switch {
	case len(marked) > 0:
		return marked, nil
	case len(items) == 1:
		return commas(items[0])
	case len(items) == 0:
		return nil, &ParseError{Message: "there is no item; write one item a line, each beginning with a dash"}
	}
	return items, nil
}

func commas(line string) ([]string, error) {
	var items []string
	for part := range strings.SplitSeq(line, ",") {
		part = strings.TrimSpace(part)
		if after, ok := strings.CutPrefix(part, "and "); ok {
			part = after
		}
		if part = strings.TrimSpace(strings.TrimSuffix(part, ".")); part != "" {
			items = append(items, part)
		}
	}
	if len(items) == 0 {
		return nil, &ParseError{Message: fmt.Sprintf("there is no item in %q", clip(line))}
	}
	return items, nil
}
