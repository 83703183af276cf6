package gateway_test

import (
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"stylesprint"
	"stylesprint/gateway"
	"stylesprint/generate/fake"
)

// The official client is the judge of what a client accepts.
func oracle(t *testing.T) openai.Client {
	t.Helper()
	s := serve(t, setup{o: gateway.Options{Models: []gateway.Model{
		text(fake.Script{Model: "fake", ContextTokens: 300, Refuse: []string{"tools", "response_format"}, Answers: []fake.Answer{
			{Match: "limited", Err: &stylesprint.Error{Code: stylesprint.CodeRateLimited, Message: "slow down"}},
			{Match: "down", Err: &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "it is down"}},
			{Match: "half", Text: "one two three", After: 2, Err: &stylesprint.Error{Code: stylesprint.CodeUpstream, Message: "before its answer was whole"}},
			{Text: "A <cool> linen\nshirt, naïve 👗."},
		}}), vectors(),
	}}})
	return openai.NewClient(option.WithBaseURL(s.url+"/v1"), option.WithAPIKey("ignored"), option.WithHTTPClient(s.client), option.WithMaxRetries(0))
}

const said = "A <cool> linen\nshirt, naïve 👗."

func question(text string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{Model: "fake", Messages: []openai.ChatCompletionMessageParamUnion{
		openai.DeveloperMessage("Be brief."), openai.UserMessage(text),
	}}
}

