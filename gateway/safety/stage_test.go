package safety

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	dto "github.com/prometheus/client_model/go"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/generate"
)

func policy(tb testing.TB, rules string) *Policy {
	tb.Helper()
	p, err := Parse("test", []byte("format: 1\nname: test\nrules:\n"+rules), nil)
	if err != nil {
		tb.Fatal(err)
	}
	return p
}

func guard(tb testing.TB, p *Policy) *Guard {
	tb.Helper()
	g, err := New(p, prometheus.NewRegistry())
	if err != nil {
		tb.Fatal(err)
	}
	return g
}

// says is a model that answers in pieces, each with what a provider sent, if anything.
func says(asked *generate.Request, pieces ...generate.Delta) gateway.Ask {
	return func(_ context.Context, c *gateway.Call, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		*asked = c.Request
		reply := stylesprint.Reply{Usage: stylesprint.Usage{CompletionTokens: 7}}
		for _, p := range pieces {
			reply.Text += p.Text
			if emit != nil {
				if err := emit(p); err != nil {
					return reply, err
				}
			}
		}
		if emit == nil && len(pieces) == 1 {
			reply.Raw = pieces[0].Raw
		}
		return reply, nil
	}
}

func plainPieces(s string) (out []generate.Delta) {
	for _, p := range strings.SplitAfter(s, " ") {
		out = append(out, generate.Delta{Text: p})
	}
	return out
}

// outcome is what became of a call.
type outcome struct {
	call  *gateway.Call
	asked generate.Request
	reply stylesprint.Reply
	err   error
	text  string // of the pieces
	raw   []string
}

func run(t *testing.T, g *Guard, c gateway.Call, stream bool, pieces ...generate.Delta) outcome {
	t.Helper()
	out := outcome{call: &c}
	c.Header = http.Header{}
	var emit func(generate.Delta) error
	if stream {
		emit = func(d generate.Delta) error {
			out.text += d.Text
			out.raw = append(out.raw, string(d.Raw))
			return nil
		}
	}
	out.reply, out.err = g.Stage()(says(&out.asked, pieces...))(t.Context(), &c, emit)
	return out
}

const personalRules = `
- {name: mail, on: both, kind: email, action: redact}
- {name: card, on: both, kind: card, action: block}
- {name: call, on: both, kind: phone, action: flag}
- {name: try, on: both, kind: iban, action: allow}
`

func TestInput(t *testing.T) {
	t.Parallel()
	g := guard(t, policy(t, personalRules))
	cases := []struct {
		name       string
		call       gateway.Call
		asked      string // texts that reach the model, joined; "" if refused
		flags      string
		field      string
		mustNotSay string
	}{
		{"clean", gateway.Call{Field: "prompt", Request: generate.Request{Messages: []stylesprint.Message{{Content: "A shirt."}}}}, "A shirt.", "", "", ""},
		{"redacted", gateway.Call{Request: generate.Request{Messages: []stylesprint.Message{{Content: "I am a@b.example."}, {Content: "Call +49 30 1234567"}}}},
			"I am [email].|Call +49 30 1234567", "mail,call", "", ""},
		{"prompt", gateway.Call{Request: generate.Request{Prompt: "I am a@b.example"}}, "I am [email]", "mail", "", ""},
		{"blocked", gateway.Call{Field: "prompt", Request: generate.Request{Messages: []stylesprint.Message{{Content: "4111111111111111"}}}}, "", "card", "prompt", "4111"},
		{"blocked chat", gateway.Call{Field: "messages", Request: generate.Request{Messages: []stylesprint.Message{{Content: "4111111111111111"}}}}, "", "card", "messages", "4111"},
		{"extra", gateway.Call{Request: generate.Request{Extra: map[string]json.RawMessage{"messages": json.RawMessage(`[{"role":"user","content":[{"type":"text","text":"a@b.example"},{"type":"image_url","image_url":{"url":"data:a@b.example"}}]}]`)}}},
			`[{"content":[{"text":"[email]","type":"text"},{"image_url":{"url":"data:a@b.example"},"type":"image_url"}],"role":"user"}]`, "mail", "", ""},
		{"blocked extra", gateway.Call{Field: "messages", Request: generate.Request{Extra: map[string]json.RawMessage{"messages": json.RawMessage(`["4111111111111111"]`)}}}, "", "card", "messages", "4111"},
		{"allowed", gateway.Call{Request: generate.Request{Prompt: "DE89370400440532013000"}}, "DE89370400440532013000", "", "", ""},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			before, _ := json.Marshal(c.call.Request)
			out := run(t, g, c.call, false, generate.Delta{Text: "ok"})
			texts := []string{out.asked.Prompt}
			for _, m := range out.asked.Messages {
				texts = append(texts, m.Content)
			}
			texts = append(texts, string(out.asked.Extra["messages"]))
			if got := strings.Trim(strings.Join(texts, "|"), "|"); got != c.asked {
				t.Errorf("the model was asked %q, want %q", got, c.asked)
			}
			if after, _ := json.Marshal(c.call.Request); string(after) != string(before) {
				t.Errorf("the caller's request was changed to %s", after)
			}
			if got := strings.Join(out.call.Flags, ","); got != c.flags {
				t.Errorf("flags %q, want %q", got, c.flags)
			}
			if (c.asked == "") != (stylesprint.CodeOf(out.err) == stylesprint.CodeRefused) {
				t.Errorf("error %v", out.err)
			}
			var e *stylesprint.Error
			if errors.As(out.err, &e) && (e.Field != c.field || strings.Contains(e.Message+e.Hint, c.mustNotSay)) {
				t.Errorf("%+v", e)
			}
			if c.asked == "" && (out.call.Kept == "" || strings.Contains(out.call.Kept, "4111")) {
				t.Errorf("kept %q", out.call.Kept)
			}
			if out.call.Policy != g.Policy().Version() {
				t.Errorf("policy %q", out.call.Policy)
			}
		})
	}
}

