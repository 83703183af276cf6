package prompt

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"go.yaml.in/yaml/v3"

	"stylesprint"
)

// MaxBytes bounds a template file.
const MaxBytes = 256 << 10

// header is the front matter.
type header struct {
	Name        string           `yaml:"name"`
	Description string           `yaml:"description"`
	Variables   []headerVariable `yaml:"variables"`
}

type headerVariable struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	Required    bool   `yaml:"required"`
	Default     string `yaml:"default"`
}

// Parse reads a template file:
//
//	---
//	name: greeting
//	description: Greets a customer.
//	variables:
//	  - name: customer
//	    required: true
//	  - name: shop
//	    default: StyleSprint
//	  - name: order
//	---
//	[system]
//	You work for {{shop}}.
//
//	[user]
//	Greet {{customer}}.
//	{{#order}}
//	Mention the order {{order}}.
//	{{/order}}
//
// Between the rules of dashes stands YAML. A line that is [system], [user] or
// [assistant] begins a message; a file without one is a single user message.
// {{name}} is a declared variable; what stands between {{#name}} and {{/name}} is left out
// where the variable is blank. A line with nothing but a section's mark leaves no
// empty line. \{{ is {{ itself, and a line \[user] is text. Every
// variable in the text is declared, and every declared one is used.
func Parse(file []byte) (Template, error) {
	t, err := parse(file)
	if err != nil {
		return Template{}, fmt.Errorf("read prompt: %w", err)
	}
	return t, nil
}

func parse(file []byte) (Template, error) {
	if len(file) > MaxBytes {
		return Template{}, &FaultError{Message: fmt.Sprintf("the file has %d bytes; want %d at most", len(file), MaxBytes)}
	}
	if !utf8.Valid(file) {
		return Template{}, &FaultError{Message: "the file is not valid UTF-8"}
	}
	text := strings.ReplaceAll(strings.TrimPrefix(string(file), "\ufeff"), "\r\n", "\n")
	front, body, bodyLine, err := splitFront(text)
	if err != nil {
		return Template{}, err
	}
	t, err := parseFront(front)
	if err != nil {
		return Template{}, err
	}
	if t.Messages, err = parseMessages(body, bodyLine); err != nil {
		return Template{}, err
	}
	if err := t.link(); err != nil {
		return Template{}, err
	}
	t.Hash, err = t.hash()
	return t, err
}

// splitFront finds the front matter; bodyLine is the number of the body's first line.
func splitFront(text string) (front, body string, bodyLine int, err error) {
	rest, ok := strings.CutPrefix(text, "---\n")
	if !ok {
		return "", "", 0, &FaultError{Line: 1, Message: "want a line of three dashes, then the front matter"}
	}
	line := 1
	for start := 0; start <= len(rest); {
		line++
		current, _, more := strings.Cut(rest[start:], "\n")
		end := start + len(current)
		if current == "---" {
			return rest[:start], rest[min(end+1, len(rest)):], line + 1, nil
		}
		if !more {
			break
		}
		start = end + 1
	}
	return "", "", 0, &FaultError{Line: line, Message: "the front matter does not end: want a line of three dashes"}
}

func parseFront(front string) (Template, error) {
	var h header
	dec := yaml.NewDecoder(strings.NewReader(front))
	dec.KnownFields(true)
	if err := dec.Decode(&h); err != nil && !errors.Is(err, io.EOF) {
		return Template{}, yamlFault(err)
	}
	if !named(h.Name) {
		return Template{}, &FaultError{Line: 1, Message: fmt.Sprintf("the name %q is empty or holds more than a-z, 0-9, - and _", clip(h.Name))}
	}
	t := Template{Name: h.Name, Description: strings.TrimSpace(h.Description)}
	seen := map[string]bool{}
	for _, v := range h.Variables {
		fault := func(format string, args ...any) error {
			return &FaultError{Line: 1, Variable: v.Name, Message: fmt.Sprintf(format, args...)}
		}
		switch {
		case !named(v.Name):
			return Template{}, fault("the variable name %q is empty or holds more than a-z, 0-9, - and _", clip(v.Name))
		case seen[v.Name]:
			return Template{}, fault("variable %q is declared twice", v.Name)
		case v.Required && v.Default != "":
			return Template{}, fault("variable %q is required and has a default; want one of them", v.Name)
		}
		seen[v.Name] = true
		t.Variables = append(t.Variables, Variable(v))
	}
	return t, nil
}

