package llama

import (
	"stylesprint/engine/nn"
	"stylesprint/engine/nn/kernel"
)

// State holds the buffers of forward passes.
type State struct {
	model               *Model
	x, h, q, k, v, g, u []float32
	logits              []float32
	scratch             kernel.Scratch
}

// NewState makes buffers for batches up to o.
func (model *Model) NewState(o nn.StateOptions) *State {
	c := model.Config
	return &State{
		model: model,
		x:     kernel.Float32s(o.Rows * c.Width), h: kernel.Float32s(o.Rows * c.Width),
		q: kernel.Float32s(o.Rows * c.Heads * c.HeadDim),
		k: kernel.Float32s(o.Rows * c.KVHeads * c.HeadDim), v: kernel.Float32s(o.Rows * c.KVHeads * c.HeadDim),
		g: kernel.Float32s(o.Rows * c.Hidden), u: kernel.Float32s(o.Rows * c.Hidden),
		logits: kernel.Float32s(o.Logits * c.Vocabulary),
	}
}

// attention is grouped-query self-attention with rotary positions.
type attention struct {
	query, key, value, out nn.Linear
}

// store projects h[rows, Width] to queries, which stay in s.q, and to keys and
// values, which go to the pages.
func (a *attention) store(model *Model, s *State, layer int, p *kernel.Pages, b *nn.Batch) {
	rows := len(b.Tokens)
	m := model.m
	m.LinearMany(s.h, rows, &s.scratch, a.query.Output(s.q), a.key.Output(s.k), a.value.Output(s.v))
	m.Rotate(s.q, model.Heads, b.Positions, model.rotary)
	m.Rotate(s.k, model.KVHeads, b.Positions, model.rotary)
	m.StorePages(p, layer, s.k, s.v, b.Segments, &s.scratch)
}

// feedForward is down(SiLU(gate(h)) * up(h)).
type feedForward struct {
	gate, up, down nn.Linear
}

// add adds the layer's result for h[rows, Width] to s.x.
func (f *feedForward) add(model *Model, s *State, rows int) {
	m, n := model.m, rows*model.Hidden
	m.LinearMany(s.h, rows, &s.scratch, f.gate.Output(s.g), f.up.Output(s.u))
	m.SiLUMul(s.g[:n], s.g[:n], s.u[:n])
	f.down.ForwardAdd(m, s.x, s.g, rows, &s.scratch)
}

// Forward reads the batch, stores its keys and values in the pages, and leaves
// the last hidden states of the wanted rows in s.
func (s *State) Forward(p *kernel.Pages, b *nn.Batch) {
	model := s.model
	m, w := model.m, model.Width
	rows := len(b.Tokens)
	for i, t := range b.Tokens {
		model.lookUp(s.x[i*w:][:w], int(t))
	}
	heads := kernel.Attention{Heads: model.Heads, Causal: true}
	for i := range model.blocks {
		l := &model.blocks[i]
		l.attentionNorm.Forward(m, s.h[:rows*w], s.x[:rows*w])
		l.attention.store(model, s, i, p, b)
		if i == len(model.blocks)-1 && len(b.Wanted) == 0 {
			return
		}
		m.AttendPages(s.q, s.q, p, i, b.Segments, heads, &s.scratch)
		if i == len(model.blocks)-1 { // nothing reads the other rows any more
			nn.Gather(s.x, w, b.Wanted)
			nn.Gather(s.q, model.Heads*model.HeadDim, b.Wanted)
			rows = len(b.Wanted)
		}
		l.attention.out.ForwardAdd(m, s.x, s.q, rows, &s.scratch)
		l.feedForwardNorm.Forward(m, s.h[:rows*w], s.x[:rows*w])
		l.feedForward.add(model, s, rows)
	}
	model.norm.Forward(m, s.h[:rows*w], s.x[:rows*w])
}

func (model *Model) lookUp(dst []float32, token int) {
	if model.embedding != nil {
		model.embedding.Row(dst, token)
		return
	}
	model.head.Row(dst, token)
}

// Logits computes the logits of the wanted rows [from, to) of the last Forward. The result is
// [to-from, Vocabulary] and valid until the next call.
func (s *State) Logits(from, to int) []float32 {
	model := s.model
	out := s.logits[:(to-from)*model.Vocabulary]
	model.m.Linear(out, s.h[from*model.Width:], to-from, model.head, &s.scratch, kernel.Epilogue{})
	return out
}
