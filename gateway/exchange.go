package gateway

import (
	"context"
	"crypto/rand"
	"net/http"
	"strings"
	"time"

	"stylesprint"
	"stylesprint/internal/httpserver"
)

// exchange is what the gateway knows of one request. It belongs to the
// goroutine of its handler.
type exchange struct {
	id     string
	record string // id of its record, which no other request has
	start  time.Time
	label  string // of the route
	kind   kind
	caller Caller
	live   *live  // settings and models that the request began with; nil for routes that need no key
	model  string // public name; "unknown" for one that is not served; "" where none is asked for
	status int    // outcome: what was sent, or the status of a failure after the headers
	code   stylesprint.Code
	cause  error // of a failure, for the log
	stream *stream
	bytes  int64

	usage          stylesprint.Usage
	cost           stylesprint.Money
	firstToken     time.Duration     // 0 where unknown
	answered       string            // the model that answered, as its provider names it
	served         stylesprint.Reply // for its Release, Target, Attempts and Billed
	cache          string
	flags          []string
	prompt, answer string // only with Options.LogBodies
}

// unknown is the name of all models that are not served, in metrics and logs.
const unknown = "unknown"

type exchangeKey struct{}

// exchangeOf returns the request's exchange, which observe has put there.
func exchangeOf(r *http.Request) *exchange {
	x, _ := r.Context().Value(exchangeKey{}).(*exchange)
	if x == nil {
		x = &exchange{start: time.Now()}
	}
	return x
}

// RequestOf returns the id under which the request of a context is recorded, which no other
// request has, and its caller. It is for models that answer by them; ok is false outside of a
// Gateway's requests.
func RequestOf(ctx context.Context) (id string, caller Caller, ok bool) {
	x, _ := ctx.Value(exchangeKey{}).(*exchange)
	if x == nil {
		return "", Caller{}, false
	}
	return x.record, x.caller, true
}

// reply notes what a model answered.
func (x *exchange) reply(r stylesprint.Reply) {
	x.usage, x.cost, x.answered = r.Usage, r.Cost, r.Model
	x.served = stylesprint.Reply{Release: r.Release, Target: r.Target, Attempts: r.Attempts, Billed: max(r.Billed, r.Cost)}
	if x.firstToken == 0 {
		x.firstToken = r.FirstToken
	}
}

// observe opens an exchange, and when the request has been served counts it,
// logs it and hands its record to the request log.
func (g *Gateway) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{id: httpserver.RequestIDFrom(r.Context()), start: time.Now(), label: unmatched}
		x.record = recordID(r, x.id)
		cw := &countingWriter{ResponseWriter: w, x: x}
		g.metrics.inFlight.Inc()
		defer func() { // also on the panic that cuts a connection
			g.metrics.inFlight.Dec()
			took := time.Since(x.start)
			if x.status == 0 {
				x.status = http.StatusOK
			}
			g.metrics.observe(x, took)
			g.logAccess(r, x, took)
			if x.kind == model {
				g.records.add(g.record(x, took))
			}
		}()
		next.ServeHTTP(cw, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
	})
}

// label writes the route into the exchange.
func (g *Gateway) label(rt route) httpserver.Middleware {
	return func(next http.Handler) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			x := exchangeOf(r)
			x.label, x.kind = rt.label, rt.kind
			next.ServeHTTP(w, r)
		})
	}
}

// recordID makes an id that the client chose unique: clients and proxies send
// the same one again, and a request log takes a known id for a record that it
// has already.
func recordID(r *http.Request, id string) string {
	if r.Header.Get(httpserver.HeaderRequestID) != id {
		return id
	}
	return id + "~" + rand.Text()[:8]
}

func (g *Gateway) record(x *exchange, took time.Duration) stylesprint.RequestRecord {
	rec := stylesprint.RequestRecord{
		ID: x.record, Time: x.start.UTC(), Route: x.label, Model: x.model, KeyID: x.caller.KeyID,
		Status: x.status, Code: x.code, Stream: x.stream != nil,
		Usage: x.usage, Cost: x.cost, Latency: took, FirstToken: x.firstToken,
		Billed: x.served.Billed, Release: x.served.Release, Target: x.served.Target, Attempts: x.served.Attempts,
		Cache: x.cache, Flags: strings.Join(x.flags, ","),
	}
	if x.answered != "" {
		rec.Model = x.answered
	}
	if g.o.LogBodies {
		rec.Prompt, rec.Response = storable(x.prompt), storable(x.answer)
	}
	return rec
}

// countingWriter notes the status and the size of an answer.
type countingWriter struct {
	http.ResponseWriter
	x *exchange
}

func (w *countingWriter) WriteHeader(status int) {
	if status >= 200 && w.x.status == 0 {
		w.x.status = status
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *countingWriter) Write(p []byte) (int, error) {
	if w.x.status == 0 {
		w.x.status = http.StatusOK
	}
	n, err := w.ResponseWriter.Write(p)
	w.x.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
