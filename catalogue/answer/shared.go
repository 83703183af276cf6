package answer

import (
	"context"
	"sync/atomic"
	"time"
)

// Shared is an Index that several processes share, such as one in a database. An answer never fails
// because of it: while it is in trouble a Memory stands in its place, which holds what it could not be
// told. It is safe for concurrent use if the index is.
type Shared struct {
	index  Index
	memory *Memory
	fault  func(act string, err error)
	now    func() time.Time
	until  atomic.Int64 // when it is asked again, in ns
}

var _ Index = (*Shared)(nil)

// How long a shared index is waited for, and how long it is left alone after a fault.
const (
	sharedPatience = time.Second
	sharedPause    = 10 * time.Second
)

// SharedOptions configure a Shared. The zero value is good.
type SharedOptions struct {
	// Fault is told of each failed act, "look_up" or "keep"; nil: nobody is.
	Fault func(act string, err error)
	Now   func() time.Time // nil is time.Now
}

// NewShared returns index with a Memory beside it.
func NewShared(index Index, o SharedOptions) *Shared {
	if o.Fault == nil {
		o.Fault = func(string, error) {}
	}
	if o.Now == nil {
		o.Now = time.Now
	}
	return &Shared{index: index, memory: NewMemory(0), fault: o.Fault, now: o.Now}
}

// Cosines implements Index. Its error is that of ctx.
func (s *Shared) Cosines(ctx context.Context, question []float32, passages []Key) (map[Key]float64, error) {
	var out map[Key]float64
	asked, err := s.ask(ctx, "look_up", func(ctx context.Context) (err error) {
		out, err = s.index.Cosines(ctx, question, passages)
		return err
	})
	if asked || err != nil {
		return out, err
	}
	return s.memory.Cosines(ctx, question, passages)
}

// Keep implements Index. Its error is that of ctx.
func (s *Shared) Keep(ctx context.Context, vectors map[Key][]float32) error {
	kept, err := s.ask(ctx, "keep", func(ctx context.Context) error { return s.index.Keep(ctx, vectors) })
	if kept || err != nil {
		return err
	}
	return s.memory.Keep(ctx, vectors)
}

// ask does something with the index, unless it is left alone, and says whether that went well. Its error
// is the caller's own, whose time is up.
func (s *Shared) ask(ctx context.Context, act string, do func(ctx context.Context) error) (bool, error) {
	if s.now().UnixNano() < s.until.Load() {
		return false, nil
	}
	bounded, cancel := context.WithTimeout(ctx, sharedPatience)
	defer cancel()
	err := do(bounded)
	if err == nil {
		return true, nil
	}
	if ctx.Err() != nil {
		return false, ctx.Err()
	}
	s.until.Store(s.now().Add(sharedPause).UnixNano())
	s.fault(act, err)
	return false, nil
}
