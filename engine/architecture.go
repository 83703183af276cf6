package engine

import (
	"fmt"
	"strings"

	"stylesprint/engine/hub"
	"stylesprint/engine/nn"
	"stylesprint/engine/nn/arch/gpt"
	"stylesprint/engine/nn/arch/gpt2"
	"stylesprint/engine/nn/arch/gptneo"
	"stylesprint/engine/nn/arch/llama"
	"stylesprint/engine/nn/kernel"
)

// decoder is a language model with the buffers of one caller.
type decoder interface {
	// Forward reads the batch, stores its keys and values in the pages, and keeps
	// the last hidden states of the wanted rows.
	Forward(p *kernel.Pages, b *nn.Batch)
	// Logits computes the logits of the wanted rows [from, to) of the last Forward. The
	// result is [to-from, vocabulary] and valid until the next call.
	Logits(from, to int) []float32
}

var (
	_ decoder = (*llama.State)(nil)
	_ decoder = (*gpt.State)(nil)
)

// network is the weights of a language model, whatever its architecture.
type network struct {
	vocabulary, layers, kvHeads, headDim int
	newState                             func(nn.StateOptions) decoder
}

// architecture is a model's config, ready to read its weights.
type architecture struct {
	name    string
	context int // positions that the model was made for
	// load reads the weights. positions is how many of context will be used.
	load func(m *kernel.Machine, l *nn.Loader, positions int) (network, error)
}

// folderArchitecture finds the reader of config.json by its model_type.
func folderArchitecture(modelType string) (func(config []byte) (architecture, error), error) {
	known := []struct {
		modelType string
		parse     func(config []byte) (architecture, error)
	}{{"llama", llamaArchitecture}, {"gpt2", gpt2Architecture}, {"gpt_neo", gptNeoArchitecture}}
	var names []string
	for _, k := range known {
		if k.modelType == modelType {
			return k.parse, nil
		}
		names = append(names, k.modelType)
	}
	return nil, fmt.Errorf("model_type %q is not supported for language models; %s are", modelType, strings.Join(names, ", "))
}

func llamaArchitecture(config []byte) (architecture, error) {
	c, err := llama.ParseConfig(config)
	return llamaOf(c, llama.HuggingFace()), err
}

func ggufArchitecture(g *hub.GGUF) (architecture, error) {
	names := llama.GGUF()
	table, ok := g.Tensor(names.Embedding)
	if !ok {
		return architecture{}, fmt.Errorf("tensor %s is missing", names.Embedding)
	}
	_, untied := g.Tensor(names.Head)
	c, err := llama.ConfigFromGGUF(g.Metadata, table.Rows(), !untied)
	return llamaOf(c, names), err
}

func llamaOf(c llama.Config, names llama.Names) architecture {
	return architecture{name: "llama", context: c.Context, load: func(m *kernel.Machine, l *nn.Loader, positions int) (network, error) {
		model, err := llama.Load(m, l, c, names, positions)
		if err != nil {
			return network{}, err
		}
		return network{
			vocabulary: c.Vocabulary, layers: c.Layers, kvHeads: c.KVHeads, headDim: c.HeadDim,
			newState: func(o nn.StateOptions) decoder { return model.NewState(o) },
		}, nil
	}}
}

func gpt2Architecture(config []byte) (architecture, error) {
	c, err := gpt2.ParseConfig(config)
	return gptOf("gpt2", c.Config, func(m *kernel.Machine, l *nn.Loader) (*gpt.Model, error) { return gpt2.Load(m, l, c) }), err
}

func gptNeoArchitecture(config []byte) (architecture, error) {
	c, err := gptneo.ParseConfig(config)
	return gptOf("gpt_neo", c.Config, func(m *kernel.Machine, l *nn.Loader) (*gpt.Model, error) { return gptneo.Load(m, l, c) }), err
}

func gptOf(name string, c gpt.Config, load func(*kernel.Machine, *nn.Loader) (*gpt.Model, error)) architecture {
	return architecture{name: name, context: c.Context, load: func(m *kernel.Machine, l *nn.Loader, _ int) (network, error) {
		model, err := load(m, l)
		if err != nil {
			return network{}, err
		}
		return network{
			vocabulary: c.Vocabulary, layers: c.Layers, kvHeads: c.Heads, headDim: c.HeadDim(),
			newState: func(o nn.StateOptions) decoder { return model.NewState(o) },
		}, nil
	}}
}
