package engine

import (
	"stylesprint/engine/nn/kernel"
)

// scoreRows is how many rows of logits are computed together for scoring.
const scoreRows = 32

// heads does what follows the logits, one row a part, side by side.
type heads struct {
	m      *kernel.Machine
	logits []float32
	width  int
	jobs   []drawing
	score  scoring
}

// drawing is one token to be drawn.
type drawing struct {
	sampler *sampler
	token   int32
	memory  drawMemory
}

func (h *heads) grow(m *kernel.Machine, n int) {
	h.m, h.score.m = m, m
	h.jobs = make([]drawing, n)
}

// draw draws a token from each of n rows of logits.
func (h *heads) draw(logits []float32, n int) {
	h.logits, h.width = logits, len(logits)/n
	h.m.Parallel(n, h)
	for i := range h.jobs[:n] {
		h.jobs[i].sampler = nil
	}
}

// Run draws one token.
func (h *heads) Run(i int) {
	j := &h.jobs[i]
	j.token = j.sampler.next(h.m, h.logits[i*h.width:(i+1)*h.width], &j.memory)
}

// scoring computes -ln p(target) of some rows of logits.
type scoring struct {
	m       *kernel.Machine
	logits  []float32
	width   int
	targets []int32
	nll     [scoreRows]float64
}

// Run scores one row.
func (s *scoring) Run(i int) {
	row := s.logits[i*s.width : (i+1)*s.width]
	s.nll[i] = s.m.LogSumExp(row) - float64(row[s.targets[i]])
}

// scores tells whether the likelihood of the token after position i counts.
func (s *sequence) scores(i int) bool { return i+1 >= s.scoreFrom && i+1 < len(s.prompt) }

// score adds up the likelihoods of a share whose wanted rows begin at from, and
// returns where the next share's begin.
func (s *scheduler) score(sh share, from int) int {
	seq := sh.seq
	start := seq.past - sh.rows
	end := min(seq.past+1, len(seq.prompt))
	targets := seq.prompt[min(max(start+1, seq.scoreFrom), end):end]
	for len(targets) > 0 {
		n := min(len(targets), scoreRows)
		j := &s.heads.score
		j.logits, j.width, j.targets = s.state.Logits(from, from+n), s.vocabulary, targets[:n]
		s.m.Parallel(n, j)
		for _, v := range j.nll[:n] {
			seq.nll += v
		}
		from += n
		targets = targets[n:]
	}
	return from
}
