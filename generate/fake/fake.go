// Package fake is a generate.Driver that answers from a script, for tests and
// demonstrations that need no model.
//
// Key words: script, answer, fault.
//
// The usual path is
//
//	d := fake.New(fake.Script{Answers: []fake.Answer{
//		{Match: "linen", Text: "A cool linen shirt."},
//		{Call: 2, Err: &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "down"}},
//	}})
//	c := generate.New(d, generate.Options{})
//
// A token is a word. Answers depend on nothing but the request, its number and the
// script. A Driver is safe for concurrent use.
package fake

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode"

	"stylesprint"
	"stylesprint/generate"
)

// Script says how a driver answers. The zero value answers every request with Babble.
type Script struct {
	Model   string   // Defaults to "fake".
	Answers []Answer // the first one that fits a request is used; Babble where none does
	// Pause and Pace are those of answers that set none of their own.
	Pause, Pace time.Duration
	// ContextTokens bounds prompt plus answer. 0 is no bound.
	ContextTokens int
	// Refuse names extra fields that the driver does not support.
	Refuse []string
}

// Answer is one entry of a script.
type Answer struct {
	Call  int    // fits this call only, counted from 1; 0 fits each
	Match string // fits requests whose text contains it; empty fits all

	Text  string
	Write func(generate.Request) string // where set, makes the text
	// Usage takes the place of the count of words.
	Usage *stylesprint.Usage
	Pause time.Duration // before the first word
	Pace  time.Duration // before each further word of a streamed answer
	// Err is returned after After words.
	Err   error
	After int
}

// Driver answers from a script and remembers what it was asked.
type Driver struct {
	script Script

	mu     sync.Mutex
	calls  []generate.Request
	closed bool
	active sync.WaitGroup
}

var _ generate.Driver = (*Driver)(nil)

// New returns a driver that plays a script.
func New(s Script) *Driver {
	if s.Model == "" {
		s.Model = "fake"
	}
	return &Driver{script: s}
}

// Calls are the requests so far, in the order in which they came.
func (d *Driver) Calls() []generate.Request {
	d.mu.Lock()
	defer d.mu.Unlock()
	return slices.Clone(d.calls)
}

// Generate implements generate.Driver.
func (d *Driver) Generate(ctx context.Context, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
	number, err := d.begin(req)
	if err != nil {
		return stylesprint.Reply{}, err
	}
	defer d.active.Done()
	reply := stylesprint.Reply{Model: d.script.Model}
	if err := d.check(req); err != nil {
		return reply, err
	}
	a := d.answer(number, req)
	if err := wait(ctx, a.Pause); err != nil {
		return reply, err
	}
	words, finish := d.words(a, req)
	reply.Usage.PromptTokens = len(strings.Fields(Text(req)))
	var text strings.Builder
	for i, w := range words {
		if err := d.step(ctx, a, i, emit != nil); err != nil {
			reply.Text = text.String()
			return reply, err
		}
		text.WriteString(w)
		reply.Usage.CompletionTokens++
		if emit != nil {
			if err := emit(generate.Delta{Text: w}); err != nil {
				reply.Text = text.String()
				return reply, err
			}
		}
	}
	reply.Text, reply.FinishReason = text.String(), finish
	if a.Usage != nil {
		reply.Usage = *a.Usage
	}
	if a.Err != nil {
		return reply, a.Err
	}
	return reply, nil
}

// step comes before word i.
func (d *Driver) step(ctx context.Context, a Answer, i int, paced bool) error {
	if a.Err != nil && i >= a.After {
		return a.Err
	}
	if i == 0 || !paced {
		return ctx.Err()
	}
	return wait(ctx, a.Pace)
}

// words are the pieces of an answer, cut at the first stop string and at the token limit.
func (d *Driver) words(a Answer, req generate.Request) ([]string, stylesprint.FinishReason) {
	text := a.Text
	if a.Write != nil {
		text = a.Write(req)
	}
	for _, s := range req.Params.Stop {
		text, _, _ = strings.Cut(text, s)
	}
	words := split(text)
	if most := req.Params.MaxTokens; most != nil && len(words) > *most {
		return words[:*most], stylesprint.FinishLength
	}
	return words, stylesprint.FinishStop
}

func (d *Driver) begin(req generate.Request) (number int, err error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.closed {
		return 0, &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "the fake model is closed"}
	}
	d.active.Add(1)
	d.calls = append(d.calls, req)
	return len(d.calls), nil
}

func (d *Driver) check(req generate.Request) error {
	for _, name := range d.script.Refuse {
		if _, ok := req.Extra[name]; ok {
			return &stylesprint.Error{Code: stylesprint.CodeUnsupported, Field: name, Message: "the fake model does not support " + name}
		}
	}
	need := len(strings.Fields(Text(req)))
	if p := req.Params.MaxTokens; p != nil {
		need += *p
	}
	if limit := d.script.ContextTokens; limit > 0 && need > limit {
		return &stylesprint.Error{
			Code: stylesprint.CodeContextTooLong, Message: fmt.Sprintf("prompt and answer need %d tokens, the model has %d", need, limit),
			Hint: "shorten the prompt or lower max_tokens",
		}
	}
	return nil
}

func (d *Driver) answer(number int, req generate.Request) Answer {
	a := Answer{Write: Babble}
	text := Text(req)
	for _, candidate := range d.script.Answers {
		if (candidate.Call == 0 || candidate.Call == number) && strings.Contains(text, candidate.Match) {
			a = candidate
			break
		}
	}
	if a.Pause == 0 {
		a.Pause = d.script.Pause
	}
	if a.Pace == 0 {
		a.Pace = d.script.Pace
	}
	return a
}

// Models implements generate.Driver.
func (d *Driver) Models(ctx context.Context) ([]generate.ModelInfo, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	return []generate.ModelInfo{{Ref: stylesprint.ModelRef{Provider: "fake", Name: d.script.Model}, ContextTokens: d.script.ContextTokens}}, nil
}

// Close implements generate.Driver. It waits for running requests and may be called twice.
func (d *Driver) Close() error {
	d.mu.Lock()
	d.closed = true
	d.mu.Unlock()
	d.active.Wait()
	return nil
}

// Text is all that a request says: its prompt, or its messages' contents, a line each.
func Text(req generate.Request) string {
	if raw, ok := req.Extra[generate.ExtraMessages]; ok {
		return string(raw)
	}
	if req.Prompt != "" {
		return req.Prompt
	}
	lines := make([]string, len(req.Messages))
	for i, m := range req.Messages {
		lines[i] = m.Content
	}
	return strings.Join(lines, "\n")
}

// split cuts a text into words, each with the space before it; joined they are the text.
func split(text string) []string {
	var words []string
	start, inWord := 0, false
	for i, r := range text {
		space := unicode.IsSpace(r)
		if space && inWord {
			words = append(words, text[start:i])
			start = i
		}
		inWord = !space
	}
	switch {
	case start == len(text):
	case inWord || len(words) == 0:
		words = append(words, text[start:])
	default: // space at the end belongs to the last word
		words[len(words)-1] += text[start:]
	}
	return words
}

func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
