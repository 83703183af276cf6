package gateway

import (
	"net/http"
	"slices"
	"strings"

	"stylesprint/internal/httpserver"
)

// route is one line of the map.
type route struct {
	method string
	path   string // in the pattern language of http.ServeMux
	label  string // constant name in logs, metrics and records
	kind   kind
	dialect
	handle handler
}

// kind says what stands before a handler.
type kind int

const (
	open  kind = iota // nothing
	keyed             // a key, where keys are asked for
	note              // a key with scope generate, a bounded body and the deadline
	model             // as note, and a place in flight; a record is kept
	admin             // a key with scope admin
	local             // the same, or a request from this machine without a key
)

// handler serves one route. It writes the answer, or returns an error that is
// written in the route's dialect.
type handler func(w http.ResponseWriter, r *http.Request, x *exchange) error

// routes is the map of the gateway.
func (g *Gateway) routes() []route {
	return []route{
		{"POST", "/generate", "/generate/", model, plain, g.generate},
		{"POST", "/generate/{$}", "/generate/", model, plain, g.generate},
		{"POST", "/answer", "/answer", model, plain, g.answer},

		{"GET", "/v1/models", "/v1/models", keyed, openAI, g.listModels},
		{"GET", "/v1/models/{id...}", "/v1/models/{id}", keyed, openAI, g.showModel},
		{"POST", "/v1/chat/completions", "/v1/chat/completions", model, openAI, g.chat},
		{"POST", "/v1/completions", "/v1/completions", model, openAI, g.complete},
		{"POST", "/v1/embeddings", "/v1/embeddings", model, openAI, g.embed},

		{"POST", "/feedback", "/feedback", note, plain, g.giveFeedback},
		{"DELETE", "/feedback", "/feedback", admin, plain, g.eraseFeedback},

		{"GET", "/openapi.json", "/openapi.json", open, plain, g.showOpenAPI},
		{"GET", "/healthz", "/healthz", open, plain, g.health},
		{"GET", "/readyz", "/readyz", open, plain, g.readiness},
		{"GET", "/metrics", "/metrics", local, plain, g.showMetrics()},
	}
}

// mux joins the routes, an answer for known paths with another method, and
// one for unknown paths.
func (g *Gateway) mux() http.Handler {
	mux := http.NewServeMux()
	allow := map[string][]string{}
	for _, rt := range g.routes() {
		mux.Handle(rt.method+" "+rt.path, g.guard(rt))
		allow[rt.path] = append(allow[rt.path], rt.method)
	}
	for _, rt := range g.routes() {
		if methods := allow[rt.path]; methods != nil {
			delete(allow, rt.path)
			mux.Handle(rt.path, g.guard(route{label: rt.label, dialect: rt.dialect, handle: otherMethod(methods)}))
		}
	}
	mux.Handle("/v1/", g.guard(route{label: unmatched, dialect: openAI, handle: unknownPath}))
	mux.Handle("/", g.guard(route{label: unmatched, dialect: plain, handle: unknownPath}))
	return direct(g.models(), mux)
}

// models are the handlers of routes to models by their path, which all are one of POST.
func (g *Gateway) models() map[string]http.Handler {
	out := map[string]http.Handler{}
	for _, rt := range g.routes() {
		if rt.kind == model {
			out[strings.TrimSuffix(rt.path, "{$}")] = g.guard(rt)
		}
	}
	return out
}

// direct goes to a route to a model without the search through all of them.
func direct(models map[string]http.Handler, others http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodPost {
			if h := models[r.URL.Path]; h != nil {
				h.ServeHTTP(w, r)
				return
			}
		}
		others.ServeHTTP(w, r)
	})
}

// unmatched is the label of requests for paths that are not in the map.
const unmatched = "unmatched"

// guard puts in front of a handler what its kind asks for.
func (g *Gateway) guard(rt route) http.Handler {
	var h http.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := exchangeOf(r)
		if err := rt.handle(w, r, x); err != nil {
			g.fail(w, r, rt.dialect, err)
		}
	})
	refuse := func(w http.ResponseWriter, r *http.Request, err error) { g.fail(w, r, rt.dialect, err) }
	var wrap []httpserver.Middleware
	if rt.kind != open {
		wrap = append(wrap, g.hold)
	}
	if rt.kind == model || rt.kind == note || rt.kind == admin {
		wrap = append(wrap, timeLimit)
	}
	if rt.kind != open {
		wrap = append(wrap, g.authenticate(rt.kind, refuse))
	}
	if rt.kind == model {
		wrap = append(wrap, g.admit(refuse))
	}
	if rt.kind == model || rt.kind == note {
		wrap = append(wrap, bodyLimit(refuse))
	}
	return httpserver.Chain(h, append([]httpserver.Middleware{g.label(rt), g.recovered(refuse)}, wrap...)...)
}

func otherMethod(methods []string) handler {
	if slices.Contains(methods, "GET") {
		methods = append(methods, "HEAD")
	}
	allowed := strings.Join(methods, ", ")
	return func(w http.ResponseWriter, _ *http.Request, _ *exchange) error {
		w.Header().Set("Allow", allowed)
		return refusal(http.StatusMethodNotAllowed, "Method not allowed", "use "+allowed)
	}
}

func unknownPath(http.ResponseWriter, *http.Request, *exchange) error {
	return refusal(http.StatusNotFound, "There is nothing at this path",
		"try POST /generate/, GET /v1/models or POST /v1/chat/completions")
}