func TestOutput(t *testing.T) {
	t.Parallel()
	for _, stream := range []bool{false, true} {
		g := guard(t, policy(t, personalRules))
		out := run(t, g, gateway.Call{}, stream, whole(stream, "Write to a@b.example or +49 30 1234567 now.")...)
		want := "Write to [email] or +49 30 1234567 now."
		if out.err != nil || out.reply.Text != want || stream && out.text != want || strings.Join(out.call.Flags, ",") != "mail,call" {
			t.Errorf("stream %v: %q, %q, %v, flags %v", stream, out.reply.Text, out.text, out.err, out.call.Flags)
		}
		out = run(t, g, gateway.Call{}, stream, whole(stream, "Pay with 4111 1111 1111 1111 at once.")...)
		if stylesprint.CodeOf(out.err) != stylesprint.CodeRefused || strings.Contains(out.text+out.reply.Text+out.err.Error(), "1111") || out.reply.Usage.CompletionTokens != 7 && !stream {
			t.Errorf("stream %v: %q, %q, %v", stream, out.reply.Text, out.text, out.err)
		}
		if stream && out.text != "Pay with " {
			t.Errorf("before the block: %q", out.text)
		}
		for _, m := range []struct {
			rule, side, action string
			want               float64
		}{{"mail", "output", "redact", 1}, {"card", "output", "block", 1}, {"card", "input", "block", 0}, {"call", "output", "flag", 1}} {
			if got := valueOf(t, g.matches.WithLabelValues(m.rule, m.side, m.action)); got != m.want {
				t.Errorf("stream %v: %+v: %v", stream, m, got)
			}
		}
		for outcome, want := range map[string]float64{"redacted": 1, "blocked": 1} {
			if got := valueOf(t, g.calls.WithLabelValues("output", outcome)); got != want {
				t.Errorf("stream %v: %s: %v", stream, outcome, got)
			}
		}
	}
}

func whole(stream bool, s string) []generate.Delta {
	if stream {
		return plainPieces(s)
	}
	return []generate.Delta{{Text: s}}
}

// An answer that is blocked at its beginning sends nothing, so that the gateway can answer with a status.
func TestBlockedBeforeTheFirstPiece(t *testing.T) {
	t.Parallel()
	out := run(t, guard(t, policy(t, personalRules)), gateway.Call{}, true, plainPieces("4111 1111 1111 1111 is it")...)
	if stylesprint.CodeOf(out.err) != stylesprint.CodeRefused || out.raw != nil {
		t.Errorf("%v, %q", out.err, out.raw)
	}
}

