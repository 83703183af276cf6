package llama

import (
	"fmt"

	"stylesprint/engine/nn"
	"stylesprint/engine/nn/kernel"
)

// Names says how a file calls its tensors. Those of a block hold %d for its number.
type Names struct {
	Embedding, Norm, Head                 string
	AttentionNorm, Query, Key, Value, Out string
	FeedForwardNorm, Gate, Up, Down       string
	// Ignored are tables that follow from the config.
	Ignored []string
	// Interleaved says that the rows of Query and Key are stored in the order that
	// rotates neighbours, (0,1), (2,3)..., and not halves, (0,dim/2)...
	Interleaved bool
}

// HuggingFace gives the names in safetensors files.
func HuggingFace() Names {
	return Names{
		Embedding: "model.embed_tokens.weight", Norm: "model.norm.weight", Head: "lm_head.weight",
		AttentionNorm: "model.layers.%d.input_layernorm.weight", FeedForwardNorm: "model.layers.%d.post_attention_layernorm.weight",
		Query: "model.layers.%d.self_attn.q_proj.weight", Key: "model.layers.%d.self_attn.k_proj.weight",
		Value: "model.layers.%d.self_attn.v_proj.weight", Out: "model.layers.%d.self_attn.o_proj.weight",
		Gate: "model.layers.%d.mlp.gate_proj.weight", Up: "model.layers.%d.mlp.up_proj.weight", Down: "model.layers.%d.mlp.down_proj.weight",
		Ignored: []string{"model.layers.%d.self_attn.rotary_emb.inv_freq"},
	}
}

// GGUF gives the names in GGUF files.
func GGUF() Names {
	return Names{
		Embedding: "token_embd.weight", Norm: "output_norm.weight", Head: "output.weight",
		AttentionNorm: "blk.%d.attn_norm.weight", FeedForwardNorm: "blk.%d.ffn_norm.weight",
		Query: "blk.%d.attn_q.weight", Key: "blk.%d.attn_k.weight", Value: "blk.%d.attn_v.weight", Out: "blk.%d.attn_output.weight",
		Gate: "blk.%d.ffn_gate.weight", Up: "blk.%d.ffn_up.weight", Down: "blk.%d.ffn_down.weight",
		Ignored:     []string{"blk.%d.attn_rot_embd.weight"},
		Interleaved: true,
	}
}

// Model is the weights of a model.
type Model struct {
	Config
	m         *kernel.Machine
	embedding *nn.Embedding   // nil if tied
	head      *kernel.Weights // [Vocabulary, Width]
	blocks    []block
	norm      nn.RMSNorm
	rotary    *kernel.Rotary
}

type block struct {
	attentionNorm   nn.RMSNorm
	attention       attention
	feedForwardNorm nn.RMSNorm
	feedForward     feedForward
}

// Load reads a model. positions is how many of c.Context will be used.
func Load(m *kernel.Machine, l *nn.Loader, c Config, names Names, positions int) (*Model, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	rotary, err := kernel.NewRotary(kernel.RotaryOptions{Dim: c.HeadDim, Positions: positions, Base: c.RopeBase})
	if err != nil {
		return nil, err
	}
	model := &Model{Config: c, m: m, rotary: rotary}
	if c.Tied {
		model.head = l.Linear(names.Embedding, c.Vocabulary, c.Width)
		if l.Has(names.Head) { // some writers store the same table twice
			l.Ignore(names.Head)
		}
	} else {
		model.embedding = l.Embedding(names.Embedding, c.Vocabulary, c.Width)
		model.head = l.Linear(names.Head, c.Vocabulary, c.Width)
	}
	model.norm = nn.RMSNorm{Gain: l.Vector(names.Norm, c.Width), Eps: float32(c.NormEps)}
	for i := 0; i < c.Layers && l.Err() == nil; i++ {
		model.blocks = append(model.blocks, model.loadBlock(l, names, i))
	}
	if err := l.Finish(); err != nil {
		return nil, fmt.Errorf("read llama weights: %w", err)
	}
	return model, nil
}

func (model *Model) loadBlock(l *nn.Loader, names Names, i int) block {
	c := model.Config
	name := func(format string) string { return fmt.Sprintf(format, i) }
	for _, n := range names.Ignored {
		l.Ignore(name(n))
	}
	var queries, keys []int
	if names.Interleaved {
		queries, keys = halves(c.Heads, c.HeadDim), halves(c.KVHeads, c.HeadDim)
	}
	q, kv := c.Heads*c.HeadDim, c.KVHeads*c.HeadDim
	return block{
		attentionNorm: nn.RMSNorm{Gain: l.Vector(name(names.AttentionNorm), c.Width), Eps: float32(c.NormEps)},
		attention: attention{
			query: nn.Linear{Weight: l.LinearRows(name(names.Query), q, c.Width, queries)},
			key:   nn.Linear{Weight: l.LinearRows(name(names.Key), kv, c.Width, keys)},
			value: nn.Linear{Weight: l.Linear(name(names.Value), kv, c.Width)},
			out:   nn.Linear{Weight: l.Linear(name(names.Out), c.Width, q)},
		},
		feedForwardNorm: nn.RMSNorm{Gain: l.Vector(name(names.FeedForwardNorm), c.Width), Eps: float32(c.NormEps)},
		feedForward: feedForward{
			gate: nn.Linear{Weight: l.Linear(name(names.Gate), c.Hidden, c.Width)},
			up:   nn.Linear{Weight: l.Linear(name(names.Up), c.Hidden, c.Width)},
			down: nn.Linear{Weight: l.Linear(name(names.Down), c.Width, c.Hidden)},
		},
	}
}

// halves is the order of rows that turns pairs of neighbours into pairs of halves, head by head.
func halves(heads, dim int) []int {
	order := make([]int, 0, heads*dim)
	for h := range heads {
		for half := range 2 {
			for i := range dim / 2 {
				order = append(order, h*dim+2*i+half)
			}
		}
	}
	return order
}
