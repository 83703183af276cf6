package safety

import (
	"bytes"
	"crypto/sha256"
	_ "embed"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"stylesprint"
	"stylesprint/evaluate/faithfulness"
)

// Action is what a rule does with what it finds.
type Action string

// The actions, mildest first. Each counts.
const (
	Allow  Action = "allow"  // lets it pass: for trying a rule
	Flag   Action = "flag"   // lets it pass, and names the rule in the request log
	Redact Action = "redact" // puts a mark in its place
	Block  Action = "block"  // refuses the request, or ends the answer
)

// The kinds of rules.
const (
	KindLength = "length" // the whole text's length
	KindEmail  = "email"
	KindPhone  = "phone"
	KindCard   = "card"
	KindIBAN   = "iban"
	KindWords  = "words"  // phrases of the policy, or of a file
	KindClaims = "claims" // claims that faithfulness forbids unless a record supports them
)

// Rule is one rule of a policy.
type Rule struct {
	// Name is in metrics, flags and refusals: 1 to 32 of a-z, 0-9, -.
	Name string `yaml:"name"`
	// On is input, output or both.
	On     string `yaml:"on"`
	Kind   string `yaml:"kind"`
	Action Action `yaml:"action"`
	// Min and Max bound a length, in characters; 0 is no bound.
	Min int `yaml:"min"`
	Max int `yaml:"max"`
	// Except lists matches that are none: addresses, endings of addresses ("@shop.example"), numbers.
	Except []string `yaml:"except"`
	// Words and File give the phrases of a word list; File is relative to the policy.
	Words []string `yaml:"words"`
	File  string   `yaml:"file"`
	// Level is folded or lookalike, of a word list. Defaults to folded.
	Level string `yaml:"level"`
	// Categories limit claims, such as health; empty means all.
	Categories []string `yaml:"categories"`
	// Mark takes the place of what is redacted. Defaults to the kind in brackets.
	Mark string `yaml:"mark"`
}

func (r Rule) mark() string {
	if r.Mark != "" {
		return r.Mark
	}
	return "[" + r.Kind + "]"
}

// Policy is a set of rules. It is read-only once made.
type Policy struct {
	// Name is the policy's own.
	Name  string
	rules []Rule
	words map[string][]string // phrases of each rule with a list, by name
	hash  [sha256.Size]byte
	deny  []string // words that deny a claim
}

// Version names the policy and its content: the name, @, and the first 12 hexadecimal digits of a SHA-256
// over the file and every list that it uses.
func (p *Policy) Version() string { return p.Name + "@" + hex.EncodeToString(p.hash[:6]) }

// Rules are a copy of the policy's rules.
func (p *Policy) Rules() []Rule { return slices.Clone(p.rules) }

//go:embed default.yaml
var defaultPolicy []byte

// Default is the policy that the program carries.
func Default() (*Policy, error) { return Parse("default policy", defaultPolicy, nil) }

// Bounds of a policy.
const (
	maxPolicy  = 1 << 20 // bytes
	maxList    = 8 << 20 // bytes of a list
	maxRules   = 64
	maxPhrases = 200_000
)

// Load reads a policy from a file.
func Load(path string) (*Policy, error) {
	b, err := readAtMost(path, maxPolicy)
	if err != nil {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: "the content policy cannot be read", Hint: "check the path safety.policy", Err: err}
	}
	return Parse(path, b, func(name string) ([]byte, error) {
		if !filepath.IsAbs(name) {
			name = filepath.Join(filepath.Dir(path), name)
		}
		return readAtMost(name, maxList)
	})
}

func readAtMost(path string, most int64) ([]byte, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	b, err := io.ReadAll(io.LimitReader(f, most+1))
	if err == nil && int64(len(b)) > most {
		err = fmt.Errorf("%s is longer than %d bytes", path, most)
	}
	return b, err
}

// Parse reads a policy; open reads the lists that it names. Every fault is reported: the error
// is a *stylesprint.Error around them.
func Parse(name string, b []byte, open func(string) ([]byte, error)) (*Policy, error) {
	var file struct {
		Format int    `yaml:"format"`
		Name   string `yaml:"name"`
		Rules  []Rule `yaml:"rules"`
	}
	d := yaml.NewDecoder(bytes.NewReader(b))
	d.KnownFields(true)
	if err := d.Decode(&file); err != nil && !errors.Is(err, io.EOF) {
		return nil, faulty(name, err)
	}
	p := &Policy{Name: file.Name, rules: file.Rules, words: map[string][]string{}}
	hash := sha256.New()
	put := func(b []byte) { fmt.Fprintf(hash, "%d\n", len(b)); hash.Write(b) }
	put(b)
	var faults []error
	fault := func(format string, a ...any) { faults = append(faults, fmt.Errorf(format, a...)) }
	if file.Format != 1 {
		fault("format: want 1, got %d", file.Format)
	}
	if !named.MatchString(p.Name) {
		fault("name: want 1 to 32 of a-z, 0-9 and -, got %q", p.Name)
	}
	if len(p.rules) > maxRules {
		fault("rules: want at most %d, got %d", maxRules, len(p.rules))
	}
	seen := map[string]bool{}
	for i := range p.rules {
		r := &p.rules[i]
		at := fmt.Sprintf("rules[%d]", i)
		r.validate(func(field, format string, a ...any) { fault(at+"."+field+": "+format, a...) })
		if seen[r.Name] {
			fault("%s.name: %q is there twice", at, r.Name)
		}
		seen[r.Name] = true
		if err := p.load(r, open, put); err != nil {
			fault("%s: %w", at, err)
		}
	}
	if len(faults) > 0 {
		return nil, faulty(name, errors.Join(faults...))
	}
	hash.Sum(p.hash[:0])
	return p, nil
}

