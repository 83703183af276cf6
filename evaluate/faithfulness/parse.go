package faithfulness

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"stylesprint/evaluate/dataset"
)

// parser reads one rules file into rules.
type parser struct {
	file     string
	language string
	rules    *Rules
	faults   dataset.Faults
	seen     map[string]place // phrases of this file, by section
}

func (p *parser) fault(line int, field, format string, args ...any) {
	p.faults = append(p.faults, dataset.Fault{File: p.file, Line: line, Field: field, Message: fmt.Sprintf(format, args...)})
}

// operators are the keys of words: lists of phrases that steer the reading of others.
func operators() []string {
	return []string{"negation", "negation-after", "negation-ends", "hedge", "hedge-after", "hedge-joined", "companion", "companion-near", "resume", "alternative",
		"stop", "link", "this", "byline", "cue-before", "cue-after", "pure", "half", "blend", "percent", "degree", "unit", "wash",
		"price", "less", "more", "about", "former", "size", "range", "list", "all-sizes", "one-size", "other-size", "sold-out", "in-stock", "left"}
}

// valueKinds are the keys whose phrases stand for values.
func valueKinds() []string { return []string{"numbers", "currencies", "size-names"} }

func (p *parser) parse(b []byte) {
	p.seen = map[string]place{}
	var doc yaml.Node
	if err := yaml.Unmarshal(b, &doc); err != nil {
		p.fault(yamlLine(err), "", "is not YAML: %s", strings.TrimPrefix(err.Error(), "yaml: "))
		return
	}
	if doc.Kind != yaml.DocumentNode || len(doc.Content) != 1 {
		p.fault(0, "", "is empty; want a mapping")
		return
	}
	top := p.mapping(doc.Content[0], "")
	format := ""
	for _, kv := range top {
		switch kv.key {
		case "format":
			if format = p.text(kv.value, "format"); format != "" && format != strconv.Itoa(RulesVersion) {
				p.fault(kv.value.Line, "format", "is %q; this program reads format %d", shorten(format), RulesVersion)
			}
		case "language":
			p.readLanguage(kv.value)
		case "must-mention":
			p.readMust(kv.value)
		case "skip":
			p.rules.skip = append(p.rules.skip, p.phrases(kv.value, "skip", "skip")...)
		case "words":
			p.readWords(kv.value)
		default:
			switch {
			case slices.Contains(valueKinds(), kv.key):
				p.readValues(kv.key, kv.value)
			case slices.Contains(sections(), section(kv.key)):
				p.readSection(section(kv.key), kv.value)
			default:
				p.fault(kv.line, kv.key, "is unknown")
			}
		}
	}
	if format == "" && len(p.faults) == 0 {
		p.fault(1, "format", "is missing; want %d", RulesVersion)
	}
}

var yamlLineNumber = regexp.MustCompile(`line (\d+)`)

func yamlLine(err error) int {
	if m := yamlLineNumber.FindStringSubmatch(err.Error()); m != nil {
		n, _ := strconv.Atoi(m[1])
		return n
	}
	return 0
}

var languageTag = regexp.MustCompile(`^[a-z]{2,3}$`)

func (p *parser) readLanguage(n *yaml.Node) {
	p.language = p.text(n, "language")
	if p.language != "" && !languageTag.MatchString(p.language) {
		p.fault(n.Line, "language", "%q is no language such as en", shorten(p.language))
		return
	}
	if p.language != "" && !slices.Contains(p.rules.languages, p.language) {
		p.rules.languages = append(p.rules.languages, p.language)
	}
}

func (p *parser) readMust(n *yaml.Node) {
	possible := []string{string(Colour), string(Material), string(Category)}
	p.rules.must = nil
	for _, x := range p.list(n, "must-mention") {
		name := p.text(x, "must-mention")
		switch {
		case !slices.Contains(possible, name):
			p.fault(x.Line, "must-mention", "%q is none of %s", shorten(name), strings.Join(possible, ", "))
		case slices.Contains(p.rules.must, Field(name)):
			p.fault(x.Line, "must-mention", "%q comes twice", name)
		default:
			p.rules.must = append(p.rules.must, Field(name))
		}
	}
}

