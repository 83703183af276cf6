// Package clip is the pair of encoders of the CLIP family (Radford et al., arXiv
// 2103.00020): a vision transformer over patches and a causal text transformer,
// both with layer norms before each part, and a projection of each into one space.
//
// Key words: config, model, state, batch.
//
//	config, err := clip.ParseConfig(configJSON)
//	model, err := clip.Load(machine, loader, config)
//	state := model.NewState(clip.StateOptions{Images: 16, TextRows: 2048})
//	images := model.Images(state, pixels, n)                                        // [n, Projection]
//	texts := model.Texts(state, clip.Batch{Tokens: ids, Lengths: lengths})          // [len(lengths), Projection]
//
// Vectors are not of unit length. What a config asks for and this package does
// not do is refused by name. A Model is read-only and safe for concurrent use; a State
// belongs to one goroutine, which reuses it batch after batch without allocating.
package clip

import (
	"encoding/json"
	"errors"
	"fmt"

	"stylesprint/engine/nn/kernel"
)

// Channels of a picture.
const Channels = 3

// legacyEnd is the eos_token_id of older configs, which is not that of the
// vocabulary: the largest token number of a text marks its end then.
const legacyEnd = 2

// Tower is the shape of a transformer.
type Tower struct {
	Layers     int
	Width      int
	Hidden     int // of the feed-forward layer
	Heads      int
	NormEps    float64
	Activation kernel.Activation
}

// Config is the shape of a model.
type Config struct {
	Vision Tower
	Side   int // of a picture in pixels
	Patch  int // side of a patch
	Text   Tower

	Vocabulary int
	Positions  int   // the longest text
	EndToken   int32 // whose first occurrence a text's vector is taken at; legacyEnd: at the largest number
	Projection int   // length of the vectors
}

// Patches is how many patches a picture has.
func (c Config) Patches() int { return (c.Side / c.Patch) * (c.Side / c.Patch) }

// tower is what the two configs of a file have in common.
type towerJSON struct {
	Width      int     `json:"hidden_size"`
	Hidden     int     `json:"intermediate_size"`
	Layers     int     `json:"num_hidden_layers"`
	Heads      int     `json:"num_attention_heads"`
	Activation string  `json:"hidden_act"`
	NormEps    float64 `json:"layer_norm_eps"`
}

type textJSON struct {
	towerJSON
	Vocabulary int             `json:"vocab_size"`
	Positions  int             `json:"max_position_embeddings"`
	EndToken   json.RawMessage `json:"eos_token_id"`
}

type visionJSON struct {
	towerJSON
	Channels int `json:"num_channels"`
	Side     int `json:"image_size"`
	Patch    int `json:"patch_size"`
}

// Defaults of transformers' CLIPTextConfig and CLIPVisionConfig: ViT-B/32.
func defaultText() textJSON {
	return textJSON{
		towerJSON:  towerJSON{Width: 512, Hidden: 2048, Layers: 12, Heads: 8, Activation: "quick_gelu", NormEps: 1e-5},
		Vocabulary: 49408, Positions: 77, EndToken: json.RawMessage("49407"),
	}
}

func defaultVision() visionJSON {
	return visionJSON{
		towerJSON: towerJSON{Width: 768, Hidden: 3072, Layers: 12, Heads: 12, Activation: "quick_gelu", NormEps: 1e-5},
		Channels:  Channels, Side: 224, Patch: 32,
	}
}

// ParseConfig reads a Hugging Face config.json.
func ParseConfig(data []byte) (Config, error) {
	c, err := parseConfig(data)
	if err != nil {
		return Config{}, fmt.Errorf("read clip config: %w", err)
	}
	return c, nil
}

