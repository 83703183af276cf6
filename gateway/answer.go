package gateway

import (
	"context"
	"errors"
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
func answerFields() []string { return []string{"sku", fieldQuestion, "language", "model"} }

// fieldQuestion is the field of /answer that a content policy reads.
const fieldQuestion = "question"

// answer answers a question about a product. The model that words it is asked through the stages, as
// every model is; question and answer pass Options.Content, whether a model is asked or not.
func (g *Gateway) answer(w http.ResponseWriter, r *http.Request, x *exchange) error {
	f, err := decode(r)
	if err != nil {
		return err
	}
	q := answer.Question{SKU: f.text("sku"), Text: f.text(fieldQuestion), Language: f.text("language")}
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
		return refusal(http.StatusNotFound, "This server answers no questions about products", "ask whoever runs this server to give it a catalogue")
	}
	g.notePrompt(x, q.Text)
	if m, err := x.live.models.generator(name, x); err == nil {
		through.model, q.Generator = m, through
	} else if name != "" {
		return err
	}
	x.model = ""                                               // until one is asked: what the record states no model has answered
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
	if q.Text, err = g.readQuestion(x, q.Text); err != nil {
		return err
	}
	if through.answer, err = g.o.Answer.Answer(r.Context(), *q); err != nil {
		return fromAnswerer(through, err)
	}
	x.answer = "" // a model's draft need not be what is answered
	if through.answer.GeneratedBy == "" {
		through.w.Header().Del(headerGeneratedBy) // it was asked, and the record is quoted
	}
	if err := g.readAnswer(through); err != nil {
		return err
	}
	if g.o.LogBodies {
		x.answer = through.answer.Text
	}
	through.answer.RequestID = x.id
	return nil
}

// answered is the answer of /answer; By stands in the place of the plain name.
type answered struct {
	answer.Answer
	By *generatedBy `json:"generated_by,omitempty"`
}

// fromAnswerer words what stopped an answer: faults of the question and the catalogue (not_found) are
// the client's, those of models, the encoder among them, are told as any model's.
func fromAnswerer(a *answering, err error) error {
	var elsewhere fromElsewhere
	switch stylesprint.CodeOf(err) {
	case stylesprint.CodeInvalid, stylesprint.CodeUnsupported, stylesprint.CodeNotFound:
		if !a.failed && !errors.As(err, &elsewhere) {
			return err
		}
	}
	return fromModel(err)
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
	a.x.model = a.model.Name
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
	asked := a.x.prompt // the question, which is kept in place of the prompt around it
	reply, err := a.gateway.ask(a.w, a.r, call{x: a.x, model: a.model, req: req, settle: settle, field: fieldQuestion}, nil)
	a.x.prompt = asked
	if reply.Model == "" {
		reply.Model = a.model.Name
	}
	a.failed = err != nil
	return reply, err
}
