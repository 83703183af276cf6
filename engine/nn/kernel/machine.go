package kernel

import (
	"fmt"
	"runtime"
)

// Options of a Machine.
type Options struct {
	// Level is the instruction set to use. The zero value is Portable; pass Detect() for the best.
	Level Level
	// Threads is how many goroutines share the work, the caller's included. 0 means GOMAXPROCS.
	Threads int
}

// Machine is an instruction set with a pool of workers.
type Machine struct {
	level Level
	pool  pool
}

// NewMachine checks that the CPU has the level and starts the workers. Close ends them.
func NewMachine(o Options) (*Machine, error) {
	if o.Level < Portable || o.Level > Detect() {
		return nil, fmt.Errorf("this CPU does not run the %s kernels; its best level is %s", o.Level, Detect())
	}
	if o.Threads < 0 {
		return nil, fmt.Errorf("threads must be 0 or more, got %d", o.Threads)
	}
	if o.Threads == 0 {
		o.Threads = runtime.GOMAXPROCS(0)
	}
	m := &Machine{level: o.Level}
	m.pool.start(o.Threads)
	return m, nil
}

// Close ends the workers and waits for them. It may be called twice. A closed
// Machine still works, on the caller's goroutine alone.
func (m *Machine) Close() { m.pool.stop() }

// Level tells which instruction set the Machine uses.
func (m *Machine) Level() Level { return m.level }

// Threads tells how many goroutines share the work.
func (m *Machine) Threads() int { return m.pool.threads }
