package engine

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"strings"
	"sync"

	"stylesprint/engine/nn"
	"stylesprint/engine/nn/arch/bert"
	"stylesprint/engine/nn/kernel"
	"stylesprint/engine/tokenize"
)

// Encoder is an open sentence encoder. Calls take turns.
type Encoder struct {
	info      Info
	machine   *kernel.Machine
	model     *bert.Model
	tokenizer tokenize.Tokenizer
	lower     bool // lower-case texts first

	turn   chan struct{} // holds one value while nobody computes
	state  *bert.State   // guarded by turn
	tokens []int32       // guarded by turn
	length []int         // guarded by turn

	mu      sync.Mutex
	calls   sync.WaitGroup // Add is guarded by mu
	closing bool
}

// Embedding is a text as a vector of unit length.
type Embedding struct {
	Vector []float32
	Tokens int // that the model read, special ones included
	// Unknown is how many of them stand for text that the vocabulary does not have:
	// the vector says nothing about it.
	Unknown int
	// Truncated says that the text was longer than the model reads.
	Truncated bool
}

// OpenEncoder loads a sentence-transformers folder.
func OpenEncoder(ctx context.Context, path string, o Options) (*Encoder, error) {
	e, err := openEncoder(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("open encoder %s: %w", path, err)
	}
	return e, nil
}

func openEncoder(ctx context.Context, path string, o Options) (*Encoder, error) {
	o, err := o.complete(Exact)
	if err != nil {
		return nil, err
	}
	at, err := locate(path)
	if err != nil {
		return nil, err
	}
	if at.folder == "" {
		return nil, errors.New("encoders are read from a folder, not from GGUF")
	}
	machine, err := o.machine()
	if err != nil {
		return nil, err
	}
	e := &Encoder{machine: machine, turn: make(chan struct{}, 1)}
	hash := later(func() (string, error) { return at.hash(ctx) })
	err = e.read(ctx, at, o)
	sum, hashErr := hash()
	if err = cmp.Or(err, hashErr); err != nil {
		machine.Close()
		return nil, err
	}
	e.info.Name, e.info.SHA256 = modelName(path), sum
	e.turn <- struct{}{}
	return e, nil
}

// read loads settings, words and weights.
func (e *Encoder) read(ctx context.Context, at location, o Options) error {
	arch, data, err := at.architecture()
	if err != nil {
		return err
	}
	if arch != "bert" {
		return fmt.Errorf("model_type %q is not supported for encoders; bert is", arch)
	}
	config, err := bert.ParseConfig(data)
	if err != nil {
		return err
	}
	settings, err := at.sentenceSettings()
	if err != nil {
		return err
	}
	words := later(at.folderTokenizer)
	modelErr := e.readWeights(ctx, at, config, o)
	e.tokenizer, err = words()
	if err = cmp.Or(modelErr, err); err != nil {
		return err
	}
	if n := e.tokenizer.VocabularySize(); n > config.Vocabulary {
		return fmt.Errorf("the tokenizer knows %d tokens, the weights %d", n, config.Vocabulary)
	}
	e.lower = settings.Lower
	limit := config.Positions
	for _, n := range []int{settings.MaxTokens, o.ContextTokens} {
		if n > 0 {
			limit = min(limit, n)
		}
	}
	rows := max(encoderRows(e.machine.Level()), limit)
	e.state = e.model.NewState(rows)
	e.tokens, e.length = make([]int32, 0, rows), make([]int, 0, rows)
	e.info.ContextTokens, e.info.Vocabulary, e.info.Dimensions = limit, config.Vocabulary, config.Width
	return nil
}

func (e *Encoder) readWeights(ctx context.Context, at location, config bert.Config, o Options) error {
	file, err := at.openWeights()
	if err != nil {
		return err
	}
	defer file.Close()
	loader := nn.NewLoader(e.machine, source{ctx, file}, nn.LoaderOptions{Exact: o.Precision == Exact})
	if e.model, err = bert.Load(e.machine, loader, config); err != nil {
		return err
	}
	e.info = Info{
		Architecture: "bert", Precision: o.Precision, CPU: e.machine.Level().String(), Parameters: loader.Parameters(),
	}
	return ctx.Err()
}