func faulty(name string, err error) error {
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: name + " cannot be read as a content policy",
		Hint: "see docs/formats/safety-policy.md for the format", Err: err}
}

var named = regexp.MustCompile(`^[a-z0-9][a-z0-9-]{0,31}$`)

// validate completes a rule and reports its faults.
func (r *Rule) validate(fault func(field, format string, a ...any)) {
	if !named.MatchString(r.Name) {
		fault("name", "want 1 to 32 of a-z, 0-9 and -, got %q", r.Name)
	}
	if !slices.Contains([]string{"input", "output", "both"}, r.On) {
		fault("on", "want input, output or both, got %q", r.On)
	}
	kinds := []string{KindLength, KindEmail, KindPhone, KindCard, KindIBAN, KindWords, KindClaims}
	if !slices.Contains(kinds, r.Kind) {
		fault("kind", "want one of %s, got %q", strings.Join(kinds, ", "), r.Kind)
	}
	if !slices.Contains([]Action{Allow, Flag, Redact, Block}, r.Action) {
		fault("action", "want allow, flag, redact or block, got %q", r.Action)
	}
	if r.Level == "" {
		r.Level = "folded"
	}
	if r.Level != "folded" && r.Level != "lookalike" {
		fault("level", "want folded or lookalike, got %q", r.Level)
	}
	for _, f := range []struct {
		field string
		set   bool
		kinds string
	}{
		{"min", r.Min != 0, KindLength}, {"max", r.Max != 0, KindLength},
		{"except", r.Except != nil, KindEmail + KindPhone + KindCard + KindIBAN},
		{"words", r.Words != nil, KindWords}, {"file", r.File != "", KindWords}, {"categories", r.Categories != nil, KindClaims},
		{"level", r.Level != "folded", KindWords + KindClaims},
	} {
		if f.set && !strings.Contains(f.kinds, r.Kind) {
			fault(f.field, "has no meaning for kind %s", r.Kind)
		}
	}
	if r.Kind == KindLength {
		if r.Min < 0 || r.Max < 0 || r.Min+r.Max == 0 || r.Max > 0 && r.Min > r.Max {
			fault("min, max", "want at least one above 0, and min at most max, got %d and %d", r.Min, r.Max)
		}
		if r.Action == Redact {
			fault("action", "a length cannot be redacted")
		}
	}
	if r.Mark != "" && (r.Action != Redact || len(r.Mark) > 64) {
		fault("mark", "want at most 64 bytes, with action redact")
	}
	for i, e := range r.Except {
		r.Except[i] = look(e, folded, true).s
	}
}

// load reads a rule's phrases.
func (p *Policy) load(r *Rule, open func(string) ([]byte, error), put func([]byte)) error {
	var list []string
	switch r.Kind {
	case KindWords:
		list = slices.Clone(r.Words)
		if r.File != "" {
			if open == nil {
				return errors.New("file: a policy without a place of its own cannot name files")
			}
			b, err := open(r.File)
			if err != nil {
				return fmt.Errorf("file: %w", err)
			}
			put(b)
			list = append(list, lines(string(b))...)
		}
	case KindClaims:
		rules, err := faithfulness.Embedded()
		if err != nil {
			return err
		}
		put([]byte(rules.Hash()))
		known := map[string]bool{}
		for _, c := range rules.HardClaims() {
			known[c.Category] = true
			if len(r.Categories) == 0 || slices.Contains(r.Categories, c.Category) {
				list = append(list, c.Phrases...)
			}
		}
		for _, c := range r.Categories {
			if !known[c] {
				return fmt.Errorf("categories: there are no claims of category %q", c)
			}
		}
		p.deny = rules.Negations()
	default:
		return nil
	}
	if len(list) == 0 || len(list) > maxPhrases {
		return fmt.Errorf("want 1 to %d phrases in words or file, got %d", maxPhrases, len(list))
	}
	w := &words{}
	for i, phrase := range list {
		if len(phrase) > maxPhrase || !w.add(phrase, r.depth()) {
			return fmt.Errorf("phrase %d: want 1 to %d bytes with a letter or digit", i+1, maxPhrase)
		}
	}
	p.words[r.Name] = list
	return nil
}

func (r Rule) depth() level {
	if r.Level == "lookalike" {
		return lookalike
	}
	return folded
}

// lines are a list's phrases: one a line, without comments (#) and blank lines.
func lines(s string) []string {
	var out []string
	for line := range strings.Lines(strings.TrimPrefix(s, "\ufeff")) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}
