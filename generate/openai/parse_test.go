package openai

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
)

// Whatever is read by encoding/json is read the same here, and what it refuses is refused,
// but for members that nobody reads.
func FuzzParse(f *testing.F) {
	for _, s := range []string{
		`{"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"a \u00e9\ud83d\ude00"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":1}}}`,
		`{"choices":[{"delta":{"content":null,"refusal":"no"},"finish_reason":null},{"index":1,"text":"b"}],"usage":null}`,
		`{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"image"}]}}]}`,
		`{"model":"a\xffb \ud800 \u0000"}`, "{\"model\":\"a\xffb\"}", `{"choices":"x"}`, `{"usage":{"prompt_tokens":1.5}}`, `{"usage":[]}`, `null`, `[]`, `{"model":1}`, `{`, `{"choices":[null,{"delta":null}]}`, `{"model":"a","model":"b"}`, `{"usage":{"prompt_tokens_details":7}}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, in []byte) {
		got, err := parse(in)
		var want reply
		wantErr := json.Unmarshal(in, &want)
		if err != nil && wantErr == nil && !oddNumbers(in) {
			t.Fatalf("%q: refused, %v", in, err)
		}
		if err == nil && wantErr == nil && !reflect.DeepEqual(normal(got), normal(want)) && !foldedNames(in) {
			t.Fatalf("%q:\ngot  %+v\nwant %+v", in, got, want)
		}
	})
}

// oddNumbers is true where a number is too large for a float64 to hold whole.
func oddNumbers(in []byte) bool {
	var v struct {
		Choices []struct{ Index json.Number }
		Usage   struct {
			Prompt     json.Number `json:"prompt_tokens"`
			Completion json.Number `json:"completion_tokens"`
			Details    struct {
				Cached json.Number `json:"cached_tokens"`
			} `json:"prompt_tokens_details"`
		}
	}
	_ = json.Unmarshal(in, &v)
	odd := func(n json.Number) bool { return len(n) > 15 }
	for _, c := range v.Choices {
		if odd(c.Index) {
			return true
		}
	}
	return odd(v.Usage.Prompt) || odd(v.Usage.Completion) || odd(v.Usage.Details.Cached)
}

// foldedNames is true where encoding/json takes a member by a name in other case, or merges
// members of the same name, which no server sends.
func foldedNames(in []byte) bool {
	var names func(v any) map[string]int
	counts := map[string]int{}
	names = func(v any) map[string]int {
		switch v := v.(type) {
		case map[string]any:
			for k, e := range v {
				counts[k]++
				names(e)
			}
		case []any:
			for _, e := range v {
				names(e)
			}
		}
		return counts
	}
	var v any
	_ = json.Unmarshal(in, &v)
	known := map[string]bool{"model": true, "choices": true, "usage": true, "index": true, "text": true, "message": true, "delta": true, "content": true,
		"refusal": true, "finish_reason": true, "prompt_tokens": true, "completion_tokens": true, "prompt_tokens_details": true, "cached_tokens": true}
	dec := json.NewDecoder(bytes.NewReader(in))
	seen := 0
	for {
		tok, err := dec.Token()
		if err != nil {
			break
		}
		if s, ok := tok.(string); ok && known[s] {
			seen++
		}
	}
	total := 0
	for k, n := range names(v) {
		if known[k] {
			total += n
		}
		for name := range known {
			if k != name && strings.EqualFold(k, name) {
				return true
			}
		}
	}
	return seen != total
}

func normal(r reply) reply {
	if len(r.Choices) == 0 {
		r.Choices = nil
	}
	return r
}
