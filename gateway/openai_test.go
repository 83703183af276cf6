package gateway_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/generate"
	"stylesprint/generate/fake"
)

func TestOpenAIErrors(t *testing.T) {
	t.Parallel()
	fail := func(match string, code stylesprint.Code) fake.Answer {
		return fake.Answer{Match: match, Err: &stylesprint.Error{Code: code, Message: "it went wrong"}}
	}
	s := serve(t, setup{o: gateway.Options{MaxBodyBytes: 4096, Models: []gateway.Model{
		text(fake.Script{ContextTokens: 300, Refuse: []string{"tools", "n", "logprobs", "response_format", "messages", "suffix"}, Answers: []fake.Answer{
			fail("limited", stylesprint.CodeRateLimited), fail("upstream", stylesprint.CodeUpstream), fail("unavailable", stylesprint.CodeUnavailable),
			fail("slow", stylesprint.CodeTimeout), fail("refused", stylesprint.CodeRefused), fail("bug", stylesprint.CodeInternal),
		}}), vectors(),
	}}})
	const chat, text, embed = "/v1/chat/completions", "/v1/completions", "/v1/embeddings"
	say := func(rest string) string { return `{"messages":[{"role":"user","content":"x"}]` + rest + `}` }
	of := func(messages string) string { return `{"messages":` + messages + `}` }
	cases := []struct {
		path, body string
		status     int
		kind       string
		code       string
		param      string
		message    string // is contained
	}{
		{chat, `{`, 400, "invalid_request_error", "invalid_request", "", "not valid JSON"},
		{chat, `{}`, 400, "invalid_request_error", "invalid_request", "messages", "Prompt is required"},
		{chat, of(`[]`), 400, "invalid_request_error", "invalid_request", "messages", "Prompt is required"},
		{chat, of(`null`), 400, "invalid_request_error", "invalid_request", "messages", "Prompt is required"},
		{chat, of(`[{"role":"user","content":"  "}]`), 400, "invalid_request_error", "invalid_request", "messages", "Prompt is required"},
		{chat, of(`"x"`), 400, "invalid_request_error", "invalid_request", "messages", "must be a list"},
		{chat, of(`["x"]`), 400, "invalid_request_error", "invalid_request", "messages[0]", "must be an object"},
		{chat, of(`[null]`), 400, "invalid_request_error", "invalid_request", "messages[0]", "must be an object"},
		{chat, of(`[{"role":"poet","content":"x"}]`), 400, "invalid_request_error", "invalid_request", "messages[0].role", "must be system"},
		{chat, of(`[{"content":"x"}]`), 400, "invalid_request_error", "invalid_request", "messages[0].role", "must be system"},
		{chat, of(`[{"role":"user","content":5}]`), 400, "invalid_request_error", "invalid_request", "messages[0].content", "must be a string"},
		{chat, of(`[{"role":"user","content":[{"type":"text","text":5}]}]`), 400, "invalid_request_error", "invalid_request", "messages[0].content[0].text", "must be a string"},
		{chat, of(`[{"role":"user","content":["x"]}]`), 400, "invalid_request_error", "invalid_request", "messages[0].content[0]", "must be an object"},
		{chat, of(`[{"role":"system","content":"s"},{"role":"user","content":[{"type":"text","text":"x"},{"type":"image_url","image_url":{"url":"data:"}}]}]`),
			400, "invalid_request_error", "unsupported", "messages[1].content[1].image_url", "reads text only"},
		{chat, of(`[{"role":"user","content":"x"},{"role":"tool","content":"4","tool_call_id":"a"}]`), 400, "invalid_request_error", "unsupported", "messages[1].role", ""},
		{chat, of(`[{"role":"assistant","content":null,"tool_calls":[{"id":"a"}]}]`), 400, "invalid_request_error", "unsupported", "messages[0].tool_calls", ""},
		{chat, of(`[{"role":"user","content":"x","name":"Ann"}]`), 400, "invalid_request_error", "unsupported", "messages[0].name", ""},
		{chat, say(`,"model":"gpt-9"`), 404, "invalid_request_error", "model_not_found", "model", "served here: fake, vec"},
		{chat, say(`,"model":"vec"`), 400, "invalid_request_error", "unsupported", "model", "vectors"},
		{chat, say(`,"temperature":3`), 400, "invalid_request_error", "invalid_request", "temperature", ""},
		{chat, say(`,"top_p":"x"`), 400, "invalid_request_error", "invalid_request", "top_p", ""},
		{chat, say(`,"stop":[1]`), 400, "invalid_request_error", "invalid_request", "stop", ""},
		{chat, say(`,"stop":["a",null]`), 400, "invalid_request_error", "invalid_request", "stop", ""},
		{chat, say(`,"max_completion_tokens":"x"`), 400, "invalid_request_error", "invalid_request", "max_completion_tokens", ""},
		{chat, say(`,"stream":true,"stream_options":{"include_usage":"x"}`), 400, "invalid_request_error", "invalid_request", "stream_options.include_usage", ""},
		{chat, say(`,"stream":true,"stream_options":[]`), 400, "invalid_request_error", "invalid_request", "stream_options", ""},
		{chat, say(`,"prompt":"y"`), 400, "invalid_request_error", "invalid_request", "prompt", "/v1/completions"},
		{text, `{"prompt":"x","messages":[]}`, 400, "invalid_request_error", "invalid_request", "messages", "/v1/chat/completions"},
		{chat, say(`,"tools":[{"type":"function"}]`), 400, "invalid_request_error", "unsupported", "tools", ""},
		{chat, say(`,"n":2`), 400, "invalid_request_error", "unsupported", "n", ""},
		{chat, say(`,"logprobs":true`), 400, "invalid_request_error", "unsupported", "logprobs", ""},
		{chat, say(`,"response_format":{"type":"json_object"}`), 400, "invalid_request_error", "unsupported", "response_format", ""},
		{chat, say(`,"max_tokens":300`), 400, "invalid_request_error", "context_length_exceeded", "", "tokens"},
		{chat, of(`[{"role":"user","content":"` + strings.Repeat("x", 5000) + `"}]`), 413, "invalid_request_error", "too_large", "", ""},
		{chat, of(`[{"role":"user","content":"limited"}]`), 429, "rate_limit_error", "rate_limit_exceeded", "", "as many requests as it takes"},
		{chat, of(`[{"role":"user","content":"upstream"}]`), 502, "server_error", "upstream_error", "", "before its answer was whole"},
		{chat, of(`[{"role":"user","content":"unavailable"}]`), 503, "server_error", "unavailable", "", "not available"},
		{chat, of(`[{"role":"user","content":"slow"}]`), 504, "server_error", "timeout", "", "not answer in time"},
		{chat, of(`[{"role":"user","content":"refused"}]`), 400, "invalid_request_error", "content_filter", "", "it went wrong"},
		{chat, of(`[{"role":"user","content":"bug"}]`), 500, "server_error", "internal", "", "Internal server error"},

		{text, `{}`, 400, "invalid_request_error", "invalid_request", "prompt", "Prompt is required"},
		{text, `{"prompt":""}`, 400, "invalid_request_error", "invalid_request", "prompt", "Prompt is required"},
		{text, `{"prompt":[]}`, 400, "invalid_request_error", "invalid_request", "prompt", "Prompt is required"},
		{text, `{"prompt":["a","b"]}`, 400, "invalid_request_error", "unsupported", "prompt", "one at a time"},
		{text, `{"prompt":[1,2]}`, 400, "invalid_request_error", "unsupported", "prompt", "token numbers"},
		{text, `{"prompt":[[1,2]]}`, 400, "invalid_request_error", "unsupported", "prompt", "token numbers"},
		{text, `{"prompt":{"a":1}}`, 400, "invalid_request_error", "invalid_request", "prompt", "a string or a list"},
		{text, `{"prompt":"x","suffix":"y"}`, 400, "invalid_request_error", "unsupported", "suffix", ""},

		{embed, `{}`, 400, "invalid_request_error", "invalid_request", "input", "input is required"},
		{embed, `{"input":[]}`, 400, "invalid_request_error", "invalid_request", "input", "input is required"},
		{embed, `{"input":""}`, 400, "invalid_request_error", "invalid_request", "input[0]", "empty"},
		{embed, `{"input":["a",""]}`, 400, "invalid_request_error", "invalid_request", "input[1]", "empty"},
		{embed, `{"input":[1,2,3]}`, 400, "invalid_request_error", "unsupported", "input", "token numbers"},
		{embed, `{"input":[[1,2],[3]]}`, 400, "invalid_request_error", "unsupported", "input", "token numbers"},
		{embed, `{"input":["a",5]}`, 400, "invalid_request_error", "invalid_request", "input", "a string or a list"},
		{embed, `{"input":[null]}`, 400, "invalid_request_error", "invalid_request", "input", "a string or a list"},
		{embed, `{"input":["a` + strings.Repeat(`","`, 1200) + `"]}`, 400, "invalid_request_error", "invalid_request", "input[1]", "empty"},
		{embed, `{"input":"a","encoding_format":"int8"}`, 400, "invalid_request_error", "invalid_request", "encoding_format", "float or base64"},
		{embed, `{"input":"a","dimensions":2}`, 400, "invalid_request_error", "unsupported", "dimensions", "have 3"},
		{embed, `{"input":"a","model":"fake"}`, 400, "invalid_request_error", "unsupported", "model", "text, not vectors"},
		{embed, `{"input":"a","instruction":"y"}`, 400, "invalid_request_error", "invalid_request", "instruction", "Unknown field"},
	}
	for i, c := range cases {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			t.Parallel()
			a := s.post(t, c.path, c.body)
			var got struct {
				Error struct {
					Message, Type, Code string
					Param               *string
				}
			}
			if err := json.Unmarshal([]byte(a.body), &got); err != nil {
				t.Fatal(err)
			}
			param := ""
			if got.Error.Param != nil {
				param = *got.Error.Param
			}
			if e := got.Error; a.status != c.status || e.Type != c.kind || e.Code != c.code || param != c.param || !strings.Contains(e.Message, c.message) || e.Message == "" {
				t.Errorf("%s %s:\n%d %s", c.path, c.body, a.status, a.body)
			}
		})
	}
}

