// Package release keeps what serves customers as one thing: models, adapter, prompt,
// parameters and policy, with the evidence for them. A release is created, gated, promoted to
// a route and rolled back; nothing of it changes after it was created.
//
// Key words: release, evidence, verdict, route, share, assignment, book.
//
// The usual path is
//
//	book := release.Book{Store: store, Ledger: store, Now: time.Now}
//	r, known, err := book.Create(ctx, draft)               // r12; the same content again is the same release
//	v, err := book.Gate(ctx, verdict)                      // what the rules found, with the runs
//	a, err := book.Promote(ctx, release.Promotion{Route: "writer", Release: "r12", Percent: 10, By: "ops"})
//	a, err = book.Rollback(ctx, release.Undo{Route: "writer", By: "ops", Reason: "complaints about sizes"})
//
// Who serves a route is the last of its assignments, which are only ever added, so that the
// history of a route can be read and what served before can be found. The share of no
// release ("") is what the configuration file says of the route.
//
// Errors for people are *stylesprint.Error values: not_found, conflict where somebody else was
// faster, forbidden where a release has not met its gate. A Book is safe for concurrent use.
package release

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"
	"unicode"
	"unicode/utf8"

	"stylesprint"
)

// Release is what serves. All but its number and its time is given when it is created.
type Release struct {
	// ID is "r" and the number, from 1: r12. The store gives both.
	ID     string `json:"id"`
	Number int    `json:"number"`
	// Hash is the SHA-256, in hex, of everything that decides what is served, and of the evidence.
	Hash string `json:"hash"`
	Name string `json:"name"` // what people call it: "brand voice, shorter"

	// Targets are the names under which the configuration has the models, in the order in
	// which they are asked. Model is the first of them.
	Targets []string             `json:"targets"`
	Model   stylesprint.ModelRef `json:"model"`
	Adapter string               `json:"adapter,omitempty"` // of the model; empty for none
	Prompt  Prompt               `json:"prompt"`
	Params  Params               `json:"params"` // where a client gives none
	Policy  Policy               `json:"policy"`

	Evidence Evidence `json:"evidence"`

	Notes     string    `json:"notes,omitempty"`
	Created   time.Time `json:"created"`
	CreatedBy string    `json:"created_by"`
	Approver  string    `json:"approver,omitempty"`
}

// Prompt is a version of a template. Text is the template file, so that the release
// stays what it is when the file changes; all are empty for a release without prompt.
type Prompt struct {
	Name string `json:"name,omitempty"`
	Hash string `json:"hash,omitempty"` // of the template, not of the layout of its file
	Text string `json:"text,omitempty"`
}

// Params steer sampling, as generate.Params; a nil pointer leaves the model's default.
type Params struct {
	Temperature       *float64 `json:"temperature,omitempty"`
	TopP              *float64 `json:"top_p,omitempty"`
	TopK              *int     `json:"top_k,omitempty"`
	MinP              *float64 `json:"min_p,omitempty"`
	RepetitionPenalty *float64 `json:"repetition_penalty,omitempty"`
	Seed              *uint64  `json:"seed,omitempty"`
	MaxTokens         *int     `json:"max_tokens,omitempty"`
	Stop              []string `json:"stop,omitempty"`
}

// Policy names what stands around the model.
type Policy struct {
	Version    string `json:"version,omitempty"`    // of the content safety policy
	Disclosure string `json:"disclosure,omitempty"` // what customers are told
}

// Evidence is where the release was tested: ids of runs and reviews, empty for none.
type Evidence struct {
	Evaluation string `json:"evaluation,omitempty"`
	Audit      string `json:"audit,omitempty"`
	Review     string `json:"review,omitempty"`
}

// Bounds of a release's texts, in characters.
const (
	MaxName   = 80
	MaxNotes  = 2000
	MaxReason = 500
	maxPrompt = 256 << 10 // bytes
)