func TestLength(t *testing.T) {
	t.Parallel()
	rules := `
- {name: long, on: both, kind: length, max: 10, action: block}
- {name: short, on: both, kind: length, min: 3, action: flag}
`
	for _, stream := range []bool{false, true} {
		for _, c := range []struct {
			in, out string
			code    stylesprint.Code
			flags   string
			passed  string
		}{
			{"ääääääääää", "öööööööööö", "", "", "öööööööööö"},
			{"12345678901", "fine", stylesprint.CodeRefused, "long", ""},
			{"fine", "12345 678901", stylesprint.CodeRefused, "long", ""},
			{"x", "y", "", "short", "y"},
		} {
			g := guard(t, policy(t, rules))
			out := run(t, g, gateway.Call{Request: generate.Request{Prompt: c.in}}, stream, whole(stream, c.out)...)
			if stylesprint.CodeOf(out.err) != c.code || strings.Join(out.call.Flags, ",") != c.flags {
				t.Errorf("stream %v, %q %q: %v, flags %v", stream, c.in, c.out, out.err, out.call.Flags)
			}
			if c.code == "" && out.reply.Text != c.passed {
				t.Errorf("stream %v: %q", stream, out.reply.Text)
			}
		}
	}
}

func chunk(s string) generate.Delta {
	var c struct {
		Choices []struct {
			Index int
			Text  string
			Delta struct{ Content string }
		}
	}
	_ = json.Unmarshal([]byte(s), &c)
	d := generate.Delta{Raw: json.RawMessage(s)}
	for _, choice := range c.Choices {
		if choice.Index == 0 {
			d.Text += choice.Delta.Content + choice.Text
		}
	}
	return d
}

// A provider's own chunks are redacted in place, further choices, reasoning and calls too.
func TestChunks(t *testing.T) {
	t.Parallel()
	g := guard(t, policy(t, personalRules))
	cases := []struct {
		name string
		in   []string
		want []string
	}{
		{"untouched", []string{`{"id":"1", "choices":[{"index":0,"delta":{"content":"A <b> & "}}]}`, `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`},
			[]string{`{"id":"1", "choices":[{"index":0,"delta":{"content":"A <b> & "}}]}`, `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`}},
		{"redacted", []string{
			`{"choices":[{"index":0,"delta":{"content":"To a@"},"logprobs":{"content":[{"token":"a@"}]}}]}`,
			`{"choices":[{"index":0,"delta":{"content":"b.example now"}}]}`, `{"choices":[],"usage":{}}`},
			[]string{`{"choices":[{"delta":{"content":"To [email]"},"index":0}]}`, `{"choices":[{"delta":{"content":" now"},"index":0}]}`, `{"choices":[],"usage":{}}`}},
		{"choices", []string{
			`{"choices":[{"index":0,"delta":{"content":"a@b"}},{"index":1,"delta":{"content":"c@d"}}]}`,
			`{"choices":[{"index":1,"delta":{"content":".example"}},{"index":0,"delta":{"content":".example"}}]}`},
			[]string{`{"choices":[{"delta":{"content":"[email]"},"index":0},{"delta":{"content":"[email]"},"index":1}]}`, `{"choices":[{"delta":{"content":""},"index":1},{"delta":{"content":""},"index":0}]}`}},
		{"reasoning, then text", []string{
			`{"choices":[{"index":0,"delta":{"reasoning_content":"ask a@b.example"}}]}`,
			`{"choices":[{"index":0,"delta":{"content":"It is a shirt "}}]}`,
			`{"choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"a@b.example","function":{"name":"f","arguments":"{\"to\":\"a@b.example\"}"}}]}}]}`},
			[]string{`{"choices":[{"delta":{"reasoning_content":"ask [email]"},"index":0}]}`, `{"choices":[{"index":0,"delta":{"content":"It is a shirt "}}]}`,
				`{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"{\"to\":\"[email]\"}","name":"f"},"id":"a@b.example","index":0}]},"index":0}]}`}},
		{"completions", []string{`{"choices":[{"index":0,"text":"a@b.example x"}]}`}, []string{`{"choices":[{"index":0,"text":"[email] x"}]}`}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var pieces []generate.Delta
			for _, s := range c.in {
				pieces = append(pieces, chunk(s))
			}
			out := run(t, g, gateway.Call{}, true, pieces...)
			if out.err != nil || strings.Join(out.raw, "\n") != strings.Join(c.want, "\n") {
				t.Errorf("%v\ngot  %s\nwant %s", out.err, strings.Join(out.raw, "\n     "), strings.Join(c.want, "\n     "))
			}
		})
	}
	out := run(t, g, gateway.Call{}, true, chunk(`{"choices":[{"index":0,"delta":{"content":"fine "}},{"index":1,"delta":{"content":"4111111111111111 "}}]}`))
	if stylesprint.CodeOf(out.err) != stylesprint.CodeRefused || out.raw != nil {
		t.Errorf("a blocked second choice: %v %q", out.err, out.raw)
	}
}

