// Package answer answers customers' questions about a product from what the shop knows of it.
//
// Key words: passage, citation, confidence, withheld.
//
// A question takes the first of four ways that leads to an answer:
//
//  1. Price, stock, sizes, composition, colour and care are stated by the record, by rules: no model is asked.
//  2. The product's passages (fields, care guide, reviews) are ranked by cosine and words in common. Below
//     a calibrated confidence the answer is "I don't know".
//  3. A model words the answer from the passages that fit best; whether there is one is decided. Its text is used only
//     if it passes every check: it cites what was retrieved, has no figure, word or "not" that the cited passages lack, and speaks of no
//     price, stock or size.
//  4. Otherwise the best passage is quoted as it stands; a customer's review always is, as a customer's word.
//
// Text from data is never an instruction. What looks like one, or holds links, markup or hidden characters, is not
// retrieved, whatever field it stands in; a question that does is not shown to a model; and reviews never
// are. Package answer/attack measures what gets through.
//
// The usual path is
//
//	a, err := answer.New(answer.Options{Products: find, Guide: guide, Embed: embed, Encoder: "all-minilm-l6-v2", Generator: client})
//	out, err := a.Answer(ctx, answer.Question{SKU: "SS-DR-101", Text: "Does it have pockets?"})
//
// Errors are *stylesprint.Error values: not_found for an unknown product, invalid_request, unsupported for a
// language; those of the model where the caller must know (rate_limited, forbidden, refused, cancelled). A model that
// is down or too slow costs the wording, not the answer. An Answerer is safe for concurrent use.
package answer

import (
	"context"
	_ "embed"
	"errors"
	"fmt"
	"strings"
	"unicode/utf8"

	"stylesprint"
	"stylesprint/catalogue"
	"stylesprint/generate"
	"stylesprint/prompt"
)

//go:embed answer.prompt
var template []byte

// Generator is the model that words answers. *generate.Client is one. Its errors are *stylesprint.Error values.
type Generator interface {
	Generate(ctx context.Context, req generate.Request) (stylesprint.Reply, error)
}

// Products finds a product by its SKU; there being none is an error with code not_found.
type Products func(ctx context.Context, sku string) (catalogue.Product, error)

// Question is what a customer asks about one product.
type Question struct {
	SKU  string
	Text string // 1 to MaxQuestion bytes
	// Language of the answer; empty and "en" are English, the only one so far.
	Language string
	// Generator takes the place of Options.Generator, for callers that count or guard each call.
	Generator Generator
	Model     string // that the generator is asked for; empty is its own
}

// MaxQuestion bounds a question in bytes.
const MaxQuestion = 1000

// Citation is a passage that an answer rests on.
type Citation struct {
	Field string `json:"field"` // "care", "stock", "review.2", "care_guide.linen"
	Text  string `json:"text"`
}

// Answer is what a question led to.
type Answer struct {
	Text       string     `json:"answer"`
	Answered   bool       `json:"answered"`   // false: the record does not say
	Confidence float64    `json:"confidence"` // 0 to 1; 1 where the record states it
	Citations  []Citation `json:"citations"`
	SKU        string     `json:"sku"`
	Model      string     `json:"model,omitempty"` // that worded the text; empty where the record's words stand
	Release    string     `json:"release,omitempty"`
	RequestID  string     `json:"request_id,omitempty"`
	// Policy is the version of the content policy that all texts passed; empty where none was asked.
	Policy string `json:"policy,omitempty"`
	// GeneratedBy discloses a model's wording: its name; empty where no model wrote the text.
	GeneratedBy string `json:"generated_by,omitempty"`
	// Withheld is the check that a model's text failed, so that a passage is quoted in its place.
	Withheld Withheld `json:"withheld,omitempty"`

	Reply *stylesprint.Reply `json:"-"` // of the model, where one was asked
	Draft string             `json:"-"` // the model's own text, also where it was withheld
}

// unknown is what is said where the record does not answer.
const unknown = "I don't know: the product's details don't say."