// yamlFault moves YAML's line numbers by the line of dashes before it.
func yamlFault(err error) error {
	message := strings.TrimPrefix(err.Error(), "yaml: ")
	message = strings.TrimPrefix(message, "unmarshal errors:\n  ")
	message, _, _ = strings.Cut(message, "\n")
	var line int
	if n, _ := fmt.Sscanf(message, "line %d:", &line); n == 1 {
		_, message, _ = strings.Cut(message, ": ")
	}
	return &FaultError{Line: line + 1, Message: "front matter: " + clip(message)}
}

func named(s string) bool {
	if s == "" || len(s) > 64 || s[0] == '-' {
		return false
	}
	for _, r := range s {
		if (r < 'a' || r > 'z') && (r < '0' || r > '9') && r != '-' && r != '_' {
			return false
		}
	}
	return true
}

// parseMessages splits the body at its role lines.
func parseMessages(body string, line int) ([]Message, error) {
	var messages []Message
	role, start := stylesprint.RoleUser, line
	var text []string
	marked := false
	flush := func() error {
		m := Message{Role: role, Text: strings.TrimSpace(strings.Join(text, "\n"))}
		if m.Text == "" {
			return &FaultError{Line: start, Message: fmt.Sprintf("the %s message is empty", role)}
		}
		plain := make([]string, len(text))
		for i, l := range text {
			plain[i] = l
			if after, ok := strings.CutPrefix(l, `\`); ok && isRole(after) {
				plain[i] = after
			}
		}
		var err error
		m.nodes, err = parseNodes(strings.Join(plain, "\n"), start)
		messages = append(messages, m)
		return err
	}
	for current := range strings.SplitSeq(body, "\n") {
		next, ok := roleLine(current)
		if !ok {
			text = append(text, current)
			line++
			continue
		}
		if !marked && strings.TrimSpace(strings.Join(text, "")) != "" {
			return nil, &FaultError{Line: start, Message: "text stands before the first role line"}
		}
		if marked {
			if err := flush(); err != nil {
				return nil, err
			}
		}
		marked, role, text = true, next, nil
		line++
		start = line
	}
	if err := flush(); err != nil {
		return nil, err
	}
	return messages, nil
}

func isRole(line string) bool {
	_, ok := roleLine(line)
	return ok
}

func roleLine(line string) (stylesprint.Role, bool) {
	switch strings.TrimRight(line, " \t") {
	case "[system]":
		return stylesprint.RoleSystem, true
	case "[user]":
		return stylesprint.RoleUser, true
	case "[assistant]":
		return stylesprint.RoleAssistant, true
	}
	return "", false
}

// link checks variables against the text.
func (t *Template) link() error {
	declared := map[string]bool{}
	for _, v := range t.Variables {
		declared[v.Name] = true
	}
	t.lines = map[string]int{}
	for _, m := range t.Messages {
		if err := t.linkNodes(m.nodes, declared); err != nil {
			return err
		}
	}
	for _, v := range t.Variables {
		if t.lines[v.Name] == 0 {
			return &FaultError{Line: 1, Variable: v.Name, Message: fmt.Sprintf("variable %q is declared but not used", v.Name)}
		}
	}
	return nil
}

func (t *Template) linkNodes(nodes []node, declared map[string]bool) error {
	for _, n := range nodes {
		if n.kind == textNode {
			continue
		}
		if !declared[n.text] {
			return &FaultError{Line: n.line, Variable: n.text, Message: fmt.Sprintf("variable %q is not declared in the front matter", n.text)}
		}
		if t.lines[n.text] == 0 {
			t.lines[n.text] = n.line
		}
		if err := t.linkNodes(n.children, declared); err != nil {
			return err
		}
	}
	return nil
}

// hash is over JSON, so that the order of keys, comments and quotes in the
// file do not count.
func (t *Template) hash() (string, error) {
	type message struct{ Role, Text string }
	canonical := struct {
		Format      int
		Name        string
		Description string
		Variables   []Variable
		Messages    []message
	}{1, t.Name, t.Description, t.Variables, nil}
	for _, m := range t.Messages {
		canonical.Messages = append(canonical.Messages, message{string(m.Role), m.Text})
	}
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(canonical); err != nil {
		return "", fmt.Errorf("write prompt %q: %w", t.Name, err)
	}
	sum := sha256.Sum256(b.Bytes())
	return hex.EncodeToString(sum[:]), nil
}

func clip(s string) string {
	const most = 120
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}
