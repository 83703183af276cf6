package engine

import (
	"errors"
	"fmt"

	"stylesprint/engine/nn/kernel"
)

// Precision is the arithmetic of a model.
type Precision string

const (
	// Exact is float32 throughout: the same on every CPU up to rounding.
	Exact Precision = "exact"
	// Fast serves quantised weights as they are stored, with eight-bit
	// activations, and all other weights in bfloat16.
	Fast Precision = "fast"
)

// Options says how to run a model. The zero value is good.
type Options struct {
	// Precision defaults to Fast for a language model and to Exact for an encoder
	// and a CLIP.
	Precision Precision
	// CPU forces an instruction set: portable, avx2, avx512 or avx512bf16.
	// Defaults to the best that the machine has; one it lacks is an error.
	CPU string
	// Threads is how many cores to use. Defaults to GOMAXPROCS.
	Threads int

	// ContextTokens limits prompt plus answer of one request. Defaults to what the
	// model was made for, which is also the most.
	ContextTokens int
	// KVTokens is how many tokens of all running requests together the
	// key-value cache holds; requests beyond wait for room. Memory is taken as
	// it is needed. Defaults to twice the context, and to 16,384 at least.
	KVTokens int
	// MaxSequences is how many requests run at the same time; more wait.
	// Defaults to 16.
	MaxSequences int
	// MaxWaiting is how many requests wait at most; more are refused. Defaults to 128.
	MaxWaiting int

	// PrefixTokens is how much of the key-value cache may keep prompts that nobody reads any
	// more, so that prompts which begin alike are not read again. They make room when it is
	// needed. Defaults to half of KVTokens; -1 keeps none.
	PrefixTokens int
	// SharePrefixes lets tenants use one another's kept prompts. Then whoever measures times
	// can find out whether another tenant sent a text. Defaults to false.
	SharePrefixes bool
}

func (o Options) complete(precision Precision) (Options, error) {
	if o.Precision == "" {
		o.Precision = precision
	}
	if o.Precision != Exact && o.Precision != Fast {
		return o, fmt.Errorf("precision %q: want exact or fast", o.Precision)
	}
	for _, f := range []struct {
		name  string
		value int
	}{{"threads", o.Threads}, {"context tokens", o.ContextTokens}, {"cache tokens", o.KVTokens}, {"sequences", o.MaxSequences},
		{"waiting requests", o.MaxWaiting}} {
		if f.value < 0 {
			return o, fmt.Errorf("%s: want 0 or more, got %d", f.name, f.value)
		}
	}
	if o.PrefixTokens < -1 {
		return o, fmt.Errorf("prefix tokens: want -1 or more, got %d", o.PrefixTokens)
	}
	if o.MaxSequences == 0 {
		o.MaxSequences = 16
	}
	if o.MaxWaiting == 0 {
		o.MaxWaiting = 128
	}
	return o, nil
}

func (o Options) machine() (*kernel.Machine, error) {
	level := kernel.Detect()
	if o.CPU != "" {
		var err error
		if level, err = kernel.ParseLevel(o.CPU); err != nil {
			return nil, err
		}
	}
	return kernel.NewMachine(kernel.Options{Level: level, Threads: o.Threads})
}

// Info describes an open model.
type Info struct {
	Name         string // of the file or folder
	Architecture string // "llama", "gpt2", "gpt_neo", "bert", "clip"
	Precision    Precision
	CPU          string // the instruction set in use
	Parameters   int64  // weights; a matrix that is used twice counts once
	// ContextTokens is the limit of prompt plus answer; of an encoder, what it
	// reads of a text.
	ContextTokens int
	Vocabulary    int
	Dimensions    int    // length of an encoder's vectors; 0 for a language model
	ImageSide     int    // of the square of pixels that a CLIP reads; 0 for others
	SHA256        string // of the weight file; of several, of their hashes in order of name
}

// ErrClosed is the answer of a model after Close.
var ErrClosed = errors.New("the model is closed")

// RequestError says that a request cannot be answered as it is.
type RequestError struct {
	Field  string // "messages", "prompt", "temperature"
	Reason string
	Err    error // may be nil
}

func (e *RequestError) Error() string { return e.Field + ": " + e.Reason }

func (e *RequestError) Unwrap() error { return e.Err }

// ContextError says that a request needs more tokens than the model reads.
type ContextError struct {
	Tokens int // prompt plus the answer asked for
	Limit  int
}

func (e *ContextError) Error() string {
	return fmt.Sprintf("prompt and answer need %d tokens, the context has %d", e.Tokens, e.Limit)
}
