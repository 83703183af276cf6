// Package gpt2 reads GPT-2: its config, and its weights, which keep every linear layer transposed
// and query, key and value in one matrix, into the decoder of package gpt.
//
// Key words: config, load.
//
//	config, err := gpt2.ParseConfig(configJSON)
//	model, err := gpt2.Load(machine, loader, config)
//
// What a config asks for and this package does not do is refused by name.
package gpt2

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"

	"stylesprint/engine/nn"
	"stylesprint/engine/nn/arch/gpt"
	"stylesprint/engine/nn/kernel"
)

// Config is the shape of a model.
type Config struct {
	gpt.Config
	ScaleByDim   bool // query times key is divided by √HeadDim
	ScaleByLayer bool // and by the number of the layer, from 1
}

// ParseConfig reads a Hugging Face config.json. reorder_and_upcast_attn says how half precision is rounded
// and does not matter here, where scores are float32.
func ParseConfig(data []byte) (Config, error) {
	j := struct {
		ModelType      string  `json:"model_type"`
		Vocabulary     int     `json:"vocab_size"`
		Layers         int     `json:"n_layer"`
		Width          int     `json:"n_embd"`
		Hidden         *int    `json:"n_inner"`
		Heads          int     `json:"n_head"`
		Positions      int     `json:"n_positions"`
		Context        *int    `json:"n_ctx"`
		NormEps        float64 `json:"layer_norm_epsilon"`
		Activation     string  `json:"activation_function"`
		ScaleByDim     bool    `json:"scale_attn_weights"`
		ScaleByLayer   bool    `json:"scale_attn_by_inverse_layer_idx"`
		CrossAttention bool    `json:"add_cross_attention"`
		Tied           bool    `json:"tie_word_embeddings"`
	}{NormEps: 1e-5, Activation: "gelu_new", ScaleByDim: true, Tied: true}
	if err := json.Unmarshal(data, &j); err != nil {
		return Config{}, fmt.Errorf("read gpt2 config: %w", err)
	}
	c := Config{
		Config: gpt.Config{
			Vocabulary: j.Vocabulary, Layers: j.Layers, Width: j.Width, Heads: j.Heads, Positions: j.Positions, Context: j.Positions,
			NormEps: j.NormEps, Tied: j.Tied,
		},
		ScaleByDim: j.ScaleByDim, ScaleByLayer: j.ScaleByLayer,
	}
	if j.ModelType != "gpt2" {
		return c, fmt.Errorf("read gpt2 config: model_type %q is not supported", j.ModelType)
	}
	if j.CrossAttention {
		return c, errors.New("read gpt2 config: add_cross_attention is not supported")
	}
	var ok bool
	if c.Activation, ok = nn.ParseActivation(j.Activation); !ok {
		return c, fmt.Errorf("read gpt2 config: activation_function %q is not supported", j.Activation)
	}
	if c.Hidden = 4 * c.Width; j.Hidden != nil {
		c.Hidden = *j.Hidden
	}
	if j.Context != nil {
		c.Context = min(c.Context, *j.Context)
	}
	if err := c.Check(); err != nil {
		return c, fmt.Errorf("read gpt2 config: %w", err)
	}
	return c, nil
}

// Load reads a model. Names may begin with "transformer.", as in files of a model with a head.
func Load(m *kernel.Machine, l *nn.Loader, c Config) (*gpt.Model, error) {
	r := gpt.NewReader(l, c.Config)
	model, err := gpt.Load(m, r, func(i int, at string) gpt.Block {
		l.Ignore(at+"attn.bias", at+"attn.masked_bias") // the causal mask
		w := c.Width
		qkv := conv(l, at+"attn.c_attn", w, w, w, w)
		b := gpt.Block{
			AttentionNorm: r.Norm(at + "ln_1"), FeedForwardNorm: r.Norm(at + "ln_2"),
			Query: qkv[0], Key: qkv[1], Value: qkv[2], Scale: 1,
			Out:  conv(l, at+"attn.c_proj", w, w)[0],
			Up:   conv(l, at+"mlp.c_fc", w, c.Hidden)[0],
			Down: conv(l, at+"mlp.c_proj", c.Hidden, w)[0],
		}
		if c.ScaleByDim {
			b.Scale = float32(1 / math.Sqrt(float64(c.HeadDim())))
		}
		if c.ScaleByLayer {
			b.Scale /= float32(i + 1)
		}
		return b
	})
	if err != nil {
		return nil, fmt.Errorf("read gpt2 weights: %w", err)
	}
	return model, nil
}

// conv reads what transformers calls a Conv1D: linear layers side by side, as {in, out}.
func conv(l *nn.Loader, name string, in int, out ...int) []nn.Linear {
	weights := l.LinearColumns(name+".weight", in, out...)
	columns := 0
	for _, n := range out {
		columns += n
	}
	bias := l.Vector(name+".bias", columns)
	layers := make([]nn.Linear, len(out))
	for i, n := range out {
		layers[i] = nn.Linear{Weight: weights[i]}
		if bias != nil { // nil after a fault
			layers[i].Bias, bias = bias[:n:n], bias[n:]
		}
	}
	return layers
}
