// Package langchaingo lets programs that are written for langchaingo use any model
// of package generate: a generate.Client is a langchaingo llms.Model.
//
// Key words: model, call option, generation info.
//
// It is a module of its own, so that the program itself does not depend on
// langchaingo. The usual path is
//
//	client := generate.New(driver, generate.Options{})
//	llm := langchaingo.New(client, langchaingo.Options{Model: "smollm2-135m-instruct"})
//	chain := chains.NewLLMChain(llm, prompts.NewPromptTemplate("Describe {{.name}}.", []string{"name"}))
//
// An option that would change the answer and cannot be honoured (tools, several candidates,
// pictures) is refused; none is dropped silently. Errors are *llms.Error values with langchaingo's codes
// around the *stylesprint.Error. A Model is safe for concurrent use.
package langchaingo

import (
	"context"
	"encoding/json"
	"math"
	"strings"

	"github.com/tmc/langchaingo/llms"

	"stylesprint"
	"stylesprint/generate"
)

// Generator is what a Model asks. *generate.Client is one; so is a route of several targets.
type Generator interface {
	// Generate returns the whole reply.
	Generate(ctx context.Context, req generate.Request) (stylesprint.Reply, error)
	// Stream calls emit in order, from this goroutine, and returns the whole reply.
	Stream(ctx context.Context, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error)
}

// Options set up a Model. The zero value asks the client's own model.
type Options struct {
	Model    string // asked for where a call names none
	Provider string // in errors; default "stylesprint"
	// Params are those of calls that do not set them.
	Params generate.Params
}

// Model is a langchaingo model over a Generator.
type Model struct {
	client  Generator
	options Options
}

var (
	_ llms.Model = (*Model)(nil)
	_ Generator  = (*generate.Client)(nil)
)

// New returns a Model. It does not own the client.
func New(client Generator, o Options) *Model {
	if o.Provider == "" {
		o.Provider = "stylesprint"
	}
	return &Model{client: client, options: o}
}

// Call answers one prompt as one turn of a user.
func (m *Model) Call(ctx context.Context, prompt string, options ...llms.CallOption) (string, error) {
	return llms.GenerateFromSinglePrompt(ctx, m, prompt, options...)
}

// GenerateContent answers a conversation with one choice. Its GenerationInfo holds PromptTokens,
// CompletionTokens, TotalTokens and CachedTokens (int), Model (string), Cost (float64, currency
// units), LatencyMS and FirstTokenMS (float64), and Release and Target (string) where a route
// served it. With a streaming function the answer is streamed; the function's error ends it
// and is returned as it is.
func (m *Model) GenerateContent(ctx context.Context, messages []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	o := unsetOptions()
	for _, set := range options {
		set(&o)
	}
	req, err := m.request(messages, o)
	if err != nil {
		return nil, m.fault(err)
	}
	var reply stylesprint.Reply
	var failed error // of the streaming function
	if o.StreamingFunc == nil {
		reply, err = m.client.Generate(ctx, req)
	} else {
		reply, err = m.client.Stream(ctx, req, func(d generate.Delta) error {
			if d.Text != "" {
				failed = o.StreamingFunc(ctx, []byte(d.Text))
			}
			return failed
		})
	}
	switch {
	case failed != nil:
		return nil, failed
	case err != nil:
		return nil, m.fault(err)
	}
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{{
		Content: reply.Text, StopReason: string(reply.FinishReason), GenerationInfo: info(reply),
	}}}, nil
}

func info(r stylesprint.Reply) map[string]any {
	out := map[string]any{
		"PromptTokens": r.Usage.PromptTokens, "CompletionTokens": r.Usage.CompletionTokens, "TotalTokens": r.Usage.Total(),
		"CachedTokens": r.Usage.CachedTokens, "Model": r.Model, "Cost": r.Cost.Units(),
		"LatencyMS": float64(r.Latency.Microseconds()) / 1000, "FirstTokenMS": float64(r.FirstToken.Microseconds()) / 1000,
	}
	if r.Release != "" {
		out["Release"] = r.Release
	}
	if r.Target != "" {
		out["Target"] = r.Target
	}
	return out
}

// unset is what no caller sets an option to: langchaingo cannot say that one is absent, and a
// temperature of 0 is not the same as none.
const unset = math.MinInt

