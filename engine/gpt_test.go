package engine

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// gptModels lists the small random models of the GPT family in testdata.
func gptModels() []string { return []string{"gpt2", "gpt2-scaled", "gpt-neo"} }

func TestGPTLogits(t *testing.T) {
	t.Parallel()
	for _, name := range gptModels() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := golden(t, name)
			tokens, want := goldenInts(t, g, "tokens"), goldenFloats(t, g, "logits")
			eachLevel(t, func(t *testing.T, cpu string) {
				m := openTiny(t, name, Options{Precision: Exact, CPU: cpu, Threads: 2})
				for _, sizes := range [][]int{{len(tokens)}, {1}, {7, 1, 20}, {33}} {
					if d := maxDifference(logitsInPieces(t, m, tokens, sizes...), want); d > parityTolerance {
						t.Errorf("pieces of %v: logits differ by up to %g from transformers, want at most %g", sizes, d, parityTolerance)
					}
				}
				fast := openTiny(t, name, Options{Precision: Fast, CPU: cpu, Threads: 2})
				if c := cosine(logitsInPieces(t, fast, tokens, 16), want); c < 0.995 {
					t.Errorf("fast: cosine of all logits to transformers is %g, want at least 0.995", c)
				}
			})
		})
	}
}

type greedyCase struct {
	Prompt       string
	PromptTokens []int32 `json:"prompt_tokens"`
	Tokens       []int32
	Text         string
}

func TestGPTGreedyText(t *testing.T) {
	t.Parallel()
	var cases map[string][]greedyCase
	readTestJSON(t, "gpt-greedy.json", &cases)
	for _, name := range gptModels() {
		if len(cases[name]) < 5 {
			t.Fatalf("%d cases for %s", len(cases[name]), name)
		}
		eachLevel(t, func(t *testing.T, cpu string) {
			m := openTiny(t, name, Options{Precision: Exact, CPU: cpu, Threads: 2})
			for _, c := range cases[name] {
				for _, r := range []Request{{Prompt: c.Prompt, MaxTokens: 32}, {Messages: []ChatMessage{{"user", c.Prompt}}, MaxTokens: 32}} {
					ids, err := m.words.encode(r)
					if err != nil || !slices.Equal(ids, c.PromptTokens) {
						t.Errorf("%s, %q: prompt tokens %v, %v; want %v", name, c.Prompt, ids, err, c.PromptTokens)
						continue
					}
					got, err := m.Generate(context.Background(), r, nil)
					if err != nil {
						t.Fatal(err)
					}
					if got.Text != c.Text || !slices.Equal(got.Tokens, c.Tokens) {
						t.Errorf("%s, %q:\n got %q %v\nwant %q %v", name, c.Prompt, got.Text, got.Tokens, c.Text, c.Tokens)
					}
				}
			}
		})
	}
}

// A base model ends its text with <|endoftext|>, whichever file names it.
func TestGPTEnds(t *testing.T) {
	t.Parallel()
	for _, name := range gptModels() {
		m := openTiny(t, name, Options{CPU: "portable", Threads: 1})
		id, ok := m.words.tokenizer.TokenID("<|endoftext|>")
		if !ok || !m.words.ends[id] || len(m.words.ends) != 1 || !m.words.tokenizer.IsSpecial(id) {
			t.Errorf("%s: <|endoftext|> is %d, %t; ends %v", name, id, ok, m.words.ends)
		}
		if m.words.chat != nil || m.words.chatErr != nil {
			t.Errorf("%s: a chat template, %v", name, m.words.chatErr)
		}
	}
}

