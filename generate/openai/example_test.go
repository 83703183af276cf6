package openai_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"

	"stylesprint"
	"stylesprint/generate"
	"stylesprint/generate/openai"
)

func Example() {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		fmt.Fprint(w, `{"model":"tiny-1","choices":[{"message":{"content":"A cool linen shirt."},"finish_reason":"stop"}],"usage":{"prompt_tokens":9,"completion_tokens":5}}`)
	}))
	defer server.Close()

	d, err := openai.New(openai.Options{BaseURL: server.URL + "/v1", APIKey: stylesprint.NewSecret("sk-..."), Model: "tiny"})
	if err != nil {
		fmt.Println(err)
		return
	}
	c := generate.New(d, generate.Options{Price: stylesprint.Price{InputPerMillion: 0.15, OutputPerMillion: 0.6}})
	defer c.Close()
	reply, err := c.Generate(context.Background(), generate.Request{
		Messages: []stylesprint.Message{{Role: stylesprint.RoleUser, Content: "Describe a linen shirt."}},
	})
	fmt.Println(reply.Text, reply.Model, reply.Cost, err)
	// Output: A cool linen shirt. tiny-1 0.00000435 <nil>
}