func unsetOptions() llms.CallOptions {
	nan := math.NaN()
	return llms.CallOptions{Temperature: nan, TopP: nan, RepetitionPenalty: nan, FrequencyPenalty: nan, PresencePenalty: nan, Seed: unset, TopK: unset, MaxTokens: unset}
}

func (m *Model) request(messages []llms.MessageContent, o llms.CallOptions) (generate.Request, error) {
	req := generate.Request{Model: m.options.Model, Params: m.options.Params}
	if o.Model != "" {
		req.Model = o.Model
	}
	if err := refuse(o); err != nil {
		return req, err
	}
	if err := setParams(&req, o); err != nil {
		return req, err
	}
	for _, c := range messages {
		message, err := translate(c)
		if err != nil {
			return req, err
		}
		req.Messages = append(req.Messages, message)
	}
	return req, nil
}

// refuse names the first option that cannot be honoured.
func refuse(o llms.CallOptions) error {
	for _, k := range []struct {
		name string
		set  bool
	}{
		{"tools", len(o.Tools) > 0}, {"functions", len(o.Functions) > 0}, {"n", o.N > 1}, {"candidate_count", o.CandidateCount > 1},
		{"min_length", o.MinLength > 0}, {"max_length", o.MaxLength > 0}, {"streaming_reasoning_func", o.StreamingReasoningFunc != nil},
		{"response_mime_type", o.ResponseMIMEType != "" && o.ResponseMIMEType != "text/plain" && o.ResponseMIMEType != "application/json"},
	} {
		if k.set {
			return &stylesprint.Error{Code: stylesprint.CodeUnsupported, Field: k.name, Message: "this model does not support the option " + k.name, Hint: "leave the option out"}
		}
	}
	return nil
}

func setParams(req *generate.Request, o llms.CallOptions) error {
	p := &req.Params
	number(&p.Temperature, o.Temperature, true)
	number(&p.TopP, o.TopP, false)
	number(&p.RepetitionPenalty, o.RepetitionPenalty, false)
	if o.TopK != unset && o.TopK != 0 {
		p.TopK = &o.TopK
	}
	if o.MaxTokens != unset && o.MaxTokens != 0 {
		p.MaxTokens = &o.MaxTokens
	}
	if len(o.StopWords) > 0 {
		p.Stop = o.StopWords
	}
	if o.Seed != unset {
		if o.Seed < 0 {
			return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: "seed", Message: "seed is negative; want 0 or more"}
		}
		seed := uint64(o.Seed)
		p.Seed = &seed
	}
	extra := map[string]any{}
	for name, v := range map[string]float64{"frequency_penalty": o.FrequencyPenalty, "presence_penalty": o.PresencePenalty} {
		if !math.IsNaN(v) && v != 0 {
			extra[name] = v
		}
	}
	if o.JSONMode || o.ResponseMIMEType == "application/json" {
		extra["response_format"] = map[string]string{"type": "json_object"}
	}
	for name, v := range extra {
		raw, err := json.Marshal(v)
		if err != nil {
			return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: name, Message: name + " is no number", Err: err}
		}
		if req.Extra == nil {
			req.Extra = map[string]json.RawMessage{}
		}
		req.Extra[name] = raw
	}
	return nil
}

// number sets a parameter that a caller has set. A zero that would be invalid is none: it comes
// from llms.WithOptions, which sets everything.
func number(to **float64, v float64, zero bool) {
	if !math.IsNaN(v) && (zero || v != 0) {
		*to = &v
	}
}

func translate(c llms.MessageContent) (stylesprint.Message, error) {
	var out stylesprint.Message
	switch c.Role {
	case llms.ChatMessageTypeSystem:
		out.Role = stylesprint.RoleSystem
	case llms.ChatMessageTypeHuman, llms.ChatMessageTypeGeneric:
		out.Role = stylesprint.RoleUser
	case llms.ChatMessageTypeAI:
		out.Role = stylesprint.RoleAssistant
	default:
		return out, unsupported("messages", "a message of role "+string(c.Role))
	}
	var texts []string
	for _, p := range c.Parts {
		text, ok := p.(llms.TextContent)
		if !ok {
			return out, unsupported("messages", "a part of a message that is not text")
		}
		texts = append(texts, text.Text)
	}
	out.Content = strings.Join(texts, "\n")
	return out, nil
}

func unsupported(field, what string) error {
	return &stylesprint.Error{Code: stylesprint.CodeUnsupported, Field: field, Message: "this model does not support " + what}
}
