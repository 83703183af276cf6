package engine_test

import (
	"context"
	"fmt"
	"log"

	"stylesprint/engine"
)

// The models in testdata are small and random, so only the shape of their answers makes sense.
func ExampleOpenLanguageModel() {
	ctx := context.Background()
	m, err := engine.OpenLanguageModel(ctx, "testdata/llama-tied", engine.Options{Precision: engine.Exact, CPU: "portable"})
	if err != nil {
		log.Fatal(err)
	}
	defer m.Close()
	streamed := ""
	result, err := m.Generate(ctx, engine.Request{
		Messages:  []engine.ChatMessage{{Role: "user", Content: "Describe a linen shirt."}},
		MaxTokens: 8,
	}, func(t engine.Token) error {
		streamed += t.Text
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(m.Info().Architecture, result.CompletionTokens, result.Finish, streamed == result.Text)
	// Output: llama 8 length true
}

func ExampleOpenEncoder() {
	ctx := context.Background()
	e, err := engine.OpenEncoder(ctx, "testdata/bert", engine.Options{CPU: "portable"})
	if err != nil {
		log.Fatal(err)
	}
	defer e.Close()
	vectors, err := e.Embed(ctx, []string{"a linen shirt", "a wool coat"})
	if err != nil {
		log.Fatal(err)
	}
	fmt.Println(len(vectors), len(vectors[0].Vector), vectors[0].Tokens, vectors[0].Truncated)
	// Output: 2 48 5 false
}