// Options set up an Answerer. Products is required.
type Options struct {
	Products Products
	Guide    []catalogue.CareAdvice
	// Embed and Encoder are the encoder and its name, under which Calibration holds its threshold; without
	// them passages are ranked by words in common alone.
	Embed   Embedder
	Encoder string
	// Variant is what else the encoder's vectors depend on, such as its precision and where it runs: vectors
	// of one variant are never compared with those of another. It may be empty.
	Variant string
	Index   Index // nil is a Memory
	// Generator words answers; nil quotes passages.
	Generator Generator
	// Calibration holds thresholds; the zero value is the one that Calibrated returns.
	Calibration Calibration
	Passages    int // that a model is shown at most; default 4
}

// Answerer answers questions.
type Answerer struct {
	o        Options
	template prompt.Template
	fitted   Fitted
	system   string // the instructions, which no answer may repeat
}

// New checks the options. An encoder that the calibration does not know is a fault: its cosines mean
// something else.
func New(o Options) (*Answerer, error) {
	if o.Products == nil {
		return nil, errors.New("new answerer: Products is not set")
	}
	if o.Index == nil {
		o.Index = NewMemory(0)
	}
	if o.Passages <= 0 {
		o.Passages = 4
	}
	if o.Calibration.Encoders == nil {
		c, err := Calibrated()
		if err != nil {
			return nil, err
		}
		o.Calibration = c
	}
	if o.Embed == nil {
		o.Encoder = Lexical
	}
	fitted, ok := o.Calibration.Encoders[o.Encoder]
	if !ok {
		return nil, &stylesprint.Error{Code: stylesprint.CodeInvalid, Message: fmt.Sprintf("answers are not calibrated for the encoder %q", o.Encoder), Hint: "stylesprint answer calibrate"}
	}
	t, err := prompt.Parse(template)
	if err != nil {
		return nil, fmt.Errorf("new answerer: %w", err)
	}
	return &Answerer{o: o, template: t, fitted: fitted, system: t.Messages[0].Text}, nil
}

// Answer answers a question. Answered is false, without an error, where the record does not say.
func (a *Answerer) Answer(ctx context.Context, q Question) (Answer, error) {
	if err := check(q); err != nil {
		return Answer{}, err
	}
	p, err := a.o.Products(ctx, q.SKU)
	if err != nil {
		return Answer{}, err
	}
	out := Answer{SKU: p.SKU, Citations: []Citation{}}
	r, err := a.read(ctx, p, q.Text)
	if err != nil {
		return Answer{}, err
	}
	if out.Confidence = r.confidence; !r.answered {
		out.Text = unknown
		return out, nil
	}
	out.Answered, out.Text, out.Citations = true, r.text, r.citations
	if r.stated || len(r.show) == 0 || suspect(q.Text) != "" || mixed(q.Text) {
		return out, nil
	}
	return a.word(ctx, q, p, r, out)
}

func check(q Question) error {
	fault := func(field, message, hint string) error {
		return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: field, Message: message, Hint: hint}
	}
	switch {
	case strings.TrimSpace(q.SKU) == "":
		return fault("sku", "sku is missing", "name a product of the catalogue")
	case visible(q.Text) == "":
		return fault("question", "question is missing", "write what a customer asks, such as: Does it have pockets?")
	case !utf8.ValidString(q.Text):
		return fault("question", "question is not valid UTF-8", "encode it as UTF-8")
	case len(q.Text) > MaxQuestion:
		return fault("question", fmt.Sprintf("question has %d bytes; want %d at most", len(q.Text), MaxQuestion), "ask one thing at a time")
	case q.Language != "" && q.Language != "en":
		return &stylesprint.Error{Code: stylesprint.CodeUnsupported, Field: "language", Message: "answers are given in English (en) alone", Hint: "leave language out"}
	}
	return nil
}

// reading is what the record says to a question, without a model.
type reading struct {
	answered, stated bool
	text             string
	citations        []Citation
	confidence       float64
	show             []Passage // what a model may word the answer from, the best first
	features         features  // of the best passage
}

