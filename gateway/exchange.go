package gateway

import (
	"context"
	"crypto/rand"
	"errors"
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
	// stranger is a caller that the Authenticator does not know. admitted: the request counts
	// against its caller's limits. silent: a refusal that leaves neither line nor record.
	stranger, admitted, silent bool

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
	policy         string // version of the content policy that the call passed
	judged         bool   // the stages have seen the texts
	prompt, answer string // only with Options.LogBodies
	// settle is set once the record is committed, which happens before the last byte goes out.
	settle func(delivered bool)
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

// observe opens an exchange, and when the request has been served counts it, logs it and
// tells the request log how it ended.
func (g *Gateway) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		x := &exchange{id: httpserver.RequestIDFrom(r.Context()), start: time.Now(), label: unmatched}
		x.record = recordID(r, x.id)
		cw := &countingWriter{ResponseWriter: w, x: x, g: g}
		g.metrics.inFlight.Inc()
		returned := false
		defer func() { // also on the panic that cuts a connection
			g.metrics.inFlight.Dec()
			took := time.Since(x.start)
			if x.status == 0 {
				x.status = http.StatusOK
			}
			g.metrics.observe(x, took)
			g.logAccess(r, x, took)
			g.commit(x) // where nothing was sent
			g.omitted(x)
			if x.settle != nil {
				if returned {
					cw.flush()
				}
				g.answered.Add(1)
				g.billed.Add(int64(x.served.Billed))
				x.settle(cw.failed == nil && (returned || x.status >= http.StatusBadRequest))
			}
		}()
		next.ServeHTTP(cw, r.WithContext(context.WithValue(r.Context(), exchangeKey{}, x)))
		returned = true
	})
}

// commit hands the record of a request to the request log, if it has a place there. It is
// called before the last byte of the answer is sent, and does nothing when called again.
func (g *Gateway) commit(x *exchange) {
	if !x.recorded() || x.settle != nil || g.records == nil {
		return
	}
	rec := g.record(x, time.Since(x.start))
	x.settle = g.records.Commit(&rec)
}

// omitted counts a request to a model that has no record.
func (g *Gateway) omitted(x *exchange) {
	switch {
	case g.records == nil || x.kind != model || x.recorded():
	case x.stranger:
		g.metrics.omitted.WithLabelValues(omittedStranger).Inc()
	default:
		g.metrics.omitted.WithLabelValues(omittedRefused).Inc()
	}
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
		rec.Prompt, rec.Response = storable(g.clean(x, x.prompt)), storable(g.clean(x, x.answer))
	}
	return rec
}

// clean takes what may not be kept out of a text that no stage has seen: of a request that was
// refused before, of one for vectors, of an answer that no model wrote.
func (g *Gateway) clean(x *exchange, text string) string {
	if x.judged || text == "" || g.o.Clean == nil {
		return text
	}
	return g.o.Clean(text)
}

// countingWriter notes the status and the size of an answer, and has its record committed
// before a whole answer goes out; streams do so themselves, before their last event.
type countingWriter struct {
	http.ResponseWriter
	x      *exchange
	g      *Gateway
	failed error // the first failed write
}

func (w *countingWriter) WriteHeader(status int) {
	if status >= 200 && w.x.status == 0 {
		w.x.status = status
	}
	if status >= 200 && w.x.stream == nil {
		w.g.commit(w.x)
	}
	w.ResponseWriter.WriteHeader(status)
}

func (w *countingWriter) Write(p []byte) (int, error) {
	if w.x.status == 0 {
		w.x.status = http.StatusOK
	}
	if w.x.stream == nil {
		w.g.commit(w.x)
	}
	n, err := w.ResponseWriter.Write(p)
	w.x.bytes += int64(n)
	w.note(err)
	return n, err
}

// FlushError is for http.ResponseController.
func (w *countingWriter) FlushError() error {
	err := http.NewResponseController(w.ResponseWriter).Flush()
	w.note(err)
	return err
}

// flush hands the rest of an answer to the kernel, which sends it even if this process is
// killed. Only then is it known whether the answer was delivered.
func (w *countingWriter) flush() {
	if w.x.settle != nil && w.x.stream == nil {
		_ = w.FlushError() // noted
	}
}

func (w *countingWriter) note(err error) {
	if w.failed == nil && !errors.Is(err, http.ErrNotSupported) {
		w.failed = err
	}
}

// Unwrap is for http.ResponseController.
func (w *countingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }
