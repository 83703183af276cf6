package gateway

import (
	"context"
	"fmt"
	"net/http"
	"slices"

	"stylesprint"
	"stylesprint/generate"
)

// Call is one question to a model that writes, as the stages see it. A stage may change
// what it passes on; it belongs to the goroutine of the request.
type Call struct {
	RequestID string // of the HTTP request
	Route     string // "/generate/", "/v1/chat/completions"
	Caller    Caller
	Model     string           // the public name that was asked for
	Release   string           // id of the one that was drawn to answer it, before any stage; "": none has an id
	Request   generate.Request // what the model is asked
	Field     string           // of the client's request that holds what is asked, for refusals; may be empty
	Inbound   http.Header      // of the request; not to be changed
	// Header is that of the answer. It goes out with the first piece of a stream, or with
	// the whole answer.
	Header http.Header
	// Cache (CacheHit, CacheMiss or nothing) and Flags (names of rules that matched) go into the
	// request log. What a hit holds of tokens does not count against the caller's limits.
	Cache string
	Flags []string
	// Policy is the version of the content policy that the call passed, if one was asked. It
	// goes into the disclosure.
	Policy string
	// Kept, if not empty, is what the request log keeps as the prompt, where it keeps prompts:
	// a text from which what may not be kept is taken out.
	Kept string
}

// What Call.Cache says: that the answer is from memory and no model was asked for it, or that
// the cache was asked in vain.
const (
	CacheHit  = "hit"
	CacheMiss = "miss"
)

// Ask answers a call. With a non-nil emit the answer is streamed: emit is called in order,
// from this goroutine, and its error ends the answer. The reply holds the whole text either
// way. Errors are *stylesprint.Error values.
type Ask func(ctx context.Context, c *Call, emit func(generate.Delta) error) (stylesprint.Reply, error)

// Stage stands between the requests and the models: it may answer itself, refuse, change
// the call, hold pieces back, or look at the reply. A Stage is safe for concurrent use.
type Stage func(next Ask) Ask

// Limiter keeps callers within their limits.
type Limiter interface {
	// Reserve takes a request and about so many tokens out of a caller's limits, or refuses
	// with an *stylesprint.Error: rate_limited with RetryAfter, or forbidden where a budget is
	// spent. settle is called once, with what the request used in the end.
	Reserve(ctx context.Context, caller Caller, tokens int) (settle func(stylesprint.Usage, stylesprint.Money), err error)
}

// ask puts a call through the stages to the model that it names.
func (g *Gateway) ask(w http.ResponseWriter, r *http.Request, c call, emit func(generate.Delta) error) (stylesprint.Reply, error) {
	out := Call{
		RequestID: c.x.id, Route: c.x.label, Caller: c.x.caller, Model: c.model.Name, Release: c.release,
		Request: c.req, Field: c.field, Inbound: r.Header, Header: w.Header(), Flags: c.x.flags,
	}
	out.Request.Tenant, out.Request.Weight = c.x.caller.KeyID, c.x.caller.Weight
	if err := permit(c.x.caller, c.model.Name); err != nil {
		return stylesprint.Reply{}, err
	}
	settle := c.settle
	if settle == nil {
		var err error
		if settle, err = g.reserve(r.Context(), c.x, estimateRequest(c.req)); err != nil {
			return stylesprint.Reply{}, err
		}
	}
	var reply stylesprint.Reply
	defer func() { // also on a panic
		used := reply.Usage
		if out.Cache == CacheHit { // the model that had these tokens was paid for once
			used = stylesprint.Usage{}
		}
		settle(used, max(reply.Billed, reply.Cost))
	}()
	answers := c.model.Generate
	if d, ok := answers.(Drawer); ok && c.release == "" {
		out.Release, answers = d.Draw(r.Context())
	}
	ask := lastAsk(answers)
	for _, s := range slices.Backward(g.o.Stages) {
		ask = s(ask)
	}
	var err error
	reply, err = ask(r.Context(), &out, g.disclosing(&out, emit))
	c.x.judged = true
	c.x.cache, c.x.flags, c.x.policy = out.Cache, out.Flags, out.Policy
	if out.Kept != "" && c.x.prompt != "" {
		c.x.prompt = out.Kept
	}
	if err == nil {
		g.disclose(out.Header, out.Policy)
	}
	g.noteReply(c.x, reply)
	return reply, err
}

func lastAsk(m Generator) Ask {
	return func(ctx context.Context, c *Call, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		if emit == nil {
			return m.Generate(ctx, c.Request)
		}
		return m.Stream(ctx, c.Request, emit)
	}
}

// permit checks whether a caller may use a model.
func permit(caller Caller, model string) error {
	if caller.mayUse(model) {
		return nil
	}
	return &ownRefusal{&stylesprint.Error{Code: stylesprint.CodeForbidden, Field: "model", Message: fmt.Sprintf("This key may not use the model %q", model),
		Hint: "ask for a key with this model, or use one that GET /v1/models lists"}}
}

// reserve takes a request out of the caller's limits.
func (g *Gateway) reserve(ctx context.Context, x *exchange, tokens int) (settlement, error) {
	settle := func(stylesprint.Usage, stylesprint.Money) {}
	if g.o.Limits != nil {
		var err error
		if settle, err = g.o.Limits.Reserve(ctx, x.caller, tokens); err != nil {
			return nil, &ownRefusal{err}
		}
	}
	x.admitted = true
	return settle, nil
}

// settlement says what a request used in the end. It is called once.
type settlement func(stylesprint.Usage, stylesprint.Money)

// estimateRequest guesses how many tokens a request will use: a token for four bytes of
// the prompt, and the longest answer that it allows.
func estimateRequest(r generate.Request) int {
	texts := []string{r.Prompt}
	for _, m := range r.Messages {
		texts = append(texts, m.Content)
	}
	answer := 256 // as generate.Params
	if r.Params.MaxTokens != nil {
		answer = *r.Params.MaxTokens
	}
	return estimate(texts...) + answer
}

func estimate(texts ...string) int {
	n := 0
	for _, t := range texts {
		n += (len(t) + 3) / 4
	}
	return n
}
