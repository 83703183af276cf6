package prompt_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"

	"stylesprint"
	"stylesprint/generate"
	"stylesprint/generate/fake"
	"stylesprint/prompt"
)

// ask makes a client a chain's model. Here the client is scripted; generate/openai and
// generate/local have real ones.
func ask(answers ...fake.Answer) prompt.Model {
	client := generate.New(fake.New(fake.Script{Answers: answers}), generate.Options{})
	return func(ctx context.Context, messages []stylesprint.Message) (stylesprint.Reply, error) {
		return client.Generate(ctx, generate.Request{Messages: messages})
	}
}

func template(text string) prompt.Template {
	t, err := prompt.Parse([]byte(text))
	if err != nil {
		panic(err) // the examples' own templates are good
	}
	return t
}

// Template, model, JSON by a schema: a first answer that lacks a field is mended by asking once more.
func ExampleJSON() {
	schema, err := prompt.ParseSchema([]byte(`{"type": "object", "required": ["name", "sizes"], "properties": {"sizes": {"type": "array", "items": {"type": "string"}}}}`))
	if err != nil {
		fmt.Println(err)
		return
	}
	type product struct {
		Name  string
		Sizes []string
	}
	chain := prompt.Chain[product]{
		Template: template("---\nname: extract\nvariables: [{name: text, required: true}]\n---\nWrite name and sizes as JSON: {{text}}\n"),
		Model:    ask(fake.Answer{Call: 1, Text: `{"name": "Mira"}`}, fake.Answer{Call: 2, Text: `{"name": "Mira", "sizes": ["S", "M"]}`}),
		Parse:    prompt.JSON[product](schema), Repair: true,
	}
	out, err := chain.Run(context.Background(), map[string]string{"text": "The Mira comes in S and M."})
	fmt.Println(out.Value, out.Repaired, len(out.Replies), err)
	// Output: {Mira [S M]} true 2 <nil>
}

// One chain's answer is a variable of the next.
func ExampleThen() {
	model := ask(fake.Answer{Match: "two features", Text: "- side pockets\n- tie belt"}, fake.Answer{Match: "side pockets; tie belt", Text: "Pockets and a belt, and a summer to wear them."})
	features := prompt.Chain[[]string]{Template: template("---\nname: features\nvariables: [{name: name}]\n---\nList two features of {{name}}.\n"), Model: model, Parse: prompt.List}
	slogan := prompt.Chain[string]{Template: template("---\nname: slogan\nvariables: [{name: features}]\n---\nWrite a line about: {{features}}\n"), Model: model, Parse: prompt.Text}
	values := func(_ context.Context, items []string) (map[string]string, error) {
		return map[string]string{"features": strings.Join(items, "; ")}, nil
	}
	both := prompt.Then(prompt.Then(features.Step(), values), slogan.Step())
	text, err := both(context.Background(), map[string]string{"name": "the Mira dress"})
	fmt.Println(text, err)
	// Output: Pockets and a belt, and a summer to wear them. <nil>
}

// Many inputs, two at a time, in order; a Meter adds up what they cost.
func ExampleBatch() {
	var meter prompt.Meter
	chain := prompt.Chain[string]{
		Template: template("---\nname: colour\nvariables: [{name: name}]\n---\nWhich colour has {{name}}?\n"),
		Model:    meter.Model(ask(fake.Answer{Match: "Mira", Text: "sage"}, fake.Answer{Match: "Tove", Text: "moss"})), Parse: prompt.Text,
	}
	for _, r := range prompt.Batch(context.Background(), chain.Step(), []map[string]string{{"name": "Mira"}, {"name": "Tove"}}, 2) {
		fmt.Println(r.Value, r.Err)
	}
	calls, usage, _ := meter.Total()
	fmt.Println(calls, "calls,", usage.CompletionTokens, "tokens written")
	// Output:
	// sage <nil>
	// moss <nil>
	// 2 calls, 2 tokens written
}

// The text is shown as it is written.
func ExampleTextChain() {
	client := generate.New(fake.New(fake.Script{Answers: []fake.Answer{{Text: "A cool linen dress."}}}), generate.Options{})
	defer client.Close()
	chain := prompt.TextChain{
		Template: template("---\nname: line\nvariables: [{name: name}]\n---\nDescribe {{name}}.\n"),
		Model: func(ctx context.Context, messages []stylesprint.Message, emit func(string) error) (stylesprint.Reply, error) {
			return client.Stream(ctx, generate.Request{Messages: messages}, func(d generate.Delta) error { return emit(d.Text) })
		},
	}
	out, err := chain.Run(context.Background(), map[string]string{"name": "Mira"}, func(piece string) error {
		fmt.Printf("%s|", piece)
		return nil
	})
	fmt.Printf("\n%s %v\n", out.Value, err)
	// Output:
	// A| cool| linen| dress.|
	// A cool linen dress. <nil>
}

// Passages are looked up first, and the model answers from them.
func ExampleRetrieve() {
	find := func(_ context.Context, question string) ([]prompt.Passage, error) {
		return []prompt.Passage{{Source: "care", Text: "machine wash at 30 °C"}, {Source: "fit", Text: "relaxed"}}, nil
	}
	chain := prompt.Chain[string]{
		Template: template("---\nname: qa\nvariables: [{name: question}, {name: passages}]\n---\nAnswer from these alone:\n{{passages}}\n\nQuestion: {{question}}\n"),
		Model:    ask(fake.Answer{Match: `[care] "machine wash at 30 °C"`, Text: "In the machine, at 30 °C."}), Parse: prompt.Text,
	}
	answer := prompt.Then(prompt.Retrieve(find, "question", "passages", 1), chain.Step())
	text, err := answer(context.Background(), map[string]string{"question": "How do I wash it?"})
	fmt.Println(text, err)
	// Output: In the machine, at 30 °C. <nil>
}

// A whole application: POST {"prompt": ...} is answered with {"generated_text": ...}, through a
// template and a model, with an error that says what is wrong. `stylesprint serve` does the same with limits,
// streams, metrics and a request log.
func Example_application() {
	chain := prompt.Chain[string]{
		Template: template("---\nname: shop\nvariables: [{name: prompt, required: true}]\n---\n[system]\nYou write for a fashion shop.\n\n[user]\n{{prompt}}\n"),
		Model:    ask(fake.Answer{Text: "A cool linen shirt."}), Parse: prompt.Text,
	}
	mux := http.NewServeMux()
	mux.HandleFunc("POST /generate/", func(w http.ResponseWriter, r *http.Request) {
		var body struct{ Prompt string }
		if json.NewDecoder(r.Body).Decode(&body) != nil || strings.TrimSpace(body.Prompt) == "" {
			http.Error(w, `{"detail":"Prompt is required"}`, http.StatusBadRequest)
			return
		}
		out, err := chain.Run(r.Context(), map[string]string{"prompt": body.Prompt})
		if err != nil {
			http.Error(w, `{"detail":"the model did not answer"}`, http.StatusBadGateway)
			return
		}
		json.NewEncoder(w).Encode(map[string]string{"generated_text": out.Value})
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	for _, body := range []string{`{"prompt": "Describe a linen shirt."}`, `{}`} {
		resp, err := http.Post(server.URL+"/generate/", "application/json", strings.NewReader(body))
		if err != nil {
			fmt.Println(err)
			return
		}
		text, _ := io.ReadAll(resp.Body)
		resp.Body.Close()
		fmt.Print(resp.StatusCode, " ", string(text))
	}
	// Output:
	// 200 {"generated_text":"A cool linen shirt."}
	// 400 {"detail":"Prompt is required"}
}