// There is no vector for a position beyond the table's.
func TestGPTContext(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		model string
		limit int
		file  map[string][2]string
	}{
		{"gpt2", 160, nil}, {"gpt-neo", 160, nil},
		{"gpt2", 100, map[string][2]string{"config.json": {`"n_ctx": 160`, `"n_ctx": 100`}}},
	} {
		m, err := OpenLanguageModel(context.Background(), copyModel(t, c.model, c.file), Options{Threads: 1})
		if err != nil {
			t.Fatal(err)
		}
		defer m.Close()
		prompt := strings.Repeat("=", c.limit-9)
		var limit *ContextError
		_, err = m.Generate(context.Background(), Request{Prompt: prompt, MaxTokens: 10}, nil)
		if !errors.As(err, &limit) || limit.Limit != c.limit || limit.Tokens != c.limit+1 {
			t.Errorf("%s: got %v, want a ContextError of %d tokens with limit %d", c.model, err, c.limit+1, c.limit)
		}
		r, err := m.Generate(context.Background(), Request{Prompt: prompt, MaxTokens: 9}, nil)
		if err != nil || r.PromptTokens != c.limit-9 || r.CompletionTokens == 0 {
			t.Errorf("%s: got %+v, %v; want as many tokens as there are positions", c.model, r, err)
		}
		if sum, n, err := m.NegativeLogLikelihood(context.Background(), strings.Repeat("the shirt ", 60)); err != nil || !(sum > 0) || n < c.limit {
			t.Errorf("%s: likelihood of a text beyond the context: %g over %d, %v", c.model, sum, n, err)
		}
	}
}

func TestOpenGPTFaults(t *testing.T) {
	t.Parallel()
	remove := func(dir string, names ...string) {
		for _, n := range names {
			if err := os.Remove(filepath.Join(dir, n)); err != nil {
				t.Fatal(err)
			}
		}
	}
	for _, c := range []struct {
		model   string
		changes map[string][2]string
		removed []string
		want    string
	}{
		{"gpt2", map[string][2]string{"config.json": {`"n_layer": 2`, `"n_layer": 1`}}, nil, "no place for: h.1."},
		{"gpt2", map[string][2]string{"config.json": {`"n_layer": 2`, `"n_layer": 3`}}, nil, "tensor h.2."},
		{"gpt2", map[string][2]string{"config.json": {`"n_positions": 160`, `"n_positions": 128`}}, nil, "wpe.weight has the shape [160 48], want [128 48]"},
		{"gpt2", map[string][2]string{"config.json": {`"gelu_new"`, `"relu"`}}, nil, `activation_function "relu"`},
		{"gpt2", map[string][2]string{"vocab.json": {`"!"`, `"!?"`}}, []string{"merges.txt"}, "vocab.json alone is not read"},
		{"gpt2", map[string][2]string{"merges.txt": {"h e", "h h"}}, nil, "merge 2"},
		{"gpt2", map[string][2]string{"pytorch_model.bin": {"", "x"}}, []string{"model.safetensors"}, "pytorch_model.bin, a pickle"},
		{"gpt2-scaled", nil, []string{"model-00002-of-00002.safetensors"}, "model-00002-of-00002.safetensors"},
		{"gpt2-scaled", nil, []string{"tokenizer.json"}, "the folder has no tokenizer.json"},
		{"gpt2-scaled", map[string][2]string{"config.json": {`"tie_word_embeddings": false`, `"tie_word_embeddings": false, "add_cross_attention": true`}}, nil, "add_cross_attention"},
		{"gpt-neo", map[string][2]string{"config.json": {`"window_size": 20`, `"window_size": 0`}}, nil, "window_size is 0"},
		{"gpt-neo", map[string][2]string{"config.json": {`"tie_word_embeddings": true`, `"tie_word_embeddings": false`}}, nil, "tensor lm_head.weight is missing"},
	} {
		dir := copyModel(t, c.model, c.changes)
		remove(dir, c.removed...)
		m, err := OpenLanguageModel(context.Background(), dir, Options{Threads: 1})
		if err == nil {
			m.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %v: got error %v, want one with %q", c.model, c.changes, err, c.want)
		}
	}
}