// capture is a model that remembers its last request and answers as told.
func capture(reply stylesprint.Reply, deltas ...generate.Delta) (gateway.Model, func() generate.Request) {
	asked := make(chan generate.Request, 16)
	return made(func(_ context.Context, req generate.Request, emit func(generate.Delta) error) (stylesprint.Reply, error) {
		asked <- req
		if emit != nil {
			for _, d := range deltas {
				if err := emit(d); err != nil {
					return stylesprint.Reply{}, err
				}
			}
		}
		return reply, nil
	}), func() generate.Request { return <-asked }
}

func TestChatRequest(t *testing.T) {
	t.Parallel()
	m, asked := capture(stylesprint.Reply{Text: "hello"})
	m.Target = "target-1"
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{m}}})
	a := s.post(t, "/v1/chat/completions", `{"model":"fake","messages":[
		{"role":"developer","content":"Be brief."},
		{"role":"user","content":[{"type":"text","text":"one"},{"type":"text","text":"two"}]},
		{"role":"assistant","content":"three","refusal":null,"annotations":[],"tool_calls":null,"function_call":null},
		{"role":"user","content":"four"}],
		"temperature":0.5,"top_p":0.9,"top_k":40,"min_p":0.1,"repetition_penalty":1.1,"seed":18446744073709551615,
		"max_tokens":5,"max_completion_tokens":6,"stop":"END","user":"ann","tools":[{"a":1}],"n":2,"made_up":{"x":[1, 2]},"frequency_penalty":null}`)
	if a.status != 200 {
		t.Fatal(a.body)
	}
	got := asked()
	want := []stylesprint.Message{{Role: "system", Content: "Be brief."}, {Role: "user", Content: "one\ntwo"}, {Role: "assistant", Content: "three"}, {Role: "user", Content: "four"}}
	if got.Model != "target-1" || !reflect.DeepEqual(got.Messages, want) || got.Prompt != "" {
		t.Errorf("model %q, messages %+v", got.Model, got.Messages)
	}
	p := got.Params
	if *p.Temperature != 0.5 || *p.TopP != 0.9 || *p.TopK != 40 || *p.MinP != 0.1 || *p.RepetitionPenalty != 1.1 || *p.Seed != 1<<64-1 || *p.MaxTokens != 6 || !reflect.DeepEqual(p.Stop, []string{"END"}) {
		t.Errorf("params %+v", p)
	}
	extra := map[string]string{}
	for k, v := range got.Extra {
		extra[k] = string(v)
	}
	if w := map[string]string{"user": `"ann"`, "tools": `[{"a":1}]`, "n": "2", "made_up": `{"x":[1, 2]}`}; !reflect.DeepEqual(extra, w) {
		t.Errorf("extra %v", extra)
	}

	// What a Message cannot hold goes to the driver as it came.
	const talk = `[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AA"}}]},{"role":"tool","tool_call_id":"a","content":"4"}]`
	if a := s.post(t, "/v1/chat/completions", `{"messages":`+talk+`,"stream_options":{"include_usage":true,"x":1},"stream":true}`); a.status != 200 {
		t.Fatal(a.body)
	}
	got = asked()
	if got.Messages != nil || string(got.Extra["messages"]) != talk || string(got.Extra["stream_options"]) != `{"x":1}` {
		t.Errorf("messages %v, extra %s", got.Messages, got.Extra)
	}

	if a := s.post(t, "/v1/completions", `{"prompt":["Once upon"],"echo":false}`); a.status != 200 {
		t.Fatal(a.body)
	}
	if got = asked(); got.Prompt != "Once upon" || got.Messages != nil || string(got.Extra["echo"]) != "false" {
		t.Errorf("prompt %q, extra %s", got.Prompt, got.Extra)
	}
}