// Validate reports the first fault; its Field is the JSON name of the release's field.
func (r Release) Validate() error {
	switch {
	case !line(r.Name, 1, MaxName):
		return invalid("name", fmt.Sprintf("a release needs a name of 1 to %d characters on one line", MaxName), "give one with --name")
	case len(r.Targets) == 0:
		return invalid("targets", "a release needs a model", "name one with --model")
	case r.CreatedBy == "":
		return invalid("created_by", "a release needs to say who made it", "give a name with --by")
	case !line(r.CreatedBy, 1, MaxName) || !line(r.Approver, 0, MaxName):
		return invalid("approver", fmt.Sprintf("names of people have at most %d characters on one line", MaxName), "shorten it")
	case utf8.RuneCountInString(r.Notes) > MaxNotes || !utf8.ValidString(r.Notes):
		return invalid("notes", fmt.Sprintf("notes have at most %d characters", MaxNotes), "shorten them, and keep the rest where they can point to")
	case (r.Prompt.Name == "") != (r.Prompt.Hash == "") || (r.Prompt.Name == "") != (r.Prompt.Text == ""):
		return invalid("prompt", "a prompt has a name, a hash and a text, or none of them", "name a template with --prompt, which gives all three: stylesprint prompt list")
	case len(r.Prompt.Text) > maxPrompt:
		return invalid("prompt", fmt.Sprintf("a prompt has at most %d bytes", maxPrompt), "shorten the template")
	}
	seen := map[string]bool{}
	for _, t := range r.Targets {
		if !line(t, 1, 256) || seen[t] {
			return invalid("targets", fmt.Sprintf("the model %q is empty, too long or named twice", t), "name each model of the configuration once")
		}
		seen[t] = true
	}
	return nil
}

// line says whether a text is one line of so many characters.
func line(s string, least, most int) bool {
	n := utf8.RuneCountInString(s)
	return utf8.ValidString(s) && n >= least && n <= most && strings.TrimSpace(s) == s &&
		strings.IndexFunc(s, unicode.IsControl) < 0
}

func invalid(field, message, hint string) error {
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: field, Message: message, Hint: hint}
}

// ContentHash is the Hash that the release's content has.
func (r Release) ContentHash() (string, error) {
	b, err := json.Marshal(struct {
		Targets  []string
		Model    stylesprint.ModelRef
		Adapter  string
		Prompt   string
		Params   Params
		Policy   Policy
		Evidence Evidence
	}{r.Targets, r.Model, r.Adapter, r.Prompt.Hash, r.Params, r.Policy, r.Evidence})
	if err != nil {
		return "", fmt.Errorf("hash release: %w", err)
	}
	sum := sha256.Sum256(b)
	return hex.EncodeToString(sum[:]), nil
}

// ShortHash is the part of the hash that is shown to people.
func (r Release) ShortHash() string { return r.Hash[:min(len(r.Hash), 12)] }

// IDOf is the id of a number.
func IDOf(number int) string { return "r" + strconv.Itoa(number) }

// NumberOf reads an id: "r12". ok is false for anything else.
func NumberOf(id string) (number int, ok bool) {
	digits, ok := strings.CutPrefix(id, "r")
	if !ok || len(digits) > 9 || digits == "" || digits[0] == '0' || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	number, err := strconv.Atoi(digits)
	return number, err == nil
}

// Verdict is what the rules of a gate found for a release. A release may have several; the
// last one counts.
type Verdict struct {
	Release  string `json:"release"`
	Met      bool   `json:"met"`
	Sentence string `json:"sentence"`
	// Reasons say what was not met, a sentence each.
	Reasons []string `json:"reasons,omitempty"`
	// Runs are those that were compared, the baseline first.
	Runs []string `json:"runs"`
	// Result is the whole result of the gate with its rules, as it printed it.
	Result json.RawMessage `json:"result,omitempty"`
	At     time.Time       `json:"at"`
	By     string          `json:"by"`
}

// Tested is what an evaluation asked, to be held against the release that names it as evidence.
type Tested struct {
	Run        string
	Done       bool
	Model      stylesprint.ModelRef
	PromptHash string
	Params     Params
}

// Mismatches says, a sentence each, in what an evaluation is no evidence for the release.
func (r Release) Mismatches(t Tested) []string {
	var out []string
	add := func(format string, a ...any) { out = append(out, fmt.Sprintf(format, a...)) }
	if r.Evidence.Evaluation == "" {
		return []string{fmt.Sprintf("release %s names no evaluation", r.ID)}
	}
	if !t.Done {
		add("the evaluation %s is not finished", t.Run)
	}
	if t.Model.String() != r.Model.String() {
		add("the evaluation %s asked the model %s; the release has %s", t.Run, t.Model, r.Model)
	} else if t.Model.Revision != "" && r.Model.Revision != "" && t.Model.Revision != r.Model.Revision {
		add("the evaluation %s asked revision %s of the model; the release has %s", t.Run, t.Model.Revision, r.Model.Revision)
	}
	if t.PromptHash != r.Prompt.Hash {
		add("the evaluation %s used another prompt, or another version of it", t.Run)
	}
	for _, c := range paramChanges(t.Params, r.Params) {
		if c.Field != "params.seed" {
			add("the evaluation %s used %s %s; the release has %s", t.Run, strings.TrimPrefix(c.Field, "params."), or(c.From, "the default"), or(c.To, "the default"))
		}
	}
	return out
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
