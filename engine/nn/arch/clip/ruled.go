package clip

import (
	"fmt"
	"math"
	"strings"

	"stylesprint/engine/nn"
)

// ViTB32 is the shape of openai/clip-vit-base-patch32.
func ViTB32() Config {
	c, err := parseConfig([]byte(`{"model_type": "clip"}`)) // transformers' defaults
	if err != nil {
		panic(err) // the defaults are constants
	}
	return c
}

// Ruled is a model whose weights follow a rule, so that a large one can be
// measured, and compared with another implementation, without a file: uniform
// noise by name and position, scaled so that activations stay in range.
type Ruled struct{ Config }

var _ nn.Source = Ruled{}

// shapes are the tensors of a model.
func (r Ruled) shapes() map[string][]int {
	c := r.Config
	out := map[string][]int{
		"logit_scale": {},
		"vision_model.embeddings.class_embedding":           {c.Vision.Width},
		"vision_model.embeddings.patch_embedding.weight":    {c.Vision.Width, Channels, c.Patch, c.Patch},
		"vision_model.embeddings.position_embedding.weight": {1 + c.Patches(), c.Vision.Width},
		"visual_projection.weight":                          {c.Projection, c.Vision.Width},
		"text_model.embeddings.token_embedding.weight":      {c.Vocabulary, c.Text.Width},
		"text_model.embeddings.position_embedding.weight":   {c.Positions, c.Text.Width},
		"text_projection.weight":                            {c.Projection, c.Text.Width},
	}
	linear := func(name string, to, from int) { out[name+".weight"], out[name+".bias"] = []int{to, from}, []int{to} }
	norm := func(name string, n int) { out[name+".weight"], out[name+".bias"] = []int{n}, []int{n} }
	norm("vision_model.pre_layrnorm", c.Vision.Width)
	norm("vision_model.post_layernorm", c.Vision.Width)
	norm("text_model.final_layer_norm", c.Text.Width)
	for prefix, t := range map[string]Tower{"vision_model": c.Vision, "text_model": c.Text} {
		for i := range t.Layers {
			at := fmt.Sprintf("%s.encoder.layers.%d.", prefix, i)
			for _, p := range []string{"q_proj", "k_proj", "v_proj", "out_proj"} {
				linear(at+"self_attn."+p, t.Width, t.Width)
			}
			linear(at+"mlp.fc1", t.Hidden, t.Width)
			linear(at+"mlp.fc2", t.Width, t.Hidden)
			norm(at+"layer_norm1", t.Width)
			norm(at+"layer_norm2", t.Width)
		}
	}
	return out
}

// Names lists all tensors.
func (r Ruled) Names() []string {
	var names []string
	for name := range r.shapes() {
		names = append(names, name)
	}
	return names
}

// Tensor makes a tensor by its name.
func (r Ruled) Tensor(name string) (nn.Tensor, bool) {
	shape, ok := r.shapes()[name]
	if !ok {
		return nn.Tensor{}, false
	}
	columns, inputs := 1, 1
	for i, d := range shape {
		if i > 0 {
			inputs *= d
		}
		if i == len(shape)-1 {
			columns = d
		}
	}
	scale, offset := float32(4/math.Sqrt(float64(inputs))), float32(0)
	switch {
	case name == "logit_scale":
		scale, offset = 0, 3
	case strings.Contains(name, "norm") && strings.HasSuffix(name, "weight"):
		scale, offset = 0.25, 1
	case len(shape) == 1:
		scale = 0.25
	case strings.Contains(name, "token_embedding") || strings.Contains(name, "position_embedding"):
		scale = 2
	}
	fill := func(dst []float32, from, to int) ([]float32, error) {
		n := (to - from) * columns
		if cap(dst) < n {
			dst = make([]float32, n)
		}
		dst = dst[:n]
		Noise(dst, name, from*columns)
		for i, v := range dst {
			dst[i] = offset + float32(scale*v)
		}
		return dst, nil
	}
	return nn.Tensor{Shape: shape, Type: "F32", Float32: fill}, true
}

// Noise writes values first, first+1, ... of the noise of a name: uniform in
// [-0.5, 0.5), by SplitMix64 of the position plus the FNV-1a hash of the name.
func Noise(dst []float32, name string, first int) {
	h := uint64(0xcbf29ce484222325)
	for i := range len(name) {
		h = (h ^ uint64(name[i])) * 0x100000001b3
	}
	for i := range dst {
		z := h + uint64(first+i) + 0x9e3779b97f4a7c15
		z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
		z = (z ^ z>>27) * 0x94d049bb133111eb
		dst[i] = (float32((z^z>>31)>>40) - 1<<23) / (1 << 24)
	}
}
