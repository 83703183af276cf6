package gateway

import (
	"net/http"

	"stylesprint"
	"stylesprint/access"
	"stylesprint/catalogue/answer"
	"stylesprint/generate"
	"stylesprint/internal/httpserver"
)

// Ask has a model answer for a page that is made in this process, as a route of the API
// would: the caller of the page's request needs the scope generate, and limits, stages, metrics
// and the request log apply. label stands for the page in the last two, and is a constant.
// The reply's Model is the public name. Errors are *stylesprint.Error values.
func (g *Gateway) Ask(r *http.Request, label string, req generate.Request) (stylesprint.Reply, error) {
	var reply stylesprint.Reply
	err := g.within(r, label, func(w http.ResponseWriter, r *http.Request, x *exchange) error {
		if len(req.Messages) == 0 {
			return invalid("messages", "there is no message")
		}
		m, err := x.live.models.generator(req.Model, x)
		if err != nil {
			return err
		}
		req.Model = m.target()
		g.notePrompt(x, lastMessage(req))
		if reply, err = g.ask(w, r, call{x: x, model: m, req: req, field: "messages"}, nil); err != nil {
			return fromModel(err)
		}
		reply.Model = m.Name
		return nil
	})
	if err != nil {
		return stylesprint.Reply{}, err
	}
	return reply, nil
}

// AnswerQuestion is POST /answer for a page, with the default model; see Ask. The question's
// own Generator is not asked.
func (g *Gateway) AnswerQuestion(r *http.Request, label string, q answer.Question) (answer.Answer, error) {
	var out answer.Answer
	err := g.within(r, label, func(w http.ResponseWriter, r *http.Request, x *exchange) error {
		q.Generator = nil
		through := &answering{gateway: g, w: w, r: r, x: x}
		if err := g.answerThrough(through, &q, ""); err != nil {
			return err
		}
		out = through.answer
		return nil
	})
	if err != nil {
		return answer.Answer{}, err
	}
	return out, nil
}

// within serves a page's request as one of a route that asks models, and returns the error that
// a client would read; who has the scope admin reads the cause instead.
func (g *Gateway) within(r *http.Request, label string, handle handler) error {
	var failed *stylesprint.Error
	everything := false // the caller may see it; nobody may before the caller is known
	told := plain
	told.body = func(e *stylesprint.Error, status int, id string) any {
		failed = e
		return plainBody(e, status, id)
	}
	inside := func(w http.ResponseWriter, r *http.Request, x *exchange) error {
		everything = x.caller.may(access.Admin)
		return handle(w, r, x)
	}
	inner := r.Clone(r.Context())
	inner.Body, inner.ContentLength = http.NoBody, 0 // the page has read it
	h := httpserver.Chain(g.guard(route{label: label, kind: model, dialect: told, handle: inside}), httpserver.RequestID(), g.observe)
	h.ServeHTTP(unsent{make(http.Header)}, inner)
	if failed == nil {
		return nil
	}
	return forPage(failed, everything)
}

// unsent is the answer of a request within a page: nobody reads it.
type unsent struct{ header http.Header }

func (u unsent) Header() http.Header         { return u.header }
func (u unsent) WriteHeader(int)             {}
func (u unsent) Write(p []byte) (int, error) { return len(p), nil }
