package clip

import (
	"stylesprint/engine/nn/kernel"
)

// StateOptions are the largest shapes of a State.
type StateOptions struct {
	Images   int // of a batch
	TextRows int // tokens of a batch of texts; at least Positions
}

// State holds the buffers of forward passes.
type State struct {
	o                StateOptions
	x, h, q, k, v, u []float32
	windows          []float32 // patches as rows of the patch embedding
	lengths          []int
	wanted           []int32 // rows whose last hidden state is asked for, ascending
	out              []float32
	scratch          kernel.Scratch
	cut              cutJob
}

// NewState makes buffers for batches up to o.
func (model *Model) NewState(o StateOptions) *State {
	o.TextRows = max(o.TextRows, model.Positions)
	o.Images = max(o.Images, 1)
	images := o.Images * (1 + model.Patches())
	width := max(images*model.Vision.Width, o.TextRows*model.Text.Width)
	most := max(o.Images, o.TextRows)
	return &State{
		o: o,
		x: kernel.Float32s(width), h: kernel.Float32s(width), q: kernel.Float32s(width), k: kernel.Float32s(width), v: kernel.Float32s(width),
		u:       kernel.Float32s(max(images*model.Vision.Hidden, o.TextRows*model.Text.Hidden)),
		windows: kernel.Float32s(o.Images * model.PixelValues()),
		lengths: make([]int, 0, most), wanted: make([]int32, 0, most),
		out: kernel.Float32s(most * model.Projection),
	}
}

// Options tells the largest shapes.
func (s *State) Options() StateOptions { return s.o }

// PixelValues is how many numbers the pixels of one picture are: [3, Side, Side].
func (c Config) PixelValues() int { return Channels * c.Side * c.Side }

// Images computes the projected vectors, [n, Projection], of n pictures,
// pixels[n, 3, Side, Side], red first, normalised as the model wants it. They are
// valid until the next call.
func (model *Model) Images(s *State, pixels []float32, n int) []float32 {
	c, m := &model.Config, model.m
	w, patches := c.Vision.Width, c.Patches()
	s.cut = cutJob{dst: s.windows, src: pixels[:n*c.PixelValues()], side: c.Side, patch: c.Patch}
	m.Parallel(n, &s.cut)
	model.vision.patches.Forward(m, s.h, s.windows, n*patches, &s.scratch)
	s.lengths, s.wanted = s.lengths[:0], s.wanted[:0]
	rows := n * (1 + patches)
	for i := range n {
		x := s.x[i*(1+patches)*w:][:(1+patches)*w]
		copy(x, model.vision.positions)
		m.Add(x[w:], s.h[i*patches*w:][:patches*w])
		s.lengths = append(s.lengths, 1+patches)
		s.wanted = append(s.wanted, int32(i*(1+patches)))
	}
	model.vision.before.Forward(m, s.x[:rows*w], s.x[:rows*w])
	model.run(s, c.Vision, model.vision.blocks, rows, false)
	model.vision.after.Forward(m, s.x[:n*w], s.x[:n*w])
	model.vision.projections.Forward(m, s.out, s.x, n, &s.scratch)
	return s.out[:n*c.Projection]
}

// Batch is some texts, one after another.
type Batch struct {
	Tokens  []int32
	Lengths []int // of each text, at most Positions; they add up to len(Tokens)
}

// Texts computes the projected vectors, [len(b.Lengths), Projection], valid until
// the next call. A text's vector is that of its end token; what follows it is not read.
func (model *Model) Texts(s *State, b Batch) []float32 {
	c, m := &model.Config, model.m
	w := c.Text.Width
	s.lengths, s.wanted = s.lengths[:0], s.wanted[:0]
	rows, at := 0, 0
	for _, n := range b.Lengths {
		tokens := b.Tokens[at : at+n]
		at += n
		last := c.End(tokens)
		for p, t := range tokens[:last+1] {
			x := s.x[rows*w:][:w]
			copy(x, model.text.positions[p*w:])
			model.text.words.AddRow(x, int(t))
			rows++
		}
		s.lengths = append(s.lengths, last+1)
		s.wanted = append(s.wanted, int32(rows-1))
	}
	model.run(s, c.Text, model.text.blocks, rows, true)
	n := len(s.wanted)
	model.text.after.Forward(m, s.x[:n*w], s.x[:n*w])
	model.text.projections.Forward(m, s.out, s.x, n, &s.scratch)
	return s.out[:n*c.Projection]
}

// End is the position whose hidden state stands for a text, as transformers
// finds it: the first end token; where there is none, 0; with an old config, the first of the largest token numbers.
func (c *Config) End(tokens []int32) int {
	best := 0
	for i, t := range tokens {
		switch {
		case c.EndToken == legacyEnd:
			if t > tokens[best] {
				best = i
			}
		case t == c.EndToken:
			return i
		}
	}
	return best
}

// run takes s.x[rows, Width] through the blocks of a tower and leaves the last hidden
// states of the wanted rows in s.x, one after another.
func (model *Model) run(s *State, t Tower, blocks []block, rows int, causal bool) {
	m, w := model.m, t.Width
	attention := kernel.Attention{Heads: t.Heads, Dim: w / t.Heads, Causal: causal, BF16: !model.exact}
	for i := range blocks {
		l := &blocks[i]
		n := rows * w
		l.attentionNorm.Forward(m, s.h[:n], s.x[:n])
		m.LinearMany(s.h, rows, &s.scratch, l.query.Output(s.q), l.key.Output(s.k), l.value.Output(s.v))
		m.Attend(s.q[:n], s.q[:n], s.k[:n], s.v[:n], s.lengths, attention, &s.scratch)
		if i == len(blocks)-1 { // nothing reads the other rows any more
			gather(s.x, w, s.wanted)
			gather(s.q, w, s.wanted)
			rows = len(s.wanted)
			n = rows * w
		}
		l.out.ForwardAdd(m, s.x, s.q, rows, &s.scratch)
		l.feedForwardNorm.Forward(m, s.h[:n], s.x[:n])
		m.Linear(s.u, s.h, rows, l.up.Weight, &s.scratch, kernel.Epilogue{Bias: l.up.Bias, Act: t.Activation})
		l.down.ForwardAdd(m, s.x, s.u, rows, &s.scratch)
	}
}

// gather moves rows to the front; their numbers ascend.
func gather(x []float32, width int, rows []int32) {
	for to, from := range rows {
		if int(from) != to {
			copy(x[to*width:(to+1)*width], x[int(from)*width:])
		}
	}
}

// cutJob lays patches out as rows, [patch][channel][y][x], a picture a part.
type cutJob struct {
	dst, src    []float32
	side, patch int
}

// Run cuts one picture.
func (j *cutJob) Run(picture int) {
	size := Channels * j.side * j.side
	dst, src := j.dst[picture*size:][:size], j.src[picture*size:][:size]
	for y := 0; y < j.side; y += j.patch {
		for x := 0; x < j.side; x += j.patch {
			for c := range Channels {
				for r := range j.patch {
					copy(dst[:j.patch], src[(c*j.side+y+r)*j.side+x:])
					dst = dst[j.patch:]
				}
			}
		}
	}
}
