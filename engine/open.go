package engine

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"stylesprint/engine/hub"
	"stylesprint/engine/nn"
	"stylesprint/engine/nn/arch/llama"
	"stylesprint/engine/nn/kernel"
)

// OpenLanguageModel loads a GGUF file or a Hugging Face folder.
func OpenLanguageModel(ctx context.Context, path string, o Options) (*LanguageModel, error) {
	m, err := openLanguageModel(ctx, path, o)
	if err != nil {
		return nil, fmt.Errorf("open model %s: %w", path, err)
	}
	return m, nil
}

func openLanguageModel(ctx context.Context, path string, o Options) (*LanguageModel, error) {
	o, err := o.complete(Fast)
	if err != nil {
		return nil, err
	}
	at, err := locate(path)
	if err != nil {
		return nil, err
	}
	machine, err := o.machine()
	if err != nil {
		return nil, err
	}
	hash := later(func() (string, error) { return at.hash(ctx) })
	m, err := readLanguageModel(ctx, at, machine, o)
	sum, hashErr := hash()
	if err = cmp.Or(err, hashErr); err == nil {
		m.info.Name, m.info.SHA256 = modelName(path), sum
		err = m.start(o)
	}
	if err != nil {
		machine.Close()
		return nil, err
	}
	return m, nil
}

func modelName(path string) string {
	if abs, err := filepath.Abs(path); err == nil {
		path = abs
	}
	base := filepath.Base(path)
	if strings.EqualFold(filepath.Ext(base), ".gguf") {
		base = base[:len(base)-len(".gguf")]
	}
	return base
}

// readLanguageModel reads weights and vocabulary side by side.
func readLanguageModel(ctx context.Context, at location, machine *kernel.Machine, o Options) (*LanguageModel, error) {
	var file weightFile
	var words func() (*vocabulary, error)
	var config func() (llama.Config, error)
	names := llama.HuggingFace()
	if at.gguf != "" {
		g, err := hub.OpenGGUF(at.gguf)
		if err != nil {
			return nil, err
		}
		if a := g.Architecture(); a != "llama" {
			g.Close()
			return nil, fmt.Errorf("architecture %q is not supported for language models; llama is", a)
		}
		file, names = g, llama.GGUF()
		words = later(func() (*vocabulary, error) { return ggufVocabulary(g.Metadata) })
		config = func() (llama.Config, error) { return ggufConfig(g) }
	} else {
		arch, data, err := at.architecture()
		if err != nil {
			return nil, err
		}
		if arch != "llama" {
			return nil, fmt.Errorf("model_type %q is not supported for language models; llama is", arch)
		}
		s, err := hub.OpenSafetensors(at.folder)
		if err != nil {
			return nil, err
		}
		file = s
		words = later(at.folderVocabulary)
		config = func() (llama.Config, error) { return llama.ParseConfig(data) }
	}
	defer file.Close()
	m := &LanguageModel{machine: machine}
	err := m.readWeights(ctx, file, config, names, o)
	var wordsErr error
	m.words, wordsErr = words()
	if err = cmp.Or(err, wordsErr); err != nil {
		return nil, err
	}
	if n := m.words.tokenizer.VocabularySize(); n > m.model.Vocabulary {
		return nil, fmt.Errorf("the tokenizer knows %d tokens, the weights %d", n, m.model.Vocabulary)
	}
	return m, nil
}

func ggufConfig(g *hub.GGUF) (llama.Config, error) {
	names := llama.GGUF()
	table, ok := g.Tensor(names.Embedding)
	if !ok {
		return llama.Config{}, fmt.Errorf("tensor %s is missing", names.Embedding)
	}
	_, untied := g.Tensor(names.Head)
	return llama.ConfigFromGGUF(g.Metadata, table.Rows(), !untied)
}

func (m *LanguageModel) readWeights(ctx context.Context, file weightFile, config func() (llama.Config, error), names llama.Names, o Options) error {
	c, err := config()
	if err != nil {
		return err
	}
	m.limit = c.Context
	if o.ContextTokens > 0 && o.ContextTokens < m.limit {
		m.limit = o.ContextTokens
	}
	loader := nn.NewLoader(m.machine, source{ctx, file}, nn.LoaderOptions{Exact: o.Precision == Exact})
	m.model, err = llama.Load(m.machine, loader, c, names, m.limit)
	if err != nil {
		return err
	}
	m.info = Info{
		Architecture: "llama", Precision: o.Precision, CPU: m.machine.Level().String(),
		Parameters: loader.Parameters(), Vocabulary: c.Vocabulary,
	}
	return ctx.Err()
}

// architecture reads model_type of config.json, and the whole of it.
func (l location) architecture() (string, []byte, error) {
	data, err := l.readSmall("config.json")
	if err != nil {
		return "", nil, err
	}
	var c struct {
		ModelType string `json:"model_type"`
	}
	return c.ModelType, data, l.readJSON("config.json", &c)
}

// start sizes the cache and starts the scheduler.
func (m *LanguageModel) start(o Options) error {
	tokens := o.KVTokens
	if tokens == 0 {
		tokens = max(2*m.limit, 16384)
	}
	pages := nn.PagesFor(tokens)
	m.limit = min(m.limit, pages*kernel.PageTokens)
	m.info.ContextTokens = m.limit
	format := kernel.BF16
	if o.Precision == Exact {
		format = kernel.F32
	}
	sched, err := newScheduler(m.machine, m.model, schedulerOptions{
		rows: stepRows(m.machine.Level()), sequences: o.MaxSequences,
		cache: kernel.PagesOptions{Layers: m.model.Layers, Heads: m.model.KVHeads, Dim: m.model.HeadDim, Pages: pages, Format: format},
	})
	if err != nil {
		return err
	}
	m.sched = sched
	go sched.run()
	return nil
}

// stepRows is how many tokens a step reads at most. A step cannot be cut
// short, so it takes a second or so at worst.
func stepRows(level kernel.Level) int {
	switch level {
	case kernel.Portable:
		return 16
	case kernel.AVX2:
		return 256
	}
	return 512
}
