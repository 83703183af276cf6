package wire

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"
	"testing/iotest"

	"stylesprint"
)

func collect(r io.Reader, limit int) ([]string, error) {
	events := NewReader(r, limit)
	var out []string
	for {
		e, err := events.Next()
		if errors.Is(err, io.EOF) {
			return out, nil
		}
		if err != nil {
			return out, err
		}
		out = append(out, e.Type+"|"+string(e.Data))
	}
}

// The cases marked WHATWG are the examples of the HTML standard, section 9.2.6.
func TestEvents(t *testing.T) {
	t.Parallel()
	cases := []struct{ name, in, want string }{
		{"WHATWG 1", "data: YHOO\ndata: +2\ndata: 10\n\n", `["|YHOO\n+2\n10"]`},
		{"WHATWG 2", ": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n", `["|first event" "|second event" "| third event"]`},
		{"WHATWG 3", "data\n\ndata\ndata\n\ndata:", `["|" "|\n" "|"]`},
		{"types", "event: add\ndata: 1\n\nevent: x\n\ndata: 2\n\n", `["add|1" "|2"]`},
		{"CR LF", "data: a\r\ndata: b\r\n\r\ndata: c\r\n\r\n", `["|a\nb" "|c"]`},
		{"CR", "data: a\rdata: b\r\rdata: c\r\r", `["|a\nb" "|c"]`},
		{"mixed ends", "data: a\r\n\rdata: b\n\r\n", `["|a" "|b"]`},
		{"byte order mark", "\ufeffdata: a\n\n", `["|a"]`},
		{"cut off from its empty line", "data: a\n\ndata: b", `["|a" "|b"]`},
		{"colons within", "data: {\"a\": 1}\n\n", `["|{\"a\": 1}"]`},
		{"unknown fields", "foo: 1\ndata: a\n:x\nretry: 5\n\n", `["|a"]`},
		{"empty", "", `[]`},
		{"only ends", "\n\r\n\r\r", `[]`},
	}
	for _, c := range cases {
		for _, r := range []io.Reader{strings.NewReader(c.in), iotest.OneByteReader(strings.NewReader(c.in))} {
			got, err := collect(r, 1000)
			if err != nil || fmt.Sprintf("%q", got) != c.want {
				t.Errorf("%s: %q, error %v, want %s", c.name, got, err, c.want)
			}
		}
	}
}

func TestEventsAreBounded(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"data: " + strings.Repeat("a", 200), strings.Repeat("x", 200), strings.Repeat("data: aaaaaaaaa\n", 20) + "\n"} {
		if _, err := collect(strings.NewReader(in), 100); stylesprint.CodeOf(err) != stylesprint.CodeUpstream {
			t.Errorf("%.20q...: error %v", in, err)
		}
	}
	broken := errors.New("broken")
	got, err := collect(io.MultiReader(strings.NewReader("data: a\n\ndata: b"), iotest.ErrReader(broken)), 100)
	if !errors.Is(err, broken) || len(got) != 1 {
		t.Errorf("%q, error %v", got, err)
	}
}

// However a stream is cut into reads, its events are the same, and none is longer than the bound.
func FuzzReader(f *testing.F) {
	for _, s := range []string{"data: a\r\n\r\n", "\ufeffevent: x\rdata\r\r", ": c\n\ndata: {\"choices\":[]}\n\ndata: [DONE]\n\n", "data:\n\n\n", "data: \x00\xff\n"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		const limit = 64
		whole, err := collect(strings.NewReader(string(in)), limit)
		parts, partsErr := collect(iotest.OneByteReader(strings.NewReader(string(in))), limit)
		if fmt.Sprint(err) != fmt.Sprint(partsErr) || fmt.Sprintf("%q", whole) != fmt.Sprintf("%q", parts) {
			t.Fatalf("%q %v\n%q %v", whole, err, parts, partsErr)
		}
		for _, e := range whole {
			if len(e) > 2*limit {
				t.Fatalf("an event of %d bytes", len(e))
			}
		}
	})
}

func FuzzParseError(f *testing.F) {
	for _, s := range []string{`{"error":{"message":"a","code":1}}`, `{"error":"x"}`, `{"detail":[1]}`, `null`, `<html>`, `{"error":{"message":{}}}`} {
		f.Add([]byte(s))
	}
	c, err := New(Options{})
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		e := parseError(in)
		if len(e.Text) > maxErrorText+8 {
			t.Fatalf("a text of %d bytes", len(e.Text))
		}
		for status := 0; status < 600; status += 100 {
			e.Status = status
			if err := c.explain(e, 0); stylesprint.CodeOf(err) == "" || stylesprint.CodeOf(err) == stylesprint.CodeInternal {
				t.Fatalf("status %d: %v", status, err)
			}
		}
		_ = c.EventError(Event{Data: in})
		_ = c.EventError(Event{Type: "error", Data: in})
	})
}
