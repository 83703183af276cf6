package gate

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"stylesprint"
	"stylesprint/evaluate/dataset"
)

// maxFile is the largest file of rules, in bytes.
const maxFile = 1 << 20

// Read reads rules from YAML or JSON. A key that is not known, a value of the wrong
// kind and a rule that makes no sense are faults; all are told, with their lines.
// Without the key regression the rules have that of Default; an empty list has none.
func Read(r io.Reader, name string) (Rules, error) {
	text, err := io.ReadAll(io.LimitReader(r, maxFile+1))
	if err != nil {
		return Rules{}, fmt.Errorf("read rules %s: %w", name, err)
	}
	f := file{name: name, lines: map[string]int{}}
	if len(text) > maxFile {
		f.fault(0, "", "has more than %d bytes", maxFile)
		return Rules{}, f.error()
	}
	root, err := f.parse(string(text))
	if err != nil {
		return Rules{}, err
	}
	rules := f.rules(root)
	rules.faults(func(field, format string, args ...any) { f.fault(f.line(field), field, format, args...) })
	slices.SortStableFunc(f.faults, func(a, b dataset.Fault) int { return a.Line - b.Line })
	if err := f.error(); err != nil {
		return Rules{}, err
	}
	if rules.Regression == nil {
		rules.Regression = Default().Regression
	}
	return rules, nil
}

// file collects faults and remembers where fields stand.
type file struct {
	name   string
	faults dataset.Faults
	lines  map[string]int
}

func (f *file) fault(line int, field, format string, args ...any) {
	f.faults = append(f.faults, dataset.Fault{File: f.name, Line: line, Field: field, Message: fmt.Sprintf(format, args...)})
}

// maxNamed is how many faults are named.
const maxNamed = 20

func (f *file) error() error {
	n := len(f.faults)
	if n == 0 {
		return nil
	}
	message := f.name + " cannot be read as rules"
	if n > 1 {
		message += fmt.Sprintf(": %d faults", n)
	}
	if n > maxNamed {
		message += fmt.Sprintf(", the first %d of them", maxNamed)
	}
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: message, Err: f.faults[:min(n, maxNamed)], Hint: "see docs/formats/gate.md"}
}

// line is that of a field, or of the rule that it belongs to.
func (f *file) line(field string) int {
	if n, ok := f.lines[field]; ok {
		return n
	}
	if i := strings.LastIndexByte(field, '.'); i >= 0 {
		return f.lines[field[:i]]
	}
	return 0
}

func (f *file) parse(text string) (*yaml.Node, error) {
	dec := yaml.NewDecoder(strings.NewReader(text))
	var doc, more yaml.Node
	switch err := dec.Decode(&doc); {
	case errors.Is(err, io.EOF):
		f.fault(0, "", "is empty")
	case err != nil:
		f.fault(lineOf(err), "", "is neither YAML nor JSON: %s", strings.TrimPrefix(err.Error(), "yaml: "))
	case !errors.Is(dec.Decode(&more), io.EOF):
		f.fault(more.Line, "", "has a second document; keep one")
	}
	if err := f.error(); err != nil {
		return nil, err
	}
	return doc.Content[0], nil
}

// lineOf finds the line in the parser's message, or 0.
func lineOf(err error) int {
	_, rest, ok := strings.Cut(err.Error(), "line ")
	if !ok {
		return 0
	}
	n := 0
	for _, r := range rest {
		if r < '0' || r > '9' || n > 1<<20 {
			break
		}
		n = 10*n + int(r-'0')
	}
	return n
}

// each calls yield for every member of a mapping whose key is allowed.
func (f *file) each(n *yaml.Node, field string, allowed []string, yield func(key string, v *yaml.Node)) {
	if n.Kind != yaml.MappingNode {
		f.fault(n.Line, field, "want keys and values: %s", strings.Join(allowed, ", "))
		return
	}
	seen := map[string]bool{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		key, v := n.Content[i], n.Content[i+1]
		path := key.Value
		if field != "" {
			path = field + "." + key.Value
		}
		switch {
		case key.Kind != yaml.ScalarNode || !slices.Contains(allowed, key.Value):
			f.fault(key.Line, path, "is not a key here; use %s", strings.Join(allowed, ", "))
		case seen[key.Value]:
			f.fault(key.Line, path, "is there twice")
		default:
			f.lines[path] = v.Line
			yield(key.Value, v)
		}
		seen[key.Value] = true
	}
}

