package bert

import (
	"strings"
	"testing"

	"stylesprint/engine/nn/kernel"
)

const mini = `{"model_type": "bert", "vocab_size": 30522, "num_hidden_layers": 6, "hidden_size": 384, "intermediate_size": 1536,
	"num_attention_heads": 12, "max_position_embeddings": 512, "type_vocab_size": 2, "layer_norm_eps": 1e-12, "hidden_act": "gelu",
	"position_embedding_type": "absolute"}`

func TestParseConfig(t *testing.T) {
	t.Parallel()
	want := Config{
		Vocabulary: 30522, Layers: 6, Width: 384, Hidden: 1536, Heads: 12, Positions: 512, Types: 2, NormEps: 1e-12, Activation: kernel.GELU,
	}
	if got, err := ParseConfig([]byte(mini)); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, c := range [][3]string{
		{`"bert"`, `"roberta"`, `"roberta"`},
		{`"absolute"`, `"relative_key"`, `"relative_key"`},
		{`"gelu"`, `"relu"`, `"relu"`},
		{`"num_attention_heads": 12`, `"num_attention_heads": 7`, "divide into 7 heads"},
		{`"num_attention_heads": 12`, `"num_attention_heads": 0`, "heads is 0"},
		{`"type_vocab_size": 2`, `"is_decoder": true`, "is_decoder"},
		{`1e-12`, `-1`, "epsilon"},
		{`30522`, `"many"`, "read bert config"},
	} {
		if _, err := ParseConfig([]byte(strings.Replace(mini, c[0], c[1], 1))); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s: got error %v, want one with %q", c[1], err, c[2])
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(mini))
	f.Add([]byte(`{"model_type":"bert","num_attention_heads":-1}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseConfig(data)
		if err == nil && c.Check() != nil {
			t.Errorf("%s: accepted, but %v", data, c.Check())
		}
	})
}
