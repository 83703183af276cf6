package stylesprint_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"stylesprint"
)

func TestSecretNeverPrints(t *testing.T) {
	t.Parallel()
	const value = "key-8f1c2a"
	s := stylesprint.NewSecret(value)
	type holder struct {
		Open   stylesprint.Secret
		hidden stylesprint.Secret
		list   []stylesprint.Secret
	}
	h := holder{Open: s, hidden: s, list: []stylesprint.Secret{s}}
	var out bytes.Buffer
	log := slog.New(slog.NewTextHandler(&out, nil))
	for _, v := range []any{s, &s, h, &h, []any{h, &h}, map[string]any{"h": h}, fmt.Errorf("wrap %v", s)} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d", "%p", "%T", "%w"} {
			fmt.Fprintf(&out, verb+"\n", v)
		}
		log.Info("x", "v", v)
		b, err := json.Marshal(v)
		fmt.Fprintln(&out, string(b), err)
	}
	if text := out.String(); strings.Contains(text, value) || strings.Contains(text, fmt.Sprintf("%x", value)) {
		t.Errorf("the value is in:\n%s", text)
	}
	if got := fmt.Sprintf("%v %+v %q", s, h.Open, s); got != "[redacted] [redacted] [redacted]" {
		t.Errorf("got %s", got)
	}
	if s.Reveal() != value || s.Empty() || s.Redact("a "+value+"!") != "a [redacted]!" {
		t.Error("the value is not to be had")
	}
	var none stylesprint.Secret
	if !none.Empty() || !stylesprint.NewSecret("").Empty() || none.Reveal() != "" || none.String() != "" || none.Redact("a") != "a" {
		t.Error("an empty secret is not empty")
	}
}
