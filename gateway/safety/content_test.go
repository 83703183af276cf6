package safety

import (
	"errors"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/gateway"
)

// What is asked and answered without a model is judged as a stage judges it.
func TestContent(t *testing.T) {
	t.Parallel()
	g := guard(t, policy(t, `- {name: mail, on: both, kind: email, action: redact}
- {name: call, on: both, kind: phone, action: flag}
- {name: card, on: both, kind: card, action: block}
- {name: long-in, on: input, kind: length, max: 60, action: block}
- {name: long-out, on: output, kind: length, max: 60, action: block}
`))
	const card, mail, phone = "4111 1111 1111 1111", "a@b.example", "+49 30 1234567"
	asked := []struct{ text, want, flags, refused string }{
		{"Is it lined?", "Is it lined?", "", ""},
		{"I am " + mail, "I am [email]", "mail", ""},
		{"Call " + phone, "Call " + phone, "call", ""},
		{"Pay by " + card, "", "card", "card"},
		{strings.Repeat("x", 61), "", "long-in", "long-in"},
	}
	for _, c := range asked {
		call := gateway.Call{Field: "question"}
		got, err := g.Asked(&call, c.text)
		check(t, call, got, c.want, c.flags, c.refused, err, "question")
		if c.text != c.want && (call.Kept == "" || strings.Contains(call.Kept, "4111")) {
			t.Errorf("%q: kept %q", c.text, call.Kept)
		}
	}
	answered := []struct{ text, cited, want, flags, refused string }{
		{"Yes.", "lined", "Yes.|lined", "", ""},
		{"Ask " + mail, phone, "Ask [email]|" + phone, "mail,call", ""},
		{"Yes.", card, "", "card", "card"},
		{card, "lined", "", "card", "card"},
		{strings.Repeat("x", 61), "", "", "long-out", "long-out"},
		{"Yes.", strings.Repeat("x", 61), "Yes.|" + strings.Repeat("x", 61), "", ""},
	}
	for _, c := range answered {
		call := gateway.Call{Field: "question"}
		got, err := g.Answered(&call, c.text, c.cited)
		check(t, call, strings.Join(got, "|"), c.want, c.flags, c.refused, err, "")
	}
	none := guard(t, policy(t, "- {name: mail, on: input, kind: email, action: redact}\n"))
	if got, err := none.Answered(&gateway.Call{}, mail, card); err != nil || len(got) != 2 || got[0] != mail {
		t.Errorf("a policy for what is asked alone: %q, %v", got, err)
	}
}

func check(t *testing.T, call gateway.Call, got, want, flags, refused string, err error, field string) {
	t.Helper()
	var e *stylesprint.Error
	switch {
	case got != want || strings.Join(call.Flags, ",") != flags || !strings.HasPrefix(call.Policy, "test@"):
		t.Errorf("%q, want %q; flags %q, want %q; policy %q", got, want, call.Flags, flags, call.Policy)
	case refused == "" && err != nil, refused != "" && (!errors.As(err, &e) || e.Code != stylesprint.CodeRefused || e.Field != field || !strings.Contains(e.Message, `"`+refused+`"`)):
		t.Errorf("%q: error %v", want, err)
	}
}
