package route

import (
	"errors"
	"time"

	"stylesprint"
)

// verdict is what a failure says about the target and about asking again.
type verdict struct {
	fault  bool // it counts against the target
	again  bool // another attempt may help
	other  bool // but not of the same target
	rest   time.Duration
	larger bool // a target with a larger context may do
}

// judge reads an error of a target whose caller is still there.
func judge(err error) verdict {
	var coded *stylesprint.Error
	errors.As(err, &coded)
	var p interface{ Permanent() bool }
	permanent := errors.As(err, &p) && p.Permanent()
	switch stylesprint.CodeOf(err) {
	case stylesprint.CodeInvalid, stylesprint.CodeUnsupported, stylesprint.CodeTooLarge, stylesprint.CodeRefused:
		return verdict{}
	case stylesprint.CodeContextTooLong:
		return verdict{larger: true}
	case stylesprint.CodeRateLimited:
		return verdict{again: true, other: permanent, rest: coded.RetryAfter}
	case stylesprint.CodeUnauthorized, stylesprint.CodeForbidden, stylesprint.CodeNotFound, stylesprint.CodeConflict:
		// Our key or our configuration, not the caller's request.
		return verdict{fault: true, again: true, other: true}
	}
	v := verdict{fault: true, again: true, other: permanent}
	if coded != nil {
		v.rest = coded.RetryAfter
	}
	return v
}

// withCode gives an error a code if it has none.
func withCode(err error) error {
	var e *stylesprint.Error
	if err == nil || errors.As(err, &e) {
		return err
	}
	return &stylesprint.Error{Code: stylesprint.CodeInternal, Message: "the model's client failed", Err: err}
}
