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

// maxDepth bounds sections within sections.
const maxDepth = 16

func render(out *strings.Builder, nodes []node, values map[string]string) {
	for _, n := range nodes {
		switch n.kind {
		case textNode:
			out.WriteString(n.text)
		case variableNode:
			out.WriteString(values[n.text])
		case sectionNode:
			if !blank(values[n.text]) {
				render(out, n.children, values)
			}
		}
	}
}

// section is one that is open while its content is read.
type section struct {
	name  string
	line  int
	nodes []node
}

// nodeReader reads the text of one message.
type nodeReader struct {
	rest  string
	line  int
	open  []section // the outermost, which has no name, first
	fresh bool      // nothing stands before on this line
}

// parseNodes reads a message whose first line has a number.
func parseNodes(text string, line int) ([]node, error) {
	r := nodeReader{rest: text, line: line, open: []section{{}}, fresh: true}
	for r.rest != "" {
		if err := r.next(); err != nil {
			return nil, err
		}
	}
	if last := r.open[len(r.open)-1]; last.name != "" {
		return nil, &FaultError{Line: last.line, Variable: last.name, Message: fmt.Sprintf("section %q is not closed", last.name)}
	}
	return r.open[0].nodes, nil
}

// next reads text up to a tag, or a tag.
func (r *nodeReader) next() error {
	at := strings.Index(r.rest, "{{")
	switch {
	case at < 0:
		r.text(r.rest)
		return nil
	case at > 0 && r.rest[at-1] == '\\':
		r.text(r.rest[:at-1])
		r.rest = r.rest[1:]
		r.text("{{")
		return nil
	case at > 0:
		r.text(r.rest[:at])
		return nil
	}
	inside, after, ok := strings.Cut(r.rest[2:], "}}")
	name := strings.TrimSpace(inside)
	mark := byte(0)
	if name != "" && (name[0] == '#' || name[0] == '/') {
		mark, name = name[0], strings.TrimSpace(name[1:])
	}
	if !ok || !named(name) || strings.Contains(inside, "\n") {
		return &FaultError{Line: r.line, Message: "{{ does not begin a variable or section; write \\{{ for the characters themselves"}
	}
	if mark == 0 {
		r.add(node{kind: variableNode, text: name, line: r.line})
		r.rest, r.fresh = after, false
		return nil
	}
	return r.mark(mark, name, after)
}

// mark opens or closes a section. Where it is all there is on its line, the line vanishes.
func (r *nodeReader) mark(mark byte, name, after string) error {
	line := r.line
	r.rest = after
	if blankLine, rest, found := strings.Cut(after, "\n"); r.fresh && blank(blankLine) {
		r.trimIndent()
		r.rest = rest
		if found {
			r.line++
		}
	}
	if mark == '#' {
		if len(r.open) > maxDepth {
			return &FaultError{Line: line, Variable: name, Message: fmt.Sprintf("more than %d sections are open", maxDepth)}
		}
		r.open = append(r.open, section{name: name, line: line})
		return nil
	}
	last := r.open[len(r.open)-1]
	if last.name != name {
		return &FaultError{Line: line, Variable: name, Message: fmt.Sprintf("section %q is closed but %s", name, openName(last))}
	}
	r.open = r.open[:len(r.open)-1]
	r.add(node{kind: sectionNode, text: name, line: last.line, children: last.nodes})
	return nil
}

func openName(s section) string {
	if s.name == "" {
		return "none is open"
	}
	return fmt.Sprintf("%q is open", s.name)
}

// text takes a piece of the rest that stands for itself.
func (r *nodeReader) text(s string) {
	r.rest = r.rest[len(s):]
	if s == "" {
		return
	}
	r.add(node{kind: textNode, text: s, line: r.line})
	r.line += strings.Count(s, "\n")
	tail := s[strings.LastIndex(s, "\n")+1:]
	r.fresh = blank(tail) && (r.fresh || len(tail) < len(s))
}

func (r *nodeReader) add(n node) {
	top := &r.open[len(r.open)-1]
	top.nodes = append(top.nodes, n)
}

// trimIndent drops the spaces before a mark that has its line to itself.
func (r *nodeReader) trimIndent() {
	top := &r.open[len(r.open)-1]
	if n := len(top.nodes); n > 0 && top.nodes[n-1].kind == textNode {
		top.nodes[n-1].text = strings.TrimRight(top.nodes[n-1].text, " \t")
	}
}
