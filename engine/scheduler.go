package engine

import (
	"sync"
	"time"

	"stylesprint/engine/nn"
	"stylesprint/engine/nn/kernel"
)

func (s *sequence) pagesNeeded() int { return nn.PagesFor(s.tokens()) }

// scheduler advances the sequences of one model, step after step, on one
// goroutine. A sequence is admitted, when its tenant's turn has come, if there
// are pages for all that it may come to hold; so none has to be put back later.
type scheduler struct {
	m          *kernel.Machine
	vocabulary int
	state      decoder
	cache      *nn.Cache
	rows       int // of a step, at most
	limit      int // of running sequences
	queueLimit int // of waiting sequences

	mu      sync.Mutex
	arrived sync.Cond // a sequence waits, or closed has changed
	queue   queue
	shown   Stats // as of the last step
	closed  bool
	ended   chan struct{}

	// The rest belongs to the scheduler's goroutine.
	prefixes *prefixes
	stats    Stats
	pace     pace
	skipped  int // tokens that this step did not read because their pages were known
	unused   int // tokens that sequences asked for and did not use until their end
	turns    int // steps, so that what does not divide goes to another tenant each time
	running  []*sequence
	batch    nn.Batch
	shares   []share
	heads    heads
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
	queue     int // sequences that may wait
	prefixes  int // pages kept for later prompts
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
		m: m, vocabulary: model.vocabulary, cache: cache, rows: rows, limit: o.sequences, queueLimit: o.queue, ended: make(chan struct{}),
		prefixes: newPrefixes(cache, o.prefixes), stats: Stats{Pages: o.cache.Pages, PageTokens: kernel.PageTokens},
		state:   model.newState(nn.StateOptions{Rows: rows, Logits: max(o.sequences, scoreRows)}),
		running: make([]*sequence, 0, o.sequences), shares: make([]share, 0, o.sequences),
		batch: nn.Batch{
			Tokens: make([]int32, 0, rows), Positions: make([]int32, 0, rows), Wanted: make([]int32, 0, rows),
			Segments: make([]kernel.Segment, 0, o.sequences),
		},
	}
	s.heads.grow(m, o.sequences)
	s.arrived.L = &s.mu
	s.show()
	return s, nil
}

// submit queues a sequence, or refuses it with an *OverloadError or ErrClosed.
func (s *scheduler) submit(seq *sequence) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return ErrClosed
	}
	if err := s.refusal(seq); err != nil {
		return err
	}
	s.queue.push(seq)
	s.arrived.Signal()
	return nil
}

// leave says that the maker of a sequence does not want more of it. One that waits is
// taken out at once, one that runs before the next step.
func (s *scheduler) leave(seq *sequence) {
	s.mu.Lock()
	defer s.mu.Unlock()
	seq.abandoned.Store(true)
	if seq.queued {
		s.queue.remove(seq)
		s.shown.Left++
		close(seq.done)
	}
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
	for len(s.running) == 0 && s.queue.length == 0 {
		s.show()
		if s.closed {
			return false
		}
		s.arrived.Wait()
	}
	s.queue.search()
	for len(s.running) < s.limit {
		seq := s.queue.candidate()
		if seq == nil {
			break
		}
		if !s.prefixes.admit(seq) {
			s.queue.full(seq)
			continue
		}
		s.queue.pop(seq)
		s.running = append(s.running, seq)
		seq.admitted = time.Now()
		s.skipped += seq.cached
		s.stats.Admitted++
		s.stats.PromptTokens += uint64(len(seq.prompt))
		s.stats.Waits.add(seq.admitted.Sub(seq.submitted))
	}
	s.show()
	return true
}

// end gives a sequence's pages back and tells its maker.
func (s *scheduler) end(seq *sequence) {
	s.prefixes.release(seq)
	unused := seq.tokens() - seq.past
	s.unused += unused
	s.stats.AnswerTokens += uint64(seq.made.Load())
	s.stats.CachedTokens += uint64(seq.cached)
	if seq.cached > 0 {
		s.stats.CacheHits++
	}
	s.mu.Lock()
	s.queue.refund(seq.tenant, unused+seq.cached)
	s.mu.Unlock()
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
	start := time.Now()
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
		s.prefixes.publish(seq)
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
	s.pace.add(len(s.batch.Tokens)+s.skipped+s.unused, time.Since(start))
	s.skipped, s.unused = 0, 0
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
		left = s.ration(left, scored)
		for _, seq := range s.running {
			if seq.grant > 0 && seq.scored() == scored {
				s.add(seq, seq.grant)
				seq.grant = 0
			}
		}
		if !scored {
			drawn = len(s.batch.Wanted)
		}
	}
	return drawn
}

// ration divides rows among the prompts that are being read: evenly among the
// tenants, and in the order of admission within a tenant. It returns what is left.
func (s *scheduler) ration(left int, scored bool) int {
	if left > 0 && !scored {
		for _, seq := range s.running {
			if seq.reading() {
				s.skipped += s.prefixes.adopt(seq)
			}
		}
	}
	s.turns++
	for left > 0 {
		tenants := 0
		for i := range s.running {
			if s.first(i, scored) {
				tenants++
			}
		}
		if tenants == 0 {
			break
		}
		share := max(1, left/tenants)
		for i := range s.running {
			i = (i + s.turns) % len(s.running)
			if left > 0 && s.first(i, scored) {
				seq := s.running[i]
				n := min(left, share, seq.wants())
				seq.grant += n
				left -= n
			}
		}
	}
	return left
}

// first tells whether the i-th running sequence is the first of its tenant that wants rows.
func (s *scheduler) first(i int, scored bool) bool {
	seq := s.running[i]
	if seq.scored() != scored || seq.wants() == 0 {
		return false
	}
	for _, other := range s.running[:i] {
		if other.tenant == seq.tenant && other.scored() == scored && other.wants() > 0 {
			return false
		}
	}
	return true
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
