package gateway

import (
	"context"
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"stylesprint"
	"stylesprint/internal/httpserver"
)

// statusClientGone is what records say of a client that left before its
// answer was whole.
const statusClientGone = 499

// dialect is how a family of routes words its errors.
type dialect struct {
	status func(stylesprint.Code) int
	body   func(e *stylesprint.Error, status int, requestID string) any
	// event names the error event of a stream; empty means an unnamed event.
	event string
}

// plain is {"detail": ...}, with a code, the request's id, and where there are
// some the field at fault and a hint.
var plain = dialect{status: statusOf, body: plainBody, event: "error"}

// openAI is the envelope that OpenAI's clients read.
var openAI = dialect{status: openAIStatus, body: openAIBody}

// statusOf is the HTTP status of a code.
func statusOf(c stylesprint.Code) int {
	switch c {
	case stylesprint.CodeInvalid, stylesprint.CodeUnsupported:
		return http.StatusBadRequest
	case stylesprint.CodeUnauthorized:
		return http.StatusUnauthorized
	case stylesprint.CodeForbidden:
		return http.StatusForbidden
	case stylesprint.CodeNotFound:
		return http.StatusNotFound
	case stylesprint.CodeConflict:
		return http.StatusConflict
	case stylesprint.CodeTooLarge:
		return http.StatusRequestEntityTooLarge
	case stylesprint.CodeContextTooLong, stylesprint.CodeRefused:
		return http.StatusUnprocessableEntity
	case stylesprint.CodeRateLimited:
		return http.StatusTooManyRequests
	case stylesprint.CodeCancelled:
		return statusClientGone
	case stylesprint.CodeUpstream:
		return http.StatusBadGateway
	case stylesprint.CodeUnavailable:
		return http.StatusServiceUnavailable
	case stylesprint.CodeTimeout:
		return http.StatusGatewayTimeout
	default:
		return http.StatusInternalServerError
	}
}

// openAIStatus differs where OpenAI's clients expect 400: a context that is
// too long and a refusal of the safety system.
func openAIStatus(c stylesprint.Code) int {
	if c == stylesprint.CodeContextTooLong || c == stylesprint.CodeRefused {
		return http.StatusBadRequest
	}
	return statusOf(c)
}

type plainError struct {
	Detail    string           `json:"detail"`
	Code      stylesprint.Code `json:"code,omitempty"`
	Field     string           `json:"field,omitempty"`
	Hint      string           `json:"hint,omitempty"`
	RequestID string           `json:"request_id,omitempty"`
}

// promptRequired is answered with its detail alone: callers compare the whole body.
const promptRequired = "Prompt is required"

func plainBody(e *stylesprint.Error, _ int, id string) any {
	if e.Message == promptRequired {
		return plainError{Detail: promptRequired}
	}
	return plainError{Detail: e.Message, Code: e.Code, Field: e.Field, Hint: e.Hint, RequestID: id}
}

type openAIError struct {
	Error openAIErrorBody `json:"error"`
}

type openAIErrorBody struct {
	Message   string  `json:"message"`
	Type      string  `json:"type"`
	Param     *string `json:"param"`
	Code      string  `json:"code"`
	RequestID string  `json:"request_id,omitempty"`
}

func openAIBody(e *stylesprint.Error, status int, id string) any {
	b := openAIErrorBody{Message: e.Message, Type: openAIType(status), Code: openAICode(e), RequestID: id}
	if e.Code == stylesprint.CodeContextTooLong {
		b.Message += " (" + b.Code + ")" // LangChain looks for the word in the message
	}
	if e.Hint != "" {
		b.Message += ". Hint: " + e.Hint
	}
	if e.Field != "" {
		b.Param = &e.Field
	}
	return openAIError{b}
}

func openAIType(status int) string {
	switch {
	case status == http.StatusUnauthorized:
		return "authentication_error"
	case status == http.StatusForbidden:
		return "permission_error"
	case status == http.StatusTooManyRequests:
		return "rate_limit_error"
	case status >= 500:
		return "server_error"
	default:
		return "invalid_request_error"
	}
}

