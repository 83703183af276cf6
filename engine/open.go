package engine

import (
	"cmp"
	"context"
	"fmt"
	"path/filepath"
	"strings"

	"stylesprint/engine/hub"
	"stylesprint/engine/nn"
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
	open := openFolder
	if at.gguf != "" {
		open = openGGUF
	}
	parts, err := open(at)
	if err != nil {
		return nil, err
	}
	defer parts.file.Close()
	words := later(parts.words)
	m := &LanguageModel{machine: machine}
	err = m.readWeights(ctx, parts, o)
	var wordsErr error
	m.words, wordsErr = words()
	if err = cmp.Or(err, wordsErr); err != nil {
		return nil, err
	}
	if n := m.words.tokenizer.VocabularySize(); n > m.model.vocabulary {
		return nil, fmt.Errorf("the tokenizer knows %d tokens, the weights %d", n, m.model.vocabulary)
	}
	return m, nil
}

// languageParts are the open parts of a model.
type languageParts struct {
	file  weightFile
	arch  func() (architecture, error)
	words func() (*vocabulary, error)
}

func openGGUF(at location) (languageParts, error) {
	g, err := hub.OpenGGUF(at.gguf)
	if err != nil {
		return languageParts{}, err
	}
	if a := g.Architecture(); a != "llama" {
		g.Close()
		return languageParts{}, fmt.Errorf("architecture %q is not supported for language models in GGUF; llama is", a)
	}
	return languageParts{
		file: g, words: func() (*vocabulary, error) { return ggufVocabulary(g.Metadata) },
		arch: func() (architecture, error) { return ggufArchitecture(g) },
	}, nil
}

func openFolder(at location) (languageParts, error) {
	name, config, err := at.architecture()
	if err != nil {
		return languageParts{}, err
	}
	parse, err := folderArchitecture(name)
	if err != nil {
		return languageParts{}, err
	}
	s, err := at.openWeights()
	if err != nil {
		return languageParts{}, err
	}
	return languageParts{file: s, words: at.folderVocabulary, arch: func() (architecture, error) { return parse(config) }}, nil
}

func (m *LanguageModel) readWeights(ctx context.Context, parts languageParts, o Options) error {
	a, err := parts.arch()
	if err != nil {
		return err
	}
	m.limit = a.context
	if o.ContextTokens > 0 && o.ContextTokens < m.limit {
		m.limit = o.ContextTokens
	}
	loader := nn.NewLoader(m.machine, source{ctx, parts.file}, nn.LoaderOptions{Exact: o.Precision == Exact})
	if m.model, err = a.load(m.machine, loader, m.limit); err != nil {
		return err
	}
	m.info = Info{
		Architecture: a.name, Precision: o.Precision, CPU: m.machine.Level().String(),
		Parameters: loader.Parameters(), Vocabulary: m.model.vocabulary,
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
	kept := pages / 2
	if o.PrefixTokens != 0 {
		kept = min(pages, max(0, o.PrefixTokens)/kernel.PageTokens)
	}
	m.sharePrefixes = o.SharePrefixes
	sched, err := newScheduler(m.machine, m.model, schedulerOptions{
		rows: stepRows(m.machine.Level()), sequences: o.MaxSequences, queue: o.MaxWaiting, prefixes: kept,
		cache: kernel.PagesOptions{Layers: m.model.layers, Heads: m.model.kvHeads, Dim: m.model.headDim, Pages: pages, Format: format},
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
