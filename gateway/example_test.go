package gateway_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"stylesprint/gateway"
	"stylesprint/generate"
	"stylesprint/generate/fake"
)

func Example() {
	model := generate.New(fake.New(fake.Script{Answers: []fake.Answer{{Text: "A cool linen shirt."}}}), generate.Options{})
	g, err := gateway.New(gateway.Options{Models: []gateway.Model{{Name: "fake", Generate: model}}})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer g.Close(context.Background())
	server := httptest.NewServer(g)
	defer server.Close()

	resp, err := http.Post(server.URL+"/v1/completions", "application/json", strings.NewReader(`{"prompt":""}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	defer resp.Body.Close()
	body, _ := io.ReadAll(resp.Body)
	fmt.Println(resp.StatusCode, strings.Contains(string(body), "Prompt is required"))
	// Output: 400 true
}
