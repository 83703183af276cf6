package gateway

import (
	"cmp"
	"errors"
	"regexp"
	"strings"
	"time"

	"stylesprint"
)

// A failure of a model has two readers. Whoever runs the server wants to know which host failed,
// what its provider says and which setting to look at; that is what drivers and routes write, and
// what the log keeps. A client may know none of it, and can do nothing about it: it is told what
// its own request met, and what to do next.

// forOperator marks what stands behind an error that was worded for a client.
type forOperator struct{ err error }

func (e *forOperator) Error() string { return e.err.Error() }
func (e *forOperator) Unwrap() error { return e.err }

// operatorsOf is what whoever runs the server is to read of an error; ok is false where that is
// the same as what the client reads.
func operatorsOf(err error) (behind error, ok bool) {
	var f *forOperator
	if !errors.As(err, &f) {
		return err, false
	}
	return f.err, true
}

// fromElsewhere is a cause of errors that another server gave, such as wire.StatusError.
type fromElsewhere interface {
	// Said is what that server says of the request itself, without names of hosts and accounts;
	// empty where it says nothing of it.
	Said() string
}

// ownRefusal marks an error that the gateway made itself on the way to a model.
type ownRefusal struct{ err error }

func (e *ownRefusal) Error() string { return e.err.Error() }
func (e *ownRefusal) Unwrap() error { return e.err }

// What a client can do about a model's failure.
const (
	hintTell  = "tell whoever runs this server, with the request_id: its log has the cause"
	hintAgain = "try again; if it fails again, " + hintTell
)

// permanentWait is what Retry-After says of a quota that is spent: no wait of a client brings it back.
const permanentWait = time.Minute

// fromModel words an error that came from a model, or on the way to one, for a client. What the
// caller can mend is said, the rest is not the caller's affair. Codes mean what they would if
// the gateway had made the error: a provider that rejects our key is not a client without a key.
func fromModel(err error) error {
	var e *stylesprint.Error
	var own *ownRefusal
	if errors.As(err, &own) || !errors.As(err, &e) {
		return err
	}
	told := &stylesprint.Error{Code: e.Code, Hint: hintAgain, RetryAfter: e.RetryAfter, Err: &forOperator{err}}
	switch e.Code {
	case stylesprint.CodeInvalid, stylesprint.CodeUnsupported, stylesprint.CodeTooLarge, stylesprint.CodeContextTooLong, stylesprint.CodeRefused:
		return ofRequest(told, e, err)
	case stylesprint.CodeCancelled:
		return err
	case stylesprint.CodeUnauthorized, stylesprint.CodeForbidden, stylesprint.CodeNotFound, stylesprint.CodeConflict:
		told.Code, told.Hint = stylesprint.CodeUpstream, "asking again does not help; "+hintTell
		told.Message = "The model cannot be asked: its provider does not accept this server's requests"
	case stylesprint.CodeRateLimited:
		told.Message, told.Hint = "The model has as many requests as it takes at the moment", "try again in "+retryAfter(e.RetryAfter)+" s"
		var p interface{ Permanent() bool }
		if errors.As(err, &p) && p.Permanent() {
			told.Message, told.Hint = "The model takes no more requests", "waiting does not help; "+hintTell
			told.RetryAfter = max(told.RetryAfter, permanentWait)
		}
	case stylesprint.CodeUpstream:
		told.Message = "The model failed before its answer was whole"
	case stylesprint.CodeUnavailable:
		told.Message, told.RetryAfter = "The model is not available at the moment", max(told.RetryAfter, time.Second)
	case stylesprint.CodeTimeout:
		told.Message, told.Hint = "The model did not answer in time", "try again, or ask for fewer tokens"
	default:
		told.Message, told.Hint = messageInternal, hintTell
	}
	return told
}

// ofRequest words a failure that the caller's request has caused. What this program says of a
// request is for its caller as it stands; what another server says is cut to what it says of the request.
func ofRequest(told, e *stylesprint.Error, err error) error {
	var elsewhere fromElsewhere
	if !errors.As(err, &elsewhere) {
		return err
	}
	if fieldName.MatchString(e.Field) {
		told.Field = e.Field
	}
	what := cmp.Or(told.Field, "the request")
	switch e.Code {
	case stylesprint.CodeContextTooLong:
		told.Message, told.Hint = "The prompt and the answer that it asks for are too long for the model", "shorten the prompt or lower max_tokens"
	case stylesprint.CodeTooLarge:
		told.Message, told.Hint = "The request is too large for the model", "shorten the prompt"
	case stylesprint.CodeRefused:
		told.Message, told.Hint = "The model's provider declined to answer", "change the prompt: its safety system withheld the answer"
	case stylesprint.CodeUnsupported:
		told.Message, told.Hint = "The model does not support "+cmp.Or(told.Field, "a field of the request"), "leave it out, or ask another model; if you did not send it, "+hintTell
	default:
		told.Message, told.Hint = "The model does not accept "+what, "change "+what+"; if it looks right, "+hintTell
	}
	if said := strings.TrimRight(elsewhere.Said(), ". "); said != "" {
		told.Message += ": " + said
	}
	return told
}

// fieldName is a field as our own errors write it.
var fieldName = regexp.MustCompile(`^[A-Za-z0-9_.\[\]-]{1,128}$`)

const messageInternal = "Internal server error"

// internal is an error that was not made for anybody to read.
func internal(err error) *stylesprint.Error {
	return &stylesprint.Error{Code: stylesprint.CodeInternal, Message: messageInternal, Hint: hintTell, Err: err}
}

// fromStore words an error of a database for a client, to whom its address is nothing.
func fromStore(err error, message string) error {
	if stylesprint.CodeOf(err) != stylesprint.CodeUnavailable {
		return err
	}
	return &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: message, Hint: "try again in a moment; if it fails again, " + hintTell,
		RetryAfter: 5 * time.Second, Err: &forOperator{err}}
}

// forPage is an error for somebody who looks at a page: who may see everything reads what the
// log has, everybody else what a client does.
func forPage(e *stylesprint.Error, everything bool) *stylesprint.Error {
	behind, ok := operatorsOf(e)
	if !ok {
		return e
	}
	shown := *e
	shown.Err = nil
	var detail *stylesprint.Error
	if everything && errors.As(behind, &detail) {
		shown.Message, shown.Hint, shown.Err = detail.Message, cmp.Or(detail.Hint, e.Hint), detail.Err
	}
	return &shown
}