// read answers from the record and its passages alone.
func (a *Answerer) read(ctx context.Context, p catalogue.Product, question string) (reading, error) {
	passages := Passages(p, a.o.Guide)
	if s, ok := state(question, p, passages); ok {
		return reading{answered: true, stated: true, text: s.text, citations: s.citations, confidence: 1}, nil
	}
	ranked, err := a.retrieve(ctx, p, passages, question)
	if err != nil || len(ranked) == 0 {
		return reading{}, err
	}
	best := ranked[0]
	r := reading{features: best.features, confidence: a.fitted.confidence(best.features), citations: cite(best.Passage), text: quoted(best.Passage)}
	r.answered = r.confidence >= a.fitted.Threshold
	if best.fromStranger() {
		return r, nil
	}
	r.show = a.shown(ranked)
	if best.Field == fieldPrice || best.Field == fieldStock {
		r.answered, r.show = false, nil
	}
	return r, nil
}

// quoted is a passage as an answer.
func quoted(p Passage) string {
	if p.fromStranger() {
		return "A customer writes: “" + strings.Trim(p.Text, `"“”`) + "”"
	}
	return strings.TrimRight(capital(p.Text), ".") + "."
}

// word asks the model, and keeps its text where it passes the checks.
func (a *Answerer) word(ctx context.Context, q Question, p catalogue.Product, r reading, out Answer) (Answer, error) {
	g := q.Generator
	if g == nil {
		g = a.o.Generator
	}
	if g == nil {
		return out, nil
	}
	shown := make([]prompt.Passage, len(r.show))
	for i, p := range r.show {
		shown[i] = prompt.Passage{Source: p.Field, Text: p.Text}
	}
	asked := prompt.Quote([]prompt.Passage{{Text: q.Text}})
	messages, err := a.template.Render(map[string]string{"passages": prompt.Quote(shown), "question": strings.Trim(strings.TrimPrefix(asked, "[] "), `"`)})
	if err != nil {
		return Answer{}, err
	}
	temperature, most := 0.0, 64
	reply, err := g.Generate(ctx, generate.Request{Model: q.Model, Messages: messages, Params: generate.Params{Temperature: &temperature, MaxTokens: &most}})
	if err != nil {
		if !worthQuoting(ctx, err) {
			return Answer{}, err
		}
		return out, nil
	}
	out.Reply, out.Release, out.Draft = &reply, reply.Release, reply.Text
	text, citations, fault := a.draft(reply.Text, p, r.show).verify()
	if fault != "" {
		out.Withheld = fault
		return out, nil
	}
	out.Text, out.Citations, out.Model, out.GeneratedBy = text, citations, reply.Model, reply.Model
	return out, nil
}

// Judge says what a question would be answered if a model had written this text, whatever the question
// looks like: what the checks of answers do without the defences before them.
func (a *Answerer) Judge(ctx context.Context, q Question, text string) (Answer, error) {
	if err := check(q); err != nil {
		return Answer{}, err
	}
	p, err := a.o.Products(ctx, q.SKU)
	if err != nil {
		return Answer{}, err
	}
	ranked, err := a.retrieve(ctx, p, Passages(p, a.o.Guide), q.Text)
	if err != nil {
		return Answer{}, err
	}
	out := Answer{SKU: p.SKU, Text: unknown, Citations: []Citation{}, Draft: text}
	bare, citations, fault := a.draft(text, p, a.shown(ranked)).verify()
	if out.Withheld = fault; fault == "" {
		out.Answered, out.Text, out.Citations = true, bare, citations
	}
	return out, nil
}

// shown are the passages that a model may see, the best first: strangers' texts are quoted, and price,
// stock and sizes are stated by rules or not at all.
func (a *Answerer) shown(ranked []found) []Passage {
	var out []Passage
	for _, f := range ranked {
		if len(out) < a.o.Passages && !f.fromStranger() && f.Field != fieldPrice && f.Field != fieldStock {
			out = append(out, f.Passage)
		}
	}
	return out
}

func (a *Answerer) draft(text string, p catalogue.Product, given []Passage) draft {
	d := draft{text: text, given: given, system: a.system}
	if suspect(p.Name) == "" && !commerce.MatchString(plain(p.Name)) {
		d.name = p.Name + " " + p.Category
	}
	return d
}

// worthQuoting says whether a model's error leaves the record's own words: it is down, not forbidden.
func worthQuoting(ctx context.Context, err error) bool {
	switch stylesprint.CodeOf(err) {
	case stylesprint.CodeUnavailable, stylesprint.CodeUpstream, stylesprint.CodeTimeout:
		return ctx.Err() == nil
	}
	return false
}
