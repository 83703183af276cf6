package gateway

import (
	"net/http"
	"time"

	"stylesprint"
	"stylesprint/generate"
)

// generateFields are what /generate/ knows; anything else is refused, so that
// a misspelt field is noticed.
func generateFields() []string {
	return []string{"prompt", "sku", "product", "model", "temperature", "max_tokens", "seed", "stream"}
}

// generated is the answer of /generate/, and the last event of its stream.
type generated struct {
	GeneratedText string                   `json:"generated_text"`
	Model         string                   `json:"model"`
	FinishReason  stylesprint.FinishReason `json:"finish_reason"`
	Usage         wireUsage                `json:"usage"`
	RequestID     string                   `json:"request_id"`
	GeneratedBy   *generatedBy             `json:"generated_by"`
}

// generatedPiece is one event of its stream.
type generatedPiece struct {
	Text string `json:"text"`
}

// generate answers one prompt, or one product, as one turn of a user.
func (g *Gateway) generate(w http.ResponseWriter, r *http.Request, x *exchange) error {
	f, err := decode(r)
	if err != nil {
		return err
	}
	prompt, name := f.text("prompt"), f.text("model")
	params := generate.Params{Temperature: f.number("temperature"), MaxTokens: f.integer("max_tokens"), Seed: f.seed("seed")}
	stream, about := f.flag("stream"), subject(f)
	if err := f.only(generateFields()...); err != nil {
		return err
	}
	if err := g.asks(prompt, about); err != nil {
		return err
	}
	m, err := x.live.models.generator(name, x)
	if err != nil {
		return err
	}
	c := call{x: x, model: m, req: generate.Request{
		Model: m.target(), Params: params,
		Messages: []stylesprint.Message{{Role: stylesprint.RoleUser, Content: prompt}},
	}, field: "prompt"}
	if about != nil {
		if err := g.describeProduct(r.Context(), &c, *about); err != nil {
			return err
		}
	}
	g.notePrompt(x, lastMessage(c.req))
	if stream {
		return g.streamGenerated(w, r, c)
	}
	reply, err := g.ask(w, r, c, nil)
	if err != nil {
		return fromModel(err)
	}
	writeJSON(w, http.StatusOK, g.generated(x, c.model, reply))
	return nil
}

func (g *Gateway) generated(x *exchange, m *Model, reply stylesprint.Reply) generated {
	return generated{
		GeneratedText: reply.Text, Model: answeredBy(reply, m), FinishReason: finishOf(reply),
		Usage: usageOf(reply.Usage), RequestID: x.id, GeneratedBy: g.generatedBy(x, m, reply),
	}
}

func (g *Gateway) streamGenerated(w http.ResponseWriter, r *http.Request, c call) error {
	s := g.openStream(w, c.x)
	defer s.end()
	reply, err := g.ask(w, r, c, func(d generate.Delta) error {
		if d.Text == "" {
			return nil
		}
		c.x.first()
		return s.send(generatedPiece{d.Text})
	})
	if err != nil {
		return fromModel(err)
	}
	last, err := encode(g.generated(c.x, c.model, reply))
	if err != nil {
		return err
	}
	return s.sendLast(last)
}

// call is one question to a model, on behalf of one exchange.
type call struct {
	x     *exchange
	model *Model
	req   generate.Request
	// release is the one that was chosen to answer already; "": the model chooses.
	release string
	field   string     // of the client's request that holds what is asked
	settle  settlement // of what was taken out of the caller's limits already; nil: nothing was
}

// first notes when the first text came.
func (x *exchange) first() {
	if x.firstToken == 0 {
		x.firstToken = max(time.Since(x.start), 1)
	}
}

// lastMessage is what the request log keeps of a question.
func lastMessage(r generate.Request) string { return r.Messages[len(r.Messages)-1].Content }

// notePrompt and noteReply keep texts for the request log only if it wants them.
func (g *Gateway) notePrompt(x *exchange, prompt string) {
	if g.o.LogBodies {
		x.prompt = prompt
	}
}

func (g *Gateway) noteReply(x *exchange, r stylesprint.Reply) {
	x.reply(r)
	if g.o.LogBodies {
		x.answer = r.Text
	}
}

// answeredBy is the model's most exact name.
func answeredBy(r stylesprint.Reply, m *Model) string {
	if r.Model != "" {
		return r.Model
	}
	return m.Name
}

func finishOf(r stylesprint.Reply) stylesprint.FinishReason {
	if r.FinishReason == "" {
		return stylesprint.FinishStop
	}
	return r.FinishReason
}
