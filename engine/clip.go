package engine

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"math"
	"os"
	"slices"
	"sync"

	"stylesprint/engine/hub"
	"stylesprint/engine/nn"
	"stylesprint/engine/nn/arch/clip"
	"stylesprint/engine/nn/kernel"
	"stylesprint/engine/picture"
	"stylesprint/engine/tokenize"
)

// CLIP is an open pair of encoders of pictures and texts into one space. Calls
// take turns.
type CLIP struct {
	info      Info
	machine   *kernel.Machine
	model     *clip.Model
	tokenizer tokenize.Tokenizer
	processor picture.Processor

	turn    chan struct{} // holds one value while nobody computes
	state   *clip.State   // guarded by turn
	tokens  []int32       // guarded by turn
	lengths []int         // guarded by turn

	mu      sync.Mutex
	calls   sync.WaitGroup // Add is guarded by mu
	closing bool
}

// TextVector is a text as CLIP sees it.
type TextVector struct {
	Vector []float32 // of unit length
	Tokens int       // that the model read, the marks of beginning and end included
	// Cut is how many tokens at the end were not read because the text was too long. The
	// mark of the end is always read.
	Cut int
}

// OpenCLIP loads a Hugging Face folder of a CLIPModel: see OpenCLIPFS for the files.
// Here the weights may be in shards, too.
func OpenCLIP(ctx context.Context, path string, o Options) (*CLIP, error) {
	c, err := openCLIPFolder(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("open CLIP %s: %w", path, err)
	}
	return c, nil
}

func openCLIPFolder(ctx context.Context, path string, o Options) (*CLIP, error) {
	at, err := locate(path)
	if err != nil {
		return nil, err
	}
	if at.folder == "" {
		return nil, errors.New("a CLIP is read from a folder, not from GGUF")
	}
	hash := later(func() (string, error) { return at.hash(ctx) })
	c, err := openCLIP(ctx, os.DirFS(at.folder), o, func() (*hub.Safetensors, error) { return hub.OpenSafetensors(at.folder) })
	sum, hashErr := hash()
	switch {
	case err != nil:
		return nil, err
	case hashErr != nil:
		return nil, errors.Join(hashErr, c.Close())
	}
	c.info.Name, c.info.SHA256 = modelName(path), sum
	return c, nil
}

// OpenCLIPFS loads a CLIPModel from a folder that need not be on a disk, such as an
// embedded one. It holds, in the manner of Hugging Face,
//
//	config.json               model_type "clip", text_config, vision_config, projection_dim
//	model.safetensors         the weights, under transformers' names, in F32, F16 or BF16
//	tokenizer.json            or vocab.json with merges.txt
//	preprocessor_config.json  mean, deviation and sizes of pictures; may be missing: CLIP's own
//
// Other files are not looked at. name is what Info calls the model. The whole of
// model.safetensors is read into memory.
func OpenCLIPFS(ctx context.Context, folder fs.FS, name string, o Options) (*CLIP, error) {
	var sum [sha256.Size]byte
	c, err := openCLIP(ctx, folder, o, func() (*hub.Safetensors, error) {
		data, err := fs.ReadFile(folder, "model.safetensors")
		if err != nil {
			return nil, err
		}
		sum = sha256.Sum256(data)
		return hub.ReadSafetensors(data)
	})
	if err != nil {
		return nil, fmt.Errorf("open CLIP %s: %w", name, err)
	}
	c.info.Name, c.info.SHA256 = name, hex.EncodeToString(sum[:])
	return c, nil
}

// NewRuledCLIP makes a CLIP of the shape of ViT-B/32 whose weights follow a rule
// (clip.Ruled), for measurements: it has no tokenizer and reads tokens and pixels only.
func NewRuledCLIP(o Options) (*CLIP, error) {
	o, err := o.complete(Exact)
	if err != nil {
		return nil, err
	}
	machine, err := o.machine()
	if err != nil {
		return nil, err
	}
	c := &CLIP{machine: machine, turn: make(chan struct{}, 1)}
	config := clip.ViTB32()
	if err := c.readWeights(clip.Ruled{Config: config}, config, o); err != nil {
		machine.Close()
		return nil, err
	}
	c.info.Name = "clip-vit-b-32 by rule"
	c.turn <- struct{}{}
	return c, nil
}

// openCLIP opens everything but the name and the hash.
func openCLIP(ctx context.Context, folder fs.FS, o Options, weights func() (*hub.Safetensors, error)) (*CLIP, error) {
	o, err := o.complete(Exact)
	if err != nil {
		return nil, err
	}
	machine, err := o.machine()
	if err != nil {
		return nil, err
	}
	c := &CLIP{machine: machine, turn: make(chan struct{}, 1)}
	if err := c.read(ctx, folder, o, weights); err != nil {
		machine.Close()
		return nil, err
	}
	c.turn <- struct{}{}
	return c, nil
}

