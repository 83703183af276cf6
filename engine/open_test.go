package engine

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// copyModel copies a model folder of testdata, with changes to its files: a
// pair of old and new text for each name, or a new file where old is empty.
func copyModel(t *testing.T, name string, changes map[string][2]string) string {
	t.Helper()
	dir := t.TempDir()
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("testdata", name))); err != nil {
		t.Fatal(err)
	}
	for file, c := range changes {
		path := filepath.Join(dir, file)
		data := []byte(c[1])
		if c[0] != "" {
			old, err := os.ReadFile(path)
			if err != nil || !bytes.Contains(old, []byte(c[0])) {
				t.Fatalf("%s does not hold %q (%v)", path, c[0], err)
			}
			data = bytes.Replace(old, []byte(c[0]), data, 1)
		}
		if err := os.WriteFile(path, data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return dir
}

func TestOpenFaults(t *testing.T) {
	t.Parallel()
	long := func(s string) string { return strings.Repeat("x", len(s)) }
	for _, c := range []struct {
		model   string
		changes map[string][2]string
		want    string
	}{
		{"llama-tied", map[string][2]string{"config.json": {`"num_hidden_layers": 2`, `"num_hidden_layers": 1`}}, "no place for: model.layers.1.input_layernorm.weight, "},
		{"llama-tied", map[string][2]string{"config.json": {`"num_hidden_layers": 2`, `"num_hidden_layers": 3`}}, "tensor model.layers.2.input_layernorm.weight is missing"},
		{"llama-tied", map[string][2]string{"config.json": {`"intermediate_size": 112`, `"intermediate_size": 96`}}, "tensor model.layers.0.mlp.gate_proj.weight has the shape [112 64], want [96 64]"},
		{"llama-tied", map[string][2]string{"config.json": {`"model_type": "llama"`, `"model_type": "mamba"`}}, `model_type "mamba" is not supported`},
		{"llama-tied", map[string][2]string{"config.json": {`"hidden_act": "silu"`, `"hidden_act": "relu"`}}, `hidden_act "relu" is not supported`},
		{"llama-tied", map[string][2]string{"config.json": {`"rope_type": "default"`, `"rope_type": "yarn"`}}, `rotary scaling of type "yarn"`},
		{"llama-tied", map[string][2]string{"config.json": {`"attention_bias": false`, `"attention_bias": true`}}, "attention_bias is not supported"},
		{"llama-tied", map[string][2]string{"config.json": {`"num_attention_heads": 4`, `"num_attention_heads": 3`}}, "not a multiple"},
		{"llama-tied", map[string][2]string{"config.json": {`"hidden_size": 64`, `"hidden_size": -64`}}, "width is -64"},
		{"llama-tied", map[string][2]string{"config.json": {`{`, `[`}}, "read config.json"},
		{"llama-tied", map[string][2]string{"tokenizer.json": {`"BPE"`, `"Riddle"`}}, "Riddle"},
		{"llama-tied", map[string][2]string{"model.safetensors": {"mlp.up_proj", long("mlp.up_proj")}}, "mlp.up_proj.weight is missing"},
		{"llama-gguf", map[string][2]string{"model.gguf": {"general.architecture\x08\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00llama", "general.architecture\x08\x00\x00\x00\x05\x00\x00\x00\x00\x00\x00\x00lemma"}}, `architecture "lemma" is not supported`},
		{"llama-gguf", map[string][2]string{"model.gguf": {"blk.0.ffn_up", "blk.0.ffn_xx"}}, "tensor blk.0.ffn_up.weight is missing"},
		{"llama-gguf", map[string][2]string{"model.gguf": {"llama.block_count", "llama.clock_bount"}}, "llama.block_count is missing"},
		{"llama-gguf", map[string][2]string{"second.gguf": {"", "x"}}, "several .gguf files (model.gguf, second.gguf)"},
		{"bert", nil, `model_type "bert" is not supported for language models`},
	} {
		m, err := OpenLanguageModel(context.Background(), copyModel(t, c.model, c.changes), Options{Threads: 1})
		if err == nil {
			m.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %v: got error %v, want one with %q", c.model, c.changes, err, c.want)
		}
	}
}

func TestOpenEncoderFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		model   string
		changes map[string][2]string
		want    string
	}{
		{"bert", map[string][2]string{"config.json": {`"num_hidden_layers": 2`, `"num_hidden_layers": 1`}}, "no place for: encoder.layer.1."},
		{"bert", map[string][2]string{"config.json": {`"hidden_act": "gelu"`, `"hidden_act": "relu"`}}, `hidden_act "relu" is not supported`},
		{"bert", map[string][2]string{"modules.json": {"models.Normalize", "models.Dense"}}, "models.Dense of modules.json is not supported"},
		{"bert", map[string][2]string{"1_Pooling/config.json": {`"pooling_mode_cls_token": false`, `"pooling_mode_cls_token": true`}}, "pooling_mode_cls_token"},
		{"bert", map[string][2]string{"1_Pooling/config.json": {`"pooling_mode_mean_tokens": true`, `"pooling_mode_mean_tokens": false`}}, "does not ask for mean pooling"},
		{"llama-tied", nil, `model_type "llama" is not supported for encoders`},
		{"llama-gguf", nil, "not from GGUF"},
	} {
		e, err := OpenEncoder(context.Background(), copyModel(t, c.model, c.changes), Options{Threads: 1})
		if err == nil {
			e.Close()
		}
		if err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s, %v: got error %v, want one with %q", c.model, c.changes, err, c.want)
		}
	}
}

