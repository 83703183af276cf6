package prompt

import (
	"fmt"
	"strings"
)

// node is a piece of a message: text, a variable or a section.
type node struct {
	kind     nodeKind
	text     string // the text, or the variable's name
	line     int
	children []node // of a section
}

type nodeKind int

const (
	textNode nodeKind = iota
	variableNode
	sectionNode
)

type renderer struct {
	values   map[string]string
	required map[string]bool
	out      *strings.Builder
}

func (r renderer) render(nodes []node) error {
	for _, n := range nodes {
		switch n.kind {
		case textNode:
			r.out.WriteString(n.text)
		case variableNode:
			value := r.values[n.text]
			if r.required[n.text] && strings.TrimSpace(value) == "" {
				return &FaultError{Line: n.line, Variable: n.text, Message: fmt.Sprintf("variable %q has no value", n.text)}
			}
			r.out.WriteString(value)
		case sectionNode:
			if strings.TrimSpace(r.values[n.text]) == "" {
				continue
			}
			if err := r.render(n.children); err != nil {
				return err
			}
		}
	}
	return nil
}