func TestOfficialClientChat(t *testing.T) {
	t.Parallel()
	c := oracle(t)
	p := question("x")
	p.Temperature, p.MaxCompletionTokens, p.Seed = openai.Float(0), openai.Int(50), openai.Int(3)
	got, err := c.Chat.Completions.New(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	if got.Choices[0].Message.Content != said || got.Choices[0].Message.Role != "assistant" || got.Choices[0].FinishReason != "stop" ||
		got.Usage.TotalTokens != got.Usage.PromptTokens+got.Usage.CompletionTokens || got.Usage.CompletionTokens != 6 ||
		got.Model != "fake" || !strings.HasPrefix(got.ID, "chatcmpl-") || got.Object != "chat.completion" || got.Created == 0 {
		t.Errorf("%s", got.RawJSON())
	}
	// An answer can be sent back as the next turn.
	p.Messages = append(p.Messages, got.Choices[0].Message.ToParam(), openai.UserMessage("more"))
	if _, err := c.Chat.Completions.New(t.Context(), p); err != nil {
		t.Error(err)
	}
}

func TestOfficialClientChatStream(t *testing.T) {
	t.Parallel()
	c := oracle(t)
	p := question("x")
	p.StreamOptions.IncludeUsage = openai.Bool(true)
	stream := c.Chat.Completions.NewStreaming(t.Context(), p)
	var acc openai.ChatCompletionAccumulator
	for stream.Next() {
		if !acc.AddChunk(stream.Current()) {
			t.Fatalf("chunk does not belong: %s", stream.Current().RawJSON())
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if acc.Choices[0].Message.Content != said || acc.Choices[0].FinishReason != "stop" || acc.Usage.CompletionTokens != 6 || acc.Choices[0].Message.Role != "assistant" {
		t.Errorf("%+v", acc.ChatCompletion)
	}
}

func TestOfficialClientCompletions(t *testing.T) {
	t.Parallel()
	c := oracle(t)
	p := openai.CompletionNewParams{Model: "fake", Prompt: openai.CompletionNewParamsPromptUnion{OfString: openai.String("Once")}}
	got, err := c.Completions.New(t.Context(), p)
	if err != nil || got.Choices[0].Text != said || got.Choices[0].FinishReason != "stop" {
		t.Errorf("%+v, %v", got, err)
	}
	stream := c.Completions.NewStreaming(t.Context(), p)
	var text string
	for stream.Next() {
		text += stream.Current().Choices[0].Text
	}
	if text != said || stream.Err() != nil {
		t.Errorf("%q, %v", text, stream.Err())
	}
}

func TestOfficialClientEmbeddings(t *testing.T) {
	t.Parallel()
	c := oracle(t)
	p := openai.EmbeddingNewParams{Model: "vec", Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"linen shirt", "a"}}}
	got, err := c.Embeddings.New(t.Context(), p)
	if err != nil {
		t.Fatal(err)
	}
	// "linen shirt" has 3 vowels, 7 consonants and a space.
	length := math.Sqrt(3*3 + 7*7 + 1)
	v := got.Data[0].Embedding
	if len(got.Data) != 2 || got.Data[1].Index != 1 || len(v) != 3 || math.Abs(v[0]-3/length) > 1e-6 || got.Usage.PromptTokens != 3 || got.Model != "vec" {
		t.Errorf("%s", got.RawJSON())
	}
	p.EncodingFormat = openai.EmbeddingNewParamsEncodingFormatBase64
	p.Input = openai.EmbeddingNewParamsInputUnion{OfString: openai.String("linen shirt")}
	packed, err := c.Embeddings.New(t.Context(), p)
	var base64 struct{ Data []struct{ Embedding []byte } }
	if uerr := json.Unmarshal([]byte(packed.RawJSON()), &base64); err != nil || uerr != nil || len(base64.Data[0].Embedding) != 12 {
		t.Errorf("%v %v %s", err, uerr, packed.RawJSON())
	}
}

func TestOfficialClientModels(t *testing.T) {
	t.Parallel()
	c := oracle(t)
	page, err := c.Models.List(t.Context())
	if err != nil || len(page.Data) != 2 || page.Data[0].ID != "fake" || page.Data[0].Created == 0 || page.Data[0].OwnedBy == "" {
		t.Fatalf("%+v, %v", page, err)
	}
	m, err := c.Models.Get(t.Context(), "vec")
	if err != nil || m.ID != "vec" {
		t.Errorf("%+v, %v", m, err)
	}
}

func TestOfficialClientErrors(t *testing.T) {
	t.Parallel()
	c := oracle(t)
	cases := []struct {
		name   string
		change func(*openai.ChatCompletionNewParams)
		status int
		code   string
		param  string
	}{
		{"model", func(p *openai.ChatCompletionNewParams) { p.Model = "gpt-9" }, 404, "model_not_found", "model"},
		{"limited", func(p *openai.ChatCompletionNewParams) { p.Messages[1] = openai.UserMessage("limited") }, 429, "rate_limit_exceeded", ""},
		{"down", func(p *openai.ChatCompletionNewParams) { p.Messages[1] = openai.UserMessage("down") }, 503, "unavailable", ""},
		{"context", func(p *openai.ChatCompletionNewParams) { p.MaxTokens = openai.Int(300) }, 400, "context_length_exceeded", ""},
		{"tools", func(p *openai.ChatCompletionNewParams) {
			p.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{Name: "f"})}
		}, 400, "unsupported", "tools"},
	}
	for _, k := range cases {
		t.Run(k.name, func(t *testing.T) {
			t.Parallel()
			p := question("x")
			k.change(&p)
			_, err := c.Chat.Completions.New(t.Context(), p)
			var e *openai.Error
			if !errors.As(err, &e) || e.StatusCode != k.status || e.Code != k.code || e.Param != k.param || e.Message == "" || e.Type == "" {
				t.Errorf("plain: %v", err)
			}
			stream := c.Chat.Completions.NewStreaming(t.Context(), p)
			for stream.Next() {
				t.Errorf("chunk %s", stream.Current().RawJSON())
			}
			if err := stream.Err(); !errors.As(err, &e) || e.StatusCode != k.status {
				t.Errorf("streamed: %v", err)
			}
		})
	}
	stream := c.Chat.Completions.NewStreaming(t.Context(), question("half"))
	var text string
	for stream.Next() {
		text += stream.Current().Choices[0].Delta.Content
	}
	if err := stream.Err(); err == nil || !strings.Contains(err.Error(), "before its answer was whole") || text != "one two" {
		t.Errorf("midway: text %q, error %v", text, err)
	}
}
