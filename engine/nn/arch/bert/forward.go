package bert

import (
	"stylesprint/engine/nn/kernel"
)

// Batch is some sequences, one after another.
type Batch struct {
	Tokens  []int32
	Lengths []int // of each sequence; they add up to len(Tokens)
}

// State holds the buffers of forward passes.
type State struct {
	x, q, k, v, u []float32
	scratch       kernel.Scratch
}

// NewState makes buffers for batches of up to so many rows.
func (model *Model) NewState(rows int) *State {
	n := rows * model.Width
	return &State{
		x: kernel.Float32s(n), q: kernel.Float32s(n), k: kernel.Float32s(n), v: kernel.Float32s(n),
		u: kernel.Float32s(rows * model.Hidden),
	}
}

// Forward computes the last hidden states, [len(b.Tokens), Width], valid until
// the next call. No sequence may be longer than Positions.
func (model *Model) Forward(s *State, b Batch) []float32 {
	m, rows := model.m, len(b.Tokens)
	n := rows * model.Width
	x := s.x[:n]
	model.embed(x, b)
	model.norm.Forward(m, x, x)
	attention := kernel.Attention{Heads: model.Heads, Dim: model.Width / model.Heads, BF16: !model.exact}
	for i := range model.blocks {
		l := &model.blocks[i]
		m.LinearMany(x, rows, &s.scratch, l.query.Output(s.q), l.key.Output(s.k), l.value.Output(s.v))
		m.Attend(s.q[:n], s.q[:n], s.k[:n], s.v[:n], b.Lengths, attention, &s.scratch)
		l.out.ForwardAdd(m, x, s.q, rows, &s.scratch)
		l.attentionNorm.Forward(m, x, x)
		m.Linear(s.u, x, rows, l.up.Weight, &s.scratch, kernel.Epilogue{Bias: l.up.Bias, Act: model.Activation})
		l.down.ForwardAdd(m, x, s.u, rows, &s.scratch)
		l.feedForwardNorm.Forward(m, x, x)
	}
	return x
}

// embed writes the sums of word, position and type vectors.
func (model *Model) embed(x []float32, b Batch) {
	w, row := model.Width, 0
	for _, n := range b.Lengths {
		for p := range n {
			dst := x[row*w : (row+1)*w]
			copy(dst, model.positions[p*w:(p+1)*w])
			model.words.AddRow(dst, int(b.Tokens[row]))
			row++
		}
	}
}
