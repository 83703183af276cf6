package gptneo

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"stylesprint/engine/nn/arch/gpt"
	"stylesprint/engine/nn/kernel"
)

const neo125 = `{"model_type": "gpt_neo", "vocab_size": 50257, "num_layers": 12, "hidden_size": 768, "intermediate_size": null, "num_heads": 12,
	"max_position_embeddings": 2048, "layer_norm_epsilon": 1e-05, "activation_function": "gelu_new", "window_size": 256,
	"attention_types": [[["global", "local"], 6]], "attention_layers": ["global", "local"]}`

func TestParseConfig(t *testing.T) {
	t.Parallel()
	want := Config{Config: gpt.Config{
		Vocabulary: 50257, Layers: 12, Width: 768, Hidden: 3072, Heads: 12, Positions: 2048, Context: 2048, NormEps: 1e-5,
		Activation: kernel.GELUTanh, Tied: true,
	}, Windows: []int{0, 256, 0, 256, 0, 256, 0, 256, 0, 256, 0, 256}}
	if got, err := ParseConfig([]byte(neo125)); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	const types = `[[["global", "local"], 6]]`
	mixed := strings.Replace(neo125, types, `[[["local"], 2], [["global"], 9], [["local"], 1]]`, 1)
	if got, err := ParseConfig([]byte(mixed)); err != nil || !slices.Equal(got.Windows, []int{256, 256, 0, 0, 0, 0, 0, 0, 0, 0, 0, 256}) {
		t.Errorf("got %v, %v", got.Windows, err)
	}
	without := strings.Replace(strings.Replace(neo125, `"num_layers": 12`, `"num_layers": 24`, 1), `"attention_types": `+types+`, `, "", 1)
	if got, err := ParseConfig([]byte(without)); err != nil || len(got.Windows) != 24 || got.Windows[23] != 256 {
		t.Errorf("got %v, %v; want transformers' own layers", got.Windows, err)
	}
	for _, c := range [][3]string{
		{`"gpt_neo"`, `"gpt_neox"`, `"gpt_neox"`},
		{`"gelu_new"`, `"relu"`, `"relu"`},
		{`"num_heads": 12`, `"num_heads": 7`, "divide into 7 heads"},
		{`"window_size": 256`, `"window_size": -1`, "window_size is -1"},
		{types, `[[["global", "sparse"], 6]]`, `"sparse"`},
		{types, `[[["global", "local"], 5]]`, "10 layers of 12"},
		{types, `[[["global"], 2000000000], [["local"], 6]]`, "does not describe 12 layers"},
		{types, `[[[], 2000000000]]`, "0 layers of 12"},
		{types, `[[["global"], -1]]`, "does not describe 12 layers"},
		{types, `[[["global"]]]`, "want pairs"},
		{types, `"global"`, "read gpt_neo config"},
	} {
		if _, err := ParseConfig([]byte(strings.Replace(neo125, c[0], c[1], 1))); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s: got error %v, want one with %q", c[1], err, c[2])
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(neo125))
	f.Add([]byte(`{"model_type":"gpt_neo","num_heads":1,"attention_types":[[["local"],1],null]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseConfig(data)
		if err == nil && (c.Check() != nil || len(c.Windows) != c.Layers) {
			t.Errorf("%s: accepted, but %v, %d windows", data, c.Check(), len(c.Windows))
		}
	})
}
