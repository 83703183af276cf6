package gpt

import (
	"stylesprint/engine/nn"
	"stylesprint/engine/nn/kernel"
)

// State holds the buffers of forward passes.
type State struct {
	model            *Model
	x, h, q, k, v, u []float32
	logits           []float32
	scratch          kernel.Scratch
}

// NewState makes buffers for batches up to o.
func (model *Model) NewState(o nn.StateOptions) *State {
	n := o.Rows * model.Width
	return &State{
		model: model,
		x:     kernel.Float32s(n), h: kernel.Float32s(n), q: kernel.Float32s(n), k: kernel.Float32s(n), v: kernel.Float32s(n),
		u:      kernel.Float32s(o.Rows * model.Hidden),
		logits: kernel.Float32s(o.Logits * model.Vocabulary),
	}
}

// Forward reads the batch, stores its keys and values in the pages, and keeps
// the last hidden states of the wanted rows. Positions are below model.Positions.
func (s *State) Forward(p *kernel.Pages, b *nn.Batch) {
	model := s.model
	m, w := model.m, model.Width
	rows := len(b.Tokens)
	for i, t := range b.Tokens {
		model.lookUp(s.x[i*w:][:w], int(t), int(b.Positions[i]))
	}
	for i := range model.blocks {
		l := &model.blocks[i]
		l.AttentionNorm.Forward(m, s.h[:rows*w], s.x[:rows*w])
		m.LinearMany(s.h, rows, &s.scratch, l.Query.Output(s.q), l.Key.Output(s.k), l.Value.Output(s.v))
		m.StorePages(p, i, s.k, s.v, b.Segments, &s.scratch)
		last := i == len(model.blocks)-1
		if last && len(b.Wanted) == 0 {
			return
		}
		heads := kernel.Attention{Heads: model.Heads, Causal: true, Scale: l.Scale, Window: l.Window}
		m.AttendPages(s.q, s.q, p, i, b.Segments, heads, &s.scratch)
		if last { // nothing reads the other rows any more
			nn.Gather(s.x, w, b.Wanted)
			nn.Gather(s.q, w, b.Wanted)
			rows = len(b.Wanted)
		}
		l.Out.ForwardAdd(m, s.x, s.q, rows, &s.scratch)
		l.FeedForwardNorm.Forward(m, s.h[:rows*w], s.x[:rows*w])
		m.Linear(s.u, s.h, rows, l.Up.Weight, &s.scratch, kernel.Epilogue{Bias: l.Up.Bias, Act: model.Activation})
		l.Down.ForwardAdd(m, s.x, s.u, rows, &s.scratch)
	}
	model.norm.Forward(m, s.h[:rows*w], s.x[:rows*w])
}

// lookUp writes the sum of a token's and a position's vectors.
func (model *Model) lookUp(dst []float32, token, position int) {
	if model.embedding != nil {
		model.embedding.Row(dst, token)
	} else {
		model.head.Row(dst, token)
	}
	for i, v := range model.positions[position*len(dst):][:len(dst)] {
		dst[i] += v
	}
}

// Logits computes the logits of the wanted rows [from, to) of the last Forward. The result is
// [to-from, Vocabulary] and valid until the next call.
func (s *State) Logits(from, to int) []float32 {
	model := s.model
	out := s.logits[:(to-from)*model.Vocabulary]
	model.m.Linear(out, s.h[from*model.Width:], to-from, model.head, &s.scratch, kernel.Epilogue{})
	return out
}