func (f *file) rules(root *yaml.Node) Rules {
	var out Rules
	keys := []string{"candidates", string(KindRegression), string(KindHard), string(KindMin), string(KindMax)}
	f.each(root, "", keys, func(key string, v *yaml.Node) {
		switch Kind(key) {
		case KindRegression:
			out.Regression = []Regression{}
			f.list(v, key, func(field string, n *yaml.Node) { out.Regression = append(out.Regression, f.regression(n, field)) })
		case KindHard:
			f.list(v, key, func(field string, n *yaml.Node) { out.Hard = append(out.Hard, f.limit(n, field, KindHard)) })
		case KindMin:
			f.list(v, key, func(field string, n *yaml.Node) { out.Min = append(out.Min, f.limit(n, field, KindMin)) })
		case KindMax:
			f.list(v, key, func(field string, n *yaml.Node) { out.Max = append(out.Max, f.limit(n, field, KindMax)) })
		default:
			f.list(v, key, func(field string, n *yaml.Node) { out.Candidates = append(out.Candidates, f.text(n, field)) })
		}
	})
	return out
}

func (f *file) list(n *yaml.Node, field string, yield func(field string, n *yaml.Node)) {
	if n.Kind != yaml.SequenceNode {
		f.fault(n.Line, field, "want a list")
		return
	}
	for i, item := range n.Content {
		at := fmt.Sprintf("%s[%d]", field, i)
		f.lines[at] = item.Line
		yield(at, item)
	}
}

func (f *file) regression(n *yaml.Node, field string) Regression {
	var g Regression
	f.each(n, field, []string{"metric", "loss", "alpha", "optional", "why"}, func(key string, v *yaml.Node) {
		at := field + "." + key
		switch key {
		case "metric":
			g.Metric = f.text(v, at)
		case "loss":
			g.Loss = f.positive(v, at)
		case "alpha":
			g.Alpha = f.positive(v, at)
		case "optional":
			g.Optional = f.yes(v, at)
		case "why":
			g.Why = f.text(v, at)
		}
	})
	return g
}

func (f *file) limit(n *yaml.Node, field string, kind Kind) Limit {
	var l Limit
	bounded := kind == KindHard // whose bound defaults to 0
	broken := len(f.faults)
	f.each(n, field, []string{"metric", kind.bound(), "interval", "optional", "why"}, func(key string, v *yaml.Node) {
		at := field + "." + key
		switch key {
		case "metric":
			l.Metric = f.text(v, at)
		case kind.bound():
			l.Value, bounded = f.number(v, at), true
		case "interval":
			l.Interval = f.yes(v, at)
		case "optional":
			l.Optional = f.yes(v, at)
		case "why":
			l.Why = f.text(v, at)
		}
	})
	if !bounded && broken == len(f.faults) {
		f.fault(n.Line, field+"."+kind.bound(), "is missing")
	}
	return l
}

func (f *file) text(n *yaml.Node, field string) string {
	if n.Kind != yaml.ScalarNode || n.ShortTag() == "!!null" || strings.TrimSpace(n.Value) == "" {
		f.fault(n.Line, field, "want a text")
		return "?"
	}
	return strings.TrimSpace(n.Value)
}

func (f *file) number(n *yaml.Node, field string) float64 {
	v, err := strconv.ParseFloat(n.Value, 64)
	if n.Kind != yaml.ScalarNode || n.Style&(yaml.SingleQuotedStyle|yaml.DoubleQuotedStyle) != 0 || err != nil {
		f.fault(n.Line, field, "want a number")
		return 0
	}
	return v
}

// positive is a number whose default is told by leaving it out, not by 0.
func (f *file) positive(n *yaml.Node, field string) float64 {
	before := len(f.faults)
	v := f.number(n, field)
	if v == 0 && len(f.faults) == before {
		f.fault(n.Line, field, "want more than 0; leave it out for the comparison's own")
	}
	return v
}

func (f *file) yes(n *yaml.Node, field string) bool {
	var v bool
	if n.Kind != yaml.ScalarNode || n.ShortTag() != "!!bool" || n.Decode(&v) != nil {
		f.fault(n.Line, field, "want true or false")
	}
	return v
}
