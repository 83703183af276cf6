package wire

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"time"

	"stylesprint"
)

// StatusError is what a server said about a failure. It is the cause of a
// *stylesprint.Error, for logs: Text is the server's own and may be long-winded.
type StatusError struct {
	Status int    // HTTP status; 0 for an error within a stream
	Type   string // "invalid_request_error"
	Code   string // "context_length_exceeded"
	Param  string // the field at fault
	Text   string
	// said is Text where it stood in an object of JSON, and host who said it; see Said.
	said, host string
}

func (e *StatusError) Error() string {
	var b strings.Builder
	if e.Status != 0 {
		fmt.Fprintf(&b, "status %d", e.Status)
	} else {
		b.WriteString("error in the stream")
	}
	if e.Code != "" {
		fmt.Fprintf(&b, " (%s)", e.Code)
	}
	if e.Text != "" {
		b.WriteString(": " + e.Text)
	}
	return b.String()
}

// Permanent says that asking again later does not help although the code may suggest it.
func (e *StatusError) Permanent() bool {
	return e.Code == "insufficient_quota" || e.Type == "insufficient_quota" || e.Code == "billing_hard_limit_reached"
}

const (
	maxErrorBytes = 64 << 10
	maxErrorText  = 400
)

// statusError makes an error of an answer with a status other than 2xx.
func (c *Client) statusError(r *http.Response, from io.Reader) error {
	b, _ := io.ReadAll(io.LimitReader(from, maxErrorBytes)) // what can be read of it will do
	e := parseError(c.redact(b))
	e.Status = r.StatusCode
	return c.explain(e, c.retryAfter(r.Header))
}

// EventError returns the error that an event of a stream carries instead of
// content, or nil.
func (c *Client) EventError(e Event) error {
	// The cheap test first: this runs for every token.
	if e.Type != "error" && !bytes.Contains(e.Data[:min(len(e.Data), 256)], []byte(`error`)) {
		return nil
	}
	var envelope struct {
		Object string          `json:"object"`
		Error  json.RawMessage `json:"error"`
	}
	bad := json.Unmarshal(e.Data, &envelope) != nil
	if e.Type != "error" && (bad || envelope.Object != "error" && (len(envelope.Error) == 0 || string(envelope.Error) == "null")) {
		return nil
	}
	s := parseError(e.Data)
	// Some servers put the HTTP status that it was too late for into the code.
	if n, err := strconv.Atoi(s.Code); err == nil && n >= 400 && n <= 599 {
		s.Status = n
	}
	return c.explain(s, 0)
}

