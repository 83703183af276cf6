package stylesprint

import (
	"fmt"
	"log/slog"
	"strings"
)

// Secret is a value that never prints: every formatter, encoder and logger
// shows "[redacted]", or "" for an empty one. Only Reveal returns it.
type Secret struct {
	// A pointer, because fmt calls no method on unexported fields of other
	// types: of those it prints the address.
	value *string
}

// NewSecret wraps a value.
func NewSecret(value string) Secret {
	if value == "" {
		return Secret{}
	}
	return Secret{value: &value}
}

const redacted = "[redacted]"

// Reveal returns the value, for the one place that needs it.
func (s Secret) Reveal() string {
	if s.value == nil {
		return ""
	}
	return *s.value
}

// Empty says whether there is a value at all.
func (s Secret) Empty() bool { return s.value == nil }

// Redact replaces the secret in a text that came from elsewhere, such as a
// provider's error that echoes the key.
func (s Secret) Redact(text string) string {
	if s.Empty() {
		return text
	}
	return strings.ReplaceAll(text, s.Reveal(), redacted)
}

// String implements fmt.Stringer.
func (s Secret) String() string {
	if s.Empty() {
		return ""
	}
	return redacted
}

// GoString implements fmt.GoStringer.
func (s Secret) GoString() string { return s.String() }

// Format implements fmt.Formatter, so that no verb prints the value.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(s.String())) }

// MarshalText implements encoding.TextMarshaler, and with it JSON and YAML.
func (s Secret) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// LogValue implements slog.LogValuer.
func (s Secret) LogValue() slog.Value { return slog.StringValue(s.String()) }
