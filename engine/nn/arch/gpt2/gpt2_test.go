package gpt2

import (
	"reflect"
	"strings"
	"testing"

	"stylesprint/engine/nn/arch/gpt"
	"stylesprint/engine/nn/kernel"
)

const small = `{"model_type": "gpt2", "vocab_size": 50257, "n_layer": 12, "n_embd": 768, "n_head": 12, "n_positions": 1024, "n_ctx": 1024,
	"layer_norm_epsilon": 1e-05, "activation_function": "gelu_new"}`

func TestParseConfig(t *testing.T) {
	t.Parallel()
	want := Config{ScaleByDim: true, Config: gpt.Config{
		Vocabulary: 50257, Layers: 12, Width: 768, Hidden: 3072, Heads: 12, Positions: 1024, Context: 1024, NormEps: 1e-5,
		Activation: kernel.GELUTanh, Tied: true,
	}}
	if got, err := ParseConfig([]byte(small)); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	changed := want
	changed.Hidden, changed.Context, changed.ScaleByLayer, changed.ScaleByDim = 100, 512, true, false
	given := strings.Replace(small, `"n_ctx": 1024`, `"n_ctx": 512, "n_inner": 100, "scale_attn_weights": false, "scale_attn_by_inverse_layer_idx": true, "reorder_and_upcast_attn": true`, 1)
	if got, err := ParseConfig([]byte(given)); err != nil || !reflect.DeepEqual(got, changed) {
		t.Errorf("got %+v, %v; want %+v", got, err, changed)
	}
	for _, c := range [][3]string{
		{`"gpt2"`, `"gpt3"`, `"gpt3"`},
		{`"gelu_new"`, `"relu"`, `"relu"`},
		{`"n_head": 12`, `"n_head": 7`, "divide into 7 heads"},
		{`"n_head": 12`, `"n_head": 256`, "odd"},
		{`"n_head": 12`, `"n_head": 0`, "heads is 0"},
		{`"n_layer": 12`, `"n_layer": 20000000`, "layers is 20000000"},
		{`"n_ctx": 1024`, `"n_ctx": 0`, "context is 0"},
		{`"n_ctx": 1024`, `"n_inner": -1`, "feed-forward width is -1"},
		{`"n_ctx": 1024`, `"add_cross_attention": true`, "add_cross_attention"},
		{`1e-05`, `-1`, "epsilon"},
		{`50257`, `"many"`, "read gpt2 config"},
	} {
		if _, err := ParseConfig([]byte(strings.Replace(small, c[0], c[1], 1))); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s: got error %v, want one with %q", c[1], err, c[2])
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte(`{"model_type":"gpt2","n_head":-1,"n_inner":null}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseConfig(data)
		if err == nil && c.Check() != nil {
			t.Errorf("%s: accepted, but %v", data, c.Check())
		}
	})
}
