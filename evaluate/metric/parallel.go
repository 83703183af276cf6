package metric

import (
	"context"
	"fmt"
	"runtime"
	"sync"
)

// parallelChunk is how many samples a goroutine takes at a time.
const parallelChunk = 128

// parallel runs do for 0..n-1 on all processors and waits. Each goroutine makes
// one state for itself, such as a counter. It stops early when ctx ends.
func parallel[S any](ctx context.Context, n int, state func() S, do func(s S, i int)) error {
	chunk := max(1, min(parallelChunk, n/runtime.GOMAXPROCS(0)))
	chunks := make(chan int)
	var wg sync.WaitGroup
	for range min(runtime.GOMAXPROCS(0), (n+chunk-1)/chunk) {
		wg.Go(func() {
			s := state()
			for from := range chunks {
				for i := from; i < min(from+chunk, n); i++ {
					do(s, i)
				}
			}
		})
	}
	for from := 0; from < n && ctx.Err() == nil; from += chunk {
		chunks <- from
	}
	close(chunks)
	wg.Wait()
	return ctx.Err()
}

// needReferences is the error of a metric that compares, if a sample has nothing
// to be compared with.
func needReferences(name string, samples []Sample) error {
	for i := range samples {
		if len(samples[i].References) == 0 {
			return noReference(name, i)
		}
	}
	return nil
}

// text is what a metric reads: nothing where the call failed.
func (s *Sample) text() string {
	if s.Missing {
		return ""
	}
	return s.Hypothesis
}

func scoring(name string, err error) error {
	if err == nil {
		return nil
	}
	return fmt.Errorf("score %s: %w", name, err)
}
