package gateway

import (
	"context"
	"net/http"

	"stylesprint"
	"stylesprint/generate"
	"stylesprint/internal/httpserver"
)

// Ask puts a question of the server's own pages to the model that it names, or to the default
// one for "", on behalf of whoever sent r, a request to a page: with the same key or session, limits,
// stages and record as one to the API. label is the route's name in logs, metrics and
// records, one of a few constants. ctx bounds the answer. Errors are *stylesprint.Error values.
func (g *Gateway) Ask(ctx context.Context, r *http.Request, label string, req generate.Request) (stylesprint.Reply, error) {
	var reply stylesprint.Reply
	var refused *stylesprint.Error
	words := dialect{status: statusOf, body: func(e *stylesprint.Error, _ int, _ string) any {
		refused = e
		return struct{}{}
	}}
	h := g.guard(route{label: label, kind: model, dialect: words, handle: func(w http.ResponseWriter, r *http.Request, x *exchange) error {
		m, err := x.live.models.generator(req.Model, x)
		if err != nil {
			return err
		}
		req.Model = m.target()
		g.notePrompt(x, promptOf(req))
		if reply, err = g.ask(w, r, call{x: x, model: m, req: req}, nil); err != nil {
			return fromModel(err)
		}
		reply.Model = answeredBy(reply, m)
		w.WriteHeader(http.StatusOK)
		return nil
	}})
	httpserver.Chain(h, httpserver.RequestID(), g.observe).ServeHTTP(nowhere{http.Header{}}, r.WithContext(ctx))
	if refused != nil {
		return stylesprint.Reply{}, refused
	}
	return reply, nil
}

// promptOf is what the request log keeps of a question that may have no messages.
func promptOf(r generate.Request) string {
	if len(r.Messages) == 0 {
		return r.Prompt
	}
	return lastMessage(r)
}

// nowhere takes the answer to a request that has another one.
type nowhere struct{ header http.Header }

// Header implements http.ResponseWriter.
func (n nowhere) Header() http.Header { return n.header }

// Write implements http.ResponseWriter.
func (n nowhere) Write(p []byte) (int, error) { return len(p), nil }

// WriteHeader implements http.ResponseWriter.
func (n nowhere) WriteHeader(int) {}