func (p *parser) readWords(n *yaml.Node) {
	for _, kv := range p.mapping(n, "words") {
		field := "words." + kv.key
		if !slices.Contains(operators(), kv.key) {
			p.fault(kv.line, field, "is unknown; want one of %s", strings.Join(operators(), ", "))
			continue
		}
		p.rules.words[kv.key] = append(p.rules.words[kv.key], p.phrases(kv.value, field, field)...)
	}
}

// readValues reads a mapping of values to the phrases that stand for them.
func (p *parser) readValues(kind string, n *yaml.Node) {
	for _, kv := range p.mapping(n, kind) {
		field := kind + "." + kv.key
		if _, err := strconv.ParseFloat(kv.key, 64); kind == "numbers" && err != nil {
			p.fault(kv.line, field, "is no number")
		}
		for _, ph := range p.phrases(kv.value, field, kind) {
			p.rules.values[kind] = append(p.rules.values[kind], valued{ph, kv.key})
		}
	}
}

func (p *parser) readSection(s section, n *yaml.Node) {
	for _, kv := range p.mapping(n, string(s)) {
		field := string(s) + "." + kv.key
		if len(kv.key) > maxWord || strings.TrimSpace(kv.key) != kv.key || kv.key == "" {
			p.fault(kv.line, field, "is no id: want at most %d bytes without space around them", maxWord)
			continue
		}
		e := p.rules.entries[s][kv.key]
		if e == nil {
			e = &entry{id: kv.key, place: place{p.file, kv.line}}
			p.rules.entries[s][kv.key] = e
		}
		if kv.value.Kind == yaml.SequenceNode { // short for {say: [...]}
			e.say = append(e.say, p.phrases(kv.value, field, string(s))...)
			continue
		}
		for _, a := range p.mapping(kv.value, field) {
			p.readAttribute(s, e, a, field+"."+a.key)
		}
	}
}

// attributes lists the keys that a section's concepts may have, beside say, record, cased and drop.
func attributes(s section) []string {
	switch s {
	case sectionColour:
		return []string{"is", "near", "ambiguous"}
	case sectionPattern:
		return []string{"is", "near"}
	case sectionMaterial:
		return []string{"is", "near", "of"}
	case sectionFit, sectionCare:
		return []string{"is", "near", "group"}
	case sectionClaim:
		return []string{"is", "category", "hard", "qualifies", "names"}
	case sectionGarment:
		return []string{"is", "category"}
	}
	return nil
}

func (p *parser) readAttribute(s section, e *entry, a pair, field string) {
	keys := append([]string{"say", "record", "cased", "drop"}, attributes(s)...)
	if !slices.Contains(keys, a.key) {
		p.fault(a.line, field, "is unknown; a %s has %s", s, strings.Join(keys, ", "))
		return
	}
	switch a.key {
	case "say":
		e.say = append(e.say, p.phrases(a.value, field, string(s))...)
	case "record":
		e.record = append(e.record, p.phrases(a.value, field, string(s)+" record")...)
	case "drop":
		if p.flag(a.value, field) {
			delete(p.rules.entries[s], e.id)
		}
	case "is":
		e.is = p.ids(a.value, field)
	case "near":
		e.near = p.ids(a.value, field)
	case "of":
		e.of = p.ids(a.value, field)
	case "group":
		e.group = p.text(a.value, field)
	case "category":
		e.category = p.text(a.value, field)
	case "ambiguous":
		e.ambiguous = p.flag(a.value, field)
	case "cased":
		e.cased = p.flag(a.value, field)
	case "hard":
		e.hard = p.flag(a.value, field)
	case "qualifies":
		e.qualifies = p.flag(a.value, field)
	case "names":
		e.names = p.flag(a.value, field)
	}
}

