// Package bert is the encoder of the BERT family: learned positions, full
// attention, layer norms after each residual connection.
//
// Key words: config, model, state, batch.
//
//	config, err := bert.ParseConfig(configJSON)
//	model, err := bert.Load(machine, loader, config)
//	state := model.NewState(rows)
//	hidden := model.Forward(state, bert.Batch{Tokens: ids, Lengths: lengths}) // [rows, Width]
//
// What a config asks for and this package does not do is refused by name. A
// Model is read-only and safe for concurrent use; a State belongs to one
// goroutine, which reuses it batch after batch without allocating.
package bert

import (
	"encoding/json"
	"fmt"

	"stylesprint/engine/nn"
	"stylesprint/engine/nn/kernel"
)

// Config is the shape of a model.
type Config struct {
	Vocabulary int
	Layers     int
	Width      int
	Hidden     int // of the feed-forward layer
	Heads      int
	Positions  int // the longest sequence
	Types      int // kinds of text that a token can belong to; type 0 is used
	NormEps    float64
	Activation kernel.Activation
}

// ParseConfig reads a Hugging Face config.json.
func ParseConfig(data []byte) (Config, error) {
	j := struct {
		ModelType  string  `json:"model_type"`
		Vocabulary int     `json:"vocab_size"`
		Layers     int     `json:"num_hidden_layers"`
		Width      int     `json:"hidden_size"`
		Hidden     int     `json:"intermediate_size"`
		Heads      int     `json:"num_attention_heads"`
		Positions  int     `json:"max_position_embeddings"`
		Types      int     `json:"type_vocab_size"`
		NormEps    float64 `json:"layer_norm_eps"`
		Activation string  `json:"hidden_act"`
		Position   string  `json:"position_embedding_type"`
		Decoder    bool    `json:"is_decoder"`
	}{Types: 2, NormEps: 1e-12, Activation: "gelu"}
	if err := json.Unmarshal(data, &j); err != nil {
		return Config{}, fmt.Errorf("read bert config: %w", err)
	}
	c := Config{
		Vocabulary: j.Vocabulary, Layers: j.Layers, Width: j.Width, Hidden: j.Hidden, Heads: j.Heads,
		Positions: j.Positions, Types: j.Types, NormEps: j.NormEps,
	}
	switch {
	case j.ModelType != "bert":
		return c, fmt.Errorf("read bert config: model_type %q is not supported", j.ModelType)
	case j.Position != "" && j.Position != "absolute":
		return c, fmt.Errorf("read bert config: position_embedding_type %q is not supported", j.Position)
	case j.Decoder:
		return c, fmt.Errorf("read bert config: is_decoder is not supported")
	}
	var ok bool
	if c.Activation, ok = nn.ParseActivation(j.Activation); !ok {
		return c, fmt.Errorf("read bert config: hidden_act %q is not supported", j.Activation)
	}
	return c, c.Check()
}

// Check reports sizes that no model has.
func (c Config) Check() error {
	const most = 1 << 20
	for _, f := range []struct {
		name  string
		value int
	}{
		{"vocabulary", c.Vocabulary}, {"layers", c.Layers}, {"width", c.Width}, {"feed-forward width", c.Hidden},
		{"heads", c.Heads}, {"positions", c.Positions}, {"token types", c.Types},
	} {
		if f.value <= 0 || f.value > most {
			return fmt.Errorf("bert config: %s is %d; want 1 to %d", f.name, f.value, most)
		}
	}
	if c.Width%c.Heads != 0 {
		return fmt.Errorf("bert config: a width of %d does not divide into %d heads", c.Width, c.Heads)
	}
	if !(c.NormEps >= 0) || c.NormEps > 1 {
		return fmt.Errorf("bert config: norm epsilon %g is out of range", c.NormEps)
	}
	return nil
}