// A provider's own fields reach the client; what it lacks is filled in.
func TestRawPassesThrough(t *testing.T) {
	t.Parallel()
	raw := `{"id":"up-1","object":"chat.completion","created":5,"model":"gpt-4o-2024","choices":[{"index":0,"message":{"role":"assistant","content":"hi","tool_calls":[{"id":"c"}],"made_up":1},"finish_reason":"stop"}],
		"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"strange":4},"system_fingerprint":"fp"}`
	cases := []struct {
		name, path, raw string
		want            map[string]string // member -> JSON
	}{
		{"whole", "/v1/chat/completions", raw, map[string]string{"id": `"up-1"`, "model": `"gpt-4o-2024"`, "system_fingerprint": `"fp"`,
			"usage": `{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3,"strange":4}`, "choices.0.message.tool_calls": `[{"id":"c"}]`, "choices.0.message.made_up": "1"}},
		{"gaps", "/v1/chat/completions", `{"id":"","model":null,"choices":[{"message":{"content":"hi"}}],"x":1}`,
			map[string]string{"id": `"chatcmpl-r1"`, "model": `"exact-name"`, "x": "1", "object": `"chat.completion"`, "usage.total_tokens": "9"}},
		{"not JSON", "/v1/chat/completions", `<html>`, map[string]string{"choices.0.message.content": `"hello"`, "id": `"chatcmpl-r1"`}},
		{"no choices", "/v1/chat/completions", `{"id":"up-1","choices":[]}`, map[string]string{"choices.0.message.content": `"hello"`, "id": `"chatcmpl-r1"`}},
		{"other kind", "/v1/completions", raw, map[string]string{"choices.0.text": `"hello"`, "id": `"cmpl-r1"`, "object": `"text_completion"`}},
		{"text", "/v1/completions", `{"choices":[{"text":"hey","logprobs":{"a":1}}]}`, map[string]string{"choices.0.text": `"hey"`, "choices.0.logprobs": `{"a":1}`, "id": `"cmpl-r1"`}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			m, _ := capture(stylesprint.Reply{Text: "hello", Model: "exact-name", Usage: stylesprint.Usage{PromptTokens: 4, CompletionTokens: 5}, Raw: []byte(c.raw)})
			s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{m}}})
			body := `{"messages":[{"role":"user","content":"x"}]}`
			if c.path == "/v1/completions" {
				body = `{"prompt":"x"}`
			}
			a := s.do(t, "POST", c.path, body, "X-Request-ID", "r1")
			for path, want := range c.want {
				if got := member(t, a.body, path); got != want {
					t.Errorf("%s is %s, want %s, in %s", path, got, want, a.body)
				}
			}
		})
	}
}

