package generate_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"

	"stylesprint"
	"stylesprint/generate"
	"stylesprint/generate/fake"
)

func extra(name, value string) map[string]json.RawMessage {
	return map[string]json.RawMessage{name: json.RawMessage(value)}
}

func Example() {
	c := generate.New(
		fake.New(fake.Script{Answers: []fake.Answer{{Text: "A cool linen shirt."}}}),
		generate.Options{Price: stylesprint.Price{InputPerMillion: 0.15, OutputPerMillion: 0.6}},
	)
	defer c.Close()
	reply, err := c.Stream(context.Background(), generate.Request{
		Messages: []stylesprint.Message{{Role: stylesprint.RoleUser, Content: "Describe the shirt."}},
	}, func(d generate.Delta) error {
		fmt.Printf("%s|", d.Text)
		return nil
	})
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println()
	fmt.Println(reply.Usage.Total(), "tokens cost", reply.Cost)
	// Output:
	// A| cool| linen| shirt.|
	// 7 tokens cost 0.00000285
}

func ExampleClient_Generate_invalid() {
	c := generate.New(fake.New(fake.Script{}), generate.Options{})
	defer c.Close()
	temperature := 3.0
	_, err := c.Generate(context.Background(), generate.Request{Prompt: "hi", Params: generate.Params{Temperature: &temperature}})
	var fault *stylesprint.Error
	if errors.As(err, &fault) {
		fmt.Println(fault.Code, fault.Field, "-", fault.Message)
	}
	// Output: invalid_request temperature - temperature is 3; want 0 to 2
}
