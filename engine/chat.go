package engine

import (
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/nikolalohinski/gonja/v2/builtins"
	"github.com/nikolalohinski/gonja/v2/config"
	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/loaders"
)

// ErrNoChatTemplate is the answer to a conversation of a model whose chat template cannot be used. A
// model that comes with none at all is a base model, which continues the messages as text.
var ErrNoChatTemplate = errors.New("the model has no chat template that works; ask with a plain prompt")

// chatTemplate is a model's own Jinja text, read once. It reaches no file and no network.
type chatTemplate struct {
	template *exec.Template
	tokens   map[string]string // bos_token, eos_token and the like
	marked   []string          // spellings that a message must not forge
}

// Limits on what a template, which is text from a file, may make.
const (
	maxTemplateRange = 1 << 16
	maxTemplateSlack = 1 << 20 // bytes of output beyond thrice the messages
)

const templateRoot = "/chat_template"

// parseChatTemplate reads a template as transformers does: block lines vanish
// with their newline and indentation.
func parseChatTemplate(source string, tokens map[string]string, marked []string) (t *chatTemplate, err error) {
	defer recoverTemplate(&err)
	loader, err := loaders.NewMemoryLoader(map[string]string{templateRoot: source})
	if err != nil {
		return nil, fmt.Errorf("read chat template: %w", err)
	}
	c := config.New()
	c.TrimBlocks, c.LeftStripBlocks = true, true
	tmpl, err := exec.NewTemplate(templateRoot, c, loader, templateEnvironment())
	if err != nil {
		// The parser's message holds the whole template.
		return nil, fmt.Errorf("read chat template: %s", shorten(err))
	}
	return &chatTemplate{template: tmpl, tokens: tokens, marked: marked}, nil
}

func templateEnvironment() *exec.Environment {
	filters := exec.NewFilterSet(map[string]exec.FilterFunction{}).Update(builtins.Filters)
	// The name exists, so this cannot fail.
	_ = filters.Replace("tojson", filterJSON)
	functions := exec.NewContext(map[string]any{
		"range": templateRange,
	})
	return &exec.Environment{
		Context:           exec.EmptyContext().Update(builtins.GlobalFunctions).Update(builtins.GlobalVariables).Update(functions),
		Filters:           filters,
		Tests:             builtins.Tests,
		ControlStructures: exec.NewControlStructureSet(generationBlock()).Update(builtins.ControlStructures),
		Methods:           templateMethods(),
	}
}

// templateRange is Jinja's range with an end to it.
func templateRange(args *exec.VarArgs) ([]int, error) {
	bounds := make([]int, len(args.Args))
	for i, a := range args.Args {
		if !a.IsInteger() {
			return nil, errors.New("range: want integers")
		}
		bounds[i] = a.Integer()
	}
	start, stop, step := 0, 0, 1
	switch len(bounds) {
	case 1:
		stop = bounds[0]
	case 2:
		start, stop = bounds[0], bounds[1]
	case 3:
		start, stop, step = bounds[0], bounds[1], bounds[2]
	}
	if len(bounds) == 0 || len(bounds) > 3 || step == 0 {
		return nil, errors.New("range: want stop, start and stop, or start, stop and a step other than 0")
	}
	out := []int{}
	for i := start; (step > 0 && i < stop) || (step < 0 && i > stop); i += step {
		if len(out) == maxTemplateRange {
			return nil, fmt.Errorf("range: more than %d numbers", maxTemplateRange)
		}
		out = append(out, i)
	}
	return out, nil
}

// piece is a stretch of a rendered prompt. A special token spelled within one
// is that token; across the seam of two it is plain text.
type pieces []string

func (p pieces) String() string { return strings.Join(p, "") }

// render makes the prompt of a conversation. Where a message spells one of the
// marked tokens, a seam keeps it plain text.
func (t *chatTemplate) render(messages []ChatMessage) (out pieces, err error) {
	defer recoverTemplate(&err)
	seam, err := freeCharacter(messages)
	if err != nil {
		return nil, err
	}
	list := make(turns, len(messages))
	size := maxTemplateSlack
	for i, m := range messages {
		content := t.protect(m.Content, seam)
		size += 3 * len(content)
		list[i] = map[string]any{"role": t.protect(m.Role, seam), "content": content}
	}
	data := map[string]any{"messages": list, "add_generation_prompt": true, "tools": nil, "documents": nil}
	for k, v := range t.tokens {
		data[k] = v
	}
	refusal, refused := "", false
	data["raise_exception"] = func(message string) (string, error) {
		refusal, refused = message, true
		return "", errors.New("refused")
	}
	w := &limitedBuilder{left: size}
	if err := t.template.Execute(w, exec.NewContext(data)); err != nil {
		if refused {
			return nil, fmt.Errorf("the model's chat template refuses the conversation: %s", strings.ReplaceAll(refusal, seam, ""))
		}
		return nil, fmt.Errorf("render chat template: it fails%s", templateLine(err))
	}
	return strings.Split(w.String(), seam), nil
}

// protect puts a seam inside each marked spelling in s.
func (t *chatTemplate) protect(s, seam string) string {
	for _, m := range t.marked {
		if len(m) > 1 && strings.Contains(s, m) {
			s = strings.ReplaceAll(s, m, m[:1]+seam+m[1:])
		}
	}
	return s
}

// freeCharacter finds one of Unicode's noncharacters that no message uses.
func freeCharacter(messages []ChatMessage) (string, error) {
next:
	for r := rune(0xfdd0); r <= 0xfdef; r++ {
		c := string(r)
		for _, m := range messages {
			if strings.Contains(m.Content, c) || strings.Contains(m.Role, c) {
				continue next
			}
		}
		return c, nil
	}
	return "", errors.New("render chat template: the messages use every noncharacter of Unicode")
}

type limitedBuilder struct {
	strings.Builder
	left int
}

func (w *limitedBuilder) Write(b []byte) (int, error) { return w.WriteString(string(b)) }

func (w *limitedBuilder) WriteString(s string) (int, error) {
	if w.left -= len(s); w.left < 0 {
		return 0, errors.New("the template makes far more text than the conversation has")
	}
	return w.Builder.WriteString(s)
}

var _ io.StringWriter = (*limitedBuilder)(nil)

// recoverTemplate turns a panic of the template library into an error.
func recoverTemplate(err *error) {
	if p := recover(); p != nil {
		*err = fmt.Errorf("chat template: %v", p)
	}
}

// shorten keeps the end of the parser's chain of causes, which names the
// fault: its beginning is the whole template.
func shorten(err error) string {
	s := err.Error()
	if i := strings.LastIndex(s, "Unable to parse"); i >= 0 {
		s = s[i:]
	}
	const most = 200
	if len(s) > most {
		s = "..." + s[len(s)-most:]
	}
	return strings.ToValidUTF8(s, "?")
}

// templateLine tells where a template failed. The library's own message may hold the text of
// the conversation, which belongs in no error.
func templateLine(err error) string {
	s := err.Error()
	i := strings.LastIndex(s, " at line ")
	if i < 0 {
		return ""
	}
	n := i + len(" at line ")
	for n < len(s) && s[n] >= '0' && s[n] <= '9' {
		n++
	}
	return s[i:n]
}