// parseError reads the forms that servers use: {"error": {...}}, {"error": "text"},
// {"message": ...}, {"detail": ...} or plain text.
func parseError(b []byte) *StatusError {
	type detail struct {
		Message string          `json:"message"`
		Type    string          `json:"type"`
		Code    json.RawMessage `json:"code"` // a string or a number
		Param   json.RawMessage `json:"param"`
	}
	var envelope struct {
		detail
		Error  json.RawMessage `json:"error"`
		Detail json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(b, &envelope) != nil {
		return &StatusError{Text: clip(string(b))}
	}
	d := envelope.detail
	if len(envelope.Error) > 0 && json.Unmarshal(envelope.Error, &d) != nil {
		d.Message = text(envelope.Error)
	}
	if d.Message == "" {
		d.Message = text(envelope.Detail)
	}
	t := clip(d.Message)
	return &StatusError{Type: d.Type, Code: text(d.Code), Param: text(d.Param), Text: t, said: t}
}

// text is a JSON string's content, or the JSON itself for other values.
func text(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil || len(raw) == 0 {
		return s
	}
	return string(raw)
}

func clip(s string) string {
	s = strings.ToValidUTF8(strings.TrimSpace(s), "\ufffd")
	s = strings.Map(func(r rune) rune {
		if r < ' ' {
			return ' '
		}
		return r
	}, s)
	if len(s) > maxErrorText {
		s = strings.ToValidUTF8(s[:maxErrorText], "") + "..."
	}
	return s
}

// explain gives what a server said one of our codes.
func (c *Client) explain(e *StatusError, wait time.Duration) error {
	e.host = c.Host()
	out := &stylesprint.Error{Code: stylesprint.CodeUpstream, Field: clip(e.Param), RetryAfter: wait, Err: e}
	say := func(code stylesprint.Code, what, hint string) error {
		out.Code, out.Message, out.Hint = code, c.Host()+" "+what, hint
		return out
	}
	switch {
	case e.contextTooLong():
		return say(stylesprint.CodeContextTooLong, "cannot take so long a request", "shorten the prompt or lower max_tokens")
	case e.refused():
		return say(stylesprint.CodeRefused, "declined to answer", "change the prompt; the provider's safety system withheld the answer")
	case e.Permanent():
		return say(stylesprint.CodeRateLimited, "says that the account's quota is spent", "add credit or raise the limit with the provider; waiting does not help")
	case e.Code == "unsupported_parameter" || e.Code == "unsupported_value":
		return say(stylesprint.CodeUnsupported, "does not support a field of the request", e.fieldHint())
	}
	return c.explainStatus(e, say)
}

func (c *Client) explainStatus(e *StatusError, say func(code stylesprint.Code, what, hint string) error) error {
	switch e.Status {
	case http.StatusUnauthorized:
		return say(stylesprint.CodeUnauthorized, "does not accept the key", "check OPENAI_API_KEY, or the key_env of this model")
	case http.StatusForbidden:
		return say(stylesprint.CodeForbidden, "does not allow this request", "check what the key may do and which models it may use")
	case http.StatusNotFound:
		return say(stylesprint.CodeNotFound, "does not know the model or the path", "check the model's name and that the base URL ends in /v1")
	case http.StatusRequestTimeout, http.StatusGatewayTimeout, 524: // 524: Cloudflare's timeout
		return say(stylesprint.CodeTimeout, "did not answer in time", "")
	case http.StatusConflict:
		return say(stylesprint.CodeConflict, "reports a conflict", "")
	case http.StatusRequestEntityTooLarge:
		return say(stylesprint.CodeTooLarge, "does not take so large a request", "shorten the prompt")
	case http.StatusTooManyRequests:
		return say(stylesprint.CodeRateLimited, "limits the rate of requests", "wait, or send fewer requests at a time")
	case http.StatusBadGateway, http.StatusServiceUnavailable, 529: // 529: overloaded
		return say(stylesprint.CodeUnavailable, "is not available", "")
	}
	switch {
	case e.Status >= 500 || e.Status == 0:
		return say(stylesprint.CodeUpstream, "failed", "")
	case e.Status >= 400:
		return say(stylesprint.CodeInvalid, "does not accept the request", "")
	case e.Status >= 300:
		return say(stylesprint.CodeUpstream, "answered with a redirect", "set the base URL to where it leads")
	}
	return say(stylesprint.CodeUpstream, "answered with an unexpected status", "")
}

// contextTooLong knows the codes of OpenAI and llama-server and the words of vLLM, Ollama and others.
func (e *StatusError) contextTooLong() bool {
	if e.Code == "context_length_exceeded" || e.Type == "exceed_context_size_error" {
		return true
	}
	if e.Status != 0 && (e.Status < 400 || e.Status > 499) || e.Status == http.StatusTooManyRequests {
		return false
	}
	t := strings.ToLower(e.Text)
	for _, words := range []string{"maximum context length", "exceeds the available context", "exceeds the context", "context length exceeded"} {
		if strings.Contains(t, words) {
			return true
		}
	}
	return false
}

func (e *StatusError) refused() bool {
	switch e.Code {
	case "content_filter", "content_policy_violation", "ResponsibleAIPolicyViolation":
		return true
	}
	return e.Type == "content_filter"
}

func (e *StatusError) fieldHint() string {
	if e.Param == "max_tokens" {
		return "set the driver's MaxTokensField to max_completion_tokens"
	}
	return "leave the field out or choose another model"
}

// networkError makes an error of a connection that failed.
func (c *Client) networkError(ctx context.Context, err error, act string) error {
	fault := func(code stylesprint.Code, what, hint string) error {
		return &stylesprint.Error{Code: code, Message: what, Hint: hint, Err: c.hide(err)}
	}
	if errors.Is(err, errTooLong) {
		return c.tooLong()
	}
	cause := context.Cause(ctx)
	var network net.Error
	switch {
	case errors.Is(cause, errStalled):
		return fault(stylesprint.CodeTimeout, c.Host()+" sent nothing for "+c.options.StallTimeout.String(), "")
	case errors.Is(cause, context.DeadlineExceeded):
		return fault(stylesprint.CodeTimeout, c.Host()+" did not answer in time", "")
	case cause != nil:
		return fault(stylesprint.CodeCancelled, "the request was cancelled", "")
	case errors.As(err, &network) && network.Timeout():
		return fault(stylesprint.CodeTimeout, c.Host()+" did not answer in time", "")
	case act == "reach":
		return fault(stylesprint.CodeUnavailable, c.Host()+" cannot be reached", "check the base URL and that the server runs")
	}
	return fault(stylesprint.CodeUpstream, c.Host()+" broke off its answer", "")
}

// hide keeps the chain of an error unless its text holds the key, as that of a foreign
// transport might.
func (c *Client) hide(err error) error {
	text := err.Error()
	if clean := string(c.redact([]byte(text))); clean != text {
		return errors.New(clean)
	}
	return err
}

// maxWait bounds what Retry-After may say.
const maxWait = 24 * time.Hour

// retryAfter reads retry-after-ms (OpenAI's own) and Retry-After, in seconds or as a date.
func (c *Client) retryAfter(h http.Header) time.Duration {
	wait := func(seconds float64) time.Duration {
		if !(seconds > 0) { // also not a number
			return 0
		}
		return time.Duration(min(seconds, maxWait.Seconds()) * float64(time.Second))
	}
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil {
		return wait(ms / 1000)
	}
	text := h.Get("Retry-After")
	if s, err := strconv.ParseFloat(text, 64); err == nil {
		return wait(s)
	}
	if t, err := http.ParseTime(text); err == nil {
		return wait(t.Sub(c.options.Now()).Seconds())
	}
	return 0
}
