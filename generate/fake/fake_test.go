package fake_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"stylesprint"
	"stylesprint/generate"
	"stylesprint/generate/fake"
	"stylesprint/generate/generatetest"
)

func TestConformance(t *testing.T) {
	t.Parallel()
	generatetest.Run(t, generatetest.Harness{
		Open: func(t *testing.T) generate.Driver {
			return fake.New(fake.Script{ContextTokens: 300, Refuse: []string{"tools"}})
		},
		Model: "fake", Prompt: "Describe a linen shirt.", Seeded: true, ContextTokens: 300, Refused: "tools",
	})
}

func ask(text string) generate.Request {
	return generate.Request{Messages: []stylesprint.Message{{Role: stylesprint.RoleUser, Content: text}}}
}

func TestScript(t *testing.T) {
	t.Parallel()
	down := &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "down"}
	d := fake.New(fake.Script{Model: "m", Answers: []fake.Answer{
		{Call: 2, Err: down},
		{Match: "linen", Text: "A cool linen shirt. ", Usage: &stylesprint.Usage{PromptTokens: 7, CompletionTokens: 9, CachedTokens: 3}},
		{Match: "half", Text: "one two three", Err: down, After: 2},
		{Match: "end", Text: "one two", Err: down, After: 2},
		{Write: func(r generate.Request) string { return "You said " + fake.Text(r) }},
	}})
	c := generate.New(d, generate.Options{Price: stylesprint.Price{InputPerMillion: 1, OutputPerMillion: 1}})
	cases := []struct {
		prompt, text string
		usage        stylesprint.Usage
		err          error
	}{
		{"a linen shirt", "A cool linen shirt. ", stylesprint.Usage{PromptTokens: 7, CompletionTokens: 9, CachedTokens: 3}, nil},
		{"a linen shirt", "", stylesprint.Usage{PromptTokens: 3}, down},
		{"half", "one two", stylesprint.Usage{PromptTokens: 1, CompletionTokens: 2}, down},
		{"end", "one two", stylesprint.Usage{PromptTokens: 1, CompletionTokens: 2}, down},
		{"hello there", "You said hello there", stylesprint.Usage{PromptTokens: 2, CompletionTokens: 4}, nil},
	}
	for i, k := range cases {
		r, err := c.Generate(t.Context(), ask(k.prompt))
		if r.Text != k.text || r.Usage != k.usage || !errors.Is(err, k.err) {
			t.Errorf("call %d: %q %+v %v, want %q %+v %v", i+1, r.Text, r.Usage, err, k.text, k.usage, k.err)
		}
	}
	calls := d.Calls()
	if len(calls) != len(cases) || calls[4].Messages[0].Content != "hello there" {
		t.Errorf("calls %+v", calls)
	}
}

func TestPaceAndPause(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		d := fake.New(fake.Script{Pause: time.Second, Pace: 100 * time.Millisecond, Answers: []fake.Answer{{Text: "one two three"}}})
		c := generate.New(d, generate.Options{})
		r, err := c.Stream(t.Context(), ask("x"), func(generate.Delta) error { return nil })
		if err != nil || r.FirstToken != time.Second || r.Latency != 1200*time.Millisecond {
			t.Errorf("first token %v, latency %v, error %v", r.FirstToken, r.Latency, err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), 1050*time.Millisecond)
		defer cancel()
		r, err = c.Stream(ctx, ask("x"), func(generate.Delta) error { return nil })
		if stylesprint.CodeOf(err) != stylesprint.CodeTimeout || r.Text != "one" {
			t.Errorf("text %q, error %v", r.Text, err)
		}
	})
}

func TestPiecesJoinToTheText(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"", " ", "\n\n", "a", " a", "a ", "  a  b\n\nc \t", "絹 👗\u00a0über"} {
		c := generate.New(fake.New(fake.Script{Answers: []fake.Answer{{Text: text}}}), generate.Options{})
		var b strings.Builder
		r, err := c.Stream(t.Context(), ask("x"), func(d generate.Delta) error { b.WriteString(d.Text); return nil })
		if err != nil || b.String() != text || r.Text != text {
			t.Errorf("%q: pieces %q, text %q, error %v", text, b.String(), r.Text, err)
		}
	}
}

func Example() {
	d := fake.New(fake.Script{Answers: []fake.Answer{{Match: "linen", Text: "A cool linen shirt."}}})
	c := generate.New(d, generate.Options{})
	defer c.Close()
	reply, err := c.Generate(context.Background(), generate.Request{Prompt: "Describe a linen shirt."})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(reply.Text, reply.Usage.Total(), "tokens")
	// Output: A cool linen shirt. 8 tokens
}