// SentencePiece's own file is not read: transformers writes tokenizer.json from it.
func TestOpenEncoderWithoutTokenizerJSON(t *testing.T) {
	t.Parallel()
	dir := copyModel(t, "multilingual", map[string][2]string{"sentencepiece.bpe.model": {"", "x"}})
	if err := os.Remove(filepath.Join(dir, "tokenizer.json")); err != nil {
		t.Fatal(err)
	}
	e, err := OpenEncoder(context.Background(), dir, Options{Threads: 1})
	if err == nil {
		e.Close()
	}
	if want := "no tokenizer.json, and sentencepiece.bpe.model alone is not read"; err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want one with %q", err, want)
	}
}

func TestOpenPaths(t *testing.T) {
	t.Parallel()
	ctx := context.Background()
	for path, want := range map[string]string{
		"testdata/nothing":   "no such file",
		"testdata/chat.json": "not a .gguf file",
		t.TempDir():          "neither a config.json nor a .gguf file",
	} {
		if _, err := OpenLanguageModel(ctx, path, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got error %v, want one with %q", path, err, want)
		}
	}
	for want, o := range map[string]Options{
		`precision "double"`: {Precision: "double"}, "threads: want 0 or more": {Threads: -1}, `unknown CPU level "abacus"`: {CPU: "abacus"},
	} {
		if _, err := OpenLanguageModel(ctx, "testdata/llama-tied", o); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%+v: got error %v, want one with %q", o, err, want)
		}
	}
	cancelled, cancel := context.WithCancel(ctx)
	cancel()
	if _, err := OpenLanguageModel(cancelled, "testdata/llama-tied", Options{}); !errors.Is(err, context.Canceled) {
		t.Errorf("got %v, want context.Canceled", err)
	}
}

func TestInfo(t *testing.T) {
	t.Parallel()
	sum := func(path string) string {
		data, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		h := sha256.Sum256(data)
		return hex.EncodeToString(h[:])
	}
	m := openTiny(t, "llama-gguf", Options{CPU: "portable"})
	want := Info{
		Name: "llama-gguf", Architecture: "llama", Precision: Fast, CPU: "portable", Parameters: 78848, ContextTokens: 256, Vocabulary: 267,
		SHA256: sum("testdata/llama-gguf/model.gguf"),
	}
	if got := m.Info(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	e, err := OpenEncoder(context.Background(), "testdata/bert", Options{CPU: "portable"})
	if err != nil {
		t.Fatal(err)
	}
	defer e.Close()
	want = Info{
		Name: "bert", Architecture: "bert", Precision: Exact, CPU: "portable", Parameters: 42016, ContextTokens: 40, Vocabulary: 82, Dimensions: 48,
		SHA256: sum("testdata/bert/model.safetensors"),
	}
	if got := e.Info(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}

func TestCountTokens(t *testing.T) {
	t.Parallel()
	m := openTiny(t, "llama-gguf", Options{CPU: "portable"})
	for text, want := range map[string]int{"": 0, "a": 1, " the": 1, "<|im_end|>": len("<|im_end|>")} {
		if got := m.CountTokens(text); got != want {
			t.Errorf("CountTokens(%q) = %d, want %d", text, got, want)
		}
	}
}