// pair is an entry of a mapping.
type pair struct {
	key   string
	line  int
	value *yaml.Node
}

func (p *parser) mapping(n *yaml.Node, field string) []pair {
	if n.Kind != yaml.MappingNode {
		p.fault(n.Line, field, "want a mapping, got %s", kindOf(n))
		return nil
	}
	var out []pair
	first := map[string]int{}
	for i := 0; i+1 < len(n.Content); i += 2 {
		k := n.Content[i]
		if k.Kind != yaml.ScalarNode {
			p.fault(k.Line, field, "a key is %s; want text", kindOf(k))
			continue
		}
		if line, ok := first[k.Value]; ok {
			p.fault(k.Line, field, "key %q is already used on line %d", shorten(k.Value), line)
			continue
		}
		first[k.Value] = k.Line
		out = append(out, pair{k.Value, k.Line, n.Content[i+1]})
	}
	return out
}

func (p *parser) list(n *yaml.Node, field string) []*yaml.Node {
	if n.Kind != yaml.SequenceNode {
		p.fault(n.Line, field, "want a list, got %s", kindOf(n))
		return nil
	}
	return n.Content
}

// text reads a scalar as it is written: [no, off] are words, not booleans.
func (p *parser) text(n *yaml.Node, field string) string {
	if n.Kind != yaml.ScalarNode {
		p.fault(n.Line, field, "want text, got %s", kindOf(n))
		return ""
	}
	if strings.TrimSpace(n.Value) == "" {
		p.fault(n.Line, field, "is empty")
	}
	return n.Value
}

func (p *parser) flag(n *yaml.Node, field string) bool {
	if v := n.Value; n.Kind == yaml.ScalarNode && (v == "true" || v == "false") {
		return v == "true"
	}
	p.fault(n.Line, field, "want true or false")
	return false
}

// maxPhrase is the longest phrase, in words.
const maxPhrase = 8

// phrases reads a list of phrases. space is where a phrase may come once in a file.
func (p *parser) phrases(n *yaml.Node, field, space string) []phrase {
	var out []phrase
	for _, x := range p.list(n, field) {
		t := p.text(x, field)
		if strings.TrimSpace(t) == "" {
			continue
		}
		key, words := normalise(t)
		switch {
		case words == 0 || words > maxPhrase:
			p.fault(x.Line, field, "%q has %d words; want 1 to %d, none longer than %d bytes", shorten(t), words, maxPhrase, maxWord-4)
			continue
		case p.seen[space+"\x00"+key].line > 0:
			p.fault(x.Line, field, "%q is already used on line %d", shorten(t), p.seen[space+"\x00"+key].line)
			continue
		}
		p.seen[space+"\x00"+key] = place{p.file, x.Line}
		out = append(out, phrase{t, place{p.file, x.Line}})
	}
	return out
}

// normalise is a phrase as the matcher sees it, and its number of words; 0 if a word is too long.
func normalise(t string) (string, int) {
	var tk tokenizer
	toks := tk.cut(nil, t)
	parts := make([]string, len(toks))
	for i := range toks {
		n := tk.fold(t[toks[i].start:toks[i].end])
		if n == 0 {
			return "", 0
		}
		parts[i] = string(tk.buf[:n])
	}
	return strings.Join(parts, " "), len(parts)
}

func (p *parser) ids(n *yaml.Node, field string) []phrase {
	var out []phrase
	for _, x := range p.list(n, field) {
		if t := p.text(x, field); t != "" {
			out = append(out, phrase{t, place{p.file, x.Line}})
		}
	}
	return out
}

func kindOf(n *yaml.Node) string {
	switch n.Kind {
	case yaml.MappingNode:
		return "a mapping"
	case yaml.SequenceNode:
		return "a list"
	case yaml.AliasNode:
		return "an alias"
	case yaml.ScalarNode:
		return "text"
	}
	return "nothing"
}

func sortedKeys[V any](m map[string]V) []string { return slices.Sorted(maps.Keys(m)) }
