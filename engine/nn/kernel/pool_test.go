package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// marks counts how often each part runs.
type marks struct{ n []atomic.Int32 }

func (m *marks) Run(part int) { m.n[part].Add(1) }

func TestParallelRunsEachPartOnce(t *testing.T) {
	t.Parallel()
	for _, threads := range []int{1, 2, 3, 8} {
		m := testMachine(t, Portable, threads)
		for _, parts := range []int{0, 1, 2, 3, 17, 1000} {
			k := &marks{make([]atomic.Int32, parts)}
			m.Parallel(parts, k)
			for i := range k.n {
				if got := k.n[i].Load(); got != 1 {
					t.Fatalf("%d threads: part %d of %d ran %d times", threads, i, parts, got)
				}
			}
		}
	}
}

func TestParallelFromManyGoroutines(t *testing.T) {
	t.Parallel()
	m := testMachine(t, Portable, 3)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 300 {
				k := &marks{make([]atomic.Int32, 1+(g*i)%9)}
				m.Parallel(len(k.n), k)
				for p := range k.n {
					if k.n[p].Load() != 1 {
						t.Errorf("a part ran %d times", k.n[p].Load())
						return
					}
				}
				if i%50 == 0 {
					time.Sleep(2 * spinFor) // let the workers park
				}
			}
		})
	}
	wg.Wait()
}

// nested does vector maths large enough for the pool from inside a part.
type nested struct {
	m *Machine
	x [4][]float32
}

func (n *nested) Run(part int) { n.m.Add(n.x[part], n.x[part]) }

func TestVectorMathsInsideATask(t *testing.T) {
	t.Parallel()
	m := testMachine(t, Portable, 2)
	n := &nested{m: m}
	for i := range n.x {
		n.x[i] = randomFloats(1, 2*parallelFrom)
	}
	m.Parallel(len(n.x), n)
}

type panics struct{}

func (panics) Run(part int) {
	if part == 0 {
		panic("part 0")
	}
	time.Sleep(time.Millisecond)
}

func TestParallelSurvivesAPanicOfTheCaller(t *testing.T) {
	t.Parallel()
	m := testMachine(t, Portable, 1)
	func() {
		defer func() {
			if recover() == nil {
				t.Error("the panic was lost")
			}
		}()
		m.Parallel(2, panics{})
	}()
	k := &marks{make([]atomic.Int32, 5)}
	m.Parallel(5, k)
	for i := range k.n {
		if k.n[i].Load() != 1 {
			t.Fatal("the pool does not work after a panic")
		}
	}
}

// TestCloseEndsTheWorkers does not run beside other tests, because it counts goroutines.
func TestCloseEndsTheWorkers(t *testing.T) {
	before := runtime.NumGoroutine()
	for range 20 {
		m, err := NewMachine(Options{Threads: 4})
		if err != nil {
			t.Fatal(err)
		}
		m.Parallel(4, &marks{make([]atomic.Int32, 4)})
		m.Close()
		m.Close()
		k := &marks{make([]atomic.Int32, 3)}
		m.Parallel(3, k) // on the caller
		if k.n[2].Load() != 1 {
			t.Fatal("a closed machine must still work")
		}
	}
	for range 100 {
		if runtime.NumGoroutine() <= before {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Errorf("%d goroutines, %d before", runtime.NumGoroutine(), before)
}

func TestWorkersPark(t *testing.T) {
	t.Parallel()
	m := testMachine(t, Portable, 4)
	m.Parallel(4, &marks{make([]atomic.Int32, 4)})
	for range 2000 {
		parked := 0
		for _, w := range m.pool.workers {
			if w.parked.Load() {
				parked++
			}
		}
		if parked == 3 {
			return
		}
		time.Sleep(time.Millisecond)
	}
	t.Error("workers still spin long after the work is done")
}

func TestNewMachineRefuses(t *testing.T) {
	t.Parallel()
	for _, o := range []Options{{Level: Detect() + 1}, {Level: -1}, {Threads: -1}} {
		if _, err := NewMachine(o); err == nil {
			t.Errorf("%+v must be refused", o)
		}
	}
}

func TestParseLevel(t *testing.T) {
	t.Parallel()
	for l := Portable; l <= AVX512BF16; l++ {
		if got, err := ParseLevel(l.String()); err != nil || got != l {
			t.Errorf("level %q is read as %v, %v", l, got, err)
		}
	}
	if _, err := ParseLevel("sse9"); err == nil {
		t.Error("an unknown name must be refused")
	}
}
