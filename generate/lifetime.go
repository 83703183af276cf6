package generate

import (
	"sync"

	"stylesprint"
)

// lifetime counts running calls, so that closing can wait for them.
type lifetime struct {
	mu      sync.Mutex
	closed  bool
	running sync.WaitGroup
}

func (l *lifetime) enter() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.closed {
		return &stylesprint.Error{Code: stylesprint.CodeUnavailable, Message: "the model is closed"}
	}
	l.running.Add(1)
	return nil
}

func (l *lifetime) leave() { l.running.Done() }

// end refuses further calls and waits for running ones. It is false where
// another call has ended the lifetime before.
func (l *lifetime) end() bool {
	l.mu.Lock()
	first := !l.closed
	l.closed = true
	l.mu.Unlock()
	l.running.Wait()
	return first
}
