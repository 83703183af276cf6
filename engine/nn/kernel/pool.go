package kernel

import (
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

// Task is work cut into parts. Keep it in a struct that lives across calls, so that handing it over allocates nothing.
type Task interface {
	// Run does one part. Parts run in any order, some at the same time.
	Run(part int)
}

// job is a Task that is told which worker runs it: 0 is the caller.
type job interface {
	run(worker, part int)
}

// How long a waiting goroutine spins before it parks. The gaps between the
// layers of a decode step are shorter; everything else frees the processor.
const (
	spinFor   = 40 * time.Microsecond
	spinBatch = 24 // pauses between two looks at the clock
)

// pool runs one job at a time on the caller and threads-1 workers.
//
// state holds the generation of the job (upper 48 bits), whether workers may
// still enter it (bit 15) and how many are inside (lower 15 bits). A worker that
// wakes late finds the job closed and the caller does not wait for it.
type pool struct {
	threads int
	turn    sync.Mutex // held by the goroutine whose job runs
	state   atomic.Uint64
	_       [56]byte
	next    atomic.Int64 // first part not yet claimed
	_       [56]byte
	job     job // valid while open
	parts   int64
	task    taskJob
	rows    rowsJob
	waiting atomic.Bool
	idle    chan struct{}
	workers []*worker
	ended   sync.WaitGroup
	closed  bool // guarded by turn
	quit    atomic.Bool
}

type worker struct {
	parked atomic.Bool
	wake   chan struct{}
}

type taskJob struct{ t Task }

func (j *taskJob) run(_, part int) { j.t.Run(part) }

const (
	stateOpen  = 1 << 15
	stateCount = stateOpen - 1
	stateStep  = 1 << 16
)

func (p *pool) start(threads int) {
	p.threads = threads
	p.idle = make(chan struct{}, 1)
	for i := 1; i < threads; i++ {
		w := &worker{wake: make(chan struct{}, 1)}
		p.workers = append(p.workers, w)
		p.ended.Add(1)
		go p.work(w, i)
	}
}

func (p *pool) stop() {
	p.turn.Lock()
	defer p.turn.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	p.quit.Store(true)
	p.state.Add(stateStep)
	p.rouse(len(p.workers))
	p.ended.Wait()
}

// Parallel runs parts 0..parts-1 of t on the workers and the caller, and returns
// when all are done. It may be called from several goroutines, which then take turns.
func (m *Machine) Parallel(parts int, t Task) {
	p := &m.pool
	if parts <= 1 || p.threads == 1 {
		for i := range parts {
			t.Run(i)
		}
		return
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	p.task.t = t
	p.dispatch(parts, &p.task)
	p.task.t = nil
}

// run is Parallel for our own jobs.
func (p *pool) run(parts int, j job) {
	if parts <= 1 || p.threads == 1 {
		for i := range parts {
			j.run(0, i)
		}
		return
	}
	p.turn.Lock()
	defer p.turn.Unlock()
	p.dispatch(parts, j)
}

func (p *pool) dispatch(parts int, j job) {
	if p.closed {
		for i := range parts {
			j.run(0, i)
		}
		return
	}
	p.job, p.parts = j, int64(parts)
	p.next.Store(0)
	p.state.Store((p.state.Load()/stateStep+1)*stateStep | stateOpen)
	defer p.leave() // also when a part panics
	p.rouse(parts - 1)
	p.claim(j, 0)
}

// rouse wakes up to n workers that have parked.
func (p *pool) rouse(n int) {
	for _, w := range p.workers[:min(n, len(p.workers))] {
		if w.parked.Load() && w.parked.CompareAndSwap(true, false) {
			w.wake <- struct{}{}
		}
	}
}

// leave closes the job and waits for the workers inside it.
func (p *pool) leave() {
	p.state.And(^uint64(stateOpen))
	none := func() bool { return p.state.Load()&stateCount == 0 }
	if !p.spin(none) {
		p.waiting.Store(true)
		if !none() || !p.waiting.CompareAndSwap(true, false) {
			<-p.idle
		}
	}
	p.job = nil
}

func (p *pool) claim(j job, worker int) {
	parts := p.parts
	for {
		i := p.next.Add(1) - 1
		if i >= parts {
			return
		}
		j.run(worker, int(i))
	}
}

// work is the life of one worker.
func (p *pool) work(w *worker, index int) {
	defer p.ended.Done()
	var seen uint64 // generation last looked at
	for {
		p.await(w, seen)
		if p.quit.Load() {
			return
		}
		s := p.state.Load()
		seen = s / stateStep
		if s&stateOpen == 0 || !p.enter(s) {
			continue
		}
		p.claim(p.job, index)
		if s = p.state.Add(^uint64(0)); s&(stateOpen|stateCount) == 0 && p.waiting.CompareAndSwap(true, false) {
			p.idle <- struct{}{}
		}
	}
}

// enter counts the worker in, unless the job seen in s has closed meanwhile.
func (p *pool) enter(s uint64) bool {
	gen := s / stateStep
	for s&stateOpen != 0 && s/stateStep == gen {
		if p.state.CompareAndSwap(s, s+1) {
			return true
		}
		s = p.state.Load()
	}
	return false
}

// await returns when there is a generation after seen.
func (p *pool) await(w *worker, seen uint64) {
	fresh := func() bool { return p.state.Load()/stateStep != seen }
	if p.spin(fresh) {
		return
	}
	w.parked.Store(true)
	if fresh() && w.parked.CompareAndSwap(true, false) {
		return
	}
	<-w.wake // whoever clears parked sends exactly one
}

// spin waits for ready, giving way to other goroutines, and tells whether it came in time.
func (p *pool) spin(ready func() bool) bool {
	if ready() {
		return true
	}
	start := time.Now()
	for {
		for range spinBatch {
			pause()
			if ready() {
				return true
			}
		}
		if time.Since(start) > spinFor {
			return false
		}
		runtime.Gosched()
		if ready() {
			return true
		}
	}
}