// read loads settings, words and weights.
func (c *CLIP) read(ctx context.Context, folder fs.FS, o Options, weights func() (*hub.Safetensors, error)) error {
	data, err := readSmall(folder, "config.json")
	if err != nil {
		return err
	}
	if data == nil {
		return errors.New("the folder has no config.json")
	}
	config, err := clip.ParseConfig(data)
	if err != nil {
		return err
	}
	if data, err = readSmall(folder, "preprocessor_config.json"); err != nil {
		return err
	}
	if data == nil {
		data = []byte("{}")
	}
	if c.processor, err = picture.ParseProcessor(data, config.Side); err != nil {
		return err
	}
	if c.tokenizer, err = clipTokenizer(folder); err != nil {
		return err
	}
	file, err := weights()
	if err != nil {
		return err
	}
	defer file.Close()
	if err := c.readWeights(source{ctx, file}, config, o); err != nil {
		return err
	}
	return cmp.Or(c.checkWords(config), ctx.Err())
}

func (c *CLIP) readWeights(from nn.Source, config clip.Config, o Options) error {
	loader := nn.NewLoader(c.machine, from, nn.LoaderOptions{Exact: o.Precision == Exact})
	var err error
	if c.model, err = clip.Load(c.machine, loader, config); err != nil {
		return err
	}
	c.info = Info{
		Architecture: "clip", Precision: o.Precision, CPU: c.machine.Level().String(), Parameters: loader.Parameters(),
		ContextTokens: config.Positions, Vocabulary: config.Vocabulary, Dimensions: config.Projection, ImageSide: config.Side,
	}
	if o.ContextTokens > 0 {
		c.info.ContextTokens = min(config.Positions, o.ContextTokens)
	}
	rows := max(encoderRows(c.machine.Level()), config.Positions)
	c.state = c.model.NewState(clip.StateOptions{Images: max(1, min(maxBatchImages, rows/(1+config.Patches()))), TextRows: rows})
	c.tokens, c.lengths = make([]int32, 0, rows), make([]int, 0, rows)
	return nil
}

// maxBatchImages is the most pictures that go through the model together.
const maxBatchImages = 32

// checkWords makes sure that the tokenizer marks where a text ends, in the way that the model looks for it.
func (c *CLIP) checkWords(config clip.Config) error {
	if n := c.tokenizer.VocabularySize(); n > config.Vocabulary {
		return fmt.Errorf("the tokenizer knows %d tokens, the weights %d", n, config.Vocabulary)
	}
	marks := c.tokenizer.Encode("", tokenize.Options{AddSpecial: true}).IDs
	if len(marks) != 2 {
		return fmt.Errorf("the tokenizer puts %d marks around a text; a CLIP needs one before and one after", len(marks))
	}
	if got := c.model.End(marks); got != 1 {
		return fmt.Errorf("eos_token_id %d of config.json is not the token %d that the tokenizer ends a text with", config.EndToken, marks[1])
	}
	if c.info.ContextTokens < len(marks)+1 {
		return fmt.Errorf("context tokens: want at least %d, got %d", len(marks)+1, c.info.ContextTokens)
	}
	return nil
}

// clipTokenizer reads tokenizer.json, or the two files that were before it.
func clipTokenizer(folder fs.FS) (tokenize.Tokenizer, error) {
	data, err := readSmall(folder, "tokenizer.json")
	if err != nil {
		return nil, err
	}
	if data != nil {
		return tokenize.FromJSON(data)
	}
	words, err := readSmall(folder, "vocab.json")
	if err != nil {
		return nil, err
	}
	merges, err := readSmall(folder, "merges.txt")
	if err != nil {
		return nil, err
	}
	if words == nil || merges == nil {
		return nil, errors.New("the folder has no tokenizer.json, nor vocab.json with merges.txt")
	}
	return tokenize.FromCLIPFiles(words, merges)
}

// Info describes the model.
func (c *CLIP) Info() Info { return c.info }

// LogitScale is what the model multiplies cosines by before its softmax.
func (c *CLIP) LogitScale() float64 { return math.Exp(float64(c.model.LogitScale)) }

// Close waits for running calls and frees the model. It may be called twice.
func (c *CLIP) Close() error {
	c.mu.Lock()
	c.closing = true
	c.mu.Unlock()
	c.calls.Wait()
	c.machine.Close()
	return nil
}

// enter counts a call in.
func (c *CLIP) enter() error {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.closing {
		return ErrClosed
	}
	c.calls.Add(1)
	return nil
}

// compute waits for the turn and runs f.
func (c *CLIP) compute(ctx context.Context, f func()) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-c.turn:
	}
	defer func() { c.turn <- struct{}{} }()
	f()
	return nil
}

