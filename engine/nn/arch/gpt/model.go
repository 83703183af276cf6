// Package gpt is the decoder that GPT-2 and GPT-Neo share: learned positions, a
// layer norm before attention and before a plain feed-forward layer, and one after
// the last block. Packages gpt2 and gptneo read their configs and weights into it.
//
// Key words: config, block, model, state, batch.
//
//	model, err := gpt2.Load(machine, loader, config) // or gptneo.Load
//	state := model.NewState(nn.StateOptions{Rows: 512, Logits: 8})
//	state.Forward(pages, &batch)                     // one step of many sequences
//	logits := state.Logits(0, len(batch.Wanted))
//
// A Model is read-only and safe for concurrent use; a State belongs to one
// goroutine, which reuses it step after step without allocating.
package gpt

import (
	"fmt"

	"stylesprint/engine/nn"
	"stylesprint/engine/nn/kernel"
)

// Config is the shape of a model.
type Config struct {
	Vocabulary int
	Layers     int
	Width      int // of the residual stream
	Hidden     int // of the feed-forward layer
	Heads      int // each of Width/Heads numbers
	Positions  int // that the weights have vectors for
	Context    int // positions that the model was made for; at most Positions
	NormEps    float64
	Activation kernel.Activation
	Tied       bool // the output matrix is the embedding table
}

// HeadDim is the size of a head.
func (c Config) HeadDim() int { return c.Width / c.Heads }

// Check reports sizes that no model has.
func (c Config) Check() error {
	const most = 1 << 20
	for _, f := range []struct {
		name  string
		value int
	}{
		{"vocabulary", c.Vocabulary}, {"layers", c.Layers}, {"width", c.Width}, {"feed-forward width", c.Hidden}, {"heads", c.Heads},
		{"positions", c.Positions}, {"context", c.Context},
	} {
		if f.value <= 0 || f.value > most {
			return fmt.Errorf("%s is %d; want 1 to %d", f.name, f.value, most)
		}
	}
	if c.Width%c.Heads != 0 {
		return fmt.Errorf("a width of %d does not divide into %d heads", c.Width, c.Heads)
	}
	if c.HeadDim()%2 != 0 {
		return fmt.Errorf("the head size %d is odd", c.HeadDim())
	}
	if !(c.NormEps >= 0) || c.NormEps > 1 {
		return fmt.Errorf("norm epsilon %g is out of range", c.NormEps)
	}
	return nil
}

// Block is one layer: x += Out(attention(norm(x))), x += Down(act(Up(norm(x)))).
type Block struct {
	AttentionNorm          nn.LayerNorm
	Query, Key, Value, Out nn.Linear
	Scale                  float32 // of query times key; positive
	Window                 int     // keys that a query sees, its own included; 0 is all
	FeedForwardNorm        nn.LayerNorm
	Up, Down               nn.Linear
}

// Model is the weights of a model.
type Model struct {
	Config
	m         *kernel.Machine
	embedding *nn.Embedding   // nil if tied
	head      *kernel.Weights // [Vocabulary, Width]
	positions []float32       // [Positions, Width]
	blocks    []Block
	norm      nn.LayerNorm
}

// Reader reads the tensors that all dialects name alike.
type Reader struct {
	*nn.Loader
	Config Config
	Prefix string // of every name but the output matrix: "transformer." where the file is of a model with a head
}

// NewReader starts reading a file.
func NewReader(l *nn.Loader, c Config) Reader {
	r := Reader{Loader: l, Config: c}
	if l.Has("transformer.wte.weight") {
		r.Prefix = "transformer."
	}
	return r
}

// Norm reads a layer norm.
func (r Reader) Norm(name string) nn.LayerNorm {
	w := r.Config.Width
	return nn.LayerNorm{Gain: r.Vector(name+".weight", w), Bias: r.Vector(name+".bias", w), Eps: float32(r.Config.NormEps)}
}

// Load reads a model; block reads the tensors of layer i, whose names begin with at.
func Load(m *kernel.Machine, r Reader, block func(i int, at string) Block) (*Model, error) {
	c := r.Config
	if err := c.Check(); err != nil {
		return nil, err
	}
	const head = "lm_head.weight"
	model := &Model{Config: c, m: m}
	if c.Tied {
		model.head = r.Linear(r.Prefix+"wte.weight", c.Vocabulary, c.Width)
		r.Ignore(head) // some writers store the same table twice
	} else {
		model.embedding = r.Embedding(r.Prefix+"wte.weight", c.Vocabulary, c.Width)
		model.head = r.Linear(head, c.Vocabulary, c.Width)
	}
	model.positions = r.Table(r.Prefix+"wpe.weight", c.Positions, c.Width)
	for i := 0; i < c.Layers && r.Err() == nil; i++ {
		model.blocks = append(model.blocks, block(i, fmt.Sprintf("%sh.%d.", r.Prefix, i)))
	}
	model.norm = r.Norm(r.Prefix + "ln_f")
	if err := r.Finish(); err != nil {
		return nil, err
	}
	return model, nil
}
