package engine

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/nikolalohinski/gonja/v2/exec"
	"github.com/nikolalohinski/gonja/v2/nodes"
	"github.com/nikolalohinski/gonja/v2/parser"
	"github.com/nikolalohinski/gonja/v2/tokens"
)

// filterJSON is transformers' tojson, Python's json.dumps without escapes for HTML: "a": 1, "b": 2.
func filterJSON(_ *exec.Evaluator, in *exec.Value, args *exec.VarArgs) *exec.Value {
	if in.IsError() {
		return in
	}
	indent := args.GetKeywordArgument("indent", nil)
	if indent == nil || indent.IsNil() && len(args.Args) > 0 {
		return exec.AsValue(fmt.Errorf("tojson: want no arguments but indent"))
	}
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(in.ToGoSimpleType(true)); err != nil {
		return exec.AsValue(fmt.Errorf("tojson: %w", err))
	}
	if indent.IsInteger() {
		var pretty bytes.Buffer
		if err := json.Indent(&pretty, b.Bytes(), "", strings.Repeat(" ", min(max(indent.Integer(), 0), 16))); err != nil {
			return exec.AsValue(fmt.Errorf("tojson: %w", err))
		}
		return exec.AsSafeValue(strings.TrimSpace(pretty.String()))
	}
	return exec.AsSafeValue(spaced(bytes.TrimSpace(b.Bytes())))
}

// spaced puts a space after each comma and colon outside strings, as Python does.
func spaced(doc []byte) string {
	out := make([]byte, 0, len(doc)+len(doc)/8)
	inside, escaped := false, false
	for _, c := range doc {
		out = append(out, c)
		switch {
		case escaped:
			escaped = false
		case inside && c == '\\':
			escaped = true
		case c == '"':
			inside = !inside
		case !inside && (c == ',' || c == ':'):
			out = append(out, ' ')
		}
	}
	return string(out)
}

// generationBlock is transformers' {% generation %}, which marks answers for
// training and prints what is inside it.
func generationBlock() map[string]parser.ControlStructureParser {
	return map[string]parser.ControlStructureParser{
		"generation": func(p, args *parser.Parser) (nodes.ControlStructure, error) {
			g := &generation{at: p.Current()}
			wrapper, _, err := p.WrapUntil("endgeneration")
			g.inside = wrapper
			return g, err
		},
	}
}

type generation struct {
	at     *tokens.Token
	inside *nodes.Wrapper
}

func (g *generation) Position() *tokens.Token { return g.at }

func (g *generation) String() string { return "generation" }

func (g *generation) Execute(r *exec.Renderer, _ *nodes.ControlStructureBlock) error {
	return r.ExecuteWrapper(g.inside)
}

var _ exec.ControlStructure = (*generation)(nil)
