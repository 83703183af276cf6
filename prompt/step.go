package prompt

import (
	"context"
	"sync"

	"stylesprint"
)

// Step turns one value into another. Chains, retrieval and plain functions are steps, and Then
// joins them. A step is safe for concurrent use if what it is made of is.
type Step[In, Out any] func(ctx context.Context, in In) (Out, error)

// Then is a step that does one step after another. It ends at the first error, which comes as it is,
// and when ctx ends between them.
func Then[A, B, C any](first Step[A, B], second Step[B, C]) Step[A, C] {
	return func(ctx context.Context, in A) (C, error) {
		var out C
		middle, err := first(ctx, in)
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return out, err
		}
		return second(ctx, middle)
	}
}

// Step is the chain as a step: the values of its template in, what its parser made out. A Meter
// around the chain's Model counts what it spends.
func (c Chain[T]) Step() Step[map[string]string, T] {
	return func(ctx context.Context, values map[string]string) (T, error) {
		out, err := c.Run(ctx, values)
		return out.Value, err
	}
}

// As is a step that makes a text the value of one variable, beside fixed ones: the end of one
// chain, and the beginning of the next.
func As(variable string, fixed map[string]string) Step[string, map[string]string] {
	return func(_ context.Context, text string) (map[string]string, error) {
		values := make(map[string]string, len(fixed)+1)
		for k, v := range fixed {
			values[k] = v
		}
		values[variable] = text
		return values, nil
	}
}

// Result is what one input of a batch led to.
type Result[T any] struct {
	Value T
	Err   error
}

// Batch runs a step over all inputs, at most so many at a time (1 where parallel is less). The results are
// in the order of the inputs; one that fails does not stop the others. When ctx ends, inputs that were
// not begun get its error. Batch returns after all of its goroutines have ended.
func Batch[In, Out any](ctx context.Context, s Step[In, Out], inputs []In, parallel int) []Result[Out] {
	results := make([]Result[Out], len(inputs))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(max(parallel, 1), len(inputs)) {
		workers.Go(func() {
			for i := range next {
				results[i].Value, results[i].Err = s(ctx, inputs[i])
			}
		})
	}
	for i := range inputs {
		if ctx.Err() == nil {
			select {
			case next <- i:
				continue
			case <-ctx.Done():
			}
		}
		results[i].Err = ctx.Err()
	}
	close(next)
	workers.Wait()
	return results
}

// Meter adds up what models spend. The zero value is ready; it is safe for concurrent use.
type Meter struct {
	mu    sync.Mutex
	calls int
	usage stylesprint.Usage
	cost  stylesprint.Money
}

// Model is a model whose calls are counted, also those that fail after tokens were spent.
func (m *Meter) Model(next Model) Model {
	return func(ctx context.Context, messages []stylesprint.Message) (stylesprint.Reply, error) {
		reply, err := next(ctx, messages)
		m.mu.Lock()
		defer m.mu.Unlock()
		m.calls++
		m.usage, m.cost = m.usage.Add(reply.Usage), m.cost+reply.Cost
		return reply, err
	}
}

// Total is the number of calls so far, their tokens and their cost.
func (m *Meter) Total() (calls int, usage stylesprint.Usage, cost stylesprint.Money) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.calls, m.usage, m.cost
}