// encoderRows is how many tokens go through the model together. A batch cannot be
// cut short, so it takes a second or so at worst.
func encoderRows(level kernel.Level) int {
	if level == kernel.Portable {
		return 256
	}
	return 2048
}

// Info describes the model.
func (e *Encoder) Info() Info { return e.info }

// Close waits for running calls and frees the model. It may be called twice.
func (e *Encoder) Close() error {
	e.mu.Lock()
	e.closing = true
	e.mu.Unlock()
	e.calls.Wait()
	e.machine.Close()
	return nil
}

// enter counts a call in.
func (e *Encoder) enter() error {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.closing {
		return ErrClosed
	}
	e.calls.Add(1)
	return nil
}

// Embed turns texts into vectors, in order: the mean of the last hidden states
// of all tokens, special ones included. The vector of a text does not depend on
// the other texts, up to rounding. When ctx ends, so does Embed, within a batch.
func (e *Encoder) Embed(ctx context.Context, texts []string) ([]Embedding, error) {
	if err := e.enter(); err != nil {
		return nil, err
	}
	defer e.calls.Done()
	codes, err := e.encode(ctx, texts)
	if err != nil {
		return nil, err
	}
	out := make([]Embedding, len(texts))
	err = e.forward(ctx, codes, func(i int, hidden []float32) {
		out[i] = Embedding{Vector: make([]float32, e.model.Width), Tokens: len(codes[i].IDs), Unknown: codes[i].Unknown, Truncated: codes[i].Truncated}
		e.pool(out[i].Vector, hidden)
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// encode turns texts into tokens.
func (e *Encoder) encode(ctx context.Context, texts []string) ([]tokenize.Encoding, error) {
	codes := make([]tokenize.Encoding, len(texts))
	for i, text := range texts {
		if e.lower {
			text = strings.ToLower(text)
		}
		codes[i] = e.tokenizer.Encode(text, tokenize.Options{AddSpecial: true, MaxTokens: e.info.ContextTokens})
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	return codes, nil
}

// forward hands the last hidden states of each text to use, which must not keep
// them: a row for each token.
func (e *Encoder) forward(ctx context.Context, codes []tokenize.Encoding, use func(i int, hidden []float32)) error {
	for from := 0; from < len(codes); {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-e.turn:
		}
		n := e.batch(codes[from:], func(i int, hidden []float32) { use(from+i, hidden) })
		e.turn <- struct{}{}
		from += n
	}
	return nil
}

// batch computes as many texts as fit into one forward pass and returns their number.
func (e *Encoder) batch(codes []tokenize.Encoding, use func(i int, hidden []float32)) int {
	e.tokens, e.length = e.tokens[:0], e.length[:0]
	for _, c := range codes {
		if len(e.tokens)+len(c.IDs) > cap(e.tokens) || len(e.length) == cap(e.length) {
			break
		}
		e.tokens = append(e.tokens, c.IDs...)
		e.length = append(e.length, len(c.IDs))
	}
	hidden := e.model.Forward(e.state, bert.Batch{Tokens: e.tokens, Lengths: e.length})
	w := e.model.Width
	for i, n := range e.length {
		use(i, hidden[:n*w])
		hidden = hidden[n*w:]
	}
	return len(e.length)
}

// pool writes the mean of rows, at unit length, to v. A vector of zeros stays as it is.
func (e *Encoder) pool(v, rows []float32) {
	for i := 0; i < len(rows); i += len(v) {
		e.machine.Add(v, rows[i:i+len(v)])
	}
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	if norm := math.Sqrt(sum); norm > 0 {
		e.machine.Scale(v, float32(1/norm))
	}
}