// EncodeTexts turns texts into vectors of unit length, in order. Marks such as
// <|endoftext|> in a text are plain text. A text that is too long loses tokens before
// its end mark, as in OpenAI's tokenize(truncate=True). The vector of a text does
// not depend on the others, up to rounding. When ctx ends, so does the call, within a batch.
func (c *CLIP) EncodeTexts(ctx context.Context, texts []string) ([]TextVector, error) {
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.calls.Done()
	if c.tokenizer == nil {
		return nil, errors.New("this CLIP has no tokenizer")
	}
	out, ids := make([]TextVector, len(texts)), make([][]int32, len(texts))
	for i, text := range texts {
		ids[i] = c.tokenizer.Encode(text, tokenize.Options{AddSpecial: true}).IDs
		if cut := len(ids[i]) - c.info.ContextTokens; cut > 0 {
			end := ids[i][len(ids[i])-1]
			ids[i] = append(ids[i][:c.info.ContextTokens-1], end)
			out[i].Cut = cut
		}
		out[i].Tokens = len(ids[i])
		if err := ctx.Err(); err != nil {
			return nil, err
		}
	}
	vectors, err := c.encodeTokens(ctx, ids)
	for i, v := range vectors {
		out[i].Vector = v
	}
	return out, err
}

// EncodeTokens turns texts that are token numbers already, marks included, into
// vectors of unit length.
func (c *CLIP) EncodeTokens(ctx context.Context, texts [][]int32) ([][]float32, error) {
	for i, ids := range texts {
		if len(ids) < 1 || len(ids) > c.model.Positions {
			return nil, &RequestError{Field: "tokens", Reason: fmt.Sprintf("text %d has %d tokens; 1 to %d can be read", i+1, len(ids), c.model.Positions)}
		}
		if low, high := slices.Min(ids), slices.Max(ids); low < 0 || int(high) >= c.model.Vocabulary {
			return nil, &RequestError{Field: "tokens", Reason: fmt.Sprintf("text %d has a token that is not one of %d", i+1, c.model.Vocabulary)}
		}
	}
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.calls.Done()
	return c.encodeTokens(ctx, texts)
}

func (c *CLIP) encodeTokens(ctx context.Context, texts [][]int32) ([][]float32, error) {
	out := make([][]float32, 0, len(texts))
	for len(out) < len(texts) {
		if err := c.compute(ctx, func() { out = append(out, c.textBatch(texts[len(out):])...) }); err != nil {
			return nil, err
		}
	}
	for i, v := range out {
		if err := toUnit(v); err != nil {
			return nil, fmt.Errorf("text %d: %w", i+1, err)
		}
	}
	return out, nil
}

// CountTokens is how many tokens a text has, marks included, before it is cut.
func (c *CLIP) CountTokens(text string) int {
	return len(c.tokenizer.Encode(text, tokenize.Options{AddSpecial: true}).IDs)
}

// textBatch encodes as many texts as fit into one forward pass.
func (c *CLIP) textBatch(ids [][]int32) [][]float32 {
	c.tokens, c.lengths = c.tokens[:0], c.lengths[:0]
	for _, text := range ids {
		if len(c.tokens)+len(text) > cap(c.tokens) {
			break
		}
		c.tokens = append(c.tokens, text...)
		c.lengths = append(c.lengths, len(text))
	}
	return c.copied(c.model.Texts(c.state, clip.Batch{Tokens: c.tokens, Lengths: c.lengths}))
}

// EncodePixels turns pictures that are pixel values already, n times [3, ImageSide,
// ImageSide], into vectors of unit length.
func (c *CLIP) EncodePixels(ctx context.Context, pixels []float32) ([][]float32, error) {
	size := c.model.PixelValues()
	if len(pixels)%size != 0 {
		return nil, &RequestError{Field: "pixels", Reason: fmt.Sprintf("%d values are not whole pictures of %d", len(pixels), size)}
	}
	if err := c.enter(); err != nil {
		return nil, err
	}
	defer c.calls.Done()
	return c.encodePixels(ctx, pixels)
}

func (c *CLIP) encodePixels(ctx context.Context, pixels []float32) ([][]float32, error) {
	size, most := c.model.PixelValues(), c.state.Options().Images
	out := make([][]float32, 0, len(pixels)/size)
	for len(pixels) > 0 {
		n := min(most, len(pixels)/size)
		if err := c.compute(ctx, func() { out = append(out, c.copied(c.model.Images(c.state, pixels, n))...) }); err != nil {
			return nil, err
		}
		pixels = pixels[n*size:]
	}
	for i, v := range out {
		if err := toUnit(v); err != nil {
			return nil, fmt.Errorf("picture %d: %w", i+1, err)
		}
	}
	return out, nil
}

// copied cuts results into vectors of their own.
func (c *CLIP) copied(results []float32) [][]float32 {
	all, d := slices.Clone(results), c.info.Dimensions
	out := make([][]float32, len(all)/d)
	for i := range out {
		out[i] = all[i*d : (i+1)*d : (i+1)*d]
	}
	return out
}

// toUnit divides a vector by its length.
func toUnit(v []float32) error {
	var sum float64
	for _, x := range v {
		sum += float64(x) * float64(x)
	}
	norm := math.Sqrt(sum)
	if math.IsNaN(norm) || math.IsInf(norm, 0) || norm == 0 {
		return errors.New("the model's answer is not a vector with a direction; its weights may be damaged")
	}
	for i := range v {
		v[i] = float32(float64(v[i]) / norm)
	}
	return nil
}
