package engine

import (
	"context"
	"strings"
	"time"

	"stylesprint/engine/nn/kernel"
	"stylesprint/engine/tokenize"
)

// LanguageModel is an open language model.
type LanguageModel struct {
	info    Info
	machine *kernel.Machine
	model   network
	words   *vocabulary
	sched   *scheduler
	limit   int // of prompt plus answer

	sharePrefixes bool // among tenants
}

// Info describes the model.
func (m *LanguageModel) Info() Info { return m.info }

// Close refuses new requests, waits for those that were accepted, and frees the model. It
// may be called twice.
func (m *LanguageModel) Close() error {
	m.sched.close()
	m.machine.Close()
	return nil
}

// CountTokens is the number of tokens of a text, none added. Special tokens
// spelled in it count as plain text.
func (m *LanguageModel) CountTokens(text string) int {
	return len(m.words.tokenizer.Encode(text, tokenize.Options{}).IDs)
}

// RenderChat is the prompt that the model's chat template makes of a
// conversation, up to where the answer begins. For a base model, which has no
// template, it is the messages' contents, a blank line between them.
func (m *LanguageModel) RenderChat(messages []ChatMessage) (string, error) {
	p, err := m.words.render(messages)
	return p.String(), err
}

func (v *vocabulary) render(messages []ChatMessage) (pieces, error) {
	if v.chatErr != nil {
		return nil, v.chatErr
	}
	if v.chat == nil {
		return pieces{plainPrompt(messages)}, nil
	}
	p, err := v.chat.render(messages)
	if err != nil {
		return nil, &RequestError{Field: "messages", Reason: err.Error(), Err: err}
	}
	return p, nil
}

// plainPrompt is what a model without a chat template is asked: the contents of the
// messages, whoever speaks, with a blank line between them, as text to be continued.
func plainPrompt(messages []ChatMessage) string {
	contents := make([]string, len(messages))
	for i, m := range messages {
		contents[i] = m.Content
	}
	return strings.Join(contents, "\n\n")
}

// encode turns a request into tokens.
func (v *vocabulary) encode(r Request) ([]int32, error) {
	if len(r.Messages) == 0 {
		return v.tokenizer.Encode(r.Prompt, tokenize.Options{AddSpecial: true, ParseSpecial: true}).IDs, nil
	}
	if v.chat == nil && v.chatErr == nil { // special tokens spelled in a message stay plain text
		return v.tokenizer.Encode(plainPrompt(r.Messages), tokenize.Options{AddSpecial: true}).IDs, nil
	}
	p, err := v.render(r.Messages)
	if err != nil {
		return nil, err
	}
	var ids []int32
	for _, s := range p {
		ids = append(ids, v.tokenizer.Encode(s, tokenize.Options{ParseSpecial: true}).IDs...)
	}
	return ids, nil
}

// Generate answers a request. With a non-nil emit it streams: emit is called in
// order, from this goroutine, and an error from it ends the answer and is
// returned. A slow emit holds up nobody else. When ctx ends, so does the answer, within a step. A request that finds
// too many others waiting, or would wait beyond ctx's deadline, is refused with an *OverloadError; so may one be that
// waits already, when the queue is full and a tenant with fewer asks. An error comes with the part of the result that was made.
func (m *LanguageModel) Generate(ctx context.Context, r Request, emit func(Token) error) (Result, error) {
	start := time.Now()
	if err := r.check(); err != nil {
		return Result{}, err
	}
	ids, err := m.words.encode(r)
	if err != nil {
		return Result{}, err
	}
	if len(ids) == 0 {
		return Result{}, &RequestError{Field: "prompt", Reason: "has no tokens"}
	}
	room := r.MaxTokens
	if room == 0 {
		room = max(1, m.limit-len(ids))
	}
	if n := len(ids) + room; n > m.limit {
		return Result{}, &ContextError{Tokens: n, Limit: m.limit}
	}
	seq := newSequence(ids, room)
	seq.sampler = newSampler(r.Sampling, m.model.vocabulary, ids, room)
	seq.ends = m.words.ends
	seq.tenant, seq.weight = r.Tenant, r.Weight
	if !m.sharePrefixes {
		seq.scope = r.Tenant
	}
	seq.deadline, _ = ctx.Deadline()
	a := &answer{seq: seq, emit: emit, start: start, stops: stopper{stops: r.Stop}, words: tokenize.NewStream(m.words.tokenizer, true)}
	if err := ctx.Err(); err != nil {
		return Result{}, err
	}
	if err := m.sched.submit(seq); err != nil {
		return Result{}, err
	}
	defer m.sched.leave(seq)
	err = a.follow(ctx)
	return a.result(), err
}