// Text flows: of reasoning nothing waits for the stream's end once the answer has begun.
func TestTracksDoNotWaitForOneAnother(t *testing.T) {
	t.Parallel()
	g := guard(t, policy(t, personalRules))
	v := &verdicts{guard: g, side: g.now.Load().out, call: &gateway.Call{}}
	n := 0
	s := newStreamed(v, func(generate.Delta) error { n++; return nil })
	for _, c := range []string{`{"choices":[{"index":0,"delta":{"reasoning_content":"hmm"}}]}`, `{"choices":[{"index":0,"delta":{"content":"one "}}]}`, `{"choices":[{"index":0,"delta":{"content":"two "}}]}`} {
		if err := s.delta(chunk(c)); err != nil {
			t.Fatal(err)
		}
	}
	if n != 2 {
		t.Errorf("%d pieces came out, want 2 of 3", n)
	}
}

func TestWholeRaw(t *testing.T) {
	t.Parallel()
	g := guard(t, policy(t, personalRules))
	raw := `{"id":"x","choices":[{"index":0,"message":{"role":"assistant","content":"a@b.example"},"logprobs":{}},{"index":1,"message":{"content":"c@d.example","tool_calls":[{"function":{"arguments":"e@f.example"}}]}}]}`
	out := run(t, g, gateway.Call{}, false, generate.Delta{Text: "a@b.example", Raw: json.RawMessage(raw)})
	want := `{"choices":[{"index":0,"message":{"content":"[email]","role":"assistant"}},{"index":1,"message":{"content":"[email]","tool_calls":[{"function":{"arguments":"[email]"}}]}}],"id":"x"}`
	if out.err != nil || out.reply.Text != "[email]" || string(out.reply.Raw) != want {
		t.Errorf("%v %q %s", out.err, out.reply.Text, out.reply.Raw)
	}
	parts := `{"choices":[{"message":{"content":[{"type":"text","text":"a@b"},{"type":"text","text":".example"}]}}]}`
	out = run(t, g, gateway.Call{}, false, generate.Delta{Text: "a@b.example", Raw: json.RawMessage(parts)})
	if out.reply.Text != "[email]" || out.reply.Raw != nil {
		t.Errorf("%q %s", out.reply.Text, out.reply.Raw)
	}
}

func TestReplaceAndClean(t *testing.T) {
	t.Parallel()
	g := guard(t, policy(t, personalRules))
	if got := g.Clean("a@b.example, +49 30 1234567, 4111111111111111, DE89370400440532013000"); got != "[email], [phone], [card], DE89370400440532013000" {
		t.Errorf("clean: %q", got)
	}
	was := g.Policy().Version()
	g.Replace(policy(t, "- {name: card, on: both, kind: card, action: flag}\n"))
	out := run(t, g, gateway.Call{}, true, plainPieces("4111 1111 1111 1111")...)
	if out.err != nil || out.text != "4111 1111 1111 1111" || g.Policy().Version() == was {
		t.Errorf("%v %q %s", out.err, out.text, g.Policy().Version())
	}
}

func TestFailingModelPassesNothingUnseen(t *testing.T) {
	t.Parallel()
	g := guard(t, policy(t, personalRules))
	broken := &stylesprint.Error{Code: stylesprint.CodeUpstream, Message: "it broke"}
	ask := func(_ context.Context, _ *gateway.Call, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		if emit != nil {
			_ = emit(generate.Delta{Text: "mail a@b.exam"})
		}
		return stylesprint.Reply{Text: "mail a@b.example"}, broken
	}
	var sent string
	reply, err := g.Stage()(ask)(t.Context(), &gateway.Call{}, func(d generate.Delta) error { sent += d.Text; return nil })
	if err != broken || sent != "mail " || reply.Text != "mail " {
		t.Errorf("%v %q %q", err, sent, reply.Text)
	}
	if reply, err = g.Stage()(ask)(t.Context(), &gateway.Call{}, nil); err != broken || reply.Text != "mail [email]" {
		t.Errorf("%v %q", err, reply.Text)
	}
}

func valueOf(t *testing.T, c prometheus.Metric) float64 {
	t.Helper()
	var m dto.Metric
	if err := c.Write(&m); err != nil {
		t.Fatal(err)
	}
	return m.GetCounter().GetValue()
}