// openAICode uses OpenAI's own word where its clients look for one.
func openAICode(e *stylesprint.Error) string {
	switch {
	case e.Code == stylesprint.CodeContextTooLong:
		return "context_length_exceeded"
	case e.Code == stylesprint.CodeRefused:
		return "content_filter"
	case e.Code == stylesprint.CodeRateLimited:
		return "rate_limit_exceeded"
	case e.Code == stylesprint.CodeUnauthorized:
		return "invalid_api_key"
	case e.Code == stylesprint.CodeNotFound && e.Field == "model":
		return "model_not_found"
	default:
		return string(e.Code)
	}
}

// statusError is an error whose status does not follow from its code.
type statusError struct {
	status int
	err    *stylesprint.Error
}

func (e *statusError) Error() string { return e.err.Error() }
func (e *statusError) Unwrap() error { return e.err }

// refusal is an error of HTTP itself.
func refusal(status int, message, hint string) error {
	code := stylesprint.CodeInvalid
	switch status {
	case http.StatusNotFound:
		code = stylesprint.CodeNotFound
	case http.StatusRequestTimeout:
		code = stylesprint.CodeTimeout
	}
	return &statusError{status, &stylesprint.Error{Code: code, Message: message, Hint: hint}}
}

func invalid(field, message string) *stylesprint.Error {
	return &stylesprint.Error{Code: stylesprint.CodeInvalid, Field: field, Message: message}
}

func unsupported(field, message, hint string) *stylesprint.Error {
	return &stylesprint.Error{Code: stylesprint.CodeUnsupported, Field: field, Message: message, Hint: hint}
}

// errClientGone marks a failed write to the client.
var errClientGone = errors.New("the client has left")

// explain turns any error into one for the client. A context that has ended
// says more about why than the error that a driver made of it.
func explain(ctx context.Context, err error) *stylesprint.Error {
	var e *stylesprint.Error
	if !errors.As(err, &e) {
		e = internal(err)
	}
	if errors.Is(err, errClientGone) {
		return &stylesprint.Error{Code: stylesprint.CodeCancelled, Message: "The client left", Err: err}
	}
	if ctx.Err() == nil {
		if e.Code == stylesprint.CodeCancelled { // but the client is still here
			return &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "The model stopped before it was done", Hint: "try again", RetryAfter: time.Second, Err: err}
		}
		return e
	}
	switch e.Code {
	case stylesprint.CodeCancelled, stylesprint.CodeTimeout, stylesprint.CodeUnavailable, stylesprint.CodeUpstream, stylesprint.CodeInternal:
	default:
		return e
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, httpserver.ErrDraining):
		return &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "The server is shutting down", Hint: "try again", RetryAfter: time.Second, Err: err}
	case errors.Is(cause, httpserver.ErrTimeLimit), errors.Is(cause, context.DeadlineExceeded):
		return &stylesprint.Error{Code: stylesprint.CodeTimeout, Message: "The answer took too long", Hint: "ask for fewer tokens, or try again", Err: err}
	default:
		return &stylesprint.Error{Code: stylesprint.CodeCancelled, Message: "The client left", Err: err}
	}
}

// fail ends a request with an error: as a proper status if nothing was sent
// yet; else as an error event, after which the connection is cut, so that what
// came before cannot be taken for a whole answer.
func (g *Gateway) fail(w http.ResponseWriter, r *http.Request, d dialect, err error) {
	x := exchangeOf(r)
	e := explain(r.Context(), err)
	status := d.status(e.Code)
	var fixed *statusError
	if errors.As(err, &fixed) {
		status = fixed.status
	}
	x.status, x.code, x.cause = status, e.Code, err
	g.refused(r, x)
	body := d.body(e, status, x.id)
	if x.stream != nil && !x.stream.abandon() {
		x.stream.fail(d.event, body)
		panic(http.ErrAbortHandler) // the way of net/http to cut a connection
	}
	h := w.Header()
	switch status {
	case http.StatusUnauthorized:
		h.Set("WWW-Authenticate", "Bearer")
	case http.StatusRequestTimeout:
		h.Set("Connection", "close")
	}
	if e.RetryAfter > 0 || status == http.StatusTooManyRequests {
		h.Set("Retry-After", retryAfter(e.RetryAfter))
	}
	writeJSON(w, status, body)
}

// retryAfter is a wait in whole seconds, at least one.
func retryAfter(d time.Duration) string {
	return strconv.Itoa(max(1, int(math.Ceil(d.Seconds()))))
}
