package faithfulness

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"stylesprint"
	"stylesprint/evaluate/dataset"
)

//go:embed rules/*.yaml
var embedded embed.FS

// RulesVersion is the version of the rules' format and of the program that applies them:
// it is part of every metric's signature and rises when the same rules judge differently.
const RulesVersion = 1

// section is a part of a rules file that holds concepts.
type section string

const (
	sectionColour   section = "colour"
	sectionPattern  section = "pattern"
	sectionMaterial section = "material"
	sectionFit      section = "fit"
	sectionCare     section = "care"
	sectionClaim    section = "claim"
	sectionBrand    section = "brand"
	sectionGarment  section = "garment"
	sectionPart     section = "part"
)

func sections() []section {
	return []section{sectionColour, sectionPattern, sectionMaterial, sectionFit, sectionCare, sectionClaim, sectionBrand, sectionGarment, sectionPart}
}

// place is where something stands in a rules file.
type place struct {
	file string
	line int
}

// phrase is one or more words of a rules file.
type phrase struct {
	text string
	place
}

// entry is a concept as the files describe it.
type entry struct {
	id        string
	place              // where it was named first
	say       []phrase // what texts and records call it
	record    []phrase // what records alone call it: evidence
	is        []phrase // more general concepts
	near      []phrase // concepts that count as the same
	of        []phrase // fibres that a fabric is made of
	group     string   // concepts of one group exclude one another
	category  string   // of a garment: its product category; of a claim: its kind
	ambiguous bool     // a word with other meanings: needs a cue
	cased     bool     // must begin with a capital letter
	hard      bool     // a claim that is banned unless the record supports it
	qualifies bool     // a claim about the fibre that follows it
	names     bool     // a claim that a name follows ("made in Italy")
}

// Rules are one or more rules files, merged: a later file adds to the earlier ones
// and overrides them.
type Rules struct {
	entries   map[section]map[string]*entry
	words     map[string][]phrase // by operator
	values    map[string][]valued // numbers, currencies, size names
	skip      []phrase
	must      []Field
	languages []string
	hash      [sha256.Size]byte
}

// valued is a phrase that stands for a value: "thirty" for 30, "euros" for EUR.
type valued struct {
	phrase
	value string
}

// Embedded returns the rules that the program carries: English and a small
// Chinese set.
func Embedded() (*Rules, error) {
	r := &Rules{}
	names, err := embedded.ReadDir("rules")
	if err != nil {
		return nil, fmt.Errorf("read embedded rules: %w", err)
	}
	for _, n := range names { // in order of names: en.yaml, zh.yaml
		b, err := embedded.ReadFile("rules/" + n.Name())
		if err != nil {
			return nil, fmt.Errorf("read embedded rules: %w", err)
		}
		if r, err = r.With(n.Name(), bytes.NewReader(b)); err != nil {
			return nil, err
		}
	}
	return r, nil
}

// maxRules is the largest rules file, in bytes.
const maxRules = 4 << 20

// Open reads a rules file on top of the embedded rules.
func Open(path string) (*Rules, error) {
	base, err := Embedded()
	if err != nil {
		return nil, err
	}
	f, err := os.Open(path)
	if err != nil {
		return nil, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: "the rules file cannot be read", Hint: "check the path", Err: err}
	}
	defer f.Close()
	return base.With(path, f)
}

// With returns the rules with another file added; r stays as it is. Every fault
// of the file is named with its line: the error is a *stylesprint.Error around dataset.Faults.
func (r *Rules) With(name string, file io.Reader) (*Rules, error) {
	b, err := io.ReadAll(io.LimitReader(file, maxRules+1))
	if err != nil {
		return nil, fmt.Errorf("read rules %s: %w", name, err)
	}
	out := r.clone()
	p := parser{file: name, rules: out}
	if len(b) > maxRules {
		p.fault(0, "", "is longer than %d bytes", maxRules)
	} else {
		p.parse(b)
	}
	if len(p.faults) == 0 {
		out.check(&p)
	}
	if len(p.faults) > 0 {
		return nil, p.error()
	}
	out.hash = sha256.Sum256(append(r.hash[:len(r.hash):len(r.hash)], b...))
	return out, nil
}

// Hash identifies the files, in order: the first 16 hexadecimal digits of a SHA-256.
func (r *Rules) Hash() string { return hex.EncodeToString(r.hash[:8]) }

// Languages lists the languages of the files, such as "en", "zh".
func (r *Rules) Languages() []string { return slices.Clone(r.languages) }

// MustMention lists the facts whose absence from a text is an omission.
func (r *Rules) MustMention() []Field { return slices.Clone(r.must) }

func (r *Rules) clone() *Rules {
	out := &Rules{entries: map[section]map[string]*entry{}, words: map[string][]phrase{}, values: map[string][]valued{},
		skip: slices.Clone(r.skip), must: slices.Clone(r.must), languages: slices.Clone(r.languages), hash: r.hash}
	for _, s := range sections() {
		out.entries[s] = make(map[string]*entry, len(r.entries[s]))
		for id, e := range r.entries[s] {
			c := *e
			for _, list := range []*[]phrase{&c.say, &c.record, &c.is, &c.near, &c.of} {
				*list = slices.Clone(*list)
			}
			out.entries[s][id] = &c
		}
	}
	for k, v := range r.words {
		out.words[k] = slices.Clone(v)
	}
	for k, v := range r.values {
		out.values[k] = slices.Clone(v)
	}
	return out
}

// check looks at what only the merged rules can show: ids that nothing defines, and
// concepts that are more general than themselves.
func (r *Rules) check(p *parser) {
	for _, s := range sections() {
		for _, id := range sortedKeys(r.entries[s]) {
			e := r.entries[s][id]
			for _, l := range []struct {
				key  string
				list []phrase
			}{{"is", e.is}, {"near", e.near}, {"of", e.of}} {
				for _, ref := range l.list {
					if r.entries[s][ref.text] == nil && ref.file == p.file {
						p.fault(ref.line, string(s)+"."+id+"."+l.key, "there is no %s %q", s, shorten(ref.text))
					}
				}
			}
			if r.loops(s, e, e, 0) {
				p.fault(e.line, string(s)+"."+id+".is", "leads back to itself")
			}
		}
	}
}

// maxDepth is how deep concepts may lie below the most general one.
const maxDepth = 8

func (r *Rules) loops(s section, start, e *entry, depth int) bool {
	for _, ref := range e.is {
		up := r.entries[s][ref.text]
		if up == nil {
			continue
		}
		if up == start || depth == maxDepth || r.loops(s, start, up, depth+1) {
			return true
		}
	}
	return false
}

func (p *parser) error() error {
	faults := p.faults
	if len(faults) > maxFaults {
		faults = append(faults[:maxFaults:maxFaults], dataset.Fault{File: p.file, Message: fmt.Sprintf("and %d more faults", len(faults)-maxFaults)})
	}
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: p.file + " cannot be read as faithfulness rules",
		Hint: "see docs/formats/faithfulness-rules.md for the format", Err: faults}
}

// maxFaults is how many faults of a file are named.
const maxFaults = 50

func shorten(s string) string {
	if len(s) <= maxWord {
		return s
	}
	return strings.ToValidUTF8(s[:maxWord], "") + "..."
}
