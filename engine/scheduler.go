package engine

import (
	"sync"
	"time"

	"stylesprint/engine/nn"
	"stylesprint/engine/nn/kernel"
)

func (s *sequence) pagesNeeded() int { return nn.PagesFor(s.tokens()) }

// scheduler advances the sequences of one model, step after step, on one
// goroutine. A sequence is admitted, in the order of arrival, when there
// are pages for all that it may come to hold; so none has to be put back later.
type scheduler struct {
	m          *kernel.Machine
	vocabulary int
	state      decoder
	cache      *nn.Cache
	rows       int // of a step, at most
	limit      int // of running sequences

	mu      sync.Mutex
	arrived sync.Cond // a sequence waits, or closed has changed
	waiting []*sequence
	closed  bool
	ended   chan struct{}

	// The rest belongs to the scheduler's goroutine.
	running []*sequence
	batch   nn.Batch
	shares  []share
	heads   heads
}

// share is what one sequence does in a step.
type share struct {
	seq  *sequence
	rows int
}

// schedulerOptions are the sizes of a scheduler.
type schedulerOptions struct {
	rows      int // of a step
	sequences int
	cache     kernel.PagesOptions
}

// newScheduler prepares a scheduler; its owner starts run on a goroutine and calls close.
func newScheduler(m *kernel.Machine, model network, o schedulerOptions) (*scheduler, error) {
	cache, err := nn.NewCache(o.cache)
	if err != nil {
		return nil, err
	}
	rows := max(o.rows, o.sequences)
	s := &scheduler{
		m: m, vocabulary: model.vocabulary, cache: cache, rows: rows, limit: o.sequences, ended: make(chan struct{}),
		state:   model.newState(nn.StateOptions{Rows: rows, Logits: max(o.sequences, scoreRows)}),
		running: make([]*sequence, 0, o.sequences), shares: make([]share, 0, o.sequences),
		batch: nn.Batch{
			Tokens: make([]int32, 0, rows), Positions: make([]int32, 0, rows), Wanted: make([]int32, 0, rows),
			Segments: make([]kernel.Segment, 0, o.sequences),
		},
	}
	s.heads.grow(m, o.sequences)
	s.arrived.L = &s.mu
	return s, nil
}

// submit queues a sequence.
func (s *scheduler) submit(seq *sequence) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	s.waiting = append(s.waiting, seq)
	s.arrived.Signal()
	return nil
}

// close lets the sequences end that were submitted, and waits.
func (s *scheduler) close() {
	s.mu.Lock()
	s.closed = true
	s.arrived.Signal()
	s.mu.Unlock()
	<-s.ended
}

// run is the life of the scheduler's goroutine.
func (s *scheduler) run() {
	defer close(s.ended)
	for s.admit() {
		s.retireAbandoned()
		if len(s.running) > 0 {
			s.step()
		}
	}
}

// admit lets waiting sequences in while there is room. With nothing to do it
// waits; it reports false when there will never be anything.
func (s *scheduler) admit() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	for len(s.running) == 0 && len(s.waiting) == 0 {
		if s.closed {
			return false
		}
		s.arrived.Wait()
	}
	n, full := 0, false
	for _, seq := range s.waiting {
		if seq.abandoned.Load() {
			s.end(seq)
			continue
		}
		if !full {
			var ok bool
			if len(s.running) < s.limit {
				seq.pages, ok = s.cache.Take(seq.pages, seq.pagesNeeded())
			}
			if ok {
				seq.admitted = time.Now()
				s.running = append(s.running, seq)
				continue
			}
			full = true // those behind must not overtake
		}
		s.waiting[n] = seq
		n++
	}
	clear(s.waiting[n:])
	s.waiting = s.waiting[:n]
	return true
}

// end gives a sequence's pages back and tells its maker.
func (s *scheduler) end(seq *sequence) {
	s.cache.Give(seq.pages)
	seq.pages = nil
	close(seq.done)
}

// retireAbandoned drops the sequences that nobody waits for.
func (s *scheduler) retireAbandoned() {
	s.keep(func(seq *sequence) bool { return !seq.abandoned.Load() })
}

// keep ends the running sequences for which stay is false.
func (s *scheduler) keep(stay func(*sequence) bool) {
	n := 0
	for _, seq := range s.running {
		if stay(seq) {
			s.running[n] = seq
			n++
			continue
		}
		s.end(seq)
	}
	clear(s.running[n:])
	s.running = s.running[:n]
}

// step advances every running sequence that there are rows for.
func (s *scheduler) step() {
	drawn := s.assemble()
	s.state.Forward(s.cache.Pages, &s.batch)
	wanted := 0
	if drawn > 0 {
		s.heads.draw(s.state.Logits(0, drawn), drawn)
		wanted = drawn
	}
	now := time.Now()
	drawn = 0
	for _, sh := range s.shares {
		seq := sh.seq
		seq.past += sh.rows
		switch {
		case seq.scored():
			wanted = s.score(sh, wanted)
			if !seq.reading() {
				seq.finish, seq.ended = FinishStop, now
			}
		case !seq.reading():
			seq.push(s.heads.jobs[drawn].token, now)
			drawn++
		}
	}
	s.keep(unfinished)
}

func unfinished(seq *sequence) bool { return seq.finish == "" }

// assemble fills the batch: a token for each answer under way, then pieces of
// prompts, then pieces of texts to be scored. It returns how many tokens
// will be drawn; theirs are the first wanted rows.
func (s *scheduler) assemble() (drawn int) {
	s.batch.Reset()
	s.shares = s.shares[:0]
	for _, seq := range s.running {
		if !seq.reading() {
			s.add(seq, 1)
		}
	}
	left := s.rows - len(s.shares)
	if len(s.shares) > 0 {
		// A step with a long piece of a prompt would hold up the answers.
		left = min(left, max(1, s.rows/4))
	}
	for _, scored := range []bool{false, true} {
		for _, seq := range s.running {
			if left > 0 && seq.reading() && seq.scored() == scored {
				n := min(left, len(seq.prompt)-seq.past)
				s.add(seq, n)
				left -= n
			}
		}
		if !scored {
			drawn = len(s.batch.Wanted)
		}
	}
	return drawn
}

// add puts rows of a sequence into the batch.
func (s *scheduler) add(seq *sequence, rows int) {
	b := &s.batch
	first := len(b.Tokens)
	if seq.reading() {
		b.Tokens = append(b.Tokens, seq.prompt[seq.past:seq.past+rows]...)
	} else {
		b.Tokens = append(b.Tokens, seq.last)
	}
	for i := range rows {
		b.Positions = append(b.Positions, int32(seq.past+i))
	}
	b.Segments = append(b.Segments, kernel.Segment{Rows: rows, Past: seq.past, Pages: seq.pages})
	s.shares = append(s.shares, share{seq, rows})
	if !seq.scored() {
		if seq.past+rows >= len(seq.prompt) {
			b.Wanted = append(b.Wanted, int32(first+rows-1))
			s.heads.jobs[len(b.Wanted)-1].sampler = seq.sampler
		}
		return
	}
	for i := range rows {
		if seq.scores(seq.past + i) {
			b.Wanted = append(b.Wanted, int32(first+i))
		}
	}
}
