package gateway

import (
	"bytes"
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"testing"

	"stylesprint"
)

// members reads what encoding/json reads, to the same parts.
func FuzzMembers(f *testing.F) {
	for _, s := range []string{`{"a":1,"b":[1, 2],"c":{"d":"x"},"e":null}`, ` { "a\u0062" : "\"" } `, `{"a":1,"a":2}`, `[]`, `null`, `{`, `"x"`, `{"":{}}`, `{"a":1}x`, "{\"\xff\":1}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := members(in)
		var want map[string]json.RawMessage
		wantErr := json.Unmarshal(in, &want)
		if (err == nil && got != nil) != (wantErr == nil && want != nil) {
			t.Fatalf("%q: %v, %v; encoding/json %v, %v", in, got, err, want, wantErr)
		}
		if err != nil || got == nil {
			return
		}
		if !slices.Equal(slices.Sorted(maps.Keys(got)), slices.Sorted(maps.Keys(want))) {
			t.Fatalf("%q: %v, want %v", in, got, want)
		}
		for name, v := range got {
			if !bytes.Equal(v, want[name]) {
				t.Fatalf("%q: %s is %q, want %q", in, name, v, want[name])
			}
		}
		var items, parts []json.RawMessage
		for _, v := range got {
			var ok bool
			items, ok = elements(v)
			if parts = nil; ok != (json.Unmarshal(v, &parts) == nil && parts != nil) || ok && len(items) != len(parts) {
				t.Fatalf("%q: %d elements, want %d", v, len(items), len(parts))
			}
			text, ok := textOf(v)
			var wantText *string
			if ok != (json.Unmarshal(v, &wantText) == nil && wantText != nil) || ok && text != *wantText {
				t.Fatalf("%q: text %q", v, text)
			}
		}
	})
}

func TestRewrite(t *testing.T) {
	t.Parallel()
	fill := filling{[]string{"id", "model", "usage"}, func(name string) string {
		return map[string]string{"id": `"ours"`, "model": `"m"`}[name]
	}}
	for _, c := range []struct{ in, drop, want string }{
		{`{"id":"theirs","x": [1, {"y":2}]}`, "", `{"id":"theirs","x":[1, {"y":2}],"model":"m"}`},
		{`{"model":null,"usage":{"a":1},"id":""}`, "usage", `{"model":"m","id":"ours"}`},
		{`{}`, "", `{"id":"ours","model":"m"}`},
		{`{"usage":null}`, "usage", `{"id":"ours","model":"m"}`},
		{`{"i\u0064":"theirs","id":"again"}`, "", `{"i\u0064":"theirs","model":"m"}`},
	} {
		got := rewrite([]byte(c.in), fill, c.drop)
		if string(got) != c.want || !json.Valid(got) {
			t.Errorf("%s without %q: %s, want %s", c.in, c.drop, got, c.want)
		}
	}
}

// A provider's answer keeps every value through the gateway.
func FuzzRewrite(f *testing.F) {
	f.Add([]byte(`{"choices":[{"message":{"content":"a"}}],"x":{"y":[1,2]}}`))
	f.Fuzz(func(t *testing.T, in []byte) {
		var before map[string]any
		if json.Unmarshal(in, &before) != nil || before == nil {
			return
		}
		if o, err := members(in); err != nil || o == nil {
			return
		}
		var after map[string]any
		if err := json.Unmarshal(rewrite(in, filling{[]string{"id"}, func(string) string { return `"ours"` }}, ""), &after); err != nil {
			t.Fatalf("%q: %v", in, err)
		}
		if id, _ := before["id"].(string); id == "" && before["id"] == nil {
			before["id"] = "ours"
		} else if id == "" {
			if _, text := before["id"].(string); text {
				before["id"] = "ours"
			}
		}
		if bytes.Count(in, []byte(`"id"`)) < 2 && !reflect.DeepEqual(before, after) {
			t.Fatalf("%q:\ngot  %v\nwant %v", in, after, before)
		}
	})
}

// What is written by hand is what encode writes.
func FuzzByHand(f *testing.F) {
	for _, s := range []string{"", "plain", `"\`, "<a&b>", "é \u2028 \x7f", "a\x00b\n", "\xff", "😀"} {
		f.Add(s, 1, 2, 0)
	}
	f.Add("x", -1, 1<<40, 3)
	f.Fuzz(func(t *testing.T, s string, n, m, cached int) {
		same := func(v any, got string) {
			if want, err := encode(v); err != nil || got != string(want) {
				t.Errorf("%s, want %s (%v)", got, want, err)
			}
		}
		same(s, quoted(s))
		u := usageOf(stylesprint.Usage{PromptTokens: n, CompletionTokens: m, CachedTokens: cached})
		same(u, u.json())
		for _, by := range []*generatedBy{{Program: s, Model: "m"}, {Program: "p", Model: s, Release: s}, {Policy: s, Statement: s}} {
			same(by, by.json())
		}
	})
}
