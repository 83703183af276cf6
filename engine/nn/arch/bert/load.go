package bert

import (
	"fmt"

	"stylesprint/engine/nn"
	"stylesprint/engine/nn/kernel"
)

// Model is the weights of a model.
type Model struct {
	Config
	m         *kernel.Machine
	exact     bool
	words     *nn.Embedding
	positions []float32 // [Positions, Width], with the vector of type 0 added
	norm      nn.LayerNorm
	blocks    []block
}

type block struct {
	query, key, value, out nn.Linear
	attentionNorm          nn.LayerNorm
	up, down               nn.Linear
	feedForwardNorm        nn.LayerNorm
}

// Load reads a model. Names may begin with "bert.", as in files of a model with a head; the pooler is not needed.
func Load(m *kernel.Machine, l *nn.Loader, c Config) (*Model, error) {
	if err := c.Check(); err != nil {
		return nil, err
	}
	r := reader{l: l, eps: float32(c.NormEps)}
	if l.Has("bert.embeddings.word_embeddings.weight") {
		r.prefix = "bert."
	}
	l.Ignore(r.prefix+"embeddings.position_ids", r.prefix+"pooler.dense.weight", r.prefix+"pooler.dense.bias")
	model := &Model{Config: c, m: m, exact: l.Exact()}
	model.words = l.Embedding(r.prefix+"embeddings.word_embeddings.weight", c.Vocabulary, c.Width)
	model.positions = l.Table(r.prefix+"embeddings.position_embeddings.weight", c.Positions, c.Width)
	types := l.Table(r.prefix+"embeddings.token_type_embeddings.weight", c.Types, c.Width)
	for i := 0; i < len(model.positions) && types != nil; i += c.Width {
		m.Add(model.positions[i:i+c.Width], types[:c.Width])
	}
	model.norm = r.norm("embeddings.LayerNorm", c.Width)
	for i := 0; i < c.Layers && l.Err() == nil; i++ {
		at := fmt.Sprintf("encoder.layer.%d.", i)
		model.blocks = append(model.blocks, block{
			query:           r.linear(at+"attention.self.query", c.Width, c.Width),
			key:             r.linear(at+"attention.self.key", c.Width, c.Width),
			value:           r.linear(at+"attention.self.value", c.Width, c.Width),
			out:             r.linear(at+"attention.output.dense", c.Width, c.Width),
			attentionNorm:   r.norm(at+"attention.output.LayerNorm", c.Width),
			up:              r.linear(at+"intermediate.dense", c.Hidden, c.Width),
			down:            r.linear(at+"output.dense", c.Width, c.Hidden),
			feedForwardNorm: r.norm(at+"output.LayerNorm", c.Width),
		})
	}
	if err := l.Finish(); err != nil {
		return nil, fmt.Errorf("read bert weights: %w", err)
	}
	return model, nil
}

type reader struct {
	l      *nn.Loader
	prefix string
	eps    float32
}

func (r reader) linear(name string, out, in int) nn.Linear {
	return nn.Linear{Weight: r.l.Linear(r.prefix+name+".weight", out, in), Bias: r.l.Vector(r.prefix+name+".bias", out)}
}

func (r reader) norm(name string, n int) nn.LayerNorm {
	return nn.LayerNorm{Gain: r.l.Vector(r.prefix+name+".weight", n), Bias: r.l.Vector(r.prefix+name+".bias", n), Eps: r.eps}
}
