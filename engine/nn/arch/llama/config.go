// Package llama is the decoder of the llama family: RMS norms, rotary
// positions, grouped-query attention and a gated feed-forward layer. Without biases, without experts.
//
// Key words: config, names, model, state, batch.
//
//	config, err := llama.ParseConfig(configJSON)
//	model, err := llama.Load(machine, loader, config, llama.HuggingFace())
//	state := model.NewState(nn.StateOptions{Rows: 512, Logits: 8})
//	state.Forward(pages, &batch)                 // one step of many sequences
//	logits := state.Logits(0, len(batch.Wanted))
//
// What a config asks for and this package does not do is refused by name. A
// Model is read-only and safe for concurrent use; a State belongs to one
// goroutine, which reuses it step after step without allocating.
package llama

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// Config is the shape of a model.
type Config struct {
	Vocabulary int
	Layers     int
	Width      int // of the residual stream
	Hidden     int // of the feed-forward layer
	Heads      int // query heads
	KVHeads    int // key and value heads; Heads is a multiple
	HeadDim    int
	Context    int // positions that the model was made for
	RopeBase   float64
	NormEps    float64
	Tied       bool // the output matrix is the embedding table
}

type jsonRope struct {
	Theta   *float64 `json:"rope_theta"`
	Type    string   `json:"rope_type"`
	OldType string   `json:"type"`
	Partial *float64 `json:"partial_rotary_factor"`
}

type jsonConfig struct {
	ModelType     string    `json:"model_type"`
	Vocabulary    int       `json:"vocab_size"`
	Layers        int       `json:"num_hidden_layers"`
	Width         int       `json:"hidden_size"`
	Hidden        int       `json:"intermediate_size"`
	Heads         int       `json:"num_attention_heads"`
	KVHeads       *int      `json:"num_key_value_heads"`
	HeadDim       *int      `json:"head_dim"`
	Context       int       `json:"max_position_embeddings"`
	RopeTheta     *float64  `json:"rope_theta"`
	Rope          *jsonRope `json:"rope_parameters"`
	Scaling       *jsonRope `json:"rope_scaling"`
	NormEps       *float64  `json:"rms_norm_eps"`
	Activation    string    `json:"hidden_act"`
	AttentionBias bool      `json:"attention_bias"`
	MLPBias       bool      `json:"mlp_bias"`
	Tied          bool      `json:"tie_word_embeddings"`
}

// ParseConfig reads a Hugging Face config.json.
func ParseConfig(data []byte) (Config, error) {
	var j jsonConfig
	if err := json.Unmarshal(data, &j); err != nil {
		return Config{}, fmt.Errorf("read llama config: %w", err)
	}
	c := Config{
		Vocabulary: j.Vocabulary, Layers: j.Layers, Width: j.Width, Hidden: j.Hidden, Heads: j.Heads, KVHeads: j.Heads,
		Context: j.Context, RopeBase: 10000, NormEps: 1e-6, Tied: j.Tied,
	}
	if j.ModelType != "llama" {
		return c, fmt.Errorf("read llama config: model_type %q is not supported", j.ModelType)
	}
	if j.KVHeads != nil {
		c.KVHeads = *j.KVHeads
	}
	if c.Heads > 0 {
		c.HeadDim = c.Width / c.Heads
	}
	if j.HeadDim != nil {
		c.HeadDim = *j.HeadDim
	}
	if j.NormEps != nil {
		c.NormEps = *j.NormEps
	}
	for _, theta := range []*float64{j.RopeTheta, j.Rope.theta(), j.Scaling.theta()} {
		if theta != nil {
			c.RopeBase = *theta
		}
	}
	switch {
	case j.Activation != "" && j.Activation != "silu":
		return c, fmt.Errorf("read llama config: hidden_act %q is not supported", j.Activation)
	case j.AttentionBias:
		return c, errors.New("read llama config: attention_bias is not supported")
	case j.MLPBias:
		return c, errors.New("read llama config: mlp_bias is not supported")
	}
	if err := cmp.Or(j.Rope.check(), j.Scaling.check()); err != nil {
		return c, fmt.Errorf("read llama config: %w", err)
	}
	return c, c.Check()
}

func (r *jsonRope) theta() *float64 {
	if r == nil {
		return nil
	}
	return r.Theta
}

