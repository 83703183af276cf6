package clip

import (
	"fmt"

	"stylesprint/engine/nn"
	"stylesprint/engine/nn/kernel"
)

// Model is the weights of a model.
type Model struct {
	Config
	// LogitScale is the logarithm of the factor of cosines in training; logits are
	// e^LogitScale times the cosine.
	LogitScale float32

	m      *kernel.Machine
	exact  bool
	vision vision
	text   text
}

type vision struct {
	patches     nn.Linear // over windows [3, Patch, Patch]
	positions   []float32 // [1+Patches, Width], with the class embedding added to the first
	before      nn.LayerNorm
	blocks      []block
	after       nn.LayerNorm
	projections nn.Linear
}

type text struct {
	words       *nn.Embedding
	positions   []float32 // [Positions, Width]
	blocks      []block
	after       nn.LayerNorm
	projections nn.Linear
}

type block struct {
	attentionNorm          nn.LayerNorm
	query, key, value, out nn.Linear
	feedForwardNorm        nn.LayerNorm
	up, down               nn.Linear
}

// Load reads a CLIPModel.
func Load(m *kernel.Machine, l *nn.Loader, c Config) (*Model, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	l.Ignore("text_model.embeddings.position_ids", "vision_model.embeddings.position_ids")
	model := &Model{Config: c, m: m, exact: l.Exact()}
	model.LogitScale = l.Scalar("logit_scale")
	v, t := reader{l, c.Vision}, reader{l, c.Text}

	model.vision = vision{
		patches:   nn.Linear{Weight: l.Convolution("vision_model.embeddings.patch_embedding.weight", c.Vision.Width, Channels, c.Patch, c.Patch)},
		positions: l.Table("vision_model.embeddings.position_embedding.weight", 1+c.Patches(), c.Vision.Width),
		before:    v.norm("vision_model.pre_layrnorm"), // sic
		blocks:    v.blocks("vision_model"),
		after:     v.norm("vision_model.post_layernorm"),

		projections: nn.Linear{Weight: l.Linear("visual_projection.weight", c.Projection, c.Vision.Width)},
	}
	class := l.Vector("vision_model.embeddings.class_embedding", c.Vision.Width)
	model.text = text{
		words:     l.Embedding("text_model.embeddings.token_embedding.weight", c.Vocabulary, c.Text.Width),
		positions: l.Table("text_model.embeddings.position_embedding.weight", c.Positions, c.Text.Width),
		blocks:    t.blocks("text_model"),
		after:     t.norm("text_model.final_layer_norm"),

		projections: nn.Linear{Weight: l.Linear("text_projection.weight", c.Projection, c.Text.Width)},
	}
	if err := l.Finish(); err != nil {
		return nil, fmt.Errorf("read clip weights: %w", err)
	}
	m.Add(model.vision.positions[:c.Vision.Width], class)
	return model, nil
}

// reader reads the parts of one tower.
type reader struct {
	l *nn.Loader
	t Tower
}

func (r reader) blocks(prefix string) []block {
	var out []block
	w, h := r.t.Width, r.t.Hidden
	for i := 0; i < r.t.Layers && r.l.Err() == nil; i++ {
		at := fmt.Sprintf("%s.encoder.layers.%d.", prefix, i)
		out = append(out, block{
			attentionNorm:   r.norm(at + "layer_norm1"),
			query:           r.linear(at+"self_attn.q_proj", w, w),
			key:             r.linear(at+"self_attn.k_proj", w, w),
			value:           r.linear(at+"self_attn.v_proj", w, w),
			out:             r.linear(at+"self_attn.out_proj", w, w),
			feedForwardNorm: r.norm(at + "layer_norm2"),
			up:              r.linear(at+"mlp.fc1", h, w),
			down:            r.linear(at+"mlp.fc2", w, h),
		})
	}
	return out
}

func (r reader) linear(name string, out, in int) nn.Linear {
	return nn.Linear{Weight: r.l.Linear(name+".weight", out, in), Bias: r.l.Vector(name+".bias", out)}
}

func (r reader) norm(name string) nn.LayerNorm {
	w := r.t.Width
	return nn.LayerNorm{Gain: r.l.Vector(name+".weight", w), Bias: r.l.Vector(name+".bias", w), Eps: float32(r.t.NormEps)}
}
