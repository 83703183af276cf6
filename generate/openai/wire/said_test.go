package wire

import (
	"strings"
	"testing"
)

// What a server says of a request goes to whoever made it, without the server's address and the
// ids of whoever pays it.
func TestSaid(t *testing.T) {
	t.Parallel()
	const host = "models.shop-7.internal:8443"
	for _, c := range []struct {
		name   string
		status int
		body   string
		want   string
	}{
		{"plain", 400, `{"error":{"message":"temperature must be at most 2"}}`, "temperature must be at most 2"},
		{"in a stream", 0, `{"error":{"message":"the prompt has 5000 tokens"}}`, "the prompt has 5000 tokens"},
		{"FastAPI", 422, `{"detail":"top_p: 0.5 to 1.0"}`, "top_p: 0.5 to 1.0"},
		{"its address", 400, `{"message":"Models.Shop-7.Internal:8443 takes no images"}`, "(removed) takes no images"},
		{"its name", 400, `{"message":"models.shop-7.internal takes no images"}`, "(removed) takes no images"},
		{"an address with a scheme", 400, `{"message":"see https://docs.example/a?b=c, please"}`, "see (removed) please"},
		{"other hosts", 400, `{"message":"10.0.0.5 and 10.0.0.5:80, localhost:11434, [::1]:80, gpu-3.cluster.local:8000 failed"}`, "(removed) and (removed), (removed), (removed), (removed) failed"},
		{"figures", 400, `{"message":"0.7 to 1.5, at 12:30, v1.2.3, messages[0].content, line 3:14"}`, "0.7 to 1.5, at 12:30, v1.2.3, messages[0].content, line 3:14"},
		{"ids", 400, `{"message":"no for org-4711abcdef and sk-abc123***456"}`, "no for (removed) and (removed)"},
		{"an account", 400, `{"message":"your organization must be verified"}`, ""},
		{"a key", 400, `{"message":"the API key is for images"}`, ""},
		{"a page", 400, `<html>no</html>`, ""},
		{"of the key", 401, `{"message":"no"}`, ""},
		{"of the server", 500, `{"message":"no"}`, ""},
		{"of a rate", 429, `{"message":"no"}`, ""},
		{"nothing", 400, `{}`, ""},
		{"long", 413, `{"message":"` + strings.Repeat("a ", 400) + `"}`, strings.Repeat("a ", 200) + "..."},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := parseError([]byte(c.body))
			e.Status, e.host = c.status, host
			if got := e.Said(); got != c.want {
				t.Errorf("%q, want %q", got, c.want)
			}
		})
	}
}

func TestSummary(t *testing.T) {
	t.Parallel()
	for want, e := range map[string]StatusError{
		"status 401 (invalid_api_key)":       {Status: 401, Code: "invalid_api_key", Text: "the key of anna"},
		"status 500":                         {Status: 500, Code: "a prompt in place of a code"},
		"error in the stream (server_error)": {Code: "server_error", Text: "x"},
	} {
		if got := e.Summary(); got != want {
			t.Errorf("%q, want %q", got, want)
		}
	}
}

// Whatever a server writes, its address is not in what it has said.
func FuzzSaid(f *testing.F) {
	f.Add(`{"error":{"message":"vllm.internal:8000 does not take 10.0.0.1:8000"}}`)
	f.Add(`{"message":"http://VLLM.internal:8000/v1"}`)
	f.Add(`{"detail":["vllm.internalvllm.internal:8000"]}`)
	f.Fuzz(func(t *testing.T, body string) {
		e := parseError([]byte(body))
		e.Status, e.host = 400, "vllm.internal:8000"
		if strings.Contains(strings.ToLower(e.Said()), "vllm.internal") {
			t.Errorf("%q", e.Said())
		}
	})
}
