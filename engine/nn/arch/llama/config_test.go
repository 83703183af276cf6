package llama

import (
	"slices"
	"strings"
	"testing"
)

const smol = `{"model_type": "llama", "vocab_size": 49152, "num_hidden_layers": 30, "hidden_size": 576, "intermediate_size": 1536,
	"num_attention_heads": 9, "num_key_value_heads": 3, "max_position_embeddings": 8192, "rope_theta": 100000, "rms_norm_eps": 1e-05,
	"hidden_act": "silu", "rope_scaling": null, "tie_word_embeddings": true}`

func TestParseConfig(t *testing.T) {
	t.Parallel()
	want := Config{
		Vocabulary: 49152, Layers: 30, Width: 576, Hidden: 1536, Heads: 9, KVHeads: 3, HeadDim: 64, Context: 8192,
		RopeBase: 100000, NormEps: 1e-5, Tied: true,
	}
	if got, err := ParseConfig([]byte(smol)); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	newer := strings.Replace(smol, `"rope_theta": 100000`, `"rope_parameters": {"rope_theta": 100000, "rope_type": "default"}`, 1)
	if got, err := ParseConfig([]byte(newer)); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for _, c := range [][3]string{
		{`"rope_scaling": null`, `"rope_scaling": {"type": "linear", "factor": 2}`, `"linear"`},
		{`"rope_scaling": null`, `"rope_scaling": {"rope_type": "default", "partial_rotary_factor": 0.5}`, "partial_rotary_factor"},
		{`"rope_scaling": null`, `"mlp_bias": true`, "mlp_bias"},
		{`"num_key_value_heads": 3`, `"num_key_value_heads": 2`, "not a multiple"},
		{`"num_key_value_heads": 3`, `"num_key_value_heads": 3, "head_dim": 63`, "odd"},
		{`"rope_theta": 100000`, `"rope_theta": 0`, "rotary base"},
		{`"rms_norm_eps": 1e-05`, `"rms_norm_eps": -1`, "epsilon"},
		{`"hidden_size": 576`, `"hidden_size": 5760000`, "width is 5760000"},
		{`"llama"`, `"llama2"`, `"llama2"`},
	} {
		if _, err := ParseConfig([]byte(strings.Replace(smol, c[0], c[1], 1))); err == nil || !strings.Contains(err.Error(), c[2]) {
			t.Errorf("%s: got error %v, want one with %q", c[1], err, c[2])
		}
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add([]byte(smol))
	f.Add([]byte(`{"model_type":"llama","num_attention_heads":-1,"rope_parameters":{}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		c, err := ParseConfig(data)
		if err == nil && c.Check() != nil {
			t.Errorf("%s: accepted, but %v", data, c.Check())
		}
	})
}

type meta map[string]any

func (m meta) Has(key string) bool { return m[key] != nil }

func (m meta) Int(key string) (int, bool) { v, ok := m[key].(int); return v, ok }

func (m meta) Float(key string) (float64, bool) { v, ok := m[key].(float64); return v, ok }

func (m meta) String(key string) (string, bool) { v, ok := m[key].(string); return v, ok }

func TestConfigFromGGUF(t *testing.T) {
	t.Parallel()
	base := func() meta {
		return meta{
			"llama.block_count": 30, "llama.embedding_length": 576, "llama.feed_forward_length": 1536, "llama.attention.head_count": 9,
			"llama.attention.head_count_kv": 3, "llama.context_length": 8192, "llama.rope.freq_base": 1e5,
			"llama.attention.layer_norm_rms_epsilon": 1e-5, "llama.rope.dimension_count": 64, "llama.rope.scaling.type": "none", "llama.expert_count": 0,
		}
	}
	want, _ := ParseConfig([]byte(smol))
	if got, err := ConfigFromGGUF(base(), 49152, true); err != nil || got != want {
		t.Errorf("got %+v, %v; want %+v", got, err, want)
	}
	for key, c := range map[string]struct {
		value any
		want  string
	}{
		"llama.block_count":              {nil, "llama.block_count is missing"},
		"llama.rope.dimension_count":     {32, "rotating 32 of 64"},
		"llama.attention.value_length":   {32, "value heads of size 32"},
		"llama.attention.key_length":     {48, "rotating 64 of 48"},
		"llama.rope.scaling.type":        {"yarn", `"yarn"`},
		"llama.expert_count":             {8, "experts"},
		"llama.attention.sliding_window": {4096, "sliding_window"},
		"llama.rope.scale_linear":        {2.0, "scale_linear"},
		"llama.attention.head_count_kv":  {0, "key and value heads is 0"},
	} {
		m := base()
		m[key] = c.value
		if _, err := ConfigFromGGUF(m, 49152, true); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s = %v: got error %v, want one with %q", key, c.value, err, c.want)
		}
	}
}

func TestHalves(t *testing.T) {
	t.Parallel()
	if got, want := halves(2, 6), []int{0, 2, 4, 1, 3, 5, 6, 8, 10, 7, 9, 11}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}