// What is taken for simple holds no text beside the one given.
func TestSimple(t *testing.T) {
	t.Parallel()
	for raw, want := range map[string]bool{
		`{"choices":[{"index":0,"delta":{"content":"x"},"finish_reason":null}]}`:                               true,
		`{"choices":[{"index":0,"delta":{"role":"assistant","content":"x","tool_calls":[]},"logprobs":null}]}`: true,
		`{"choices":[{"text":"x"}]}`:                                         true,
		`{"choices":[{"message":{"content":"\u0078","refusal":null}}]}`:      true,
		`{"choices":[{"text":"y"}]}`:                                         false,
		`{"choices":[{"index":1,"text":"x"}]}`:                               false,
		`{"choices":[{"text":"x"},{"text":"x"}]}`:                            false,
		`{"choices":[{"text":"y","text":"x"}]}`:                              false,
		`{"choices":[{"text":"x"}],"choices":[]}`:                            false,
		`{"choices":[{"delta":{"content":"y","content":"x"}}]}`:              false,
		`{"choices":[{"delta":{"content":"x","reasoning_content":"y"}}]}`:    false,
		`{"choices":[{"delta":{"content":"x"},"message":{"content":"y"}}]}`:  false,
		`{"choices":[{"delta":{"content":[{"type":"text","text":"x"}]}}]}`:   false,
		`{"choices":[{"delta":{"tool_calls":[{"function":{"name":"f"}}]}}]}`: false,
		`{"choices":[{"text":"x","logprobs":{"tokens":["x"]}}]}`:             false,
		`{"choices":[{"finish_reason":"stop"}]}`:                             false,
		`{"choices":{}}`:                                                     false, `[]`: false, `{"choices":[1]}`: false, `{`: false, ``: false,
	} {
		if got, _ := simple([]byte(raw), "x"); got != want {
			t.Errorf("%s: %v", raw, got)
		}
	}
	if ok, ended := simple([]byte(`{"choices":[{"delta":{},"finish_reason":"stop"}]}`), ""); !ok || !ended {
		t.Errorf("the last chunk: %v %v", ok, ended)
	}
}

// FuzzRaw: whatever a provider sends, the address in it does not come through, and what comes through is JSON.
func FuzzRaw(f *testing.F) {
	for _, s := range []string{
		`{"choices":[{"index":0,"delta":{"content":"a@b.example"}}]}`, `{"choices":[{"message":{"content":"x","refusal":"a@b.example"}},{"text":"a@b.example"}]}`,
		`{"choices":[{"delta":{"tool_calls":[{"index":0,"function":{"arguments":"a@b.example"}}]}}]}`, `{"choices":[{"text":"x","logprobs":{"tokens":["a@b.example"]}}]}`,
		`{"choices":[null,{},1,{"index":"x","delta":[["a@b.example"]]}]}`, `{"choices":[]}`, `[`, ``,
	} {
		f.Add(s)
	}
	p, err := Parse("fuzz", []byte("format: 1\nname: fuzz\nrules: [{name: mail, on: output, kind: email, action: redact}]\n"), nil)
	if err != nil {
		f.Fatal(err)
	}
	g := guard(f, p)
	f.Fuzz(func(t *testing.T, raw string) {
		d := chunk(raw)
		v := &verdicts{guard: g, side: g.now.Load().out, call: &gateway.Call{}}
		var sent []generate.Delta
		s := newStreamed(v, func(d generate.Delta) error { sent = append(sent, d); return nil })
		if err := s.delta(d); err != nil {
			t.Fatal(err)
		}
		if _, err := s.end(stylesprint.Reply{Text: d.Text}, nil); err != nil {
			t.Fatal(err)
		}
		var text string
		for _, d := range sent {
			text += d.Text
			if len(d.Raw) == 0 {
				continue
			}
			doc, ok := parse(d.Raw)
			if !ok {
				continue // no answer of a provider's; the gateway writes its own
			}
			for _, s := range doc.slots {
				if got := g.Clean(s.text); got != s.text {
					t.Errorf("%q came through in %s", s.text, d.Raw)
				}
			}
		}
		if got := g.Clean(text); got != text {
			t.Errorf("%q came through", text)
		}
		reply, err := (&verdicts{guard: g, side: g.now.Load().out, call: &gateway.Call{}}).whole(stylesprint.Reply{Text: d.Text, Raw: []byte(raw)}, nil)
		if err != nil || g.Clean(reply.Text) != reply.Text {
			t.Errorf("%v %q", err, reply.Text)
		}
	})
}
