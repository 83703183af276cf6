package langchaingo

import (
	"errors"

	"github.com/tmc/langchaingo/llms"

	"stylesprint"
)

// fault is an error in langchaingo's words, around the cause.
func (m *Model) fault(err error) error {
	message := err.Error()
	var e *stylesprint.Error
	out := llms.NewError(code(stylesprint.CodeOf(err)), m.options.Provider, message).WithCause(err)
	if errors.As(err, &e) {
		out.Message = e.Message
		if e.Field != "" {
			out = out.WithDetail("field", e.Field)
		}
		if e.Hint != "" {
			out = out.WithDetail("hint", e.Hint)
		}
		if e.RetryAfter > 0 {
			out = out.WithDetail("retry_after_seconds", e.RetryAfter.Seconds())
		}
	}
	return out
}

func code(c stylesprint.Code) llms.ErrorCode {
	switch c {
	case stylesprint.CodeInvalid, stylesprint.CodeConflict:
		return llms.ErrCodeInvalidRequest
	case stylesprint.CodeUnsupported:
		return llms.ErrCodeNotImplemented
	case stylesprint.CodeUnauthorized:
		return llms.ErrCodeAuthentication
	case stylesprint.CodeForbidden:
		return llms.ErrCodeQuotaExceeded
	case stylesprint.CodeNotFound:
		return llms.ErrCodeResourceNotFound
	case stylesprint.CodeTooLarge, stylesprint.CodeContextTooLong:
		return llms.ErrCodeTokenLimit
	case stylesprint.CodeRefused:
		return llms.ErrCodeContentFilter
	case stylesprint.CodeRateLimited:
		return llms.ErrCodeRateLimit
	case stylesprint.CodeCancelled:
		return llms.ErrCodeCanceled
	case stylesprint.CodeTimeout:
		return llms.ErrCodeTimeout
	case stylesprint.CodeUnavailable, stylesprint.CodeUpstream:
		return llms.ErrCodeProviderUnavailable
	}
	return llms.ErrCodeUnknown
}
