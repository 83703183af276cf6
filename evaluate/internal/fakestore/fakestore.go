// Package fakestore is an evaluate.Store in memory, for tests: it can be made to
// fail, and it shows what was written.
//
// Key words: store, memory, fault.
package fakestore

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"sync"

	"stylesprint"
	"stylesprint/evaluate"
)

// Store keeps runs and outputs in memory. It is safe for concurrent use.
type Store struct {
	// Fault, if set, is asked before every write; its error stops the write.
	// It may block.
	Fault func(what string) error

	mu      sync.Mutex
	order   []string
	runs    map[string]evaluate.Run
	outputs map[string]map[key]evaluate.Output
}

type key struct {
	item   string
	repeat int
}

var _ evaluate.Store = (*Store)(nil)

// New returns an empty store.
func New() *Store {
	return &Store{runs: map[string]evaluate.Run{}, outputs: map[string]map[key]evaluate.Output{}}
}

func (s *Store) fault(what string) error {
	if s.Fault == nil {
		return nil
	}
	return s.Fault(what)
}

// SaveRun is evaluate.Store's.
func (s *Store) SaveRun(ctx context.Context, r evaluate.Run) error {
	if err := cmp.Or(s.fault("run"), ctx.Err()); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if _, ok := s.runs[r.ID]; !ok {
		s.order = append(s.order, r.ID)
	}
	r.Scores = slices.Clone(r.Scores)
	s.runs[r.ID] = r
	return nil
}

// Run is evaluate.Store's.
func (s *Store) Run(_ context.Context, id string) (evaluate.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.runs[id]
	if !ok {
		return r, &stylesprint.Error{Code: stylesprint.CodeNotFound, Message: fmt.Sprintf("there is no run %q", id)}
	}
	r.Scores = slices.Clone(r.Scores)
	return r, nil
}

// Runs is evaluate.Store's.
func (s *Store) Runs(_ context.Context, f evaluate.Filter) ([]evaluate.Run, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []evaluate.Run
	for _, id := range slices.Backward(s.order) {
		if s.runs[id].Parent == f.Parent && (f.Dataset == "" || s.runs[id].Dataset == f.Dataset) {
			out = append(out, s.runs[id])
		}
	}
	return out, nil
}

// SaveOutputs is evaluate.Store's.
func (s *Store) SaveOutputs(ctx context.Context, outs ...evaluate.Output) error {
	if err := cmp.Or(s.fault("outputs"), ctx.Err()); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range outs {
		if s.outputs[o.RunID] == nil {
			s.outputs[o.RunID] = map[key]evaluate.Output{}
		}
		s.outputs[o.RunID][key{o.ItemID, o.Repeat}] = o
	}
	return nil
}

// Outputs is evaluate.Store's.
func (s *Store) Outputs(ctx context.Context, runID string, yield func(evaluate.Output) error) error {
	s.mu.Lock()
	outs := make([]evaluate.Output, 0, len(s.outputs[runID]))
	for _, o := range s.outputs[runID] {
		outs = append(outs, o)
	}
	s.mu.Unlock()
	slices.SortFunc(outs, func(a, b evaluate.Output) int {
		return cmp.Or(cmp.Compare(a.ItemID, b.ItemID), cmp.Compare(a.Repeat, b.Repeat))
	})
	for _, o := range outs {
		if err := cmp.Or(ctx.Err(), yield(o)); err != nil {
			return err
		}
	}
	return nil
}

// All returns a run's outputs in order.
func (s *Store) All(runID string) []evaluate.Output {
	var out []evaluate.Output
	_ = s.Outputs(context.Background(), runID, func(o evaluate.Output) error {
		out = append(out, o)
		return nil
	})
	return out
}
