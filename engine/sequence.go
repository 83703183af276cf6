package engine

import (
	"sync/atomic"
	"time"
)

// sequence is one request inside the scheduler. Its maker fills the first
// group and may set abandoned; the scheduler writes all else, and what the maker
// reads is ordered by made and done.
type sequence struct {
	prompt  []int32
	room    int      // the most tokens of the answer; 0 for a sequence that is only scored
	sampler *sampler // nil for a sequence that is only scored
	ends    map[int32]bool
	// scoreFrom is the first token of the prompt whose likelihood counts, at least 1.
	scoreFrom int
	tenant    string // whose queue it waits in
	weight    int    // of the tenant; at least 1
	scope     string // whose prompts it may share pages with
	submitted time.Time
	deadline  time.Time // zero: none

	abandoned atomic.Bool // the maker does not want more
	queued    bool        // it waits; guarded by the scheduler's lock

	pages  []int32
	shared int // pages, the first ones, that others may read too
	cached int // tokens of the prompt that were not read because their pages were known
	past   int // tokens in the cache
	grant  int // rows of the step that is being put together
	last   int32

	out      []int32      // the answer; made tells how much of it is there
	made     atomic.Int64 // tokens in out
	wake     chan struct{}
	done     chan struct{} // closed at the end
	admitted time.Time     // set before the first token
	first    time.Time     // of the first token, set before it
	ended    time.Time     // of the last token, set before done
	finish   string        // set before done
	nll      float64       // set before done
	err      error         // set before done
}

func newSequence(prompt []int32, room int) *sequence {
	s := &sequence{prompt: prompt, room: room, out: make([]int32, room), wake: make(chan struct{}, 1), done: make(chan struct{})}
	s.pages = make([]int32, 0, s.pagesNeeded())
	s.submitted = time.Now()
	return s
}

// tokens is what the sequence may come to hold in the cache.
func (s *sequence) tokens() int { return len(s.prompt) + s.room }

// scored tells that the sequence is only scored.
func (s *sequence) scored() bool { return s.sampler == nil }

// reading tells that the prompt is not read to its end.
func (s *sequence) reading() bool { return s.past < len(s.prompt) }

// wants is how much of the prompt is to be read, beside what is granted.
func (s *sequence) wants() int { return max(0, len(s.prompt)-s.past-s.grant) }

// push adds a token to the answer and tells whether that ends it.
func (s *sequence) push(id int32, now time.Time) bool {
	n := s.made.Load()
	if n == 0 {
		s.first = now
	}
	s.ended = now
	s.out[n] = id
	s.last = id
	s.sampler.accept(id)
	switch {
	case s.ends[id]:
		s.finish = FinishStop
	case int(n)+1 == s.room:
		s.finish = FinishLength
	}
	s.made.Store(n + 1)
	select {
	case s.wake <- struct{}{}:
	default: // the maker has not yet looked since the last one
	}
	return s.finish != ""
}
