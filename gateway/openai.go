package gateway

import (
	"encoding/json"
	"maps"
	"net/http"
	"strconv"

	"stylesprint"
	"stylesprint/generate"
)

// wireUsage is usage as clients of OpenAI read it.
type wireUsage struct {
	PromptTokens     int           `json:"prompt_tokens"`
	CompletionTokens int           `json:"completion_tokens"`
	TotalTokens      int           `json:"total_tokens"`
	Details          *usageDetails `json:"prompt_tokens_details,omitempty"`
}

type usageDetails struct {
	CachedTokens int `json:"cached_tokens"`
}

func usageOf(u stylesprint.Usage) wireUsage {
	w := wireUsage{PromptTokens: u.PromptTokens, CompletionTokens: u.CompletionTokens, TotalTokens: u.Total()}
	if u.CachedTokens > 0 {
		w.Details = &usageDetails{u.CachedTokens}
	}
	return w
}

// json is what encode writes.
func (u wireUsage) json() string {
	b := make([]byte, 0, 96)
	b = strconv.AppendInt(append(b, `{"prompt_tokens":`...), int64(u.PromptTokens), 10)
	b = strconv.AppendInt(append(b, `,"completion_tokens":`...), int64(u.CompletionTokens), 10)
	b = strconv.AppendInt(append(b, `,"total_tokens":`...), int64(u.TotalTokens), 10)
	if u.Details != nil {
		b = strconv.AppendInt(append(b, `,"prompt_tokens_details":{"cached_tokens":`...), int64(u.Details.CachedTokens), 10)
		b = append(b, '}')
	}
	return string(append(b, '}'))
}

// completionRequest is what /v1/chat/completions and /v1/completions share.
type completionRequest struct {
	model        string
	params       generate.Params
	stream       bool
	includeUsage bool
	extra        map[string]json.RawMessage
}

// completion takes the shared fields. Everything that is left afterwards and
// is not null is kept as it stands for the driver, which knows what it cannot do.
func (f *fields) completion() completionRequest {
	c := completionRequest{
		model: f.text("model"),
		params: generate.Params{
			Temperature: f.number("temperature"), TopP: f.number("top_p"), TopK: f.integer("top_k"), MinP: f.number("min_p"),
			RepetitionPenalty: f.number("repetition_penalty"), Seed: f.seed("seed"),
			MaxTokens: f.integer("max_tokens"), Stop: f.texts("stop"),
		},
		stream: f.flag("stream"),
	}
	if most := f.integer("max_completion_tokens"); most != nil { // the newer name wins
		c.params.MaxTokens = most
	}
	if raw := f.take("stream_options"); raw != nil {
		o := object("stream_options", raw)
		c.includeUsage = o.flag("include_usage")
		if o.err != nil && f.err == nil {
			f.err = o.err
		}
		if len(o.rest) > 0 && c.stream {
			f.rest["stream_options"], _ = json.Marshal(o.rest) // made of valid JSON
		}
	}
	c.extra = f.rest
	maps.DeleteFunc(c.extra, func(_ string, raw json.RawMessage) bool { return string(raw) == "null" })
	return c
}

// answerCompletion asks the model and answers, whole or streamed.
func (g *Gateway) answerCompletion(w http.ResponseWriter, r *http.Request, c call, o completionOptions) error {
	if o.stream {
		return g.streamCompletion(w, r, c, o)
	}
	reply, err := g.ask(w, r, c, nil)
	if err != nil {
		return o.reword(fromModel(err))
	}
	b, err := o.shape.merged(c, reply, g.generatedBy(c.x, c.model, reply))
	if err != nil {
		return err
	}
	writeBytes(w, http.StatusOK, b)
	return nil
}

// completionOptions say how an answer is to look.
type completionOptions struct {
	shape        shape
	stream       bool
	includeUsage bool
	// inexpressible is the path of the first thing in the conversation that
	// stylesprint.Message cannot hold, such as an image; "" if there is none.
	inexpressible string
}

// reword makes a driver's refusal of a raw conversation name the exact field.
func (o completionOptions) reword(err error) error {
	e, ok := err.(*stylesprint.Error)
	if o.inexpressible == "" || !ok || e.Code != stylesprint.CodeUnsupported || e.Field != generate.ExtraMessages {
		return err
	}
	return &stylesprint.Error{
		Code: e.Code, Field: o.inexpressible, Message: o.inexpressible + " is not supported by this model, which reads text only",
		Hint: "send text, or choose another model", Err: e,
	}
}
