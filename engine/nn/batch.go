package nn

import "stylesprint/engine/nn/kernel"

// Batch is the input of one step of a language model: the new tokens of some
// sequences, one sequence after another.
type Batch struct {
	Tokens    []int32
	Positions []int32          // of each token within its sequence
	Segments  []kernel.Segment // one for each sequence; their rows add up to len(Tokens)
	Wanted    []int32          // rows whose logits will be asked for, ascending
}

// Reset empties the batch and keeps its memory.
func (b *Batch) Reset() {
	b.Tokens, b.Positions, b.Segments, b.Wanted = b.Tokens[:0], b.Positions[:0], b.Segments[:0], b.Wanted[:0]
}

// StateOptions are the largest shapes of a language model's state.
type StateOptions struct {
	Rows   int // of a batch
	Logits int // rows of one call of Logits
}

// Gather moves rows to the front; their numbers ascend.
func Gather(x []float32, width int, rows []int32) {
	for to, from := range rows {
		if int(from) != to {
			copy(x[to*width:(to+1)*width], x[int(from)*width:])
		}
	}
}

// ParseActivation finds the function that a Hugging Face config names.
func ParseActivation(name string) (kernel.Activation, bool) {
	switch name {
	case "gelu":
		return kernel.GELU, true
	case "gelu_new", "gelu_pytorch_tanh", "gelu_fast": // one formula in three spellings
		return kernel.GELUTanh, true
	case "silu", "swish":
		return kernel.SiLU, true
	}
	return kernel.None, false
}