// answer turns the tokens of a sequence into text, on the caller's goroutine.
type answer struct {
	seq    *sequence
	emit   func(Token) error
	start  time.Time
	words  *tokenize.Stream
	stops  stopper
	text   strings.Builder
	read   int // tokens taken from the sequence
	finish string
}

// follow reads tokens until the end of the answer.
func (a *answer) follow(ctx context.Context) error {
	for {
		select {
		case <-a.seq.done:
			if stopped, err := a.take(ctx); stopped || err != nil {
				return err
			}
			a.finish = a.seq.finish
			if a.seq.err != nil {
				return a.seq.err
			}
			return a.rest()
		case <-a.seq.wake:
			if stopped, err := a.take(ctx); stopped || err != nil {
				return err
			}
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// take reads the tokens that are there, and tells whether a stop string ended the answer.
func (a *answer) take(ctx context.Context) (stopped bool, err error) {
	for n := int(a.seq.made.Load()); a.read < n; {
		if err := ctx.Err(); err != nil {
			return false, err
		}
		id := a.seq.out[a.read]
		a.read++
		text, found := a.stops.push(a.words.Push(id))
		if found {
			a.finish = FinishStop
		}
		if err := a.send(Token{ID: id, Text: text}); found || err != nil {
			return found, err
		}
	}
	return false, nil
}

// rest sends what was held back.
func (a *answer) rest() error {
	text, found := a.stops.push(a.words.Flush())
	if !found {
		text += a.stops.flush()
	}
	if text == "" {
		return nil
	}
	return a.send(Token{ID: -1, Text: text})
}

func (a *answer) send(t Token) error {
	a.text.WriteString(t.Text)
	if a.emit == nil {
		return nil
	}
	return a.emit(t)
}

func (a *answer) result() Result {
	r := Result{
		Text: a.text.String(), Tokens: a.seq.out[:a.read:a.read], PromptTokens: len(a.seq.prompt), CompletionTokens: a.read,
		Finish: a.finish,
	}
	if a.seq.made.Load() == 0 {
		r.Queue = time.Since(a.seq.submitted)
		return r
	}
	r.CachedTokens = a.seq.cached
	r.Queue = a.seq.admitted.Sub(a.seq.submitted)
	r.Prefill = a.seq.first.Sub(a.seq.admitted)
	r.FirstToken = a.seq.first.Sub(a.start)
	end := time.Now()
	select {
	case <-a.seq.done:
		end = a.seq.ended
	default:
	}
	r.Decode = end.Sub(a.seq.first)
	return r
}

// NegativeLogLikelihood sums -ln p(token | all before it) over a text, and says over how
// many tokens: all but the first. The perplexity is exp(sum/tokens). A text longer than the context is read in
// windows that overlap by half; a token counts once, with what its window has before it.
func (m *LanguageModel) NegativeLogLikelihood(ctx context.Context, text string) (sum float64, tokens int, err error) {
	ids := m.words.tokenizer.Encode(text, tokenize.Options{AddSpecial: true}).IDs
	if len(ids) == 0 {
		return 0, 0, ctx.Err()
	}
	for from, counted := 0, 1; counted < len(ids); {
		to := min(from+m.limit, len(ids))
		seq := newSequence(ids[from:to], 0)
		seq.scoreFrom = counted - from
		if err := m.sched.submit(seq); err != nil {
			return 0, 0, err
		}
		select {
		case <-seq.done:
			if seq.err != nil {
				return 0, 0, seq.err
			}
			sum += seq.nll
		case <-ctx.Done():
			m.sched.leave(seq)
			return 0, 0, ctx.Err()
		}
		counted = to
		from += max(1, m.limit/2)
	}
	return sum, len(ids) - 1, nil
}
