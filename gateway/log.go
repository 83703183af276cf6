package gateway

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"runtime"
	"time"

	"stylesprint"
	"stylesprint/internal/httpserver"
)

// Keys of the log lines.
const (
	keyRequestID  = "request_id"
	keyMethod     = "method"
	keyRoute      = "route"
	keyModel      = "model"
	keyKeyID      = "key_id"
	keyStatus     = "status"
	keyCode       = "code"
	keyField      = "field"
	keyError      = "error"
	keyHint       = "hint"
	keyStream     = "stream"
	keyDuration   = "duration_ms"
	keyFirstToken = "first_token_ms"
	keyPrompt     = "prompt_tokens"
	keyCompletion = "completion_tokens"
	keyBytes      = "bytes"
	keyRemote     = "remote"
	keyPanic      = "panic"
	keyStack      = "stack"
	keyRecords    = "records"
	keySuppressed = "suppressed"
	keySeconds    = "seconds"
	keyMostOften  = "most_often"
)

// logAccess writes one line for a request: no path, no header and no text that
// the client chose, only names that the gateway knows. Refusals that leave no line are summed
// up before the first line of another second.
func (g *Gateway) logAccess(r *http.Request, x *exchange, took time.Duration) {
	g.logLeftOut(false)
	if x.silent {
		return
	}
	level := slog.LevelInfo
	switch {
	case x.kind == open && x.status < 500:
		level = slog.LevelDebug // probes come every few seconds
	case x.status >= 500:
		level = slog.LevelError
	}
	if !g.o.Log.Enabled(r.Context(), level) {
		return
	}
	host, _, _ := net.SplitHostPort(r.RemoteAddr)
	a := []slog.Attr{
		slog.String(keyRequestID, x.id), slog.String(keyMethod, knownMethod(r.Method)), slog.String(keyRoute, x.label),
		slog.Int(keyStatus, x.status), slog.Float64(keyDuration, milliseconds(took)), slog.Int64(keyBytes, x.bytes), slog.String(keyRemote, host),
	}
	if x.model != "" {
		a = append(a, slog.String(keyModel, x.model), slog.Bool(keyStream, x.stream != nil),
			slog.Int(keyPrompt, x.usage.PromptTokens), slog.Int(keyCompletion, x.usage.CompletionTokens))
	}
	if x.firstToken > 0 {
		a = append(a, slog.Float64(keyFirstToken, milliseconds(x.firstToken)))
	}
	if x.caller.KeyID != "" {
		a = append(a, slog.String(keyKeyID, x.caller.KeyID))
	}
	if x.code != "" {
		a = append(a, slog.String(keyCode, string(x.code)))
		a = append(a, g.causeOf(x)...)
	}
	g.o.Log.LogAttrs(context.WithoutCancel(r.Context()), level, "request", a...)
}

// causeOf says what a failure came from: what its client was not told, or what cannot be the client's
// doing. The message of an error that began at a model's client is free of prompts by contract; what it
// wraps may quote anything, so only faults of the network and statuses are taken from there, unless bodies
// are logged.
func (g *Gateway) causeOf(x *exchange) []slog.Attr {
	if x.cause == nil {
		return nil
	}
	cause, untold := operatorsOf(x.cause)
	var out []slog.Attr
	if untold {
		if h := stylesprint.HintOf(cause); h != "" {
			out = append(out, slog.String(keyHint, h))
		}
	}
	if g.o.LogBodies {
		return append(out, slog.String(keyError, cause.Error()))
	}
	if x.status < 500 && !untold {
		return nil
	}
	var e *stylesprint.Error
	if !errors.As(cause, &e) {
		return []slog.Attr{slog.String(keyError, fmt.Sprintf("%T", cause))}
	}
	text := e.Message
	var op *net.OpError
	var dns *net.DNSError
	var certificate *tls.CertificateVerificationError
	var status interface{ Summary() string }
	switch {
	case errors.As(cause, &op):
		text += ": " + op.Error()
	case errors.As(cause, &dns):
		text += ": " + dns.Error()
	case errors.As(cause, &certificate):
		text += ": " + certificate.Error()
	case errors.As(cause, &status):
		text += ": " + status.Summary()
	}
	return append(out, slog.String(keyError, text))
}

// logPanic keeps the stack, which holds no values, and of the value only what
// the runtime itself says.
func (g *Gateway) logPanic(x *exchange, p httpserver.Panic) {
	text := fmt.Sprintf("%T", p.Value)
	var fault runtime.Error
	if err, ok := p.Value.(error); (ok && errors.As(err, &fault)) || g.o.LogBodies {
		text = fmt.Sprint(p.Value)
	}
	g.o.Log.Error("panic", keyRequestID, x.id, keyRoute, x.label, keyPanic, text, keyStack, string(p.Stack))
}

// knownMethod keeps invented methods out of the log.
func knownMethod(m string) string {
	switch m {
	case http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions:
		return m
	}
	return "OTHER"
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
