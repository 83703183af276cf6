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
	held     int       // what packed or converted operands are here, -1 for none
	f32      []float32 // rows of activations
	bf16     []uint16  // the same, or probabilities and queries
	quants   []record
	scores   []float32 // attention: scores or probabilities
	sums     []float32 // attention: values weighted so far
	packed   []float32 // attention: panels of keys
	packed16 []uint16  // attention: panels of keys and values
	stage    []float32 // a panel before it becomes bfloat16
	_        [64]byte
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