func parseConfig(data []byte) (Config, error) {
	j := struct {
		ModelType  string          `json:"model_type"`
		Projection int             `json:"projection_dim"`
		Text       json.RawMessage `json:"text_config"`
		Vision     json.RawMessage `json:"vision_config"`
		// Files before 2023 may hold these; they win over the others.
		TextDict   json.RawMessage `json:"text_config_dict"`
		VisionDict json.RawMessage `json:"vision_config_dict"`
	}{Projection: 512}
	if err := json.Unmarshal(data, &j); err != nil {
		return Config{}, err
	}
	if j.ModelType != "clip" {
		return Config{}, fmt.Errorf("model_type %q is not supported", j.ModelType)
	}
	text, vision := defaultText(), defaultVision()
	if err := errors.Join(overlay(&text, j.Text, j.TextDict), overlay(&vision, j.Vision, j.VisionDict)); err != nil {
		return Config{}, err
	}
	c := Config{
		Side: vision.Side, Patch: vision.Patch, Vocabulary: text.Vocabulary, Positions: text.Positions, Projection: j.Projection,
	}
	if vision.Channels != Channels {
		return c, fmt.Errorf("num_channels %d is not supported; %d is", vision.Channels, Channels)
	}
	if err := json.Unmarshal(text.EndToken, &c.EndToken); err != nil {
		return c, fmt.Errorf("eos_token_id %s is not supported; one number is", text.EndToken)
	}
	var err error
	if c.Text, err = text.tower(); err != nil {
		return c, fmt.Errorf("text_config: %w", err)
	}
	if c.Vision, err = vision.tower(); err != nil {
		return c, fmt.Errorf("vision_config: %w", err)
	}
	return c, c.Check()
}

// overlay reads the first of the parts over the defaults in v; the second, if it is
// there, over the defaults alone, and instead of the first.
func overlay[T any](v *T, part, whole json.RawMessage) error {
	if len(whole) > 0 && string(whole) != "null" {
		part = whole
	}
	if len(part) == 0 {
		return nil
	}
	return json.Unmarshal(part, v)
}

func (j towerJSON) tower() (Tower, error) {
	t := Tower{Layers: j.Layers, Width: j.Width, Hidden: j.Hidden, Heads: j.Heads, NormEps: j.NormEps}
	switch j.Activation {
	case "quick_gelu":
		t.Activation = kernel.QuickGELU
	case "gelu":
		t.Activation = kernel.GELU
	case "gelu_new", "gelu_pytorch_tanh":
		t.Activation = kernel.GELUTanh
	default:
		return t, fmt.Errorf("hidden_act %q is not supported", j.Activation)
	}
	return t, nil
}

// Check refuses shapes that cannot be computed with.
func (c Config) Check() error {
	const most = 1 << 24
	for _, f := range []struct {
		name  string
		value int
	}{
		{"vision layers", c.Vision.Layers}, {"vision width", c.Vision.Width}, {"vision hidden", c.Vision.Hidden}, {"vision heads", c.Vision.Heads},
		{"text layers", c.Text.Layers}, {"text width", c.Text.Width}, {"text hidden", c.Text.Hidden}, {"text heads", c.Text.Heads},
		{"image size", c.Side}, {"patch size", c.Patch}, {"vocabulary", c.Vocabulary}, {"positions", c.Positions}, {"projection", c.Projection},
	} {
		if f.value < 1 || f.value > most {
			return fmt.Errorf("%s is %d", f.name, f.value)
		}
	}
	for name, t := range map[string]Tower{"vision": c.Vision, "text": c.Text} {
		if t.Width%t.Heads != 0 || t.Width/t.Heads%2 != 0 {
			return fmt.Errorf("%s width %d does not divide into %d heads of even size", name, t.Width, t.Heads)
		}
		if !(t.NormEps >= 0 && t.NormEps < 1) {
			return fmt.Errorf("%s layer norm epsilon is %g", name, t.NormEps)
		}
	}
	if c.Side > 4096 || c.Side%c.Patch != 0 {
		return fmt.Errorf("image size %d does not divide into patches of %d", c.Side, c.Patch)
	}
	if c.EndToken < 0 || int(c.EndToken) >= c.Vocabulary {
		return fmt.Errorf("eos_token_id %d is not one of %d tokens", c.EndToken, c.Vocabulary)
	}
	return nil
}
