package kernel

// Scratch holds buffers and tasks that calls reuse, so that a call allocates
// nothing once its Scratch has grown to the largest shape. The zero value is
// ready. One call at a time may use it; a nil *Scratch is allowed and allocates.
type Scratch struct {
	workers []workspace
	linear  linearJob
	attend  attendJob
	pages   pagesJob
	gemm    gemmJob
}

// workspace is what one worker writes to.
type workspace struct {
	held   int // row block whose activations are converted, -1 for none
	f32    []float32
	bf16   []uint16
	quants []record
	scores []float32
	_      [64]byte
}

// ready gives s, or a new one, with a workspace for each worker.
func (s *Scratch) ready(m *Machine) *Scratch {
	if s == nil {
		s = new(Scratch)
	}
	if len(s.workers) < m.pool.threads {
		s.workers = make([]workspace, m.pool.threads)
	}
	return s
}