func (r *jsonRope) check() error {
	if r == nil {
		return nil
	}
	for _, t := range []string{r.Type, r.OldType} {
		if t != "" && t != "default" {
			return fmt.Errorf("rotary scaling of type %q is not supported", t)
		}
	}
	if r.Partial != nil && *r.Partial != 1 {
		return fmt.Errorf("partial_rotary_factor %g is not supported", *r.Partial)
	}
	return nil
}

// Metadata is the key-value part of a GGUF file.
type Metadata interface {
	Has(key string) bool
	Int(key string) (int, bool)
	Float(key string) (float64, bool)
	String(key string) (string, bool)
}

// ConfigFromGGUF reads a GGUF file's metadata. vocabulary is the number of rows of
// the embedding table, tied whether there is no output matrix beside it.
func ConfigFromGGUF(meta Metadata, vocabulary int, tied bool) (Config, error) {
	c := Config{Vocabulary: vocabulary, RopeBase: 10000, NormEps: 1e-6, Tied: tied}
	for _, f := range []struct {
		dst *int
		key string
	}{
		{&c.Layers, "llama.block_count"}, {&c.Width, "llama.embedding_length"}, {&c.Hidden, "llama.feed_forward_length"},
		{&c.Heads, "llama.attention.head_count"}, {&c.Context, "llama.context_length"},
	} {
		v, ok := meta.Int(f.key)
		if !ok {
			return c, fmt.Errorf("read llama config: metadata key %s is missing or not a number", f.key)
		}
		*f.dst = v
	}
	c.KVHeads = c.Heads
	if v, ok := meta.Int("llama.attention.head_count_kv"); ok {
		c.KVHeads = v
	}
	if c.Heads > 0 {
		c.HeadDim = c.Width / c.Heads
	}
	if v, ok := meta.Int("llama.attention.key_length"); ok {
		c.HeadDim = v
	}
	if v, ok := meta.Float("llama.rope.freq_base"); ok {
		c.RopeBase = v
	}
	if v, ok := meta.Float("llama.attention.layer_norm_rms_epsilon"); ok {
		c.NormEps = v
	}
	return c, cmp.Or(c.Check(), c.refuseGGUF(meta))
}

// refuseGGUF names what the metadata asks for beyond this package.
func (c Config) refuseGGUF(meta Metadata) error {
	if v, ok := meta.Int("llama.attention.value_length"); ok && v != c.HeadDim {
		return fmt.Errorf("read llama config: value heads of size %d beside key heads of size %d are not supported", v, c.HeadDim)
	}
	if v, ok := meta.Int("llama.rope.dimension_count"); ok && v != c.HeadDim {
		return fmt.Errorf("read llama config: rotating %d of %d dimensions is not supported", v, c.HeadDim)
	}
	if v, ok := meta.String("llama.rope.scaling.type"); ok && v != "none" {
		return fmt.Errorf("read llama config: rotary scaling of type %q is not supported", v)
	}
	if v, ok := meta.Int("llama.expert_count"); ok && v != 0 {
		return errors.New("read llama config: experts are not supported")
	}
	for _, key := range []string{"llama.rope.scale_linear", "llama.attention.sliding_window"} {
		if meta.Has(key) {
			return fmt.Errorf("read llama config: %s is not supported", key)
		}
	}
	return nil
}

// Check reports sizes that no model has.
func (c Config) Check() error {
	const most = 1 << 20
	for _, f := range []struct {
		name  string
		value int
	}{
		{"vocabulary", c.Vocabulary}, {"layers", c.Layers}, {"width", c.Width}, {"feed-forward width", c.Hidden}, {"heads", c.Heads},
		{"key and value heads", c.KVHeads}, {"head size", c.HeadDim}, {"context", c.Context},
	} {
		if f.value <= 0 || f.value > most {
			return fmt.Errorf("llama config: %s is %d; want 1 to %d", f.name, f.value, most)
		}
	}
	if c.Heads%c.KVHeads != 0 {
		return fmt.Errorf("llama config: %d query heads are not a multiple of %d key and value heads", c.Heads, c.KVHeads)
	}
	if c.HeadDim%2 != 0 {
		return fmt.Errorf("llama config: the head size %d is odd", c.HeadDim)
	}
	if !(c.RopeBase > 0) || math.IsInf(c.RopeBase, 0) || !(c.NormEps >= 0) || c.NormEps > 1 {
		return fmt.Errorf("llama config: rotary base %g or norm epsilon %g is out of range", c.RopeBase, c.NormEps)
	}
	return nil
}
