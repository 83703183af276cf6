package stylesprint

import (
	"errors"
	"time"
)

// Code is a stable, machine-readable kind of failure.
type Code string

// The codes. HTTP status codes are the gateway's affair; the usual one stands beside each.
const (
	CodeInvalid        Code = "invalid_request"  // 400: the caller must change the request
	CodeUnsupported    Code = "unsupported"      // 400: well-formed, but this driver cannot do it
	CodeUnauthorized   Code = "unauthorized"     // 401
	CodeForbidden      Code = "forbidden"        // 403
	CodeNotFound       Code = "not_found"        // 404
	CodeConflict       Code = "conflict"         // 409
	CodeTooLarge       Code = "too_large"        // 413
	CodeContextTooLong Code = "context_too_long" // 422: prompt plus answer exceed the model's context
	CodeRefused        Code = "refused"          // 422: the provider's safety system declined
	CodeRateLimited    Code = "rate_limited"     // 429: try again later, see RetryAfter
	CodeCancelled      Code = "cancelled"        // 499: the caller went away
	CodeInternal       Code = "internal"         // 500: a fault of this program
	CodeUpstream       Code = "upstream_error"   // 502: the provider answered with something unusable
	CodeUnavailable    Code = "unavailable"      // 503: the provider cannot be reached or is overloaded
	CodeTimeout        Code = "timeout"          // 504
)

// Error is an error that may be shown to a person: a code, a sentence, and what
// to do next. Err, the cause, is for logs and errors.Is.
type Error struct {
	Code    Code
	Message string // one sentence that names the thing; never holds a secret or prompt text
	Hint    string // the next step: a command or a change; may be empty
	Field   string // the request field at fault; may be empty
	// RetryAfter is how long a rate-limited caller should wait; zero if unknown.
	RetryAfter time.Duration
	Err        error
}

func (e *Error) Error() string {
	if e.Err != nil {
		return e.Message + ": " + e.Err.Error()
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Err }

// CodeOf finds the code of an error: that of the first *Error in its chain, or
// CodeInternal. It returns "" for nil.
func CodeOf(err error) Code {
	if err == nil {
		return ""
	}
	var e *Error
	if errors.As(err, &e) {
		return e.Code
	}
	return CodeInternal
}

// HintOf finds the first hint in an error's chain, or "".
func HintOf(err error) string {
	for err != nil {
		var e *Error
		if !errors.As(err, &e) {
			return ""
		}
		if e.Hint != "" {
			return e.Hint
		}
		err = e.Err
	}
	return ""
}