// member digs a value out of JSON: "choices.0.text".
func member(t testing.TB, body, path string) string {
	t.Helper()
	if !json.Valid([]byte(body)) {
		t.Fatalf("no JSON: %q", body)
	}
	cur := json.RawMessage(body)
	for _, name := range strings.Split(path, ".") {
		var m map[string]json.RawMessage
		var l []json.RawMessage
		switch {
		case json.Unmarshal(cur, &m) == nil && m != nil:
			cur = m[name]
		case json.Unmarshal(cur, &l) == nil && len(l) > 0:
			cur = l[0]
		default:
			return ""
		}
	}
	return string(cur)
}

func TestModelDefaults(t *testing.T) {
	t.Parallel()
	a, b := text(fake.Script{Model: "a-1"}), text(fake.Script{Model: "b-1"})
	a.Name, b.Name, b.Owner = "org/a", "b", "lab"
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{vectors(), a, b}, DefaultModel: "b"}})
	if got := s.post(t, "/generate/", `{"prompt":"x"}`).json(t)["model"]; got != "b-1" {
		t.Errorf("default answered %v", got)
	}
	if got := s.post(t, "/generate/", `{"prompt":"x","model":"org/a"}`).json(t)["model"]; got != "a-1" {
		t.Errorf("org/a answered %v", got)
	}
	if got := s.do(t, "GET", "/v1/models/org/a", ""); got.status != 200 || got.json(t)["id"] != "org/a" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := s.do(t, "GET", "/v1/models/b", ""); got.json(t)["owned_by"] != "lab" {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := s.do(t, "GET", "/v1/models/c", ""); got.status != 404 || member(t, got.body, "error.code") != `"model_not_found"` {
		t.Errorf("%d %s", got.status, got.body)
	}
	if got := s.do(t, "GET", "/v1/models", "").json(t); len(got["data"].([]any)) != 3 || got["object"] != "list" {
		t.Errorf("%v", got)
	}
	if got := s.post(t, "/v1/embeddings", `{"input":"linen shirt","user":"ann","dimensions":3}`).json(t); got["model"] != "vec" {
		t.Errorf("%v", got)
	}

	only := serve(t, setup{o: gateway.Options{Models: []gateway.Model{vectors()}}})
	if got := only.post(t, "/generate/", `{"prompt":"x"}`); got.status != 404 {
		t.Errorf("%d %s", got.status, got.body)
	}
}

func TestOptionsAreChecked(t *testing.T) {
	t.Parallel()
	m := text(fake.Script{})
	_, err := gateway.New(gateway.Options{Models: []gateway.Model{m, m, {Name: " x "}, {Name: "y"}}, DefaultModel: "z", MaxInFlight: -1})
	if err == nil {
		t.Fatal("no error")
	}
	for _, want := range []string{`models[1].name: "fake" is there twice`, "models[2].name", `models[3]: "y" can neither`, `default_model: no model named "z"`, "max_in_flight"} {
		if !strings.Contains(err.Error(), want) {
			t.Errorf("no %q in %v", want, err)
		}
	}
	if _, err := gateway.New(gateway.Options{}); err == nil {
		t.Error("no models are accepted")
	}
}
