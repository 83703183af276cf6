// Package gptneo reads GPT-Neo, whose layers attend by turns to everything before a token and to a
// window of it, and which does not scale attention scores, into the decoder of package gpt.
//
// Key words: config, window, load.
//
//	config, err := gptneo.ParseConfig(configJSON)
//	model, err := gptneo.Load(machine, loader, config)
//
// What a config asks for and this package does not do is refused by name.
package gptneo

import (
	"encoding/json"
	"errors"
	"fmt"

	"stylesprint/engine/nn"
	"stylesprint/engine/nn/arch/gpt"
	"stylesprint/engine/nn/kernel"
)

// Config is the shape of a model.
type Config struct {
	gpt.Config
	// Windows holds for each layer how many keys a query sees, its own included; 0 is all.
	Windows []int
}

// attentionRun is an element of attention_types, [["global", "local"], 6]: kinds of layers, and how often they repeat.
type attentionRun struct {
	kinds []string
	times int
}

func (r *attentionRun) UnmarshalJSON(data []byte) error {
	both := []any{&r.kinds, &r.times}
	if err := json.Unmarshal(data, &both); err != nil {
		return err
	}
	if len(both) != 2 {
		return errors.New("attention_types: want pairs of kinds and a number")
	}
	return nil
}

// ParseConfig reads a Hugging Face config.json.
func ParseConfig(data []byte) (Config, error) {
	j := struct {
		ModelType  string         `json:"model_type"`
		Vocabulary int            `json:"vocab_size"`
		Layers     int            `json:"num_layers"`
		Width      int            `json:"hidden_size"`
		Hidden     *int           `json:"intermediate_size"`
		Heads      int            `json:"num_heads"`
		Positions  int            `json:"max_position_embeddings"`
		NormEps    float64        `json:"layer_norm_epsilon"`
		Activation string         `json:"activation_function"`
		Window     int            `json:"window_size"`
		Attention  []attentionRun `json:"attention_types"`
		Tied       bool           `json:"tie_word_embeddings"`
	}{NormEps: 1e-5, Activation: "gelu_new", Window: 256, Tied: true}
	if err := json.Unmarshal(data, &j); err != nil {
		return Config{}, fmt.Errorf("read gpt_neo config: %w", err)
	}
	c := Config{Config: gpt.Config{
		Vocabulary: j.Vocabulary, Layers: j.Layers, Width: j.Width, Heads: j.Heads, Positions: j.Positions, Context: j.Positions,
		NormEps: j.NormEps, Tied: j.Tied,
	}}
	if j.ModelType != "gpt_neo" {
		return c, fmt.Errorf("read gpt_neo config: model_type %q is not supported", j.ModelType)
	}
	var ok bool
	if c.Activation, ok = nn.ParseActivation(j.Activation); !ok {
		return c, fmt.Errorf("read gpt_neo config: activation_function %q is not supported", j.Activation)
	}
	if c.Hidden = 4 * c.Width; j.Hidden != nil {
		c.Hidden = *j.Hidden
	}
	err := c.Check()
	if err == nil {
		if j.Attention == nil { // as transformers has it
			j.Attention = []attentionRun{{[]string{"global", "local"}, 12}}
		}
		c.Windows, err = windows(j.Attention, c.Layers, j.Window)
	}
	if err != nil {
		return c, fmt.Errorf("read gpt_neo config: %w", err)
	}
	return c, nil
}

// windows expands attention_types.
func windows(runs []attentionRun, layers, window int) ([]int, error) {
	if window < 1 || window > 1<<20 {
		return nil, fmt.Errorf("window_size is %d; want 1 to %d", window, 1<<20)
	}
	var out []int
	for _, r := range runs {
		if r.times < 0 || len(r.kinds)*min(r.times, layers+1) > layers-len(out) {
			return nil, fmt.Errorf("attention_types does not describe %d layers", layers)
		}
		for range r.times {
			for _, kind := range r.kinds {
				switch kind {
				case "global":
					out = append(out, 0)
				case "local":
					out = append(out, window)
				default:
					return nil, fmt.Errorf("attention_types: %q is not supported (global and local are)", kind)
				}
			}
			if len(r.kinds) == 0 {
				break
			}
		}
	}
	if len(out) != layers {
		return nil, fmt.Errorf("attention_types describes %d layers of %d", len(out), layers)
	}
	return out, nil
}

// Load reads a model. Names may begin with "transformer.", as in files of a model with a head.
func Load(m *kernel.Machine, l *nn.Loader, c Config) (*gpt.Model, error) {
	if len(c.Windows) != c.Layers {
		return nil, fmt.Errorf("gpt_neo: %d windows for %d layers", len(c.Windows), c.Layers)
	}
	r := gpt.NewReader(l, c.Config)
	model, err := gpt.Load(m, r, func(i int, at string) gpt.Block {
		attention := at + "attn.attention."
		l.Ignore(attention+"bias", attention+"masked_bias") // the causal mask
		w := c.Width
		linear := func(name string, out, in int) nn.Linear {
			return nn.Linear{Weight: l.Linear(name+".weight", out, in), Bias: l.Vector(name+".bias", out)}
		}
		return gpt.Block{
			AttentionNorm: r.Norm(at + "ln_1"), FeedForwardNorm: r.Norm(at + "ln_2"),
			Query: nn.Linear{Weight: l.Linear(attention+"q_proj.weight", w, w)},
			Key:   nn.Linear{Weight: l.Linear(attention+"k_proj.weight", w, w)},
			Value: nn.Linear{Weight: l.Linear(attention+"v_proj.weight", w, w)},
			Out:   linear(attention+"out_proj", w, w),
			Scale: 1, Window: c.Windows[i],
			Up: linear(at+"mlp.c_fc", c.Hidden, w), Down: linear(at+"mlp.c_proj", w, c.Hidden),
		}
	})
	if err != nil {
		return nil, fmt.Errorf("read gpt_neo weights: %w", err)
	}
	return model, nil
}
