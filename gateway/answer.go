package gateway

import (
	"context"
	"net/http"

	"stylesprint"
	"stylesprint/catalogue/answer"
	"stylesprint/generate"
)

// Answerer answers customers' questions about products. *answer.Answerer is one.
type Answerer interface {
	// Answer answers a question; what its record does not say is no error. A model is asked through
	// the question's Generator alone. Its errors are *stylesprint.Error values.
	Answer(ctx context.Context, q answer.Question) (answer.Answer, error)
}

var _ Answerer = (*answer.Answerer)(nil)

// answerFields are what /answer knows.
func answerFields() []string { return []string{"sku", "question", "language", "model"} }

// answer answers a question about a product. The model that words it is asked through the stages, as
// every model is.
func (g *Gateway) answer(w http.ResponseWriter, r *http.Request, x *exchange) error {
	f, err := decode(r)
	if err != nil {
		return err
	}
	q := answer.Question{SKU: f.text("sku"), Text: f.text("question"), Language: f.text("language")}
	name := f.text("model")
	if err := f.only(answerFields()...); err != nil {
		return err
	}
	through := &answering{gateway: g, w: w, r: r, x: x}
	if err := g.answerThrough(through, &q, name); err != nil {
		return err
	}
	out := through.answer
	said := answered{Answer: out}
	if out.GeneratedBy != "" && out.Reply != nil {
		said.Answer.Release = out.Reply.Release
		said.By = g.generatedBy(x, through.model, *out.Reply)
	}
	writeJSON(w, http.StatusOK, said)
	return nil
}

// answerThrough answers a question with the named model, or the default one for "", and leaves
// the answer in through.
func (g *Gateway) answerThrough(through *answering, q *answer.Question, name string) error {
	r, x := through.r, through.x
	if g.o.Answer == nil {
		return refusal(http.StatusNotFound, "This server answers no questions about products", "start it with a catalogue")
	}
	g.notePrompt(x, q.Text)
	if m, err := x.live.models.generator(name, x); err == nil {
		through.model, q.Generator = m, through
	} else if name != "" {
		return err
	} else {
		x.model = "" // a server without a model that writes quotes the record
	}
	settle, err := g.reserve(r.Context(), x, estimate(q.Text)) // before any work; once, whether a model is asked or not
	if err != nil {
		return err
	}
	through.settle = settle
	defer func() {
		if !through.asked {
			settle(stylesprint.Usage{}, 0)
		}
	}()
	out, err := g.o.Answer.Answer(r.Context(), *q)
	if err != nil {
		return fromModelOnly(through, err)
	}
	if g.o.LogBodies {
		x.answer = out.Text
	}
	out.RequestID = x.id
	through.answer = out
	return nil
}

// answered is the answer of /answer; By stands in the place of the plain name.
type answered struct {
	answer.Answer
	By *generatedBy `json:"generated_by,omitempty"`
}

// fromModelOnly rewords a model's errors; those of the catalogue (not_found) are the client's.
func fromModelOnly(a *answering, err error) error {
	if a.failed {
		return fromModel(err)
	}
	return err
}

// answering is the generator of one request to /answer.
type answering struct {
	gateway       *Gateway
	w             http.ResponseWriter
	r             *http.Request
	x             *exchange
	model         *Model
	settle        settlement
	asked, failed bool
	answer        answer.Answer // that answerThrough found
}

// Generate implements answer.Generator.
func (a *answering) Generate(_ context.Context, req generate.Request) (stylesprint.Reply, error) {
	if err := permit(a.x.caller, a.model.Name); err != nil {
		a.failed = true
		return stylesprint.Reply{}, err
	}
	settle := a.settle
	if a.asked {
		settle = nil // a second call is another request
	}
	a.asked = true
	req.Model = a.model.target()
	reply, err := a.gateway.ask(a.w, a.r, call{x: a.x, model: a.model, req: req, settle: settle}, nil)
	if reply.Model == "" {
		reply.Model = a.model.Name
	}
	a.failed = err != nil
	return reply, err
}
